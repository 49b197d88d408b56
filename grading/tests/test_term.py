"""The term at a glance: numbers worked out by hand, nothing of a student's that is more than text, and a whole term."""

from __future__ import annotations

import contextlib
import csv
import json
import shutil
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import toy_course
from bs4 import BeautifulSoup
from toy_course import EXERCISE, filled, fresh_copy, gradebook, hand_in, named, nbgrader, weights

from grading.__main__ import main
from grading.report import QuestionReport, Report
from grading.reporting.similar import Alike
from grading.reporting.term import Exercise, Mark, Student, Term, Work, write_term

pytestmark = pytest.mark.filterwarnings("default")  # nbgrader's gradebook warns of its own queries

NOON = datetime(2031, 5, 6, 12)
HOSTILE = '=HYPERLINK("http://x")<script>alert(1)</script>'


def report(student: str, mistake: str | None) -> Report:
    made = Report("a", student, seconds=2.0, repairs=["mpjpe: the cell had lost its name"])
    made.questions["mpjpe"] = QuestionReport(0 if mistake else 6, 6, "wrong" if mistake else "passed", mistake=mistake)
    return made


def mark(score: float, maximum: float, by_hand: float | None = None, **more) -> Mark:
    fields = {"automatic": score, "extra": 0.0, "waiting": False} | more
    return Mark(score, by_hand=by_hand, maximum=maximum, **fields)


@pytest.fixture
def shown(tmp_path) -> tuple[BeautifulSoup, list[list[str]]]:
    """Page and table of two exercises: Ada 6 + 3 less 2 of 10, and 5 of 5; Ben 0 + words that wait; Cem only waits."""
    exercises = [Exercise("a", NOON, {"mpjpe_check": 6.0, "words_1": 4.0}), Exercise("b", None, {"pck_check": 5.0})]
    ada = {
        "a": Work(
            NOON + timedelta(hours=25), 3600.0, timedelta(days=1), 2.0,
            {"mpjpe_check": mark(6, 6), "words_1": mark(3, 4, 3.0, automatic=None)}, report("ada", None),
        ),
        "b": Work(NOON, marks={"pck_check": mark(5, 5, 5.0, automatic=2.0)}),
    }  # fmt: skip
    odd = "has 0 points by hand, and 6 by its checks"
    waits = mark(0, 4, automatic=None, waiting=True)
    marks = {"mpjpe_check": mark(0, 6, 0.0, automatic=6.0, odd=odd), "words_1": waits}
    ben = Work(marks=marks, report=report(HOSTILE, "x_y_swapped"))
    students = [
        Student("ada", "Lovelace, Ada", ada), Student(HOSTILE, "", {"a": ben}), Student("cem", "", {"a": Work()}),
        Student("dua"),
    ]  # fmt: skip
    term = Term(
        exercises, students, [Alike("a", "mpjpe", ("ada", "cem"), False), Alike("a", "weights", ("ada", "cem"), True)],
        [("ada", "a", "+1 day")], [("cem", "a", "mpjpe: <b>it</b> is right")], ["eli"], ["line 3: no time"],
    )  # fmt: skip
    page, table = write_term(tmp_path, term)
    with table.open(encoding="utf-8", newline="") as file:
        return BeautifulSoup(page.read_text("utf-8"), "html.parser"), list(csv.reader(file))


def words(tag) -> str:
    return " ".join(tag.get_text(" ").split())


def rows(soup: BeautifulSoup, heading: str) -> list[list[str]]:
    found = soup.find("h2", string=heading).find_next("table")
    return [[words(cell) for cell in row.find_all(["th", "td"])] for row in found.tbody.find_all("tr")]


