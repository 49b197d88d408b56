"""Which mutants of the reference answers live through the hidden checks, and which of them are argued equivalent."""

from __future__ import annotations

import contextlib
import functools
import json
import math
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from types import FrameType
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from answer_bank import EXERCISES, KEYS
from equivalent_mutants import EQUIVALENT
from local_submission import LocalSubmission, checks_of, hidden_module
from mutants import mutants
from torch import nn

import helpers
from grading.course import bake
from helpers.checks.engine.question import Wrong

__all__ = ["Fates", "argued", "fates", "load", "mutants_of", "sources", "survives"]

SECONDS = 5  # of computing, for an answer that takes tenths: a mutant may go round for ever


class Endless(BaseException):
    """A mutant took all its seconds. No Exception, which a probe would take for an answer."""


@dataclass
class Fates:
    """What became of the mutants of a question, each told by what it changes."""

    killed: list[str] = field(default_factory=list)
    argued: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    @property
    def made(self) -> int:
        """How many there are."""
        return len(self.killed) + len(self.argued) + len(self.left)


@functools.cache
def sources() -> dict[str, str]:
    """Return the source of every reference answer, from the solution notebooks."""
    named = {}
    for exercise in KEYS:
        path = bake.ROOT / "solutions" / exercise / f"{exercise}.ipynb"
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            named[cell["metadata"].get("nbgrader", {}).get("grade_id")] = "".join(cell["source"])
    return {question: named[question] for question in EXERCISES}


@functools.cache
def mutants_of(question: str) -> list[tuple[str, str]]:
    """Return the mutants of a question's reference answer: what each changes, and its source."""
    return list(mutants(sources()[question]))


def load(question: str, source: str) -> Any:
    """Return the answer that a source defines, in the names that a notebook has."""
    names = {"math": math, "np": np, "torch": torch, "nn": nn, "F": F, "helpers": helpers, "__name__": "mutant"}
    for earlier in {"UNetDecoder": ["TransposedDecoder"], "SoftargmaxPose": ["softargmax"]}.get(question, []):
        exec(sources()[earlier], names)  # the class of its size beside it; the function that it calls
    exec(compile(source, "<mutant>", "exec"), names)
    return names[question]


@contextlib.contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise `Endless` in whatever takes longer. Only the main thread can be stopped like that."""

    def stop(signum: int, frame: FrameType | None) -> None:
        raise Endless

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def survives(question: str, answer: Any, references: dict[str, Any], seeds: int = 2) -> bool:
    """Return whether an answer earns full points, at any seed at all. Which mistake it looks like is not asked."""
    hidden = hidden_module(EXERCISES[question])
    for seed in range(seeds):
        submission = LocalSubmission(EXERCISES[question], {question: answer}, references, seed, naming=False)
        try:
            with limited(SECONDS):
                for _, arguments in checks_of(hidden, question):
                    hidden.test_answers(submission, *arguments)
        except (Wrong, Endless):
            return False
    return True


def argued(question: str, change: str) -> list[str]:
    """Return the patterns that speak of a change, whatever its line."""
    return [pattern for pattern in EQUIVALENT.get(question, {}) if fnmatchcase(change.partition(": ")[2], pattern)]


def fates(question: str, only: slice = slice(None), try_argued: bool = True) -> Fates:
    """Return what becomes of the mutants of a question, or of some of them.

    Only one that lives needs the argument that speaks of it; unless `try_argued`, it is taken to live, as finding that
    out takes the longest.
    """
    references, found = {question: load(question, sources()[question])}, Fates()
    for change, mutant in mutants_of(question)[only]:
        spoken_of = argued(question, change)
        if spoken_of and not try_argued:
            found.argued.append(change)
        elif not _lives(question, mutant, references):
            found.killed.append(change)
        else:
            (found.argued if spoken_of else found.left).append(change)
    return found


def _lives(question: str, mutant: str, references: dict[str, Any]) -> bool:
    try:
        answer = load(question, mutant)
    except Exception:  # not even a definition
        return False
    return survives(question, answer, references)
