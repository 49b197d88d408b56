"""Running cells of a solution notebook with changes, in a folder of their own: what several measurements share."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from helpers.files import ROOT

__all__ = ["run_cells"]


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
    here = os.getcwd()
    names: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        for solution in (ROOT / "solutions").glob("ex*"):  # a later exercise reads earlier answers
            if solution.name < exercise:
                shutil.copytree(solution, Path(folder) / solution.name)
        (Path(folder) / exercise).mkdir()
        os.chdir(Path(folder) / exercise)
        try:
            exec(code, names)
        finally:
            os.chdir(here)
    return names