def test_the_page_has_the_numbers_worked_out_by_hand(shown):
    soup, _ = shown
    facts = {words(dt): words(dt.find_next("dd")) for dt in soup.find_all("dt")}
    assert facts == {
        "students": "4", "exercises": "2", "mean": "3.0 of 15", "median": "0", "answers to mark by hand": "1",
        "regrade requests": "1",
    }  # fmt: skip
    assert rows(soup, "Exercises") == [
        ["a", "2031-05-06 12:00", "3", "2", "1", "2", "1", "3.50", "10", "4 s", "2.0 s"],
        ["b", "–", "1", "1", "0", "0", "0", "5.00", "5", "0 s", "–"],
    ]
    assert rows(soup, "All students") == [
        ["ada Lovelace, Ada", "7 late 60 min, −2", "5", "12"], [HOSTILE, "0 ✎", "–", "0"], ["cem", "…", "–", "0"],
        ["dua", "–", "–", "0"],
    ]  # fmt: skip
    assert rows(soup, "a, question by question")[0] == ["ada", "2031-05-07 13:00", "6", "3", "−2", "7"]
    assert rows(soup, "a, question by question")[1] == [HOSTILE, "time unknown", "0 checks 6", "0 ✎", "", "0"]
    assert rows(soup, "b, question by question")[0][2] == "5 checks 2"


def test_the_page_names_who_waits_who_erred_who_is_alike_and_who_asks(shown):
    soup, _ = shown
    assert rows(soup, "Answers that wait for a mark by hand") == [["a", "words_ 1", f"1: {HOSTILE}"]]
    assert rows(soup, "Who made which mistake") == [["a", "mpjpe", "x_ y_ swapped", "1", HOSTILE]]
    assert rows(soup, "Regrade requests") == [["cem", "a", "mpjpe: <b>it</b> is right"]]
    assert rows(soup, "Answers that are alike") == [["ada , cem", "2", "a: mpjpe, a: weights"]]
    assert rows(soup, "Marks by hand to look at again")[0][2].startswith("mpjpe_check has 0 points by hand")
    assert "late by 60 min beyond an extension of 24 h, 2 points off" in rows(soup, "Late, or at an unknown time")[0][2]
    assert rows(soup, "Extensions") == [["ada", "a", "+1 day"]] and len(rows(soup, "Repairs")) == 2
    assert "Left out, for they have left: eli" in words(soup) and "line 3: no time" in words(soup)
    assert not soup.find("script") and not soup.find("b", string="it")


def test_the_table_has_a_line_for_each_student_and_no_formula(shown):
    _, table = shown
    head = dict(zip(table[0], table[1], strict=True))
    assert head["student"] == "ada" and head["total"] == "12" and head["a points"] == "7" and head["a penalty"] == "2"
    assert head["a handed in"] == "2031-05-07 13:00:00" and head["a hours late"] == "1"
    assert head["a extension in hours"] == "24" and head["a words_1 by hand"] == "3"
    assert head["a words_1 automatic"] == ""
    assert head["b pck_check"] == "5" and head["b pck_check automatic"] == "2"
    assert table[2][0] == f"'{HOSTILE}" and table[3][3:5] == ["", "yes"] and set(table[4][3:]) == {""}


def test_the_gradebook_of_a_class_is_read_as_it_is(small_class, tmp_path, capsys):
    root = Path(shutil.copytree(small_class[0], tmp_path / "course"))
    (root / "grading/withdrawn.csv").write_text("student\ngus\n")
    hand_in(root, "new", "{}")
    (beside,) = root.glob(f"grading/submitted/ada/{EXERCISE}/*.safetensors")
    beside.with_suffix(".earlier.safetensors").write_bytes(b"other weights")
    with gradebook(root) as book:
        book.find_grade("double_check", EXERCISE, EXERCISE, "ada").manual_score = 1.0
        book.find_assignment(EXERCISE).duedate = datetime(2031, 5, 6, 6, 8, 9)
        book.db.commit()
    assert main(["overview", "--course", str(root)]) == 0
    page, table = map(Path, capsys.readouterr().out.split())
    soup = BeautifulSoup(page.read_text(), "html.parser")
    # 7 and 1.5 extra points; two points fewer by hand; a wrong `double` costs 3; a crash costs 2
    assert [(row[0], row[-1]) for row in rows(soup, "All students")] == [
        ("ada", "6.5"), ("ben", "0"), ("cem", "5.5"), ("dua", "8.5"), ("eli", "8.5"), ("fay", "6.5"), ("new", "0"),
    ]  # fmt: skip
    assert rows(soup, "All students")[3][1] == "8.5 ✎ late 60 min" and rows(soup, "All students")[-1][1] == "…"
    assert ["toy", "double", "squared", "1", "cem"] in rows(soup, "Who made which mistake")
    assert rows(soup, "Marks by hand to look at again") == [
        ["ada", "toy", "double_check has 1 points by hand, and 3 by its checks"]
    ]
    assert [row[0] for row in rows(soup, "toy, question by question")][:2] == ["ada", "ben"]
    head = words(soup.find("h2", string="toy, question by question").find_next("thead"))
    assert head == "student handed in double /3 total /2 triple model /2 words_ 1 /4 penalty total"
    alike = {row[0]: row[2] for row in rows(soup, "Answers that are alike")}
    assert alike == {"weights": "ada , cem , dua , eli , fay to the letter"}  # all answers are short
    with table.open(newline="") as file:
        lines = {line["student"]: line for line in csv.DictReader(file)}
    assert lines["ada"]["toy triple_check"] == lines["ada"]["toy triple_check automatic"] == "1.5"


