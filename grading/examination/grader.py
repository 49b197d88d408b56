"""Grading one submission from its folder to its report: read, repair, run in the worker, examine, write down.

    Grader(course, fork_server, secret)   one for a class: the fork server, the references, the secret
    grader.repair(submission)             -> a sound notebook
    grader.grade(notebook, submission)    -> Report

Whatever goes wrong in here ends in a report of zero with the reason; only the course's own faults are raised.
"""

from __future__ import annotations

import fcntl
import functools
import logging
import os
import platform
import time
import traceback
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

import numpy as np
import torch

from grading.course import held_out
from grading.course.course import Course, References
from grading.course.secret import course_secret
from grading.errors import GradingError, NotIsolated, TimedOut
from grading.examination.beside import say_what_lay_beside
from grading.examination.deadline import within
from grading.examination.examiner import Examinee
from grading.examination.follow_on import spare_follow_on_losses
from grading.examination.outcome import Examined, question_report
from grading.examination.points import collect_points, not_graded
from grading.examination.pytest_plugin import HiddenChecks, run
from grading.examination.seeds import submission_seed
from grading.isolation.forkserver import ForkServer
from grading.isolation.session import Cell, Session
from grading.report import CellReport, QuestionReport, Report
from grading.submission.read import Submission
from grading.submission.release_number import release_number
from grading.submission.repair import sound_notebook
from grading.submission.roles import NotebookData, is_answer, is_setup, question_of, same_source

__all__ = ["Grader", "cells_to_run"]

log = logging.getLogger("grading")


class Grader:
    """Grades submissions to one exercise, one after another, through one fork server.

    Args:
        fork_server: the fork server of this course, from `start_fork_server`; it ends with the grader.
        isolation: "best" grades with the layers that there are and names the others, "strict" refuses, now and in
            every later worker.
        secret: file of the course's secret.
    Raises:
        CourseError: if the course is incomplete or contradicts itself; nobody would be graded justly.
        NotIsolated: under "strict", if a layer is missing.
    """

    def __init__(self, course: Course, fork_server: ForkServer, secret: Path, isolation: str = "best") -> None:
        self.course, self.fork_server, self.limits = course, fork_server, fork_server.limits
        try:
            torch.set_num_threads(1)  # the worker computes alone, too: same sums, same marks
            self.secret = course_secret(secret)
            course.check(collect_points(course))
            self.references = References(course)
            self.strict = isolation == "strict"
            self._try_isolation()
        except BaseException:
            self.fork_server.close()
            raise

    def _try_isolation(self) -> None:
        """Start one empty worker and say which layers this machine does not give; `missing` names them."""
        try:
            self.missing = self._missing_layers()
        except NotIsolated:
            raise
        except GradingError as error:  # the fork server was ended before its first worker: a fresh one has a try
            log.warning("Started again, for %s", error)
            self.missing = self._missing_layers()
        for name, why in self.missing.items():
            log.warning("Isolation is weaker here, without %s: %s", name, why)

    def _missing_layers(self) -> dict[str, str]:
        with Session(self.fork_server, [], strict=self.strict) as session:
            session.ensure_worker()
            missing: dict[str, str] = session.layers["missing"]
        return missing

    def close(self) -> None:
        """End the fork server."""
        self.fork_server.close()

    def repair(self, submission: Submission) -> NotebookData:
        """Return the sound notebook that a submission is graded from; what was repaired is added to its notes."""
        return sound_notebook(submission, self.course.released)

    def grade(
        self,
        notebook: NotebookData,
        submission: Submission,
        seed: str | None = None,
        found: dict[str, Examined] | None = None,
    ) -> Report:
        """Return the report on a repaired notebook, which stays as it is; no submission makes it raise.

        Args:
            seed: what the cases are drawn from, in place of the submission's own.
            found: takes, by question, all that was found, which a report has no room for.
        Raises:
            NotIsolated: under "strict", if a layer is missing by now: there is no report, not one of zero.
        """
        started = time.monotonic()
        report = Report(self.course.exercise, submission.student, submission.hash, unreadable=submission.unreadable)
        report.seed, report.versions = seed or submission_seed(self.secret, submission.hash), _versions()
        report.questions = not_graded(self.course, submission.unreadable or "grading did not finish")
        report.repairs = submission.notes
        report.made_for, report.graded_by = submission.number, release_number(self.course.released)
        sessions: list[Session] = []
        found = {} if found is None else found
        try:
            if submission.unreadable is None:
                try:
                    killed = self._examine(notebook, submission, report, sessions, found)
                except GradingError as error:  # no worker could be had: a fresh fork server has a try
                    log.warning("%s: graded again, for %s", submission.student, error)
                    killed = self._examine(notebook, submission, report, sessions, found)
                if killed:  # by a machine short of memory or by a hand: of what it is worth that says nothing
                    log.warning("%s: graded again, for its worker was killed from outside", submission.student)
                    self._examine(notebook, submission, report, sessions, found)
            report.check()
        except NotIsolated:
            raise
        except Exception as error:  # zero for now, said loudly, and the class goes on
            log.error("%s: not graded\n%s", submission.student, traceback.format_exc())
            note = f"{type(error).__name__}: {error}"
            report.questions = not_graded(self.course, "grading failed; your lecturer is told.", note)
        report.seconds = round(time.monotonic() - started, 3)
        return report

    def _examine(
        self,
        notebook: NotebookData,
        submission: Submission,
        report: Report,
        sessions: list[Session],
        found: dict[str, Examined],
    ) -> bool:
        """Fill in the report, and in `found` what it is from; return whether a worker was killed from outside.

        `sessions` are those that this submission had already; the new one joins them.
        """
        held_out.draw_from(self.secret)
        weights = _sealed(submission.weights) if submission.weights is not None else None
        named = (f"{self.course.exercise}.safetensors", weights) if weights is not None else None
        released = self.course.answer_cells
        sources = {cell["metadata"].get("nbgrader", {}).get("grade_id"): cell["source"] for cell in notebook["cells"]}
        untouched = {
            question: same_source(sources[question], released[question]["source"]) for question in self.course.maxima
        }
        try:
            with Session(self.fork_server, cells_to_run(notebook), named, strict=self.strict) as session:
                if sessions:
                    session.follow(sessions[-1])
                sessions.append(session)
                report.questions = examine(self.course, self.references, session, report.seed, untouched, found)
                beside = functools.partial(say_what_lay_beside, report.questions, submission, session.cells)
                within(self.limits.question_seconds, beside, None)  # code that takes for ever to read has no such hint
        finally:
            if weights is not None:
                os.close(weights)
        report.output, report.peak_mb, report.forks = session.output, session.peak_mb, session.forks
        report.isolation, report.isolation_missing = session.layers["used"], session.layers["missing"]
        report.cells = [_noted(cell) for cell in session.cells if cell.trouble or (cell.errors and cell.mode == "full")]
        return session.killed


