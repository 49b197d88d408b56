"""One measured figure beside the number to reach."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Row", "paired_ratio", "print_rows", "printed", "seconds_of"]


@dataclass(frozen=True)
class Row:
    """What was measured, the value, the number to reach (`at_least`, or else at most), and what it stands on."""

    what: str
    value: float
    reach: float
    at_least: bool = True
    note: str = ""

    @property
    def reached(self) -> bool:
        """Return whether the value is on the right side of the number to reach."""
        return self.value >= self.reach if self.at_least else self.value <= self.reach


printed: list[Row] = []  # all rows of this run, for `--json`


def print_rows(rows: list[Row]) -> None:
    """Print the rows as a table."""
    printed.extend(rows)
    width = max(len(row.what) for row in rows)
    print(f"{'what':{width}}  {'measured':>9}  {'to reach':>9}")
    for row in rows:
        sign = ">=" if row.at_least else "<="
        print(
            f"{row.what:{width}}  {row.value:9.3g}  {sign} {row.reach:6g}  "
            f"{'reached' if row.reached else 'NOT reached'}  {row.note}"
        )


def seconds_of(action: Callable[[], object]) -> float:
    """Return the wall time of one call, in seconds."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def paired_ratio(first: Callable[[], object], second: Callable[[], object], pairs: int) -> float:
    """Return the median of time(first) / time(second) over pairs, so that a drifting machine cancels out.

    The two take turns in going first: what grows slower during a pair counts once for and once against each.
    """
    first(), second()
    ratios = []
    for pair in range(pairs):
        if pair % 2:
            second_s, first_s = seconds_of(second), seconds_of(first)
        else:
            first_s, second_s = seconds_of(first), seconds_of(second)
        ratios.append(first_s / second_s)
    return statistics.median(ratios)
