"""Running cells of a solution notebook with changes, in a folder of their own: what several measurements share."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from helpers.files import ROOT
from helpers.training import schedule

__all__ = ["cells_of", "code_of", "cpu_time", "in_a_folder_of_its_own", "run_cells"]


def run_cells(exercise: str, wanted: Iterable[str], changed: Mapping[str, str], more: str = "") -> dict[str, Any]:
    """Return what the cells with these ids have defined, run in the notebook's order; arguments are `code_of`'s."""
    names: dict[str, Any] = {}
    with in_a_folder_of_its_own(exercise), contextlib.redirect_stdout(io.StringIO()):
        exec(code_of(exercise, wanted, changed, more), names)
    return names


def cells_of(exercise: str) -> dict[str, str]:
    """Return the cells of a solution notebook by their ids, in its order."""
    notebook = json.loads((ROOT / "solutions" / exercise / f"{exercise}.ipynb").read_text(encoding="utf-8"))
    return {cell["id"]: "".join(cell["source"]) for cell in notebook["cells"]}


def code_of(exercise: str, wanted: Iterable[str], changed: Mapping[str, str], more: str = "") -> str:
    """Return the code of the cells with these ids, in the notebook's order.

    No training goes on for its least steps: these measurements compare what comes out after equal time.

    Args:
        changed: by text in the cells, what stands there instead.
        more: code that runs after them.
    Raises:
        ValueError: a text to be changed is in none of the cells.
    """
    cells = cells_of(exercise)
    code = "\n".join([*(cells[name] for name in sorted(wanted, key=list(cells).index)), more])
    for old, new in changed.items():
        if old not in code:
            raise ValueError(f"{exercise} says {old!r} in none of these cells: there is nothing to change")
        code = code.replace(old, new)
    return re.sub(r", least_steps=\d+", "", code)


@contextlib.contextmanager
def in_a_folder_of_its_own(exercise: str) -> Iterator[Path]:
    """Work in an empty folder beside copies of the earlier exercises, whose answers a notebook reads."""
    with tempfile.TemporaryDirectory() as folder:
        for solution in (ROOT / "solutions").glob("ex*"):
            if solution.name < exercise:
                shutil.copytree(solution, Path(folder) / solution.name)
        work = Path(folder) / exercise
        work.mkdir()
        with contextlib.chdir(work):
            yield work


@contextlib.contextmanager
def cpu_time() -> Iterator[None]:
    """Let trainings in this block count the processor's seconds of this process, not the clock's."""
    before = schedule.time
    schedule.time = SimpleNamespace(perf_counter=time.process_time)  # type: ignore[assignment]
    try:
        yield
    finally:
        schedule.time = before
