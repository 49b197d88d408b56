"""Questions, their cases, and the two ways of asking: here in the notebook, or through the grader's worker.

A case draws inputs, asks an answer for values and judges them. It never touches the answer itself, so the same case
serves the check under a stub and the hidden check in grading.
"""

from __future__ import annotations

import copy
import os
import tomllib
import traceback
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Concatenate, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from helpers.checks.engine.values import Raised, Value, decode, encode

__all__ = [
    "Ask",
    "Case",
    "CheckFailed",
    "Memory",
    "Oracle",
    "Probe",
    "Question",
    "Wrong",
    "by_name",
    "case_rng",
    "integers",
    "live_oracle",
    "local_ask",
    "read_hints",
    "run_probe",
]

VISIBLE_SEED = 20191
Bound: TypeAlias = int | Sequence[int] | npt.NDArray[np.integer[Any]]


class Ask(Protocol):
    """Runs one probe beside the student's answer and returns plain values."""

    def __call__(self, step: str, **inputs: Any) -> Value: ...


class Oracle(Protocol):
    """Answers the same step as the reference and as every known wrong version: `(right, {mistake: values})`."""

    def __call__(self, step: str, **inputs: Any) -> tuple[Value, Mapping[str, Value]]: ...


Memory: TypeAlias = dict[str, Any]
"""What the probes of one case leave for each other."""

Probe: TypeAlias = Callable[Concatenate[Any, Memory, ...], Any]
"""probe(answer, memory, **inputs) -> what is to cross."""

Case: TypeAlias = Callable[Concatenate[Ask, np.random.RandomState, Oracle, ...], Any]
"""case(ask, rng, oracle, **facts) -> a note for the student, the values it accepted, or None."""


@dataclass(frozen=True)
class Question:
    """One question: how to ask an answer for values, and the cases that judge them.

    `probes` run beside the student's code, `cases` run beside the check; `hints` maps a known mistake to its hint.
    Cases draw from `numpy.random.RandomState`, whose streams never change between NumPy versions, so that the baked
    table of the notebook stays true. `facts` are what only the caller of a case knows (held-out images, say), handed on
    by name; most cases have none.
    """

    name: str
    sentence: str
    probes: Mapping[str, Probe]
    cases: Mapping[str, Case]
    hints: Mapping[str, str] = field(default_factory=dict)


def by_name(*questions: Question) -> dict[str, Question]:
    """Return questions by their names, in their order."""
    return {question.name: question for question in questions}


class Wrong(Exception):
    """Raised by a case: what was called, what came back, what was expected, and the likely cause.

    `inputs` are those of the call, where a student can call the answer with them once more; `draw`, where there is
    something to see, makes the picture of it for the notebook.
    """

    def __init__(self, called: str, got: str, expected: str, hint: str, mistake: str | None = None) -> None:
        super().__init__(called, got, expected, hint, mistake)
        self.called, self.got, self.expected, self.hint, self.mistake = called, got, expected, hint, mistake
        self.inputs: dict[str, Any] = {}
        self.draw: Callable[[], Any] | None = None

    def __str__(self) -> str:
        return "\n".join(
            f"  {label:<9}{text}"
            for label, text in zip(
                ("called", "returned", "expected", "hint"),
                (self.called, self.got, self.expected, self.hint),
                strict=True,
            )
        )


class CheckFailed(AssertionError):
    """Raised by a visible check under DEEP_LEARNING_LAB_STRICT=1, as in CI, and under `nbgrader validate`; students see
    printed lines instead.

    DEEP_LEARNING_LAB_STRICT=full raises it for a trained network that earns less than all points, too.
    """


def run_probe(probe: Probe, answer: Any, memory: Memory, inputs: Mapping[str, Any]) -> Value:
    """Return what `probe` got from `answer`, as plain values; an exception becomes `Raised`."""
    try:
        return decode(*encode(probe(answer, memory, **copy.deepcopy(dict(inputs)))))
    except Exception as error:  # whatever the student's code raises is a value to judge
        return Raised(type(error).__name__, str(error), _student_line(error))


