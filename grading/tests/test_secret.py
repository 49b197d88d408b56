"""A secret that is gone is not replaced in silence: other inputs would decide everybody's marks."""

from __future__ import annotations

import shutil

import pytest
import toy_course
from toy_course import nbgrader

from grading.course.secret import course_secret, refuse_a_new_one
from grading.errors import CourseError


@pytest.fixture
def lost(small_class, tmp_path):
    """A copy of the small class, graded, whose secret is gone."""
    root = shutil.copytree(small_class[0], tmp_path / "course", symlinks=True)
    (root / "grading/course_secret").unlink()
    return root


def test_nobody_is_graded_with_a_new_secret_unasked(lost):
    """The run says what would happen, how to mend it and how to go on; the old marks stay."""
    reports = toy_course.snapshot(lost / "grading/reports")
    done = nbgrader(lost, "autograde", "toy")
    assert done.returncode != 0
    said = " ".join(done.stderr.split())
    assert "Nobody was graded: the course's secret" in said and "is gone" in said
    assert (
        "reports in" in said
        and "graded with it" in said
        and "everybody would be graded again, and marks could move" in said
    )
    assert "put it back from a backup" in said and "--Grading.new_secret=True" in said
    assert not (lost / "grading/course_secret").exists()
    after = toy_course.snapshot(lost / "grading/reports")
    assert {path: state for path, state in after.items() if path.endswith(".json")} == {
        path: state for path, state in reports.items() if path.endswith(".json")
    }


def test_a_new_one_is_made_where_it_is_asked_for(lost):
    done = nbgrader(lost, "autograde", "toy", "--Grading.new_secret=True")
    assert done.returncode == 0 and "unchanged" not in done.stderr
    assert len((lost / "grading/course_secret").read_text().strip()) == 64


def test_marks_without_reports_count_too(lost):
    shutil.rmtree(lost / "grading/reports")
    done = nbgrader(lost, "autograde", "toy")
    assert done.returncode != 0 and "students with marks in the gradebook: " in " ".join(done.stderr.split())


def test_whoever_else_asks_for_a_lost_secret_makes_none(lost):
    """A sample class, say, which is drawn from the same secret."""
    with pytest.raises(CourseError, match="is gone"):
        course_secret(lost / "grading/course_secret")
    assert not (lost / "grading/course_secret").exists()


def test_a_course_that_begins_makes_its_secret(tmp_path):
    refuse_a_new_one(tmp_path / "secret", tmp_path / "reports", 0)
    (tmp_path / "reports" / "toy").mkdir(parents=True)
    refuse_a_new_one(tmp_path / "secret", tmp_path / "reports", 0)
    (tmp_path / "reports" / "toy" / "ada.json").write_text("{}")
    with pytest.raises(CourseError, match=r"graded with it \(reports in .*: 1\)"):
        refuse_a_new_one(tmp_path / "secret", tmp_path / "reports", 0)
    (tmp_path / "secret").write_text("s" * 64)
    refuse_a_new_one(tmp_path / "secret", tmp_path / "reports", 0)
