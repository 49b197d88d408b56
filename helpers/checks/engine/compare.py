"""Comparing values: what is wrong with a value, beside the right one, and how it reads in one line."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from helpers.checks.engine.values import Other, Raised, Value

__all__ = ["Form", "described", "dtype_name", "fault", "number", "outline", "row", "same", "show", "with_first"]

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
    """Return whether two trees of values agree within the tolerance; NaN agrees with NaN, an exception by its type."""
    if isinstance(a, Raised) or isinstance(b, Raised):
        return isinstance(a, Raised) and isinstance(b, Raised) and a.type_name == b.type_name
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
    """Return what is wrong with `got`: "raised", "type", "shape", "dtype" or "value"; None where it is right."""
    if isinstance(got, Raised):
        return "raised"
    if form.parts:
        if not isinstance(got, list) or len(got) != len(form.parts):
            return "type"
        return next(filter(None, map(fault, got, right, form.parts)), None)
    if form.number_will_do and not isinstance(got, Tensor):
        return "type" if number(got) is None else None if same(got, right) else "value"
    if not isinstance(got, Tensor):
        return "type"
    if got.shape != right.shape:
        return "shape"
    if not same(got, right):
        return "value"
    return None if _dtype_fits(got, right, form) else "dtype"


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
