"""What the gradebook has of one exercise, read and never written, not even by opening it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from nbgrader.api import Assignment, BaseCell, Comment, Grade, SubmittedAssignment, SubmittedNotebook
from sqlalchemy import create_engine
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from grading.errors import GradingError

__all__ = ["Entry", "entries"]


@dataclass(frozen=True)
class Entry:
    """The marks of one question of a student: the automatic one, that by hand, extra credit, and a comment by hand."""

    auto: float | None = None
    by_hand: float | None = None
    extra: float = 0.0
    comment: str = ""


def entries(db_url: str, exercise: str) -> dict[tuple[str, str], Entry]:
    """Return what there is by (student, question); nothing where there is no gradebook yet.

    Raises:
        GradingError: the gradebook cannot be read.
    """
    address = db_url.partition("?")[0]
    if address.startswith("sqlite:///"):
        path = Path(address.removeprefix("sqlite:///"))
        if not path.exists():
            return {}
        db_url = f"sqlite:///file:{quote(str(path.absolute()))}?mode=ro&uri=true"
    engine = create_engine(db_url)
    try:
        with Session(engine) as session:
            found = {(s, _question(cell)): Entry(*marks) for s, cell, *marks in _grades(session, exercise)}
            for student, cell, comment in _rows(session, exercise, Comment, Comment.manual_comment):
                if comment:
                    entry = found.get((student, cell), Entry())
                    found[student, cell] = replace(entry, comment=comment)
            return found
    except DatabaseError as error:
        raise GradingError(f"the gradebook {address} cannot be read: {error.orig}") from None
    finally:
        engine.dispose()


def _grades(session: Session, exercise: str) -> list[tuple[Any, ...]]:
    columns = Grade.auto_score, Grade.manual_score, Grade.extra_credit
    return [(*row[:4], row[4] or 0.0) for row in _rows(session, exercise, Grade, *columns)]


def _rows(session: Session, exercise: str, table: Any, *columns: Any) -> list[Any]:
    """Return (student, cell's name, columns ...) of a table of what was found in submitted cells."""
    found = session.query(SubmittedAssignment.student_id, BaseCell.name, *columns)
    found = found.select_from(table).join(BaseCell, BaseCell.id == table.cell_id)
    found = found.join(SubmittedNotebook, SubmittedNotebook.id == table.notebook_id)
    found = found.join(SubmittedAssignment, SubmittedAssignment.id == SubmittedNotebook.assignment_id)
    found = found.join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
    return list(found.filter(Assignment.name == exercise))


def _question(cell: str) -> str:
    """Return the question of a cell with points; answers in words carry their own."""
    return cell.removesuffix("_check")
