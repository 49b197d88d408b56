"""A sound notebook from whatever a student made of the released one.

    repair(cells of the submission, release) -> a notebook with every released cell in it, and what was repaired

What comes out is in a form that can neither break nbgrader nor run in a reader's browser.
"""

from __future__ import annotations

import base64
import binascii
import copy
import logging
import re
import traceback
from typing import Any

from grading.submission.match import chosen_cells, named_cells
from grading.submission.read import Submission, SubmittedCell, items, text_of
from grading.submission.roles import CellData, NotebookData, is_answer, is_setup, nbgrader_of, same_source

__all__ = ["blank", "plain_markdown", "repair", "sound_notebook"]

MAX_TEXT, MAX_IMAGE, MAX_IMAGES = 20_000, 2 << 20, 20 << 20
# Escapes other than those of colours, and characters that a terminal or a browser could take for more than text.
CONTROL = re.compile(r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]")
log = logging.getLogger("grading")


def repair(cells: list[SubmittedCell], release: NotebookData) -> tuple[NotebookData, list[str]]:
    """Return a sound notebook with every released cell that has a name exactly once, and what was repaired.

    A named cell is found by its grade_id, or by its id and what it says; where several claim a name, the last that is
    answered is taken, else the last changed one. Locked cells come from the release, answers and words from the
    student, and all other cells stay as the student's own.
    """
    repairs: list[str] = []
    named = named_cells(release)
    chosen = chosen_cells(cells, named, repairs)
    owner: dict[int, str] = {}
    for name, index in sorted(chosen.items(), key=lambda choice: cells[choice[1]]["grade_id"] != choice[0]):
        owner.setdefault(index, name)  # before others the one whose name it bears
    result = []
    for index, cell in enumerate(cells):
        own = owner.get(index)
        result.append(_restored(named[own], cell, repairs) if own else _own_cell(cell, index, release))
    _put_back(result, named, {name: owner[index] for name, index in chosen.items()}, repairs)
    _setup_first(result, release, repairs)
    for name in named:
        if f"{name}_check" in chosen and name in chosen and chosen[name] > chosen[f"{name}_check"]:
            repairs.append(f"{name}: the answer stood below its check")
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": copy.deepcopy(release["metadata"]), "cells": result}
    _limit_images(notebook)
    return notebook, repairs


def _restored(released: CellData, cell: SubmittedCell, repairs: list[str]) -> CellData:
    """Return the released cell with the student's text where that is theirs to write, and their outputs."""
    restored = copy.deepcopy(released)
    name, theirs = nbgrader_of(released)["grade_id"], bool(nbgrader_of(released).get("solution"))
    if cell["cell_type"] != released["cell_type"]:
        repairs.append(f"{name}: the cell had become {cell['cell_type']}")
    if not same_source(cell["source"], released["source"]):
        if theirs:
            restored["source"] = cell["source"] if released["cell_type"] == "code" else plain_markdown(cell["source"])
        else:
            repairs.append(f"{name}: a locked cell had been changed")
    if restored["cell_type"] == "code":
        restored.update(outputs=_plain_outputs(cell["outputs"]), execution_count=None)
    return restored


def _own_cell(cell: SubmittedCell, index: int, release: NotebookData) -> CellData:
    """Return a cell without a name: text of the release as it is, anything else of the student's made harmless."""
    kind = "code" if cell["cell_type"] == "code" else "markdown"
    own: CellData = {"cell_type": kind, "id": f"own-{index}", "metadata": {}}
    if kind == "code":
        return {**own, "source": cell["source"], "outputs": _plain_outputs(cell["outputs"]), "execution_count": None}
    released = any(cell["source"] == other["source"] for other in release["cells"] if other["cell_type"] == "markdown")
    return {**own, "source": cell["source"] if released else plain_markdown(cell["source"])}


def _put_back(result: list[CellData], named: dict[str, CellData], owner: dict[str, str], repairs: list[str]) -> None:
    """Insert every missing released cell behind the one that precedes it in the release.

    Where an answer stands in the cell of another, `owner[name]`, the released one goes above: what is below it counts.
    """
    previous = None
    for name, cell in named.items():
        if owner.get(name) != name:
            other = owner.get(name, previous)
            places = [nbgrader_of(found).get("grade_id") for found in result]
            place = places.index(other) if other in places and other else -1
            result.insert(place + (name not in owner), copy.deepcopy(cell))
            repairs.append(f"{name}: the cell was missing" if name not in owner else f"{name}: it stood in {other}")
        previous = name


