"""Tables of text as spreadsheets write them: with commas, semicolons or tabs, with or without a byte order mark."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from grading.errors import GradingError
from helpers.files import atomically

__all__ = ["Table", "decoded", "read_table", "separator", "write_table"]


@dataclass(frozen=True)
class Table:
    """The lines of a table below its first one: their numbers in the file, and their cells by column."""

    columns: list[str] = field(default_factory=list)
    rows: list[tuple[int, dict[str, str]]] = field(default_factory=list)


def read_table(path: Path, needed: Sequence[str]) -> Table:
    """Return a table, without white space around cells; where there is no file, an empty one.

    UTF-8, or else as older spreadsheets write. Lines without a word are left out, missing cells are empty.

    Raises:
        GradingError: it cannot be read, or lacks a column that is needed.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Table()
    except OSError as error:
        raise GradingError(f"{path} cannot be read ({error.strerror}): see to its rights") from None
    text, _ = decoded(data)
    lines = text.splitlines(keepends=True)
    reader = csv.DictReader(lines, delimiter=separator(text), restval="")
    columns = [name.strip() for name in reader.fieldnames or ()]
    if missing := [column for column in needed if column not in columns]:
        first = ",".join(needed)
        raise GradingError(f"{path.name} has no column {', '.join(missing)}: expected a first line such as {first}")
    reader.fieldnames = columns
    rows = [(reader.line_num, {column: (row[column] or "").strip() for column in columns}) for row in reader]
    return Table(columns, [(place, cells) for place, cells in rows if any(cells.values())])


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a table in UTF-8 with commas, whole or not at all.

    Raises:
        GradingError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomically(path) as part, part.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([columns, *rows])
    except OSError as error:
        raise GradingError(f"{path} cannot be written ({error.strerror}): see to its rights") from None


def decoded(data: bytes) -> tuple[str, str]:
    """Return the text of a file and its encoding; that of a byte order mark is none that others read."""
    for encoding, mark in (("utf-8-sig", b"\xef\xbb\xbf"), ("utf-16", b"\xff\xfe"), ("utf-16", b"\xfe\xff")):
        if data.startswith(mark):
            return data.decode(encoding, "replace"), encoding
    try:
        return data.decode(), "utf-8"
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace"), "cp1252"


def separator(text: str) -> str:
    """Return what stands between the cells of a table, by its first line."""
    first = text.partition("\n")[0]
    return max(",;\t", key=first.count)
