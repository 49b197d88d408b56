"""Which checks passed, kept beside the notebook for `helpers.progress`: the student's note, read by nothing else.

`.progress.json` holds {exercise: {question: {"cell": mark, "points": number or null}}}: the mark of the cell that the
answer came from, so that a later change is seen, and of a trained network the points that it promised. Grading passes
hidden files over, and a note that cannot be kept stops no check.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path
from typing import Any, TypeAlias

from helpers.checks.engine.code import DEFINED
from helpers.files import atomically
from helpers.notebook import in_notebook

__all__ = ["FILE", "Noted", "last_run", "mark", "note", "read_notes", "trimmed"]

FILE = ".progress.json"
Noted: TypeAlias = dict[str, dict[str, dict[str, Any]]]


def note(exercise: str, question: str, answer: Any, passed: bool, points: int | None = None) -> None:
    """Keep, in a notebook, whether the check of a question has passed; where that cannot be, say nothing.

    Args:
        answer: what was checked, to find the cell that defined it last.
        points: those that a trained network has for sure; None for any other answer, which has all.
    """
    if not in_notebook() or "NBGRADER_EXECUTION" in os.environ:
        return
    # A full disk, a folder that is read only, an answer with odd attributes: the verdict has been printed, and stands.
    with contextlib.suppress(Exception):
        path = Path.cwd() / FILE
        before = read_notes(path.parent)[0]
        own = {name: one for name, one in before.get(exercise, {}).items() if name != question}
        if passed:
            own[question] = {"cell": mark(last_run(answer.__name__) or ""), "points": points}
        if own != before.get(exercise, {}):
            with atomically(path) as part:
                part.write_text(json.dumps(before | {exercise: own}, indent=1) + "\n", encoding="utf-8")


def read_notes(folder: Path) -> tuple[Noted, str]:
    """Return what is noted in a folder, and a sentence where something there cannot be read."""
    path = folder / FILE
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {exercise: {name: dict(one) for name, one in own.items()} for exercise, own in found.items()}, ""
    except FileNotFoundError:
        return {}, ""
    except OSError as error:
        return {}, f"{path} cannot be read ({error.strerror or error}), so it is not known which checks have passed."
    except (ValueError, TypeError, AttributeError, RecursionError):  # not JSON, or of another form
        return {}, f"{path} is damaged: checks that passed before count as open here until they are run again."


def last_run(name: str) -> str | None:
    """Return the code of the cell, of those run in this session, that defined a function or class of this name last;
    None where none did, or where this is no notebook."""
    if not in_notebook():
        return None
    from IPython import get_ipython

    ran = get_ipython().history_manager.input_hist_raw  # as written: `In` has magics turned into calls
    return next((code for code in reversed(ran) if name in DEFINED.findall(code)), None)


def mark(code: str) -> str:
    """Return eight signs that tell the code of a cell from any other."""
    return hashlib.sha256(trimmed(code).encode("utf-8", "surrogatepass")).hexdigest()[:8]


def trimmed(code: str) -> str:
    """Return the code of a cell without white space at the ends of its lines and its own."""
    return "\n".join(line.rstrip() for line in code.strip().splitlines())
