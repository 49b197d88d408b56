"""`nbgrader validate` fails where a check does: it sees errors, and prints are none."""

import json
import os
import subprocess
import sys

import pytest
from toy_course import PROJECT, cell

from grading import sample_class
from helpers.checks import ex01_pose_regression as check
from helpers.checks.engine.question import CheckFailed

STUB = "def pck(pred, target, visible, threshold):\n    raise NotImplementedError"
RIGHT = sample_class.answer_sources("ex01_pose_regression")["pck"]


def test_a_check_raises_while_a_notebook_is_validated(monkeypatch):
    def pck(*arguments):
        raise NotImplementedError

    check.pck(pck)
    monkeypatch.setenv("NBGRADER_EXECUTION", "validate")
    with pytest.raises(CheckFailed, match="pck is not written yet"):
        check.pck(pck)


@pytest.mark.parametrize(("answer", "said"), [(STUB, "VALIDATION FAILED ON 1 CELL"), (RIGHT, "Success!")])
def test_nbgrader_validate_tells_a_stub_from_an_answer(tmp_path, answer, said):
    cells = [
        cell("code", "import torch\nfrom helpers.checks import ex01_pose_regression as check", "setup", locked=True),
        cell("code", answer, "pck", solution=True),
        cell("code", "check.pck(pck)", "pck_check", grade=True, locked=True, points=4),
    ]
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": kernel, "cells": cells}
    (tmp_path / "a.ipynb").write_text(json.dumps(notebook))
    command = [sys.executable, "-m", "nbgrader", "validate", "a.ipynb", "--Execute.timeout=300"]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert said in done.stdout, done.stdout + done.stderr
