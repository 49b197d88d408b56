"""What instructors enter by nbgrader's own commands, read before nbgrader reads it.

Its reader of times takes "12:00 CEST" for UTC and "06.05.2031" for the 5th of June, and ends with a traceback where it
reads nothing; its reader of tables knows neither semicolons nor a byte order mark, and ends at a line without an id.
"""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

from nbgrader.apps.dbapp import DbAssignmentAddApp, DbGenericImportApp

from grading.entries.tables import Table, read_table
from grading.entries.times import FORM, utc_time
from grading.errors import GradingError, printable

__all__ = ["add_assignment", "import_table"]

_add, _import = DbAssignmentAddApp.start, DbGenericImportApp.start


def add_assignment(app: DbAssignmentAddApp) -> None:
    """Stand for `nbgrader db assignment add`, with a due date that can mean one time alone."""
    if app.duedate is not None:
        try:
            app.duedate = _due(app.duedate)
        except ValueError:
            app.fail("Nothing was entered: the due date '%s' cannot be read. Expected %s", printable(app.duedate), FORM)
    _add(app)


def import_table(app: DbGenericImportApp) -> None:
    """Stand for `nbgrader db student import` and the like: what no reader understands is told by its line."""
    path = Path(app.extra_args[0]) if len(app.extra_args) == 1 else None
    if path is None or not path.is_file():
        _import(app)
        return
    try:
        table = read_table(path, (app.primary_key,))
    except GradingError as error:
        app.fail("Nothing was imported: %s", error)
    troubles = _mend(table, app.primary_key)
    if table.plain and not troubles:
        _import(app)
        return
    for trouble in troubles:
        app.log.error("%s, %s. The other lines are imported.", path.name, trouble)
    with tempfile.TemporaryDirectory() as folder:
        app.extra_args = [str(Path(folder, path.name))]
        with open(app.extra_args[0], "w", newline="") as file:  # in the encoding in which nbgrader reads it
            csv.writer(file).writerows([table.columns, *(cells.values() for _, cells in table.rows)])
        _import(app)


def _mend(table: Table, key: str) -> list[str]:
    """Take lines that cannot be entered out of a table, and return what is wrong with each."""
    troubles = []
    for place, cells in list(table.rows):
        trouble = "" if cells[key] else f"there is no {key}"
        if not trouble and cells.get("duedate"):
            try:
                cells["duedate"] = _due(cells["duedate"])
            except ValueError:
                trouble = f"the due date '{printable(cells['duedate'])}' cannot be read; expected {FORM}"
        if trouble:
            troubles.append(f"line {place}: {trouble}")
            table.rows.remove((place, cells))
    return troubles


def _due(text: str) -> str:
    """Return a due date as nbgrader cannot misread it."""
    return f"{utc_time(text.strip()):%Y-%m-%d %H:%M:%S} UTC"
