"""Reading what a student handed in, whatever its state.

Nothing in a submission's folder is trusted: only regular files of limited size are read, links are refused, and of a
notebook's JSON only what is needed is kept. What cannot be read becomes a reason, never an exception.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict

from grading.errors import UnreadableSubmission

__all__ = ["Submission", "SubmittedCell", "items", "read_regular", "read_submission", "text_of"]

MAX_ENTRIES, MAX_CELLS, MAX_SOURCE = 50_000, 1000, 200_000


class SubmittedCell(TypedDict):
    """A cell as it was handed in, in a plain form: of its metadata the name alone, its outputs unchecked."""

    cell_type: str  # "code", "markdown" or "raw"
    id: str | None
    grade_id: str | None
    source: str
    outputs: list[Any]


@dataclass
class Submission:
    """What a student handed in, as read: cells in a plain form, the weights file, and what was odd about the files."""

    student: str
    cells: list[SubmittedCell] = field(default_factory=list)
    weights: bytes | None = None
    notes: list[str] = field(default_factory=list)
    unreadable: str | None = None
    hash: str = ""


def read_submission(folder: Path, exercise: str, notebook_mb: int, weights_mb: int) -> Submission:
    """Return the submission in `folder`; a notebook that cannot be read is noted in `unreadable`, never raised."""
    submission = Submission(text_of(folder.parent.name))
    raw = b""
    try:
        path = _find_notebook(folder, exercise, submission.notes)
        raw = read_regular(path, notebook_mb)
        submission.cells = _cells_of(_parsed(raw), submission.notes)
        submission.weights = _read_weights(path.with_name(f"{exercise}.safetensors"), weights_mb, submission.notes)
    except UnreadableSubmission as error:
        submission.unreadable = error.message
    except OSError as error:
        submission.unreadable = f"the submission cannot be read: {error.strerror}"
    except Exception as error:  # nothing that is handed in may stop a class
        submission.unreadable = f"the submission cannot be read: {type(error).__name__}"
    submission.unreadable = submission.unreadable and text_of(submission.unreadable)
    submission.notes = [text_of(note) for note in submission.notes]
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


def _parsed(raw: bytes) -> dict[str, Any]:
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


def _cells_of(data: dict[str, Any], notes: list[str]) -> list[SubmittedCell]:
    """Return the cells of a notebook of any format from 3 to 4.5, each reduced to what is needed."""
    cells = data.get("cells")
    if cells is None and isinstance(data.get("worksheets"), list):  # format 3
        cells = [cell for sheet in data["worksheets"] if isinstance(sheet, dict) for cell in items(sheet.get("cells"))]
    if not isinstance(cells, list):
        raise UnreadableSubmission("the notebook has no cells")
    if len(cells) > MAX_ENTRIES:  # three bytes of JSON, hundreds in memory
        notes.append(f"{len(cells) - MAX_ENTRIES} cells were left out; the notebook has {len(cells)}")
    return _limited((_plain_cell(cell) for cell in cells[:MAX_ENTRIES] if isinstance(cell, dict)), notes)


def _limited(cells: Iterable[SubmittedCell], notes: list[str]) -> list[SubmittedCell]:
    """Return at most MAX_CELLS cells with a name and as many of the student's own; empty ones of their own do not
    count, so that a key held down costs nobody an answer."""
    kept, left = [], {True: MAX_CELLS, False: MAX_CELLS}
    for cell in cells:
        has_name = cell["grade_id"] is not None
        if not has_name and not cell["source"].strip() and not cell["outputs"]:
            continue
        left[has_name] -= 1
        if left[has_name] >= 0:
            kept.append(cell)
    if (dropped := -sum(min(0, number) for number in left.values())) > 0:
        notes.append(f"{dropped} cells were left out; {MAX_CELLS} of a kind are read")
    return kept


def _plain_cell(cell: dict[str, Any]) -> SubmittedCell:
    nbgrader = _object(_object(cell.get("metadata")).get("nbgrader"))
    name, grade_id, kind = cell.get("id"), nbgrader.get("grade_id"), cell.get("cell_type")
    return {
        "cell_type": kind if kind in ("code", "markdown", "raw") else "markdown",
        "id": name if isinstance(name, str) else None,
        "grade_id": grade_id if isinstance(grade_id, str) else None,
        "source": text_of(cell.get("source", cell.get("input")))[:MAX_SOURCE].replace("\r\n", "\n"),
        "outputs": items(cell.get("outputs")),
    }


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """Return a value that should be a list; an empty one where it is none."""
    return value if isinstance(value, list) else []


def text_of(value: Any) -> str:
    """Return a notebook's text field, a string or a list of lines, as one string that any encoder takes."""
    text = value if isinstance(value, str) else "".join(part for part in items(value) if isinstance(part, str))
    return text.encode("utf-8", "replace").decode()
