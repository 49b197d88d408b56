"""L-BFGS in plain tensor operations, for probes that let an answer learn.

It asks for no learning rate, so an answer may work in pixels or in units of the image. Not torch.optim: what its first
use imports takes longer than all checks of an exercise.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

__all__ = ["minimise"]

MEMORY, TRIES = 20, 12


def minimise(
    loss: Callable[[], Tensor], parameters: Sequence[Tensor], evaluations: int, good: float, stride: float = math.inf
) -> float:
    """Change `parameters` in place to make `loss()` small, and return the last loss.

    Args:
        loss: deterministic function of the parameters, a scalar with gradient.
        evaluations: of the loss and its gradient, at most about so many.
        good: a loss at which to stop; it also stops where nothing is gained any more.
        stride: the most that one step may change any parameter.
    Source: Nocedal and Wright, Numerical Optimization, algorithms 7.4 and 3.1.
    """
    point = torch.cat([p.detach().flatten() for p in parameters])
    value, slope = _evaluate(loss, parameters, point)
    pairs: deque[tuple[Tensor, Tensor, float]] = deque(maxlen=MEMORY)
    plain, idle = 1.0 / float(slope.abs().sum() + 1e-12), 0
    while evaluations > 0 and value > good and idle < 5:
        direction = _precondition(slope, pairs).neg_()
        if (descent := float(direction @ slope)) == 0:
            break
        rate = 1.0 if pairs else plain
        if stride < math.inf:
            rate = min(rate, stride / float(direction.abs().max()))
        for _ in range(TRIES):
            point_ahead = torch.add(point, direction, alpha=rate)
            ahead, slope_ahead = _evaluate(loss, parameters, point_ahead)
            evaluations -= 1
            if ahead <= value + 1e-4 * rate * descent:
                break
            rate /= 4
        else:
            if not pairs:
                break  # not even along the gradient
            pairs.clear()
            continue
        step, change = direction.mul_(rate), slope_ahead - slope
        if (grown := float(step @ change)) > 1e-10 * float(change @ change):
            pairs.append((step, change, grown))
        else:
            plain = 4 * rate  # the slope grows steeper: nothing to learn from but to be bolder
        idle = idle + 1 if ahead > (1 - 1e-5) * value else 0
        point, value, slope = point_ahead, ahead, slope_ahead
    _put(parameters, point)
    return value


def _evaluate(loss: Callable[[], Tensor], parameters: Sequence[Tensor], point: Tensor) -> tuple[float, Tensor]:
    _put(parameters, point)
    for parameter in parameters:
        parameter.grad = None
    value = loss()
    value.backward()
    return float(value.detach()), torch.cat(
        [(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in parameters]
    )


def _put(parameters: Sequence[Tensor], point: Tensor) -> None:
    with torch.no_grad():
        for parameter, part in zip(parameters, point.split([p.numel() for p in parameters]), strict=True):
            parameter.copy_(part.view_as(parameter))


def _precondition(slope: Tensor, pairs: Sequence[tuple[Tensor, Tensor, float]]) -> Tensor:
    """Return the inverse Hessian, as far as the last steps tell it, times the slope: the two-loop recursion.

    In place, for a network may have millions of parameters: each pass over them costs what a small network does.
    """
    weights, result = [], slope.clone()
    for step, change, grown in reversed(pairs):
        weights.append(float(step @ result) / grown)
        result.sub_(change, alpha=weights[-1])
    if pairs:
        _, change, grown = pairs[-1]
        result *= grown / float(change @ change)
    for (step, change, grown), weight in zip(pairs, reversed(weights), strict=True):
        result.add_(step, alpha=weight - float(change @ result) / grown)
    return result
