"""A class that is lost comes back from its backup: nobody is graded again, and every mark is as it was."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import tarfile

import pytest
import toy_course
from toy_course import filled, hand_in, nbgrader

from grading.__main__ import main
from grading.course.backup import write_backup
from grading.errors import CourseError


@pytest.fixture
def small(small_class, tmp_path):
    """A copy of the small class, graded."""
    return shutil.copytree(small_class[0], tmp_path / "course", symlinks=True)


def scores(root) -> dict[str, float]:
    with toy_course.gradebook(root) as gradebook:
        return {one.student.id: one.score for one in gradebook.assignment_submissions("toy")}


def test_a_lost_class_comes_back(small, tmp_path, capsys):
    """Its folder is gone but for what a repository has; the archive, unpacked by tar, brings back the rest."""
    root, archive = small, tmp_path / "monday.tar.gz"
    before, secret = scores(root), (root / "grading/course_secret").read_bytes()
    assert main(["backup", str(archive), "--course", str(root)]) == 0
    said = capsys.readouterr().out
    assert str(archive) in said and "grading/course_secret" in said and "grading/gradebook.db" in said
    assert archive.stat().st_mode & 0o777 == 0o600
    for place in ("submitted", "autograded", "reports", "feedback"):
        shutil.rmtree(root / "grading" / place, ignore_errors=True)
    for place in ("gradebook.db", "course_secret"):
        (root / "grading" / place).unlink()
    subprocess.run(["tar", "-xzf", str(archive), "-C", str(root)], check=True)
    assert (root / "grading/course_secret").read_bytes() == secret
    assert (root / "grading/course_secret").stat().st_mode & 0o777 == 0o600
    done = nbgrader(root, "autograde", "toy")
    count = len(before)
    assert done.returncode == 0 and f"{count} of {count} submissions are graded and unchanged" in done.stderr
    assert scores(root) == before and count > 1


def test_the_gradebook_is_saved_between_two_transactions(small, tmp_path):
    """Half a transaction of another program is not in the archive."""
    writer = sqlite3.connect(small / "grading/gradebook.db")
    writer.execute("UPDATE grade SET auto_score = 0")
    try:
        write_backup(small, tmp_path / "b.tar.gz")
    finally:
        writer.rollback()
        writer.close()
    before = scores(small)
    subprocess.run(["tar", "-xzf", str(tmp_path / "b.tar.gz"), "-C", str(small)], check=True)
    assert scores(small) == before and any(before.values())


def test_graded_notebooks_come_before_the_gradebook(small, tmp_path):
    """Or a student might count as done there whose marks came later."""
    write_backup(small, tmp_path / "b.tar.gz")
    with tarfile.open(tmp_path / "b.tar.gz") as archive:
        names = archive.getnames()
    first = {kind: names.index(next(n for n in names if n.startswith(f"grading/{kind}"))) for kind in ("auto", "rep")}
    assert first["auto"] < first["rep"] < names.index("grading/gradebook.db") == len(names) - 1


def test_whatever_students_handed_in_is_saved_as_it_is(course, tmp_path):
    """Links as links, pipes as pipes, any name."""
    root = toy_course.fresh_copy(course.root, tmp_path / "course")
    folder = hand_in(root, "ada\nben", filled(toy_course.released(root)))
    (folder / "link").symlink_to("/etc/passwd")
    os.mkfifo(folder / "pipe")
    (root / "grading/course_secret").write_text("s" * 64)
    write_backup(root, tmp_path / "b.tar.gz")
    with tarfile.open(tmp_path / "b.tar.gz") as archive:
        kinds = {m.name.rpartition("/")[2]: m for m in archive.getmembers() if "ada\nben" in m.name}
    assert kinds["link"].issym() and kinds["pipe"].isfifo() and kinds["toy.ipynb"].isreg()


def test_a_missing_secret_is_said(small, tmp_path, capsys):
    (small / "grading/course_secret").unlink()
    assert main(["backup", str(tmp_path / "b.tar.gz"), "--course", str(small)]) == 1
    assert "grading/course_secret is not there" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("backup.zip", "should end in .tar.gz"),
        ("course/grading/reports/b.tar.gz", "lies in what is saved"),
        ("nowhere/b.tar.gz", "cannot be written: No such file"),
    ],
)
def test_a_place_that_will_not_do_is_said(small, tmp_path, name, reason):
    with pytest.raises(CourseError, match=reason):
        write_backup(small, tmp_path / name)


def test_where_there_is_no_class_nothing_is_written(tmp_path, capsys):
    assert main(["backup", str(tmp_path / "b.tar.gz"), "--course", str(tmp_path)]) == 1
    assert "there is nothing to save" in capsys.readouterr().err and not (tmp_path / "b.tar.gz").exists()


def test_a_damaged_gradebook_is_said_and_no_half_an_archive_left(small, tmp_path):
    (small / "grading/gradebook.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(CourseError, match="cannot be read: file is not a database"):
        write_backup(small, tmp_path / "b.tar.gz")
    assert [path.name for path in tmp_path.iterdir()] == ["course"]
