"""How late a submission is, and what that costs: extensions from the course's table, penalties by nbgrader's rule.

nbgrader works a penalty out while it converts a submission. Whoever is done is not converted again, so `renew` does it
for them with every run: a due date that moved, a new extension, another rule and marks given by hand take effect.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from nbgrader.api import Assignment, Gradebook, Notebook, SubmittedAssignment, SubmittedNotebook
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import AssignLatePenalties
from sqlalchemy.orm import joinedload, undefer
from traitlets.config import LoggingConfigurable

from grading.entries.extensions import Extension, extensions
from grading.errors import GradingError, printable
from grading.plugin.written import Written, all_written

__all__ = ["Lateness", "renew_all", "rule_of"]

Note = Callable[[str, float], None]  # takes a student and by how many seconds they were late


class Lateness:
    """The extensions of one exercise, and the rule by which nbgrader takes points off.

    Args:
        root: the course's folder, in which the table of extensions lies.
        exercise: its key.
        log: takes a sentence for each line of the table that says nothing clear.
    """

    def __init__(self, root: Path, exercise: str, log: logging.Logger) -> None:
        self.exercise, self.log = exercise, log
        self.due: datetime | None = None  # for everybody; known once `renew` has looked
        found, troubles = extensions(root)
        self.extensions: Mapping[str, Extension] = {one.student: one for one in found if one.exercise == exercise}
        for trouble in troubles:
            log.error("%s", trouble)

    def grant(self, submission: SubmittedAssignment, written: Written) -> bool:
        """Enter the student's extension; one that somebody entered by other means stays. Return whether it changed."""
        due, before = submission.assignment.duedate, submission.extension
        wish = self.extensions.get(submission.student_id)
        if wish is not None:
            submission.extension = wish.beyond(due) if due else None
        elif written.extension is not None and before == timedelta(seconds=written.extension):
            submission.extension = None
        if due is None:
            submission.extension = None  # nbgrader adds it to the date that is not there
        granted = submission.extension.total_seconds() if wish is not None and submission.extension else None
        changed = (submission.extension, granted) != (before, written.extension)
        written.extension = granted
        return bool(changed)

    def renew(self, gradebook: Gradebook, rule: AssignLatePenalties, done: set[str], note: Note) -> None:
        """Enter all extensions, and the penalties of those who are done; the others get theirs when they are converted.

        Args:
            gradebook: is committed.
            rule: nbgrader's step with the plugin that is configured.
            done: whose penalty to renew.
            note: is told how late each of them was.
        """
        self.due = gradebook.find_assignment(self.exercise).duedate
        failed, known = [], all_written(gradebook.db, self.exercise)
        for notebook in _notebooks(gradebook, self.exercise):
            submission, written = notebook.assignment, known[notebook.assignment.student_id]
            if self.grant(submission, written):
                written.write(gradebook.db, notebook.id)
            if submission.student_id not in done:
                continue
            try:
                self._renew_penalty(notebook, rule)
            except Exception as error:  # a lecturer's own code
                failed.append(f"{printable(submission.student_id)} ({type(error).__name__}: {error})")
            note(submission.student_id, submission.total_seconds_late)
        gradebook.db.commit()
        if failed:
            self.log.error(
                "The rule %s failed for %s. Their penalties are as before: mend it and run again.",
                rule.plugin_class.__name__, ", ".join(failed),
            )  # fmt: skip

    def _renew_penalty(self, notebook: SubmittedNotebook, rule: AssignLatePenalties) -> None:
        student, late = notebook.assignment.student_id, notebook.assignment.total_seconds_late
        penalty = rule.plugin_inst.late_submission_penalty(student, notebook.score, late) if late > 0 else None
        if penalty is not None:
            penalty = rule._check_late_penalty(notebook, penalty)
        before, notebook.late_submission_penalty = notebook.late_submission_penalty, penalty
        if (penalty or 0) != (before or 0):
            told = (printable(student), penalty or 0, before or 0)
            self.log.warning("%s: %g points off for being late, before %g", *told)


def rule_of(parent: object) -> AssignLatePenalties:
    """Return nbgrader's step that takes points off, with the plugin that is configured.

    Raises:
        GradingError: there is no such plugin.
    """
    try:
        rule = AssignLatePenalties(parent=parent)
        rule.init_plugin()
    except Exception as error:  # of traitlets, or of a lecturer's own module
        raise GradingError(
            f"the rule for late work, c.AssignLatePenalties.plugin_class, cannot be used: {error}"
        ) from None
    return rule


def renew_all(coursedir: CourseDirectory, exercise: str, parent: LoggingConfigurable) -> None:
    """Do for all students what `Lateness.renew` does for some: before marks are shown.

    Args:
        parent: has the settings, and takes what is said.
    Raises:
        GradingError: there is no such rule.
    """
    with Gradebook(coursedir.db_url, coursedir.course_id) as gradebook:
        everybody = set(all_written(gradebook.db, exercise))
        lateness = Lateness(Path(coursedir.root), exercise, parent.log)
        lateness.renew(gradebook, rule_of(parent), everybody, lambda student, late: None)


def _notebooks(gradebook: Gradebook, exercise: str) -> list[SubmittedNotebook]:
    """Return all submitted notebooks of an exercise with their scores and submissions, by one question."""
    notebooks: list[SubmittedNotebook] = (
        gradebook.db.query(SubmittedNotebook)
        .join(Notebook, Notebook.id == SubmittedNotebook.notebook_id)
        .join(Assignment, Assignment.id == Notebook.assignment_id)
        .filter(Assignment.name == exercise, Notebook.name == exercise)
        .options(undefer(SubmittedNotebook.score), joinedload(SubmittedNotebook.assignment))
        .all()
    )
    return notebooks
