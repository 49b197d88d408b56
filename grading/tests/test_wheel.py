"""A wheel of the project is what a hub needs: all that students use, and nothing that grades them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from grading.course.release import ROOT

BUILD = "import sys; from setuptools import build_meta; getattr(build_meta, sys.argv[1])(sys.argv[2])"
USE = """
import pathlib, helpers
from helpers.people.body import load_body
from helpers.people.poses import load_poses
from helpers.checks import ex01_pose_regression as check
from helpers.data.cache import folders
assert pathlib.Path(helpers.__path__[0]).parent == pathlib.Path({target!r})
load_body(), load_poses()
helpers.fine_backbone(pretrained=True), helpers.pretrainable_backbone(pretrained=True)
assert not any(path.is_relative_to({target!r}) for path in folders())
try:
    helpers.load_poses("photo_pack", "train")
except FileNotFoundError as error:
    assert "photos.zip is missing" in str(error) and {target!r} not in str(error), error
check.mpjpe(lambda pred, target, visible: (pred - target).abs().sum(-1)[visible].mean())
"""


def built(source: Path, how: str) -> zipfile.ZipFile:
    """Return the wheel of a folder, to which what describes the project is copied."""
    for name in ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    command = [sys.executable, "-W", "ignore", "-c", BUILD, how, str(source)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = source.glob("*.whl")
    return zipfile.ZipFile(wheel)


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """The folder into which a wheel of a fresh copy was unpacked."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("installed")
    left_out = shutil.ignore_patterns(
        "__pycache__", "cache", "leeds_sports", "camvid", "isbi2012", "coco2017", "photo_pack"
    )
    for name in ("helpers", "grading/hidden_checks", "grading/known_wrong", "data"):
        shutil.copytree(ROOT / name, source / name, ignore=left_out)
    built(source, "build_wheel").extractall(target)
    return target


def test_it_holds_what_students_use_and_nothing_that_grades(installed):
    names = {str(path.relative_to(installed)) for path in installed.rglob("*") if path.is_file()}
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"helpers", "deep_learning_lab_cv"}
    assert {f"helpers/people/data/{name}" for name in ("body.npz", "poses.toml", "README.md")} <= names
    exercises = [path.name for path in (ROOT / "helpers/checks").glob("ex0[1-4]*")]
    assert {
        f"helpers/checks/{key}/{file}" for key in exercises for file in ("hints.toml", "table.safetensors.gz")
    } <= names
    assert not [name for name in names if "hidden_checks" in name or "known_wrong" in name or "/tests/" in name]


def test_an_editable_install_has_what_grades_as_well(tmp_path):
    """Staff work in the course's folder."""
    for name in ("helpers", "grading"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text('__version__ = "1.0"')
    wheel = built(tmp_path, "build_editable")
    (finder,) = (name for name in wheel.namelist() if name.endswith("finder.py"))
    assert f"'grading': '{tmp_path}/grading'" in wheel.read(finder).decode()


def test_it_works_without_the_course(installed, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(installed), "OMP_NUM_THREADS": "1"}
    environment.pop("DEEP_LEARNING_LAB_PHOTOS", None)
    command = [sys.executable, "-P", "-c", USE.format(target=str(installed))]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "this is the mean of |dx| + |dy|" in done.stdout  # the hint


READ_ONLY = """
import os, helpers
from helpers.data.cache import folders
place = {place!r}
assert helpers.__path__[0].startswith(place) and not os.access(place, os.W_OK)
data = helpers.load_poses("rendered_people", "val", count=2, progress=False)
assert data.images.shape == (2, 3, 128, 128)
(kept,) = folders()
assert str(kept) == {cache!r} + "/deep-learning-lab" and list(kept.glob("*.safetensors"))
"""


def test_it_works_from_a_folder_that_cannot_be_written_under_a_name_with_blanks_and_umlauts(installed, tmp_path):
    place = shutil.copytree(installed, tmp_path / "Übung mit Leerzeichen" / "Pakete")
    cache = tmp_path / "Rechner von Jürgen"
    environment = {**os.environ, "PYTHONPATH": str(place), "XDG_CACHE_HOME": str(cache), "OMP_NUM_THREADS": "1"}
    environment.pop("DEEP_LEARNING_LAB_CACHE", None)
    powerless = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []  # as anybody is
    command = [*powerless, sys.executable, "-P", "-c", READ_ONLY.format(place=str(place), cache=str(cache))]
    parts = [place, *place.rglob("*")]
    for part in parts:
        part.chmod(0o555 if part.is_dir() else 0o444)
    try:
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    finally:
        for part in parts:
            part.chmod(0o755)
    assert done.returncode == 0, done.stderr
    assert done.stdout == done.stderr == ""


@pytest.mark.parametrize("lost", ["body.npz", "poses.toml", "fine_backbone.safetensors", "."])
def test_a_part_that_was_not_unpacked_is_named_in_a_sentence(lost, installed, tmp_path):
    place = shutil.copytree(installed, tmp_path / "place")
    data = place / "helpers" / "people" / "data"
    (data.rename(tmp_path / "moved") if lost == "." else (data / lost).unlink())
    code = "import helpers; helpers.people.render_scene(0, 0); helpers.fine_backbone(pretrained=True)"
    environment = {**os.environ, "PYTHONPATH": str(place), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-P", "-c", code]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    name = "body.npz" if lost == "." else lost
    said = done.stderr.splitlines()[-1]
    assert done.stderr.count("Traceback") == 1
    assert said.startswith("FileNotFoundError: /") and f"/{name} is missing; it is a part of the course: unpack" in said
