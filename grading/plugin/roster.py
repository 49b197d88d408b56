"""`nbgrader db student import FILE` and `... assignment import FILE` on tables as spreadsheets and platforms save them.

`import_table` takes the place of what these commands do (`grading.plugin.mended`). A byte order mark, semicolons or
tabs between the cells and Windows' signs are read; the columns of Moodle's lists are understood by their names. A line
that cannot be entered is told, and the others are entered.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook, InvalidEntry
from sqlalchemy.exc import OperationalError

from grading.entries.tables import decoded, separator
from grading.entries.times import FORM
from grading.errors import printable
from grading.plugin.entered import due_date
from grading.plugin.gradebook import patient

__all__ = ["import_table"]

SAME = {  # headers of Moodle's lists and of our own table for it
    "id number": "id",
    "first name": "first_name",
    "last name": "last_name",
    "surname": "last_name",
    "email address": "email",
}
MOST_LINES = 10  # that are told one by one


def import_table(app: Any) -> None:
    """Enter the lines of the table that the command names into the gradebook.

    Args:
        app: nbgrader's command, with its gradebook, its columns and the column that tells who or what is meant.
    """
    if len(app.extra_args) != 1:
        app.fail(f"Name one table: `{app.name.replace('-', ' ')} TABLE.csv`.")
    path = Path(app.extra_args[0])
    columns = [app.primary_key, *(name for name in app.expected_keys if name not in app.excluded_keys)]
    rows = list(_lines(app, path, list(dict.fromkeys(columns))))
    try:
        wrong = _enter(app, rows, columns)
    except OperationalError as error:
        why = f"the gradebook cannot be written: {error.orig}"
        app.fail(f"{why}. Is it open elsewhere? See to its rights, then run again.")
        raise
    for said in wrong[:MOST_LINES]:
        app.log.error("%s: %s", path, said)
    app.log.info("Entered %d of %d lines of %s", len(rows) - len(wrong), len(rows), path)
    if wrong:
        app.fail(f"{len(wrong)} of {len(rows)} lines were not entered, all others are. Mend them and run again.")


def _enter(app: Any, rows: list[tuple[int, dict[str, str]]], columns: list[str]) -> list[str]:
    """Enter lines, each by itself; return what is wrong with those that cannot be."""
    wrong, key = [], app.primary_key
    with Gradebook(patient(app.coursedir.db_url), app.course_id, app.authenticator) as gradebook:
        enter = getattr(gradebook, app.db_update_method_name)
        for line, row in rows:
            values = {name: value or None for name, value in row.items() if name in columns and name != key}
            if said := _entered(enter, row.get(key, ""), values, key):
                wrong.append(f"line {line} {said}")
    return wrong


def _entered(enter: Any, name: str, values: dict[str, str | None], key: str) -> str:
    """Enter one line; return what is wrong with it."""
    if not name:
        return f"has nothing in the column {key}, so nobody knows who is meant"
    if not name.isprintable():
        return f"has '{printable(name)}' in the column {key}, which holds a sign that cannot be printed"
    if due := values.get("duedate"):
        try:
            values["duedate"] = due_date(due)
        except ValueError:
            return f"has the due date '{printable(due)}', which cannot be read; expected {FORM}"
    try:
        enter(name, **values)
    except (InvalidEntry, ValueError, OverflowError) as error:
        return f"cannot be entered: {printable(str(error))[:200]}"
    return ""


def _lines(app: Any, path: Path, known: list[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Give number and cells of each line below the header that is not empty."""
    table = csv.reader(io.StringIO(text := _text(app, path), newline=""), delimiter=separator(text))
    try:
        header = [_column(name, known) for name in next(table, [])]
        if known[0] not in header:
            found = printable(", ".join(header)) or "nothing"
            app.fail(f"{path} has no column {known[0]}: its first line has {found}. Name them {', '.join(known)}.")
        if unknown := [name for name in header if name not in known]:
            app.log.info("Columns that nbgrader does not keep: %s", printable(", ".join(unknown)))
        for row in table:
            if any(cell.strip() for cell in row):
                yield table.line_num, {name: cell.strip() for name, cell in zip(header, row, strict=False)}
    except csv.Error as error:
        app.fail(f"{path} is no table: {error} in line {table.line_num}. Save it as CSV and run again.")


def _text(app: Any, path: Path) -> str:
    """Return the text of a table, in whatever encoding it was saved."""
    try:
        text, encoding = decoded(path.read_bytes())
    except OSError as error:
        app.fail(f"{path} cannot be read: {error.strerror}")
        raise
    if encoding == "cp1252":
        app.log.warning("%s is not in UTF-8; its letters were read as Windows' (cp1252)", path)
    return text


def _column(name: str, known: list[str]) -> str:
    """Return nbgrader's name of a column: "ID number" is "id", "First name" is "first_name"."""
    plain = name.strip().strip('"').casefold()
    same = SAME.get(plain, plain.replace(" ", "_"))
    return same if same in known else name.strip()
