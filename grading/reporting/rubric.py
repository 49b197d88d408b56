"""What staff mark a question in words by: the model answer of the solution, and a rubric. Students see neither.

grading/rubrics/EXERCISE.toml      words_1 = [[2, "what earns two points"], [4, "what earns four more"]]
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grading.submission.roles import CellData, NotebookData, nbgrader_of

__all__ = ["Point", "ModelAnswer", "model_answers"]


@dataclass(frozen=True)
class Point:
    """What earns so many points."""

    points: float
    what: str


@dataclass(frozen=True)
class ModelAnswer:
    """The model answer to one question, as Markdown, and its rubric; `trouble` says what is wrong with that."""

    answer: str
    rubric: list[Point] = field(default_factory=list)
    trouble: str = ""


def model_answers(solution: NotebookData, path: Path) -> dict[str, ModelAnswer]:
    """Return the model answer to each question in words of a solution, by grade_id, with its rubric in the file `path`.

    A missing rubric is none; a faulty one costs nobody the answer.
    """
    rubrics, trouble = _read(path)
    words = [cell for cell in solution["cells"] if _in_words(cell)]
    return {nbgrader_of(cell)["grade_id"]: _answer(cell, rubrics, trouble, path.name) for cell in words}


def _in_words(cell: CellData) -> bool:
    return cell["cell_type"] == "markdown" and bool(nbgrader_of(cell).get("grade"))


def _read(path: Path) -> tuple[dict[str, Any], str]:
    """Return the rubrics in a file, and what keeps it from being read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8")), ""
    except FileNotFoundError:
        return {}, ""
    except (OSError, ValueError) as error:
        return {}, f"{path.name} cannot be read: {error}"


def _answer(cell: CellData, rubrics: dict[str, Any], trouble: str, file: str) -> ModelAnswer:
    name, maximum = nbgrader_of(cell)["grade_id"], float(nbgrader_of(cell)["points"])
    try:
        rubric = [Point(float(points), str(what)) for points, what in rubrics.get(name, [])]
    except (TypeError, ValueError):
        rubric, trouble = [], f'{file}: {name} is a list of [points, "what earns them"], and this is none'
    total = sum(point.points for point in rubric)
    if rubric and total != maximum:
        trouble = f"{file}: these points add up to {total:g}, and the question has {maximum:g}"
    return ModelAnswer(cell["source"], rubric, trouble)
