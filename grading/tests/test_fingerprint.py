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


def test_everything_in_grading_decides_marks_or_is_known_not_to():
    """A new room or file of grading has to be put on one of two lists."""
    no_part = {"known_wrong", "stand_ins"}  # of one course, as are hidden checks: `course_fingerprint` takes them
    no_part |= {"reporting", "right_variants", "sample_submissions"}
    no_part |= {"__init__.py", "__main__.py", "nbgrader_exports.py", "sample_class.py", "verify.py"}
    no_part |= {"nbgrader_config.py"}  # for who starts nbgrader in that folder
    rooms = {path.parent.name for path in (ROOT / "grading").glob("*/__init__.py")}
    rooms |= {path.name for path in (ROOT / "grading").glob("*.py")}
    decide = {place.removeprefix("grading/") for place in MARKING if place.startswith("grading/")}
    assert rooms == {*no_part, *(place for place in decide if "/" not in place)} and not decide & no_part
    assert {path.name for path in (ROOT / "grading/reporting").glob("*.py")} == {
        "__init__.py", "bounds.py", "feedback.py", "formulas.py", "marks.py", "overview.py", "rendering.py",
        "rubric.py", "symbols.py",
    }  # fmt: skip


def test_everything_in_helpers_decides_marks():
    hashed = set(fingerprint._walked(ROOT, "helpers"))
    code = {path for path in (ROOT / "helpers").rglob("*.py") if (ROOT / "helpers/tests") not in path.parents}
    assert code <= hashed
    assert {
        ROOT / "helpers/checks/ex01_pose_regression" / name for name in ("hints.toml", "table.safetensors.gz")
    } <= hashed
    assert {ROOT / "data" / name for name in ("body.npz", "poses.toml")} <= set(fingerprint._walked(ROOT, "data"))


def test_a_folder_that_is_gone_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(fingerprint, "ROOT", tmp_path)
    with pytest.raises(CourseError, match="decides marks, and is not there"):
        project_fingerprint()


NOTHING = (
    "data/cache/people.safetensors", "data/leeds_sports/images/im00001.jpg", "data/coco2017/annotations/x.json",
    "data/README.md", "data/.DS_Store", "helpers/tests/test_x.py", "helpers/data/__pycache__/x.pyc", "helpers/loop.py~",
    "helpers/training/loop.py.orig", "helpers/#seeds.py#", "helpers/.seeds.py.swp", "helpers/Untitled.ipynb",
    "helpers/.ipynb_checkpoints/loop-checkpoint.py", "data/Thumbs.db",
)  # fmt: skip


@pytest.mark.parametrize("name", NOTHING)
def test_what_no_mark_depends_on_makes_no_report_void(tmp_path, monkeypatch, name):
    """Also a lecturer's photos, which are read in no grading, and what an editor leaves beside a file."""
    monkeypatch.setattr(fingerprint, "ROOT", tmp_path)
    monkeypatch.setattr(fingerprint, "MARKING", ("data", "helpers"))
    for place in fingerprint.MARKING:
        (tmp_path / place).mkdir()
    before = project_fingerprint()
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("x")
    assert project_fingerprint() == before


@pytest.mark.parametrize(
    "name", ["helpers/data/cache.py", "grading/course/cache/seeds.py", "grading/course/tests/x.py"]
)
def test_a_cache_or_tests_elsewhere_is_code_like_any_other(tmp_path, monkeypatch, name):
    monkeypatch.setattr(fingerprint, "ROOT", tmp_path)
    monkeypatch.setattr(fingerprint, "MARKING", ("helpers", "grading/course"))
    for place in fingerprint.MARKING:
        (tmp_path / place).mkdir(parents=True)
    before = project_fingerprint()
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("x")
    assert project_fingerprint() != before


@pytest.mark.parametrize("place", ["hidden", "tests/hidden", ".private/hidden", "../beside/hidden", "/absolute"])
def test_hidden_checks_count_wherever_a_lecturer_keeps_them(tmp_path, place):
    root = tmp_path / "course"
    root.mkdir()
    where = str(tmp_path / "absolute") if place == "/absolute" else place
    folder = (root / where).resolve()
    folder.mkdir(parents=True)
    (folder / "test_toy.py").write_text("before")
    before = fingerprint._hash_of(fingerprint._walked(root, where), root)
    (folder / "test_toy.py").write_text("after")
    assert fingerprint._hash_of(fingerprint._walked(root, where), root) != before
