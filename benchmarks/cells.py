"""Running cells of a solution notebook with changes, in a folder of their own: what several measurements share."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from helpers.files import ROOT

__all__ = ["in_a_folder_of_its_own", "run_cells"]


def run_cells(exercise: str, wanted: Iterable[str], changed: Mapping[str, str], more: str = "") -> dict[str, Any]:
    """Return what the cells with these ids have defined, run in the notebook's order.

    No training goes on for its least steps: these measurements compare what comes out after equal time.

    Args:
        changed: by text in the cells, what stands there instead.
        more: code that runs after them.
    """
    notebook = json.loads((ROOT / "solutions" / exercise / f"{exercise}.ipynb").read_text(encoding="utf-8"))
    cells = {cell["id"]: "".join(cell["source"]) for cell in notebook["cells"]}
    code = "\n".join([*(cells[name] for name in sorted(wanted, key=list(cells).index)), more])
    for old, new in changed.items():
        code = code.replace(old, new)
    code = re.sub(r", least_steps=\d+", "", code)
    names: dict[str, Any] = {}
    with in_a_folder_of_its_own(exercise), contextlib.redirect_stdout(io.StringIO()):
        exec(code, names)
    return names


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
