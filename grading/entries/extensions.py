"""More time for one student: grading/extensions.csv, which `python -m grading extend` writes and people may edit.

It holds names, so git ignores it. A line that says nothing clear is told, and the others hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from grading.entries.tables import read_table, write_table
from grading.entries.times import FORM, utc_time
from grading.errors import GradingError, printable

__all__ = ["Extension", "change", "extend", "extensions", "listing", "unextend"]

PLACE = Path("grading", "extensions.csv")
COLUMNS = ("student", "exercise", "until")
MORE = re.compile(r"\+ ?(\d{1,4}) ?(d|days?|h|hours?)", re.IGNORECASE)


@dataclass(frozen=True)
class Extension:
    """`until` is a time, or what is added to whatever is due, such as "+3 days"."""

    student: str
    exercise: str
    until: str

    @property
    def trouble(self) -> str:
        """What is wrong with it, in words; nothing where all is well."""
        if not self.student or not self.exercise:
            return "an extension needs a student's id and an exercise"
        if MORE.fullmatch(self.until):
            return ""
        try:
            utc_time(self.until)
        except ValueError:
            said = printable(self.until)
            return f"'{said}' is no time that can be read. Expected {FORM}, or more days or hours: \"+3 days\""
        return ""

    def beyond(self, due: datetime) -> timedelta:
        """Return how much later than `due`, which is in UTC, this student may hand in; never less than nothing.

        Example: until "2031-05-08 12:00 UTC" is two days beyond noon of the 6th, and nothing beyond the 9th.
        """
        if more := MORE.fullmatch(self.until):
            number, unit = int(more[1]), more[2].lower()
            wished = timedelta(days=number) if unit.startswith("d") else timedelta(hours=number)
            return min(wished, datetime.max - due)  # nbgrader adds them, and there is no later time
        return max(timedelta(), utc_time(self.until) - due)


def extensions(course: Path) -> tuple[list[Extension], list[str]]:
    """Return all extensions, of two for the same student and exercise the last, and a sentence for each bad line."""
    try:
        rows = read_table(course / PLACE, COLUMNS).rows
    except GradingError as error:
        return [], [f"{error}. Nobody has more time by it."]
    found: dict[tuple[str, str], Extension] = {}
    troubles = []
    for place, cells in rows:
        one = Extension(cells["student"], cells["exercise"], cells["until"])
        if one.trouble:
            troubles.append(f"{PLACE}, line {place}: {one.trouble}. This line grants nothing.")
        else:
            found[one.student, one.exercise] = one
    return sorted(found.values(), key=lambda one: (one.exercise, one.student)), troubles


def extend(course: Path, wish: Extension) -> None:
    """Write an extension down, in place of what stood there for the same student and exercise.

    Raises:
        GradingError: it is none, or the table has lines that would be lost.
    """
    if wish.trouble:
        raise GradingError(wish.trouble)
    _write(course, [*_others(_sound(course), wish.student, wish.exercise), wish])


def unextend(course: Path, student: str, exercise: str) -> bool:
    """Take an extension away; return whether there was one.

    Raises:
        GradingError: the table has lines that would be lost.
    """
    found = _sound(course)
    others = _others(found, student, exercise)
    if len(others) < len(found):
        _write(course, others)
    return len(others) < len(found)


def change(course: Path, student: str, exercise: str, until: str | None) -> str:
    """Write an extension down, or take it away where there is no `until`, and return what that does, in words.

    Raises:
        GradingError: it is none, or the table has lines that would be lost.
    """
    name, then = printable(student), f"It takes effect with: nbgrader autograde {exercise}"
    if until is None:
        gone = unextend(course, student, exercise)
        return f"{name}, {exercise}: no extension any more. {then}" if gone else f"{name}, {exercise}: there was none"
    extend(course, Extension(student, exercise, until))
    means = until if MORE.fullmatch(until) else f"{utc_time(until):%Y-%m-%d %H:%M} UTC"
    said = f"{name}, {exercise}: until {means}. {then}"
    known = (course / "grading" / "submitted" / student).is_dir()
    return said if known else f"{said}\nNothing of {name} is here yet: is that the name?"


def listing(course: Path) -> str:
    """Return all extensions, a line each, and what is wrong with the file."""
    found, troubles = extensions(course)
    lines = [f"{one.exercise}  {printable(one.student)}  until {one.until}" for one in found] or ["no extensions"]
    return "\n".join([*lines, *troubles])


def _sound(course: Path) -> list[Extension]:
    """Return all extensions of a table that can be written anew without loss."""
    found, troubles = extensions(course)
    if troubles:
        raise GradingError(f"mend this first, so that nothing is lost: {troubles[0]}")
    return found


def _others(found: Iterable[Extension], student: str, exercise: str) -> list[Extension]:
    return [one for one in found if (one.student, one.exercise) != (student, exercise)]


def _write(course: Path, found: Iterable[Extension]) -> None:
    write_table(course / PLACE, COLUMNS, sorted(map(astuple, found)))
