"""A student's request to look at a mark again: a file `regrade.md` beside the notebook.

    Regrade request: mpjpe
    The task says that invisible keypoints do not count, and ...

A file, for a cell more would make the notebook another one, with other hidden inputs: what is read here decides no
mark. It is a student's text: bounded, and never more than text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from grading.errors import UnreadableSubmission
from grading.submission.files import HandedFile, listed, unpacked

__all__ = ["Request", "requests_in"]

NAME = re.compile(r"(?i)regrade[^.]*(\.(md|markdown|txt))*")  # as browsers and editors make of regrade.md
BEGIN = re.compile(r"(?i)[#*>\s]*regrade request[*\s]*:[*\s]*(.*)")
MOST_MB, MOST_TEXT, MOST_LINE, MOST_REASON, MOST_REQUESTS = 1, 50_000, 500, 4_000, 20
MOST_FILES, MOST_ARCHIVES, ARCHIVE_MB = 5, 3, 128


@dataclass(frozen=True)
class Request:
    """What a student asks: the question as it was named, "" where none was, and the reason in their words."""

    question: str
    reason: str


def requests_in(folder: Path) -> list[Request]:
    """Return the requests in a submission's folder; of a file that cannot be read one that says so."""
    try:
        files = listed(folder)
    except UnreadableSubmission:
        return []
    found = []
    for file in _named([*files, *_archived(files)])[:MOST_FILES]:
        try:
            found += list(_requests(_text(file.read(MOST_MB))))
        except UnreadableSubmission as error:
            found.append(Request("", f"cannot be read: {error.message}"))
    return found[:MOST_REQUESTS]


def _named(files: list[HandedFile]) -> list[HandedFile]:
    return [file for file in files if NAME.fullmatch(file.name)]


def _archived(files: list[HandedFile]) -> list[HandedFile]:
    """Return the files in zips; one that cannot be opened is no request."""
    found = []
    for archive in [file for file in files if file.name.lower().endswith(".zip")][:MOST_ARCHIVES]:
        try:
            found += unpacked(archive, ARCHIVE_MB)
        except UnreadableSubmission:
            continue
    return found


def _text(raw: bytes) -> str:
    encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    return raw[: 4 * MOST_TEXT].decode(encoding, "replace")[:MOST_TEXT]


def _requests(text: str) -> Iterator[Request]:
    """Give the requests of a file: each begins with its line, and what stands before the first is none's reason."""
    parts: list[tuple[str, list[str]]] = []
    before: list[str] = []
    for line in text.splitlines():
        if begin := BEGIN.fullmatch(line[:MOST_LINE]):
            parts.append((begin.group(1).strip(" \t*`'\"."), []))
        else:
            (parts[-1][1] if parts else before).append(line)
    if not parts and text.strip():
        yield Request("", text.strip()[:MOST_REASON])
    for question, lines in parts:
        yield Request(question, "\n".join(lines).strip()[:MOST_REASON])
