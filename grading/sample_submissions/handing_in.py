"""What sample students of every exercise hand in with: a folder's content, and how an answer gets into a notebook."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["Maker", "Submission", "by_name", "cell", "filled", "scratch", "with_crash_and_endless_loop"]


@dataclass
class Submission:
    """One student's folder: the notebook as JSON (or as text, where it is damaged), other files, deserved marks."""

    notebook: dict | str
    deserved: dict[str, float]
    files: dict[str, bytes] = field(default_factory=dict)


Maker = Callable[[dict, dict[str, str], bytes], Submission]  # of the release, the answers by question, the weights


def by_name(*makers: Maker) -> dict[str, Maker]:
    """Return the makers by the names of their students."""
    return {make.__name__: make for make in makers}


def cell(notebook: dict, grade_id: str) -> dict:
    """Return the cell of `notebook` with that grade_id."""
    return next(c for c in notebook["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == grade_id)


def filled(release: dict, answers: dict[str, str]) -> dict:
    """Return a copy of the released notebook with these answer cells filled in."""
    notebook = copy.deepcopy(release)
    for name, source in answers.items():
        cell(notebook, name)["source"] = source
    return notebook


def scratch(source: str, name: str) -> dict:
    """Return a code cell as a student would add one."""
    return {"cell_type": "code", "execution_count": None, "id": name, "metadata": {}, "outputs": [], "source": source}


def with_crash_and_endless_loop(release: dict, answers: dict[str, str], endless: str) -> dict:
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
