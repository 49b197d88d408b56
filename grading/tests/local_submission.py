"""A submission in this process: what the fixture `submission` of hidden checks offers, without worker or isolation."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any

import pytest

from helpers.checks.engine.question import Wrong, case_rng, live_oracle, local_ask

__all__ = ["LocalSubmission", "bank", "marks", "marks_by", "said"]


class LocalSubmission:
    """Examines answers of this process with the live oracle: references and known wrong versions.

    A question without a reference (a class of networks, a trained model) has no oracle: none of its cases asks one.
    """

    def __init__(
        self, exercise: str, answers: Mapping[str, Any], references: Mapping[str, Any], seed: int | str = "hidden"
    ) -> None:
        self.questions = importlib.import_module(f"helpers.checks.{exercise}").QUESTIONS
        self.known_wrong = importlib.import_module(f"grading.known_wrong.{exercise}").KNOWN_WRONG
        self.answers, self.references, self.seed = answers, references, seed

    def examine(self, name: str, case_id: str, **facts: Any) -> Any:
        question = self.questions[name]
        oracle, rng = None, case_rng(self.seed, name, case_id)
        if name in self.references:
            oracle = live_oracle(question, self.references[name], self.known_wrong.get(name, {}))
        return question.cases[case_id](local_ask(question, self.answers[name]), rng, oracle, **facts)


def bank(questions: Iterable[str], answers: Mapping[str, Mapping[str, Any]]) -> list[Any]:
    """Return a test's parameters (question, name, answer) for every answer to these questions."""
    return [pytest.param(q, name, a, id=f"{q}-{name}") for q in questions for name, a in answers[q].items()]


def marks(hidden_checks: ModuleType, submission: LocalSubmission, question: str) -> tuple[int, int, list[str | None]]:
    """Return the points, extra ones included, that the hidden checks give for a question, their maximum, and the
    mistakes named."""
    points, maximum, mistakes = 0, 0, []
    for name, test in vars(hidden_checks).items():
        found = [m for m in getattr(test, "pytestmark", []) if m.name in ("points", "bonus")]
        worth = [m.args[1] for m in found if m.args[0] == question]
        if not name.startswith("test_") or not worth:
            continue
        maximum += worth[0]
        try:
            test(submission)
            points += worth[0]
        except Wrong as wrong:
            mistakes.append(wrong.mistake)
    return points, maximum, mistakes


def marks_by(
    hidden_checks: ModuleType, exercise: str, references: Mapping[str, Any], points: Mapping[str, float]
) -> Callable[[str, Any, int | str], tuple[float, list[str | None]]]:
    """Return a function from (question, answer, seed) to the points, extra ones included, that the hidden checks give
    for an answer, and the mistakes they name; it sees that `points` are what each question is worth.
    """

    def given(question: str, answer: Any, seed: int | str) -> tuple[float, list[str | None]]:
        submission = LocalSubmission(exercise, {question: answer}, references, seed)
        earned, maximum, mistakes = marks(hidden_checks, submission, question)
        assert maximum == points[question]
        return earned, mistakes

    return given


def said(check: ModuleType, question: str, answer: Any, capsys: Any) -> str:
    """Return what the check under a stub prints."""
    getattr(check, question)(answer)
    return capsys.readouterr().out
