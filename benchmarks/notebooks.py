"""How long a student's machine works: the first model out of the bundle, and whole notebooks.

    python -m benchmarks notebooks                                       # the first model, then each notebook
    python -m benchmarks notebooks --busy --only ex01_pose_regression    # on one core that a busy program shares

The first model is what exercise 1 has trained and checked, from `unzip` on, with the environment installed: helpers are
the bundle's own, and no data has been rendered before. Answers are the solution's: how long one thinks is not counted.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import tempfile
import time
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from benchmarks.cells import in_a_folder_of_its_own
from benchmarks.row import Row, print_rows
from benchmarks.slow_machine import one_core_with_neighbour
from grading.course.release import write_bundle
from helpers.files import ROOT

__all__ = ["main"]

FIRST, LAST_CELL = "ex01_pose_regression", "model-check"
FIRST_MODEL_S, WHOLE_S = 300, 420


def first_model(where: str) -> Row:
    """Return the seconds from unpacking the bundle to the first trained and checked model."""
    with tempfile.TemporaryDirectory(prefix="a student's ") as folder:
        zipped = write_bundle(Path(folder) / "students.zip")
        start = time.perf_counter()
        with zipfile.ZipFile(zipped) as archive:
            archive.extractall(folder)
        root = Path(folder) / "deep-learning-lab"
        cells = executed(FIRST, root / "exercises" / FIRST, root, last=LAST_CELL)
        seconds = time.perf_counter() - start
    parts = ", ".join(f"{name} {took:.0f} s" for name, took in cells.items() if took >= 1)
    return Row(f"from unzip to the first trained model, {where}", seconds, FIRST_MODEL_S, at_least=False, note=parts)


def whole(exercise: str, where: str) -> Row:
    """Return the seconds that all cells of a solution notebook take, each run once from top to bottom."""
    start = time.perf_counter()
    with in_a_folder_of_its_own(exercise) as folder:
        executed(exercise, folder, ROOT)
    seconds = time.perf_counter() - start
    return Row(f"{exercise}, all cells, {where}", seconds, WHOLE_S, at_least=False, note="seconds, data in its cache")


def executed(exercise: str, folder: Path, root: Path, last: str | None = None) -> dict[str, float]:
    """Run the solution's cells in `folder` with the helpers of `root`, down to the cell `last`; return their seconds.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed, or a check did (they are strict here).
    """
    solution = ROOT / "solutions" / exercise / f"{exercise}.ipynb"
    notebook = nbformat.read(solution, as_version=4)
    if last:
        notebook.cells = notebook.cells[: [cell.id for cell in notebook.cells].index(last) + 1]
    (folder / solution.name).write_text(nbformat.writes(notebook), encoding="utf-8")  # hand_in looks at what is saved
    client = NotebookClient(
        notebook, timeout=None, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    mine = {name: value for name, value in os.environ.items() if not name.startswith("DEEP_LEARNING_LAB_")}
    client.execute(env=mine | {"PYTHONPATH": str(root), "DEEP_LEARNING_LAB_STRICT": "1"})
    return {cell.id: _seconds(cell) for cell in notebook.cells if cell.cell_type == "code"}


def _seconds(cell: Any) -> float:
    begun, ended = (cell.metadata.execution[key] for key in ("iopub.execute_input", "shell.execute_reply"))
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(begun)).total_seconds()


def main(arguments: list[str]) -> None:
    """Print a row for the first model and one for each notebook."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks notebooks", description=__doc__)
    parser.add_argument("--busy", action="store_true", help="on one core that a busy program shares")
    names = [path.name for path in sorted((ROOT / "solutions").glob("ex*"))]
    parser.add_argument("--only", nargs="+", choices=["first-model", *names], default=["first-model", *names])
    options = parser.parse_args(arguments)
    where = "one core and a busy neighbour" if options.busy else f"{os.cpu_count()} cores"
    with one_core_with_neighbour() if options.busy else contextlib.nullcontext():
        for name in options.only:
            print_rows([first_model(where) if name == "first-model" else whole(name, where)])
