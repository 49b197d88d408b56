"""Tables for Moodle and Canvas, late penalties and extra credit, all by stock nbgrader on a toy class."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest
import toy_course
from nbgrader.api import Gradebook
from nbgrader.apps import ExportApp
from nbgrader.coursedir import CourseDirectory
from nbgrader.plugins import CsvExportPlugin, ExportPlugin
from toy_course import filled, fresh_copy, gradebook, hand_in, named, nbgrader, weights

from grading import nbgrader_exports
from grading.plugin.exports import CanvasExport, MoodleExport, _id, _number, _text

pytestmark = pytest.mark.filterwarnings("default")  # nbgrader's gradebook warns of its own queries

SQUARED = "def double(x):\n    return x * x"
STUDENTS = {  # names and addresses as a lecturer enters them
    "ada": ("Ada", "Lovelace", "ada@example.org"),
    "ben": ("=HYPERLINK(1)", '@"Cut" really', "+ben@example.org"),
    "late": ("Zoë", "Übel", None),
    "none": (None, None, None),
}
PENALTY = """
from nbgrader.plugins import BasePlugin


class TenPercentADay(BasePlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        days = -(-total_seconds_late // 86400)  # every day that has begun
        return score * min(1.0, 0.1 * days)
"""


@pytest.fixture(scope="module")
def marked(course, tmp_path_factory) -> Path:
    """A graded class: Ada is in time with 8.5 points, Ben has 5.5 and words that wait, Late is 25 hours late."""
    root = fresh_copy(course.root, tmp_path_factory.mktemp("class") / "course")
    (root / "my_penalties.py").write_text(PENALTY)
    files = {"toy.safetensors": weights()}
    for student, time in (("ada", "2031-05-06 11:59:59 UTC"), ("ben", None), ("late", "2031-05-07 13:00:00 UTC")):
        notebook = filled(toy_course.released(root), **({"double": SQUARED} if student == "ben" else {}))
        if student == "ben":
            named(notebook, "words_1")["source"] = "Wrists."
        folder = hand_in(root, student, notebook, files)
        if time:
            (folder / "timestamp.txt").write_text(time)
    for command in (["db", "assignment", "add", "toy", "--duedate=2031-05-06 12:00:00 UTC"], ["autograde", "toy"]):
        done = nbgrader(root, *command)
        assert done.returncode == 0, done.stderr
    with gradebook(root) as book:
        book.add_assignment("ex99_empty")
        for student, (first, last, email) in STUDENTS.items():
            book.update_or_create_student(student, first_name=first, last_name=last, email=email)
    return root


def export(root: Path, exporter: str, *options: str) -> tuple[list[list[str]], str]:
    """Export, and return the rows of the table and what nbgrader told."""
    target = root / "table.csv"
    target.unlink(missing_ok=True)
    done = nbgrader(root, "export", f"--exporter=grading.plugin.{exporter}", f"--to={target}", *options)
    assert done.returncode == 0, done.stderr
    return rows_of(target), done.stderr


def rows_of(table: Path) -> list[list[str]]:
    """Return the rows of a table."""
    with table.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_moodle_reads_ids_addresses_and_a_column_for_each_assignment(marked):
    rows, told = export(marked, "MoodleExport")
    assert rows == [
        ["First name", "Last name", "ID number", "Email address", "toy"],
        ["", "", "none", "", ""],  # nbgrader sorts by last name
        ["'=HYPERLINK(1)", '\'@"Cut" really', "ben", "'+ben@example.org", "5.5"],
        ["Ada", "Lovelace", "ada", "ada@example.org", "8.5"],
        ["Zoë", "Übel", "late", "", "8.5"],
    ]
    assert "toy: 1 submissions still wait for marks by hand" in told
    assert "ex99_empty is left out: nobody has a mark in it" in told


def test_assignments_come_in_the_order_of_their_names_without_those_in_which_nobody_has_a_mark(tmp_path):
    with Gradebook(f"sqlite:///{tmp_path}/gradebook.db") as book:
        book.add_student("ada")
        for name, points in {"hw10": 2, "hw2": 1, "hw0_start": 0, "HW3 words": 5, "hw4_later": 5}.items():
            book.add_assignment(name)
            book.add_notebook("notebook", name)
            book.add_grade_cell("question", "notebook", name, max_score=points, cell_type="code")
            if name != "hw4_later":
                book.add_submission(name, "ada")
        MoodleExport(to=f"{tmp_path}/table.csv").export(book)
        CanvasExport(to=f"{tmp_path}/asked.csv", assignment=["hw4_later", "hw2"]).export(book)
    assert rows_of(tmp_path / "table.csv")[0][4:] == ["hw2", "HW3 words", "hw10"]
    assert rows_of(tmp_path / "asked.csv")[0][5:] == ["hw2", "hw4_later"]  # who names one gets it


def test_older_commands_find_the_exports_where_they_were():
    assert (nbgrader_exports.MoodleExport, nbgrader_exports.CanvasExport) == (MoodleExport, CanvasExport)


def test_canvas_reads_one_name_and_the_points_possible(marked):
    rows, told = export(marked, "CanvasExport", "--assignment=['toy']")
    assert rows == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "toy"],
        ["    Points Possible", "", "", "", "", "11"],
        ["none", "", "none", "", "", ""],
        ['\'@"Cut" really, =HYPERLINK(1)', "", "ben", "", "", "5.5"],
        ["Lovelace, Ada", "", "ada", "", "", "8.5"],
        ["Übel, Zoë", "", "late", "", "", "8.5"],
    ]
    assert "1 submissions still wait" in told


def test_columns_what_is_missing_and_who_is_exported_can_be_chosen(marked):
    chosen = ("--student=['none', 'ada', 'nobody']", "--assignment=['toy']")
    rows, told = export(
        marked, "MoodleExport", "--MoodleExport.id_column=Username", "--MoodleExport.missing=0", *chosen
    )
    assert [row[2:] for row in rows] == [
        ["Username", "Email address", "toy"],
        ["none", "", "0"],
        ["ada", "ada@example.org", "8.5"],
    ]
    assert "does not know nobody" in told
    rows, _ = export(marked, "CanvasExport", "--CanvasExport.id_column=SIS Login ID", *chosen)
    assert rows[3] == ["Lovelace, Ada", "", "", "ada", "", "8.5"]


FORMULAS = [
    "=1+1", " =1+1", "\u200b-2", "\ufeff+1", "\uff1d1+1", "\uff0b1", "\uff0d1", "\uff20x", "\u22121", "\u00a0=1",
    "\x00=1", "\ufe63x", "\u202e@x",
]  # fmt: skip


@pytest.mark.parametrize("name", FORMULAS)
def test_no_name_is_a_formula_to_a_spreadsheet(name):
    assert _text(name) == f"'{name}"
    assert _text(f"Ada;{name}") == f"Ada;'{name}"  # a spreadsheet may part cells there
    assert _text(f"Ada,\t{name}") == f"Ada,\t'{name}"


@pytest.mark.parametrize("name", ["Ada", "O'Neill", "Ada-Marie", "a+b@example.org", "1 = 1", "", "\u00dcbel, Zo\u00eb"])
def test_other_names_stay_as_they_are(name):
    assert _text(name) == name


@pytest.mark.parametrize("name", ["-2+3", "+49123", "@ada", "=1", "007", "ada"])
def test_an_id_stays_what_the_platform_knows(name):
    assert _id(name) == name


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "-cmd|' /C calc'!A0", "\uff1dSUM\uff081\uff09"])
def test_an_id_that_would_act_is_text(name):
    assert _id(name) == f"'{name}"


class Unwritable(MoodleExport):
    """The last student's name cannot be encoded: writing fails when half of the table is written."""

    def _person(self, student):
        return ["\ud800" if student.id == "late" else "x" * 10_000, "", student.id, ""]


def test_a_table_that_cannot_be_written_leaves_the_old_one(marked):
    target = marked / "old.csv"
    target.write_text("the old table")
    with gradebook(marked) as book, pytest.raises(UnicodeEncodeError):
        Unwritable(to=str(target)).export(book)
    assert target.read_text() == "the old table" and not list(marked.glob("*.part")) + list(marked.glob(".*.part"))


def test_a_table_of_who_has_left_that_cannot_be_read_is_a_sentence(tmp_path):
    (tmp_path / "grading").mkdir()
    (tmp_path / "grading/withdrawn.csv").write_text("who\nben\n")
    app = ExportApp(coursedir=CourseDirectory(root=str(tmp_path)))
    with Gradebook(f"sqlite:///{tmp_path}/book.db") as book, pytest.raises(SystemExit):
        MoodleExport(parent=app, to=str(tmp_path / "moodle.csv")).export(book)
    assert not (tmp_path / "moodle.csv").exists()


def test_a_folder_in_the_place_of_the_table_is_left_alone(marked):
    target = marked / "folder.csv"
    target.mkdir()
    with gradebook(marked) as book, pytest.raises(OSError):
        MoodleExport(to=str(target)).export(book)
    assert not list(target.iterdir()) and not list(marked.glob(".*.part"))


@pytest.mark.parametrize(
    ("value", "shown"), [(0.0, "0"), (10.0, "10"), (8.5, "8.5"), (1 / 3, "0.33"), (100.0, "100"), (7.999, "8")]
)
def test_numbers_have_at_most_two_decimals(value, shown):
    assert _number(value) == shown


def scores(root: Path, exporter: type[ExportPlugin] = MoodleExport) -> dict[str, float]:
    """Return the exported scores on the toy by student."""
    table = root / "table.csv"
    with gradebook(root) as book:
        exporter(to=str(table), assignment=["toy"]).export(book)
    student, score = (3, 9) if exporter is CsvExportPlugin else (2, -1)
    students = rows_of(table)[2 if exporter is CanvasExport else 1 :]
    return {row[student]: float(row[score] or 0) for row in students}


def configured(marked: Path, folder: Path, line: str) -> Path:
    """Return a copy of the class with one more line in its configuration."""
    root = folder / "course"
    shutil.copytree(marked, root)
    with (root / "nbgrader_config.py").open("a") as config:
        config.write(f"\n{line}\n")
    return root


def grade_again(root: Path) -> None:
    """Grade the whole class once more."""
    done = nbgrader(root, "autograde", "toy", "--force")
    assert done.returncode == 0, done.stderr


def test_late_work_can_be_worth_nothing(marked, tmp_path):
    root = configured(marked, tmp_path, 'c.LateSubmissionPlugin.penalty_method = "zero"')
    grade_again(root)
    for exporter in (CsvExportPlugin, MoodleExport, CanvasExport):
        assert scores(root, exporter) == {"ada": 8.5, "ben": 5.5, "late": 0.0, "none": 0.0}


def test_a_lecturers_own_penalty_is_in_every_export_and_follows_marks_by_hand(marked, tmp_path):
    """nbgrader works a penalty out when it grades, so a mark given later comes in full until it grades again."""
    root = configured(marked, tmp_path, 'c.AssignLatePenalties.plugin_class = "my_penalties.TenPercentADay"')
    grade_again(root)
    for exporter in (CsvExportPlugin, MoodleExport, CanvasExport):  # 25 hours are two days begun: 8.5 less a fifth
        assert scores(root, exporter) == pytest.approx({"ada": 8.5, "ben": 5.5, "late": 6.8, "none": 0.0})
    with gradebook(root) as book:
        book.find_grade("words_1", "toy", "toy", "late").manual_score = 4.0
        book.db.commit()
    assert scores(root)["late"] == pytest.approx(6.8 + 4)
    grade_again(root)
    assert scores(root) == pytest.approx({"ada": 8.5, "ben": 5.5, "late": 0.8 * 12.5, "none": 0.0})