def test_without_a_gradebook_there_is_a_sentence(tmp_path, capsys):
    assert main(["overview", "--course", str(tmp_path)]) == 1
    assert "there is no nbgrader_config.py" in capsys.readouterr().err
    shutil.copy(toy_course.PROJECT / "nbgrader_config.py", tmp_path)
    assert main(["overview", "--course", str(tmp_path)]) == 1
    assert "nothing is graded yet. Run nbgrader autograde" in capsys.readouterr().err
    assert not (tmp_path / "grading").exists()


# --- a term, by stock nbgrader ---------------------------------------------------------------------------------------

PENALTY = """
from nbgrader.plugins import BasePlugin


class TenPercentADay(BasePlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return score * min(1.0, 0.1 * -(-total_seconds_late // 86400))
"""
TIMES = {"ada": "2031-05-06 11:00:00 UTC", "ben": "2031-05-07T15:00:00+02:00", "cem": "2031-05-06 10:00:00 UTC"}
DUE = "--duedate=2031-05-06T14:00+02:00"  # ben is 25 hours late


def scores(root: Path) -> dict[str, float]:
    """Return what counts for each student, penalties taken off."""
    with gradebook(root) as book:
        found = book.assignment_submissions(EXERCISE)
        return {one.student_id: round(one.score - one.late_submission_penalty, 6) for one in found}


def asked(root: Path) -> set[str]:
    """Return who waits for a mark by hand."""
    with gradebook(root) as book:
        return {one.student_id for one in book.assignment_submissions(EXERCISE) if one.needs_manual_grade}


def by_hand(root: Path, student: str, cell: str, **given: float) -> None:
    """Enter what Formgrader enters."""
    with gradebook(root) as book:
        grade = book.find_grade(cell, EXERCISE, EXERCISE, student)
        for name, value in given.items():
            setattr(grade, name, value)
        grade.needs_manual_grade = grade.manual_score is None and grade.auto_score is None
        book.db.commit()


def run(root: Path, *words: str) -> str:
    done = nbgrader(root, *words)
    assert done.returncode == 0, done.stderr
    return done.stderr


def verb(root: Path, *words: str) -> str:
    line = [sys.executable, "-m", "grading", *words, "--course", root]
    return subprocess.run(line, env=toy_course.environment(), capture_output=True, text=True, check=True).stdout


def withdraw_the_bonus(root: Path) -> None:
    hidden = root / "grading/hidden_checks/test_toy.py"
    before, _, rest = hidden.read_text().partition('@pytest.mark.bonus("triple", 1)')
    hidden.write_text(before + rest[rest.index('@pytest.mark.points("model"') :])


def pages(root: Path) -> dict[str, int]:
    found = (root / "grading/feedback").glob("*/toy/toy.html")
    return {path.parts[-3]: path.stat().st_mtime_ns for path in found}


