"""Probes that many questions share: call an answer, or take the gradient of a loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

__all__ = ["calling", "differentiating"]


def calling(*names: str) -> Callable[..., Any]:
    """Return a probe that calls an answer with the inputs `names`, in this order: its value, and what it changed."""

    def probe(answer: Any, memory: dict, **inputs: Any) -> dict[str, Any]:
        before = {name: _copy(inputs[name]) for name in names}
        value = answer(*(inputs[name] for name in names))
        return {"value": value, "changed": _changed(before, inputs)}

    return probe


def differentiating(*names: str) -> Callable[..., Any]:
    """Return a probe that calls an answer and takes the gradient of its value in the first input.

    `gradient` is None where the value does not depend on that input.
    """

    def probe(answer: Any, memory: dict, **inputs: Any) -> dict[str, Any]:
        before = {name: _copy(inputs[name]) for name in names}
        first = inputs[names[0]].requires_grad_()
        with torch.enable_grad():
            value = answer(*(inputs[name] for name in names))
            if isinstance(value, Tensor) and value.requires_grad:
                value.sum().backward()
        return {"value": value, "gradient": first.grad, "changed": _changed(before, inputs)}

    return probe


def _copy(value: Any) -> Any:
    return value.detach().clone() if isinstance(value, Tensor) else value


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return the names of the tensors that are not what they were, NaN counted as equal to NaN."""
    return [name for name, old in before.items() if isinstance(old, Tensor) and not _equal(old, after[name].detach())]


def _equal(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and bool(((a == b) | ((a != a) & (b != b))).all())
