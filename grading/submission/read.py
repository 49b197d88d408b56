"""Reading what a student handed in, whatever its state.

Nothing in a submission's folder is trusted: only regular files of limited size are read, links are refused, and of a
notebook's JSON only what is needed is kept. What cannot be read becomes a reason, never an exception.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict

from grading.errors import UnreadableSubmission
from grading.submission.bound import MOST_MB, memory_of
from grading.submission.files import HandedFile, kind_of_archive, listed, read_regular, unpacked
from grading.submission.match import named_cells
from grading.submission.pick import Candidate, answered, pick, rank
from grading.submission.release_number import stated_number
from grading.submission.roles import NotebookData
from grading.submission.weights import begins_as_weights, find_weights, may_be_weights

__all__ = ["Submission", "SubmittedCell", "items", "may_count", "read_regular", "read_submission", "text_of"]

MAX_ENTRIES, MAX_CELLS, MAX_SOURCE = 50_000, 1000, 200_000
MAX_NOTEBOOKS, MAX_ARCHIVES = 20, 3  # that are looked at
TOO_MUCH = f"the notebook would take more than {MOST_MB} MB of memory: its JSON is all signs"
NOT_LOOKED_AT = "the notebook was not looked at, for there is much else"
ARCHIVED = "the notebook is an archive ({}): hand in the notebook itself, or a zip of it"
MAY_BE_ZIP = re.compile(r"(?i)[^.]+|.*\.(zip|ipynb).*", re.DOTALL)  # by its name; its bytes decide
CLOSED = re.compile(r"(?i)\.(rar|7z|tar|tgz|gz|bz2|xz)\b")


class SubmittedCell(TypedDict):
    """A cell as it was handed in, in a plain form: of its metadata the name alone, its outputs unchecked."""

    cell_type: str  # "code", "markdown" or "raw"
    id: str | None
    grade_id: str | None
    source: str
    outputs: list[Any]


@dataclass
class _Left:
    """How many bytes of a submission's notebooks may still be read, and how many they may still take in memory."""

    to_read: int
    memory: int


@dataclass
class Submission:
    """What a student handed in, as read: cells in a plain form, the weights file, and what was odd about the files.

    Where there are no weights, `weights_found` says what there is instead; it is empty where there is nothing at all.
    `modules` are the names of the student's own modules among the files, none of which is graded. `number` is that of
    the release that the notebook says it is of: a student's word, which decides nothing.
    """

    student: str
    cells: list[SubmittedCell] = field(default_factory=list)
    weights: bytes | None = None
    weights_found: str = ""
    modules: frozenset[str] = frozenset()
    notes: list[str] = field(default_factory=list)
    unreadable: str | None = None
    number: str = ""
    hash: str = ""


def read_submission(
    folder: Path, exercise: str, notebook_mb: int, weights_mb: int, release: NotebookData | None = None
) -> Submission:
    """Return the submission in `folder`; a notebook that cannot be read is noted in `unreadable`, never raised.

    Args:
        release: the released notebook, by which one of several is told; where it has no question `model`, no weights
            are looked for.
    """
    submission = Submission(text_of(folder.parent.name))
    raw = b""
    try:
        files = listed(folder)
        submission.modules = _modules(files)
        archives = functools.cache(lambda: _in_archives(files, notebook_mb + weights_mb, submission.notes))
        notebook, notes = _notebook(files, archives, exercise, release or {"cells": []}, notebook_mb)
        submission.notes += notes
        raw, submission.cells, submission.number = notebook.raw, list(notebook.cells), notebook.number  # type: ignore[arg-type]
        if release is None or "model_check" in named_cells(release):  # else a stray file would be talked about
            weights = find_weights(files, archives, exercise, notebook.path, weights_mb)
            submission.weights, submission.weights_found = weights.data, weights.said
            submission.notes += weights.notes
    except UnreadableSubmission as error:
        submission.unreadable = error.message
    except OSError as error:
        submission.unreadable = f"the submission cannot be read: {error.strerror}"
    except Exception as error:  # nothing that is handed in may stop a class
        submission.unreadable = f"the submission cannot be read: {type(error).__name__}"
    submission.unreadable = submission.unreadable and text_of(submission.unreadable)
    submission.notes = [text_of(note) for note in submission.notes]
    submission.weights_found = text_of(submission.weights_found)
    parts = [hashlib.sha256(part).digest() for part in (raw, submission.weights or b"")]
    submission.hash = hashlib.sha256(b"".join(parts)).hexdigest()
    return submission


def _modules(files: list[HandedFile]) -> frozenset[str]:
    """Return the names of files in Python, and of the folders that they lie in."""
    paths = [file.path.removesuffix(".py") for file in files if file.name.endswith(".py")]
    return frozenset(part for path in paths for part in path.split("/"))


def _in_archives(files: list[HandedFile], limit_mb: int, notes: list[str]) -> list[HandedFile]:
    """Return the files in the first few zips; one that cannot be opened is noted."""
    found = []
    named = [file for file in files if _is_archive(file.name)]
    others = [file for file in files if not _is_archive(file.name) and MAY_BE_ZIP.fullmatch(file.name)][:MAX_NOTEBOOKS]
    for archive in [*named, *(file for file in others if _begins_as_zip(file, limit_mb))][:MAX_ARCHIVES]:
        try:
            found += unpacked(archive, limit_mb)
        except UnreadableSubmission as error:
            notes.append(f"not used: {error.message}")
    return found


