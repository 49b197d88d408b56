"""Grades a sample of a class again, with other seeds and other numbers of threads, and lists every mark that moves.

    own seed, 1 thread      as `nbgrader autograde` graded: the report on disk must say the same
    other seeds             other inputs: a mark that moves was luck, or the checks are not sharp enough
    other thread counts     sums in another order: a mark that moves hangs on rounding

All of it happens in memory: no report, no graded notebook and no gradebook is written.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec.structs import asdict, fields

from grading.course.secret import course_secret
from grading.errors import GradingError
from grading.examination.aside import aside
from grading.examination.graders import Job, read
from grading.examination.seeds import submission_seed
from grading.handed_in import NOBODY, handed_in
from grading.report import QuestionReport, Report, report_path
from grading.submission.read import Submission

__all__ = ["Run", "Verified", "compare", "planned", "verify", "verify_class"]

# Of a report, what another run on the same submission may say otherwise: resources, the clock, and printed text.
FREE = {"seconds", "peak_mb", "grader_mb", "output", "files", "fingerprint", "time", "graded_by"}


@dataclass(frozen=True)
class Run:
    """One way to grade: `seed` None is each submission's own."""

    name: str
    seed: str | None = None
    threads: int = 1


@dataclass
class Verified:
    """What was found: marks by (student, question) and by run, and what the disk says otherwise."""

    runs: list[Run]
    students: list[str] = field(default_factory=list)
    marks: dict[tuple[str, str], dict[str, QuestionReport]] = field(default_factory=dict)
    not_repeated: list[str] = field(default_factory=list)
    not_compared: list[str] = field(default_factory=list)

    @property
    def moved(self) -> list[tuple[str, str]]:
        """The (student, question) whose mark or verdict is not the same in all runs."""
        return [place for place, by_run in self.marks.items() if len(set(map(_mark, by_run.values()))) > 1]

    @property
    def compared(self) -> int:
        """How many submissions were compared with their reports."""
        return len(self.students) - len(self.not_compared)

    def text(self) -> str:
        """Return the table of moved marks with a reason for each, what was not repeated, and a last line of counts."""
        rows = [["student", "question", *(run.name for run in self.runs)]] if self.moved else []
        rows += [[*place, *(_mark(self.marks[place][run.name]) for run in self.runs)] for place in self.moved]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        table = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        table += [self._why(*place) for place in self.moved]
        questions = len({question for _, question in self.marks})
        counts = f"{len(self.students)} submissions, {questions} questions, {len(self.runs)} runs"
        compared = [f"not compared: {line}" for line in self.not_compared]
        repeated = [f"not repeated: {line}" for line in self.not_repeated]
        nobody = [] if self.compared else [NOBODY]
        return "\n".join([*table, *compared, *repeated, f"{counts}: {len(self.moved)} marks moved", *nobody])

    def _why(self, student: str, question: str) -> str:
        """Return what the run with the fewest points said of one mark."""
        by_run = self.marks[student, question]
        run = min(by_run, key=lambda name: by_run[name].points + by_run[name].bonus)
        return f"{student}, {question}, {run}: {by_run[run].hint or 'no hint'}"


def verify_class(
    root: Path, exercise: str, sample: int, students: Sequence[str] | None, seeds: int, threads: Sequence[int]
) -> Verified:
    """Print which runs there are but the first, and return what all of them say on a sample of a class.

    Args:
        root: the course's folder, where nbgrader_config.py lies.
        sample: so many submissions, always the same ones.
        students: these instead, if not None.
        seeds: how many other seeds.
        threads: counts of threads; all other seeds are run with one.
    Raises:
        GradingError: nothing can be graded, or none of them is graded yet.
    """
    handed = handed_in(root, exercise)
    job, everybody = handed.job, handed.chosen(list(students or ()))
    names = everybody if students else random.Random(exercise).sample(list(everybody), min(sample, len(everybody)))
    handed.refuse_ungraded(names)
    runs = planned(course_secret(job.secret), seeds, threads)
    for run in runs[1:]:
        print(f"{run.name}: {run.seed or 'own'}, {run.threads} threads")
    return verify(job, {name: everybody[name] for name in sorted(names)}, handed.reports, runs)


