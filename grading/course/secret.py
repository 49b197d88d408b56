"""The course's secret, from which the seeds of all hidden inputs come, so that nobody can foresee them."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from grading.errors import CourseError

__all__ = ["course_secret"]


def course_secret(path: Path) -> bytes:
    """Return the course's secret, made on first use and readable by its owner only.

    Raises:
        CourseError: the file holds no secret.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
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
        raise CourseError(f"{path} holds no secret ({len(secret)} characters); delete it and a new one is made")
    return secret
