"""Marks from nbgrader's gradebook in the form that Moodle and Canvas import.

    nbgrader export --exporter=grading.plugin.MoodleExport --to=moodle.csv
    nbgrader export --exporter=grading.plugin.CanvasExport --to=canvas.csv

A score is nbgrader's own, as in its CSV: marks of checks and by hand, extra credit, less the penalty for a late
submission, never below zero. Assignments come in the order of their names, without those in which nobody has a mark;
`--assignment` and `--student` choose, as for the stock exporter.

Names get an apostrophe where a spreadsheet would take them for a formula. What the learning platform knows a student by
stays as it is.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from pathlib import Path
from typing import Any

from nbgrader.api import Assignment, Gradebook, MissingEntry, Student
from nbgrader.plugins import ExportPlugin
from traitlets import Enum, Unicode

from grading.entries.formulas import text_cell as _text
from grading.entries.withdrawn import withdrawn
from grading.errors import GradingError
from helpers.files import atomically

__all__ = ["CanvasExport", "MoodleExport"]


class _TableExport(ExportPlugin):
    """A table with a row for each student and a column for each assignment."""

    default_file = ""
    missing = Unicode("", help='What stands where nothing was handed in: nothing, or "0".').tag(config=True)

    def export(self, gradebook: Gradebook) -> None:
        """Write the table, whole or not at all."""
        assignments = sorted(self._chosen(gradebook.assignments, "name", self.assignment), key=_place)
        assignments = [one for one in assignments if self.assignment or self._is_graded(gradebook, one)]
        left = self._left()
        students = [one for one in self._chosen(gradebook.students, "id", self.student) if one.id not in left]
        for assignment in assignments:
            self._warn_of_words(gradebook, assignment)
        rows = self._head(assignments)
        for student in students:
            scores = [self._score(gradebook, assignment.name, student.id) for assignment in assignments]
            rows.append([*self._person(student), *scores])
            self._warn_of_formula(student.id)
        path = Path(self.to or self.default_file)
        with atomically(path) as part, part.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)
        self.log.info("Wrote the marks of %d students to %s", len(students), path)

    def _left(self) -> set[str]:
        """Return who has left; where nobody can read that, no table goes out with them in it."""
        try:
            return withdrawn(Path(self.parent.coursedir.root)) if self.parent else set()
        except GradingError as error:
            self.parent.fail(f"nothing was exported: {error}")
            raise

    def _head(self, assignments: list[Assignment]) -> list[list[str]]:
        """Return the rows above the students."""
        raise NotImplementedError

    def _person(self, student: Student) -> list[str]:
        """Return the cells that say who a student is."""
        raise NotImplementedError

    def _chosen(self, entries: list[Any], key: str, wanted: list[str]) -> list[Any]:
        """Return the entries that are wanted, all of them if none is named; warn of names that nobody has."""
        names = {str(name) for name in wanted}
        for name in sorted(names - {getattr(entry, key) for entry in entries}):
            self.log.warning("The gradebook does not know %s", name)
        return [entry for entry in entries if not names or getattr(entry, key) in names]

    def _is_graded(self, gradebook: Gradebook, assignment: Assignment) -> bool:
        """Return whether there is a mark to export: somebody was graded, and there was something to earn."""
        submissions = gradebook.assignment_submissions(assignment.name)
        graded = any(assignment.max_score or submission.score for submission in submissions)
        if not graded:
            self.log.info("%s is left out: nobody has a mark in it", assignment.name)
        return graded

    def _warn_of_words(self, gradebook: Gradebook, assignment: Assignment) -> None:
        submissions = gradebook.assignment_submissions(assignment.name)
        if waiting := sum(bool(submission.needs_manual_grade) for submission in submissions):
            self.log.warning("%s: %d submissions still wait for marks by hand", assignment.name, waiting)

    def _warn_of_formula(self, name: str) -> None:
        if _text(name) == name:
            return
        if _id(name) == name:
            self.log.warning("%r is a number or a formula to a spreadsheet: import the table without opening it", name)
        else:
            self.log.warning("%r stands with an apostrophe, for it is a formula that acts: no import finds it", name)

    def _score(self, gradebook: Gradebook, assignment: str, student: str) -> str:
        try:
            submission = gradebook.find_submission(assignment, student)
        except MissingEntry:
            return self.missing
        return _number(max(0.0, submission.score - submission.late_submission_penalty))


class MoodleExport(_TableExport):
    """A table for Moodle's "Grades > Import > CSV file".

    There map `id_column`, which holds nbgrader's name of a student, to Moodle's field of that name, and each assignment
    to its grade item; names and addresses are for the reader.
    """

    default_file = "moodle.csv"
    id_column = Unicode("ID number", help='Header of the students\' names in nbgrader, "Username" for instance.').tag(
        config=True
    )

    def _head(self, assignments: list[Assignment]) -> list[list[str]]:
        return [["First name", "Last name", self.id_column, "Email address", *(_text(one.name) for one in assignments)]]

    def _person(self, student: Student) -> list[str]:
        return [_text(student.first_name), _text(student.last_name), _id(student.id), _text(student.email)]


class CanvasExport(_TableExport):
    """A table for Canvas' "Gradebook > Import", whose second row holds the maximum of each assignment."""

    default_file = "canvas.csv"
    id_column = Enum(
        ("ID", "SIS User ID", "SIS Login ID"),
        "SIS User ID",
        help="Header of the students' names in nbgrader; the other two columns stay empty.",
    ).tag(config=True)
    who = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")

    def _head(self, assignments: list[Assignment]) -> list[list[str]]:
        possible = ["    Points Possible", "", "", "", ""]  # the four spaces are how Canvas knows this row
        return [
            [*self.who, *(_text(one.name) for one in assignments)],
            [*possible, *(_number(one.max_score) for one in assignments)],
        ]

    def _person(self, student: Student) -> list[str]:
        name = ", ".join(filter(None, (student.last_name, student.first_name))) or student.id
        return [_text(name), *(_id(student.id) if column == self.id_column else "" for column in self.who[1:])]


def _place(assignment: Assignment) -> list[tuple[int, str]]:
    """Return what orders assignments as their names count: "hw2" before "hw10"."""
    parts = re.split(r"(\d+)", assignment.name)
    return [(int(part), "") if part.isdecimal() else (-1, part.casefold()) for part in parts]


def _number(value: float) -> str:
    """Return a number with at most two decimals and a point: "8.5", "10", "0.33"."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


ACTS = re.compile(r"[(|!'\"\[]")  # in a formula: a function, a program, another sheet


def _id(value: str) -> str:
    """Return what a student is known by as it is, unless a spreadsheet would do more than compute."""
    return _text(value) if ACTS.search(unicodedata.normalize("NFKC", value)) else value
