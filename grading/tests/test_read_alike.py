"""What `helpers` reads of a saved notebook is what grading takes of it: the same cell for each answer, whatever hosts,
editors and students did to the cells."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from grading.course.course import Course
from grading.submission.read import read_submission
from grading.submission.repair import sound_notebook
from grading.submission.roles import nbgrader_of
from helpers.checks.saved import read_notebook
from helpers.files import ROOT

EXERCISE, ASKED = "ex01_pose_regression", "mpjpe"
RELEASE = Course(ROOT, EXERCISE).released
SOLVED = json.loads((ROOT / "solutions" / EXERCISE / f"{EXERCISE}.ipynb").read_text(encoding="utf-8"))
ANSWERS = ["mpjpe", "pck", "masked_l2_loss", "PoseRegressor", "model"]
Cells = list[dict[str, Any]]


def name_of(cell: dict[str, Any]) -> str | None:
    return cell["metadata"].get("nbgrader", {}).get("grade_id")


def at(cells: Cells, name: str) -> int:
    return next(place for place, cell in enumerate(cells) if name_of(cell) == name)


def text(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def code(source: str) -> dict[str, Any]:
    return {"cell_type": "code", "id": f"own-{len(source)}", "metadata": {}, "source": source, "outputs": []}


def stripped(cells: Cells, *names: str | None) -> None:
    for name in names:
        cells[at(cells, name)] |= {"metadata": {}, "id": f"new-{names.index(name)}"}


def noted(**about: Any) -> Callable[[Cells], None]:
    return lambda cells: cells[at(cells, ASKED)]["metadata"].update(nbgrader=about)


def with_metadata(metadata: Any) -> Callable[[Cells], None]:
    return lambda cells: cells[at(cells, ASKED)].update(metadata=metadata)


def stub() -> dict[str, Any]:
    return copy.deepcopy(next(cell for cell in RELEASE["cells"] if nbgrader_of(cell).get("grade_id") == ASKED))


def a_stub_below_with_a_comment(cells: Cells) -> None:
    changed = stub()
    cells.insert(at(cells, ASKED) + 1, changed | {"source": changed["source"].replace("raise", "# later\n    raise")})


def a_stub_by_its_id_and_the_answer_below(cells: Cells) -> None:
    place = at(cells, ASKED)
    cells[place:place] = [stub() | {"metadata": {}}]
    cells[place + 1] = code(text(cells[place + 1]))


def the_answer_by_its_id_and_a_scratch_at_the_end(cells: Cells) -> None:
    cells[at(cells, ASKED)] |= {"metadata": {}, "id": stub()["id"]}
    cells.append(code(f"def {ASKED}(pred, target, visible):\n    return 'scratch'"))


def another_function_is_checked_above(cells: Cells) -> None:
    place = at(cells, ASKED)
    stripped(cells, ASKED, f"{ASKED}_check")
    cells[place:place] = [code(f"def my_{ASKED}(a, b, c):\n    return 0"), code(f"check.{ASKED}(my_{ASKED})")]


def the_check_is_commented_out(cells: Cells) -> None:
    check = cells[at(cells, f"{ASKED}_check")]
    check["source"] = f"# {text(check)}"
    stripped(cells, ASKED, f"{ASKED}_check")


def the_check_is_gone(cells: Cells) -> None:
    cells.pop(at(cells, f"{ASKED}_check"))
    stripped(cells, ASKED)


def an_async_scratch(cells: Cells) -> None:
    stripped(cells, ASKED)
    cells.append(code(f"async def {ASKED}(pred, target, visible):\n    return 1"))


CHANGES: dict[str, Callable[[Cells], Any]] = {
    "nothing": lambda cells: None,
    "all names lost": lambda cells: stripped(cells, *[name_of(cell) for cell in cells if name_of(cell)]),
    "nbgrader null": with_metadata({"nbgrader": None}),
    "nbgrader a string": with_metadata({"nbgrader": "x"}),
    "metadata null": with_metadata(None),
    "grade_id null": noted(grade_id=None, solution=True),
    "grade_id alone": noted(grade_id=ASKED),
    "another exercise's grade_id": noted(grade_id="iou", solution=True, grade=False, locked=False),
    "locked": noted(grade_id=ASKED, solution=False, locked=True),
    "points null": lambda cells: cells[at(cells, f"{ASKED}_check")]["metadata"]["nbgrader"].update(points=None),
    "a cell without source": lambda cells: cells.append({"cell_type": "code", "metadata": {}}),
    "no cell at all": lambda cells: cells.append("cell"),
    "raw": lambda cells: cells[at(cells, ASKED)].update(cell_type="raw"),
    "markdown": lambda cells: cells[at(cells, ASKED)].update(cell_type="markdown"),
} | {
    change.__name__.replace("_", " "): change
    for change in (
        a_stub_below_with_a_comment, a_stub_by_its_id_and_the_answer_below, an_async_scratch, the_check_is_gone,
        the_answer_by_its_id_and_a_scratch_at_the_end, another_function_is_checked_above, the_check_is_commented_out,
    )
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_the_cell_of_each_answer_is_the_one_that_grading_takes(change, tmp_path):
    folder = tmp_path / "ada" / EXERCISE
    folder.mkdir(parents=True)
    notebook = copy.deepcopy(SOLVED)
    change(notebook["cells"])
    path = folder / f"{EXERCISE}.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    read = read_notebook(path)
    graded = sound_notebook(read_submission(folder, EXERCISE, 50, 64, RELEASE), RELEASE)
    taken = {nbgrader_of(cell).get("grade_id"): cell["source"].strip() for cell in graded["cells"]}
    solved = {name_of(cell): text(cell).strip() for cell in SOLVED["cells"]}
    mine = {cell.question: cell.source.strip() for cell in read.of_role("answer")}
    assert mine == {name: taken[name] for name in ANSWERS} == {name: solved[name] for name in ANSWERS}
    assert read.open == [] and read.gone(EXERCISE) == []


def test_two_answers_in_one_cell_are_both_answered(tmp_path):
    """Grading puts the stub above that cell: what stands below counts."""
    notebook = copy.deepcopy(SOLVED)
    cells = notebook["cells"]
    first, second = cells[at(cells, "mpjpe")], cells.pop(at(cells, "pck"))
    first["source"] = f"{text(first)}\n\n{text(second)}"
    path = tmp_path / f"{EXERCISE}.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    assert read_notebook(path).open == []
    assert [cell.question for cell in read_notebook(path).of_role("answer")] == ANSWERS
