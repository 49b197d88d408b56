"""What grading has written into a gradebook, kept there beside nbgrader's own tables and in the same transaction.

It tells grading's own from what people gave: extra credit that a withdrawn bonus has to take along, a mark by hand on
words that are still the same, an extension from the course's table. And it says for which report and which time of
submission a student's marks are, so that an older copy of the gradebook is not taken for done.

nbgrader leaves a table that it does not know alone, upgrades included.
"""

from __future__ import annotations

from typing import Any

import msgspec
from nbgrader.api import Assignment, SubmittedAssignment, SubmittedNotebook
from sqlalchemy import Column, MetaData, String, Table, Text, delete, insert, inspect, null, select
from sqlalchemy.orm import scoped_session

__all__ = ["Written", "WrittenCell", "all_written", "make_table"]

TABLE = Table(
    "deep_learning_lab_written", MetaData(), Column("notebook_id", String(32), primary_key=True), Column("value", Text)
)


class WrittenCell(msgspec.Struct, omit_defaults=True):
    """What was written about one graded cell: the hash of the answer, that of the answer that a hand has marked, and
    the extra credit that grading gave.
    """

    shown: str = ""
    marked: str = ""
    extra: float | None = None


class Written(msgspec.Struct, omit_defaults=True):
    """What was written about one submission: `done` is the mark of its graded notebook, `extension` in seconds what the
    course's table granted, if anything, and `cells` go by the id of nbgrader's grade.
    """

    done: str = ""
    extension: float | None = None
    cells: dict[str, WrittenCell] = {}

    @classmethod
    def read(cls, session: scoped_session[Any], notebook_id: str) -> Written:
        """Return what was written about a submitted notebook; of a new one, nothing."""
        return _decoded(session.execute(select(TABLE.c.value).where(TABLE.c.notebook_id == notebook_id)).scalar())

    def write(self, session: scoped_session[Any], notebook_id: str) -> None:
        """Write it with whatever else the session commits."""
        session.execute(delete(TABLE).where(TABLE.c.notebook_id == notebook_id))
        session.execute(insert(TABLE).values(notebook_id=notebook_id, value=msgspec.json.encode(self).decode()))


def make_table(session: scoped_session[Any]) -> None:
    """Make the table where there is none."""
    TABLE.create(session.connection(), checkfirst=True)
    session.commit()


def all_written(session: scoped_session[Any], exercise: str) -> dict[str, Written]:
    """Return what was written about all submissions to an exercise that the gradebook knows, by student."""
    there = inspect(session.connection()).has_table(TABLE.name)  # not in one of before there was this table
    query = (
        select(SubmittedAssignment.student_id, TABLE.c.value if there else null())
        .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
        .join(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
        .where(Assignment.name == exercise)
    )
    if there:
        query = query.join(TABLE, TABLE.c.notebook_id == SubmittedNotebook.id, isouter=True)
    return {student: _decoded(value) for student, value in session.execute(query)}


def _decoded(value: str | None) -> Written:
    try:
        return msgspec.json.decode(value or "{}", type=Written)
    except (msgspec.MsgspecError, ValueError):  # somebody's edit: as if nothing had been written
        return Written()
