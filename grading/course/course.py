"""What the course itself knows about one exercise: its notebooks, questions, reference answers and known wrong
versions.

`Course` says where they are and checks that they agree; `References` answers as the reference and as every known wrong
version, on whatever inputs a case draws. All of it stays in the grader's process.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.util
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from grading.errors import CourseError
from grading.submission.roles import CellData, NotebookData, answer_name, is_answer, is_setup, question_of
from helpers.checks.engine.code import definitions, plain_python

if TYPE_CHECKING:  # torch comes with the first look at a question
    from helpers.checks.engine.question import Oracle, Question

__all__ = ["Course", "References", "module_at"]

WHERE_TO_BEGIN = "What an exercise needs: CONTRIBUTING.md, “An exercise joins”."


@dataclass(frozen=True)
class Course:
    """Where one exercise's parts lie: names relative to the course's root, and the package of its checks."""

    root: Path
    exercise: str
    checks_package: str = "helpers.checks"
    source: str = "solutions"
    release: str = "exercises"
    hidden_checks: str = "grading/hidden_checks"
    known_wrong: str = "grading/known_wrong"
    stand_ins: str = "grading/stand_ins"

    @property
    def module(self) -> str:
        """The module that describes the questions."""
        return f"{self.checks_package}.{self.exercise}"

    @property
    def hidden_module(self) -> Path:
        """The pytest module of the hidden checks."""
        return self.root / self.hidden_checks / f"test_{self.exercise}.py"

    @cached_property
    def released(self) -> NotebookData:
        """The released notebook; sources are strings."""
        return self._notebook(self.release)

    @property
    def solution(self) -> NotebookData:
        """The solution notebook, with the model answers; sources are strings."""
        return self._notebook(self.source)

    @cached_property
    def questions(self) -> Mapping[str, Question]:
        """What the checks module describes."""
        questions: Mapping[str, Question] = self.checks.QUESTIONS
        return questions

    @property
    def checks(self) -> ModuleType:
        """The module that describes the questions; it has QUESTIONS.

        Raises:
            CourseError: there is no such module, it cannot be imported, or it has none.
        """
        try:
            found = importlib.import_module(self.module)
        except (ImportError, OSError) as error:  # OSError: it reads a file that is not there, such as hints.toml
            raise CourseError(
                f"the checks of {self.exercise}, {self.module}, cannot be imported ({error}). {WHERE_TO_BEGIN}"
            ) from error
        if not hasattr(found, "QUESTIONS"):
            raise CourseError(f"{self.module} has no QUESTIONS, the questions by name. {WHERE_TO_BEGIN}")
        return found

    @cached_property
    def maxima(self) -> dict[str, float]:
        """The points of every question that is graded by checks, as the released notebook states them."""
        cells = self.released["cells"]
        return {
            q: float(cell["metadata"]["nbgrader"]["points"]) for cell in cells if (q := question_of(cell)) is not None
        }

    @cached_property
    def answer_cells(self) -> dict[str, CellData]:
        """The released answer cells by question."""
        return {cell["metadata"]["nbgrader"]["grade_id"]: cell for cell in self.released["cells"] if is_answer(cell)}

    def check(self, points: Mapping[str, float]) -> None:
        """Raise CourseError unless notebook, checks and the hidden checks' `points` speak of the same questions.

        One without points and without hidden checks is withdrawn.
        """
        for question, maximum in self.maxima.items():
            if question not in self.answer_cells or question not in self.questions:
                raise CourseError(f"{question}_check has no answer cell or no entry in {self.module}.QUESTIONS")
            if points.get(question, 0.0) != maximum:
                raise CourseError(
                    f"{question} has {maximum:g} points in the notebook and {points.get(question, 0):g} in "
                    f"{self.hidden_module.name}"
                )
        if extra := set(points) - set(self.maxima):
            raise CourseError(
                f"{self.hidden_module.name} gives points for {', '.join(sorted(extra))}, unknown to the notebook"
            )

    def notebook_path(self, folder: str) -> Path:
        """Return where the exercise's notebook lies below `source` or `release`."""
        return self.root / folder / self.exercise / f"{self.exercise}.ipynb"

    def _notebook(self, folder: str) -> NotebookData:
        path = self.notebook_path(folder)
        try:
            notebook: NotebookData = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CourseError(f"{path} cannot be read ({error}). Run `make release`.") from None
        for cell in notebook["cells"]:
            cell["source"] = "".join(cell["source"])
        return notebook

    def reference_answers(self) -> dict[str, Any]:
        """Return the reference answer to every question: the solution's setup and answer cells, run in this process."""
        names: dict[str, Any] = {"__name__": f"solution_{self.exercise}"}
        answers = {}
        for cell in self.solution["cells"]:
            if cell["cell_type"] != "code" or question_of(cell) is not None:
                continue
            tree = ast.parse(plain_python(cell["source"]))
            if is_setup(cell) or is_answer(cell):
                exec(compile(tree, f"<solution {cell.get('id')}>", "exec"), names)
            else:
                _define(tree, names)
            if is_answer(cell):
                answers[cell["metadata"]["nbgrader"]["grade_id"]] = names[answer_name(cell)]
        return answers

    def reference_sources(self) -> dict[str, str]:
        """Return the text of the reference answer to every question, as the solution notebook has it."""
        cells = filter(is_answer, self.solution["cells"])
        return {cell["metadata"]["nbgrader"]["grade_id"]: cell["source"] for cell in cells}

    @cached_property
    def stand_in_source(self) -> str:
        """The text of the answers that stand in for a student's own; empty where the course has none."""
        path = self.root / self.stand_ins / f"{self.exercise}.py"
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    def known_wrong_answers(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the known wrong answers as {question: {mistake: answer}}; empty where the course has none."""
        path = self.root / self.known_wrong / f"{self.exercise}.py"
        return module_at(path).KNOWN_WRONG if path.is_file() else {}


def _define(tree: ast.Module, names: dict[str, Any]) -> None:
    """Run what only defines; what builds on data or a training that did not happen is left out."""
    for statement in filter(definitions, tree.body):
        with contextlib.suppress(Exception):  # an answer that needs what fails here fails itself, loudly
            exec(compile(ast.Module([statement], []), "<solution>", "exec"), names)


def module_at(path: Path) -> ModuleType:
    """Return a module of a course, run anew: by its path, for several courses may have modules of one name."""
    spec = importlib.util.spec_from_file_location(f"{path.parent.name}_{path.stem}", path)
    assert spec is not None and spec.loader is not None  # every path that ends in .py has them
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # classes look up their own module
    spec.loader.exec_module(module)
    return module


class References:
    """The answers that the oracle gives, loaded once for a whole class."""

    def __init__(self, course: Course) -> None:
        self.questions = course.questions
        self.right = course.reference_answers()
        self.wrong = course.known_wrong_answers()

    def oracle(self, question: str) -> Oracle:
        """Return the oracle for one case: `oracle(step, **inputs) -> (right, {mistake: values})`."""
        from helpers.checks.engine.question import live_oracle

        return live_oracle(self.questions[question], self.right[question], self.wrong.get(question, {}))
