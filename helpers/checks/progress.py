"""Where a student stands: for each exercise the questions done, the points still open, and the best results.

A question is done when its check has passed in a notebook (`engine/record.py` notes that). Points here are those of the
notebook's checks; what counts is what grading finds with other numbers.
"""

from __future__ import annotations

import html
import math
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers.checks.engine.lines import fitting
from helpers.checks.engine.record import mark, read_notes
from helpers.checks.saved import Cell, Notebook, fullest, notebooks_in
from helpers.notebook import in_notebook, show_html
from helpers.results import FILE as RESULTS
from helpers.results import Results

__all__ = ["Standing", "progress", "standings"]

BEST = {"MPJPE": min, "PCK@0.5": max, "mIoU": max, "AP": max}  # the columns that say how good a method is
COLUMNS = ("exercise", "questions done", "points", "still open", "best results")


@dataclass(frozen=True)
class Standing:
    """Where one exercise stands. `points` are those of passed checks, of `of_points`; of `open` each is one phrase."""

    exercise: str
    done: int
    of_questions: int
    points: float
    of_points: float
    open: list[str]
    best: str
    problems: list[str]

    @property
    def row(self) -> tuple[str, ...]:
        """The texts of COLUMNS."""
        questions = f"{self.done} of {self.of_questions}"
        points = f"{self.points:g} of {self.of_points:g}"
        return self.exercise, questions, points, "; ".join(self.open) or "nothing", self.best or "–"


def progress() -> None:
    """Show where you stand in each exercise of this folder: in a notebook as a table, else as lines."""
    found = standings(Path.cwd())
    if not found:
        print(f"There is no exercise in or beside {Path.cwd()}: call it in a notebook of the course.")
        return
    if in_notebook():
        show_html(_table([one.row for one in found]))
    else:
        for exercise, questions, points, still, best in (one.row for one in found):
            print(f"{exercise}: {questions} questions done, {points} points\n  open  {still}\n  best  {best}")
    for problem in dict.fromkeys(problem for one in found for problem in one.problems):
        print(fitting(problem))


def standings(here: Path) -> list[Standing]:
    """Return where each exercise stands whose folder lies beside `here`, in it, or in its folder `exercises`; or the
    one whose notebook lies in `here` alone."""
    for place in (here.parent, here, here / "exercises"):
        folders = sorted(path for path in place.glob("ex[0-9][0-9]_*") if notebooks_in(path, path.name))
        if folders and (place != here.parent or here in folders):
            return [_standing(folder, folder.name) for folder in folders]
    names = sorted({match.group() for path in here.glob("*.ipynb") if (match := re.search(r"ex\d\d_\w+", path.name))})
    own = [name for name in names if not any(name != one and name.startswith(one) for one in names)]  # no ..._ideas
    return [_standing(here, name) for name in own]


def _standing(folder: Path, exercise: str) -> Standing:
    notebook, problems = fullest(notebooks_in(folder, exercise))
    notes, problem = read_notes(folder)
    if not os.access(folder, os.W_OK):
        problem = problem or f"{folder} cannot be written, so nothing is noted there when a check passes."
    problems += [problem] * bool(problem)
    if notebook is None:
        return Standing(exercise, 0, 0, 0, 0, ["the notebook cannot be read"], _best(folder), problems)
    own, asked = notes.get(exercise, {}), _asked(notebook)
    left = [phrase for answer, check in asked if (phrase := _left(answer, check, own.get(answer.question)))]
    words = notebook.of_role("words")
    left += [f"{cell.question} ({'' if cell.lost else f'{cell.points:g}, '}by hand)" for cell in words if cell.is_open]
    left += [f"{question} (its cells are gone)" for question in notebook.gone(exercise)]
    done = sum(_left(answer, check, own.get(answer.question)) == "" for answer, check in asked)
    points = sum(_points(check, own.get(answer.question)) for answer, check in asked)
    total = sum(check.points for _, check in asked)
    return Standing(exercise, done, len(asked), points, total, left, _best(folder), problems)


def _asked(notebook: Notebook) -> list[tuple[Cell, Cell]]:
    """Return the cells of answer and check of every question; one that is checked for no points has an empty check."""
    checks = {cell.question: cell for cell in notebook.of_role("check")}
    answers = notebook.of_role("answer")
    return [(cell, checks.get(cell.question, Cell("check", cell.question, ""))) for cell in answers]


def _points(check: Cell, noted: dict[str, Any] | None) -> float:
    """Return the points of a question by what is noted of it."""
    if noted is None:
        return 0.0
    promised = noted.get("points")
    return min(float(promised), check.points) if isinstance(promised, (int, float)) else check.points


def _left(answer: Cell, check: Cell, noted: dict[str, Any] | None) -> str:
    """Return what is left to do for a question, "" where it is done."""
    points = f" ({check.points:g})" if check.points else " (no points)" * (not check.lost)
    if noted is None:
        return f"{answer.question}{points}"
    if missing := check.points - _points(check, noted):
        return f"{answer.question} ({missing:g} more)"
    changed = noted.get("cell") not in ("", mark(""), mark(answer.source))
    return f"{answer.question}: passed, but its saved cell is another: save the notebook, or check it again" * changed


def _best(folder: Path) -> str:
    """Return the best number of each measure in the folder's own table, with the method that has it."""
    if not (folder / RESULTS).is_file():
        return ""
    rows, found = Results(folder / RESULTS).rows, []
    for column, better in BEST.items():
        numbers = {name: row[column] for name, row in rows.items() if not math.isnan(row.get(column, math.nan))}
        if numbers:
            name = better(numbers, key=lambda one: numbers[one])
            found.append(f"{column} {numbers[name]:.4g} ({name})")
    return ", ".join(found)


def _table(rows: list[tuple[str, ...]]) -> str:
    head = "".join(f'<th scope="col" style="text-align:left">{column}</th>' for column in COLUMNS)
    lines = []
    for name, *cells in ([html.escape(cell) for cell in row] for row in rows):
        styles = ["text-align:left;white-space:nowrap"] * 2 + ["text-align:left"] * (len(cells) - 2)  # "18 of 24"
        rest = "".join(f'<td style="{style}">{cell}</td>' for style, cell in zip(styles, cells, strict=True))
        lines.append(f'<tr><th scope="row" style="text-align:left">{name}</th>{rest}</tr>')
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
