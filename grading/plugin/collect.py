"""`nbgrader zip_collect`, second step: whose each file of a download of Moodle or Canvas is.

A name says it (`grading.plugin.downloads`), and the gradebook by which name it knows whom that means. Whatever was
handed in is collected: who handed in something else gets a row with the reason. What nobody can be found for is told,
and the others are collected. The times in these archives are those of the download, so none of them is taken for the
time at which something was handed in.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory
from nbgrader.plugins import FileNameCollectorPlugin
from sqlalchemy.exc import SQLAlchemyError
from traitlets import Enum, List, Unicode

from grading.errors import printable
from grading.plugin.downloads import Download, canvas_name, moodle_name, read_name
from grading.plugin.unpack import Teller

__all__ = ["LmsCollector"]

WRITTEN_BY_NBGRADER = ("timestamp.txt", "submission_secret.txt")  # handed in, they are a student's word
MOST_LINES = 10  # of one kind
Who = tuple[str, str, str]  # a student as a platform says: its name, theirs, their number


class LmsCollector(Teller, FileNameCollectorPlugin):
    """Says whose file each is, for `nbgrader zip_collect`, which asks for one after the other."""

    known_by = Enum(
        ("usual", "name", "number"),
        "usual",
        help="What a student is called who is not in the gradebook: usual is Moodle's name and Canvas' number.",
    ).tag(config=True)
    valid_ext = List(Unicode(), [], help="Suffixes of files to collect; none: all.").tag(config=True)

    _found: dict[str, dict[str, str]] | None = None

    def collect(self, submitted_file: str) -> dict[str, str] | None:
        """Return whose file it is and where it belongs; None if it is not collected, which was told."""
        if self._found is None:
            self._found = self._sort_out()
        own: dict[str, str] | None = self._found.get(submitted_file)
        return own or (self._match(submitted_file) if self.named_regexp else None)

    def _sort_out(self) -> dict[str, dict[str, str]]:
        """Return what is collected of all that was extracted, by path, and tell of all else."""
        root = self.parent._format_collect_path(self.parent.extracted_directory)
        found: dict[str, Download] = {}
        unknown = []
        for path in _files_below(root):
            relative = os.path.relpath(path, root)
            if (file := read_name(relative)) is None:
                unknown.append(relative)
            elif self._is_wanted(file):
                found[path] = file
        if not self.named_regexp:
            self._tell_of_unknown(unknown)
        students = self._students(found.values())
        self._tell_of_marks(found.values(), students)
        return {
            path: {"student_id": student, "file_id": file}
            for (student, file), path in self._latest(found, students).items()
        }

    def _is_wanted(self, file: Download) -> bool:
        if file.file in WRITTEN_BY_NBGRADER:
            self._say("%s: %s was handed in, which is not for a student to write; it is left out", *_shown(file))
            return False
        return not self.valid_ext or PurePosixPath(file.file).suffix.lower() in self.valid_ext

    def _students(self, files: Iterable[Download]) -> dict[Who, str]:
        """Return nbgrader's name of each student, by what the platform says of them; no two have the same."""
        roster = self._roster()
        found = {who: roster.find(*who, self.known_by) for who in sorted({_who(file) for file in files})}
        called = {who: student or self._own_name(who) for who, student in found.items()}
        for student, count in Counter(called.values()).items():
            if count > 1:
                several = [who for who in called if called[who] == student]
                called |= {who: f"{self._own_name(who, 'name')} {who[2]}".strip() for who in several}
                told = ", ".join(printable(called[who]) for who in several)
                self._say("%d students would be '%s'; collected as %s", count, printable(student), told)
            elif roster.has_names and student not in roster.ids:
                self._say("'%s' is not in the gradebook; collected by this name", printable(student))
        return called

    def _roster(self) -> _Roster:
        """Return whom the gradebook knows; where it cannot be read, all would have other names than they have there."""
        try:
            return _Roster(self.parent.coursedir)
        except SQLAlchemyError as error:
            why = f"the gradebook cannot be read: {getattr(error, 'orig', error)}"
            advice = "See to its rights; if nbgrader is newer than it, `nbgrader db upgrade`."
            self.parent.fail(f"nobody was collected: {why}. {advice}")
            raise

    def _own_name(self, who: Who, known_by: str = "") -> str:
        """Return what the platform calls a student: the number where that is one for all exercises, or is asked for."""
        system, name, number = who
        by_number = {"usual": system == "Canvas", "number": True}.get(known_by or self.known_by, False)
        return (number or name) if by_number else (name or number)

    def _latest(self, found: dict[str, Download], students: dict[Who, str]) -> dict[tuple[str, str], str]:
        """Return the path of each student's file; of one that was handed in again, that of the latest."""
        latest: dict[tuple[str, str], str] = {}
        in_order = sorted(found, key=lambda path: (found[path].upload, os.path.getmtime(path), path))
        for path in in_order:
            file = found[path]
            key = students[_who(file)], file.called(self.parent.coursedir.assignment_id)
            if key in latest:
                self._say("%s handed in %s more than once; the latest counts", *_quoted(*key))
            latest[key] = path
        return latest

    def _tell_of_unknown(self, paths: list[str]) -> None:
        for path in paths[:MOST_LINES]:
            self._say("not collected: %s, a name that neither Moodle nor Canvas gives: whose is it?", printable(path))
        if len(paths) > MOST_LINES:
            self._say("not collected: %d more files with such names", len(paths) - MOST_LINES)

    def _tell_of_marks(self, files: Iterable[Download], students: dict[Who, str]) -> None:
        files = list(files)
        if late := sorted({printable(students[_who(file)]) for file in files if file.late}):
            self._say("marked late by Canvas, which says no time: %s", ", ".join(late))
        for file in files:
            if file.doubtful:
                self._say("%s: %s was read as theirs, but the name fits another user, too", *_shown(file))
        whose = {students[_who(file)] for file in files}
        self._say("found: files %d, students %d", len(files), len(whose))


