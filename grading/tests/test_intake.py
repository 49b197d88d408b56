"""What lies among the submissions: every folder ends with a row or with a sentence, and a time is read strictly."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import zipfile
from datetime import datetime

import pytest
import toy_course
from nbgrader.coursedir import CourseDirectory
from toy_course import filled, fresh_copy, hand_in, nbgrader, weights

from grading.errors import GradingError, UnreadableSubmission, printable
from grading.plugin.intake import folders, student_of, time_of
from grading.plugin.settings import SafeCourseDirectory
from grading.report import Report
from grading.reporting.marks import table
from grading.reporting.overview import write_overview
from grading.submission import bound
from grading.submission.read import read_submission

# --- times -----------------------------------------------------------------------------------------------------------

TIMES = {
    "2031-05-06 07:08:09 UTC": (7, 8, 9, 0),
    "2031-05-06 07:08:09.123456 UTC\n": (7, 8, 9, 123456),  # as nbgrader submit writes it
    "2031-05-06 07:08:09.5": (7, 8, 9, 500000),  # as nbgrader zip_collect does
    "2031-05-06T07:08Z": (7, 8, 0, 0),
    "2031-05-06 09:08:09 +0200": (7, 8, 9, 0),
    "2031-05-06T02:38:09-04:30": (7, 8, 9, 0),
}
NO_TIMES = (
    "", "gestern", "2020-01-01 00:00:00 ../x", "2020-01-01 00:00:00 CET", "2020-01-01 00:00:00 /etc/localtime",
    "2020-01-01", "2020-13-01 00:00:00 UTC", "2020-01-01 25:00:00 UTC", "2020-01-01 00:00:00 +9900", "9" * 5000,
    "2020-01-01 00:00:00 +0000 UTC", "1 January 2020 10:00 UTC", "٢٠٢٠-01-01 00:00:00 UTC", "0001-01-01 00:00:00 +0200",
    "0099-01-01 00:00:00 UTC", "2020-01-01 00:00:00 UTC; x", "2020-W01-1 00:00 UTC", "1577836800",
    "9999-12-31 23:59 -0900",
)  # fmt: skip


@pytest.mark.parametrize(("text", "clock"), TIMES.items())
def test_a_time_is_iso_with_utc_or_an_offset(tmp_path, text, clock):
    (tmp_path / "timestamp.txt").write_text(text)
    assert time_of(tmp_path / "timestamp.txt") == datetime(2031, 5, 6, *clock)


@pytest.mark.parametrize("text", NO_TIMES)
def test_nothing_else_is_a_time_and_none_stops_a_class(tmp_path, text, caplog):
    (tmp_path / "timestamp.txt").write_text(text)
    with pytest.raises(UnreadableSubmission, match="timestamp.txt holds no time that can be read"):
        time_of(tmp_path / "timestamp.txt")
    coursedir = SafeCourseDirectory.like(CourseDirectory())
    with caplog.at_level(logging.WARNING):
        assert coursedir.get_existing_timestamp(str(tmp_path)) is None


def test_formgrader_looks_up_no_zone_among_the_files_of_the_machine(tmp_path):
    """In a process of its own, as JupyterLab is one: what is replaced there stays."""
    folder = tmp_path / "submitted/ada/toy"
    folder.mkdir(parents=True)
    script = """
import sys
from nbgrader.apps import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from grading.plugin.mended import mend
mend()
api = NbGraderAPI(CourseDirectory(root=sys.argv[1]))
for text in sys.argv[2:]:
    with open(f"{sys.argv[1]}/submitted/ada/toy/timestamp.txt", "w") as file:
        file.write(text)
    print(api.get_submitted_timestamp("toy", "ada"), api.coursedir.get_existing_timestamp(file.name[:-14]))
