"""Plain values: what may cross from a student's answer to a check.

`encode` turns whatever an answer returned into JSON and a list of plain tensors, `decode` turns them back. The isolated
worker and the notebook use the same pair, so a check judges the same values on both sides, and an object with methods
of its own (one that is equal to everything, say) arrives as `Other`: a name, nothing more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch

__all__ = ["DTYPES", "Array", "Other", "Raised", "Value", "as_tensor", "as_tensors", "decode", "encode"]

Value: TypeAlias = Any
"""What crossed: None, a bool, number or text, a tensor, a list or dict of such, `Array`, `Other` or `Raised`. Only
a look at it tells which."""

MAX_DEPTH, MAX_NODES, MAX_TEXT, MAX_INT = 8, 10_000, 2_000, 2**53
DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.bool,
        torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64,
    )
}  # fmt: skip


@dataclass(frozen=True)
class Other:
    """A value of a kind that does not cross, by the name of its type."""

    type_name: str


@dataclass(frozen=True, eq=False)
class Array:
    """A NumPy array with at least one axis, as the tensor of its values: no tensor, where one is promised."""

    tensor: torch.Tensor


@dataclass(frozen=True)
class Raised:
    """An exception, as text; `line` is the line of the student's cell, 0 where unknown."""

    type_name: str
    message: str
    line: int = 0


def as_tensors(value: Value) -> Value:
    """Return a tree of values with each NumPy array as a tensor, where both will do."""
    if isinstance(value, list):
        return [as_tensors(item) for item in value]
    return as_tensor(value)


def as_tensor(value: Value) -> Value:
    """Return a NumPy array as the tensor of its numbers, any other value as it is."""
    return value.tensor if isinstance(value, Array) else value


def encode(tree: Any) -> tuple[Any, list[torch.Tensor]]:
    """Return `tree` as JSON-ready data and the list of plain CPU tensors that it refers to.

    Lists and tuples become lists; NumPy scalars become tensors, arrays remain known as such; anything else becomes
    `Other`.
    """
    tensors: list[torch.Tensor] = []
    nodes = 0

    def walk(value: Any, depth: int) -> Any:
        nonlocal nodes
        nodes += 1
        if depth > MAX_DEPTH or nodes > MAX_NODES:
            return {"o": "too deep or too large"}
        if value is None or type(value) is bool:
            return value
        if type(value) is int:
            return value if abs(value) < MAX_INT else {"o": "int beyond 53 bits"}
        if type(value) is float:
            return value if math.isfinite(value) else {"f": repr(value)}
        if type(value) is str:
            return {"s": value[:MAX_TEXT]}
        if isinstance(value, (list, tuple)):
            return {"l": [walk(item, depth + 1) for item in value]}
        if isinstance(value, dict):
            return {"d": {str(key)[:MAX_TEXT]: walk(item, depth + 1) for key, item in value.items()}}
        if isinstance(value, Raised):
            return {"r": [value.type_name[:MAX_TEXT], value.message[:MAX_TEXT], int(value.line)]}
        tensor = _plain(value)
        if tensor is None:
            return {"o": value.type_name if isinstance(value, Other) else type(value).__name__[:MAX_TEXT]}
        tensors.append(tensor)
        is_array = isinstance(value, Array) or (isinstance(value, np.ndarray) and value.ndim > 0)
        return {"n" if is_array else "t": len(tensors) - 1}

    return walk(tree, 0), tensors


def _plain(value: Any) -> torch.Tensor | None:
    """Return a tensor or array as a plain, contiguous CPU tensor without gradient; None for any other kind."""
    value = as_tensor(value)
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "fiub":
        value = torch.from_numpy(np.array(value))
    if not isinstance(value, torch.Tensor) or value.layout is not torch.strided or value.dtype not in DTYPES.values():
        return None
    # a slice of one element may count as contiguous and keep a stride that no view of its bytes is allowed to have
    return value.detach().as_subclass(torch.Tensor).cpu().clone(memory_format=torch.contiguous_format)


def decode(data: Any, tensors: list[torch.Tensor]) -> Any:
    """Return the tree that `encode` wrote.

    Whatever it was handed, what comes out can be encoded again: `encode` writes an answer's larger int as `Other`, so
    here there is none. Half a surrogate pair in a text, which no file takes, becomes a question mark.

    Raises:
        ValueError: if `data` is not of the form that `encode` writes.
    """
    nodes = 0

    def walk(item: Any, depth: int) -> Any:
        nonlocal nodes
        nodes += 1
        if depth > MAX_DEPTH + 1 or nodes > MAX_NODES + 1:
            raise ValueError(f"values are nested deeper than {MAX_DEPTH} or number more than {MAX_NODES}")
        if item is None or isinstance(item, (bool, float)):
            return item
        if isinstance(item, int):
            return _small(item)
        if not isinstance(item, dict) or len(item) != 1:
            raise ValueError(f"expected a value or one tagged value, got {str(item)[:80]}")
        ((tag, content),) = item.items()
        if tag == "f" and content in ("nan", "inf", "-inf"):
            return float(content)
        if tag == "s" and isinstance(content, str):
            return _text(content)
        if tag == "l" and isinstance(content, list):
            return [walk(part, depth + 1) for part in content]
        if tag == "d" and isinstance(content, dict):
            return {_text(key): walk(part, depth + 1) for key, part in content.items()}
        if tag in ("t", "n") and type(content) is int and 0 <= content < len(tensors):
            return tensors[content] if tag == "t" else Array(tensors[content])
        if tag == "o" and isinstance(content, str):
            return Other(_text(content))
        if tag == "r" and isinstance(content, list) and [type(part) for part in content] == [str, str, int]:
            return Raised(_text(content[0]), _text(content[1]), _small(content[2]))
        raise ValueError(f"unknown tag {str(tag)[:20]!r} or content of another type")

    return walk(data, 0)


def _small(number: int) -> int:
    if abs(number) >= MAX_INT:
        raise ValueError("an int beyond 53 bits")
    return number


def _text(text: str) -> str:
    return text[:MAX_TEXT].encode("utf-8", "replace").decode()
