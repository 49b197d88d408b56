"""A backup of a class: what lies outside of version control and cannot be made again, in one archive.

    write_backup(course, to)     ->  what was saved, and what could not be

`tar -xzf` in the course's folder brings it back. It can be made at any moment, also amid a run: graded notebooks come
first and the gradebook last, so that whoever counts as done in the archive has the marks there, and the next run
completes the rest.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from grading.errors import CourseError, printable
from helpers.files import atomically

__all__ = ["SAVED", "write_backup"]

GRADEBOOK = "grading/gradebook.db"
SECRET = "grading/course_secret"
# In this order. Feedback, the overview and caches are made again by their commands.
SAVED = (
    "nbgrader_config.py", SECRET, "grading/extensions.csv", "grading/withdrawn.csv", "grading/submitted",
    "grading/autograded", "grading/reports", GRADEBOOK,
)  # fmt: skip


def write_backup(course: Path, to: Path) -> tuple[dict[str, int], list[str]]:
    """Write the archive, whole or not at all and readable by its owner alone.

    Args:
        course: the course's folder.
        to: the archive, a .tar.gz.
    Returns:
        The number of files by each of SAVED that there is, and a sentence for all that could not be saved.
    Raises:
        CourseError: there is nothing to save, or the archive cannot be written.
    """
    to, places = to.absolute(), [name for name in SAVED if os.path.lexists(course / name)]
    if not to.name.endswith(".tar.gz"):
        raise CourseError(f"{to.name} is no name for the archive: it should end in .tar.gz")
    if any(to.resolve().is_relative_to((course / name).resolve()) for name in places):
        raise CourseError(f"{to} lies in what is saved: write it elsewhere, best on another disk")
    if not {*places} - {"nbgrader_config.py"}:
        raise CourseError(f"there is nothing to save in {course}: no submissions, reports, secret or gradebook")
    trouble = [] if SECRET in places else [f"{SECRET} is not there: with a new one, all hidden inputs are others"]
    try:
        with atomically(to, private=True) as part, gzip.open(part, "wb", 6) as packed:
            with tarfile.open(fileobj=packed, mode="w") as archive:
                saved = {name: _add(archive, course, name, trouble) for name in places}
    except OSError as error:
        raise CourseError(f"{to} cannot be written: {error.strerror}") from None
    return saved, trouble


def _add(archive: tarfile.TarFile, course: Path, name: str, trouble: list[str]) -> int:
    """Add a file, or all below a folder, and return how many files that are."""
    if name == GRADEBOOK:
        with _copied(course / name) as copy:
            archive.add(copy, arcname=name)
        return 1
    count = 0
    for path in _walked(course / name, trouble):
        place = os.path.relpath(path, course)
        try:
            archive.add(path, arcname=place, recursive=False)  # a link as a link: nothing is followed
            count += not path.is_dir()
        except FileNotFoundError:  # handed in anew, or graded again, just now
            continue
        except PermissionError as error:
            trouble.append(f"not saved: {printable(place)}, {error.strerror}. See to its rights and run again.")
    return count


def _walked(place: Path, trouble: list[str]) -> Iterator[Path]:
    """Give a file, or a folder and all below it."""
    yield place
    if place.is_symlink() or not place.is_dir():
        return
    try:
        inside = sorted(place.iterdir())
    except OSError as error:
        trouble.append(f"not saved: {printable(str(place))}, {error.strerror}. See to its rights and run again.")
        return
    for path in inside:
        yield from _walked(path, trouble)


@contextlib.contextmanager
def _copied(gradebook: Path) -> Iterator[Path]:
    """Give a copy of the gradebook as it is between two transactions, whoever is writing to it.

    Raises:
        CourseError: it cannot be read.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "gradebook.db")
        try:
            with (
                contextlib.closing(sqlite3.connect(f"{gradebook.absolute().as_uri()}?mode=ro", uri=True)) as source,
                contextlib.closing(sqlite3.connect(copy)) as target,
            ):
                source.backup(target)
        except sqlite3.Error as error:
            raise CourseError(f"the gradebook {gradebook} cannot be read: {error}") from None
        yield copy
