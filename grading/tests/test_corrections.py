"""`verify --changed` and `complaints` on the toy course: what a mended check moves, and who asked for it."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import sqlite3
from pathlib import Path

import pytest
import toy_course
from toy_course import filled, hand_in, nbgrader, snapshot, weights

from grading import complaints
from grading.__main__ import main
from grading.handed_in import NOBODY
from grading.submission.regrade import Request, requests_in

SQUARED = "def double(x):\n    return x * x"
MEAN = "def total(x):\n    return x.mean()"
ASKS = """Regrade request: total
The task says *sum*, and\x1b[31m mine is the mean of all.
<script>alert(1)</script>

## regrade request : `Double_check`
it is right
"""


@pytest.fixture(scope="module")
def graded(course, tmp_path_factory) -> Path:
    """The root of a course of its own that stock nbgrader has graded; then requests came."""
    root = toy_course.fresh_copy(course.root, tmp_path_factory.mktemp("corrections") / "course")
    released, sound = toy_course.released(root), {"toy.safetensors": weights()}
    hand_in(root, "ada", filled(released), sound)
    hand_in(root, "ben", filled(released, double=SQUARED), sound)
    hand_in(root, "cem", filled(released, total=MEAN), sound)
    hand_in(root, "dan", filled(released, double=SQUARED), sound)
    hand_in(root, "cut", "{")
    done = nbgrader(root, "autograde", "toy")
    assert done.returncode == 0, done.stderr
    hand_in(root, "new", filled(released), sound)
    with sqlite3.connect(root / "grading/gradebook.db") as book:  # as Formgrader would: dan got 1.5 by hand for double
        by_hand = """UPDATE grade SET manual_score = 1.5 WHERE cell_id = (SELECT id FROM base_cell WHERE name = ?)
        AND notebook_id IN (SELECT n.id FROM submitted_notebook n JOIN submitted_assignment a ON a.id = n.assignment_id
        WHERE a.student_id = 'dan')"""
        assert book.execute(by_hand, ("double_check",)).rowcount == 1
        said = by_hand.replace("grade SET manual_score = 1.5", "comment SET manual_comment = 'Looked at again: stays.'")
        assert book.execute(said, ("double",)).rowcount == 1
    return root


@pytest.fixture
def mended(graded, tmp_path) -> Path:
    """A copy in which the values of double are judged no more, and total has to be the mean."""
    root = Path(shutil.copytree(graded, tmp_path / "course"))
    hidden = root / "grading/hidden_checks/test_toy.py"
    hidden.write_text(hidden.read_text().replace('    submission.examine("double", "values")', "    pass"))
    solution = root / "solutions/toy/toy.ipynb"
    solution.write_text(solution.read_text().replace("return x.sum()", "return x.mean()"))
    return root


def run(*words: str) -> tuple[int, list[str]]:
    """Run a verb and return its status and the lines that it printed."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        status = main([str(word) for word in words])
    return status, said.getvalue().splitlines()


def test_nobody_moves_while_nothing_was_changed(graded):
    before = snapshot(graded)
    status, lines = run("verify", "toy", "--changed", "--course", graded)
    assert (status, lines) == (0, ["not graded yet: new, now 8.5 points", "6 submissions: 0 marks of 0 students move."])
    assert snapshot(graded) == before


@pytest.mark.parametrize("further", [(), ("--changed",)])
def test_before_any_grading_nobody_is_compared_and_no_secret_is_made(course, tmp_path, further):
    root = toy_course.fresh_copy(course.root, tmp_path / "course")
    hand_in(root, "ada", filled(toy_course.released(root)), {"toy.safetensors": weights()})
    before = snapshot(root)
    status, lines = run("verify", "toy", "--course", root, *further)
    assert status == 2 and len(lines) == 1 and not (root / "grading/course_secret").exists()
    assert lines[0].startswith("there is nothing to compare with: none of those asked for is graded yet")
    assert lines[0].endswith("Run nbgrader autograde toy first") and snapshot(root) == before


def test_a_secret_that_is_gone_is_not_made_anew(graded, tmp_path):
    root = Path(shutil.copytree(graded, tmp_path / "course"))
    (root / "grading/course_secret").unlink()
    for further in ((), ("--changed",)):
        status, lines = run("verify", "toy", "--course", root, *further)
        assert status == 2 and "course_secret is gone" in lines[0] and not (root / "grading/course_secret").exists()


def test_where_nobody_could_be_compared_the_status_is_2(graded, tmp_path):
    assert run("verify", "toy", "--course", graded, "--changed", "--student", "new")[0] == 2
    root = Path(shutil.copytree(graded, tmp_path / "course"))
    for report in (root / "grading/reports/toy").iterdir():
        report.write_text("{}")
    status, lines = run("verify", "toy", "--course", root, "--changed")
    assert status == 2 and lines[-1] == NOBODY and lines[-2] == "6 submissions: 0 marks of 0 students move."


@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.full)])
def test_a_mended_check_says_whose_marks_move_and_writes_nothing(mended, jobs):
    """Of double only the check of two calls is left to fail, 1 of 3; total is right for cem alone."""
    before = snapshot(mended / "grading")
    status, lines = run("verify", "toy", "--changed", "--course", mended, "--jobs", jobs)
    assert status == 1 and lines[0].split() == ["student", "question", "before", "after"]
    assert [line.split() for line in lines[1:8]] == [
        ["ada", "total", "2/2", "passed", "0/2", "wrong"],
        ["ben", "double", "0/3", "wrong", "2/3", "partly"],
        ["ben", "total", "2/2", "passed", "0/2", "wrong"],
        ["cem", "total", "0/2", "wrong", "2/2", "passed"],
        ["dan", "double", "0/3", "wrong", "2/3", "partly"],
        ["dan", "total", "2/2", "passed", "0/2", "wrong"],
        ["ada,", "total:", "compute", "it", "by", "hand", "for", "one", "number."],
    ]
    assert "dan, double: a mark by hand counts in the gradebook, 1.5, and hides this" in lines
    totals = [line for line in lines if line.startswith("total: ")]
    assert totals == [
        "total: ada 8.5 -> 6.5", "total: ben 5.5 -> 5.5", "total: cem 6.5 -> 8.5", "total: dan 5.5 -> 5.5",
    ]  # fmt: skip
    assert lines[-2] == "not graded yet: new, now 6.5 points"
    assert lines[-1] == (
        "6 submissions: 6 marks of 4 students move. Nothing was written; nbgrader autograde toy writes them."
    )
    assert snapshot(mended / "grading") == before