@pytest.mark.full
def test_everything_that_decides_a_mark_is_seen_by_the_plain_command(course, tmp_path):
    root = fresh_copy(course.root, tmp_path / "course")
    release, files = toy_course.released(root), {"toy.safetensors": weights()}
    for student, when in TIMES.items():
        notebook = filled(release)
        if student != "cem":
            named(notebook, "words_1")["source"] = f"{student}'s words"
        (hand_in(root, student, notebook, files) / "timestamp.txt").write_text(when)
    run(root, "db", "assignment", "add", "toy", DUE)
    run(root, "autograde", "toy")
    assert scores(root) == {"ada": 8.5, "ben": 8.5, "cem": 8.5} and asked(root) == {"ada", "ben"}

    (root / "my_penalties.py").write_text(PENALTY)  # a rule, and marks by hand
    with (root / "nbgrader_config.py").open("a") as config:
        config.write('\nc.AssignLatePenalties.plugin_class = "my_penalties.TenPercentADay"\n')
    by_hand(root, "ben", "words_1", manual_score=4.0)
    by_hand(root, "cem", "total_check", extra_credit=0.25)
    by_hand(root, "ada", "double_check", manual_score=1.0)
    told = run(root, "autograde", "toy")
    assert "3 of 3 submissions are graded and unchanged" in told and "ben: 2.5 points off for being late" in told
    assert scores(root) == {"ada": 6.5, "ben": 10.0, "cem": 8.75}  # two days begun: a fifth of 12.5

    verb(root, "extend", "ben", "toy", "+1 day")  # before dan has handed anything in
    verb(root, "extend", "dan", "toy", "2031-05-09 12:00 UTC")
    late = hand_in(root, "dan", filled(release), files)
    (late / "timestamp.txt").write_text("2031-05-09 11:59:59 UTC")
    told = run(root, "autograde", "toy")
    assert scores(root) == {"ada": 6.5, "ben": 11.25, "cem": 8.75, "dan": 8.5}  # ben is an hour late

    withdraw_the_bonus(root)
    verb(root, "extend", "ben", "toy", "--remove")
    run(root, "db", "assignment", "add", "toy", "--duedate=2031-05-07 13:00 UTC")
    told = run(root, "autograde", "toy")
    assert scores(root) == {"ada": 5.0, "ben": 11.0, "cem": 7.25, "dan": 7.0}  # 0.25 by hand stays; ben is in time
    assert asked(root) == {"ada"} and "ada: double_check has 1 points by hand, and 3 by its checks" in told

    run(root, "generate_feedback", "toy")
    before = pages(root)
    with gradebook(root) as book:
        book.find_comment("words_1", EXERCISE, EXERCISE, "ada").manual_comment = "well said"
        book.db.commit()
    other = filled(release)
    named(other, "words_1")["source"] = "other words"
    hand_in(root, "ben", other)
    run(root, "autograde", "toy")
    assert asked(root) == {"ada", "ben"}
    run(root, "generate_feedback", "toy")
    assert {student for student, written in pages(root).items() if written != before[student]} == {"ada", "ben"}

    verb(root, "withdraw", "cem")
    assert "cem" not in verb(root, "marks", "toy") and "cem" in json.dumps(scores(root))
    run(root, "export", "--exporter=grading.plugin.MoodleExport", "--to=moodle.csv")
    assert "cem" not in (root / "moodle.csv").read_text() and "dan" in (root / "moodle.csv").read_text()


def killed_runs(root: Path, moments: tuple[float, ...]) -> None:
    """Start to mark everybody anew and kill it after so many seconds each time; then let a plain run complete it."""
    line = [sys.executable, "-m", "nbgrader", "autograde", "toy", "--force"]
    for seconds in moments:
        run = subprocess.Popen(
            line, cwd=root, env=toy_course.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        with contextlib.suppress(subprocess.TimeoutExpired):
            run.wait(seconds)
        run.kill()
        run.wait()
    assert nbgrader(root, "autograde", "toy").returncode == 0


@pytest.mark.full
def test_runs_that_are_killed_neither_forget_a_mark_by_hand_nor_ask_for_it_again(small_class, tmp_path):
    root = Path(shutil.copytree(small_class[0], tmp_path / "course", copy_function=shutil.copy2))
    by_hand(root, "dua", "words_1", manual_score=3.5)
    start = time.monotonic()
    run(root, "autograde", "toy", "--force")
    whole = time.monotonic() - start
    moments = tuple(whole * share for share in (0.6, 0.75, 0.85, 0.95))
    killed_runs(root, moments)
    assert asked(root) == set() and scores(root)["dua"] == 12.0
    other = filled(toy_course.released(root))
    named(other, "words_1")["source"] = "Ankles, because they move more."
    hand_in(root, "dua", other)
    killed_runs(root, moments)
    assert asked(root) == {"dua"} and scores(root)["dua"] == 12.0
