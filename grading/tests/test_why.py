"""`python -m grading why`: on the toy course, graded by stock nbgrader before, with marks worked out by hand."""

from __future__ import annotations

import contextlib
import functools
import io
import re
import shutil
from pathlib import Path

import pytest
import toy_course
from bs4 import BeautifulSoup
from toy_course import cell, filled, hand_in, nbgrader, weights

from grading.__main__ import main
from grading.report import Report

SQUARED = "def double(x):\n    return x * x"
CALLS = "def total(x):\n    return halved(double(x)).max()"  # wrong itself, and it calls a wrong one
HALVED = "def halved(x):\n    return x / 2\n\nlimit = 3"
LOUD = "LOUD\x1b[31m</dd><script>alert(1)</script>"
RAISES = f"def total(x):\n\n    raise ValueError({LOUD!r} + str(x))"
DIES = "import os\ndef triple(x):\n    os._exit(9)"


def cells_of(notebook: dict, source: str) -> dict:
    """Return the notebook with one cell of the student's own more."""
    notebook["cells"].insert(2, cell("code", source))
    return notebook


@pytest.fixture(scope="module")
def graded(course, tmp_path_factory) -> Path:
    """The root of a course of its own that stock nbgrader has graded."""
    root = toy_course.fresh_copy(course.root, tmp_path_factory.mktemp("why") / "course")
    released, sound = toy_course.released(root), {"toy.safetensors": weights()}
    hand_in(root, "ada", filled(released), sound)
    hand_in(root, "ben", cells_of(filled(released, double=SQUARED, total=CALLS), HALVED), sound)
    hand_in(root, "<b>cem", filled(released, total=RAISES, triple=DIES), {})
    hand_in(root, "cut", "{")
    done = nbgrader(root, "autograde", "toy")
    assert done.returncode == 0, done.stderr
    hand_in(root, "dan", filled(released), sound)
    return root


@pytest.fixture(scope="module")
def why(graded):
    """A function that runs the verb, once for the same words, and returns its status and what it printed."""

    @functools.cache
    def run(*words: str, course: Path = graded) -> tuple[int, str]:
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            status = main(["why", *words, "--course", str(course)])
        return status, said.getvalue()

    return run


def page(root: Path, student: str) -> BeautifulSoup:
    return BeautifulSoup((root / "grading/why" / student / "toy.html").read_text("utf-8"), "html.parser")


def test_each_check_is_shown_with_its_points_and_what_it_found(why, graded):
    status, text = why("ben", "toy")
    lines = text.splitlines()
    assert (
        status == 0
        and lines[0] == "ben, toy: 2 of 7 points and 1.5 of 1.5 extra points in the report, and today as well"
    )
    at = lines.index("double: 0 of 3 points, wrong (squared)")
    assert lines[at + 1] == "  the student reads: this is the square, not the double."
    assert lines[at + 2] == "  ✘ values: 0 of 2, wrong (squared)" and lines[at + 3] == "      called   the call"
    returned, expected = ([float(number) for number in re.findall(r"[\d.]+", line)] for line in lines[at + 4 : at + 6])
    assert len(returned) == 8 and returned == [(two_x / 2) ** 2 for two_x in expected]
    assert any(line.startswith("  ✘ twice: 0 of 1, wrong") for line in lines)
    assert lines[-1] == str(graded / "grading/why/ben/toy.html")


def test_the_page_has_both_codes_and_says_what_stood_in(why, graded):
    assert why("ben", "toy")[0] == 0
    text = page(graded, "ben").get_text()
    assert "It calls double (0 of 3 points, wrong), not right by its own checks." in text
    assert (
        "return halved(double(x)).max()" in text and "return x / 2" in text
    )  # the student's, with a cell of their own
    assert "return add_up(x)" in text and "BEGIN SOLUTION" not in text  # the reference
    assert "stand_in_literal_314159" in text  # ours, in double's place
    assert [cell.get_text() for cell in page(graded, "ben").select(".no")][:2] == ["1", "2"]


def test_what_a_student_writes_is_text(why, graded):
    status, text = why("<b>cem", "toy")
    assert status == 0 and "\x1b" not in text and r"LOUD\x1b[31m" in text
    soup = page(graded, "<b>cem")
    assert soup.find("script") is None and soup.find("b") is None
    assert soup.h1.get_text() == "<b>cem, toy: why?" and LOUD.replace("\x1b", r"\x1b") in soup.get_text()
    marked = [row.code.get_text() for row in soup.select(".marked")]
    assert len(marked) == 1 and marked[0].startswith("    raise ValueError(")
    assert "the process ended itself with status 9" in text and "hand in the weights." in text


def test_a_full_mark_is_said(why):
    assert why("ada", "toy") == (
        0,
        "ada, toy: 8.5 of 7 points in the report, and today as well\nFull points everywhere: no check failed.\n",
    )


