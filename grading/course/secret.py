"""The course's secret, from which the seeds of all hidden inputs come, so that nobody can foresee them.

It lies outside of version control. Whoever loses it loses the inputs: `refuse_a_new_one` stops grading before another
one would be made in its place.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from grading.errors import CourseError

__all__ = ["course_secret", "refuse_a_new_one"]

RESTORE = "put it back from a backup of the course (docs/instructors.md, Backups)"


def refuse_a_new_one(path: Path, reports: Path, marked: int) -> None:
    """Raise CourseError where there is no secret although work was graded with one.

    Args:
        path: the secret's file.
        reports: the folder of the reports of all exercises.
        marked: how many submissions of the exercise the gradebook knows.
    """
    if path.exists():
        return
    count = sum(1 for _ in reports.glob("*/*.json"))
    if not count and not marked:
        return
    there = f"reports in {reports}: {count}" if count else f"students with marks in the gradebook: {marked}"
    raise CourseError(
        f"the course's secret {path} is gone, though work was graded with it ({there}). A new one draws other hidden "
        f"inputs and other held-out scenes: everybody would be graded again, and marks could move. Best {RESTORE}. To "
        "go on with a new one, once: nbgrader autograde EXERCISE --Grading.new_secret=True"
    )


def course_secret(path: Path, anew: bool = False) -> bytes:
    """Return the course's secret, made on first use and readable by its owner only.

    Args:
        anew: make one, too, where it is gone and reports made with it lie beside its place.
    Raises:
        CourseError: the file holds no secret, or it is gone.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        if not anew:
            refuse_a_new_one(path, path.parent / "reports", 0)
        # Not `atomically`, which takes the place of what is there: of two graders one would go on with a lost secret.
        part = path.with_name(f"{path.name}.{os.getpid()}")
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32) + "\n")
        try:
            with contextlib.suppress(FileExistsError):
                os.link(part, path)  # whoever is first wins, whole
        finally:
            part.unlink()
    secret = path.read_bytes().strip()
    if len(secret) < 32:
        raise CourseError(f"{path} holds no secret ({len(secret)} characters); {RESTORE}, or delete it and run again")
    return secret
