"""An exercise that is half done: each command of the authors' page says in a sentence what is missing, and stops.

A copy of the project in which `ex06_toy` is exercise 5 under another name, as far as it is written.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from repository import listed

from grading.course import release
from grading.course.bake import bake
from grading.course.course import Course
from grading.errors import CourseError
from helpers.files import ROOT

KEY, MODEL = "ex06_toy", "ex05_instances"
REFUSED = f"{KEY} cannot be graded: there is no grading/hidden_checks/test_{KEY}.py."
PARTS = (
    "solutions/{0}/{0}.ipynb", "helpers/checks/{0}/__init__.py", "helpers/checks/{0}/cases.py",
    "helpers/checks/{0}/hints.toml", "grading/known_wrong/{0}.py", "grading/right_variants/{0}.py",
    "grading/sample_submissions/{0}.py",
)  # fmt: skip


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """The copy, with all that the toy has: no hidden checks."""
    root = tmp_path_factory.mktemp("half_done")
    for name in listed():
        if not name.startswith(("docs/pictures/", "benchmarks/")) and (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, root / name)
    for part in PARTS:
        (root / part.format(KEY)).parent.mkdir(parents=True, exist_ok=True)
        text = (root / part.format(MODEL)).read_text(encoding="utf-8")
        (root / part.format(KEY)).write_text(text.replace(MODEL, KEY), encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def released(project) -> tuple[int, str, list[str]]:
    """What `release` said there."""
    return run(project, "release", KEY)


def run(project: Path, *words: str) -> tuple[int, str, list[str]]:
    """Run a verb there and return its status, what it printed and the lines that it complained in."""
    environment = {**os.environ, "PYTHONPATH": str(project), "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-m", "grading", *words]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr.splitlines()


def test_release_writes_the_notebook_to_look_at_and_no_bundle(project, released):
    status, printed, said = released
    assert status == 1 and len(said) == 1 and said[0].startswith(REFUSED), said
    assert f"wrote exercises/{KEY}/{KEY}.ipynb" in printed and (project / f"exercises/{KEY}/{KEY}.ipynb").is_file()
    assert not (project / "build").exists()
    status, printed, said = run(project, "release", "--check", KEY)
    assert status == 1 and not said and printed.startswith(REFUSED)


def test_sample_class_shows_what_nbgrader_said_and_stops(project, released):
    status, printed, said = run(project, "sample-class", KEY)
    assert status == 1 and "not as deserved" not in printed and "Traceback" not in "".join(said)
    assert said[0].startswith("[AutogradeApp | ERROR] Nobody was graded: there are no hidden checks at ")
    assert said[-1].startswith("nbgrader autograde ended with status 1; see ")


def test_what_has_no_questions_with_checks_needs_no_hidden_ones():
    warm_up = "ex00_start_here"
    assert not Course(ROOT, warm_up).hidden_module.exists()
    assert release.not_gradable({warm_up: ROOT / f"exercises/{warm_up}/{warm_up}.ipynb"}) == []


def test_an_exercise_without_checks_is_a_sentence():
    with pytest.raises(CourseError, match=r"the checks of ex99_none, helpers.checks.ex99_none, cannot be imported.*An"):
        bake("ex99_none")


@pytest.mark.parametrize(
    ("package", "source", "said"),  # no test finds another's package in sys.modules
    [
        ("half_1", "", "half_1.toy has no QUESTIONS, the questions by name"),
        ("half_2", "open('hints.toml of nobody')", "cannot be imported .*No such file or directory: 'hints.toml of no"),
        ("half_3", "from helpers.checks.engine import nothing", "cannot be imported .cannot import name 'nothing'"),
    ],
)
def test_checks_that_cannot_be_read_are_a_sentence(tmp_path, monkeypatch, package, source, said):
    (tmp_path / package).mkdir()
    (tmp_path / package / "toy.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    course = Course(tmp_path, "toy", package)
    with pytest.raises(CourseError, match=said):
        _ = course.questions
