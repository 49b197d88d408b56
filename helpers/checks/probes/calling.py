"""Probes that many questions share: call an answer, or take the gradient of a loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

__all__ = ["calling", "differentiating", "gradient", "weighted_sum"]


def calling(*names: str) -> Callable[..., Any]:
    """Return a probe that calls an answer with the inputs `names`, in this order: its value, and what it changed.

    An input that is not given is left out, so that the answer's default counts.
    """

    def probe(answer: Any, memory: dict[str, Any], **inputs: Any) -> dict[str, Any]:
        before = {name: _copy(value) for name, value in inputs.items()}
        value = answer(*_arguments(names, inputs))
        return {"value": value, "changed": _changed(before, inputs)}

    return probe


def differentiating(*names: str) -> Callable[..., Any]:
    """Return a probe that calls an answer and takes the gradient in the first input of its value, or of a sum over it.

    The sum is weighted, so that no two neighbours of a value can stand for each other. `gradient` is None where the
    value does not depend on that input. The answer gets what a network's output is, a tensor that depends on others:
    one that it writes into is found changed, and does not raise as a parameter would.
    """

    def probe(answer: Any, memory: dict[str, Any], **inputs: Any) -> dict[str, Any]:
        before = {name: _copy(value) for name, value in inputs.items()}
        leaf = inputs[names[0]].requires_grad_()
        with torch.enable_grad():
            inputs[names[0]] = leaf.clone()
            value = answer(*_arguments(names, inputs))
            found = gradient(value, leaf)
        return {"value": value, "gradient": found, "changed": _changed(before, inputs)}

    return probe


def gradient(value: Any, first: Tensor) -> Tensor | None:
    """Return the gradient in `first` of the weighted sum over a value, None where it does not depend on it.

    Not what stands in `first.grad` after backward(), which a hook may write.
    """
    if not isinstance(value, Tensor) or not value.requires_grad:
        return None
    return torch.autograd.grad(weighted_sum(value), first, allow_unused=True)[0]


def weighted_sum(value: Tensor) -> Tensor:
    """Return the sum of `value` under the weights 1, 7/8, ... 1/4, 1, ...: a scalar as it is."""
    weights = (1 - torch.arange(value.numel()) % 7 / 8).to(value).view(value.shape)
    return (value * weights).sum()


def _arguments(names: tuple[str, ...], inputs: Mapping[str, Any]) -> list[Any]:
    """Return the inputs in the order of `names`; a list is the tuple that it was before it crossed."""
    given = [inputs[name] for name in names if name in inputs]
    return [tuple(value) if isinstance(value, list) else value for value in given]


def _copy(value: Any) -> Any:
    return value.detach().clone() if isinstance(value, Tensor) else value


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return the names of the tensors that are not what they were, NaN counted as equal to NaN."""
    return [name for name, old in before.items() if isinstance(old, Tensor) and not _equal(old, after[name].detach())]


def _equal(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and bool(((a == b) | ((a != a) & (b != b))).all())
