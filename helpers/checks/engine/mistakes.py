"""Which known mistake is behind a wrong answer: the known wrong version that gave the same, or nearly the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from helpers.checks.engine.values import Value

__all__ = ["Judged", "Way", "alike_by"]

Judged: TypeAlias = tuple[Value, Mapping[str, Value]]
"""What the oracle says of one call: the right values, and those of every known wrong version."""


@dataclass(frozen=True)
class Way:
    """One way in which an answer can be like that of a known wrong version.

    `apart(call, got, wrong, right)` is how far the two are from each other at one call, None where they are not alike.
    `where` says at which calls they must be alike: at "all"; at "one", which is judged wrong; or at "all or one",
    where a version that explains all calls comes before any that explains this one. The nearest is named, of equally
    near ones the first.
    """

    apart: Callable[[Any, Value, Value, Value], float | None]
    where: Literal["all", "one", "all or one"] = "all or one"

    def nearest(
        self, index: int, calls: Sequence[Any], answers: Sequence[Value], judged: Sequence[Judged]
    ) -> str | None:
        """Return the known wrong version that explains the answers, first of all that of call `index`."""
        asked = list(zip(calls, answers, judged, strict=True))
        here = self._alike(asked[index : index + 1], judged[index][1])
        if self.where == "one":
            return _least(here)
        everywhere = _least(self._alike(asked, here))
        return everywhere if everywhere or self.where == "all" else _least(here)

    def _alike(self, asked: Sequence[tuple[Any, Value, Judged]], names: Mapping[str, Any]) -> dict[str, float]:
        """Return those of the known wrong versions `names` that are alike at all these calls, and how far apart."""
        found = {name: self._total(asked, name) for name in names}
        return {name: total for name, total in found.items() if total is not None}

    def _total(self, asked: Sequence[tuple[Any, Value, Judged]], name: str) -> float | None:
        total = 0.0
        for call, got, (right, wrong) in asked:
            apart = self.apart(call, got, wrong[name], right)
            if apart is None:  # a version that is asked of only when it is looked up costs time: no further look
                return None
            total += apart
        return total


def _least(found: Mapping[str, float]) -> str | None:
    return min(found, key=found.__getitem__, default=None)


def alike_by(alike: Callable[[Any, Value, Value], bool]) -> Way:
    """Return the way in which an answer is like a wrong one or is not: `alike(call, got, wrong)`."""
    return Way(lambda call, got, wrong, right: 0.0 if alike(call, got, wrong) else None)
