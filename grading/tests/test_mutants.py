"""Every automatic mutant of a reference answer is killed by the hidden checks, but for those argued equivalent."""

from __future__ import annotations

import functools
import json
import math
from fnmatch import fnmatchcase

import numpy as np
import pytest
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

pytestmark = pytest.mark.usefixtures("one_thread")
# All but one, whose answer is a network that trains: most changes make another network, which does the same task.
QUESTIONS = tuple(question for question in EXERCISES if question != "SoftargmaxPose")


@functools.cache
def sources() -> dict[str, str]:
    """Return the source of every reference answer, from the solution notebooks."""
    named = {}
    for exercise in KEYS:
        path = bake.ROOT / "solutions" / exercise / f"{exercise}.ipynb"
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            named[cell["metadata"].get("nbgrader", {}).get("grade_id")] = "".join(cell["source"])
    return {question: named[question] for question in QUESTIONS}


@functools.cache
def mutants_of(question: str) -> list[tuple[str, str]]:
    """Return the mutants of a question's reference answer: what each changes, and its source."""
    return list(mutants(sources()[question]))


def load(question: str, source: str) -> object:
    names = {"math": math, "np": np, "torch": torch, "nn": nn, "F": F, "helpers": helpers, "__name__": "mutant"}
    if question == "UNetDecoder":  # its number of parameters is compared with that of the class beside it
        exec(sources()["TransposedDecoder"], names)
    exec(compile(source, "<mutant>", "exec"), names)
    return names[question]


def survives(question: str, answer: object, references: dict[str, object], seeds: int = 2) -> bool:
    """Return whether an answer earns full points, at any seed at all. Which mistake it looks like is not asked."""
    hidden = hidden_module(EXERCISES[question])
    for seed in range(seeds):
        submission = LocalSubmission(EXERCISES[question], {question: answer}, references, seed, naming=False)
        try:
            for _, arguments in checks_of(hidden, question):
                hidden.test_answers(submission, *arguments)
        except Wrong:
            return False
    return True


def argued(question: str, change: str) -> list[str]:
    """Return the patterns that speak of a change, whatever its line."""
    return [pattern for pattern in EQUIVALENT.get(question, {}) if fnmatchcase(change.partition(": ")[2], pattern)]


def test_a_mutant_differs_in_one_place():
    found = list(mutants("def f(a, b):\n    'doc'\n    return a.sum(dim=-1) <= b + 1\n"))
    changes = dict(found)
    assert changes["3: b + 1 -> b - 1"] == "def f(a, b):\n    return a.sum(dim=-1) <= b - 1"
    assert changes["3: a.sum(dim=-1) <= b + 1 -> a.sum(dim=-1) < b + 1"].endswith("a.sum(dim=-1) < b + 1")
    assert changes["3: a.sum(dim=-1) -> a"].endswith("return a <= b + 1")
    assert len({source for _, source in found}) == len(found) >= 15


@pytest.mark.parametrize("question", QUESTIONS)
def test_hidden_checks_kill_every_mutant_of_the_reference(question):
    references = {question: load(question, sources()[question])}
    assert survives(question, references[question], references), "the reference itself"
    found = mutants_of(question)
    alive = []
    for change, mutant in found:
        if argued(question, change):  # may live, and to find out that it does takes the longest
            continue
        try:
            answer = load(question, mutant)
        except Exception:  # not even a definition
            continue
        if survives(question, answer, references):
            alive.append(change)
    assert not alive, f"{len(alive)} of {len(found)} mutants survive"
    assert len(found) >= 20


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_argument_is_still_needed(question):
    """No reason stands for a change that cannot be made any more."""
    spoken_of = {pattern for change, _ in mutants_of(question) for pattern in argued(question, change)}
    assert spoken_of == set(EQUIVALENT.get(question, {}))
