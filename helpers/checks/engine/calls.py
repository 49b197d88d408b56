"""Calls whose value is compared with the right one as it is: the plain case of what `judge` judges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from helpers.checks.engine.compare import Form, argument, fault, first_difference, same, show
from helpers.checks.engine.judge import AnyCall, Fault, call_line, changed_argument, judge, kind_of_error, no_value
from helpers.checks.engine.mistakes import Way, alike_by
from helpers.checks.engine.question import Ask, Oracle
from helpers.checks.engine.values import Value, as_tensor

__all__ = ["Call", "ValueCall", "judge_values"]


@dataclass(frozen=True)
class Call:
    """One call of an answer: the probe's step, its inputs, and what is special about them, for the line `called`.

    `form` is what this call expects, where that differs from the other calls.
    """

    step: str
    inputs: Mapping[str, Any]
    note: str = ""
    form: Form | None = None


def judge_values(
    name: str, hints: Mapping[str, str], calls: Sequence[Call], ask: Ask, oracle: Oracle, form: Form
) -> None:
    """Judge plain calls of the question `name`; `form` is expected of each that does not say otherwise.

    Raises:
        Wrong: about the first call whose values are wrong.
    """
    judge([ValueCall(name, hints, call, call.form or form) for call in calls], ask, oracle)


@dataclass(frozen=True)
class ValueCall(AnyCall):
    """A plain call, with all that is needed to judge it."""

    name: str
    hints: Mapping[str, str]
    call: Call
    form: Form

    @property
    def steps(self) -> tuple[str, str]:
        return self.call.step, self.call.step

    @property
    def inputs(self) -> Mapping[str, Any]:
        return self.call.inputs

    @property
    def called(self) -> str:
        arguments = ", ".join(f"{key}: {argument(value)}" for key, value in self.inputs.items())
        return call_line(self.name, arguments, self.call.note)

    def ways(self, fault: Fault) -> Sequence[Way]:
        return (alike_by(ValueCall.alike_to_the_dtype if fault.kind in ("dtype", "numpy") else ValueCall.alike),)

    def read(self, got: Value, right: Value) -> Fault | None:
        """Return the first part of a probe's values that is wrong: what it changed, the value, or its gradient."""
        if not isinstance(got, Mapping) or not isinstance(right, Mapping) or got.keys() != right.keys():
            return no_value(got, self.form.text)
        found = changed_argument(got["changed"]) or self._value(got["value"], right["value"])
        if not found and "gradient" in right:
            found = self._gradient(got["gradient"], right["gradient"])
        return found

    def _value(self, got: Value, right: Value) -> Fault | None:
        kind = fault(got, right, self.form)
        if not kind:
            return None
        if kind == "raised":
            return Fault(kind_of_error(got), show(got), self.form.text)
        whole = isinstance(got, list) and show(got) != show(right)  # a short pair is told with all its numbers
        if kind == "value" and not whole and (place := first_difference(got, right)):
            return Fault(kind, place[0], f"{place[1]}: {self.form.text}")
        told = kind in ("type", "numpy")  # what is meant is in the form's own words
        return Fault(kind, show(got), self.form.text if told else f"{show(right)}: {self.form.text}")

    def _gradient(self, got: Value, right: Value) -> Fault | None:
        expected = f"{self.form.text}, with a finite gradient that only depends on what counts"
        if not isinstance(got, Tensor):
            return Fault("no_gradient", "the right value, but no gradient", expected)
        if same(got, right):
            return None
        return Fault("gradient", f"the right value, but {_unlike(got, right)}", expected)

    def alike(self, got: Value, wrong: Value) -> bool:
        """Return whether two answers agree in their values."""
        return same(got, wrong)

    def alike_to_the_dtype(self, got: Value, wrong: Value) -> bool:
        """Return whether two answers agree in their values and in what kind they are of, dtype and library."""
        return same(got, wrong) and _kind(got) == _kind(wrong)


def _kind(value: Value) -> Any:
    """Return what a value is beside its numbers: the dtypes and libraries of its parts."""
    if isinstance(value, Mapping):
        return _kind(value["value"])
    if isinstance(value, list):
        return list(map(_kind, value))
    return type(value), getattr(as_tensor(value), "dtype", None)


def _unlike(got: Tensor, right: Tensor) -> str:
    """Return where a gradient differs most."""
    if not got.isfinite().all():
        return "a gradient with NaN or infinite entries"
    if got.shape != right.shape:
        return show(got)
    where = (got - right).abs().flatten().argmax()
    return f"a gradient of {float(got.flatten()[where]):.4g} where it should be {float(right.flatten()[where]):.4g}"
