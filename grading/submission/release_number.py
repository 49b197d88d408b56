"""The number of a release: eight signs that follow from what students get, kept in the notebook's metadata.

    release_number(notebook)    of a released notebook, "3f9c2a1b" say: another one after every change of a cell
    stated_number(notebook)     what a notebook says it is of, whoever wrote that

What a submission says there is for a lecturer to read, and decides nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from grading.submission.roles import NotebookData, nbgrader_of

__all__ = ["KEY", "release_number", "stated_number"]

KEY = "deep_learning_lab"  # of the notebook's metadata, an object with `release`
FORM = re.compile(r"[0-9a-f]{8}")


def release_number(notebook: NotebookData) -> str:
    """Return the number of a released notebook, from kind, text and nbgrader's notes of all cells in their order."""
    cells = [[cell["cell_type"], "".join(cell["source"]), nbgrader_of(cell)] for cell in notebook["cells"]]
    return hashlib.sha256(json.dumps(cells, sort_keys=True).encode()).hexdigest()[:8]


def stated_number(notebook: Mapping[str, Any]) -> str:
    """Return the number that a notebook's metadata state; nothing where there is none of that form."""
    found: Any = notebook
    for key in ("metadata", KEY, "release"):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, str) and FORM.fullmatch(found) else ""