def planned(secret: bytes, seeds: int, threads: Sequence[int]) -> list[Run]:
    """Return the runs: first as graded, then other seeds, the same ones whenever this is asked, then other threads."""
    others = [Run(f"seed {n}", submission_seed(secret, f"verify {n}")) for n in range(1, seeds + 1)]
    more = [Run(f"{count} threads", threads=count) for count in dict.fromkeys(threads) if count != 1]
    return [Run("own seed"), *others, *more]


def verify(job: Job, folders: dict[str, Path], reports: Path, runs: Sequence[Run]) -> Verified:
    """Return what all runs say on the submissions, one grader for each number of threads.

    Args:
        folders: of the submissions, by student.
        reports: the folder of this exercise's reports.
        runs: the first is as graded.
    Raises:
        CourseError: if nobody can be graded.
    """
    found = Verified(list(runs), list(folders))
    submissions = [read(job, str(folder), student) for student, folder in folders.items()]
    for count in dict.fromkeys(run.threads for run in runs):
        same = [run for run in runs if run.threads == count]
        for run, report in _graded(job, submissions, same, count):
            for question, mark in report.questions.items():
                found.marks.setdefault((report.student, question), {})[run.name] = mark
            if run is runs[0]:
                report.course_fingerprint = job.fingerprint()
                compare(report, report_path(reports, report.student), found)
    return found


def _graded(
    job: Job, submissions: Sequence[Submission], runs: Sequence[Run], threads: int
) -> Iterator[tuple[Run, Report]]:
    """Grade all submissions in all runs of one number of threads."""
    with aside(job, threads) as grader:
        for submission in submissions:
            for run in runs:
                fresh = copy.deepcopy(submission)  # repairing adds notes
                yield run, grader.grade(grader.repair(fresh), fresh, run.seed)


def _mark(question: QuestionReport) -> str:
    return f"{question.points + question.bonus:g} {question.verdict}"


def compare(ours: Report, path: Path, found: Verified) -> None:
    """Note where the report on disk says something else than the same grading says now."""
    if not path.exists():
        found.not_compared.append(f"{ours.student}: there is no report at {path}")
        return
    try:
        theirs = Report.read(path)
    except GradingError as error:
        found.not_repeated.append(f"{ours.student}: {error.message}")
        return
    if theirs.submission_hash != ours.submission_hash:
        found.not_compared.append(f"{ours.student}: handed in again since it was graded; run autograde")
    elif theirs.course_fingerprint != ours.course_fingerprint:
        found.not_compared.append(f"{ours.student}: checks, settings or versions changed since; run autograde")
    else:
        found.not_repeated += [f"{ours.student}: {line}" for line in _differences(theirs, ours)]


def _differences(theirs: Report, ours: Report) -> Iterator[str]:
    """Tell field by field, and question by question, what the disk says and what came now."""
    for name in sorted({*theirs.questions, *ours.questions}):
        pair = [_parts(report.questions[name]) if name in report.questions else {} for report in (theirs, ours)]
        for part in dict.fromkeys([*pair[0], *pair[1]]):
            was, now = pair[0].get(part), pair[1].get(part)
            if part not in FREE and was != now:
                yield f"{name}.{part}: {was!r} in the report, {now!r} now"
    for one in fields(Report):
        was, now = getattr(theirs, one.name), getattr(ours, one.name)
        if one.name not in FREE | {"questions"} and was != now:
            yield f"{one.name}: {was!r} in the report, {now!r} now"


def _parts(question: QuestionReport) -> dict[str, Any]:
    """Return the parts of a question's outcome by name; of each check what it found, for the rest is evidence."""
    return {**asdict(question), "checks": [check.found for check in question.checks]}
