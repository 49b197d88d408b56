"""What decides marks is walked whole: a change of any of it makes all reports void."""

from __future__ import annotations

import pytest

from grading.course import fingerprint
from grading.course.fingerprint import MARKING, project_fingerprint
from grading.errors import CourseError
from helpers.files import ROOT


@pytest.mark.parametrize("place", MARKING)
def test_a_file_more_where_marks_are_decided_makes_all_reports_void(tmp_path, monkeypatch, place):
    """Also far below, and whatever its name: what moves into a folder of its own cannot drop out unseen."""
    for each in MARKING:
        (tmp_path / each).parent.mkdir(parents=True, exist_ok=True)
        if each.endswith(".py"):
            (tmp_path / each).write_text("")
        else:
            (tmp_path / each / "far" / "below").mkdir(parents=True)
    monkeypatch.setattr(fingerprint, "ROOT", tmp_path)
    before = project_fingerprint()
    more = (
        [tmp_path / place] if place.endswith(".py") else [tmp_path / place / "new.py", tmp_path / place / "far/below/x"]
    )
    for path in more:
        path.write_text("more")
        after = project_fingerprint()
        assert after != before
        before = after


def test_every_folder_of_the_project_decides_marks_or_is_known_not_to():
    """A new room of helpers or grading has to be put on one of two lists."""
    no_part = {"known_wrong", "hidden_checks"}  # of one course: `course_fingerprint` takes them
    no_part |= {"reporting", "sample_submissions", "tests", "sample"}
    rooms = {path.parent.name for path in (ROOT / "grading").glob("*/__init__.py")}
    decide = {place.removeprefix("grading/") for place in MARKING}
    assert rooms <= decide | no_part and not decide & no_part


def test_a_folder_that_is_gone_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(fingerprint, "ROOT", tmp_path)
    with pytest.raises(CourseError, match="decides marks, and is not there"):
        project_fingerprint()


def test_caches_tests_and_hidden_files_decide_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(fingerprint, "ROOT", tmp_path)
    monkeypatch.setattr(fingerprint, "MARKING", ("data",))
    (tmp_path / "data").mkdir()
    before = project_fingerprint()
    for name in ("cache/people.safetensors", "tests/test_x.py", "__pycache__/x.pyc", ".DS_Store", ".git/x"):
        path = tmp_path / "data" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    assert project_fingerprint() == before
