"""What students get is the solution minus its answers, and nothing of the staff's."""

import difflib
import inspect
import json
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

import helpers
from grading.course import release
from helpers.checks.networks.trained import PEOPLE_MODEL, REGRESSION_MODEL, SEGMENTATION_MODEL, SOFTARGMAX_MODEL

ROOT = release.ROOT


def cells(folder: str, exercise: str) -> dict[str, dict]:
    notebook = json.loads((ROOT / folder / exercise / f"{exercise}.ipynb").read_text())
    return {cell["id"]: cell | {"source": "".join(cell["source"])} for cell in notebook["cells"]}


def answer_lines(exercise: str) -> list[str]:
    """Return the lines between BEGIN SOLUTION and END SOLUTION that are long enough to be told apart."""
    found, inside = [], False
    for cell in cells("solutions", exercise).values():
        for line in cell["source"].splitlines():
            if "SOLUTION" in line:
                inside = "BEGIN" in line
            elif inside and len(line.strip()) > 25:
                found.append(line.strip())
    return found


@pytest.mark.parametrize("exercise", release.EXERCISES)
def test_the_stub_is_the_solution_minus_lines(exercise):
    solved, released = cells("solutions", exercise), cells("exercises", exercise)
    assert list(solved) == list(released)
    for name, cell in solved.items():
        if cell["cell_type"] == "code":
            changes = difflib.ndiff(cell["source"].splitlines(), released[name]["source"].splitlines())
            added = {line[2:].strip() for line in changes if line.startswith("+ ")}
            assert added <= {"# YOUR CODE HERE", "raise NotImplementedError()"}, name


@pytest.mark.parametrize("exercise", release.EXERCISES)
def test_solutions_and_exercises_are_stored_without_outputs(exercise):
    for folder in ("solutions", "exercises"):
        for cell in cells(folder, exercise).values():
            assert not cell.get("outputs") and cell.get("execution_count") is None


@pytest.mark.parametrize("exercise", release.EXERCISES)
def test_every_stub_can_be_run_before_it_is_filled_in(exercise):
    """A class whose body raised could not even be defined, once."""
    names = {"torch": torch, "nn": torch.nn, "F": torch.nn.functional, "np": np, "helpers": helpers}
    answers = [c for c in cells("exercises", exercise).values() if c["metadata"].get("nbgrader", {}).get("solution")]
    for cell in (c for c in answers if c["cell_type"] == "code"):
        exec(compile(cell["source"], cell["id"], "exec"), names)
        made = names[cell["metadata"]["nbgrader"]["grade_id"].replace("model", "build_model")]
        with pytest.raises(NotImplementedError):
            made(*[None] * (len(inspect.signature(made).parameters)))


@pytest.mark.parametrize(
    ("exercise", "row", "model"),
    [
        ("ex01_pose_regression", "| up to {:g} px | {} |", REGRESSION_MODEL),
        ("ex02_softargmax", "| up to {:g} px | {} |", SOFTARGMAX_MODEL),
        ("ex03_segmentation", "| from {:.2f} | {} |", SEGMENTATION_MODEL),
        ("ex04_multi_person", "| from {:.2f} | {} |", PEOPLE_MODEL),
    ],
)
def test_the_notebook_states_the_points_of_the_model_question(exercise, row, model):
    text = cells("solutions", exercise)["question-model"]["source"]
    assert all(row.format(threshold, points) in text for threshold, points in model.thresholds)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> zipfile.ZipFile:
    path = release.write_bundle(tmp_path_factory.mktemp("bundle") / "students.zip")
    with zipfile.ZipFile(path) as opened:
        yield opened


def test_the_bundle_holds_no_solution_and_no_grading(bundle):
    names = bundle.namelist()
    assert not [name for name in names if "solutions/" in name or "grading/" in name or "/tests/" in name]
    text = "".join(bundle.read(name).decode(errors="ignore") for name in names)
    assert "BEGIN SOLUTION" not in text
    for exercise in release.EXERCISES:
        assert [line for line in answer_lines(exercise) if line in text] == []


def test_the_bundle_has_what_a_student_needs(bundle):
    inside = {name.removeprefix("deep-learning-lab/") for name in bundle.namelist()}
    assert {"README.md", "pyproject.toml", "constraints.txt", "environment.yml"} <= inside
    assert {"data/body.npz", "data/poses.toml"} <= inside
    assert {f"exercises/{exercise}/{exercise}.ipynb" for exercise in release.EXERCISES} <= inside
    assert not any(name.endswith(".py") and name.startswith("tools") for name in inside)


def test_students_do_not_install_what_only_staff_need(bundle):
    pins = bundle.read("deep-learning-lab/environment.yml").decode()
    assert "torch==" in pins and not [name for name in release.STAFF_ONLY if f"{name}==" in pins]


def test_the_bundle_is_the_same_bytes_twice(tmp_path):
    first, second = (release.write_bundle(tmp_path / name) for name in ("a.zip", "b.zip"))
    assert first.read_bytes() == second.read_bytes()


def test_a_notebook_that_nbgrader_refuses_is_a_clear_error(tmp_path):
    with pytest.raises(release.ReleaseError, match="ex99_missing"):
        release.generate(["ex99_missing"], Path(tmp_path))


def test_all_exercises_take_one_start_of_nbgrader(tmp_path, monkeypatch):
    started, run = [], subprocess.run
    monkeypatch.setattr(subprocess, "run", lambda line, **rest: started.append(line[:3]) or run(line, **rest))
    made = release.generate(release.EXERCISES, tmp_path)
    assert started == [["nbgrader", "generate_assignment", "ex*"]]
    for exercise, notebook in made.items():
        assert notebook.read_bytes() == (ROOT / "exercises" / exercise / f"{exercise}.ipynb").read_bytes()
