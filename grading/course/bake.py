"""The baked table of an exercise: what the reference and every known wrong version answer to the visible checks.

`bake("ex01_pose_regression")` runs every case at the visible seed with the solution notebook's answers and writes down
what the cases asked. The notebook's checks look it up (`helpers.checks.engine.table`): no answer is in `helpers`.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from grading.course.course import Course
from grading.errors import CourseError
from helpers.checks.engine.compare import same
from helpers.checks.engine.question import VISIBLE_SEED, Oracle, Question, Wrong, case_rng, live_oracle, local_ask
from helpers.checks.engine.table import Table, digest
from helpers.files import ROOT

__all__ = ["agree", "bake", "bake_table", "table_path", "without_a_check"]


def table_path(exercise: str) -> Path:
    """Return where the table of an exercise lies: beside the module of its checks."""
    return ROOT / "helpers" / "checks" / exercise / "table.safetensors.gz"


def bake(exercise: str) -> bytes:
    """Return the table of an exercise as a file.

    Where the file in the tree says the same but for the last digits (another processor, another version of torch), it
    is returned as it is, so that a fresh release changes no byte without a reason.

    Raises:
        CourseError: if the exercise has no checks, a question has none, or the solution's own answer is wrong by them.
    """
    course = Course(ROOT, exercise)
    checks, questions = course.checks, course.questions
    if without := without_a_check(checks):
        raise CourseError(
            f"{checks.__name__} has no check of {', '.join(without)}: a function of the question's name under "
            "@checking, and its name in __all__."
        )
    fresh = bake_table(questions, course.reference_answers(), course.known_wrong_answers())
    old = table_path(exercise)
    try:
        return old.read_bytes() if agree(Table.load(old), fresh) else fresh.to_bytes()
    except (FileNotFoundError, ValueError):
        return fresh.to_bytes()


def without_a_check(checks: ModuleType) -> list[str]:
    """Return the questions of a module of checks that no public function of it checks."""
    checked = {name for name in getattr(checks, "__all__", ()) if callable(getattr(checks, name, None))}
    return [name for name in checks.QUESTIONS if name not in checked]


def bake_table(
    questions: Mapping[str, Question], references: Mapping[str, Any], known_wrong: Mapping[str, Mapping[str, Any]]
) -> Table:
    """Return what was asked of the oracle by every case that needs no facts, with all answers."""
    table = Table()
    for question, case_id in _bakeable(questions):
        if question.name not in references:
            there = ", ".join(references)
            raise CourseError(f"The solution has no answer cell with grade_id {question.name!r}; it has {there}.")
        right, case = references[question.name], question.cases[case_id]
        oracle = _writing(table, question, case_id, live_oracle(question, right, known_wrong.get(question.name, {})))
        try:
            case(local_ask(question, right), case_rng(VISIBLE_SEED, question.name, case_id), oracle)
        except Wrong as wrong:
            raise CourseError(f"The solution's own {question.name} fails its check {case_id}:\n{wrong}") from wrong
    return table


def _bakeable(questions: Mapping[str, Question]) -> Iterator[tuple[Question, str]]:
    """Give every case that asks for `(ask, rng, oracle)` only; what is judged by facts needs no table."""
    for question in questions.values():
        for case_id, case in question.cases.items():
            if len(inspect.signature(case).parameters) == 3:
                yield question, case_id


def _writing(table: Table, question: Question, case_id: str, live: Oracle) -> Oracle:
    """Return an oracle that writes down everything it is asked."""

    def oracle(step: str, **inputs: Any) -> tuple[Any, Mapping[str, Any]]:
        right, wrong = live(step, **inputs)
        wrong = dict(wrong)
        table.add(digest(question.name, step, inputs), f"{question.name}/{case_id}", right, wrong)
        return right, wrong

    return oracle


def agree(a: Table, b: Table) -> bool:
    """Return whether two tables answer the same questions with the same values, within the tolerance of the checks."""
    return a.entries.keys() == b.entries.keys() and all(_same_entry(a.read(key), b.read(key)) for key in a.entries)


def _same_entry(a: tuple[Any, Mapping[str, Any]], b: tuple[Any, Mapping[str, Any]]) -> bool:
    return same(a[0], b[0]) and list(a[1]) == list(b[1]) and same(a[1], b[1])