def _setup_first(result: list[CellData], release: NotebookData, repairs: list[str]) -> None:
    """Move a setup cell that the release has above all answers to the top, where it has slipped below one of them."""
    answers = [place for place, cell in enumerate(release["cells"]) if is_answer(cell)]
    first = answers[0] if answers else 0
    early = {nbgrader_of(cell)["grade_id"] for cell in release["cells"][:first] if is_setup(cell)}
    first = next((place for place, cell in enumerate(result) if is_answer(cell)), 0)
    late = [cell for cell in result[first:] if is_setup(cell) and nbgrader_of(cell)["grade_id"] in early]
    for cell in reversed(late):
        result.remove(cell)
        result.insert(0, cell)
        repairs.append(f"{nbgrader_of(cell)['grade_id']}: the cell stood below an answer")


def sound_notebook(submission: Submission, release: NotebookData) -> NotebookData:
    """Return the sound notebook that a submission is graded from; what was repaired is added to its notes.

    Of an unreadable submission that is the released notebook.
    """
    if submission.unreadable is None:
        try:
            notebook, repairs = repair(submission.cells, release)
            submission.notes += repairs
            return notebook
        except Exception as error:  # our own fault: said loudly, and the class goes on
            log.error("%s: not repaired\n%s", submission.student, traceback.format_exc())
            submission.unreadable = f"it could not be repaired ({type(error).__name__}); your lecturer is told"
    return blank(release)


def blank(release: NotebookData) -> NotebookData:
    """Return a copy of the released notebook, of nothing but the parts that nbgrader needs."""
    parts = {part: copy.deepcopy(release[part]) for part in ("metadata", "cells")}
    return {"nbformat": 4, "nbformat_minor": 5, **parts}


def plain_markdown(text: str) -> str:
    """Return a student's Markdown with nothing left that is more than text: no HTML, no embedded file, no link but a
    bare address, which shows where it leads.

    A zero-width space takes the place where a tag or link would begin, so a reader sees what was written. In formulas
    that is where MathJax would make a link or a tag.
    """
    text = re.sub(r"<(?=[A-Za-z/!?])", "<\u200b", text)
    text = re.sub(r"\\(?=(?:href|style|class|cssId|require|mmlToken)(?![A-Za-z]))", "\\\\\u200b", text)
    return re.sub(r"\](?=[(:\[])", "]\u200b", text)


def _plain_outputs(outputs: list[Any]) -> list[dict[str, Any]]:
    """Return outputs as text and checked PNG or JPEG pictures; HTML, scripts, widgets and metadata are left out."""
    plain, left = [], MAX_TEXT
    for output in outputs[:200]:
        if not isinstance(output, dict):
            continue
        kind, data = output.get("output_type"), output.get("data")
        data = data if isinstance(data, dict) else {}
        trace = "\n".join(line for line in items(output.get("traceback")) if isinstance(line, str))
        whole = text_of(output.get("text")) if kind == "stream" else trace or text_of(data.get("text/plain"))
        text = CONTROL.sub("", whole[: max(left, 0)])
        if 0 <= left < len(whole):
            text += "\n[what was printed beyond this is left out]\n"
        left -= len(whole)
        picture = next(
            (found for mime in ("image/png", "image/jpeg") if (found := _picture(mime, data.get(mime)))), None
        )
        if picture:
            plain.append({"output_type": "display_data", "metadata": {}, "data": picture})
        elif text:
            plain.append({"output_type": "stream", "name": "stdout", "text": text})
    return plain


def _picture(mime: str, content: Any) -> dict[str, str] | None:
    """Return a PNG or JPEG as nbformat keeps it; None unless the content is one, and of limited size."""
    begin = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}[mime]
    text = "".join(text_of(content).split())
    if not text or len(text) > MAX_IMAGE:
        return None
    try:
        data = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return None
    return {mime: base64.b64encode(data).decode()} if data.startswith(begin) else None


def _limit_images(notebook: NotebookData) -> None:
    """Drop pictures beyond a total size, so that no feedback page grows without end."""
    left = MAX_IMAGES
    for cell in notebook["cells"]:
        kept = []
        for output in cell.get("outputs", []):
            left -= sum(map(len, output.get("data", {}).values()))
            if left > 0 or "data" not in output:
                kept.append(output)
        if "outputs" in cell:
            cell["outputs"] = kept