"""
    times = "2020-01-01 00:00:00 ../x", "2031-05-06 09:08 +0200"
    said = subprocess.check_output([sys.executable, "-c", script, tmp_path, *times], text=True)
    assert said.splitlines() == ["None None", "2031-05-06 07:08:00 2031-05-06 07:08:00"]


def test_a_time_that_is_no_plain_file_is_none(tmp_path):
    (tmp_path / "a").symlink_to("/etc/hostname")
    (tmp_path / "b").write_bytes(b"\xff\xfe2\x000\x00")
    os.mkfifo(tmp_path / "c")
    (tmp_path / "d").write_bytes(b" " * (2 << 20))
    for name in "abcd":
        with pytest.raises(UnreadableSubmission):
            time_of(tmp_path / name)


# --- folders ---------------------------------------------------------------------------------------------------------


def test_whose_folders_are_graded_and_what_is_said_of_all_else(tmp_path, caplog):
    submitted = tmp_path / "kurs [1] {a}" / "grading/submitted"
    good = ["ada", ".dot", "a [2]", "{x}%s", "ü" * 120, "ben,cem", "=1+1", "-x", "O'Neil", "Müller\u00a0Max"]
    bad = ["eve\nx", "eve\rx", "e\x1b[2Jve", "e\u2028ve", os.fsdecode(b"e\xffve")]
    for name in (*good, *bad):
        (submitted / name / "toy").mkdir(parents=True)
    (submitted / "link").symlink_to("ada")
    (submitted / "mis/TOY").mkdir(parents=True)
    (submitted / "other/another").mkdir(parents=True)
    for name in ("loose", "packed", "astray/toy-1", "other/backup", "later/toy10"):
        (submitted / name).mkdir(parents=True)
    loose = ["loose/toy.ipynb", "packed/mine.zip", "astray/toy-1/toy.ipynb", "other/backup/ex02.ipynb"]
    for path in (
        *(submitted / name for name in [*loose, "later/toy10/toy10.zip"]),
        submitted / "zoe.zip",
        submitted / ".DS_Store",
    ):
        path.write_text("")
    coursedir = CourseDirectory(root=str(tmp_path / "kurs [1] {a}"), submitted_directory="grading/submitted")
    found = folders(coursedir, "toy", logging.getLogger("grading"))
    assert sorted(folder.parent.name for folder in found) == sorted([*good, "link"])
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == len(bad) + 5 and all(line.isprintable() for line in lines)
    assert any(r"eve\nx" in line and "Rename it" in line for line in lines)
    assert any("'mis' holds 'TOY': rename that to toy" in line for line in lines)
    assert any("'packed' holds 'mine.zip': notebooks belong into a folder toy" in line for line in lines)
    assert any("'astray' holds a file of toy in 'toy-1': is that its folder" in line for line in lines)
    assert any("'loose' holds 'toy.ipynb'" in line for line in lines) and any("'zoe.zip'" in line for line in lines)


@pytest.mark.parametrize(
    ("asked", "meant"), {"*": ["*", "fay 2", "fay [2]"], "fay [2]": ["fay [2]"], "fay [23]": ["fay 2"]}.items()
)
def test_the_name_of_a_student_who_is_there_is_no_pattern(tmp_path, asked, meant):
    for name in ("*", "fay 2", "fay [2]"):
        (tmp_path / "submitted" / name / "toy").mkdir(parents=True)
    coursedir = CourseDirectory(root=str(tmp_path), student_id=asked)
    assert [student_of(folder) for folder in folders(coursedir, "toy", logging.getLogger("grading"))] == meant


def test_who_asks_for_nobody_is_told(tmp_path):
    (tmp_path / "submitted/ada/toy").mkdir(parents=True)
    with pytest.raises(GradingError, match="there is no submission .*submitted/adq/toy"):
        folders(CourseDirectory(root=str(tmp_path), student_id="adq"), "toy", logging.getLogger("grading"))


def test_a_class_of_archives_and_a_student_whose_name_is_a_pattern_are_graded(course, tmp_path):
    """Where nbgrader itself would find no notebook, for all, for one, and for one's page of feedback."""
    root = fresh_copy(course.root, tmp_path / "course")
    name = "fay [2]"
    with zipfile.ZipFile(hand_in(root, name, None) / "mine.zip", "w") as archive:
        archive.writestr("toy.ipynb", json.dumps(filled(toy_course.released(root))))
        archive.writestr("toy.safetensors", weights())
    for command in (["autograde"], ["autograde", "--force", f"--student={name}"], ["generate_feedback"],
                    ["generate_feedback", "--force", f"--student={name}"]):  # fmt: skip
        done = nbgrader(root, *command, "toy")
        assert done.returncode == 0, done.stderr
    assert Report.read(root / f"grading/reports/toy/{name}.json").points == 7
    assert (root / "grading/feedback" / name / "toy/toy.html").is_file()
    nobody = nbgrader(root, "autograde", "toy", "--student=adq")
    assert nobody.returncode == 1 and "there is no submission" in nobody.stderr


def test_names_are_escaped_where_they_are_printed():
    assert (
        printable("ada\nben\x1b[2J\u202e") == r"ada\nben\x1b[2J\u202e"
        and printable("Jürgen 'x' \\n") == "Jürgen 'x' \\n"
    )


