"""Which of a student's cells is which released one, whatever happened to its name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from grading.submission.roles import (
    DEFINED,
    CellData,
    NotebookData,
    answer_name,
    is_answer,
    nbgrader_of,
    same_source,
    trimmed,
)

__all__ = ["chosen_cells", "named_cells"]

STUB = "raise NotImplementedError"


def named_cells(release: NotebookData) -> dict[str, CellData]:
    """Return the released cells that have a grade_id, by it."""
    return {nbgrader_of(cell)["grade_id"]: cell for cell in release["cells"] if nbgrader_of(cell).get("grade_id")}


def chosen_cells(
    cells: Sequence[Mapping[str, Any]], named: Mapping[str, CellData], repairs: list[str]
) -> dict[str, int]:
    """Return the place of the student's cell that is each name; of two names it may be the same, with both answers.

    A named cell is found by its grade_id, or by its id and what it says; where several claim a name, the last that is
    answered is taken, else the last changed one. What was odd about it is added to `repairs`.
    """
    found: list[dict[str | None, list[int]]] = [defaultdict(list) for _ in range(5)]
    by_name, by_id, by_text, by_definition, in_another = found
    for index, cell in enumerate(cells):
        free = cell["grade_id"] not in named
        if free:
            by_id[cell["id"]].append(index)
            by_text[trimmed(cell["source"])].append(index)
        else:
            by_name[cell["grade_id"]].append(index)
        for defined in set(DEFINED.findall(cell["source"])):
            (by_definition if free else in_another)[defined].append(index)
    chosen = {}
    for name, released in named.items():
        claims, defined = by_name[name], answer_name(released) if is_answer(released) else None
        if not claims:
            texts = by_text[trimmed(released["source"])] if released["source"].strip() else []
            with_id = by_id[released.get("id") or ""]
            claims = [index for index in (by_definition[defined] if defined else []) if index not in with_id] + with_id
            claims = claims or (in_another[defined] if defined else texts)
        if claims and not by_name[name]:
            repairs.append(f"{name}: the cell had lost its name")
        if len(claims) > 1:
            repairs.append(f"{name}: {len(claims)} cells of this name, one counts")
        changed = [index for index in claims if not same_source(cells[index]["source"], released["source"])]
        answered = [index for index in changed if STUB not in cells[index]["source"]]
        if claims:
            chosen[name] = (answered or changed or claims)[-1]
    return chosen
