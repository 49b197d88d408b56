"""Answers whose order is free: read in an order of their own, and then compared."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol, TypeAlias

from helpers.checks.engine.compare import kind_of_no_tensor, same, show
from helpers.checks.engine.judge import AnyCall, Fault, changed_argument, no_value, refuse_too_many
from helpers.checks.engine.mistakes import Judged, Way
from helpers.checks.engine.values import Value, as_tensors

__all__ = ["Evident", "FreeCall", "Limbs", "Reading", "listed", "usual_ways"]

Limbs = list[tuple[int, int]]
Alike: TypeAlias = Callable[[Any, Value, Value], bool]
"""alike(call, got, wrong): whether two answers to a call are like each other."""
Evidence: TypeAlias = Callable[[Any, Value, Value], str | None]
"""evidence(call, got, right): the mistake that an answer shows by itself, if any."""


@dataclass(frozen=True)
class Evident(Way):
    """The way of an answer that shows its mistake by itself, whatever else it does: no known wrong version is asked."""

    by: Evidence = lambda call, got, right: None

    def nearest(
        self, index: int, calls: Sequence[Any], answers: Sequence[Value], judged: Sequence[Judged]
    ) -> str | None:
        """Return the mistake that the answer to call `index` shows."""
        return self.by(calls[index], answers[index], judged[index][0])


@dataclass(frozen=True)
class Everywhere(Way):
    """The way of an answer that is like a known wrong version at all calls, and says something where there is something
    to say."""

    says_nothing: Callable[[Any, Value], bool] = lambda call, got: False

    def nearest(
        self, index: int, calls: Sequence[Any], answers: Sequence[Value], judged: Sequence[Judged]
    ) -> str | None:
        """Return the first of these versions."""
        asked = zip(calls, answers, judged, strict=True)
        told = [self.says_nothing(call, got) for call, got, (right, _) in asked if not self.says_nothing(call, right)]
        if told and all(told):
            return None
        return super().nearest(index, calls, answers, judged)


def usual_ways(kind: str, alike: Alike, says_nothing: Callable[[Any, Value], bool], evidence: Evidence) -> list[Way]:
    """Return the ways in which an answer with a fault of this kind is like a known wrong version, the surest first.

    It is like one at all calls; or, where its value is wrong, it shows its mistake by itself; or it is like one at the
    call that is wrong. An answer that `says_nothing` (no peaks, everybody alone) comes from any mistake there is: it
    names none by a single call, nor where it says nothing at any.
    """

    def apart(call: Any, got: Value, wrong: Value, right: Value) -> float | None:
        return 0.0 if alike(call, got, wrong) else None

    def apart_here(call: Any, got: Value, wrong: Value, right: Value) -> float | None:
        return None if says_nothing(call, got) else apart(call, got, wrong, right)

    if kind == "numpy":  # the numbers are right
        return []
    if kind == "changed":
        return [Evident(apart, by=lambda call, got, right: "changes_its_arguments")]
    shown = [Evident(apart, by=evidence)] if kind == "value" else []
    return [Everywhere(apart, "all", says_nothing), *shown, Way(apart_here, "one")]


@dataclass(frozen=True)
class Reading:
    """What came back, in an order of its own: equal for answers that are equally right.

    `fault` says what is wrong with its form, if anything ("type", "shape"), `flaw` what is wrong beside its values
    ("dtype", "numpy"); `text` is the line of the verdict.
    """

    value: Value
    text: str
    fault: str = ""
    flaw: str = ""


class FreeCall(AnyCall, Protocol):
    """A call whose answer may come in any order."""

    form: str
    """What the docstring promises."""
    takes_arrays: ClassVar[bool] = False
    """Whether NumPy arrays will do as well."""

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

    @abstractmethod
    def says_nothing(self, got: Value) -> bool:
        """Return whether an answer is an empty or trivial one, which any mistake may give."""

    def evidence(self, got: Value, right: Value) -> str | None:
        """Return the mistake that a wrong answer shows by itself, if any."""
        return None

    def ways(self, fault: Fault) -> Sequence[Way]:
        kind = type(self)
        alike = kind.alike if fault.kind == "dtype" else kind.alike_but_for_the_dtype
        return usual_ways(fault.kind, alike, kind.says_nothing, kind.evidence)

    def refuse(self, got: Value) -> None:
        """Raise `Wrong` if an answer has more rows than there can be."""
        if isinstance(got, Mapping):
            refuse_too_many(self.called, got["value"], *self.most, self.inputs)

    def read(self, got: Value, right: Value) -> Fault | None:
        came, best = self._reading_of(got), self._reading_of(right)
        expected = f"{best.text}: {self.form}"
        if not isinstance(got, Mapping):
            return no_value(got, expected, alone=self.form)
        if got["changed"]:
            return changed_argument(got["changed"])
        if came.fault:
            return Fault(came.fault, came.text, expected)
        if not same(came.value, best.value):
            return Fault("value", *self.told_apart(came, best))
        return Fault(came.flaw, show(got["value"]), expected) if came.flaw else None

    def alike(self, got: Value, wrong: Value) -> bool:
        """Return whether two answers read the same, dtype included."""
        return self._reading_of(got).flaw == self._reading_of(wrong).flaw and self.alike_but_for_the_dtype(got, wrong)

    def alike_but_for_the_dtype(self, got: Value, wrong: Value) -> bool:
        """Return whether two answers read the same, or raise the same error."""
        a, b = self._reading_of(got), self._reading_of(wrong)
        return a.fault == b.fault and same(a.value, b.value)

    def _reading_of(self, got: Value) -> Reading:
        """Return what a probe gave, in its order; an exception as it is."""
        if not isinstance(got, Mapping):
            return Reading(got, show(got), no_value(got, "").kind)
        reading = self.reading(as_tensors(got["value"]))
        is_array = not self.takes_arrays and kind_of_no_tensor(got["value"]) == "numpy"
        return replace(reading, flaw="numpy") if is_array and not reading.fault else reading


def listed(pairs: Sequence[tuple[int, int]], most: int = 8) -> str:
    """Return pairs as text, the first of many."""
    return ", ".join(f"({a}, {b})" for a, b in pairs[:most]) + (", ..." if len(pairs) > most else "")
