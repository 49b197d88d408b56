"""Saved notebooks as hosts, browsers and students leave them: names lost, copies beside, other file names."""

from __future__ import annotations

import json
import os
import time
import zipfile

import pytest
import torch

import helpers
from helpers.checks import hand_in as module
from helpers.checks.hand_in import hand_in
from helpers.checks.progress import standings
from helpers.checks.saved import notebooks_in, read_notebook
from helpers.files import ROOT
from helpers.tests.saved_notebooks import EXERCISE, save
from helpers.training.weights import save_weights

DOUBLE = "def double(x):\n    return 2 * x"
MODEL = "from torch import nn\n\ndef build_model():\n    return nn.Linear(2, 3)"
ANSWERS = {"double": DOUBLE, "model": MODEL}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Work in the folder of an exercise without a notebook, outside of any JupyterLab; nothing is run afresh."""
    for name in ("DEEP_LEARNING_LAB_STRICT", "DEEP_LEARNING_LAB_GRADING", "NBGRADER_EXECUTION", "JPY_SESSION_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(module, "run_afresh", lambda notebook, weights, seconds: [])
    here = tmp_path / EXERCISE
    here.mkdir()
    monkeypatch.chdir(here)
    return here


def stripped(path, keep=()):
    """Take all metadata from a notebook's cells, and what else is not kept."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        cell["metadata"] = {}
        if "id" not in keep:
            cell.pop("id", None)
    path.write_text(json.dumps(notebook), encoding="utf-8")


def packed(folder):
    with zipfile.ZipFile(folder / f"{EXERCISE}.zip") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def said(capsys):
    return " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("exercise", sorted(path.name for path in (ROOT / "solutions").glob("ex*")))
@pytest.mark.parametrize("keep", [(), ("id",)], ids=["nothing", "ids"])
def test_cells_without_names_are_found_by_what_they_say(exercise, keep, tmp_path):
    """As grading repairs them: setup, answers and checks are the same; words are known by their ids alone."""
    source = ROOT / "solutions" / exercise / f"{exercise}.ipynb"
    path = tmp_path / source.name
    path.write_bytes(source.read_bytes())
    roles = ("setup", "answer", "check")
    before = [(cell.role, cell.question, cell.source) for cell in read_notebook(path).of_role(*roles)]
    words = [cell.question for cell in read_notebook(path).of_role("words")]
    stripped(path, keep)
    after = read_notebook(path)
    assert [(cell.role, cell.question, cell.source) for cell in after.of_role(*roles)] == before
    assert [cell.question for cell in after.of_role("words")] == words * bool(keep)
    assert after.gone(exercise) == [] and after.open == []


def test_an_answer_in_a_cell_of_its_own_takes_the_place_of_the_cell_that_is_gone(folder):
    path = save(folder, ANSWERS, own="def double(x):\n    raise NotImplementedError()")
    notebook = json.loads(path.read_text(encoding="utf-8"))
    answer = next(
        cell for cell in notebook["cells"] if cell["metadata"].get("nbgrader", {}).get("grade_id") == "double"
    )
    answer["metadata"] = {}
    path.write_text(json.dumps(notebook), encoding="utf-8")
    [double] = [cell for cell in read_notebook(path).of_role("answer") if cell.question == "double"]
    assert double.source == DOUBLE  # of the two that define it the one that is answered


def test_weights_are_packed_where_the_cells_have_lost_their_names(folder, capsys):
    stripped(save(folder, ANSWERS))
    save_weights(torch.nn.Linear(2, 3), folder / f"{EXERCISE}.safetensors")
    hand_in(EXERCISE)
    assert list(packed(folder)) == [f"{EXERCISE}.ipynb", f"{EXERCISE}.safetensors"]
    [standing] = standings(folder)
    assert standing.open == ["double", "model"] and "Still open" not in said(capsys)


@pytest.mark.parametrize("name", [f"{EXERCISE} (1)", f"Copy of {EXERCISE}", f"{EXERCISE}-release-513d8180"])
def test_a_notebook_of_another_name_is_found(folder, name, capsys, monkeypatch):
    save(folder, ANSWERS, name=name)
    hand_in(EXERCISE)
    assert f"{EXERCISE}.ipynb" in packed(folder) and f"In it is {name}.ipynb as saved" in said(capsys)
    assert [one.exercise for one in standings(folder)] == [EXERCISE]
    (folder.parent / "ex02_toy").mkdir()
    monkeypatch.chdir(folder.parent / "ex02_toy")
    assert helpers.answers(EXERCISE).get("double")(3) == 6
    save(folder, {})  # the one handed out, left as it was
    assert helpers.answers(EXERCISE).get("double")(3) == 6


def test_copies_that_macos_keeps_are_no_notebooks(folder):
    path = save(folder, ANSWERS)
    (folder / f"._{EXERCISE}.ipynb").write_bytes(b"\0\5\x16\7")
    assert notebooks_in(folder, EXERCISE) == [path]


def test_what_is_packed_of_two_is_the_notebook_that_the_cell_stands_in(folder, capsys, monkeypatch):
    own, copy = save(folder, {"double": DOUBLE}), save(folder, ANSWERS, name=f"{EXERCISE}-Copy1")
    os.utime(own, (time.time() - 100,) * 2)
    hand_in(EXERCISE)
    assert packed(folder)[f"{EXERCISE}.ipynb"] == copy.read_bytes()
    assert f"{EXERCISE}-Copy1.ipynb, the one with the most answers, and not {EXERCISE}.ipynb: if that" in said(capsys)
    monkeypatch.setenv("JPY_SESSION_NAME", str(own))
    hand_in(EXERCISE)
    assert packed(folder)[f"{EXERCISE}.ipynb"] == own.read_bytes()
    told = said(capsys)
    assert f"{EXERCISE}.ipynb, in which this cell stands, and not {EXERCISE}-Copy1.ipynb: if" in told
    assert "Still open: model" in told
    monkeypatch.setenv("JPY_SESSION_NAME", str(folder / "renamed since.ipynb"))
    hand_in(EXERCISE)
    assert packed(folder)[f"{EXERCISE}.ipynb"] == copy.read_bytes()
