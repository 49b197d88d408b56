"""The table of results that grows from exercise to exercise."""

import html
import json
import math
import os
import time
from pathlib import Path

from helpers.files import atomically
from helpers.notebook import in_notebook, show_html

FILE = "results.json"


class Results:
    """A table with one row per method, kept in a JSON file, so that a later exercise can compare with an earlier one.

    Args:
        path: the file; None is results.json beside the notebook. Rows of notebooks in folders beside it stand above.
        data: the data set that the numbers are of: a row says so in its name, unless it is of rendered images.
    Example: results.add("regression", **{"MPJPE": 8.3, "seconds": 60})
    """

    def __init__(self, path: str | os.PathLike[str] | None = None, data: str = "rendered"):
        self.path = Path(path) if path is not None else Path.cwd() / FILE
        self.ending = "" if data.startswith("rendered") else f", {data}"
        self.rows: dict[str, dict[str, float]] = self._read(self.path)

    def add(self, name: str, **numbers: float) -> None:
        """Put in the row `name`, in place of an older one of that name, and write the file.

        A number may be a Python number or a tensor of one element; NaN is allowed and shown as a dash.
        """
        if not isinstance(name, str) or not name:
            raise ValueError(f"The row's name is {name!r}; expected a text such as 'regression'.")
        name, row = name + self.ending, {}
        for column, value in numbers.items():
            try:
                row[column] = float(value)
            except (TypeError, ValueError, RuntimeError) as error:
                raise TypeError(f"{column} of {name!r} is {value!r:.60}; expected one number.") from error
        self.rows = {**self._read(self.path), **self.rows, name: row}  # another notebook may have added rows meanwhile
        self._write()

    def row(self, name: str) -> dict[str, float]:
        """Return the numbers of the row `name`, none where there is no such row."""
        return self.rows.get(name + self.ending, {})

    def show(self, having: str | None = None) -> None:
        """Show the table in the notebook, or print it where there is none.

        With `having` only the rows that have a number in that column, and their columns.
        """
        if in_notebook():
            show_html(_html(self._lines(having)))
        else:
            print(_text(self._lines(having)))

    def all_rows(self) -> dict[str, dict[str, float]]:
        """Return the rows of the exercises beside this one and then its own, by name."""
        beside = sorted(p for p in self.path.parent.parent.glob(f"ex*/{FILE}") if p.parent != self.path.parent)
        earlier = {name: row for path in beside for name, row in self._read(path).items() if name not in self.rows}
        return {**earlier, **self.rows}

    def __repr__(self) -> str:
        return _text(self._lines())

    def _repr_html_(self) -> str:
        return _html(self._lines())

    def _lines(self, having: str | None = None) -> list[list[str]]:
        """Return the header and the rows as texts; a dash where a row has no such number."""
        rows = {name: row for name, row in self.all_rows().items() if having is None or having in row}
        columns = list(dict.fromkeys(column for row in rows.values() for column in row))
        shown = [[name, *(_told(row.get(column, math.nan)) for column in columns)] for name, row in rows.items()]
        return [["method", *columns], *shown]

    def _read(self, path: Path) -> dict[str, dict[str, float]]:
        try:
            rows = json.loads(path.read_text(encoding="utf-8")).items()
            return {name: {c: math.nan if v is None else float(v) for c, v in row.items()} for name, row in rows}
        except FileNotFoundError:
            return {}
        except OSError as error:
            print(f"{path} cannot be read ({error.strerror or error}): its rows are missing here.")
            return {}
        except (ValueError, TypeError, AttributeError):  # not JSON, or not a table
            return _set_aside(path)

    def _write(self) -> None:
        rows = {name: {c: None if math.isnan(v) else v for c, v in row.items()} for name, row in self.rows.items()}
        try:
            with atomically(self.path) as part:
                part.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        except OSError as error:
            why = error.strerror or error
            print(f"{self.path} cannot be written ({why}): this row is kept until the notebook is closed.")


def _told(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _text(lines: list[list[str]]) -> str:
    if len(lines) == 1:  # the header
        return "No results yet."
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]) for line in lines)


def _html(lines: list[list[str]]) -> str:
    header, *rows = [[html.escape(cell) for cell in line] for line in lines]
    if not rows:
        return "<p>No results yet.</p>"
    head = "".join(f'<th scope="col">{cell}</th>' for cell in header)
    named = [(f'<th scope="row" style="text-align:left">{name}</th>', cells) for name, *cells in rows]
    body = "".join(f"<tr>{name}{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>" for name, cells in named)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _set_aside(path: Path) -> dict[str, dict[str, float]]:
    """Rename a file that cannot be read as a table, say so, and return a table without rows."""
    aside = path.with_name(f"{path.stem}.damaged-{time.strftime('%Y%m%d-%H%M%S')}.json")
    try:
        os.replace(path, aside)
        print(f"{path} was damaged; it is kept as {aside.name} and its table starts anew.")
    except OSError:
        print(f"{path} is damaged and cannot be renamed; its table starts anew.")
    return {}
