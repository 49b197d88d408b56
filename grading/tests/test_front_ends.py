"""The exercises as other programs save them: VS Code, Colab, Kaggle, classic Notebook. Nothing of the work is lost.

Each program is a function here that does to a notebook what that program does: fields that it adds, drops or renames,
sources as a text or as a list of lines, the layout of its JSON.
"""

from __future__ import annotations

import copy
import io
import json
import shutil
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import nbformat
import pytest
import toy_course

from grading.course.course import Course
from grading.sample_class import answer_sources
from grading.submission.read import read_submission
from grading.submission.repair import repair
from helpers.checks import hand_in as handing_in
from helpers.checks.earlier import answers
from helpers.checks.hand_in import hand_in
from helpers.checks.progress import standings
from helpers.checks.saved import read_notebook
from helpers.files import ROOT

EXERCISES = sorted(path.name for path in (ROOT / "exercises").glob("ex*"))
GRADED = EXERCISES[1:]
WIDGET = {"application/vnd.jupyter.widget-view+json": {"model_id": "a3", "version_major": 2, "version_minor": 0}}


def as_lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def with_outputs(notebook: dict[str, Any]) -> dict[str, Any]:
    """Return the notebook with all cells run: each has printed, the first shows a widget, the last has failed."""
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for number, cell in enumerate(code, 1):
        cell["execution_count"] = number
        cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["\x1b[32mright\x1b[0m\n", "too"]}]
    code[0]["outputs"].append(
        {"output_type": "display_data", "metadata": {}, "data": {**WIDGET, "text/plain": ["Box()"]}}
    )
    code[-1]["outputs"].append(
        {"output_type": "error", "ename": "NameError", "evalue": "x", "traceback": ["\x1b[0;31m"]}
    )
    return notebook


def vs_code(notebook: dict[str, Any]) -> str:
    """Keys are sorted, the language of each cell and the whole of the kernel's are written, ids are kept."""
    for cell in notebook["cells"]:
        cell["source"] = as_lines(cell["source"])
        if cell["cell_type"] == "code":
            cell["metadata"]["vscode"] = {"languageId": "python"}
    mode = {"codemirror_mode": {"name": "ipython", "version": 3}, "file_extension": ".py", "version": "3.12.3"}
    notebook["metadata"]["language_info"] = {"name": "python", "mimetype": "text/x-python", **mode}
    notebook["metadata"]["kernelspec"] = {"display_name": ".venv", "language": "python", "name": "python3"}
    return json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def older_vs_code(notebook: dict[str, Any]) -> str:
    """As years ago: format 4.2, no ids, an environment's hash, another indentation and lines that end as on Windows."""
    notebook = json.loads(vs_code(notebook))
    notebook["metadata"] |= {"orig_nbformat": 4, "vscode": {"interpreter": {"hash": "31f2aee4e71d21fbe5cf8b01"}}}
    notebook["nbformat_minor"] = 2
    for cell in notebook["cells"]:
        del cell["id"]
    return json.dumps(notebook, indent=4).replace("\n", "\r\n")


def colab(notebook: dict[str, Any]) -> str:
    """Format 4.0: ids move into the metadata, outputs have names, a cell that installs the course stands above all."""
    notebook["nbformat_minor"] = 0
    for number, cell in enumerate(notebook["cells"]):
        cell["source"] = as_lines(cell["source"])
        cell["metadata"] |= {"id": cell.pop("id"), "colab": {"base_uri": "https://localhost:8080/", "height": 35}}
        if cell["cell_type"] == "code":
            cell["metadata"] |= {"outputId": f"3a{number}", "collapsed": True, "cellView": "form"}
    install = "from google.colab import files\n\n!unzip -q deep-learning-lab*.zip\n%pip install -q ./deep-learning-lab"
    about = {"id": "Zq9", "outputId": "b7"}
    cell = {"cell_type": "code", "source": as_lines(install), "metadata": about, "outputs": [], "execution_count": None}
    notebook["cells"].insert(0, cell)
    notebook["metadata"] |= {"colab": {"provenance": [], "gpuType": "T4", "toc_visible": True}, "accelerator": "GPU"}
    notebook["metadata"]["widgets"] = {"application/vnd.jupyter.widget-state+json": {"a3": {"model_name": "BoxModel"}}}
    return json.dumps(notebook, indent=2, ensure_ascii=False)


def kaggle(notebook: dict[str, Any]) -> str:
    """Format 4.4 in one line: no ids, sources as texts, the times of each run."""
    notebook["nbformat_minor"] = 4
    for cell in notebook["cells"]:
        del cell["id"]
        cell["metadata"] |= {"trusted": True, "execution": {"iopub.status.busy": "2031-05-06T07:08:09.123456Z"}}
    notebook["metadata"]["kaggle"] = {"accelerator": "none", "dataSources": [], "isInternetEnabled": True}
    return json.dumps(notebook, separators=(",", ":"))


def classic(notebook: dict[str, Any]) -> str:
    """Format 4.4: no ids; fields of its toolbars and of the extensions that many had."""
    notebook["nbformat_minor"] = 4
    for cell in notebook["cells"]:
        del cell["id"]
        cell["source"] = as_lines(cell["source"])
        cell["metadata"] |= {"deletable": False, "editable": True, "hide_input": False, "heading_collapsed": True}
        if cell["cell_type"] == "code":
            cell["metadata"] |= {"collapsed": False, "scrolled": True, "run_control": {"marked": False}}
    notebook["metadata"] |= {"celltoolbar": "Create Assignment", "toc": {"base_numbering": 1, "sideBar": True}}
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


