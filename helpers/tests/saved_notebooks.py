"""Hand-made notebooks of one exercise, as a student saves them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

__all__ = ["EXERCISE", "STUB", "cell", "kernel_that_ran", "save"]

EXERCISE = "ex01_toy"
STUB = "def {name}(x):\n    # YOUR CODE HERE\n    raise NotImplementedError()"


def cell(kind: str, source: str, **about: Any) -> dict[str, Any]:
    """Return a cell; what is said about it is what nbgrader notes."""
    return {"cell_type": kind, "source": source, "metadata": {"nbgrader": about} if about else {}}


def kernel_that_ran(code: list[str]) -> SimpleNamespace:
    """Return a stand-in for `get_ipython()` that keeps this code as that of the cells run so far."""
    return SimpleNamespace(history_manager=SimpleNamespace(input_hist_raw=code))


def save(
    folder: Path, answers: Mapping[str, str], own: str = "", words: str = "YOUR ANSWER HERE", name: str = EXERCISE
) -> Path:
    """Write a notebook with the questions `double` (4 points), `model` (6) and `words_1` (6), and return its path.

    Args:
        answers: the code of the two answers by name; a stub stands for each that is missing.
        own: the code of a cell of the student's own, before the answers.
    """
    code = {question: answers.get(question, STUB.format(name=question)) for question in ("double", "model")}
    cells = [
        cell("markdown", "a task"),
        cell("code", "import math", grade_id="setup", locked=True, solution=False, grade=False),
        cell("code", own),
        cell("code", code["double"], grade_id="double", solution=True, grade=False),
        cell("code", "check.double(double)", grade_id="double_check", solution=False, grade=True, points=4),
        cell("code", code["model"], grade_id="model", solution=True, grade=False),
        cell("code", "check.model(build_model)", grade_id="model_check", solution=False, grade=True, points=6),
        cell("markdown", words, grade_id="words_1", solution=True, grade=True, points=6),
    ]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.ipynb"
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}), encoding="utf-8")
    return path
