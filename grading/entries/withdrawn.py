"""Who has left the course: grading/withdrawn.csv, which `python -m grading withdraw` writes and people may edit.

Tables, overviews and exports go without them; their work, marks and reports stay where they are. It holds names, so git
ignores it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from grading.entries.tables import read_table, write_table
from grading.errors import GradingError, printable

__all__ = ["change", "listing", "take_back", "withdraw", "withdrawn"]

PLACE = Path("grading", "withdrawn.csv")


def withdrawn(course: Path) -> set[str]:
    """Return the students who have left.

    Raises:
        GradingError: the table cannot be read.
    """
    return {cells["student"] for _, cells in read_table(course / PLACE, ("student",)).rows} - {""}


def withdraw(course: Path, student: str) -> None:
    """Write down that a student has left.

    Raises:
        GradingError: there is no name, or the table cannot be read or written.
    """
    if not student.strip():
        raise GradingError("expected the id of the student who has left")
    _write(course, {*withdrawn(course), student})


def take_back(course: Path, student: str) -> bool:
    """Take back that a student has left; return whether it was written down.

    Raises:
        GradingError: the table cannot be read or written.
    """
    names = withdrawn(course)
    if student in names:
        _write(course, names - {student})
    return student in names


def change(course: Path, student: str, back: bool) -> str:
    """Write down that a student has left, or is back, and return what that does, in words.

    Raises:
        GradingError: there is no name, or the table cannot be read or written.
    """
    name = printable(student)
    if back:
        return f"{name} is back in all tables" if take_back(course, student) else f"{name} had not left"
    withdraw(course, student)
    known = (course / "grading" / "submitted" / student).is_dir()
    said = f"{name} has left: no table, overview or export shows them any more. Nothing was deleted."
    return said if known else f"{said}\nNothing of {name} is here: is that the name?"


def listing(course: Path) -> str:
    """Return who has left, a name a line.

    Raises:
        GradingError: the table cannot be read.
    """
    return "\n".join(map(printable, sorted(withdrawn(course)))) or "nobody has left"


def _write(course: Path, names: Iterable[str]) -> None:
    write_table(course / PLACE, ("student",), sorted([name] for name in names))
