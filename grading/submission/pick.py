"""Which of several notebooks was handed in: the one that holds this exercise's answers.

Names say little: browsers rename, systems copy, students keep what was. So of all that can be read the cells decide,
and only where two say different things does a name or a place. What stays open is left to a person.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from grading.errors import UnreadableSubmission
from grading.submission.match import chosen_cells, named_cells
from grading.submission.roles import NotebookData, is_answer, nbgrader_of, same_source, trimmed

__all__ = ["Candidate", "SET_ASIDE", "answered", "pick", "rank"]

# Of what was set aside, a folder's or a file's name often says so.
SET_ASIDE = re.compile(r"(?i)(^|[\W_])(backups?|bak|earlier|older|old|previous|archived?|alt|sicherung)(?=[\W_\d]|$)")


@dataclass(frozen=True)
class Candidate:
    """A notebook that could be read: its path below the submission's folder, its cells, and what it says.

    `answers` are those cells that the student changed, by name; `share` says of how many of the exercise's answers it
    has a cell, `beside` is the code of all other cells. `number` is that of the release it says it is of.
    """

    path: str
    raw: bytes
    cells: Sequence[Mapping[str, Any]]
    notes: list[str]
    answers: Mapping[str, str]
    share: float
    beside: frozenset[str]
    number: str = ""


def answered(path: str, raw: bytes, cells: Sequence[Any], notes: list[str], release: NotebookData) -> Candidate:
    """Return a notebook with what it says, compared with the released one."""
    named = named_cells(release)
    chosen = chosen_cells(cells, named, [])
    own = {name for name, cell in named.items() if nbgrader_of(cell).get("solution")}
    answers = {
        name: trimmed(cells[index]["source"])
        for name, index in chosen.items()
        if name in own and not same_source(cells[index]["source"], named[name]["source"])
    }
    code = {name for name in own if is_answer(named[name])}
    share = len(code & set(chosen)) / len(code) if code else 1.0
    released = {trimmed(cell["source"]) for cell in release["cells"] if cell["cell_type"] == "code"}
    taken = set(chosen.values())
    others = (cell["source"] for index, cell in enumerate(cells) if index not in taken and cell["cell_type"] == "code")
    return Candidate(path, raw, cells, notes, answers, share, frozenset(map(trimmed, others)) - released)


def rank(path: str, expected: str) -> tuple[bool, int, bool, str]:
    """Return how near a file is to where it belongs: under its name on top first, then by depth, name and path."""
    return path != expected, path.count("/"), PurePosixPath(path).name.lower() != expected.lower(), path


def pick(candidates: Sequence[Candidate], expected: str) -> Candidate:
    """Return the notebook that counts.

    Another exercise's notebook does not, nor the released one beside an answered one, nor what was set aside by its
    name. Of two answered ones that which answers all that the other answers, and more, is the later; else the one
    under the expected name on top counts. What was set aside is asked only where that leaves it open.

    Raises:
        UnreadableSubmission: it stays open which one is meant.
    """
    by_rank = sorted(candidates, key=lambda candidate: rank(candidate.path, expected))
    of_exercise = [one for one in by_rank if one.share >= 0.5] or [one for one in by_rank if one.share] or by_rank
    filled = [one for one in of_exercise if one.answers] or of_exercise[:1]
    kept = [one for one in filled if not SET_ASIDE.search(one.path)] or filled
    for some in (kept, filled):
        if found := _fullest(some, expected):
            return found
        if some[0].path == expected:
            return some[0]
    names = " and ".join(one.path for one in kept[:5])
    raise UnreadableSubmission(
        f"there is no {expected}, and {names} answer differently: hand in the one that is meant, under that name"
    )


def _fullest(by_rank: Sequence[Candidate], expected: str) -> Candidate | None:
    """Return the notebook with all answers of every other; of several with the same ones the nearest if it has the
    expected name, for one more try in a copy is no later state, else the one with all other code, too."""
    most = [one for one in by_rank if all(one.answers.items() >= other.answers.items() for other in by_rank)]
    nearest = [one for one in most if one.path.count("/") == most[0].path.count("/")]
    most = [one for one in nearest if PurePosixPath(one.path).name == expected] or most
    return next((one for one in most if all(one.beside >= other.beside for other in most)), None)
