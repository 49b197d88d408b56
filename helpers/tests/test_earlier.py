import json

import pytest

from helpers import answers

EXERCISE = "ex01_pose_regression"
STUB = 'def pck(pred):\n    """Doc."""\n    raise NotImplementedError("Question 2")'


def about(name):
    """The metadata of a cell of ours: setup is locked, any other with a name is an answer."""
    return {"nbgrader": {"grade_id": name, "solution": name != "setup", "locked": name == "setup"}} if name else {}


def notebook(*cells):
    """A notebook of code cells: (grade_id or None, source)."""
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {},
        "cells": [
            {
                "cell_type": "code",
                "source": source.splitlines(keepends=True),
                "outputs": [],
                "execution_count": None,
                "metadata": about(name),
            }
            for name, source in cells
        ],
    }


@pytest.fixture
def exercises(tmp_path, monkeypatch):
    """The folder of the exercises, with the working folder in ex02; gives a function that writes ex01's notebook."""
    for name in (EXERCISE, "ex02_softargmax"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "ex02_softargmax")

    def write(*cells):
        (tmp_path / EXERCISE / f"{EXERCISE}.ipynb").write_text(json.dumps(notebook(*cells)), encoding="utf-8")

    return write


def test_answers_are_run_with_the_imports_and_nothing_else(exercises, capsys):
    exercises(
        ("setup", "%matplotlib inline\nimport math"),
        ("mpjpe", "print('hello')\ndef mpjpe(x):\n    return math.sqrt(x)"),
        (None, "raise SystemExit('trained')"),
    )
    found = answers(EXERCISE)
    assert found.get("mpjpe")(9) == 3 and capsys.readouterr().out == ""
    assert repr(found) == "Answers of ex01_pose_regression: mpjpe"


def test_a_cell_above_the_setup_does_not_run_in_its_place(exercises, tmp_path):
    """Colab and Kaggle install the course in a new first cell."""
    cells = [
        (None, "raise SystemExit('not here')"),
        ("setup", "import math"),
        ("root", "def root(x):\n    return math.sqrt(x)"),
    ]
    exercises(*cells)
    path = tmp_path / EXERCISE / f"{EXERCISE}.ipynb"
    found = json.loads(path.read_text())
    found["cells"][1]["metadata"]["nbgrader"] = {"grade_id": "setup", "locked": True, "solution": False}
    path.write_text("\ufeff" + json.dumps(found), encoding="utf-8")
    assert answers(EXERCISE).get("root")(9) == 3


def test_a_later_answer_may_use_an_earlier_one(exercises):
    exercises(
        (None, ""), ("half", "def half(x):\n    return x / 2"), ("quarter", "def quarter(x):\n    return half(half(x))")
    )
    assert answers(EXERCISE).get("quarter")(8) == 2


def test_an_answer_may_use_functions_and_numbers_of_the_students_own_cells(exercises):
    """As in grading, which ran them for exercise 1 when it was handed in."""
    exercises(
        ("setup", "from __future__ import annotations"),
        (None, "SCALE = 3\ntrained = print('for minutes')\n\ndef scaled(x):\n    return SCALE * x"),
        ("triple", "%%time\ndef triple(x: int | Nothing):\n    return scaled(x)"),
        (None, "SCALE = later"),
    )
    found = answers(EXERCISE)
    assert found.get("triple")(2) == 6 and not found.missing


@pytest.mark.parametrize(
    "answer",
    [
        "def pck(x):\n    return math.sqrt(x)\n\nprint(pck(train))",  # tried on what the data cell loads
        "from dataclasses import *\n\n@dataclass\nclass Pair:\n    a: float\n\ndef pck(x):\n    return Pair(x**0.5).a",
        "__flags__ = None\n\ndef pck(x):\n    return math.sqrt(x)",
        "import inspect\n\ndef pck(x):\n    return math.sqrt(x)\n\nassert 'sqrt' in inspect.getsource(pck)",
    ],
    ids=["a-trial", "dataclass", "flags", "source"],
)
def test_an_answer_that_grading_takes_is_taken(exercises, answer, capsys):
    exercises(
        ("setup", "import math"),
        (None, "from __future__ import annotations"),
        ("pck", answer),
        (None, "math = 12"),  # a scratch cell at the end
    )
    assert answers(EXERCISE).get("pck")(9) == 3 and capsys.readouterr().out == ""


def test_of_two_copies_the_answered_one_counts(exercises):
    exercises(("pck", "def pck(x):\n    return x"), ("pck", STUB))
    assert answers(EXERCISE).get("pck")(2) == 2


def test_a_model_question_defines_another_name(exercises):
    exercises((None, ""), ("model", "def build_model():\n    return 'net'"))
    found = answers(EXERCISE)
    assert found.get("build_model")() == "net" and not found.missing


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (STUB, "the question has not been answered yet"),
        (
            "class pck:\n    def __init__(self):\n        raise NotImplementedError('Question 2')",
            "not been answered yet",
        ),
        ("def pck(:", "SyntaxError"),
        ("1 / 0\npck = later", "ZeroDivisionError: division by zero"),
        ("from __future__ import annotation\nimport later", "future feature annotation is not defined"),
        ("raise GeneratorExit('my own test')", "GeneratorExit: my own test"),
        ("# nothing", "its cell defines nothing"),
        ("import nowhere_to_be_found", "ModuleNotFoundError"),
        ("raise SystemExit", "SystemExit"),
    ],
    ids=["stub", "class-stub", "syntax", "error", "future", "base-exception", "empty", "import", "exit"],
)
def test_one_that_cannot_be_used_costs_only_itself(exercises, capsys, source, reason):
    exercises((None, ""), ("pck", source), ("mpjpe", "def mpjpe(x):\n    return x"))
    found = answers(EXERCISE)
    assert found.get("pck") is None and reason in capsys.readouterr().out and reason in found.missing["pck"]
    assert found.get("mpjpe")(3) == 3


def test_a_branch_that_is_not_implemented_is_no_stub(exercises):
    exercises((None, ""), ("pck", "def pck(x):\n    if x:\n        raise NotImplementedError\n    return 1"))
    assert answers(EXERCISE).get("pck")(0) == 1


def test_failing_imports_do_not_stop_the_answers(exercises):
    exercises(("setup", "import nowhere_to_be_found"), ("mpjpe", "def mpjpe(x):\n    return x"))
    found = answers(EXERCISE)
    assert found.get("mpjpe")(3) == 3 and "ModuleNotFoundError" in found.missing["setup"]


def test_no_notebook_or_no_such_question_is_a_sentence(exercises, tmp_path, capsys):
    assert answers(EXERCISE).get("mpjpe") is None and "there is no notebook" in capsys.readouterr().out
    exercises((None, ""))
    assert answers(EXERCISE).get("mpjpe") is None and "no such question" in capsys.readouterr().out
    (tmp_path / EXERCISE / f"{EXERCISE}.ipynb").write_text("{broken")
    assert answers(EXERCISE).get("mpjpe") is None and "no notebook that can be read" in capsys.readouterr().out
