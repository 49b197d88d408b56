"""Reading what a student handed in, whatever its state, and repairing the notebook from the released one.

    folder --read_submission--> Submission(cells, weights, hash) --repair(release)--> a sound notebook + what was
    repaired

Nothing in a submission's folder is trusted: only regular files of limited size are read, links are refused, and of a
notebook's JSON only what is needed is kept, in a form that can neither break nbgrader nor run in a reader's browser.
"""

from __future__ import annotations

import base64
import binascii
import copy
import hashlib
import json
import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grading.errors import UnreadableSubmission

__all__ = [
    "Submission",
    "answer_name",
    "blank",
    "is_answer",
    "is_setup",
    "question_of",
    "read_submission",
    "repair",
    "same_source",
]

MAX_CELLS, MAX_SOURCE, MAX_TEXT, MAX_IMAGE, MAX_IMAGES = 1000, 200_000, 20_000, 2 << 20, 20 << 20
NotebookData = dict[str, Any]


@dataclass
class Submission:
    """What a student handed in, as read: cells in a plain form, the weights file, and what was odd about the files."""

    student: str
    cells: list[dict[str, Any]] = field(default_factory=list)
    weights: bytes | None = None
    notes: list[str] = field(default_factory=list)
    unreadable: str | None = None
    hash: str = ""


def read_submission(folder: Path, exercise: str, notebook_mb: int, weights_mb: int) -> Submission:
    """Return the submission in `folder`; a notebook that cannot be read is noted in `unreadable`, never raised."""
    submission = Submission(folder.parent.name)
    raw = b""
    try:
        path = _find_notebook(folder, exercise, submission.notes)
        raw = read_regular(path, notebook_mb)
        submission.cells = _cells_of(_parsed(raw))
        submission.weights = _read_weights(path.with_name(f"{exercise}.safetensors"), weights_mb, submission.notes)
    except (UnreadableSubmission, OSError) as error:
        submission.unreadable = getattr(error, "message", None) or f"the submission cannot be read: {error.strerror}"
    parts = [hashlib.sha256(part).digest() for part in (raw, submission.weights or b"")]
    submission.hash = hashlib.sha256(b"".join(parts)).hexdigest()
    return submission


def read_regular(path: Path, limit_mb: int) -> bytes:
    """Return the bytes of a regular file of at most `limit_mb`.

    Raises:
        UnreadableSubmission: for a link, a folder, a device, a file that may not be read or is larger.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        kind = "is a link" if path.is_symlink() else f"cannot be opened: {error.strerror}"
        raise UnreadableSubmission(f"{path.name} {kind}") from None
    try:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode):
            kind = "a folder" if stat.S_ISDIR(state.st_mode) else "not a regular file"
            raise UnreadableSubmission(f"{path.name} is {kind}")
        if state.st_size > limit_mb << 20:
            raise UnreadableSubmission(f"{path.name} has {state.st_size >> 20} MB; at most {limit_mb} MB are read")
        with open(descriptor, "rb", closefd=False) as file:
            return file.read((limit_mb << 20) + 1)
    finally:
        os.close(descriptor)


def _find_notebook(folder: Path, exercise: str, notes: list[str]) -> Path:
    if folder.is_symlink() or not folder.is_dir():
        raise UnreadableSubmission(f"{folder.name} is {'a link' if folder.is_symlink() else 'not a folder'}")
    expected = folder / f"{exercise}.ipynb"
    if os.path.lexists(expected):
        return expected
    found = [
        Path(place, name) for place, _, names in os.walk(folder) for name in names if name.lower().endswith(".ipynb")
    ]
    found = [path for path in found if ".ipynb_checkpoints" not in path.parts]
    if len(found) != 1:
        names = ", ".join(sorted(path.name for path in found)[:5]) or "no notebook at all"
        raise UnreadableSubmission(f"there is no {expected.name}; found {names}")
    notes.append(f"the notebook was called {found[0].relative_to(folder)}")
    return found[0]


def _read_weights(path: Path, limit_mb: int, notes: list[str]) -> bytes | None:
    if not os.path.lexists(path):
        return None
    try:
        return read_regular(path, limit_mb)
    except UnreadableSubmission as error:
        notes.append(f"weights not used: {error.message}")
        return None


def _parsed(raw: bytes) -> NotebookData:
    """Return a notebook's JSON as an object; raises UnreadableSubmission with the reason."""
    if not raw.strip():
        raise UnreadableSubmission("the notebook is empty")
    try:
        encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        data = json.loads(raw.decode(encoding))
    except (ValueError, RecursionError) as error:
        raise UnreadableSubmission(f"the notebook is not JSON ({str(error)[:100]})") from None
    if not isinstance(data, dict):
        raise UnreadableSubmission("the notebook's JSON is not an object with cells")
    return data