class _Roster:
    """The students whom the gradebook knows, to be found by what a platform calls them."""

    def __init__(self, coursedir: CourseDirectory) -> None:
        url: str = coursedir.db_url
        self.ids: set[str] = set()
        self.has_names = False
        self.known: dict[tuple[str, str], set[str]] = defaultdict(set)
        path = url.partition("?")[0].removeprefix("sqlite:///")
        if url.startswith("sqlite:///") and not os.path.exists(path):
            return  # nobody yet, and none is made here
        with Gradebook(url, coursedir.course_id) as gradebook:
            for one in gradebook.students:
                self._enter(one.id, one.first_name or "", one.last_name or "", one.lms_user_id or "")

    def _enter(self, student: str, first: str, last: str, number: str) -> None:
        self.ids.add(student)
        if number:
            self.known["number", number].add(student)
        if first or last:
            self.has_names = True
            for name in (f"{first} {last}", f"{last} {first}", f"{last}, {first}"):
                self.known["Moodle", moodle_name(name)].add(student)
            self.known["Canvas", canvas_name(last, first)].add(student)

    def find(self, system: str, name: str, number: str, known_by: str) -> str | None:
        """Return who is meant, if it is one: by the number in Canvas, or by the name."""
        ways = [] if system == "Moodle" or known_by == "name" else [("number", number)]
        if known_by != "number":
            ways.append((system, moodle_name(name) if system == "Moodle" else name))
        if system == "Canvas" and number in self.ids and known_by != "name":
            return number
        for way in ways:
            if len(found := self.known.get(way, set())) == 1:
                return next(iter(found))
        return None


def _who(file: Download) -> Who:
    return file.system, file.name, file.number


def _shown(file: Download) -> tuple[str, str]:
    return printable(file.name or file.number), printable(file.file)


def _quoted(*names: str) -> tuple[str, ...]:
    return tuple(f"'{printable(name)}'" for name in names)


def _files_below(root: str) -> Iterator[str]:
    for folder, _, names in os.walk(root):
        yield from (os.path.join(folder, name) for name in names)
