"""Calls whose value is one number, which two wrong answers may share by chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from helpers.checks.engine.calls import Call, ValueCall
from helpers.checks.engine.compare import Form, number, same
from helpers.checks.engine.judge import Fault, judge
from helpers.checks.engine.mistakes import Way, alike_by
from helpers.checks.engine.question import Ask, Oracle
from helpers.checks.engine.values import Raised, Value

__all__ = ["ScalarCall", "judge_scalars"]

CLOSE = 3e-6  # relative: what two ways to one number in float32 may differ by


def judge_scalars(
    name: str,
    hints: Mapping[str, str],
    calls: Sequence[Call],
    ask: Ask,
    oracle: Oracle,
    form: Form,
    few_values: bool = False,
) -> None:
    """Judge plain calls of the question `name`; `form` is expected of each that does not say otherwise.

    Args:
        few_values: the number is one of a few (a share of a few keypoints): one call alone names no mistake.
    Raises:
        Wrong: about the first call whose value is wrong.
    """
    judge([ScalarCall(name, hints, call, call.form or form, few_values) for call in calls], ask, oracle)


@dataclass(frozen=True)
class ScalarCall(ValueCall):
    """A plain call for one number. A known mistake explains it by all calls, or by this one to nearly all digits."""

    few_values: bool = False

    def ways(self, fault: Fault) -> Sequence[Way]:
        (anyhow,) = super().ways(fault)
        return replace(anyhow, where="all"), replace(alike_by(self._surely), where="one")

    def _surely(self, call: Any, got: Value, wrong: Value) -> bool:
        """Return whether two answers agree so closely that chance is out of the question."""
        if isinstance(got, Raised) or isinstance(wrong, Raised):
            return same(got, wrong)
        a, b = (number(value["value"]) if isinstance(value, Mapping) else None for value in (got, wrong))
        if a is None or b is None:
            return same(got, wrong)  # of another form: a row of errors, a pair
        trivial = self.few_values or a in (0, 1) or a != a
        return not trivial and same(got, wrong) and abs(a - b) <= CLOSE * abs(a)
