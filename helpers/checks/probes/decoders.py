"""Probes of decoders: they run beside the student's code and return values only.

The decoder under test stands in `memory` from `build` on. A decoder gets a list of feature maps, high resolution first.
"""

from __future__ import annotations

import contextlib
import inspect
import sys
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from helpers.checks.probes.poses import settle_batch_norms

__all__ = ["build", "count_parameters", "coarse", "predict", "predict_alone", "reach", "steps_up", "stir", "train"]

WEIGHTED = (torch.conv2d, torch.conv_transpose2d, F.linear)  # input, weight, bias, and for the first two the stride


BOUNDED = (
    torch.tanh, torch.sigmoid, Tensor.tanh, Tensor.sigmoid, torch.tanh_, torch.sigmoid_, Tensor.tanh_, Tensor.sigmoid_,
    F.tanh, F.sigmoid, F.hardtanh, F.hardsigmoid, F.relu6, F.softsign,
)  # fmt: skip


class Unbounded(TorchFunctionMode):
    """Has every nonlinearity that is flat on both sides replaced by one that goes on for ever on either."""

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func not in BOUNDED:
            return func(*args, **kwargs)
        return F.leaky_relu(args[0] if args else kwargs["input"], 0.2)


class Watch(TorchFunctionMode):
    """Sees the convolutions of a forward pass, by whatever module or function they are called.

    `weights` are those that they used, `doublings` what each transposed convolution of stride 2 got and gave. With
    `even_out` every weight and its bias are scaled so that the result's standard deviation is 1: then deep stages can
    be seen in the output, however many layers without normalisation lie between. What stands in `instead` by its number
    is handed on in place of what that doubling gave.
    """

    def __init__(self, even_out: bool = False, instead: Mapping[int, Tensor] | None = None) -> None:
        super().__init__()
        self.even_out, self.instead = even_out, instead or {}
        self.weights: list[Tensor] = []
        self.doublings: list[tuple[Tensor, Tensor]] = []

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if func not in WEIGHTED:
            return result
        given: list[Any] = [
            args[place] if len(args) > place else kwargs.get(name)
            for place, name in ((1, "weight"), (2, "bias"), (3, "stride"))
        ]
        weight, bias, stride = given
        self.weights.append(weight)
        if func is torch.conv_transpose2d and (stride if isinstance(stride, int) else set(stride or (1,))) in (2, {2}):
            result = self.instead.get(len(self.doublings), result)
            self.doublings.append(((args[0] if args else kwargs["input"]).clone(), result))
            result = result.clone()  # what follows may work in place
        return self._evened(result, weight, bias) if self.even_out else result

    def _evened(self, result: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        size = float(result.std())
        if not isinstance(weight, nn.Parameter) or not 1e-30 < size < 1e30:  # computed weights cannot be scaled
            return result
        for parameter in (weight, bias):
            if isinstance(parameter, nn.Parameter):
                parameter.div_(size)
        return result / size


def build(
    answer: Any, memory: dict[str, Any], *, seed: int, encoder_channels: list[int], num_classes: int, beside: str = ""
) -> dict[str, Any]:
    """Return facts about a freshly built decoder, which stays in `memory`.

    With `beside` it is one of the class of this name where the answer was defined.
    """
    torch.manual_seed(seed)
    decoder = (_defined_beside(answer, beside) if beside else answer)(encoder_channels, num_classes)
    if not isinstance(decoder, nn.Module):
        return {"module": False}
    memory["decoder"] = decoder
    parameters = list(decoder.parameters())
    memory["known"] = {id(p): p for p in parameters}
    return {"module": True, "lazy": any(isinstance(p, nn.parameter.UninitializedParameter) for p in parameters)}


def stir(answer: Any, memory: dict[str, Any], *, features: list[Tensor]) -> dict[str, Any]:
    """Shake all weights, even out what they do and show a batch: layers that start at zero come alive, deep stages can
    be seen, and batch norms have seen data."""
    decoder = memory["decoder"].train()
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
        with Watch(even_out=True):
            decoder([*features])
    settle_batch_norms(decoder, [*features])
    return {}


def predict(answer: Any, memory: dict[str, Any], *, features: list[Tensor], unbounded: bool = False) -> dict[str, Any]:
    """Return the logits in eval mode, and whether the list of features or its maps came out changed.

    Whatever is drawn in forward is drawn the same in every call: only `predict_alone` looks for such things. With
    `unbounded` no nonlinearity is flat for very large maps.
    """
    torch.manual_seed(0)
    given, before = [*features], [maps.clone() for maps in features]
    with torch.no_grad(), Unbounded() if unbounded else contextlib.nullcontext():
        logits = memory["decoder"].eval()(given)
    same_list = len(given) == len(features) and all(a is b for a, b in zip(given, features, strict=True))
    return {"logits": logits, "changed": not same_list or not all(map(torch.equal, features, before))}


def predict_alone(answer: Any, memory: dict[str, Any], *, features: list[Tensor]) -> dict[str, Any]:
    """Return the logits in eval mode for all images at once, once more, and one by one."""
    decoder = memory["decoder"].eval()
    with torch.no_grad():
        together, again = decoder([*features]), decoder([*features])
        alone = [decoder([maps[n : n + 1] for maps in features]) for n in range(len(features[0]))]
    return {"together": together, "again": again, "alone": alone}


def train(answer: Any, memory: dict[str, Any], *, features: list[Tensor]) -> dict[str, Any]:
    """Return what a backward pass in training mode shows.

    `attached`: the logits have a gradient; `stages`: for each stage, whether it gets one. `idle`: the parameters
    that get none and change nothing; `cut_off`: those that get none but change the logits. `late`: parameters came
    after construction; `unregistered`: convolutions used weights that are not among them, `made_anew` in every forward
    pass.
    """
    decoder = memory["decoder"].train()
    decoder.zero_grad()
    leaves = [maps.clone().requires_grad_() for maps in features]
    with Watch() as seen:
        logits = decoder([leaf * 1 for leaf in leaves])
    attached = isinstance(logits, Tensor) and logits.requires_grad
    if attached:
        (logits * torch.randn_like(logits)).sum().backward()
    without = {name: p for name, p in decoder.named_parameters() if p.grad is None}
    idle = [name for name, p in without.items() if not _moves(decoder, p, features)]
    with torch.no_grad(), Watch() as again:
        decoder([*features])
    own = {id(p) for p in decoder.parameters()}
    strangers, others = (
        {id(w) for w in watch.weights if w.is_leaf and w.requires_grad} - own for watch in (seen, again)
    )
    return {
        "attached": attached,
        "stages": [leaf.grad is not None and bool((leaf.grad != 0).any()) for leaf in leaves],
        "idle": idle,
        "cut_off": [name for name, p in without.items() if name not in idle and p.requires_grad],
        "late": any(p not in memory["known"] for p in own),
        "unregistered": bool(strangers),
        "made_anew": bool(strangers - others),
    }


def _moves(decoder: nn.Module, parameter: Tensor, features: list[Tensor]) -> bool:
    """Return whether the logits follow a parameter."""
    decoder.eval()
    with torch.no_grad():
        torch.manual_seed(0)
        before, value = decoder([*features]), parameter.clone()
        parameter.add_(torch.randn_like(parameter))
        torch.manual_seed(0)
        after = decoder([*features])
        parameter.copy_(value)
    decoder.train()
    return not torch.equal(before, after)


def steps_up(
    answer: Any, memory: dict[str, Any], *, features: list[Tensor], others: list[Tensor]
) -> list[dict[str, Any]]:
    """Return what each transposed convolution of stride 2 does, in the order of the way up.

    `size`: (h, w) of what it gets; `counts`: other maps in place of what it gives change the logits; `bends`: what the
    next of them gets (or the logits, after the last) is no affine function of what it gives; `scores`: it gives as many
    maps as there are logits, and each changes one logit's map alone, as if no layer followed that joins them.
    """
    plain, other = (_watched(memory, maps, {}) for maps in (features, others))
    steps = []
    for n, ((given, result), (_, changed)) in enumerate(zip(plain[1], other[1], strict=False)):
        at_end, between = (_watched(memory, features, {n: maps}) for maps in (changed, (result + changed) / 2))
        start, middle, end = _first_that_differs(n, plain, between, at_end)
        steps.append({
            "size": list(given.shape[-2:]),
            "counts": _apart(plain[0], at_end[0]),
            "bends": _apart((start + end) / 2, middle),
            "scores": _is_scores(memory, features, n, result, changed, plain[0]),
        })  # fmt: skip
    return steps


Pass: TypeAlias = tuple[Tensor, list[tuple[Tensor, Tensor]]]
"""The logits of a forward pass, and what each doubling got and gave."""


def _watched(memory: dict[str, Any], features: list[Tensor], instead: Mapping[int, Tensor]) -> Pass:
    torch.manual_seed(0)
    with torch.no_grad(), Watch(instead=instead) as seen:
        logits = memory["decoder"].eval()([*features])
    return logits, seen.doublings


def _is_scores(
    memory: dict[str, Any], features: list[Tensor], n: int, result: Tensor, changed: Tensor, logits: Tensor
) -> bool:
    """Return whether each map that doubling number n gives changes the map of one logit, and no other."""
    if result.shape[1] != logits.shape[1]:
        return False
    for channel in range(result.shape[1]):
        maps = result.clone()
        maps[:, channel] = changed[:, channel]
        other, _ = _watched(memory, features, {n: maps})
        if sum(_apart(a, b) for a, b in zip(logits.unbind(1), other.unbind(1), strict=True)) != 1:
            return False
    return True


def _first_that_differs(n: int, plain: Pass, between: Pass, at_end: Pass) -> tuple[Tensor, Tensor, Tensor]:
    """Return what the first doubling after number n gets that depends on what that one gave, else the logits, in each
    of three passes."""
    for m in range(n + 1, min(len(plain[1]), len(between[1]), len(at_end[1]))):
        if _apart(plain[1][m][0], at_end[1][m][0]):
            return plain[1][m][0], between[1][m][0], at_end[1][m][0]
    return plain[0], between[0], at_end[0]


def _apart(a: Tensor, b: Tensor) -> bool:
    """Return whether two maps differ by more than rounding, somewhere."""
    return a.shape != b.shape or bool((a - b).abs().max() > 1e-4 * (1e-9 + a.std()))


def coarse(answer: Any, memory: dict[str, Any], *, features: list[Tensor]) -> list[bool]:
    """Return for each stage whether the logits see it at a coarser size only: of the four pixels of a window most have
    no gradient, or all have the same."""
    leaves = [maps.clone().requires_grad_() for maps in features]
    torch.manual_seed(0)
    logits = memory["decoder"].eval()([leaf * 1 for leaf in leaves])
    if not logits.requires_grad:  # that is told elsewhere
        return [False] * len(leaves)
    gradients = torch.autograd.grad((logits * torch.randn_like(logits)).sum(), leaves, allow_unused=True)
    return [g is not None and bool(g.any()) and _is_coarse(g) for g in gradients]


def _is_coarse(gradient: Tensor) -> bool:
    windows = F.unfold(gradient.flatten(0, 1).unsqueeze(1), 2, stride=2)  # (planes, 4, windows)
    seen = windows.movedim(1, -1)[(windows != 0).any(dim=1)]  # (windows with a gradient, 4)
    apart = seen - seen.mean(dim=1, keepdim=True)
    return bool((seen == 0).double().mean() > 0.7 or apart.abs().max() < 1e-4 * gradient.abs().max())


def reach(answer: Any, memory: dict[str, Any], *, features: list[Tensor], place: list[int]) -> list[Tensor | None]:
    """Return where the logits of 16 x 16 pixels around the corner `place` (y, x) look: for each stage the energy of
    their gradient, (h, w), None where they have none. So many pixels fill one of the deepest of four stages: it does
    not matter in which corner of it a single one lies."""
    decoder, (y, x) = memory["decoder"].eval(), place
    leaves = [maps.clone().requires_grad_() for maps in features]
    torch.manual_seed(0)
    patch = decoder([leaf * 1 for leaf in leaves])[..., y - 8 : y + 8, x - 8 : x + 8]
    if not patch.requires_grad:
        return [None] * len(leaves)
    gradients = torch.autograd.grad((patch * torch.randn_like(patch)).sum(), leaves, allow_unused=True)
    return [None if g is None else g.square().sum(dim=(0, 1)) for g in gradients]


def count_parameters(
    answer: Any, memory: dict[str, Any], *, encoder_channels: list[int], num_classes: int, beside: str
) -> dict[str, Any]:
    """Return the number of parameters of the answer, and of the class called `beside` where the answer was defined:
    None where there is no such class, or it cannot be built."""
    own = sum(p.numel() for p in answer([*encoder_channels], num_classes).parameters())
    try:
        other = _defined_beside(answer, beside)([*encoder_channels], num_classes)
        return {"own": own, "other": sum(p.numel() for p in other.parameters())}
    except Exception:  # it is another question's answer: what is wrong with it is told there
        return {"own": own, "other": None}


def _defined_beside(answer: Any, name: str) -> Any:
    """Return what `name` is in the notebook that an answer stands in, None where it is nothing."""
    function = inspect.unwrap(getattr(answer, "forward", answer))
    names = getattr(function, "__globals__", {})
    return names.get(name) or getattr(sys.modules.get(answer.__module__), name, None)
