"""A submission in this process: what the fixture `submission` of hidden checks offers, without worker or isolation."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterable, Iterator, Mapping
from types import ModuleType
from typing import Any

import pytest

from helpers.checks.engine.question import Oracle, Question, Wrong, case_rng, live_oracle, local_ask
from helpers.checks.engine.table import digest
from helpers.checks.engine.values import Value

__all__ = [
    "LocalSubmission",
    "checks_of",
    "hidden_module",
    "hidden_names",
    "model_points",
    "questions",
    "said",
    "seeds",
]


def seeds(count: int) -> list[Any]:
    """Return a test's parameters for so many seeds: the first runs in every tier, the others in the full one."""
    return [seed if seed == 0 else pytest.param(seed, marks=pytest.mark.full) for seed in range(count)]


def questions(exercise: str) -> Mapping[str, Question]:
    """Return the questions of an exercise as its checks describe them."""
    described: Mapping[str, Question] = importlib.import_module(f"helpers.checks.{exercise}").QUESTIONS
    return described


def hidden_module(exercise: str) -> ModuleType:
    """Return the hidden checks of an exercise."""
    return importlib.import_module(f"grading.hidden_checks.test_{exercise}")


def hidden_names(exercise: str) -> list[str]:
    """Return what the hidden checks of an exercise are called, which no student reads: functions, and rows by id."""
    module = hidden_module(exercise)
    rows = ["-".join([question, *cases]) for question, checks in module.CHECKS.items() for _, *cases in checks]
    return [*(name for name in vars(module) if name.startswith("test_")), *rows]


class LocalSubmission:
    """Examines answers of this process with the live oracle: references and known wrong versions.

    A question without a reference (a class of networks, a trained model) has no oracle: none of its cases asks one.
    Unless `naming`, a wrong answer is found out as ever, and no known mistake is looked for behind it: that is where
    most of the time goes.
    """

    def __init__(
        self,
        exercise: str,
        answers: Mapping[str, Any],
        references: Mapping[str, Any],
        seed: int | str = "hidden",
        naming: bool = True,
    ) -> None:
        self.exercise, self.questions = exercise, questions(exercise)
        self.answers, self.references, self.seed, self.naming = answers, references, seed, naming

    def examine(self, name: str, case_id: str, **facts: Any) -> Any:
        question, oracle = self.questions[name], None
        if name in self.references:
            oracle = _oracle(self.exercise, name, self.references[name], self.naming)
        ask, rng = local_ask(question, self.answers[name]), case_rng(self.seed, name, case_id)
        return question.cases[case_id](ask, rng, oracle, **facts)


@functools.cache
def _oracle(exercise: str, name: str, right: Any, naming: bool) -> Oracle:
    """Return the oracle of a question: one for all submissions of this process, and it remembers what it was asked.

    Cases of one seed draw the same inputs for every submission; they are known by their digest, as in the table of the
    visible checks.
    """
    question = questions(exercise)[name]
    wrong = importlib.import_module(f"grading.known_wrong.{exercise}").KNOWN_WRONG.get(name, {})
    known: dict[str, tuple[Value, Mapping[str, Value]]] = {}

    def oracle(step: str, **inputs: Any) -> tuple[Value, Mapping[str, Value]]:
        key = digest(name, step, inputs)
        if key not in known:
            found, versions = live_oracle(question, right, wrong)(step, **inputs)
            known[key] = found, _Remembered(versions, versions if naming else ())
        return known[key]

    return oracle


class _Remembered(Mapping[str, Value]):
    """What known wrong versions answer, each asked once, when it is looked up.

    Only `names` are seen by who looks for the mistake behind an answer; a case that asks for one by name gets it.
    """

    def __init__(self, versions: Mapping[str, Value], names: Iterable[str]) -> None:
        self.versions, self.names = versions, list(names)
        self.known: dict[str, Value] = {}

    def __getitem__(self, mistake: str) -> Value:
        if mistake not in self.known:
            self.known[mistake] = self.versions[mistake]
        return self.known[mistake]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


def checks_of(hidden: ModuleType, question: str) -> Iterator[tuple[pytest.Mark, tuple[Any, ...]]]:
    """Give the hidden checks of a question, in their order: what each is worth, and the arguments of `test_answers`."""
    (table,) = (mark for mark in hidden.test_answers.pytestmark if mark.name == "parametrize")
    for check in table.args[1]:
        (worth,) = check.marks
        if worth.args[0] == question:
            yield worth, check.values


def model_points(exercise: str, model: Any, build: Any) -> tuple[float, Wrong | None]:
    """Return the points that hidden checks give for a model whose weights lie in the working folder, and the last
    verdict on it."""
    hidden, last, points = hidden_module(exercise), None, 0
    submission = LocalSubmission(exercise, {"model": build}, {})
    for threshold, worth in model.steps:
        try:
            hidden.test_model_on_held_out_scenes(submission, threshold)
            points += worth
        except Wrong as wrong:
            last = wrong
    return points, last


def said(check: ModuleType, question: str, answer: Any, capsys: Any) -> str:
    """Return what the check under a stub prints."""
    getattr(check, question)(answer)
    return capsys.readouterr().out
