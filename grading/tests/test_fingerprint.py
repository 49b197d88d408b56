"""What decides marks is walked whole: a change of any of it makes all reports void, and of nothing else does."""

from __future__ import annotations

import json
import shutil
import time

import pytest
import toy_course

from grading.course import fingerprint
from grading.course.course import Course
from grading.course.fingerprint import (
    MARKING,
    WRITING,
    course_fingerprint,
    project_fingerprint,
    writing_fingerprint,
)  # fmt: skip
from grading.errors import CourseError
from grading.limits import Limits
from helpers.files import ROOT


@pytest.mark.parametrize("place", [*MARKING, *WRITING])
def test_a_file_more_where_marks_are_decided_makes_all_reports_void(tmp_path, monkeypatch, place):
    """Also far below, and whatever its name: what moves into a folder of its own cannot drop out unseen. Where reports
    only become marks, these are written again."""
    hashed = project_fingerprint if place in MARKING else writing_fingerprint
    for each in (*MARKING, *WRITING):
        (tmp_path / each).parent.mkdir(parents=True, exist_ok=True)
        if each.endswith(".py"):
            (tmp_path / each).write_text("")
        else:
            (tmp_path / each / "far" / "below").mkdir(parents=True)
    monkeypatch.setattr(fingerprint, "ROOT", tmp_path)
    before = hashed()
    more = (
        [tmp_path / place] if place.endswith(".py") else [tmp_path / place / "new.py", tmp_path / place / "far/below/x"]
    )
    for path in more:
        path.write_text("more")
        after = hashed()
        assert after != before
        before = after


