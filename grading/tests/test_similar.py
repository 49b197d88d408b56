"""Answers that are alike: what counts as the same code, who is named, and the files for JPlag."""

from __future__ import annotations

import json
import time

import pytest
import toy_course
from toy_course import filled

from grading.__main__ import main
from grading.reporting.similar import Alike, alike, answers_of, form_of, pairs

LONG = '''
def mean_error(pred, target):
    """Return the mean distance."""
    total = 0.0  # of all
    for one, other in zip(pred, target):
        difference = one - other
        total = total + (difference * difference).sum().sqrt()
    count = max(len(pred), 1)
    if count > 1:
        print("a mean of", count)
    return total / len(pred) * (len(pred) / count)
'''
RENAMED = '''
def mean_error(a: Tensor, b: Tensor) -> float:
    # mine
    s: float = 0.0
    for x, y in zip(a, b):
        d = (x - y)
        s = s + (d * d).sum().sqrt()

    n = max(len(a), 1)
    if n > 1:
        """How many."""
        print("a mean of", n)
    return s / len(a) * (len(a) / n)
'''
STUB = "def mean_error(pred, target):\n    raise NotImplementedError"


def test_names_comments_annotations_and_layout_make_no_difference():
    assert form_of(LONG) == form_of(RENAMED) is not None


@pytest.mark.parametrize(
    ("before", "after"),
    [("one - other", "other - one"), ("0.0", "1.0"), (".sqrt()", ""), ("zip", "map"), ("/ len(pred)", "/ len(target)")],
)
def test_another_computation_has_another_form(before, after):
    assert before in LONG and form_of(LONG) != form_of(LONG.replace(before, after))


def test_parts_of_a_class_may_be_called_otherwise():
    one, other = (
        f"class Net(nn.Module):\n    def __init__(self):\n        self.{name} = nn.Linear(2, 3)\n"
        f"    def forward(self, {x}):\n        return self.{name}({x})"
        for name, x in (("fc", "x"), ("layer", "images"))
    )
    assert form_of(one) == form_of(other) != form_of(other.replace("(2, 3)", "(2, 4)"))


@pytest.mark.parametrize("source", ["def f(:", "\0", "x" * 10 + "(" * 5000])
def test_what_is_no_python_has_no_form(source):
    assert form_of(source) is None


def test_what_is_short_or_as_released_is_no_sign():
    short = "def mean_error(pred, target):\n    return (pred - target).norm()"
    answers = {
        name: {"mean_error": source} for name, source in (("ada", short), ("ben", short), ("cem", STUB), ("dua", STUB))
    }
    assert alike("toy", answers, {"mean_error": STUB}, {}) == []
    assert alike("toy", {name: {"mean_error": LONG} for name in ("ada", "ben")}, {"mean_error": LONG}, {}) == []


def test_equal_and_nearly_equal_answers_and_equal_weights_are_named():
    answers = {name: {"mean_error": source} for name, source in (("ada", LONG), ("ben", RENAMED), ("cem", STUB))}
    found = alike("toy", answers, {"mean_error": STUB}, {"ada": "x", "ben": "x", "cem": "y"})
    assert found == [
        Alike("toy", "weights", ("ada", "ben"), True), Alike("toy", "mean_error", ("ada", "ben"), False),
    ]  # fmt: skip
    assert pairs(found) == [(("ada", "ben"), ["toy: weights", "toy: mean_error"])] and pairs(found[:1]) == []
    answers["ben"] = {"mean_error": LONG + "\n\n"}
    assert alike("toy", answers, {"mean_error": STUB}, {})[0].equal


def test_what_a_fifth_of_the_class_wrote_is_the_usual_answer():
    answers = {f"s{n}": {"mean_error": LONG if n < 6 else LONG.replace("0.0", f"{n}.5")} for n in range(20)}
    found = alike("toy", answers, {"mean_error": STUB}, {})
    assert [(len(one.students), one.common) for one in found] == [(6, True)] and pairs([*found, *found]) == []


def test_all_answers_are_written_for_jplag(course, tmp_path, capsys):
    release = toy_course.released(course.root)
    magic = filled(release, double="%matplotlib inline\ndef double(x):\n    return 2 * x", total="def total(x:")
    for student, notebook in (("ada", filled(release)), ("../ben", magic), ("ADA", filled(release)), ("gone", magic)):
        path = tmp_path / "grading/autograded" / student.replace("/", "\u2044") / "toy/toy.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(notebook))
    (tmp_path / "grading/withdrawn.csv").write_text("student\ngone\n")
    (tmp_path / "exercises/toy").mkdir(parents=True)
    (tmp_path / "exercises/toy/toy.ipynb").write_text(json.dumps(release))
    to = tmp_path / "jplag"
    assert main(["similar", "toy", "--to", str(to), "--course", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert "3 students in" in told and f"-bc {to / 'base'} {to / 'submissions'}" in told
    folders = sorted(path.name for path in (to / "submissions").iterdir())
    assert [name.split("~")[0] for name in folders] == ["ADA", "_ben", "ada"] and len(set(folders)) == 3
    code = {path.parent.name: path.read_text() for path in to.rglob("toy.py")}
    assert "raise NotImplementedError" in code["base"] and "return 2 * x" not in code["base"]
    ben = next(text for name, text in code.items() if "ben" in name)
    compile(ben, "ben", "exec")  # magics are calls, and what is no Python is a comment
    assert "# def total(x:" in ben and "def build_model" in ben
    assert main(["similar", "toy", "--to", str(to), "--course", str(tmp_path)]) == 1
    assert "is there already" in capsys.readouterr().err


def test_a_notebook_that_cannot_be_read_has_no_answers(tmp_path):
    assert answers_of(tmp_path / "none.ipynb") == {}
    (tmp_path / "cut.ipynb").write_text('{"cells": [')
    assert answers_of(tmp_path / "cut.ipynb") == {}


def test_thousands_of_magics_stop_no_page():
    start = time.monotonic()
    assert form_of("%matplotlib inline\n" * 3000) is None and form_of("!x\n" + "y = 1\n" * 100_000) is None
    assert time.monotonic() - start < 5
    assert form_of("%matplotlib inline\n" * 3) is not None
