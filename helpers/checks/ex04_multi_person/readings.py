"""Answers whose order is free: read in an order of their own, and then compared."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from helpers.checks.engine.compare import same, show
from helpers.checks.engine.judge import AnyCall, Fault, no_value, refuse_too_many
from helpers.checks.engine.mistakes import Way, alike_by
from helpers.checks.engine.values import Value

__all__ = ["FreeCall", "Limbs", "Reading", "listed"]

Limbs = list[tuple[int, int]]


@dataclass(frozen=True)
class Reading:
    """What came back, in an order of its own: equal for answers that are equally right.

    `fault` says what is wrong with its form, if anything ("type", "shape"), `flaw` what is wrong beside its values
    ("dtype", "changed"); `text` is the line of the verdict.
    """

    value: Value
    text: str
    fault: str = ""
    flaw: str = ""


class FreeCall(AnyCall, Protocol):
    """A call whose answer may come in any order."""

    form: str
    """What the docstring promises."""

    @property
    @abstractmethod
    def most(self) -> tuple[int, str]:
        """How many rows an answer can have, be it wrong, and why."""

    @abstractmethod
    def reading(self, value: Value) -> Reading:
        """Return a value in its order."""

    @abstractmethod
    def told_apart(self, got: Reading, right: Reading) -> tuple[str, str]:
        """Return the lines `returned` and `expected` of a wrong value."""

    def ways(self, fault: Fault) -> Sequence[Way]:
        return (alike_by(FreeCall.alike),)

    def refuse(self, got: Value) -> None:
        """Raise `Wrong` if an answer has more rows than there can be."""
        if isinstance(got, Mapping):
            refuse_too_many(self.called, got["value"], *self.most, self.inputs)

    def read(self, got: Value, right: Value) -> Fault | None:
        came, best = self._reading_of(got), self._reading_of(right)
        expected = f"{best.text}: {self.form}"
        if not isinstance(got, Mapping):
            return no_value(got, expected, alone=self.form)
        if came.fault:
            return Fault(came.fault, came.text, expected)
        if not same(came.value, best.value):
            return Fault("value", *self.told_apart(came, best))
        if came.flaw == "changed":
            return Fault("changed", "changed an argument", "arguments that are left as they were")
        return Fault(came.flaw, show(got["value"]), expected) if came.flaw else None

    def alike(self, got: Value, wrong: Value) -> bool:
        """Return whether two answers read the same, or raise the same error."""
        a, b = self._reading_of(got), self._reading_of(wrong)
        return (a.fault, a.flaw) == (b.fault, b.flaw) and same(a.value, b.value)

    def _reading_of(self, got: Value) -> Reading:
        """Return what a probe gave, in its order; an exception as it is."""
        if not isinstance(got, Mapping):
            return Reading(got, show(got), no_value(got, "").kind)
        reading = self.reading(got["value"])
        return replace(reading, flaw="changed") if got["changed"] and not reading.flaw else reading


def listed(pairs: Sequence[tuple[int, int]], most: int = 8) -> str:
    """Return pairs as text, the first of many."""
    return ", ".join(f"({a}, {b})" for a, b in pairs[:most]) + (", ..." if len(pairs) > most else "")