def _cells_of(data: NotebookData) -> list[dict[str, Any]]:
    """Return the cells of a notebook of any format from 3 to 4.5, each reduced to what is needed."""
    cells = data.get("cells")
    if cells is None and isinstance(data.get("worksheets"), list):  # format 3
        cells = [cell for sheet in data["worksheets"] if isinstance(sheet, dict) for cell in _list(sheet.get("cells"))]
    if not isinstance(cells, list):
        raise UnreadableSubmission("the notebook has no cells")
    return [_plain_cell(cell) for cell in cells[:MAX_CELLS] if isinstance(cell, dict)]


def _plain_cell(cell: dict[str, Any]) -> dict[str, Any]:
    metadata = cell.get("metadata") if isinstance(cell.get("metadata"), dict) else {}
    nbgrader = metadata.get("nbgrader") if isinstance(metadata.get("nbgrader"), dict) else {}
    grade_id, kind = nbgrader.get("grade_id"), cell.get("cell_type")
    return {
        "cell_type": kind if kind in ("code", "markdown", "raw") else "markdown",
        "id": cell.get("id") if isinstance(cell.get("id"), str) else None,
        "grade_id": grade_id if isinstance(grade_id, str) else None,
        "source": _text(cell.get("source", cell.get("input")))[:MAX_SOURCE].replace("\r\n", "\n"),
        "outputs": _list(cell.get("outputs")),
    }


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    """Return a notebook's text field, a string or a list of lines, as one string that any encoder takes."""
    text = value if isinstance(value, str) else "".join(part for part in _list(value) if isinstance(part, str))
    return text.encode("utf-8", "replace").decode()


# --- what a cell of the released notebook is -------------------------------------------------------------------------


def _meta(cell: dict[str, Any]) -> dict[str, Any]:
    return cell["metadata"].get("nbgrader", {})


def is_answer(cell: dict[str, Any]) -> bool:
    """Return whether a released cell is one that students fill with code."""
    return cell["cell_type"] == "code" and bool(_meta(cell).get("solution"))


def is_setup(cell: dict[str, Any]) -> bool:
    """Return whether a released cell is provided code that answers need: locked, neither graded nor an answer."""
    meta = _meta(cell)
    return (
        cell["cell_type"] == "code" and bool(meta.get("locked")) and not meta.get("grade") and not meta.get("solution")
    )


def question_of(cell: dict[str, Any]) -> str | None:
    """Return the question whose points a released cell carries: `mpjpe` for `mpjpe_check`; None for any other cell."""
    meta = _meta(cell)
    graded_code = cell["cell_type"] == "code" and meta.get("grade") and not meta.get("solution")
    return str(meta["grade_id"]).removesuffix("_check") if graded_code else None


def answer_name(cell: dict[str, Any]) -> str:
    """Return the name that an answer cell defines: its grade_id, or the last function or class of its stub."""
    names = re.findall(r"^(?:def|class)\s+(\w+)", cell["source"], re.MULTILINE)
    own = _meta(cell)["grade_id"]
    return own if own in names or not names else names[-1]


def same_source(one: str, other: str) -> bool:
    """Return whether two cells say the same, whatever the white space at the ends of lines and cells."""
    return [line.rstrip() for line in one.strip().splitlines()] == [
        line.rstrip() for line in other.strip().splitlines()
    ]


# --- repair ----------------------------------------------------------------------------------------------------------


def repair(cells: list[dict[str, Any]], release: NotebookData) -> tuple[NotebookData, list[str]]:
    """Return a sound notebook with every released cell that has a name exactly once, and what was repaired.

    A named cell is found by its grade_id, its id, or what it says; where several claim a name, the last changed one is
    taken. Locked cells come from the release, answers and words from the student, and all other cells stay as the
    student's own.
    """
    repairs: list[str] = []
    named = {_meta(cell)["grade_id"]: cell for cell in release["cells"] if _meta(cell).get("grade_id")}
    chosen = {
        name: index for name, cell in named.items() if (index := _chosen(name, cell, cells, named, repairs)) is not None
    }
    owner = {index: name for name, index in chosen.items()}
    result = []
    for index, cell in enumerate(cells):
        name = owner.get(index)
        result.append(_restored(named[name], cell, repairs) if name else _own_cell(cell, index, release))
    _put_back(result, named, chosen, repairs)
    for name in named:
        if f"{name}_check" in chosen and name in chosen and chosen[name] > chosen[f"{name}_check"]:
            repairs.append(f"{name}: the answer stood below its check")
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": copy.deepcopy(release["metadata"]), "cells": result}
    _limit_images(notebook)
    return notebook, repairs


