"""Grades a sample of a class again, with other seeds and other numbers of threads, and lists every mark that moves.

    own seed, 1 thread      as `nbgrader autograde` graded: the report on disk must say the same
    other seeds             other inputs: a mark that moves was luck, or the checks are not sharp enough
    other thread counts     sums in another order: a mark that moves hangs on rounding

All of it happens in memory: no report, no graded notebook and no gradebook is written.
"""

from __future__ import annotations

import copy
import glob
import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import asdict, fields

from grading.course.secret import course_secret
from grading.errors import CourseError, GradingError
from grading.examination.graders import Job, read
from grading.examination.seeds import submission_seed
from grading.report import QuestionReport, Report
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
        return "\n".join([*table, *compared, *repeated, f"{counts}: {len(self.moved)} marks moved"])

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
        GradingError: nothing can be graded.
    """
    job, folders, reports = _class(root, exercise, sample, students)
    runs = planned(course_secret(job.secret), seeds, threads)
    for run in runs[1:]:
        print(f"{run.name}: {run.seed or 'own'}, {run.threads} threads")
    return verify(job, folders, reports, runs)


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
                compare(report, reports / f"{report.student}.json", found)
    return found


def _graded(
    job: Job, submissions: Sequence[Submission], runs: Sequence[Run], threads: int
) -> Iterator[tuple[Run, Report]]:
    """Grade all submissions in all runs of one number of threads."""
    import torch

    from grading.examination.grader import Grader
    from grading.isolation.forkserver import start_fork_server

    before = torch.get_num_threads()
    grader = Grader(job.course, start_fork_server(job.course, job.limits, threads), job.secret, job.isolation)
    try:
        torch.set_num_threads(threads)  # of the checks and references as well
        for submission in submissions:
            for run in runs:
                fresh = copy.deepcopy(submission)  # repairing adds notes
                yield run, grader.grade(grader.repair(fresh), fresh, run.seed)
    finally:
        grader.close()
        torch.set_num_threads(before)


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
        pair = [asdict(report.questions[name]) if name in report.questions else {} for report in (theirs, ours)]
        for part in dict.fromkeys([*pair[0], *pair[1]]):
            if part not in FREE and pair[0].get(part) != pair[1].get(part):
                yield f"{name}.{part}: {pair[0].get(part)!r} in the report, {pair[1].get(part)!r} now"
    for one in fields(Report):
        was, now = getattr(theirs, one.name), getattr(ours, one.name)
        if one.name not in FREE | {"questions"} and was != now:
            yield f"{one.name}: {was!r} in the report, {now!r} now"


def _class(root: Path, exercise: str, sample: int, students: Sequence[str] | None) -> tuple[Job, dict[str, Path], Path]:
    """Return the job, the sampled submissions' folders and the reports' folder, as nbgrader_config.py sets them."""
    from traitlets.config.loader import ConfigFileNotFound, PyFileConfigLoader

    from grading.plugin import CourseDirectory, Grading

    try:
        config = PyFileConfigLoader("nbgrader_config.py", path=str(root)).load_config()
    except ConfigFileNotFound:
        raise CourseError(f"there is no nbgrader_config.py in {root}; --course names the course's folder") from None
    grading, coursedir = Grading(config=config), CourseDirectory(config=config)
    job = grading.job(coursedir, exercise)
    if not job.secret.exists():
        raise CourseError(f"there is no secret at {job.secret}, so nothing was graded yet; run autograde first")
    pattern = coursedir.format_path(coursedir.submitted_directory, "*", exercise)
    there = os.path.relpath(pattern, root)
    everybody = {(root / found).parent.name: root / found for found in sorted(glob.glob(there, root_dir=root))}
    if unknown := sorted(set(students or ()) - set(everybody)):
        raise CourseError(f"nothing on {exercise} was handed in by {', '.join(unknown)}; expected one of {pattern}")
    if not everybody:
        raise CourseError(f"nothing on {exercise} was handed in: no folder is named as {pattern}")
    names = students or random.Random(exercise).sample(list(everybody), min(sample, len(everybody)))
    return job, {name: everybody[name] for name in sorted(set(names))}, job.course.root / grading.reports / exercise