def test_a_question_that_is_named_is_shown_although_it_is_full(why, graded):
    status, text = why("ada", "toy", "double")
    assert status == 0 and text.splitlines()[2:5] == [
        "double: 3 of 3 points, passed",
        "  ✔ values: 2 of 2, passed",
        "  ✔ twice: 1 of 1, passed",
    ]
    assert "2 * x" in page(graded, "ada").get_text()


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("bem", "toy"), 2, "nothing on toy was handed in by bem: is ben meant?"),
        (("ada", "tox"), 2, "there is no such exercise: there are toy"),
        (("ada", "toy", "doubel"), 2, "no question doubel with checks; there are double, total, triple, model."),
        (("ada", "toy", "words_1"), 2, "It is marked by hand: see Formgrader."),
        (("dan", "toy"), 2, "dan is not graded yet in toy: there is no report. Run nbgrader autograde toy."),
        (("cut", "toy"), 0, "cut, toy: no points, for the submission cannot be read: the notebook is not JSON"),
    ],
)
def test_what_cannot_be_shown_is_said(why, graded, words, status, said):
    found, text = why(*words)
    assert found == status and said in text, text
    assert not (graded / "grading/why" / words[0] / "tox.html").exists()


@pytest.fixture
def changed(graded, tmp_path) -> Path:
    """A copy of the graded course, to be changed."""
    return Path(shutil.copytree(graded, tmp_path / "course"))


def test_another_version_of_the_course_is_said_with_both_marks(why, changed):
    """The check of two calls is withdrawn: double earns 1 of 3 today, and had 0."""
    hidden = changed / "grading/hidden_checks/test_toy.py"
    hidden.write_text(hidden.read_text().replace('    submission.examine("double", "again")', "    pass"))
    status, text = why("ben", "toy", course=changed)
    assert status == 1 and "The report was made by another version of the course" in text
    assert text.startswith("ben, toy: 2 of 7 points and 1.5 of 1.5 extra points in the report, 3 of 7")
    assert "double: 1 of 3 points, partly (squared); in the report 0 of 3 points, wrong" in text
    assert "The report was made" in page(changed, "ben").get_text()


def test_another_submission_than_the_report_is_on_is_said(why, changed):
    hand_in(changed, "ben", filled(toy_course.released(changed), double=SQUARED), {"toy.safetensors": weights()})
    status, text = why("ben", "toy", course=changed)
    assert status == 1 and "What was handed in changed since it was graded" in text
    assert text.startswith("ben, toy: 2 of 7 points and 1.5 of 1.5 extra points in the report, 4 of 7")


def test_a_damaged_report_is_said(why, changed):
    (changed / "grading/reports/toy/ben.json").write_text("{")
    status, text = why("ben", "toy", course=changed)
    assert status == 2 and "no sound report" in text


def test_reports_keep_the_evidence_and_nothing_else_does(graded):
    """Its inputs are in the message that the student's code raised: staff see them, and no student."""
    report = Report.read(graded / "grading/reports/toy/<b>cem.json")
    total = report.questions["total"].checks
    assert [(one.name, one.points, one.maximum, one.outcome) for one in total] == [("test_total", 0, 2, "wrong")]
    assert total[0].case == "values" and "LOUD" in total[0].got and "tensor([[" in total[0].got
    triple = report.questions["triple"].checks
    assert [(one.outcome, one.extra, one.maximum) for one in triple] == [("crashed", True, 1), ("crashed", True, 0.5)]
    double = Report.read(graded / "grading/reports/toy/ben.json").questions["double"].checks
    assert all("tensor([[" in one.expected for one in double[:1]) and len(double) == 2
    done = nbgrader(graded, "generate_feedback", "toy")
    assert done.returncode == 0, done.stderr
    for student in ("<b>cem", "ben"):
        places = [graded / "grading" / step / student / "toy" for step in ("autograded", "feedback")]
        seen = "".join(path.read_text() for place in places for path in place.rglob("*") if path.is_file())
        assert "compute it by hand" in seen and "tensor([[" not in seen
    assert b"tensor([[" not in (graded / "grading/gradebook.db").read_bytes()


def test_a_worker_cannot_read_it(graded, course, fork_server, why):
    from grading.isolation.session import Cell, Session

    assert why("ben", "toy")[0] == 0
    path = graded / "grading/why/ben/toy.html"
    source = f"try:\n    print('read', open({str(path)!r}).read(10))\nexcept OSError as error:\n    print('refused')"
    with Session(fork_server, [Cell("own", source, "full")]) as session:
        session.ensure_worker()
    assert "refused" in session.output and "read" not in session.output and path.stat().st_mode & 0o077 == 0
