"""Verifying on the toy course, graded by stock nbgrader before: what is sound stays, what is luck is listed."""

import json
import shutil

import msgspec
import pytest
import toy_course
from toy_course import filled, hand_in, nbgrader, weights

from grading.__main__ import main
from grading.handed_in import NOBODY
from grading.report import Report
from grading.verify import Run, Verified, compare, planned

BY_LUCK = "def double(x):\n    return 2 * x if x[0, 0] % 2 else x"  # right for odd numbers only
BY_CHANCE = "import os\ndef total(x):\n    return x.sum() + (os.urandom(1)[0] % 2)"
BY_THREADS = "def total(x):\n    return x.sum() + (torch.get_num_threads() - 1)"
ANSWERS = {
    "right": {},
    "broken": {"total": "def total(x): return x.mean()", "double": "def double(x:"},
    "luck": {"double": BY_LUCK},
    "chance": {"total": BY_CHANCE},
    "threads": {"total": BY_THREADS},
}


@pytest.fixture(scope="module")
def graded(course, tmp_path_factory):
    """The root of a course of its own that stock nbgrader has graded."""
    root = tmp_path_factory.mktemp("verified") / "course"
    kept_out = ("submitted", "autograded", "course_secret", "reports", "gradebook.db")
    shutil.copytree(course.root, root, ignore=shutil.ignore_patterns(*kept_out))
    for student, answers in ANSWERS.items():
        notebook = filled(toy_course.released(root), **answers)
        hand_in(root, student, notebook, {"toy.safetensors": weights()})
    hand_in(root, "cut", "{", {})
    done = nbgrader(root, "autograde", "toy")
    assert done.returncode == 0, done.stderr
    return root


@pytest.fixture
def verify(graded, capsys):
    """A function that runs the verb and returns its status and the lines that it printed."""

    def run(*options: str, students: tuple[str, ...] = ()) -> tuple[int, list[str]]:
        named = [part for student in students for part in ("--student", student)]
        status = main(["verify", "toy", "--course", str(graded), *named, *options])
        return status, capsys.readouterr().out.splitlines()

    return run


def snapshot(root):
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts}


def test_sound_submissions_do_not_move_and_nothing_is_written(verify, graded):
    before = snapshot(graded)
    status, lines = verify(students=("right", "broken", "cut"))
    assert lines[-1] == "3 submissions, 4 questions, 5 runs: 0 marks moved" and status == 0, lines
    assert [line.split(":")[0] for line in lines[:-1]] == ["seed 1", "seed 2", "seed 3", "2 threads"]
    assert snapshot(graded) == before


@pytest.mark.full
def test_marks_that_move_are_listed_run_by_run(verify):
    """Fourteen seeds, for a mark by chance must have its chance: it stays the same in one of 32768 such tests."""
    status, lines = verify("--seeds", "14", "--threads", "1,2", students=("luck", "chance", "threads"))
    assert status == 1 and lines[-1] == "3 submissions, 4 questions, 16 runs: 3 marks moved"
    start = next(n for n, line in enumerate(lines) if line.startswith("student "))
    head, chance, luck, threads = lines[start : start + 4]
    assert head.split()[:6] == ["student", "question", "own", "seed", "seed", "1"] and head.endswith("2 threads")
    assert chance.split()[:2] == ["chance", "total"] and chance.count("2 passed") + chance.count("0 wrong") == 16
    assert luck.split()[:2] == ["luck", "double"] and luck.count("3 passed") + luck.count("partly") >= 1
    assert threads.split() == ["threads", "total", *["2", "passed"] * 15, "0", "wrong"]
    assert "threads, total, 2 threads: compute it by hand for one number." in lines


def test_a_report_that_says_something_else_is_not_repeated(verify, graded):
    path = graded / "grading/reports/toy/right.json"
    sound = path.read_text()
    told = json.loads(sound)
    told["questions"]["double"].update(points=2.0, verdict="partly")
    told["questions"]["total"]["checks"] = [{"name": "test_total", "points": 1.0, "maximum": 2.0, "outcome": "wrong"}]
    told["questions"]["double"]["checks"][0]["got"] = "an object at 0x7f00, which is evidence and no mark"
    told["seconds"] += 1
    path.write_text(json.dumps(told))
    try:
        status, lines = verify("--seeds", "0", "--threads", "1", students=("right",))
    finally:
        path.write_text(sound)
    assert status == 1 and lines == [
        "not repeated: right: double.points: 2.0 in the report, 3.0 now",
        "not repeated: right: double.verdict: 'partly' in the report, 'passed' now",
        "not repeated: right: total.checks: [('test_total', 1.0, 2.0, 'wrong', False, None)] in the report, "
        "[('test_total', 2.0, 2.0, 'passed', False, None)] now",
        "1 submissions, 4 questions, 1 runs: 0 marks moved",
    ]


@pytest.mark.parametrize(
    ("changed", "not_repeated", "not_compared"),
    [
        pytest.param({"seconds": 9.0, "output": "at noon", "peak_mb": 1}, None, None, id="resources"),
        pytest.param({"seed": "another"}, "ada: seed: 'another' in the report", None, id="seed"),
        pytest.param({"submission_hash": "b"}, None, "handed in again", id="another submission"),
        pytest.param({"course_key": "b"}, None, "checks, settings or versions changed", id="another course"),
        pytest.param({"schema": "nonsense", "x": 1}, "ada: no sound report", None, id="damaged"),
        pytest.param(None, None, "there is no report", id="missing"),
    ],
)
def test_reports_are_compared_where_they_are_on_the_same(tmp_path, changed, not_repeated, not_compared):
    ours, found = Report("toy", "ada", "a", "seed", course_fingerprint="a"), Verified([])
    if changed is not None:
        (tmp_path / "ada.json").write_text(json.dumps({**msgspec.to_builtins(ours), **changed}))
    compare(ours, tmp_path / "ada.json", found)
    for lines, expected in ((found.not_repeated, not_repeated), (found.not_compared, not_compared)):
        assert len(lines) == (expected is not None) and all(expected in line for line in lines)


def test_what_cannot_be_verified_is_said(verify, graded, tmp_path, capsys):
    assert verify(students=("nobody",))[0] == 2
    assert main(["verify", "toy", "--course", str(tmp_path)]) == 2
    assert "no nbgrader_config.py" in capsys.readouterr().out
    assert main(["verify", "other", "--course", str(graded)]) == 2
    assert "nothing on other was handed in" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        verify("--threads", "none")


def test_where_the_course_changed_since_nobody_is_compared(graded, tmp_path, capsys):
    root = shutil.copytree(graded, tmp_path / "course")
    (root / "grading/known_wrong/toy.py").write_text("KNOWN_WRONG = {}")
    words = ["verify", "toy", "--course", str(root), "--student", "right", "--seeds", "0", "--threads", "1"]
    assert main(words) == 2
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("not compared: right: checks, settings or versions changed since")
    assert lines[1:] == ["1 submissions, 4 questions, 1 runs: 0 marks moved", NOBODY]


def test_the_runs_are_the_same_every_time_and_never_the_submissions_own():
    runs = planned(b"a" * 64, 2, [2, 1, 2])
    assert [run.name for run in runs] == ["own seed", "seed 1", "seed 2", "2 threads"]
    assert runs == planned(b"a" * 64, 2, [2, 1, 2]) and runs[1] != planned(b"b" * 64, 2, [1])[1]
    assert runs[0] == Run("own seed") and len({runs[1].seed, runs[2].seed}) == 2
