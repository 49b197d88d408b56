"""`helpers.hand_in`: what it says of a notebook and its weights, and what it packs."""

from __future__ import annotations

import json
import os
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from helpers.checks import afresh
from helpers.checks import hand_in as module
from helpers.checks.afresh import run_afresh
from helpers.checks.engine import record
from helpers.checks.engine.question import CheckFailed
from helpers.checks.hand_in import hand_in
from helpers.checks.progress import standings
from helpers.checks.saved import read_notebook
from helpers.files import ROOT
from helpers.tests.saved_notebooks import EXERCISE, STUB, cell, kernel_that_ran, save
from helpers.training.weights import save_weights

DOUBLE = "def double(x):\n    return 2 * x"
MODEL = "from torch import nn\n\ndef build_model():\n    return nn.Linear(2, 3)"
ANSWERS = {"double": DOUBLE, "model": MODEL}


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """Work beside a notebook that is all answered, and its weights."""
    for name in ("DEEP_LEARNING_LAB_STRICT", "DEEP_LEARNING_LAB_GRADING", "NBGRADER_EXECUTION"):
        monkeypatch.delenv(name, raising=False)
    here = tmp_path / EXERCISE
    save(here, ANSWERS, words="Because of that.")
    save_weights(torch.nn.Linear(2, 3), here / f"{EXERCISE}.safetensors")
    monkeypatch.chdir(here)
    return here


@pytest.fixture
def no_process(monkeypatch) -> None:
    """Leave out the fresh process, of which other tests speak."""
    monkeypatch.setattr(module, "run_afresh", lambda notebook, weights, seconds: [])


def packed(folder: Path) -> list[str]:
    with zipfile.ZipFile(folder / f"{EXERCISE}.zip") as archive:
        return archive.namelist()


def test_a_sound_notebook_is_tried_afresh_and_packed(folder, capsys):
    (folder / "regrade.md").write_text("Regrade request: double\nbecause")
    hand_in(EXERCISE)
    said = capsys.readouterr().out
    assert said.startswith(f"{EXERCISE}.zip is packed, hand in this one file: {EXERCISE}.ipynb (0.0 MB), ")
    assert "It runs from its definitions in a fresh process, and build_model() takes the weights.\n" in said
    assert "Still open" not in said and f"In it is {EXERCISE}.ipynb as saved at " in said and " min ago;" in said
    assert packed(folder) == [f"{EXERCISE}.ipynb", f"{EXERCISE}.safetensors", "regrade.md"]
    with zipfile.ZipFile(folder / f"{EXERCISE}.zip") as archive:
        assert archive.read(f"{EXERCISE}.ipynb") == (folder / f"{EXERCISE}.ipynb").read_bytes()


def test_what_the_session_has_and_a_fresh_process_lacks_is_told_by_name(folder):
    """A number that a loop makes, a module beside the notebook, other weights; what grading runs, too, is no fault."""
    (folder / "mine.py").write_text("x = 1")
    own = "SCALE = 2\nlimits = open('x')\nfor NUM_CLASSES in range(7):\n    pass\nprint(undefined)"
    double = "import mine\n\ndef double(x):\n    return SCALE * _inner(x)\n\ndef _inner(x):\n    return NUM_CLASSES * x"
    model = MODEL.replace("2, 3", "2, SCALE") + "\n\nnn.Linear(2, LATER)"
    found = run_afresh(save(folder, {"double": double, "model": model}, own), folder / f"{EXERCISE}.safetensors", 100)
    assert [line.split(" (")[0] for line in found] == [
        "The cell double stops at line 1: ModuleNotFoundError: No module named 'mine'.",
        "The cell model stops at line 6: NameError: name 'LATER' is not defined.",
    ]
    assert "put its code into the cell that needs it" in found[0] and "grading runs imports, functions" in found[1]
    double, model = double.replace("import mine\n", ""), model.replace("\n\nnn.Linear(2, LATER)", "")
    found = run_afresh(save(folder, {"double": double, "model": model}, own), folder / f"{EXERCISE}.safetensors", 100)
    assert found[0].startswith("double uses NUM_CLASSES, which is not there in a fresh process (of cells that are no")
    assert found[1].startswith("build_model() does not take the weights: The weights in ") and len(found) == 2


def test_a_question_that_has_left_with_its_check_is_named(folder, no_process, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, f"helpers.checks.{EXERCISE}", SimpleNamespace(QUESTIONS={"double": 1, "half": 2}))
    hand_in(EXERCISE)
    said = " ".join(capsys.readouterr().out.split())
    assert f"The cells of half are not in {EXERCISE}.ipynb, answer and check: copy them from the notebook" in said
    assert packed(folder)  # handed in all the same
    found = standings(folder)
    assert [one.open for one in found] == [["double (4)", "model (6)", "half (its cells are gone)"]]


