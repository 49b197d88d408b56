"""Comparing values: what is wrong with a value, beside the right one, and how it reads in one line."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from helpers.checks.engine.values import Array, Other, Raised, Value, as_tensor

__all__ = [
    "Form",
    "argument",
    "described",
    "differing",
    "dtype_name",
    "fault",
    "first_difference",
    "kind_of_no_tensor",
    "number",
    "outline",
    "row",
    "same",
    "show",
    "with_first",
]

RTOL, ATOL = 1e-4, 1e-5  # wide enough for any order of float32 operations, far narrower than any mistake


@dataclass(frozen=True)
class Form:
    """What kind of value is expected.

    `text` names it in a message ("a scalar, in pixels"); `number_will_do`: a Python number serves as well as a tensor;
    `dtype`: "input" (exactly that of the right value), "precise" (not less precise than it) or "any"; `parts`: of a
    value that is a list or tuple, what is expected of each of its items.
    """

    text: str
    number_will_do: bool = False
    dtype: str = "input"
    parts: tuple[Form, ...] = ()


def number(value: Value) -> float | None:
    """Return a Python number or a tensor of shape () as a float, None for any other value."""
    if isinstance(value, Tensor) and value.ndim == 0 and value.dtype is not torch.bool:
        return float(value)
    return float(value) if type(value) in (int, float) else None


def same(a: Value, b: Value) -> bool:
    """Return whether two trees of values agree within the tolerance: NaN with NaN, an array with a tensor, exceptions
    by type and message."""
    if isinstance(a, Raised) and isinstance(b, Raised):
        return (a.type_name, a.message) == (b.type_name, b.message)
    a, b = map(as_tensor, (a, b))
    if number(a) is not None and number(b) is not None:
        return _close(torch.tensor(number(a), dtype=torch.float64), torch.tensor(number(b), dtype=torch.float64))
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return a.shape == b.shape and _close(a.double(), b.double())
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return type(a) is type(b) and a == b


def _close(a: Tensor, b: Tensor) -> bool:
    return torch.allclose(a, b, rtol=RTOL, atol=ATOL, equal_nan=True)


def fault(got: Value, right: Value, form: Form) -> str | None:
    """Return what is wrong with `got`: "raised", "type", "shape", "value", "numpy" or "dtype"; None if nothing is."""
    if isinstance(got, Raised):
        return "raised"
    if form.parts:
        if not isinstance(got, list) or len(got) != len(form.parts):
            return "type"
        return next(filter(None, map(fault, got, right, form.parts)), None)
    if form.number_will_do and not isinstance(got, Tensor):
        return "type" if number(got) is None else None if same(got, right) else "value"
    values = as_tensor(got)
    if not isinstance(values, Tensor):
        return "type"
    right = torch.as_tensor(right)  # of a reference that returns a number
    if values.shape != right.shape:
        return "shape"
    if not same(values, right):
        return "value"
    if isinstance(got, Array):
        return "numpy"
    return None if _dtype_fits(values, right, form) else "dtype"


def kind_of_no_tensor(value: Value) -> str:
    """Return what is wrong where tensors are promised and `value` came: "numpy" if all is there but the kind."""
    parts = [kind_of_no_tensor(item) for item in value] if isinstance(value, list) else []
    return "numpy" if isinstance(value, Array) or "numpy" in parts else "type"


def _dtype_fits(got: Tensor, right: Tensor, form: Form) -> bool:
    if form.dtype == "any":
        return got.dtype is not torch.bool
    if form.dtype == "precise":
        return got.is_floating_point() and torch.finfo(got.dtype).eps <= torch.finfo(right.dtype).eps
    return got.dtype == right.dtype


def show(value: Value) -> str:
    """Return a value in a few words: a number to four digits, a tensor by its shape and dtype, a pair by its items."""
    if isinstance(value, Raised):
        where = f" (line {value.line} of the cell)" if value.line else ""
        return f"{value.type_name}: {_short(value.message)}{where}"
    if isinstance(value, Other):
        return f"an object of type {value.type_name}"
    if isinstance(value, Array):
        return f"a NumPy array of shape {tuple(value.tensor.shape)}, {dtype_name(value.tensor)}"
    if isinstance(value, Tensor) and value.numel() != 1:
        return f"a tensor of shape {tuple(value.shape)}, {dtype_name(value)}"
    if isinstance(value, Tensor):
        shape = f", shape {tuple(value.shape)}" if value.ndim else ""
        return f"{_digits(float(value))}{shape} ({dtype_name(value)})"
    if isinstance(value, Mapping):
        return "a dict with " + _short(", ".join(value))
    if isinstance(value, list) and len(value) == 2:
        return _short("(" + ", ".join(map(_item, value)) + ")")
    if isinstance(value, list):
        return f"a list or tuple of {len(value)}"
    return _digits(value) if type(value) is float else repr(value)


def first_difference(got: Value, right: Value) -> tuple[str, str] | None:
    """Return the first place at which two values of equal shape differ, as ("3.5 at [0, 1, 0] of a tensor ...",
    "4 there"); None where no single number tells them apart: what comes whole in one line needs no place."""
    found = differing(got, right)
    if found is None:
        return None
    path, (mine, best), place = found
    mine, best = map(as_tensor, (mine, best))
    came, meant = _apart(mine[place].item(), best[place].item())
    item = "".join(f"item {index} of " for index in reversed(path))
    return f"{came} at {list(place)} of {item}{show(got if not path else mine)}", f"{meant} there"


def differing(got: Value, right: Value) -> tuple[list[int], tuple[Value, Value], tuple[int, ...]] | None:
    """Return the first tensors in two trees of values that differ in numbers, as (which items lead to them, the two,
    the first place in them); None where they differ otherwise, or in nothing."""
    if isinstance(got, list) and isinstance(right, list) and len(got) == len(right):
        for index, (a, b) in enumerate(zip(got, right, strict=True)):
            if not same(a, b):
                found = differing(a, b)
                return found and ([index, *found[0]], *found[1:])
        return None
    a, b = map(as_tensor, (got, right))
    if not isinstance(a, Tensor) or not isinstance(b, Tensor) or a.shape != b.shape or a.numel() < 2:
        return None
    apart = ~torch.isclose(a.double(), b.double(), rtol=RTOL, atol=ATOL, equal_nan=True)
    return ([], (got, right), tuple(apart.nonzero()[0].tolist())) if apart.any() else None


def _apart(a: float | bool, b: float | bool) -> tuple[str, str]:
    """Return two numbers with as many digits as tell them apart, four at least."""
    if isinstance(a, bool) or isinstance(b, bool):
        return str(a), str(b)
    texts = ((f"{a:.{digits}g}", f"{b:.{digits}g}") for digits in range(4, 18))
    return next((pair for pair in texts if pair[0] != pair[1]), (repr(a), repr(b)))


def _item(value: Value) -> str:
    """Return an item of a pair in a few words, of a short row of numbers all of them."""
    if isinstance(value, Tensor) and value.ndim == 1 and 0 < len(value) <= 8:
        return "[" + ", ".join(map(_digits, value.double().tolist())) + "]"
    return f"a list or tuple of {len(value)}" if isinstance(value, list) else show(value)


def dtype_name(tensor: Tensor) -> str:
    """Return the name of a dtype, as in "float32"."""
    return str(tensor.dtype).removeprefix("torch.")


def described(tensor: Tensor) -> str:
    """Return dtype and shape, as in "float32 (2, 3)": how an argument reads."""
    return f"{dtype_name(tensor)} {tuple(tensor.shape)}"


def argument(value: Value) -> str:
    """Return an argument in a few words: a tensor by dtype and shape, a mask with how much of it is true."""
    if not isinstance(value, Tensor):
        return f"{value:g}" if isinstance(value, float) else _short(repr(value))
    true = f", {int(value.sum())} of {value.numel()} true" if value.dtype is torch.bool else ""
    return described(value) + true


def outline(value: Value) -> str:
    """Return of a value what is no number: the shapes and dtypes of its parts."""
    if isinstance(value, Tensor):
        return described(value)
    if isinstance(value, list):
        return "[" + ", ".join(map(outline, value)) + "]"
    return show(value)


def with_first(value: Value) -> str:
    """Return a value of another form in a few words, a list with its first item."""
    return show(value) + (f", the first {show(value[0])}" if isinstance(value, list) and value else "")


def row(numbers: Tensor) -> str:
    """Return a row of numbers to four digits, as in "(1.5, 2)"."""
    return "(" + ", ".join(f"{number:.4g}" for number in numbers.tolist()) + ")"


def _digits(value: float) -> str:
    return "nan" if math.isnan(value) else f"{value:.4g}" if abs(value) < 1e4 else f"{value:.4e}"


def _short(text: str, limit: int = 140) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
