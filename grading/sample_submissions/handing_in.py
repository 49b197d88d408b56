"""What sample students of every exercise hand in with: a folder's content, and how an answer gets into a notebook."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from grading.submission.roles import NotebookData

__all__ = [
    "HandedIn",
    "Maker",
    "by_name",
    "cell",
    "filled",
    "scratch",
    "with_crash_and_endless_loop",
    "with_damaged_cells",
]


@dataclass
class HandedIn:
    """One student's folder: the notebook as JSON (or as text, where it is damaged), other files, deserved marks."""

    notebook: NotebookData | str
    deserved: dict[str, float]
    files: dict[str, bytes] = field(default_factory=dict)


Maker = Callable[[NotebookData, dict[str, str], bytes], HandedIn]  # of release, answers by question, weights


def by_name(*makers: Maker) -> dict[str, Maker]:
    """Return the makers by the names of their students."""
    return {make.__name__: make for make in makers}


def cell(notebook: NotebookData, grade_id: str) -> dict[str, Any]:
    """Return the cell of `notebook` with that grade_id."""
    cells: list[dict[str, Any]] = notebook["cells"]
    return next(c for c in cells if c["metadata"].get("nbgrader", {}).get("grade_id") == grade_id)


def filled(release: NotebookData, answers: dict[str, str]) -> NotebookData:
    """Return a copy of the released notebook with these answer cells filled in."""
    notebook = copy.deepcopy(release)
    for name, source in answers.items():
        cell(notebook, name)["source"] = source
    return notebook


def scratch(source: str, name: str) -> dict[str, Any]:
    """Return a code cell as a student would add one."""
    return {"cell_type": "code", "execution_count": None, "id": name, "metadata": {}, "outputs": [], "source": source}


def with_crash_and_endless_loop(release: NotebookData, answers: dict[str, str], endless: str) -> NotebookData:
    """Return the notebook with these answers but for one that never returns, and before that one a scratch cell that
    never ends and another that ends the process.

    Args:
        endless: the name and the arguments of that answer, such as "pck(pred, target, visible, threshold)".
    """
    name = endless.partition("(")[0]
    notebook = filled(release, {**answers, name: f"def {endless}:\n    while True:\n        pass"})
    place = notebook["cells"].index(cell(notebook, name))
    notebook["cells"].insert(place, scratch("import os\n\nos._exit(1)", "scratch-1"))
    notebook["cells"].insert(place, scratch("n = 0\nwhile True:\n    n += 1", "scratch-2"))
    return notebook


def with_damaged_cells(
    release: NotebookData, answers: dict[str, str], *, copied: str, renamed: str, deleted: str, moved: str
) -> NotebookData:
    """Return the notebook with these answers, and with the checks of three questions copied, renamed and deleted, and
    the answer of one moved to the end."""
    notebook = filled(release, answers)
    cells = notebook["cells"]
    cells.insert(3, copy.deepcopy(cell(notebook, f"{copied}_check")))
    cell(notebook, f"{renamed}_check")["metadata"]["nbgrader"]["grade_id"] = f"{renamed}_check_2"
    cells.remove(cell(notebook, f"{deleted}_check"))
    last = cell(notebook, moved)
    cells.remove(last)
    cells.append(last)
    return notebook