def test_a_cell_that_never_ends_is_named(folder):
    path = save(folder, {"double": DOUBLE + "\nwhile True:\n    pass", "model": MODEL})
    assert run_afresh(path, None, 30) == ["the cell double was being run when it had not ended after 30 s."]


def test_a_cell_that_ends_its_process_is_named(folder):
    path = save(folder, {"double": DOUBLE + "\nimport os\nos._exit(3)"})
    assert run_afresh(path, None, 100) == ["the cell double was being run when its process ended (3)."]


def test_half_written_python_and_a_missing_definition_are_told(folder):
    path = save(folder, {"double": "def double(x:\n", "model": "x = 1"})
    found = run_afresh(path, None, 100)
    assert found[0].startswith("The cell double is no Python (") and found[1] == "The cell model defines no model."


def test_the_report_of_a_process_that_was_killed_in_mid_line_is_read(tmp_path):
    (tmp_path / "report").write_text('{"at": "the cell double"}\n{"problem": "Wrong."}\n{"at": "the c')
    told = afresh._told(tmp_path / "report", "it was killed")
    assert told == ["Wrong.", "the cell double was being run when it was killed."]
    assert afresh._told(tmp_path / "none", "it was killed") == ["Python was being run when it was killed."]


# --- files -----------------------------------------------------------------------------------------------------------


def test_stubs_are_listed_and_what_is_there_is_packed(folder, no_process, capsys):
    save(folder, {"double": DOUBLE})
    (folder / f"{EXERCISE}.safetensors").rename(folder / "other.safetensors")
    hand_in(EXERCISE)
    said = capsys.readouterr().out
    assert "Still open: model, words_1.\n" in said
    assert f"- There is no {EXERCISE}.safetensors here, but other.safetensors: the network earns nothing" in said
    assert packed(folder) == [f"{EXERCISE}.ipynb"]


def without(folder: Path, *names: str) -> None:
    """Take the cells of these names out of the notebook."""
    path = folder / f"{EXERCISE}.ipynb"
    notebook = json.loads(path.read_text())
    about = [cell["metadata"].get("nbgrader", {}).get("grade_id", "") for cell in notebook["cells"]]
    kept = [cell for cell, name in zip(notebook["cells"], about, strict=True) if name not in names]
    assert len(kept) == len(about) - len(names)
    path.write_text(json.dumps({**notebook, "cells": kept}))


def test_an_answer_whose_cell_is_gone_is_open_and_nothing_of_it_was_tried(folder, no_process, capsys):
    without(folder, "model")
    hand_in(EXERCISE)
    said = capsys.readouterr().out
    assert "Still open: model.\n" in said and said.endswith("It runs from its definitions in a fresh process.\n")


def test_a_notebook_that_asks_for_no_network_needs_no_weights(folder, no_process, capsys):
    without(folder, "model", "model_check")
    (folder / f"{EXERCISE}.safetensors").write_bytes(bytes(70 << 20))  # of an experiment
    hand_in(EXERCISE)
    said = capsys.readouterr().out
    assert said.endswith("It runs from its definitions in a fresh process.\n") and "safetensors" not in said
    assert packed(folder) == [f"{EXERCISE}.ipynb"]


def test_weights_that_are_too_large_are_told_and_not_packed(folder, no_process, capsys):
    with (folder / f"{EXERCISE}.safetensors").open("wb") as file:
        file.truncate(65 << 20)
    hand_in(EXERCISE)
    assert f"- {EXERCISE}.safetensors has 65 MB, at most 64 are graded: build a smaller" in capsys.readouterr().out
    assert packed(folder) == [f"{EXERCISE}.ipynb"]


def test_a_notebook_that_is_too_large_is_told_and_nothing_packed(folder, no_process, capsys):
    path = folder / f"{EXERCISE}.ipynb"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"x": "x" * (51 << 20)}))
    hand_in(EXERCISE)
    assert f"- {EXERCISE}.ipynb has 51 MB, at most 50 are graded: choose Edit, Clear" in capsys.readouterr().out
    assert not (folder / f"{EXERCISE}.zip").exists()


@pytest.mark.parametrize("text", ["", '{"cells": [{"ce', "[]"], ids=["empty", "cut", "a list"])
def test_a_notebook_that_cannot_be_read_is_told(folder, no_process, capsys, text):
    (folder / f"{EXERCISE}.ipynb").write_text(text)
    hand_in(EXERCISE)
    assert capsys.readouterr().out.startswith(f"{EXERCISE}.ipynb is no notebook that can be read")
    assert not (folder / f"{EXERCISE}.zip").exists()