def _chosen(
    name: str,
    released: dict[str, Any],
    cells: list[dict[str, Any]],
    named: dict[str, dict[str, Any]],
    repairs: list[str],
) -> int | None:
    """Return the place of the student's cell that is `name`; None if there is none."""
    claims = [index for index, cell in enumerate(cells) if cell["grade_id"] == name]
    if not claims:
        free = [index for index, cell in enumerate(cells) if cell["grade_id"] not in named]
        claims = [
            index for index in free if cells[index]["id"] is not None and cells[index]["id"] == released.get("id")
        ]
        claims = claims or [index for index in free if _says(cells[index], released)]
        if claims:
            repairs.append(f"{name}: the cell had lost its name")
    if len(claims) > 1:
        repairs.append(f"{name}: {len(claims)} cells of this name, one counts")
    changed = [index for index in claims if not same_source(cells[index]["source"], released["source"])]
    return (changed or claims or [None])[-1]


def _says(cell: dict[str, Any], released: dict[str, Any]) -> bool:
    """Return whether a cell without a known name is the released one by content."""
    if is_answer(released):
        return (
            re.search(rf"^(?:def|class)\s+{re.escape(answer_name(released))}\b", cell["source"], re.MULTILINE)
            is not None
        )
    return bool(released["source"].strip()) and same_source(cell["source"], released["source"])


def _restored(released: dict[str, Any], cell: dict[str, Any], repairs: list[str]) -> dict[str, Any]:
    """Return the released cell with the student's text where that is theirs to write, and their outputs."""
    restored = copy.deepcopy(released)
    name, theirs = _meta(released)["grade_id"], bool(_meta(released).get("solution"))
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


def _own_cell(cell: dict[str, Any], index: int, release: NotebookData) -> dict[str, Any]:
    """Return a cell without a name: text of the release as it is, anything else of the student's made harmless."""
    own = {"cell_type": "code" if cell["cell_type"] == "code" else "markdown", "id": f"own-{index}", "metadata": {}}
    if own["cell_type"] == "code":
        return {**own, "source": cell["source"], "outputs": _plain_outputs(cell["outputs"]), "execution_count": None}
    released = any(cell["source"] == other["source"] for other in release["cells"] if other["cell_type"] == "markdown")
    return {**own, "source": cell["source"] if released else plain_markdown(cell["source"])}


def _put_back(
    result: list[dict[str, Any]], named: dict[str, dict[str, Any]], chosen: dict[str, int], repairs: list[str]
) -> None:
    """Insert every missing released cell behind the one that precedes it in the release."""
    previous = None
    for name, cell in named.items():
        if name not in chosen:
            place = next(
                (i + 1 for i, other in enumerate(result) if previous and _meta(other).get("grade_id") == previous), 0
            )
            result.insert(place, copy.deepcopy(cell))
            repairs.append(f"{name}: the cell was missing")
        previous = name


def blank(release: NotebookData) -> NotebookData:
    """Return a copy of the released notebook, of nothing but the parts that nbgrader needs."""
    parts = {part: copy.deepcopy(release[part]) for part in ("metadata", "cells")}
    return {"nbformat": 4, "nbformat_minor": 5, **parts}


def plain_markdown(text: str) -> str:
    """Return a student's Markdown with nothing left that is more than text: no HTML, no link, no embedded file.

    A zero-width space takes the place where a tag or link would begin, so a reader sees what was written.
    """
    text = re.sub(r"<(?=[A-Za-z/!?])", "<\u200b", text)
    return re.sub(r"\](?=[(:\[])", "]\u200b", text)


def _plain_outputs(outputs: list[Any]) -> list[dict[str, Any]]:
    """Return outputs as text and checked PNG or JPEG pictures; HTML, scripts, widgets and metadata are left out."""
    plain, left = [], MAX_TEXT
    for output in outputs[:200]:
        if not isinstance(output, dict):
            continue
        kind, data = output.get("output_type"), output.get("data")
        data = data if isinstance(data, dict) else {}
        trace = "\n".join(line for line in _list(output.get("traceback")) if isinstance(line, str))
        text = (_text(output.get("text")) if kind == "stream" else trace or _text(data.get("text/plain")))[:left]
        left -= len(text)
        picture = next(
            (found for mime in ("image/png", "image/jpeg") if (found := _picture(mime, data.get(mime)))), None
        )
        if picture:
            plain.append({"output_type": "display_data", "metadata": {}, "data": picture})
        elif text:
            plain.append({"output_type": "stream", "name": "stdout", "text": text})
    return plain


def _picture(mime: str, content: Any) -> dict[str, str] | None:
    begin = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}[mime]
    text = "".join(_text(content).split())
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
