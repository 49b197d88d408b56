"""Probes of `lean_softargmax`: numerical gradients, and the memory that forward and backward need together.

Memory is counted, not measured: the bytes of all storages that are alive after each operation, so that every machine
finds the same number.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd import gradcheck
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from helpers.checks.probes.calling import weighted_sum

__all__ = ["LiveBytes", "check_gradients", "count_memory"]


def check_gradients(answer: Any, memory: dict[str, Any], *, scoremaps: Tensor, beta: float) -> dict[str, Any]:
    """Return whether torch's gradcheck passes, and if not, the beginning of what it says."""
    try:
        gradcheck(lambda maps: answer(maps, beta), scoremaps.requires_grad_())
    except (RuntimeError, ValueError) as error:  # ValueError: an output that is not differentiable
        return {"passes": False, "message": " ".join(str(error).split())[:120]}
    return {"passes": True, "message": ""}


def count_memory(answer: Any, memory: dict[str, Any], *, scoremaps: Tensor, beta: float) -> dict[str, Any]:
    """Return the peak of bytes that forward and backward hold beside `scoremaps`, with what they found.

    `gradient` (B, K) is that of raising all scores of a map in proportion: small, for the baked table.
    """
    scores = scoremaps.clone().requires_grad_()
    with torch.enable_grad(), LiveBytes(scores) as live:
        value = answer(scores, beta)
        if isinstance(value, Tensor) and value.requires_grad:
            weighted_sum(value).backward()
    gradient = None if scores.grad is None else (scores.grad * scoremaps).sum(dim=(2, 3))
    changed = [] if torch.equal(scores, scoremaps) else ["scoremaps"]
    return {"value": value, "gradient": gradient, "changed": changed, "peak": live.peak}


class LiveBytes(TorchDispatchMode):
    """Counts the bytes of all tensors that torch's operations make or use while the mode is on.

    Args:
        known: tensors that do not count.
    """

    def __init__(self, *known: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch annotates no constructor of a mode
        self.known = {_key(tensor) for tensor in known}
        self.alive: dict[int, tuple[StorageWeakRef, int]] = {}
        self.peak = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else the first operation imports the compiler, a second and a half

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        self.alive = {key: (ref, size) for key, (ref, size) in self.alive.items() if not ref.expired()}
        for tensor in _tensors((args, kwargs, result)):
            if _key(tensor) not in self.known:
                storage = tensor.untyped_storage()
                self.alive[_key(tensor)] = StorageWeakRef(storage), storage.nbytes()
        self.peak = max(self.peak, sum(size for _, size in self.alive.values()))
        return result


def _tensors(tree: Any) -> Iterator[Tensor]:
    return (leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor))


def _key(tensor: Tensor) -> int:
    key: int = tensor.untyped_storage()._cdata
    return key
