"""Probes of `lean_softargmax`: numerical gradients, and the memory that forward and backward need together.

Memory is counted, not measured: the bytes of all storages that are alive after each of torch's operations, so that
every machine finds the same number, and beside them what NumPy and Python hold, by tracemalloc: a copy counts wherever
it is kept.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from typing import Any, Self, TypeAlias

import torch
from torch import Tensor
from torch.autograd import gradcheck
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from helpers.checks.probes.calling import gradient

__all__ = ["LiveBytes", "check_gradients", "count_memory"]

References: TypeAlias = dict[int, tuple[StorageWeakRef, int]]
"""Storages by their keys, each with its size in bytes."""


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
    _forward_and_backward(answer, scoremaps[:1, :1, :4, :4].clone(), beta)  # whatever the first call imports
    scores = scoremaps.clone()
    with LiveBytes(scores) as live:
        value, found = _forward_and_backward(answer, scores, beta)
    raised = None if found is None else (found * scoremaps).sum(dim=(2, 3))
    changed = [] if torch.equal(scores, scoremaps) else ["scoremaps"]
    return {"value": value, "gradient": raised, "changed": changed, "peak": live.peak}


def _forward_and_backward(answer: Any, scores: Tensor, beta: float) -> tuple[Any, Tensor | None]:
    with torch.enable_grad():
        value = answer(scores.requires_grad_(), beta)
        return value, gradient(value, scores)


BLOCK = 2**16  # bytes


class LiveBytes(TorchDispatchMode):
    """Counts the bytes of all tensors that torch's operations make or use while the mode is on, and of what Python and
    NumPy allocate between them.

    Args:
        known: tensors that do not count.
    """

    def __init__(self, *known: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch annotates no constructor of a mode
        self.known = {_key(tensor) for tensor in known}
        self.made: References = {}
        self.found: References = {}  # made elsewhere, by NumPy, say, and then used
        self.peak = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else the first operation imports the compiler, a second and a half

    def __enter__(self) -> Self:
        self.traced_before = tracemalloc.is_tracing()
        tracemalloc.start()
        self.before = tracemalloc.get_traced_memory()[0]
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        self._count()
        if not self.traced_before:
            tracemalloc.stop()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        self._count()
        given = {_key(tensor): tensor for tensor in _tensors((args, kwargs))}
        result = func(*args, **(kwargs or {}))
        for key, tensor in given.items():
            if key not in self.known and key not in self.made:
                self.found[key] = _reference(tensor)
        for tensor in _tensors(result):
            if not {_key(tensor)} & (self.known | self.found.keys()):
                self.made[_key(tensor)] = _reference(tensor)
        self._count()
        return result

    def _count(self) -> None:
        """Raise the peak to what is held now, or was outside torch since the last look.

        A storage that was made elsewhere may be an array's, which is traced already: it counts once. What the
        interpreter itself needs, a few kilobytes that differ from run to run, is rounded away.
        """
        self.made, self.found = _alive(self.made), _alive(self.found)
        outside = max(0, tracemalloc.get_traced_memory()[1] - self.before) // BLOCK * BLOCK
        tracemalloc.reset_peak()
        self.peak = max(self.peak, _bytes(self.made) + max(_bytes(self.found), outside))


def _alive(references: References) -> References:
    return {key: (reference, size) for key, (reference, size) in references.items() if not reference.expired()}


def _bytes(references: References) -> int:
    return sum(size for _, size in references.values())


def _reference(tensor: Tensor) -> tuple[StorageWeakRef, int]:
    storage = tensor.untyped_storage()
    return StorageWeakRef(storage), storage.nbytes()


def _tensors(tree: Any) -> Iterator[Tensor]:
    return (leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor))


def _key(tensor: Tensor) -> int:
    key: int = tensor.untyped_storage()._cdata
    return key