@pytest.fixture(scope="module")
def graded(course, tmp_path_factory):
    """A class of odd folders after autograde, a due date in between, and generate_feedback."""
    root = fresh_copy(course.root, tmp_path_factory.mktemp("class") / "course")
    right = filled(toy_course.released(root)), {"toy.safetensors": weights()}
    for student in ("ada", "eve\nx", "x" * 252, ".dot", "late", "zone", "fay [2] {a}%s"):
        hand_in(root, student, *right)
    (root / "grading/submitted/link").symlink_to("ada")
    odd = root / "grading/submitted/fay [2] {a}%s/toy"
    (odd / "secret.txt").symlink_to(root / "grading/nbgrader_secret")
    (odd / "gone.txt").symlink_to("nowhere")
    (root / "grading/nbgrader_secret").write_text("not for students")
    (root / "grading/submitted/late/toy/timestamp.txt").write_text("2031-05-06 07:08:09 +0200")
    (root / "grading/submitted/zone/toy/timestamp.txt").write_text("2020-01-01 00:00:00 ../x")
    (root / "grading/submitted/zone/x").write_bytes(b"TZif" + bytes(11) + b"\xff" * 40)
    due = nbgrader(root, "db", "assignment", "add", "toy", "--duedate=2031-05-06 00:00:00 UTC")
    before = toy_course.snapshot(root / "grading/submitted")
    done = nbgrader(root, "autograde", "toy")
    pages = nbgrader(root, "generate_feedback", "toy")
    assert (due.returncode, done.returncode, pages.returncode) == (0, 0, 0), done.stderr + pages.stderr
    assert toy_course.snapshot(root / "grading/submitted") == before
    return root, done.stderr


def test_every_folder_ends_with_a_row_or_a_sentence(graded):
    root, said = graded
    found = [Report.read(path) for path in (root / "grading/reports/toy").glob("*.json")]
    points = {report.student: report.points + report.bonus for report in found}
    assert points == {
        "ada": 8.5,
        "x" * 252: 8.5,
        ".dot": 8.5,
        "late": 8.5,
        "zone": 8.5,
        "fay [2] {a}%s": 8.5,
        "link": 0,
    }
    with toy_course.gradebook(root) as book:
        assert {one.student.id: one.score for one in book.assignment_submissions("toy")} == points
    assert r"not graded: the folder of 'eve\nx'" in said and "eve\nx" not in said
    assert "the student's folder is a link" in said
    for student in points:
        assert (root / "grading/feedback" / student / "toy/toy.html").is_file(), student


def test_nothing_of_a_student_is_copied_whatever_the_folders_name(graded):
    """A link among it would bring her whatever the lecturer may read."""
    root, _ = graded
    for student in ("fay [2] {a}%s", ".dot", "ada"):
        made = {path.name for path in (root / "grading/autograded" / student / "toy").iterdir()}
        pages = {path.name for path in (root / "grading/feedback" / student / "toy").iterdir()}
        assert (made, pages) == ({"toy.ipynb"}, {"toy.html"}), student


def test_late_and_unknown_times_are_shown_to_staff(graded, capsys):
    root, said = graded
    assert "zone/toy: timestamp.txt holds no time that can be read" in said
    lines = {line.split()[0]: line for line in table(root, "toy").splitlines()}
    assert "late by 5:08:09" in lines["late"] and "timestamp.txt cannot be read" in lines["zone"]
    assert "there is no timestamp.txt" in lines["ada"]
    page = write_overview(root, "toy").read_text()
    assert "Late, or at an unknown time" in page and "late by 5:08:09" in page


# --- sizes -----------------------------------------------------------------------------------------------------------

MB = 1 << 20
BOMBS = {"objects": "{},", "lists": "[],", "numbers": "1,", "texts": '"",', "nested": "["}
LARGE = {
    "lines": '"Epoch 1 loss 0.12\\n",',
    "a picture": "iVBORw0KGgo",
    "numbers": "0.1234567,",
    "code in a text": "[1],",
}


@pytest.mark.parametrize("unit", BOMBS.values(), ids=BOMBS)
def test_json_that_takes_gigabytes_is_refused_before_it_is_parsed(tmp_path, monkeypatch, unit):
    monkeypatch.setattr(json, "loads", None)
    folder = tmp_path / "ada/toy"
    folder.mkdir(parents=True)
    (folder / "toy.ipynb").write_text('{"cells": [' + unit * (49 * MB // len(unit)) + "1]}")
    assert "would take more than 600 MB of memory" in str(read_submission(folder, "toy", 50, 1).unreadable)


@pytest.mark.parametrize("unit", LARGE.values(), ids=LARGE)
def test_fifty_megabytes_of_honest_notebook_are_not(unit):
    text = unit * (49 * MB // len(unit))
    quoted = unit[0] not in '"0'
    text = '{"cells": ["' + text + '"]}' if quoted else '{"cells": [' + text + "1]}"
    assert bound.memory_of(text, 600 * MB) <= 300 * MB  # two of them are read


def test_a_quote_that_is_escaped_ends_no_string():
    assert bound.memory_of('["' + '\\"[[[{{{' * MB + '"]', MB) < 200
    assert bound.memory_of('["\\\\",' + "[]," * MB + "1]", MB) > MB
