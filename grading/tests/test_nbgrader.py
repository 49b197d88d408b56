"""Stock nbgrader, run as an instructor runs it, on a class with every kind of trouble."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import toy_course
from toy_course import cell, filled, fresh_copy, hand_in, named, nbgrader, weights

from grading.__main__ import main
from grading.report import Report

pytestmark = pytest.mark.filterwarnings("default")  # nbgrader's gradebook warns of its own queries

SQUARED = "def double(x):\n    return x * x"
HALF_TRIPLE = "def triple(x):\n    return 3 * x if x.is_floating_point() else x"
HTML = {"text/html": "<script>alert('from an output')</script>", "text/plain": "an output"}


def ten_students(root: Path) -> dict[str, float]:
    """Write ten submissions, four of them broken, and return the points that each deserves."""
    release, files = toy_course.released(root), {"toy.safetensors": weights()}
    hand_in(root, "s0_right", filled(release), files)
    hand_in(root, "s1_untouched", release)
    hand_in(root, "s2_squared", filled(release, double=SQUARED), files)
    hand_in(root, "s3_cut", json.dumps(filled(release))[:700], files)
    hand_in(root, "s4_nothing", None, {"notes.txt": b"I was ill."})
    (hand_in(root, "s5_folder", None) / "toy.ipynb").mkdir()
    large = filled(release)
    large["metadata"]["x"] = "x" * (6 << 20)
    hand_in(root, "s6_large", large, files)
    folder = hand_in(root, "s7_renamed", None, files)
    (folder / "my toy.ipynb").write_text(json.dumps(filled(release)))
    (folder / "timestamp.txt").write_text("once upon a time")
    (folder / "link").symlink_to("/etc/passwd")
    os.mkfifo(folder / "pipe")
    damaged = filled(release, total="class T:\n    while True: pass")
    damaged["cells"] += [named(damaged, "double_check"), cell("markdown", "<img src=x onerror=alert(2)>")]
    damaged["metadata"]["kernelspec"]["name"] = "my-env"
    named(damaged, "double")["outputs"] = [{"output_type": "display_data", "data": HTML, "metadata": {}}]
    hand_in(root, "s8_damaged", damaged, files)
    words = filled(release)
    named(words, "words_1")["source"] = "Wrists, <script>alert(3)</script> because they move."
    (hand_in(root, "s9_words", words, files) / "timestamp.txt").write_text("2031-05-06 07:08:09 UTC")
    return {
        "s0_right": 8.5,  # 7 and 1.5 extra points
        "s1_untouched": 0,
        "s2_squared": 5.5,
        "s3_cut": 0,
        "s4_nothing": 0,
        "s5_folder": 0,
        "s6_large": 0,
        "s7_renamed": 8.5,
        "s8_damaged": 6.5,
        "s9_words": 8.5,
    }


@pytest.fixture(scope="module")
def graded(course, tmp_path_factory):
    """The class after one run of autograde, generate_feedback and export, with the points that everybody deserves.

    It starts as a fresh clone does: without a gradebook, which has to learn the assignment from the release.
    """
    root = fresh_copy(course.root, tmp_path_factory.mktemp("class") / "course")
    deserved = ten_students(root)
    before = toy_course.snapshot(root / "grading/submitted")
    done = nbgrader(root, "autograde", "toy")
    assert done.returncode == 0, done.stderr
    assert toy_course.snapshot(root / "grading/submitted") == before
    for command in (["generate_feedback", "toy"], ["export"]):
        assert nbgrader(root, *command).returncode == 0
    return root, deserved, done


def scores(root: Path) -> dict[str, float]:
    with open(root / "grades.csv") as file:
        return {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}


def test_everybody_has_the_row_that_they_deserve(graded):
    root, deserved, _ = graded
    assert scores(root) == deserved


def test_every_report_says_what_happened(graded):
    root, deserved, _ = graded
    reports = {student: Report.read(root / "grading/reports/toy" / f"{student}.json") for student in deserved}
    assert {student: report.points + report.bonus for student, report in reports.items()} == deserved
    assert all(report.questions["triple"].bonus_maximum == 1.5 for report in reports.values())
    reasons = {student: report.unreadable for student, report in reports.items() if report.unreadable}
    assert set(reasons) == {"s3_cut", "s4_nothing", "s5_folder", "s6_large"}
    assert "not JSON" in reasons["s3_cut"] and "no notebook at all" in reasons["s4_nothing"]
    assert "a folder" in reasons["s5_folder"] and "6 MB" in reasons["s6_large"]
    assert reports["s7_renamed"].repairs == ["the notebook was called my toy.ipynb"]
    assert reports["s8_damaged"].questions["total"].verdict == "timed out"
    assert reports["s2_squared"].questions["double"].mistake == "squared"


def test_every_student_has_a_page_of_feedback_that_shows_nothing_hidden_and_runs_nothing(graded):
    root, deserved, _ = graded
    stock = (root / "grading/feedback/s1_untouched/toy/toy.html").read_text().count("<script")
    for student in deserved:
        page = (root / "grading/feedback" / student / "toy" / "toy.html").read_text()
        assert "of 3 points" in page, student
        for secret in (
            "271828",
            "submission.examine",
            "return 2 * x" if student in ("s1_untouched", "s3_cut") else "secret words",
        ):
            assert secret not in page, (student, secret)
        assert page.count("<script") == stock and "<img src=" not in page, student
        assert not list((root / "grading/feedback" / student / "toy").glob("*.safetensors"))
    assert (
        "could not be graded: the notebook is not JSON" in (root / "grading/feedback/s3_cut/toy/toy.html").read_text()
    )
    assert "this is the square" in (root / "grading/feedback/s2_squared/toy/toy.html").read_text()


def test_the_reason_is_in_the_gradebook_and_words_wait_for_a_hand(graded):
    root, *_ = graded
    with toy_course.gradebook(root) as book:
        students = ("s3_cut", "s2_squared", "s9_words", "s1_untouched")
        notebooks = {student: book.find_submission_notebook("toy", "toy", student) for student in students}
        waiting = {student: notebook.needs_manual_grade for student, notebook in notebooks.items()}
        told = {
            student: [comment.auto_comment or "" for comment in notebook.comments]
            for student, notebook in notebooks.items()
        }
    assert waiting == {"s3_cut": False, "s2_squared": False, "s9_words": True, "s1_untouched": False}
    assert any("not graded: the notebook is not JSON" in comment for comment in told["s3_cut"])
    assert any("wrong: this is the square" in comment for comment in told["s2_squared"])
    assert told["s1_untouched"] == ["No response."] * 5


@pytest.fixture(scope="module")
def regraded(graded):
    """The class after marks by hand, a newer submission and a second run; and when an old report was written before."""
    root, *_ = graded
    with toy_course.gradebook(root) as book:
        for name, mark in (("words_1", 3.5), ("double_check", 1.0)):
            book.find_grade(name, "toy", "toy", "s9_words").manual_score = mark
        book.find_grade("words_1", "toy", "toy", "s9_words").extra_credit = 0.25
        book.db.commit()
    folder = root / "grading/submitted/s9_words/toy"
    newer = filled(toy_course.released(root), total="def total(x): return 0", triple=HALF_TRIPLE)
    named(newer, "words_1")["source"] = "Wrists move most."
    (folder / "toy.ipynb").write_text(json.dumps(newer))
    (folder / "timestamp.txt").write_text("2031-05-07 07:08:09 UTC")
    before = (root / "grading/reports/toy/s0_right.json").stat().st_mtime_ns
    assert nbgrader(root, "autograde", "toy").returncode == 0
    return root, before


def test_a_newer_submission_replaces_the_older_and_marks_given_by_hand_stay(regraded):
    root, _ = regraded
    assert Report.read(root / "grading/reports/toy/s9_words.json").questions["total"].points == 0
    with toy_course.gradebook(root) as book:
        notebook = book.find_submission_notebook("toy", "toy", "s9_words")
        marks = {grade.name: (grade.auto_score, grade.manual_score) for grade in notebook.grades}
        score, waits = notebook.score, notebook.needs_manual_grade
    assert marks == {
        "double_check": (3.0, 1.0),
        "total_check": (0.0, None),
        "triple_check": (0.0, None),
        "model_check": (2.0, None),
        "words_1": (None, 3.5),
    }
    assert (score, waits) == (6.5 + 1 + 0.25, True)


def extra_credit(root: Path, student: str) -> tuple[float, dict[str, float]]:
    """Return the score of a student and the extra credit by cell, as the gradebook holds them."""
    with toy_course.gradebook(root) as book:
        notebook = book.find_submission_notebook("toy", "toy", student)
        extra = {grade.name: grade.extra_credit for grade in notebook.grades if grade.extra_credit is not None}
        return notebook.score, extra


def test_extra_points_are_extra_credit_in_the_gradebook_in_the_export_and_in_the_feedback(graded):
    root, *_ = graded
    assert extra_credit(root, "s0_right") == (8.5, {"triple_check": 1.5})
    assert extra_credit(root, "s3_cut") == (0.0, {"triple_check": 0.0})
    with open(root / "grades.csv") as file:
        row = next(row for row in csv.DictReader(file) if row["student_id"] == "s0_right")
    assert (float(row["score"]), float(row["max_score"])) == (8.5, 11)  # 4 of them for words: extra points add none
    page = (root / "grading/feedback/s0_right/toy/toy.html").read_text()
    assert "triple: 1.5 of 1.5 extra points, passed" in page and "double: 3 of 3 points, passed" in page


def test_a_newer_submission_earns_its_own_extra_points_and_those_given_by_hand_stay(regraded):
    root, _ = regraded
    assert extra_credit(root, "s9_words") == (7.75, {"triple_check": 1.0, "words_1": 0.25})


def test_grading_again_gives_extra_points_once_and_leaves_those_given_by_hand(regraded):
    root, _ = regraded
    with toy_course.gradebook(root) as book:
        book.find_grade("total_check", "toy", "toy", "s7_renamed").extra_credit = 0.5
        book.db.commit()
    for _ in range(2):
        assert nbgrader(root, "autograde", "toy", "--force", "--student=s7_renamed").returncode == 0
        assert extra_credit(root, "s7_renamed") == (9.0, {"total_check": 0.5, "triple_check": 1.5})
    for older in (root / "grading/submitted/s7_renamed/toy").glob("*.ipynb"):
        older.unlink()  # it would count in the place of one that cannot be read
    hand_in(root, "s7_renamed", "{")  # newer, and it cannot be read
    assert nbgrader(root, "autograde", "toy", "--force", "--student=s7_renamed").returncode == 0
    assert extra_credit(root, "s7_renamed") == (0.5, {"total_check": 0.5, "triple_check": 0.0})


def test_a_second_run_leaves_graded_submissions_alone(regraded):
    root, before = regraded
    assert (root / "grading/reports/toy/s0_right.json").stat().st_mtime_ns == before


def test_the_table_of_marks(graded, capsys):
    root, *_ = graded
    assert main(["marks", "toy", "--course", str(root)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 11 and lines[0].split()[:3] == ["student", "double", "/3"]
    assert "triple +1.5" in lines[0] and "total /7 +1.5" in lines[0]
    assert next(line for line in lines if line.startswith("s0_right")).split()[1:6] == ["3", "2", "1.5", "2", "8.5"]
    assert "double: squared" in next(line for line in lines if line.startswith("s2_squared"))


def test_the_verbs_explain_themselves(capsys):
    assert main(["--help"]) == 0
    assert main(["no-such-verb"]) == 2
    assert "autograde EXERCISE" in capsys.readouterr().out
    assert main(["marks", "no_such_exercise"]) == 0
    assert "nothing is graded yet" in capsys.readouterr().out


VERBS = ("release", "autograde", "marks", "overview", "extend", "withdraw", "similar", "verify", "sample-class")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_a_parser_of_its_own(verb, capsys):
    with pytest.raises(SystemExit) as ended:
        main([verb, "--help"])
    assert ended.value.code == 0 and f"usage: python -m grading {verb} [-h]" in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        main([verb, "--jobs=none" if verb == "autograde" else "--no-such-option"])
    assert ended.value.code == 2 and f"python -m grading {verb}: error: " in capsys.readouterr().err


def test_marks_are_shown_without_waiting_for_torch_or_nbgrader():
    script = "import sys; from grading.__main__ import main; main(['marks', 'toy']); print(sorted(sys.modules))"
    shown = subprocess.check_output([sys.executable, "-c", script], env=toy_course.environment(), text=True)
    assert "'grading.reporting.marks'" in shown and not any(f"'{name}'" in shown for name in ("torch", "nbgrader"))


def test_a_course_that_contradicts_itself_grades_nobody(graded, tmp_path):
    root, *_ = graded
    odd = tmp_path / "odd"
    shutil.copytree(root, odd, ignore=shutil.ignore_patterns("submitted", "autograded", "reports", "feedback"))
    hidden = odd / "grading/hidden_checks/test_toy.py"
    hidden.write_text(hidden.read_text().replace('points("total", 2)', 'points("total", 1)'))
    hand_in(odd, "ada", filled(toy_course.released(odd)))
    done = nbgrader(odd, "autograde", "toy")
    assert (
        done.returncode == 1
        and "Nobody was graded" in done.stderr
        and not (odd / "grading/reports/toy/ada.json").exists()
    )


def test_what_a_run_of_the_solution_leaves_is_not_released(course):
    assert (course.root / "solutions/toy/toy.safetensors").exists() and (
        course.root / "solutions/toy/results.json"
    ).exists()
    assert sorted(path.name for path in (course.root / "exercises/toy").iterdir()) == ["picture.png", "toy.ipynb"]


def test_a_mistyped_exercise_is_answered_with_those_that_there_are(capsys):
    with pytest.raises(SystemExit):
        main(["autograde", "ex01_pose_regressio"])
    assert "there is no exercise ex01_pose_regressio" in (said := capsys.readouterr().err)
    assert "there are ex00_start_here, ex01_pose_regression, ex02_softargmax" in said