def _begins_as_zip(file: HandedFile, limit_mb: int) -> bool:
    try:
        return kind_of_archive(file.read(limit_mb)) == "zip"
    except UnreadableSubmission:  # a link, say
        return False


def _notebook(
    files: list[HandedFile],
    archives: Callable[[], list[HandedFile]],
    exercise: str,
    release: NotebookData,
    limit_mb: int,
) -> tuple[Candidate, list[str]]:
    """Return the notebook that counts, and what was odd about it.

    Args:
        archives: gives the files in archives, which are looked at where no other notebook has answers.
    Raises:
        UnreadableSubmission: none can be read, or it stays open which one is meant.
    """
    expected = f"{exercise}.ipynb"
    faults: dict[str, str] = {}
    left = _Left(2 * limit_mb << 20, MOST_MB << 20)  # to read them all could take for ever
    candidates = _candidates(files, exercise, release, limit_mb, left, faults)
    if not any(candidate.answers and candidate.share for candidate in candidates):
        candidates += _candidates(archives(), exercise, release, limit_mb, left, faults)
    if not candidates:
        raise UnreadableSubmission(_why_there_is_none(expected, files, faults))
    found = pick(candidates, expected)
    usual = (expected, f"{exercise}.zip/{expected}")  # the latter is what `helpers.hand_in` packs
    notes = [f"the notebook was called {found.path}"] * (found.path not in usual)
    faults = {path: fault for path, fault in faults.items() if not found.path.startswith(path + "/")}
    notes += [f"not used: {fault}" for fault in _by_path(faults)]
    others = [one.path for one in candidates if one.answers and one.answers != found.answers and one.share]
    notes += [f"not used, for {found.path} counts: {', '.join(others[:5])}"] * bool(others)
    notes += ["the notebook holds no answer of this exercise: is it another one's?"] * (not found.share)
    return found, notes + found.notes


def _candidates(
    files: list[HandedFile], exercise: str, release: NotebookData, limit_mb: int, left: _Left, faults: dict[str, str]
) -> list[Candidate]:
    """Return the notebooks among the files that can be read, of the same bytes one; the others' `faults` by path."""
    found: dict[bytes, Candidate] = {}
    named = [file for file in files if _may_be_a_notebook(file.name, exercise)]
    for file in sorted(named, key=lambda file: rank(file.path, f"{exercise}.ipynb"))[:MAX_NOTEBOOKS]:
        try:
            raw = file.read(limit_mb)
            if begins_as_weights(raw):  # which lost their suffix
                continue
            left.to_read -= len(raw)
            if left.to_read < 0:
                raise UnreadableSubmission(NOT_LOOKED_AT)
            if hashlib.sha256(raw).digest() not in found:
                found[hashlib.sha256(raw).digest()] = _candidate(file.path, raw, release, left)
        except UnreadableSubmission as error:
            faults[file.path] = error.message
    return list(found.values())


def _candidate(path: str, raw: bytes, release: NotebookData, left: _Left) -> Candidate:
    """Return a notebook with what it says; what it takes in memory is taken off what is left.

    One that cannot be read takes nothing off: none of it is kept.
    """
    notes: list[str] = []
    data, size = _parsed(raw, left.memory)
    cells = _cells_of(data, notes)
    left.memory -= size
    return dataclasses.replace(answered(path, raw, cells, notes, release), number=stated_number(data))


def may_count(name: str, exercise: str) -> bool:
    """Return whether a file of this name may be the notebook, the weights or an archive with either."""
    return _may_be_a_notebook(name, exercise) or may_be_weights(name) or _is_archive(name)


def _may_be_a_notebook(name: str, exercise: str) -> bool:
    """Return whether a name may be the notebook's, also under another suffix or none, as a browser may save it."""
    stem, _, suffix = name.lower().partition(".")
    return ".ipynb" in name.lower() or (stem.startswith(exercise.lower()) and suffix in ("", "json", "txt"))


def _is_archive(name: str) -> bool:
    return name.lower().endswith(".zip")


def _why_there_is_none(expected: str, files: list[HandedFile], faults: dict[str, str]) -> str:
    """Return why no notebook can be read: what is wrong with the only one, or what was found."""
    if len(faults) == 1 or expected in faults:
        return faults.get(expected) or next(iter(faults.values()))
    others = ", but " + ", ".join(file.path for file in files[:5]) if files else ""
    if any(CLOSED.search(file.name) for file in files):
        others += "; of archives only a zip is opened: hand in the notebook itself"
    return f"there is no {expected}; found " + ("; ".join(_by_path(faults)) or f"no notebook at all{others}")


def _by_path(faults: dict[str, str]) -> list[str]:
    """Return what is wrong with notebooks, each by its path: of several none is "the notebook"."""
    return [fault.replace("the notebook", path, 1) for path, fault in faults.items()]


def _parsed(raw: bytes, most: int) -> tuple[dict[str, Any], int]:
    """Return a notebook's JSON as an object, and the bytes that it may take, no more than `most`; raises
    UnreadableSubmission with the reason."""
    if not raw.strip():
        raise UnreadableSubmission("the notebook is empty")
    if kind := kind_of_archive(raw):
        raise UnreadableSubmission(ARCHIVED.format(kind))
    try:
        encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        text = raw.decode(encoding)
        if (size := memory_of(text, most)) > most:
            raise UnreadableSubmission(TOO_MUCH if most == MOST_MB << 20 else NOT_LOOKED_AT)
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableSubmission(f"the notebook is not JSON ({str(error)[:100]})") from None
    if not isinstance(data, dict):
        raise UnreadableSubmission("the notebook's JSON is not an object with cells")
    return data, size


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
