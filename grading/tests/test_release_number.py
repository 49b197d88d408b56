"""Every release has a number that grading knows; what a student's notebook says it is of is read by staff alone."""

from __future__ import annotations

import copy
import json

import pytest
import toy_course
from toy_course import filled, hand_in, nbgrader

from grading.course import release
from grading.report import Report
from grading.reporting.marks import table
from grading.reporting.overview import write_overview
from grading.submission.release_number import release_number, stated_number

OLD = "0123abcd"


def stating(number: object) -> dict:
    return {"metadata": {"deep_learning_lab": {"release": number}}}


def test_every_released_notebook_states_its_number():
    for exercise in release.EXERCISES:
        notebook = json.loads((release.ROOT / "exercises" / exercise / f"{exercise}.ipynb").read_text())
        assert stated_number(notebook) == release_number(notebook) != ""
        assert set(notebook["metadata"]) == {"kernelspec", "language_info", "deep_learning_lab"}


def test_stock_nbgrader_numbers_a_release(course):
    notebook = toy_course.released(course.root)
    assert stated_number(notebook) == release_number(notebook)


def test_a_number_follows_from_the_cells(course):
    """From their text, order, points; not from the notebook's metadata, so that it can stand there."""
    notebook = toy_course.released(course.root)
    number = release_number(notebook)
    changes = [
        lambda cells: cells[0].update(source="# Toys"),
        lambda cells: cells.append(cells.pop(0)),
        lambda cells: toy_course.named({"cells": cells}, "double_check")["metadata"]["nbgrader"].update(points=4.0),
    ]
    for change in changes:
        other = copy.deepcopy(notebook)
        change(other["cells"])
        assert release_number(other) != number
    assert release_number({**notebook, "metadata": {}}) == number


@pytest.mark.parametrize(
    "notebook",
    [
        {}, {"metadata": None}, {"metadata": [1]}, {"metadata": {"deep_learning_lab": "x"}}, stating(None), stating(7),
        stating(["0123abcd"]), stating("0123ABCD"), stating("0123abcd\n"), stating("0123abc"), stating("x" * 10**6),
        stating("<script>"), stating("\u0660123abcd"),
    ],
)  # fmt: skip
def test_what_is_no_number_is_none(notebook):
    assert stated_number(notebook) == ""


def test_a_number_is_read():
    assert stated_number(stating(OLD)) == OLD


@pytest.fixture(scope="module")
def graded(course, tmp_path_factory):
    """A class of four: of this release, of another one, of none, and with HTML for a number."""
    root = toy_course.fresh_copy(course.root, tmp_path_factory.mktemp("class") / "course")
    whole = filled(toy_course.released(root))
    said = {"ada": whole["metadata"]["deep_learning_lab"], "ben": {"release": OLD}, "eve": {"release": "<b>1</b>"}}
    for student in ("ada", "ben", "cem", "eve"):
        notebook = copy.deepcopy(whole)
        notebook["metadata"]["deep_learning_lab"] = said.get(student)
        hand_in(root, student, notebook, {"toy.safetensors": toy_course.weights()})
    done = nbgrader(root, "autograde", "toy")
    assert done.returncode == 0, done.stderr
    return root, stated_number(whole)


def test_staff_read_of_another_release_and_no_mark_depends_on_it(graded):
    root, number = graded
    reports = {name: Report.read(root / f"grading/reports/toy/{name}.json") for name in ("ada", "ben", "cem", "eve")}
    assert {report.points + report.bonus for report in reports.values()} == {8.5}
    other = f"made for release {OLD}, graded by release {number}"
    assert {name: report.other_release for name, report in reports.items()} == {
        "ada": "", "ben": other, "cem": "", "eve": "",
    }  # fmt: skip
    lines = {line.split()[0]: line for line in table(root, "toy").splitlines()}
    assert other in lines["ben"] and "release" not in lines["ada"] + lines["cem"] + lines["eve"]
    page = write_overview(root, "toy").read_text()
    assert page.count(other) == 1 and "Made for another release" in page and "<b>1</b>" not in page
    assert f"2 submissions of no stated release, 1 submission of release {number}" in " ".join(page.split())


def test_students_do_not_read_of_it(graded):
    root, _ = graded
    done = nbgrader(root, "generate_feedback", "toy")
    assert done.returncode == 0, done.stderr
    assert OLD not in (root / "grading/feedback/ben/toy/toy.html").read_text()


def test_a_class_of_one_release_has_no_line_about_it(graded, tmp_path):
    root, _ = graded
    report = Report.read(root / "grading/reports/toy/ada.json")
    report.write(tmp_path / "toy" / "ada.json")
    page = write_overview(root, "toy", tmp_path / "page.html", tmp_path).read_text()
    assert "release" not in page


def test_work_in_a_corrected_notebook_counts(course, tmp_path):
    """Beside the notebook that it corrects, which was left as it was released, and alone."""
    root = toy_course.fresh_copy(course.root, tmp_path / "course")
    release, files = toy_course.released(root), {"toy.safetensors": toy_course.weights()}
    beside, alone = hand_in(root, "ada", release, files), hand_in(root, "ben", None, files)
    for folder in (beside, alone):
        (folder / f"toy-release-{OLD}.ipynb").write_text(json.dumps(filled(release)))
    done = nbgrader(root, "autograde", "toy")
    assert done.returncode == 0, done.stderr
    for student in ("ada", "ben"):
        report = Report.read(root / f"grading/reports/toy/{student}.json")
        assert report.points + report.bonus == 8.5
        assert report.repairs == [f"the notebook was called toy-release-{OLD}.ipynb"]