def test_everything_in_grading_decides_marks_or_is_known_not_to():
    """A new room or file of grading has to be put on one of two lists."""
    no_part = {"known_wrong", "stand_ins"}  # of one course, as are hidden checks: `course_fingerprint` takes them
    no_part |= {"entries", "evidence", "reporting", "right_variants", "sample_submissions"}
    no_part |= {"complaints.py", "corrections.py", "handed_in.py"}
    no_part |= {"__init__.py", "__main__.py", "arguments.py", "nbgrader_exports.py", "sample_class.py", "verify.py"}
    no_part |= {"nbgrader_config.py"}  # for who starts nbgrader in that folder
    rooms = {path.parent.name for path in (ROOT / "grading").glob("*/__init__.py")}
    rooms |= {path.name for path in (ROOT / "grading").glob("*.py")}
    decide = {place.removeprefix("grading/") for place in (*MARKING, *WRITING) if place.startswith("grading/")}
    assert rooms == {*no_part, *(place for place in decide if "/" not in place)} and not decide & no_part
    assert {path.name for path in (ROOT / "grading/reporting").glob("*.py")} == {
        "__init__.py", "bounds.py", "feedback.py", "formulas.py", "marks.py", "overview.py", "rendering.py",
        "rubric.py", "similar.py", "symbols.py", "term.py",
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
    "data/photo_pack/photos.zip",
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


def test_what_a_link_leads_to_counts_and_a_link_upwards_ends_nothing(tmp_path):
    """As where checks that nobody may see lie in a repository of their own."""
    private, hidden = tmp_path / "private", tmp_path / "course" / "hidden"
    private.mkdir()
    hidden.mkdir(parents=True)
    (private / "tables.py").write_text("ROWS = 1")
    (hidden / "own").symlink_to(private)
    (private / "up").symlink_to(tmp_path)
    (private / "back").symlink_to(hidden)
    (hidden / "round").symlink_to(hidden)
    before = fingerprint._hash_of(fingerprint._walked(tmp_path / "course", "hidden"), tmp_path / "course")
    (private / "tables.py").write_text("ROWS = 2")
    assert fingerprint._hash_of(fingerprint._walked(tmp_path / "course", "hidden"), tmp_path / "course") != before


COMMENTED, CHANGED = "\n# More on this in the lecture.\n", "\nMORE = 1\n"
PLACES = ("toy_checks/toy.py", "grading/hidden_checks/test_toy.py", "grading/known_wrong/toy.py")


def key(root) -> str:
    """Return the fingerprint of a toy course as it is now."""
    return course_fingerprint(Course(root, "toy", "toy_checks"), Limits(), "best", b"secret")


@pytest.fixture
def toy(course, tmp_path):
    return toy_course.fresh_copy(course.root, tmp_path / "course")


@pytest.mark.parametrize("place", [*PLACES, "grading/stand_ins/toy.py"])
def test_a_comment_makes_no_report_void_and_code_does(toy, place):
    before, text = key(toy), (toy / place).read_text()
    (toy / place).write_text(COMMENTED + text.replace("\n\n", "\n\n\n"))
    assert key(toy) == before
    (toy / place).write_text(text + CHANGED)
    assert key(toy) != before


def test_of_hidden_checks_only_modules_of_other_exercises_do_not_count(toy):
    """Data that is named like one is read by whom it concerns."""
    before, hidden = key(toy), toy / "grading/hidden_checks"
    (hidden / "test_other.py").write_text("x = 1")
    assert key(toy) == before
    (hidden / "test_images.npz").write_text("drawn anew")
    assert key(toy) != before


def test_a_comment_in_this_project_makes_no_report_void(tmp_path, monkeypatch):
    """Nor does a docstring; an operator, a hint and data do."""
    for place in MARKING:
        kind = shutil.copytree if (ROOT / place).is_dir() else shutil.copy2
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        kind(
            ROOT / place,
            tmp_path / place,
            **({"ignore": shutil.ignore_patterns("cache")} if kind is not shutil.copy2 else {}),
        )
    before = project_fingerprint()
    monkeypatch.setattr(fingerprint, "ROOT", tmp_path)
    assert project_fingerprint() == before
    loop = tmp_path / "helpers/training/loop.py"
    text = loop.read_text()
    assert '"""' in text and " + " in text
    loop.write_text(text.replace('"""', '"""Well: ', 1) + "# a comment\n")
    assert project_fingerprint() == before
    loop.write_text(text.replace(" + ", " - ", 1))
    assert project_fingerprint() != before
    loop.write_text(text)
    for name in ("helpers/checks/ex01_pose_regression/hints.toml", "data/poses.toml"):
        data = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(data + b"\n")
        assert project_fingerprint() != before
        (tmp_path / name).write_bytes(data)
    assert project_fingerprint() == before


def rewritten(root, folder: str, change) -> None:
    """Change the toy notebook of a folder."""
    path = root / folder / "toy/toy.ipynb"
    notebook = json.loads(path.read_text())
    change(notebook)
    path.write_text(json.dumps(notebook))


def says(name: str, text: str):
    """Return what puts a text in place of a named cell's, or of the first cell without a name of that kind."""

    def change(notebook) -> None:
        cells = notebook["cells"]
        named = [c for c in cells if c["metadata"].get("nbgrader", {}).get("grade_id") == name]
        plain = [c for c in cells if not c["metadata"].get("nbgrader") and c["cell_type"] == name]
        (named + plain)[0]["source"] = text

    return change


def points(notebook) -> None:
    """Give a question more points."""
    toy_course.named(notebook, "double_check")["metadata"]["nbgrader"]["points"] = 4


def swapped(notebook) -> None:
    """Put the first question last."""
    notebook["cells"].append(notebook["cells"].pop(3))


SOLVED = "def double(x):\n    ### BEGIN SOLUTION\n    return {}\n    ### END SOLUTION"
SHOWN = {
    "a task's text in both": lambda root: [rewritten(root, f, says("markdown", "# Toys")) for f in FOLDERS],
    "a comment in the solution": lambda root: rewritten(
        root, "solutions", says("double", "# x\n" + SOLVED.format("2 * x"))
    ),
    "a check's line in the solution": lambda root: rewritten(root, "solutions", says("double_check", "pass")),
    "what a solution says in words": lambda root: rewritten(root, "solutions", says("words_1", "Because.")),
    "the notebook's metadata": lambda root: rewritten(root, "exercises", lambda nb: nb["metadata"].update(x=1)),
    "a code cell's output": lambda root: rewritten(
        root, "solutions", lambda nb: nb["cells"][1].update(execution_count=3)
    ),
}
COUNTED = {
    "the reference's answer": lambda root: rewritten(root, "solutions", says("double", SOLVED.format("x + x"))),
    "the solution's setup": lambda root: rewritten(root, "solutions", says("setup", "import torch")),
    "a cell between": lambda root: rewritten(root, "solutions", says("code", "trained = 3")),
    "the released setup": lambda root: rewritten(root, "exercises", says("setup", "import torch")),
    "a stub's comment": lambda root: rewritten(root, "exercises", says("double", "def double(x):\n    ...  # do it")),
    "the stub of words": lambda root: rewritten(root, "exercises", says("words_1", "Write here.")),
    "a check's line": lambda root: rewritten(root, "exercises", says("double_check", "check.double(double)")),
    "released code between": lambda root: rewritten(root, "exercises", says("code", "trained = 3")),
    "points": lambda root: rewritten(root, "exercises", points),
    "the order of questions": lambda root: rewritten(root, "exercises", swapped),
    "a cell's id": lambda root: rewritten(root, "exercises", lambda nb: toy_course.named(nb, "total").update(id="sum")),
}
FOLDERS = ("solutions", "exercises")


@pytest.mark.parametrize("name", SHOWN)
def test_what_only_stands_in_a_notebook_makes_no_report_void(toy, name):
    before = key(toy)
    SHOWN[name](toy)
    assert key(toy) == before


@pytest.mark.parametrize("name", COUNTED)
def test_what_grading_takes_from_a_notebook_makes_reports_void(toy, name):
    before = key(toy)
    COUNTED[name](toy)
    assert key(toy) != before


def test_a_comment_and_a_typo_regrade_nobody(toy):
    """As a lecturer sees it, with stock nbgrader; an operator in a hidden check regrades everybody."""
    release = toy_course.released(toy)
    for student in ("ada", "ben"):
        toy_course.hand_in(toy, student, toy_course.filled(release), {"toy.safetensors": toy_course.weights()})
    hidden = toy / "grading/hidden_checks/test_toy.py"

    def graded() -> str:
        done = toy_course.nbgrader(toy, "autograde", "toy")
        assert done.returncode == 0, done.stderr
        return done.stderr

    assert "8.5 points" in graded()
    hidden.write_text(hidden.read_text() + COMMENTED)
    for folder in FOLDERS:
        rewritten(toy, folder, says("markdown", "# Toys"))
    assert "2 of 2 submissions are graded and unchanged" in graded()
    hidden.write_text(hidden.read_text().replace("torch.full((5, 1), 3.0)", "torch.full((5, 1), 1.0 + 3)"))
    said = graded()
    assert "unchanged" not in said and said.count("6.5 points") == 2


def test_other_code_that_writes_marks_writes_them_again_and_grades_nobody(small_class, tmp_path):
    """The reports stay as they are; the run after that has nothing to do."""
    root = shutil.copytree(small_class[0], tmp_path / "course", symlinks=True)
    time.sleep(2.1)  # files younger than that are read again, whatever they look like
    toy_course.nbgrader(root, "autograde", "toy")  # copied files are read again, once
    reports = {path: path.read_bytes() for path in (root / "grading/reports/toy").glob("*.json")}
    with open(root / "nbgrader_config.py", "a") as config:
        config.write("\nfrom grading.course import fingerprint\nfingerprint.WRITING += ('grading/verify.py',)\n")
    first, second = (toy_course.nbgrader(root, "autograde", "toy") for _ in range(2))
    assert first.returncode == second.returncode == 0
    assert "unchanged" not in first.stderr and first.stderr.count("points in") == len(reports)
    assert f"{len(reports)} of {len(reports)} submissions are graded and unchanged" in second.stderr
    assert {path: path.read_bytes() for path in reports} == reports
