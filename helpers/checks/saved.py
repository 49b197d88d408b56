"""A student's notebook as it is saved: its cells, what each is for, which questions are open, and what it defines."""

from __future__ import annotations

import ast
import importlib
import json
import linecache
import os
import re
import sys
import types
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from helpers.checks.engine.code import (
    DEFINED,
    NO_PYTHON,
    NoShell,
    definitions,
    future_flags,
    parsed,
    plain_python,
    unanswered,
)

__all__ = ["Cell", "Notebook", "Session", "fullest", "notebooks_in", "own_notebook", "read_notebook"]

WORDS = "YOUR ANSWER HERE"
CHECKS = re.compile(r"check\.(\w+)\(\w+")  # check.model(build_model), alone in its cell
SETUP = re.compile(r"^\s*from helpers\.checks import (ex\d\d_\w+) as check\b", re.MULTILINE)


@dataclass(frozen=True)
class Cell:
    """One cell: `question` names what it answers or checks, and `role` is "setup", "answer", "check", "words" or, of
    any other code, "other". `points` are those of a check or of words, unknown where the cell's name was `lost`."""

    role: str
    question: str
    source: str
    points: float = 0.0
    lost: bool = False
    id: str = field(default="", compare=False)

    @property
    def defines(self) -> str:
        """The name of the answer: the question's, or that of the last function or class."""
        return self.question if self.question in self.names or not self.names else self.names[-1]

    @property
    def names(self) -> list[str]:
        """The functions and classes that the cell defines."""
        return [str(name) for name in DEFINED.findall(self.source)]

    @property
    def is_open(self) -> bool:
        """Whether an answer or words are still as they came."""
        if self.role == "words":
            return self.source.strip() in ("", WORDS)
        try:
            return not self.source.strip() or unanswered(plain_python(self.source))
        except NO_PYTHON:  # half written
            return False


class Session:
    """The names that cells define, run one after the other in a module of its own, as grading runs them."""

    def __init__(self, name: str) -> None:
        module = sys.modules[name] = types.ModuleType(name)  # where dataclasses look for their own
        self.names = module.__dict__
        self.names |= {"get_ipython": NoShell, "display": lambda *objects, **options: None}
        self.flags = 0  # of `from __future__ import ...`, which hold for all later cells

    def run(self, cell: Cell) -> list[tuple[int | None, BaseException]]:
        """Run a cell statement by statement, of "other" code what only defines; return the line and the error of each
        that failed: the next one has its chance all the same. No line: the cell is no Python."""
        place = f"<{cell.question or 'cell'}>"
        try:
            text, statements = parsed(cell.source, place)
        except NO_PYTHON as error:
            return [(None, error)]
        linecache.cache[place] = len(text), None, text.splitlines(True), place  # for inspect.getsource
        errors: list[tuple[int | None, BaseException]] = []
        for statement in statements:
            if cell.role == "other" and not definitions(statement):
                continue
            self.flags |= future_flags(statement)
            try:
                exec(compile(ast.Module([statement], []), place, "exec", self.flags, dont_inherit=True), self.names)
            except KeyboardInterrupt:  # pressed by who waits
                raise
            except BaseException as error:  # of a cell's own: SystemExit, what pytest.fail raises
                errors.append((statement.lineno, error))
        return errors


@dataclass(frozen=True)
class Notebook:
    """A notebook's cells of code and words, in their order."""

    path: Path
    cells: list[Cell]

    def of_role(self, *roles: str) -> list[Cell]:
        """Return the cells of these roles."""
        return [cell for cell in self.cells if cell.role in roles]

    @property
    def open(self) -> list[str]:
        """The questions that are not answered yet, or whose cell is gone."""
        answered = {cell.question for cell in self.of_role("answer")}
        lost = [cell.question for cell in self.of_role("check") if cell.question not in answered]
        return [cell.question for cell in self.of_role("answer", "words") if cell.is_open] + lost

    def gone(self, exercise: str) -> list[str]:
        """The questions that an exercise's checks know of which the notebook has neither answer nor check."""
        there = {cell.question for cell in self.of_role("answer", "check")}
        return [name for name in _questions(exercise) if name not in there]


def read_notebook(path: Path) -> Notebook:
    """Return the notebook in a file.

    Raises:
        ValueError: it is none, or half written.
        OSError: it cannot be read.
    """
    try:
        raw = [cell for cell in json.loads(path.read_text(encoding="utf-8-sig"))["cells"] if isinstance(cell, dict)]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        problem = f"{path.name} is no notebook that can be read ({type(error).__name__})"
        raise ValueError(f"{problem}: save it again, or take an older copy of it.") from error
    asked = next((match[1] for cell in raw if (match := SETUP.search(_text(cell)))), "")
    known = _questions(asked)
    return Notebook(path, _each_once(_named([found for cell in raw if (found := _cell(cell, known))], known)))


