"""What the last cell of a notebook packs, and the note of passed checks beside it, as grading finds them."""

from __future__ import annotations

import shutil

import pytest
import torch

from grading.course.course import Course
from grading.sample_submissions import SUBMISSIONS
from grading.submission.read import read_submission
from grading.submission.regrade import requests_in
from helpers.checks import hand_in as module
from helpers.checks.engine.record import FILE
from helpers.checks.hand_in import hand_in
from helpers.files import ROOT
from helpers.training.weights import save_weights

EXERCISE = "ex01_pose_regression"


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A student's folder with notebook, weights, a request, and the zip of all three."""
    for name in ("DEEP_LEARNING_LAB_STRICT", "NBGRADER_EXECUTION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(module, "run_afresh", lambda notebook, weights, seconds: [])  # this network takes no weights
    folder = tmp_path / "work"
    folder.mkdir()
    shutil.copy(ROOT / "solutions" / EXERCISE / f"{EXERCISE}.ipynb", folder)
    save_weights(torch.nn.Linear(2, 3), folder / f"{EXERCISE}.safetensors")
    (folder / "regrade.md").write_text("Regrade request: mpjpe\nBecause of that.")
    monkeypatch.chdir(folder)
    hand_in(EXERCISE)
    return folder


def read(folder):
    return read_submission(folder, EXERCISE, 50, 64, Course(ROOT, EXERCISE).released)


def test_the_zip_alone_is_read_like_the_files(work, tmp_path):
    alone = tmp_path / "submitted/ada" / EXERCISE
    alone.mkdir(parents=True)
    shutil.copy(work / f"{EXERCISE}.zip", alone)
    files, found = read(work), read(alone)
    assert files.unreadable is None and files.notes == []
    assert (found.unreadable, found.cells, found.weights) == (None, files.cells, files.weights)
    assert found.weights and found.hash == files.hash
    assert found.notes == []
    assert [request.question for request in requests_in(alone)] == ["mpjpe"]


def test_an_older_zip_beside_newer_files_counts_for_nothing(work):
    path = work / f"{EXERCISE}.ipynb"
    path.write_text(path.read_text().replace("import math", "import math  # later"))
    before = read(work)
    (work / f"{EXERCISE}.zip").unlink()
    assert read(work).hash == before.hash


def test_the_note_of_passed_checks_changes_nothing_that_grading_reads(work):
    before = read(work)
    (work / FILE).write_text('{"ex01_pose_regression": {"mpjpe": {"cell": "", "points": 99}}}')
    after = read(work)
    assert (after.hash, after.notes, after.cells) == (before.hash, before.notes, before.cells)
    source = "".join(path.read_text() for path in (ROOT / "grading").rglob("*.py") if "tests" not in path.parts)
    assert FILE not in source and "engine.record" not in source


def test_a_released_notebook_ends_with_the_cell_that_hands_in():
    for exercise in SUBMISSIONS:
        cell = Course(ROOT, exercise).released["cells"][-1]
        assert cell["cell_type"] == "code" and cell["source"] == f'helpers.hand_in("{exercise}")'
        assert "nbgrader" not in cell["metadata"]


def test_where_no_network_is_asked_for_no_file_of_one_is_looked_at(tmp_path):
    key = "ex05_instances"
    shutil.copy(ROOT / "solutions" / key / f"{key}.ipynb", tmp_path)
    alone = read_submission(tmp_path, key, 50, 64, Course(ROOT, key).released)
    torch.save({}, tmp_path / "model.pt")
    for name in ("ex04_multi_person.safetensors", f"{key}.safetensors"):
        save_weights(torch.nn.Linear(2, 3), tmp_path / name)
    found = read_submission(tmp_path, key, 50, 64, Course(ROOT, key).released)
    assert found.notes == [] and found.weights is None and found.hash == alone.hash