def _student_line(error: Exception) -> int:
    """Return the last line number of the traceback that lies in a notebook cell, 0 if none does."""
    frames = traceback.extract_tb(error.__traceback__)
    cells = [frame.lineno for frame in frames if "ipykernel" in frame.filename or frame.filename.startswith("<")]
    return (cells or [0])[-1] or 0


def local_ask(question: Question, answer: Any) -> Ask:
    """Return an `Ask` that runs the probes of `question` in this process, with one memory for one case."""
    memory: Memory = {}

    def ask(step: str, **inputs: Any) -> Value:
        with torch.random.fork_rng(devices=[]):  # a check leaves the notebook's random numbers as they were
            return run_probe(question.probes[step], answer, memory, inputs)

    return ask


def live_oracle(question: Question, right: Any, wrong: Mapping[str, Any]) -> Oracle:
    """Return the oracle that runs the probes on the reference `right` and on every known wrong version, for one case.

    Wrong versions are asked only when their values are looked up, that is, when an answer has been found wrong.
    """
    ask_right = local_ask(question, right)

    def oracle(step: str, **inputs: Any) -> tuple[Value, Mapping[str, Value]]:
        return ask_right(step, **inputs), _OnDemand(question, wrong, step, inputs)

    return oracle


class _OnDemand(Mapping[str, Value]):
    """What each known wrong version answers, computed when it is looked up."""

    def __init__(self, question: Question, wrong: Mapping[str, Any], step: str, inputs: Mapping[str, Any]) -> None:
        self.question, self.wrong, self.step, self.inputs = question, wrong, step, inputs

    def __getitem__(self, mistake: str) -> Value:
        return local_ask(self.question, self.wrong[mistake])(self.step, **self.inputs)

    def __iter__(self) -> Iterator[str]:
        return iter(self.wrong)

    def __len__(self) -> int:
        return len(self.wrong)


def case_rng(seed: int | str, question: str, case: str) -> np.random.RandomState:
    """Return the generator from which `case` of `question` draws, always the same for the same `seed`."""
    return np.random.RandomState(zlib.crc32(f"{seed}/{question}/{case}".encode()))


def integers(rng: np.random.RandomState, low: Bound, high: Bound, shape: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """Return int64 integers from `low` to `high - 1`: numpy's own default is another kind of integer on some systems,
    and draws others."""
    return rng.randint(low, high, shape, dtype=np.int64)


def read_hints(exercise: str) -> dict[str, dict[str, str]]:
    """Return the hints of an exercise, `{question: {mistake: hint}}`, from `helpers/checks/exNN_topic/hints.toml`.

    Raises:
        KeyError: when a question is looked up that has no table there, with the line to add.
    """
    path = Path(__file__).parent.with_name(exercise) / "hints.toml"
    return _Hints(path, tomllib.loads(path.read_text(encoding="utf-8")))


class _Hints(dict[str, dict[str, str]]):
    """The hints by question; a question without a table is named with the file that lacks it."""

    def __init__(self, path: Path, hints: Mapping[str, dict[str, str]]) -> None:
        super().__init__(hints)
        self.path = path

    def __missing__(self, question: str) -> dict[str, str]:
        there = ", ".join(self) or "nothing"
        raise KeyError(f"{self.path} has no table [{question}]; it has {there}. Add the line [{question}].")


def strict() -> bool:
    """Return whether a failed check raises (CI; `nbgrader validate`, which sees errors alone) instead of printing."""
    validated = os.environ.get("NBGRADER_EXECUTION") == "validate"
    return validated or os.environ.get("DEEP_LEARNING_LAB_STRICT") in ("1", "full")


def demands_full_points() -> bool:
    """Return whether a trained network that earns less than all points fails its check, too."""
    return os.environ.get("DEEP_LEARNING_LAB_STRICT") == "full"
