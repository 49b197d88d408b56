"""A newer bundle takes the place of helpers and data, and overwrites nothing that a student made."""

import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from helpers import update as module
from helpers.files import ROOT
from helpers.update import MANIFEST, update

OLD, NEW = "2026-10-01 08:00:00 UTC", "2026-11-01 08:00:00 UTC"
OWN = ("pyproject.toml", "helpers/__init__.py", "helpers/files.py", "helpers/update.py")
FIRST, SECOND = "exercises/ex01_one/ex01_one.ipynb", "exercises/ex02_two/ex02_two.ipynb"


def notebook(number: str, text: str = "task") -> bytes:
    cells = [{"cell_type": "markdown", "source": text, "metadata": {}}]
    return json.dumps({"cells": cells, "metadata": {"deep_learning_lab": {"release": number}}}, indent=1).encode()


def content(released: str, notebooks: dict[str, bytes], **changed: bytes) -> dict[str, bytes]:
    """Return the files of a small bundle with the real updater in it, by their places."""
    files = {name: (ROOT / name).read_bytes() for name in OWN} | {"data/body.npz": b"body", "constraints.txt": b"1"}
    files |= {name.replace("__", "/").replace("_py", ".py"): data for name, data in changed.items()}
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    return files | notebooks | {MANIFEST: json.dumps({"released": released, "files": sums}).encode()}


def zipped(path: Path, files: dict[str, bytes], top: str = "deep-learning-lab/") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(top + name, data)
    return path