def examine(
    course: Course,
    references: References,
    session: Session,
    seed: str,
    untouched: Mapping[str, bool],
    found: dict[str, Examined] | None = None,
) -> dict[str, QuestionReport]:
    """Return a report for each question of the course.

    Args:
        seed: what the cases are drawn from.
        untouched: by question, whether its answer cell is as it was released.
        found: takes what was found, by question.
    Raises:
        GradingError: if no worker could be had, whatever the submission.
    """
    examinee = Examinee(course, references, session, seed, untouched)
    run(course, HiddenChecks(examinee, examinee.found))
    if session.broken:  # nothing that was found counts
        raise session.broken
    for question, maximum in course.maxima.items():
        one = examinee.found.setdefault(question, Examined())  # withdrawn: it has no checks any more
        if not one.failures and (one.points, one.bonus) != (maximum, one.bonus_maximum):
            raise GradingError(f"no check failed, and yet {one.points:g} of {maximum:g} points", question=question)
    cells = {cell.name: cell for cell in session.cells}
    spare_follow_on_losses(examinee)
    if found is not None:
        found.update(examinee.found)
    return {
        question: question_report(question, examinee.found[question], maximum, untouched[question], cells.get(question))
        for question, maximum in course.maxima.items()
    }


def cells_to_run(notebook: NotebookData) -> list[Cell]:
    """Return what the worker runs: the setup and the answers whole, of everything else the definitions.

    Checks do not run; where they stand, the worker notes what the names are.
    """
    cells = []
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        name = cell["metadata"].get("nbgrader", {}).get("grade_id") or cell["id"]
        mode = "check" if question_of(cell) else "full" if is_setup(cell) or is_answer(cell) else "definitions"
        cells.append(Cell(name, "" if mode == "check" else cell["source"], mode))
    return cells


def _noted(cell: Cell) -> CellReport:
    """Return what the report keeps of a cell that raised, hung or ended the process."""
    kind = "endless" if isinstance(cell.trouble, TimedOut) else "crashed"
    trouble = f"{kind}: {cell.trouble.message}" if cell.trouble else None
    return {"name": cell.name, "trouble": trouble, "mode": cell.mode, "errors": cell.errors}


def _sealed(data: bytes) -> int:
    """Return a descriptor of a copy in memory that nobody can change any more."""
    descriptor = os.memfd_create("weights", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    with open(descriptor, "wb", closefd=False) as file:
        file.write(data)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK)
    return descriptor


def _versions() -> dict[str, str]:
    try:
        own = metadata.version("deep-learning-lab-cv")
    except metadata.PackageNotFoundError:
        own = "not installed"
    torch_version = str(torch.__version__)  # a string of its own kind, which no schema takes
    return {"python": platform.python_version(), "torch": torch_version, "numpy": np.__version__, "project": own}