Program = Callable[[dict[str, Any]], str]
PROGRAMS: list[Program] = [vs_code, older_vs_code, colab, kaggle, classic]
programs = pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)


def answered(exercise: str) -> dict[str, Any]:
    """Return the released notebook with all questions answered and all cells run."""
    notebook, right = copy.deepcopy(Course(ROOT, exercise).released), answer_sources(exercise)
    for cell in notebook["cells"]:
        about = cell["metadata"].get("nbgrader", {})
        if about.get("solution"):
            cell["source"] = right.get(about["grade_id"], "Because of that.")
    return with_outputs(notebook)


def saved(folder: Path, exercise: str, text: str) -> Path:
    """Write the notebook as the only one of a student's folder, and return that folder."""
    (folder / exercise).mkdir(parents=True)
    (folder / exercise / f"{exercise}.ipynb").write_bytes(text.encode())
    return folder / exercise


@programs
@pytest.mark.parametrize("exercise", GRADED)
def test_grading_reads_the_same_from_every_program(tmp_path, exercise, program):
    """The notebook that is graded is equal cell by cell, so its marks are; no repair or note stands in the report."""
    released = Course(ROOT, exercise).released
    folder = saved(tmp_path / "theirs", exercise, program(answered(exercise)))
    found = read_submission(folder, exercise, 50, 64, released)
    assert (found.unreadable, found.notes) == (None, [])
    made, repairs = repair(found.cells, released)
    expected, _ = repair(
        read_submission(
            saved(tmp_path / "ours", exercise, json.dumps(answered(exercise))), exercise, 50, 64, released
        ).cells,
        released,
    )
    added = len(made["cells"]) - len(expected["cells"])
    assert repairs == [] and added == (program is colab)
    cells = [(one["cell_type"], one["source"], one["metadata"]) for one in made["cells"][added:]]
    assert cells == [(one["cell_type"], one["source"], one["metadata"]) for one in expected["cells"]]
    nbformat.validate(nbformat.from_dict(made))


@programs
def test_marks_do_not_depend_on_the_program(grader, release, tmp_path, program):
    notebook = with_outputs(toy_course.filled(release))
    folder = saved(tmp_path / "ada", "toy", program(notebook))
    (folder / "toy.safetensors").write_bytes(toy_course.weights())
    submission = read_submission(folder, "toy", 5, 1, release)
    report = grader.grade(repair(submission.cells, release)[0], submission)
    assert (report.points, report.bonus) == (7, 1.5)


@programs
@pytest.mark.parametrize("exercise", GRADED)
def test_what_students_use_reads_every_program(tmp_path, monkeypatch, exercise, program):
    """`helpers.progress` and `helpers.hand_in` find every question, its points, and nothing open."""
    monkeypatch.setattr(handing_in, "run_afresh", lambda notebook, weights, seconds: [])
    plain = read_notebook(saved(tmp_path / "ours", exercise, json.dumps(answered(exercise))) / f"{exercise}.ipynb")
    folder = saved(tmp_path / "theirs", exercise, program(answered(exercise)))
    found = read_notebook(folder / f"{exercise}.ipynb")
    assert found.cells[program is colab :] == plain.cells and found.open == []
    monkeypatch.chdir(folder)
    (standing,) = standings(folder)
    assert standing.of_questions == len(plain.of_role("answer")) and standing.problems == []
    with redirect_stdout(io.StringIO()) as said:
        hand_in(exercise)
    assert f"{exercise}.zip is packed, hand in this one file: {exercise}.ipynb" in said.getvalue()
    assert "Still open" not in said.getvalue()
    alone = tmp_path / "submitted/ada" / exercise
    alone.mkdir(parents=True)
    shutil.copy(folder / f"{exercise}.zip", alone)
    released = Course(ROOT, exercise).released
    assert (
        read_submission(alone, exercise, 50, 64, released).cells
        == read_submission(folder, exercise, 50, 64, released).cells
    )


@programs
def test_a_later_exercise_finds_the_answers_whatever_saved_them(tmp_path, monkeypatch, program):
    saved(tmp_path, "ex01_pose_regression", program(answered("ex01_pose_regression")))
    (tmp_path / "ex02_softargmax").mkdir()
    monkeypatch.chdir(tmp_path / "ex02_softargmax")
    found = answers("ex01_pose_regression")
    assert found.missing == {} and {"mpjpe", "pck", "PoseRegressor", "build_model"} <= set(found.found)


@pytest.mark.parametrize("exercise", EXERCISES)
def test_every_released_notebook_is_valid_in_formats_4_5_and_4_4(exercise):
    """And a program that knows 4.4 alone takes it with its ids, which are new to it, and without."""
    notebook = nbformat.from_dict(json.loads((ROOT / "exercises" / exercise / f"{exercise}.ipynb").read_text()))
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    nbformat.validate(notebook)
    nbformat.validate(notebook, version=4, version_minor=4, relax_add_props=True)
    older = copy.deepcopy(notebook)
    older.nbformat_minor = 4
    for cell in older.cells:
        del cell["id"]
    nbformat.validate(older)
