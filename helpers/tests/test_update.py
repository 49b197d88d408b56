"""A newer bundle takes the place of helpers and data, and overwrites nothing that a student made."""

import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
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


@pytest.mark.parametrize("kind", ["zip", "zip in a folder", "folder", "folder above", "folder above that"])
def test_what_is_new_comes_and_what_a_student_made_stays(course, newer, tmp_path, kind):
    before = tree(course)
    new = tmp_path / "week" / "first" / "inside"
    if "zip" in kind:
        new = zipped(tmp_path / "new.zip", newer, "Week 1/" * ("folder" in kind) + "deep-learning-lab/")
    else:
        unpacked(new, newer)
    said = update({"folder above": new.parent, "folder above that": new.parent.parent}.get(kind, new), course)
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


@pytest.mark.parametrize("linked", ["exercises", "data"])
def test_a_folder_may_lie_on_another_disk(course, newer, tmp_path, linked):
    """Behind a link, as on a hub with a small home."""
    other = Path("/dev/shm")
    if not other.is_dir() or os.stat(other).st_dev == os.stat(course).st_dev:
        pytest.skip("there is no other disk here")
    newer = listing(newer, "data/README.md", b"x") | {"data/README.md": b"x"}
    before = tree(course)
    with tempfile.TemporaryDirectory(dir=other) as elsewhere:
        shutil.move(course / linked, Path(elsewhere, linked))
        (course / linked).symlink_to(Path(elsewhere, linked))
        update(zipped(tmp_path / "new.zip", newer), course)
        assert {**tree(course), **tree(Path(elsewhere))} == updated(before, newer)
        assert (course / linked).is_symlink()


def test_the_correction_alone_is_needless_where_it_is_there_already(course, tmp_path):
    alone = {FIRST.replace(".ipynb", "-release-00000001.ipynb"): notebook("00000001")}
    assert "no notebook" in update(zipped(tmp_path / "ex01_one.zip", alone), course)


def without_number(cells: list[str]) -> bytes:
    """Return a notebook as some editors save it."""
    made = [{"cell_type": "markdown", "source": [cell], "metadata": {}} for cell in cells]
    return json.dumps({"cells": made, "metadata": {"kernelspec": {}}}).encode()


def test_a_notebook_that_lost_its_number_is_known_by_its_cells(course, tmp_path):
    (course / FIRST).write_bytes(without_number(["mine", "task \n"]))
    before, new = tree(course), content(NEW, {FIRST: notebook("00000001")})
    assert "no notebook" in update(zipped(tmp_path / "new.zip", new), course)
    assert tree(course) == before | {MANIFEST: new[MANIFEST], "helpers/old.py": b"x = 1"}


@pytest.mark.parametrize("saved", [without_number(["another task"]), b"{", b"[1]", b'{"cells": [{}]}'])
def test_of_one_that_is_of_no_release_nothing_is_said_that_is_not_so(course, newer, tmp_path, saved):
    (course / FIRST).write_bytes(saved)
    before = tree(course)
    said = update(zipped(tmp_path / "new.zip", newer), course)
    assert tree(course) == updated(before, newer)
    assert "names none, move your cells over, or go on in yours: both are graded" in said and "correct" not in said


def test_only_the_answers_of_a_released_notebook_may_be_others(course, tmp_path):
    """Checks are locked, texts are no code; stubs and what is there to be played with become something else."""
    notes = {"check": {"nbgrader": {"locked": True}}, "stub": {"nbgrader": {"locked": False}}, "data": {}}
    cells = [{"cell_type": "code", "source": [kind], "metadata": note} for kind, note in notes.items()]
    book = {"cells": cells, "metadata": {"deep_learning_lab": {"release": "00000001"}}}
    new = zipped(tmp_path / "new.zip", content(NEW, {FIRST: json.dumps(book).encode()}))
    (course / FIRST).write_bytes(without_number(["check", "answer"]))
    assert "no notebook" in update(new, course)
    (course / FIRST).write_bytes(without_number(["stub", "data", "another check"]))
    assert "-release-00000001.ipynb" in update(new, course)


STRAYS = ("Untitled.ipynb", "._ex01_one.ipynb", "ex01_one-Copy1.ipynb", ".ipynb_checkpoints/ex01_one-checkpoint.ipynb")


def test_strays_in_a_folder_are_left_there(course, newer, tmp_path, monkeypatch):
    folder = unpacked(tmp_path / "week", newer | {f"exercises/ex01_one/{name}": b"\x00\x05{}" for name in STRAYS})
    before = tree(course)
    monkeypatch.chdir(folder)
    update(Path(), course)
    assert tree(course) == updated(before, newer)


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


def listing(files: dict[str, bytes], place: str, data: bytes = b"x") -> dict[str, bytes]:
    """Return a bundle whose list names one more place."""
    listed = json.loads(files[MANIFEST])
    listed["files"][place] = hashlib.sha256(data).hexdigest()
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
    "a zip in a zip": (lambda p, f: zipped(p, {"helpers.zip": b"PK"}, ""), r"new.zip holds zips.*\(helpers.zip\)"),
    "a folder of zips": (lambda p, f: unpacked(p, {"x/b.zip": b"", "a.zip": b""}), r"holds zips.*\(a.zip, x/b.zip\)"),
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


@pytest.mark.parametrize("harm", [None, b"", b"def half("], ids=["missing", "empty", "half"])
def test_where_the_updater_itself_is_half_unpacked_a_sentence_says_the_way_out(course, harm):
    files = course / "helpers/files.py"
    files.unlink() if harm is None else files.write_bytes(harm)
    options = {"cwd": course, "env": os.environ | {"PYTHONPATH": "", "PYTHONDONTWRITEBYTECODE": "1"}, "text": True}
    command = [sys.executable, "-S", "-m", "helpers.update", "new.zip"]  # and no other copy is installed
    done = subprocess.run(command, capture_output=True, check=False, **options)
    assert done.returncode == 1 and done.stdout == "" and done.stderr.count("\n") == 1
    assert done.stderr.startswith("helpers is half unpacked (") and "copy all but exercises over" in done.stderr


def test_without_its_first_file_it_still_runs_and_brings_it(course, newer, tmp_path):
    (course / "helpers/__init__.py").unlink()
    command = [sys.executable, "-m", "helpers.update", str(zipped(tmp_path / "new.zip", newer))]
    subprocess.run(command, cwd=course, env=os.environ | {"PYTHONPATH": ""}, check=True, capture_output=True)
    assert (course / "helpers/__init__.py").read_bytes() == newer["helpers/__init__.py"]