def test_some_may_be_chosen_and_what_is_on_disk_is_looked_at(mended):
    report, book = mended / "grading/reports/toy/cem.json", mended / "grading/gradebook.db"
    report.write_text(report.read_text().replace('"points": 2.0', '"points": 9.0'))
    with sqlite3.connect(book) as connection:
        connection.execute("UPDATE grade SET auto_score = 1.0 WHERE auto_score = 3.0")
    hand_in(mended, "ben", filled(toy_course.released(mended)), {"toy.safetensors": weights()})
    chosen = [word for name in ("ada", "ben", "cem") for word in ("--student", name)]
    status, lines = run("verify", "toy", "--changed", "--course", mended, *chosen)
    text = "\n".join(lines)
    assert status == 1 and lines[-1].startswith("3 submissions: ")
    assert "no sound report of cem, taken as none: " in text and "ben: handed in again since" in text
    assert "ada, double: the gradebook has 1 where the report has 3; run autograde" in text
    assert run("verify", "toy", "--changed", "--course", mended, "--student", "eve") == (
        2,
        ["nothing on toy was handed in by eve; expected one of ada, ben, cem, cut, dan, new"],
    )
    book.write_bytes(b"no gradebook" * 1000)
    status, lines = run("verify", "toy", "--changed", "--course", mended)
    assert status == 2 and "gradebook.db cannot be read: file is not a database" in lines[0]


def test_other_words_for_the_same_points_are_counted_apart(graded, tmp_path):
    root = Path(shutil.copytree(graded, tmp_path / "course"))
    (root / "grading/known_wrong/toy.py").write_text("KNOWN_WRONG = {}")
    status, lines = run("verify", "toy", "--changed", "--course", root, "--sample", "6")
    assert status == 0 and lines[0] == "another hint, the same points: ben double, dan double"


# --- complaints ------------------------------------------------------------------------------------------------------


@pytest.fixture
def asked(graded, tmp_path) -> Path:
    """A copy in which some ask to be looked at again."""
    root = Path(shutil.copytree(graded, tmp_path / "course"))
    texts = {"ben": "Regrade request: double\nplease", "cem": ASKS, "dan": "Regrade request: double", "cut": "I ask."}
    for student, text in texts.items():
        (root / "grading/submitted" / student / "toy/regrade.md").write_text(text)
    return root


