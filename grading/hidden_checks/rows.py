"""What the tests of all hidden modules are parametrised with: the rows of a table of checks, the steps of a model."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pytest

from helpers.checks.networks.trained import TrainedModel

__all__ = ["rows", "steps"]


def rows(checks: Mapping[str, Sequence[tuple[Any, ...]]], bonus: Collection[str] = ()) -> list[Any]:
    """Return the parameters (question, cases) of every check, with the mark that says what it is worth.

    Args:
        checks: by question, `(points, case, ...)`: the points, and the cases that must all be right to earn them.
        bonus: the questions whose points are extra ones, beyond the maximum.
    """
    marks = {question: pytest.mark.bonus if question in bonus else pytest.mark.points for question in checks}
    return [
        pytest.param(question, cases, marks=marks[question](question, points), id="-".join([question, *cases]))
        for question, found in checks.items()
        for points, *cases in found
    ]


def steps(model: TrainedModel[Any, Any]) -> list[Any]:
    """Return the thresholds of the model question, each with the points that it adds to those before."""
    unit = model.unit.strip()
    return [pytest.param(t, marks=pytest.mark.points("model", p), id=f"{t:g}{unit}") for t, p in model.steps]