def _questions(exercise: str) -> list[str]:
    """Return the questions that an exercise's checks know; none of an exercise of somebody else's."""
    try:
        return list(importlib.import_module(f"helpers.checks.{exercise}").QUESTIONS) if exercise else []
    except ModuleNotFoundError:
        return []


def _text(cell: dict[str, Any]) -> str:
    source = cell.get("source")
    lines = source if isinstance(source, list) else [source]
    return "".join(line for line in lines if isinstance(line, str))


def _cell(cell: dict[str, Any], known: list[str]) -> Cell | None:
    """Return a cell of code or words; None of any other text. What nbgrader notes may be damaged, or of elsewhere."""
    noted = cell.get("metadata")
    about = noted.get("nbgrader") if isinstance(noted, dict) else None
    about, text, place = about if isinstance(about, dict) else {}, _text(cell), str(cell.get("id", ""))
    name, points = str(about.get("grade_id") or ""), about.get("points")
    points = float(points) if isinstance(points, (int, float)) else 0.0
    solution, grade = about.get("solution"), about.get("grade")
    question = name.removesuffix("_check")
    if name in known:
        return Cell("answer", name, text, id=place)
    if question in known:
        return Cell("check", question, text, points, id=place)
    if cell.get("cell_type") != "code":
        if not name and re.fullmatch(r"words-\d+", place):  # it has lost its name
            return Cell("words", place.replace("-", "_"), text, lost=True)
        return Cell("words", name, text, points) if solution and grade else None
    if known and (solution or grade):  # of another exercise
        return Cell("other", "", text, id=place)
    if solution or grade:
        return Cell("answer" if solution else "check", name if solution else question, text, points, id=place)
    return Cell("setup" if about.get("locked") else "other", name, text, id=place)


def _named(cells: list[Cell], known: list[str]) -> list[Cell]:
    """Return the cells with the names that some have lost, where they were pasted, say: as in grading, by what they
    say and define. An answer that stands in the cell of another is given twice."""
    cells, there = list(cells), {(cell.role, cell.question) for cell in cells}
    for place, cell in enumerate(cells):
        call = CHECKS.match(cell.source.strip())
        if cell.role == "other" and call and ("check", call[1]) not in there:
            cells[place] = replace(cell, role="check", question=call[1], lost=True)
        elif cell.role == "other" and SETUP.search(cell.source) and ("setup", "setup") not in there:
            cells[place] = replace(cell, role="setup", question="setup")
    checked = [cell.question for cell in cells if cell.role == "check"]
    for question in dict.fromkeys([*known, *checked]):
        if ("answer", question) in there:
            continue
        named = "build_model" if question == "model" else question
        defining = [place for place, cell in enumerate(cells) if named in cell.names]
        claims = [place for place in defining if cells[place].role == "other"]
        claims += [n for n, cell in enumerate(cells) if cell.role == "other" and cell.id == question.replace("_", "-")]
        answered = [place for place in claims if not cells[place].is_open]
        if claims:
            place = (answered or claims)[-1]
            cells[place] = replace(cells[place], role="answer", question=question)
        elif defining:
            cells.insert(defining[-1] + 1, replace(cells[defining[-1]], role="answer", question=question))
    return cells


def _each_once(cells: list[Cell]) -> list[Cell]:
    """Return the cells with one for each question: of copies the last that is answered counts, as in grading; code in
    the others is the student's own."""
    counts = {(cell.role, cell.question): cell for cell in sorted(cells, key=lambda cell: not cell.is_open)}
    return [
        replace(cell, role="text" if cell.role == "words" else "other", question="")
        if cell.question and counts[cell.role, cell.question] is not cell
        else cell
        for cell in cells
    ]


def notebooks_in(folder: Path, exercise: str) -> list[Path]:
    """Return the notebooks of an exercise in a folder, by whatever a browser or a host has added to the name."""
    return sorted(path for path in folder.glob(f"*{exercise}*.ipynb") if not path.name.startswith("."))


def own_notebook() -> Path | None:
    """Return the notebook that this kernel runs, where JupyterLab or VS Code tells which, and it lies there."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    told = getattr(shell, "user_ns", {}).get("__vsc_ipynb_file__")
    path = Path(told or os.environ.get("JPY_SESSION_NAME", ""))
    return path.resolve() if path.suffix == ".ipynb" and path.is_file() else None


def fullest(paths: Iterable[Path]) -> tuple[Notebook | None, list[str]]:
    """Return that of some notebooks with the fewest open questions, of two the one saved last; and of each that cannot
    be read a sentence."""
    found, problems = [], []
    for path in paths:
        try:
            found.append((read_notebook(path), path.stat().st_mtime))
        except OSError as error:
            problems.append(f"{path.name} cannot be read ({error.strerror or error}).")
        except ValueError as error:
            problems.append(str(error))
    best = max(found, key=lambda one: (len(one[0].of_role("answer")) - len(one[0].open), one[1]), default=None)
    return best and best[0], problems
