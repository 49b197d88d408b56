"""What lies among the submissions: whose folders are graded, what else is there, and when something was handed in.

Every folder ends with a row in the gradebook or with a sentence that says why not.
"""

from __future__ import annotations

import glob
import logging
import os
import re
import unicodedata
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from nbgrader.coursedir import CourseDirectory

from grading.entries.times import utc_time
from grading.errors import GradingError, UnreadableSubmission, printable
from grading.submission.read import may_count, read_regular, text_of

__all__ = ["SECRET", "folders", "graded", "secret_in", "student_of", "time_of", "trouble", "with_pages"]

SECRET = "submission_secret.txt"  # `nbgrader submit` puts it beside the notebook
MOST_OF_A_SECRET = 1024  # characters; nbgrader's have 128
CONTROL = {"Cc", "Cs", "Zl", "Zp"}  # kinds of signs that end a line, move a cursor or are no text


def folders(coursedir: CourseDirectory, exercise: str, log: logging.Logger) -> list[Path]:
    """Return the folders of all submissions that are meant, by name, and say of all others why they are not graded.

    Raises:
        GradingError: nobody is meant.
    """
    found = []
    there = _matching(coursedir, coursedir.submitted_directory, coursedir.student_id, exercise)
    for folder in there:
        if why := trouble(student_of(folder)):
            log.error("not graded: the folder of %s, %s. Rename it and run again.", _shown(student_of(folder)), why)
        else:
            found.append(folder)
    if coursedir.student_id == "*":
        for line in _left_out(coursedir, exercise):
            log.error("not graded: %s", line)
    if not there:
        place = Path(coursedir.format_path(coursedir.submitted_directory, coursedir.student_id, exercise))
        raise GradingError(f"there is no submission {_shown(str(place))}")
    return found


def graded(coursedir: CourseDirectory, exercise: str) -> list[Path]:
    """Return the folders of the graded notebooks of all students who are meant, whatever their names."""
    found = _matching(coursedir, coursedir.autograded_directory, coursedir.student_id, exercise)
    return [folder for folder in found if (folder / f"{exercise}.ipynb").is_file()]


def with_pages(coursedir: CourseDirectory, exercise: str, student: str = "*") -> list[Path]:
    """Return the folders of feedback, with a page in each, of all students or of those meant, whatever their names."""
    found = _matching(coursedir, coursedir.feedback_directory, student, exercise)
    return [folder for folder in found if any(folder.glob("*.html"))]


def student_of(folder: Path) -> str:
    """Return whose submission lies in a folder: it is STUDENT/EXERCISE."""
    return folder.parent.name


def _matching(coursedir: CourseDirectory, step: str, student: str, exercise: str) -> list[Path]:
    """Return the paths of one exercise by a pattern of students, whatever is in the course's own name.

    The name of a student who is there is no pattern, but for that of all.
    """
    root = Path(coursedir.root)
    if student != "*" and os.path.lexists(Path(coursedir.format_path(step, student, exercise)).parent):
        student = glob.escape(student)
    pattern = os.path.relpath(coursedir.format_path(step, student, exercise), root)
    return [root / found for found in sorted(glob.glob(pattern, root_dir=root, include_hidden=True))]


def trouble(student: str) -> str:
    """Return what keeps a name out of nbgrader's paths and the gradebook; nothing where it is a good one."""
    if student in ("", ".", ".."):
        return "no name of a folder"
    if text_of(student) != student:
        return "no name in UTF-8, which a gradebook needs"
    if any(unicodedata.category(sign) in CONTROL for sign in student):
        return "whose name holds a line break or another sign that cannot be printed"
    return ""


def _shown(name: str) -> str:
    return f"'{printable(name)}'"


def _left_out(coursedir: CourseDirectory, exercise: str) -> Iterator[str]:
    """Give a sentence for each thing among the students' folders that looks like a submission and cannot be one."""
    known = {path.parent for path in _matching(coursedir, coursedir.submitted_directory, "*", "*")}
    for folder in sorted(known | set(_beside(coursedir))):
        try:
            inside = {} if folder.is_symlink() or not folder.is_dir() else {p.name: p for p in folder.iterdir()}
        except OSError as error:
            yield f"{_shown(folder.name)} cannot be read ({error.strerror}). See to its rights and run again."
            continue
        if exercise in inside:
            continue
        if not folder.is_dir():
            yield f"{_shown(folder.name)} lies among the folders of students, and is none."
        elif like := [name for name in inside if name.casefold().strip() == exercise.casefold()]:
            yield f"{_shown(folder.name)} holds {_shown(like[0])}: rename that to {exercise}."
        elif loose := [name for name in inside if may_count(name, exercise) and (folder / name).suffix]:
            yield f"{_shown(folder.name)} holds {_shown(loose[0])}: notebooks belong into a folder {exercise} in it."
        elif astray := [path for path in inside.values() if _holds(path, exercise)]:
            place = _shown(astray[0].name)
            yield f"{_shown(folder.name)} holds a file of {exercise} in {place}: is that its folder {exercise}?"


def _holds(folder: Path, exercise: str) -> bool:
    """Return whether a folder of another name holds what may be this exercise's notebook, weights or archive."""
    try:
        names = os.listdir(folder) if folder.is_dir() and not folder.is_symlink() else []
    except OSError:  # closed to us
        return False
    own = re.compile(re.escape(exercise) + r"(?![^\W_])", re.IGNORECASE)  # nothing of hw10 is hw1's
    return any(own.match(name) and may_count(name, exercise) for name in names)


def _beside(coursedir: CourseDirectory) -> list[Path]:
    """Return all that lies where students' folders do, but for hidden files."""
    there = Path(coursedir.format_path(coursedir.submitted_directory, "x", "x")).parent.parent
    found = there.iterdir() if there.is_dir() else ()
    return [path for path in found if path.is_dir() or not path.name.startswith(".")]


def time_of(path: Path) -> datetime:
    """Return the time in a file, in UTC and without a zone, as nbgrader keeps it.

    Strict, for it is a student's file: nbgrader's reader looks up a zone's name among the files of the machine.

    Raises:
        UnreadableSubmission: it holds anything but a time in the form of `grading.times`.
    """
    try:
        return utc_time(read_regular(path, 1)[:200].decode().strip())
    except ValueError as error:
        raise UnreadableSubmission(f"{path.name} holds no time that can be read ({type(error).__name__})") from None


def secret_in(folder: Path) -> str:
    """Return the secret by which a student's page is found; nothing where there is none that nbgrader could have put
    there: a link, say, or a file of megabytes.
    """
    try:
        text = read_regular(folder / SECRET, 1).decode()
    except (UnreadableSubmission, OSError, ValueError):
        return ""
    return text if text.isprintable() and text.strip() and len(text) <= MOST_OF_A_SECRET else ""