def test_a_folder_without_the_notebook_is_told(tmp_path, no_process, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    hand_in(EXERCISE)
    assert capsys.readouterr().out.startswith(f"There is no {EXERCISE}.ipynb in {tmp_path}.")


def test_a_corrected_notebook_that_was_worked_in_is_packed_under_the_exercises_name(folder, no_process, capsys):
    path = save(folder, ANSWERS, words="Because of that.", name=f"{EXERCISE}-release-0123abcd")
    save(folder, {"double": DOUBLE})
    hand_in(EXERCISE)
    with zipfile.ZipFile(folder / f"{EXERCISE}.zip") as archive:
        assert archive.read(f"{EXERCISE}.ipynb") == path.read_bytes()


def test_an_answer_that_was_run_after_saving_is_told(folder, no_process, monkeypatch, capsys):
    magic = f"%%time\n{DOUBLE}"
    save(folder, {"double": magic, "model": MODEL}, words="Because of that.")
    ran = [DOUBLE, magic.replace("2", "3"), MODEL + "\n"]
    monkeypatch.setattr("IPython.get_ipython", lambda: kernel_that_ran(ran))
    monkeypatch.setattr(record, "in_notebook", lambda: True)
    hand_in(EXERCISE)
    said = capsys.readouterr().out
    assert f"- What you ran last of double is not in the saved {EXERCISE}.ipynb: save the notebook (Ctrl+S" in said
    ran.append(magic)
    hand_in(EXERCISE)
    assert "What you ran last" not in capsys.readouterr().out


def test_a_copy_of_an_answer_beside_a_stub_or_a_return_is_answered(folder, no_process, capsys):
    path = save(folder, ANSWERS | {"double": f"{DOUBLE}\n    raise NotImplementedError()"}, words="Because of that.")
    data = json.loads(path.read_text())
    data["cells"].append(cell("code", STUB.format(name="double"), grade_id="double", solution=True, grade=False))
    data["cells"].append(cell("markdown", "YOUR ANSWER HERE", grade_id="words_1", solution=True, grade=True, points=6))
    path.write_text(json.dumps(data), encoding="utf-8-sig")
    hand_in(EXERCISE)
    assert "Still open" not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["Regrade.md", "regrade.md.txt", "regrade (1).md"])
def test_a_request_is_packed_under_the_names_that_editors_give_it(folder, no_process, name):
    (folder / name).write_text("Regrade request: double")
    hand_in(EXERCISE)
    assert packed(folder)[2:] == [name]


def test_a_temporary_folder_that_is_full_is_told_and_the_files_are_packed(folder, monkeypatch, capsys):
    def full(**options):
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(afresh.tempfile, "TemporaryDirectory", full)
    hand_in(EXERCISE)
    assert "- No process could be started to try it afresh (No usable temp" in capsys.readouterr().out
    assert len(packed(folder)) == 2


def test_a_disk_that_is_full_is_told_and_an_older_zip_stays(folder, no_process, monkeypatch, capsys):
    hand_in(EXERCISE)
    before = (folder / f"{EXERCISE}.zip").read_bytes()

    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "write", full)
    hand_in(EXERCISE)
    said = capsys.readouterr().out
    assert f"{EXERCISE}.zip cannot be written (No space left on device): make room" in said
    assert said.count("In it is") == 1  # of the first
    assert (folder / f"{EXERCISE}.zip").read_bytes() == before and not list(folder.glob(".*.part"))


def test_a_file_of_before_1980_is_told(folder, no_process, capsys):
    os.utime(folder / f"{EXERCISE}.ipynb", (0, 0))
    hand_in(EXERCISE)
    assert f"- {EXERCISE}.zip cannot be packed (ZIP does not support timestamps before 1980)" in capsys.readouterr().out


@pytest.mark.parametrize("variable", [("NBGRADER_EXECUTION", "autograde"), ("DEEP_LEARNING_LAB_GRADING", "1")])
def test_nothing_is_packed_where_a_notebook_is_graded(folder, monkeypatch, capsys, variable):
    monkeypatch.setenv(*variable)
    hand_in(EXERCISE)
    assert capsys.readouterr().out == "Nothing is packed while a notebook is graded or validated.\n"
    assert not (folder / f"{EXERCISE}.zip").exists()


def test_a_fault_is_printed_and_raised_in_ci_alone(folder, no_process, monkeypatch, capsys):
    (folder / f"{EXERCISE}.safetensors").unlink()
    hand_in(EXERCISE)
    assert "This is not as it should be:" in capsys.readouterr().out
    monkeypatch.setenv("DEEP_LEARNING_LAB_STRICT", "1")
    with pytest.raises(CheckFailed, match=f"There is no {EXERCISE}.safetensors here"):
        hand_in(EXERCISE)


def test_the_exercises_have_all_questions_that_their_checks_know():
    found = {path.stem: read_notebook(path).gone(path.stem) for path in (ROOT / "exercises").glob("ex*/*.ipynb")}
    assert len(found) == 6 and not any(found.values())
