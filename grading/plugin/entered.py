"""Due dates that instructors enter by nbgrader's own commands, read before nbgrader reads them.

Its reader takes "12:00 CEST" for UTC and "06.05.2031" for the 5th of June, and ends with a traceback where it reads
nothing.
"""

from __future__ import annotations

from nbgrader.apps.dbapp import DbAssignmentAddApp

from grading.entries.times import FORM, utc_time
from grading.errors import printable

__all__ = ["add_assignment", "due_date"]

_add = DbAssignmentAddApp.start


def add_assignment(app: DbAssignmentAddApp) -> None:
    """Stand for `nbgrader db assignment add`, with a due date that can mean one time alone."""
    if app.duedate is not None:
        try:
            app.duedate = due_date(app.duedate)
        except ValueError:
            app.fail("Nothing was entered: the due date '%s' cannot be read. Expected %s", printable(app.duedate), FORM)
    _add(app)


def due_date(text: str) -> str:
    """Return a due date as nbgrader cannot misread it."""
    return f"{utc_time(text.strip()):%Y-%m-%d %H:%M:%S} UTC"
