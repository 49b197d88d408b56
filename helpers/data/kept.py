"""Sets of photos that were decoded once and are kept as tensors, so that the next start takes seconds."""

import ast
import dataclasses
import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from helpers.data import cache
from helpers.data.masks import SegmentationSet
from helpers.data.people import PeopleSet
from helpers.data.photos import recorded
from helpers.data.poses import PoseSet
from helpers.data.skeletons import Skeleton

__all__ = ["kept"]

Set = TypeVar("Set", PoseSet, PeopleSet, SegmentationSet)


def kept(kind: type[Set], name: str, options: object, read: Callable[[], Set]) -> Set:
    """Return the set that `read` returns, from the cache where none of the files that it was read from has changed.

    Args:
        kind, name: what `read` returns, and how the name of its file in the cache begins.
        options: what else decides on the set, to be told by its `repr`.
        read: called where the cache has no such set. What it opens through `helpers.data.photos` is noted.
    """
    name = f"{kind.__name__}-{name}-{hashlib.sha256(repr(options).encode()).hexdigest()[:16]}"
    fields: dict[str, Any]
    if (tensors := cache.load(name, _readers())) is not None:
        files, fields = ast.literal_eval(bytes(tensors.pop("told").tolist()).decode())
        if all(_state(Path(path)) == state for path, state in files.items()):
            fields |= {"skeleton": Skeleton(**fields["skeleton"])} if "skeleton" in fields else {}
            return kind(**{**fields, **tensors})
        print(f"The files of {fields['name']} have changed; they are read again.")
    with recorded() as paths:
        data = read()
    if not paths:  # nothing would tell that it has changed
        return data
    values = {field.name: getattr(data, field.name) for field in dataclasses.fields(data) if field.name != "targets"}
    tensors = {name: value.contiguous() for name, value in values.items() if isinstance(value, Tensor)}
    fields = {name: value for name, value in values.items() if name not in tensors}
    fields |= {"skeleton": dataclasses.asdict(fields["skeleton"])} if "skeleton" in fields else {}
    told = repr(({str(path): _state(path) for path in paths}, fields)).encode()
    cache.store(name, _readers(), {**tensors, "told": torch.tensor(list(told), dtype=torch.uint8)})
    return data


def _state(path: Path) -> object:
    """Return what changes when a file does: of labels the content, of photos and folders the time and size."""
    if path.suffix in (".json", ".mat", ".txt") and path.is_file():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    return (path.stat().st_mtime_ns, path.stat().st_size) if path.exists() else None


@functools.cache
def _readers() -> str:
    """Return the hash of the code that reads sets: another version of it may read them otherwise."""
    code = [path.read_bytes() for path in sorted(Path(__file__).parent.rglob("*.py"))]
    return hashlib.sha256(b"".join(code)).hexdigest()