def test_requests_are_listed_with_points_and_answers(asked):
    status, lines = run("complaints", "toy", "--course", asked)
    first = r"The task says *sum*, and\x1b[31m mine is the mean of all. <scr…"
    assert status == 0 and [line.split() for line in lines[:3]] == [
        ["student", "exercise", "question", "points", "answered", "asks", "note"],
        ["ben", "toy", "double", "0", "of", "3", "no", "please"],
        ["cem", "toy", "total", "0", "of", "2", "no", *first.split()],
    ]  # fmt: skip
    assert lines[3].split() == ["cem", "toy", "double", "3", "of", "3", "no", "it", "is", "right"]
    assert lines[4].split() == ["cut", "toy", "–", "–", "no", "I", "ask.", "no", "question", "is", "named"]
    assert lines[5].split(maxsplit=6)[2:] == ["double", "1.5", "of", "3", "mark 1.5, “Looked at again: stays.”"]
    assert run("complaints", "--course", asked) == (0, lines)


def test_a_request_changes_no_mark_and_no_report(asked):
    """It is neither the notebook nor the weights: who asks is graded already, with the inputs that they had."""
    done = nbgrader(asked, "autograde", "toy")
    assert done.returncode == 0 and "5 of 6 submissions are graded and unchanged" in done.stdout + done.stderr


def test_what_cannot_be_a_request_is_said(asked):
    ben = asked / "grading/submitted/ben/toy"
    (ben / "regrade.md").write_text("Regrade request: doubel\nplease")
    notebook = ben / "toy.ipynb"
    notebook.write_text(notebook.read_text() + " ")
    lines = run("complaints", "toy", "--course", asked)[1]
    assert lines[1].endswith(
        "no question of that name: is double meant?; the work changed since it was graded: run autograde"
    )
    status, lines = run("complaints", "tox", "--course", asked)
    assert status == 2 and "there is no such exercise: there are toy" in lines[0]
    with pytest.raises(SystemExit):
        run("complaints", "--course", asked / "grading")
    book = asked / "grading/gradebook.db"
    sound = book.read_bytes()
    book.write_bytes(b"no gradebook" * 1000)
    status, lines = run("complaints", "--course", asked)
    assert status == 2 and "gradebook.db cannot be read: file is not a database" in lines[0]
    book.write_bytes(sound)
    for path in asked.glob("grading/submitted/*/toy/regrade.md"):
        path.unlink()
    assert run("complaints", "toy", "--course", asked) == (0, ["nobody asks for anything"])


def test_requests_are_handed_on_whole(asked):
    found = complaints.requests(asked, "toy")
    assert [(one.student, one.question, one.points, one.maximum) for one in found] == [
        ("ben", "double", 0, 3), ("cem", "total", 0, 2), ("cem", "double", 3, 3), ("cut", "", None, None),
        ("dan", "double", 1.5, 3),
    ]  # fmt: skip
    assert found[1].reason.endswith("<script>alert(1)</script>") and found[4].answered.startswith("mark 1.5")


@pytest.mark.parametrize("name", ["regrade.md", "Regrade.MD", "regrade (1).md", "regrade.md.txt", "regrade"])
def test_a_request_is_found_under_the_names_that_browsers_make(tmp_path, name):
    (tmp_path / name).write_text("Regrade request: a")
    assert requests_in(tmp_path) == [Request("a", "")]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"\xef\xbb\xbf**Regrade request:** `a`.\r\nwhy\r\n", [Request("a", "why")]),
        ("Regrade request: a\nwhy".encode("utf-16"), [Request("a", "why")]),
        (b"Regrade request: \xff", [Request("\ufffd", "")]),
        (b"  \n", []),
        (b"regrade request: a\n" * 100, [Request("a", "")] * 20),
        (b"#" * 400_000, [Request("", "#" * 4000)]),
        (b"Regrade request: a\n" + b"x" * 400_000, [Request("a", "x" * 4000)]),
        (b"x" * (2 << 20), [Request("", "cannot be read: regrade.md has 2 MB; at most 1 MB are read")]),
    ],
)
def test_a_request_is_bounded_text(tmp_path, raw, expected):
    (tmp_path / "regrade.md").write_bytes(raw)
    assert requests_in(tmp_path) == expected


def test_what_is_no_regular_file_is_no_request(tmp_path):
    (tmp_path / "secret").write_text("Regrade request: a")
    os.symlink(tmp_path / "secret", tmp_path / "regrade.md")
    os.mkfifo(tmp_path / "regrade.txt")
    assert requests_in(tmp_path) == [
        Request("", "cannot be read: regrade.md is a link"),
        Request("", "cannot be read: regrade.txt is not a regular file"),
    ]
    assert requests_in(tmp_path / "nobody") == []


def test_a_request_in_a_zip_is_found(tmp_path):
    inner = tmp_path / "inner"
    (inner / "work").mkdir(parents=True)
    (inner / "work/regrade.md").write_text("Regrade request: a")
    shutil.make_archive(str(tmp_path / "in/work"), "zip", inner)
    (tmp_path / "in/broken.zip").write_bytes(b"PK\3\4")
    assert requests_in(tmp_path / "in") == [Request("a", "")]