def unpacked(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


@pytest.fixture
def course(tmp_path) -> Path:
    """A course of one exercise, worked in."""
    home = unpacked(tmp_path / "home", content(OLD, {FIRST: notebook("00000001")}, helpers__old_py=b"x = 1"))
    (home / FIRST).write_bytes(notebook("00000001", "my work"))
    unpacked(
        home, {"exercises/ex01_one/ex01_one.safetensors": b"weights", "data/cache/x": b"rendered", "mine.py": b"1"}
    )
    return home


@pytest.fixture
def newer() -> dict[str, bytes]:
    """The next week: another module, the first exercise corrected, a second one."""
    books = {FIRST: notebook("00000002", "corrected"), SECOND: notebook("00000003")}
    return content(NEW, books, helpers__seeds_py=b"x = 2", helpers__old_py=b"x = 3")


def tree(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def updated(before: dict[str, bytes], newer: dict[str, bytes]) -> dict[str, bytes]:
    """Return what the course's folder is to hold afterwards."""
    beside = FIRST.replace(".ipynb", "-release-00000002.ipynb")
    return before | {name: data for name, data in newer.items() if name != FIRST} | {beside: newer[FIRST]}


@pytest.mark.parametrize("kind", ["zip", "folder", "folder above"])
def test_what_is_new_comes_and_what_a_student_made_stays(course, newer, tmp_path, kind):
    before = tree(course)
    new = zipped(tmp_path / "new.zip", newer) if kind == "zip" else unpacked(tmp_path / "week" / "inside", newer)
    said = update(new.parent if kind == "folder above" else new, course)
    assert tree(course) == updated(before, newer)
    assert (course / FIRST).read_bytes() == notebook("00000001", "my work")
    assert said.startswith("2 files of helpers, data and environment came, and exercises/ex01_one/ex01_one-release-")
    assert SECOND in said and "stayed as it was" in said and "both are graded" in said and "pip install" not in said


def test_the_same_bundle_once_more_changes_nothing(course, newer, tmp_path):
    new = zipped(tmp_path / "new.zip", newer)
    update(new, course)
    corrected = course / FIRST.replace(".ipynb", "-release-00000002.ipynb")
    corrected.write_bytes(notebook("00000002", "my work in the corrected one"))
    before = tree(course)
    assert update(new, course).startswith("0 files of helpers, data and environment came, and no notebook.")
    assert tree(course) == before


def test_a_notebook_of_the_same_release_is_no_correction(course, tmp_path):
    said = update(zipped(tmp_path / "new.zip", content(NEW, {FIRST: notebook("00000001")})), course)
    assert "no notebook" in said and not list(course.rglob("*-release-*"))


def test_another_environment_is_said(course, tmp_path):
    files = content(NEW, {FIRST: notebook("00000001")})
    files["constraints.txt"] = b"2"
    listed = json.loads(files[MANIFEST])
    listed["files"]["constraints.txt"] = hashlib.sha256(b"2").hexdigest()
    assert "pip install" in update(zipped(tmp_path / "n.zip", files | {MANIFEST: json.dumps(listed).encode()}), course)


def test_an_archive_of_one_exercise_brings_that_one(course, tmp_path):
    said = update(zipped(tmp_path / "ex02_two.zip", {SECOND: notebook("00000003")}), course)
    assert said.startswith(f"0 files of helpers, data and environment came, and {SECOND}.")
    assert json.loads((course / MANIFEST).read_text())["released"] == OLD


# --- what is refused -------------------------------------------------------------------------------------------------


def cut(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[:-200])
    return path


def flipped(path: Path) -> Path:
    """Return a zip whose first file is not what its checksum says."""
    data = bytearray(path.read_bytes())
    data[data.index(b"[project]") + 1] ^= 1
    path.write_bytes(data)
    return path


def without(files: dict[str, bytes], name: str) -> dict[str, bytes]:
    return {other: data for other, data in files.items() if other != name}


def listing(files: dict[str, bytes], place: str) -> dict[str, bytes]:
    """Return a bundle whose list names one more place."""
    listed = json.loads(files[MANIFEST])
    listed["files"][place] = hashlib.sha256(b"x").hexdigest()
    return files | {MANIFEST: json.dumps(listed).encode()}


REFUSED = {
    "another zip": (lambda p, f: zipped(p, {"a.txt": b"a"}), "is no bundle of this course"),
    "an empty zip": (lambda p, f: zipped(p, {}), "is no bundle of this course"),
    "another course": (lambda p, f: zipped(p, {"exercises/a/a.ipynb": b"{}"}), "is no bundle of this course"),
    "without its list": (lambda p, f: zipped(p, without(f, MANIFEST)), "half unpacked"),
    "half unpacked": (lambda p, f: unpacked(p, without(f, "helpers/seeds.py")), "helpers/seeds.py is missing or dam"),
    "changed inside": (lambda p, f: unpacked(p, f | {"helpers/seeds.py": b"?"}), "helpers/seeds.py is missing or dam"),
    "a list that leads out": (lambda p, f: zipped(p, listing(f, "../x")), r"\.\./x is missing or damaged"),
    "a list with work": (lambda p, f: zipped(p, listing(f, FIRST)), "ex01_one.ipynb is missing or damaged"),
    "cut": (lambda p, f: cut(zipped(p, f)), "is damaged, or no zip file"),
    "one byte": (lambda p, f: flipped(zipped(p, f)), "is damaged, or no zip file.*CRC"),
    "no zip": (lambda p, f: [p.write_bytes(b"text"), p][1], "is damaged, or no zip file"),
    "a path upwards": (lambda p, f: zipped(p, f | {"../../evil.py": b"x"}), "leads elsewhere"),
    "an absolute path": (lambda p, f: zipped(p, {"/tmp/evil.py": b"x"}, ""), "leads elsewhere"),
    "nothing": (lambda p, f: p, "There is no .*: name the zip"),
    "an older one": (lambda p, f: zipped(p, content("2026-09-01 08:00:00 UTC", {})), f"older than .*, of {OLD}"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_sound_bundle_is_refused_with_a_sentence_and_changes_nothing(course, newer, tmp_path, make, reason):
    before = tree(course)
    with pytest.raises(ValueError, match=reason):
        update(make(tmp_path / "new.zip", newer), course)
    assert tree(course) == before and not (course / ".update").exists()


def test_an_older_bundle_is_taken_by_force(course, tmp_path):
    older = content("2026-09-01 08:00:00 UTC", {}, helpers__old_py=b"x = 0")
    update(zipped(tmp_path / "old.zip", older), course, force=True)
    assert (course / "helpers/old.py").read_bytes() == b"x = 0"


def test_the_courses_own_folder_is_left_alone(tmp_path):
    with pytest.raises(ValueError, match="is no student's folder of the course"):
        update(tmp_path / "new.zip")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_folder_that_cannot_be_written_is_said(course, newer, tmp_path):
    course.chmod(0o500)
    try:
        with pytest.raises(ValueError, match=r"\.update: Permission denied\. Nothing of yours is lost"):
            update(zipped(tmp_path / "new.zip", newer), course)
    finally:
        course.chmod(0o700)


# --- what ends it half way -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", range(6))
def test_a_disk_that_is_full_half_way_loses_nothing_and_the_next_call_ends_it(
    course, newer, tmp_path, monkeypatch, after
):
    before, new, copy, done = tree(course), zipped(tmp_path / "new.zip", newer), shutil.copyfile, []

    def full(source, target):
        done.append(source)
        if len(done) > after:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
        return copy(source, target)

    monkeypatch.setattr(module.shutil, "copyfile", full)
    if after == 5:  # two of helpers, two notebooks, the list
        update(new, course)
    else:
        with pytest.raises(ValueError, match="No space left on device. Nothing of yours is lost"):
            update(new, course)
    half = tree(course)
    assert {**before, **updated(before, newer)}.keys() >= half.keys()
    assert all(half[name] in (data, newer.get(name)) for name, data in before.items())
    monkeypatch.undo()
    update(new, course)
    assert tree(course) == updated(before, newer)


KILLED = """
import os, shutil, sys
from pathlib import Path
from helpers import update
copy, done = shutil.copyfile, []
def killed(source, target):
    done.append(source)
    copy(source, target)
    if len(done) == 2:
        os.kill(os.getpid(), 9)
    return target
shutil.copyfile = killed
update.update(Path(sys.argv[1]), update.ROOT)
"""


def test_the_same_command_ends_what_a_kill_left_half_done(course, newer, tmp_path):
    """By the updater that lies in the course itself, which is among what it brings."""
    newer = newer | {"helpers/update.py": newer["helpers/update.py"] + b"# newer\n"}
    newer = listing(newer, "helpers/update.py")
    listed = json.loads(newer[MANIFEST])
    listed["files"]["helpers/update.py"] = hashlib.sha256(newer["helpers/update.py"]).hexdigest()
    newer[MANIFEST] = json.dumps(listed).encode()
    before, new = tree(course), zipped(tmp_path / "new.zip", newer)
    options = {"cwd": course, "env": os.environ | {"PYTHONPATH": "", "PYTHONDONTWRITEBYTECODE": "1"}, "text": True}
    assert subprocess.run([sys.executable, "-c", KILLED, new], check=False, **options).returncode == -9
    assert (course / ".update").exists() and tree(course) != updated(before, newer)
    command = [sys.executable, "-m", "helpers.update", str(new)]
    done = subprocess.run(command, capture_output=True, check=False, **options)
    assert done.returncode == 0 and done.stdout.endswith("Restart the kernels of open notebooks.\n"), done.stderr
    assert tree(course) == updated(before, newer)
    done = subprocess.run([*command[:-1], "none.zip"], capture_output=True, check=False, **options)
    assert done.returncode == 1 and done.stderr.startswith("There is no none.zip: name the zip that")
