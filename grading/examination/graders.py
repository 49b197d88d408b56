"""Who grades: this process, processes beside it, or a Dask cluster; each turns a submission's folder into a report.

    Job(course, limits, isolation, secret)    what every grader has to know
    SerialExecutor(job)                       grades in this process, at first need
    PoolExecutor(job, jobs or scheduler)      grades ahead, while this process writes marks

Both answer `report(folder, student)`. A grader that dies takes nobody's mark along: what it was at is graded again
alone, and only a submission that ends its grader there, too, gets zero with that reason.
"""

from __future__ import annotations

import ctypes
import dataclasses
import gc
import logging
import multiprocessing
import resource
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from grading.course.course import Course
from grading.course.fingerprint import course_fingerprint, files_of, project_fingerprint, report_fingerprint
from grading.course.secret import course_secret
from grading.errors import CourseError, GradingError
from grading.isolation.forkserver import start_fork_server
from grading.limits import Limits
from grading.report import Report
from grading.submission.read import Submission, read_submission

if TYPE_CHECKING:
    from grading.examination.grader import Grader

__all__ = ["Job", "PoolExecutor", "SerialExecutor", "be_ready", "close", "forget", "grade_folder", "read"]

log = logging.getLogger("grading")


@dataclass(frozen=True)
class Job:
    """What a grader has to know, in a form that can be sent to another process or machine."""

    course: Course
    limits: Limits
    isolation: str
    secret: Path

    def fingerprint(self) -> str:
        """Return the course's fingerprint: graders of another one would give other marks."""
        return course_fingerprint(self.course, self.limits, self.isolation, course_secret(self.secret))

    def sent(self) -> Job:
        """Return a copy without what this process has looked up about the course."""
        return dataclasses.replace(self, course=dataclasses.replace(self.course))


_grader: tuple[Job, str, Grader] | None = None  # of this process; the next job replaces it
_loaded: str | None = None  # fingerprint of the code that this process has imported: on a cluster it lives for weeks
_added = ""  # what was put on the path for the course
_before: dict[str, ModuleType] = {}  # what had been imported of another course, or of this one as it was
_one_at_a_time = threading.Lock()  # torch's random numbers and pytest belong to the whole process


def grade_folder(job: Job, fingerprint: str, folder: str, student: str) -> Report:
    """Return the report on the submission in `folder`, graded in this process.

    Args:
        fingerprint: the course's, as whoever asks knows it.
    Raises:
        CourseError: the course here is another one, or cannot be graded.
    """
    files = files_of(Path(folder), job.course.exercise)
    submission = read(job, folder, student)
    return _graded(job, fingerprint, submission, files)


def read(job: Job, folder: str, student: str) -> Submission:
    """Return the submission in `folder`, whatever its state."""
    if Path(folder).parent.is_symlink():  # to a neighbour's, say
        return Submission(student, unreadable="the student's folder is a link, and what lies elsewhere is not read")
    limits = job.limits
    course = job.course
    submission = read_submission(Path(folder), course.exercise, limits.notebook_mb, limits.weights_mb, course.released)
    submission.student = student
    return submission


def be_ready(job: Job, fingerprint: str) -> dict[str, str]:
    """Start the grader of this process; return which layers of isolation its machine does not give, and why.

    Raises:
        CourseError: the course here is another one, or cannot be graded.
    """
    with _one_at_a_time:
        return _grader_of(job, fingerprint).missing


def _graded(job: Job, fingerprint: str, submission: Submission, files: dict[str, list[int]]) -> Report:
    own = report_fingerprint(fingerprint, submission)  # before it is repaired, which adds notes
    with _one_at_a_time:
        grader = _grader_of(job, fingerprint)
        report = grader.grade(grader.repair(submission), submission)
    report.course_fingerprint, report.fingerprint, report.files = fingerprint, own, files
    report.grader_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return report


def _grader_of(job: Job, fingerprint: str) -> Grader:
    """Return the grader of this process for this job, made unless it is the last one's."""
    global _grader, _loaded, _added, _before
    _loaded = _loaded or project_fingerprint()
    if _grader is not None and _grader[:2] == (job, fingerprint):
        return _grader[2]
    if job.fingerprint() != fingerprint:
        raise CourseError(
            f"{job.course.root} is not the same course here as where grading was started: other checks, solutions, "
            "settings, secret or versions. Give all graders the same folder and environment."
        )
    if project_fingerprint() != _loaded:
        raise CourseError("the course was changed after this grader had been started. Start the graders again.")
    close()
    if str(job.course.root) not in sys.path:
        _added = str(job.course.root)  # a course outside this project has its checks there
        sys.path.append(_added)
    fork_server = start_fork_server(job.course, job.limits)  # it imports torch while this process does
    gc.disable()  # a sixth of torch's import is a search for garbage that there is none of
    try:
        from grading.examination.grader import Grader
    finally:
        gc.enable()
    _before = forget(job.course)
    _grader = job, fingerprint, Grader(job.course, fork_server, job.secret, job.isolation)
    return _grader[2]


def close() -> None:
    """End the grader of this process, which then knows what it had imported before of courses with the same names."""
    global _grader
    if _grader is not None:
        _grader[2].close()
        forget(_grader[0].course)
        sys.modules.update(_before)
        _grader = None
    if _added in sys.path:
        sys.path.remove(_added)


def forget(course: Course) -> dict[str, ModuleType]:
    """Drop what this process has imported of a course: this one may have changed, or be another with the same names.

    Returns the modules that were there, by their names.
    """
    packages = [course.hidden_checks, course.known_wrong]
    packages += [course.checks_package] if course.checks_package != "helpers.checks" else []
    packages = [package.replace("/", ".") for package in packages]
    names = [name for name in sys.modules if any(name == one or name.startswith(f"{one}.") for one in packages)]
    if points := sys.modules.get("grading.examination.points"):
        points.bonus_points.cache_clear()
    return {name: sys.modules.pop(name) for name in names}


class SerialExecutor:
    """Grades in this process, one after another, when asked; torch is imported at the first need.

    `fingerprint` is the course's, as it is now.
    """

    def __init__(self, job: Job) -> None:
        self.job, self.fingerprint = job, job.fingerprint()

    def ahead(self, folders: Sequence[tuple[str, str]]) -> None:
        """Take notice of all (folder, student) that will be asked for, and be ready for the first.

        Raises:
            CourseError: nobody can be graded.
        """
        if folders:
            be_ready(self.job, self.fingerprint)

    def missing(self) -> dict[str, str]:
        """Return which layers of isolation this machine does not give, and why.

        Raises:
            CourseError: nobody can be graded.
        """
        return be_ready(self.job, self.fingerprint)

    def report(self, folder: str, student: str) -> Report:
        """Return the report on the submission in `folder`."""
        return grade_folder(self.job, self.fingerprint, folder, student)

    def stop(self) -> None:
        """Leave what is running to the end of this process, which is near."""

    def close(self) -> None:
        """End the grader, with this process; safe to call twice."""
        close()
        gc.freeze()  # at its end Python would go through all of torch for garbage


class PoolExecutor:
    """Grades ahead in several processes, here or on a Dask cluster, and hands out each report when asked.

    `fingerprint` is the course's, as it is now.

    Args:
        jobs: processes on this machine.
        scheduler: address of a running Dask scheduler, instead of processes here.
        keep: called with every report as soon as it is there, in a thread of its own: what is done stays done.
    """

    def __init__(self, job: Job, jobs: int, scheduler: str, keep: Callable[[Report], None]) -> None:
        self.job, self.fingerprint, self.keep = job, job.fingerprint(), keep
        self.start: Callable[[], Executor] = (
            partial(_on_cluster, scheduler) if scheduler else partial(_on_this_machine, jobs)
        )
        self.executor: Executor | None = None
        self.waiting: dict[str, tuple[str, Future[Report]]] = {}

    def ahead(self, folders: Sequence[tuple[str, str]]) -> None:
        """Start to grade all (folder, student), in this order.

        Raises:
            CourseError: nobody can be graded.
        """
        if not folders:
            return
        self.executor = self.executor or self.start()
        ready = self._ready(self.executor)
        for folder, student in folders:
            self.waiting[folder] = student, self._begin(self.executor, folder, student)
        _outcome(ready)  # a grader that died already has its second chance below

    def missing(self) -> dict[str, str]:
        """Return which layers of isolation the machine of the first grader does not give, and why; one that dies has a
        second chance.

        Raises:
            CourseError: nobody can be graded.
        """
        for _ in range(2):
            self.executor = self.executor or self.start()
            if (missing := _outcome(self._ready(self.executor))) is not None:
                return missing
            self.close()
        raise CourseError("a grader ended twice while it got ready, for want of memory maybe. Run again with more.")

    def _ready(self, executor: Executor) -> Future[dict[str, str]]:
        return executor.submit(be_ready, self.job.sent(), self.fingerprint)

    def _begin(self, executor: Executor, folder: str, student: str) -> Future[Report]:
        future = executor.submit(grade_folder, self.job.sent(), self.fingerprint, folder, student)
        future.add_done_callback(self._kept)
        return future

    def _kept(self, future: Future[Report]) -> None:
        if not future.cancelled() and future.exception() is None:
            try:
                self.keep(future.result())
            except (GradingError, OSError) as error:  # whoever asks for it tries again, and says so loudly
                log.warning("a report could not be kept: %s", error)

    def report(self, folder: str, student: str) -> Report:
        """Return the report on the submission in `folder`, waiting for it; whatever its grader did, there is one.

        Raises:
            CourseError: nobody can be graded.
        """
        if folder not in self.waiting:
            self.ahead([(folder, student)])
        _, future = self.waiting.pop(folder)
        try:
            return future.result()
        except CourseError:
            raise
        except Exception as error:  # the grader died, be it of this submission or of another's
            log.warning("%s: graded again, alone, for a grader ended (%s)", student, type(error).__name__)
        try:
            return self._alone(folder, student)
        finally:
            self._start_again()

    def _alone(self, folder: str, student: str) -> Report:
        with _on_this_machine(1) as executor:
            try:
                return executor.submit(grade_folder, self.job.sent(), self.fingerprint, folder, student).result()
            except CourseError:
                raise
            except Exception as error:
                from grading.examination.points import not_graded  # torch, which has to be here for once

                reason = f"the grader itself ended twice while it graded this ({type(error).__name__})"
                log.error("%s: not graded, for %s", student, reason)
                questions = not_graded(self.job.course, f"{reason}; your lecturer is told", reason)
                return Report(self.job.course.exercise, student, questions=questions)

    def _start_again(self) -> None:
        """Have everything graded that the dead graders left: of a broken pool all futures fail at once."""
        if not isinstance(self.executor, ProcessPoolExecutor):  # Dask gives each lost worker's work to another
            return
        lost = {
            folder: student
            for folder, (student, future) in self.waiting.items()
            if future.done() and (future.cancelled() or isinstance(future.exception(), Exception))
        }
        if lost:
            self.close()
            self.ahead(list(lost.items()))

    def close(self) -> None:
        """Stop grading ahead; safe to call twice. On a cluster, what waits is dropped with the client, at the end."""
        if isinstance(self.executor, ProcessPoolExecutor):
            self.executor.shutdown(wait=False, cancel_futures=True)
            self.stop()
        self.executor = None

    def stop(self) -> None:
        """End the processes at once, one of which may be at a submission for minutes; may be called in the midst of
        anything, as by Ctrl-C: else the end of Python would wait until all of the class is graded.
        """
        if isinstance(self.executor, ProcessPoolExecutor):
            for process in multiprocessing.active_children():
                process.terminate()


def _outcome(ready: Future[dict[str, str]]) -> dict[str, str] | None:
    """Return what a grader that got ready says; None, with a warning, if it ended meanwhile.

    Raises:
        CourseError: nobody can be graded.
    """
    try:
        return ready.result()
    except CourseError:
        raise
    except Exception as error:  # a broken pool's, or Dask's own, which is of no common kind
        log.warning("a grader ended while it got ready (%s)", type(error).__name__)
        return None


def _on_this_machine(jobs: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), _live_and_die_with_the_parent)


def _live_and_die_with_the_parent() -> None:
    """Leave Ctrl-C to the parent, and end when it ends, however it does; the fork server then ends by itself."""
    log.setLevel(logging.ERROR)  # what isolation lacks is said once, by the parent
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)


def _on_cluster(address: str) -> Executor:
    """Return an executor on a running Dask cluster, whose workers see the same course folder.

    Raises:
        CourseError: Dask is not installed, or nothing answers at the address.
    """
    try:
        from distributed import Client
    except ImportError:
        raise CourseError("--scheduler needs the package distributed: pip install '.[cluster]'") from None
    try:
        executor: Executor = Client(address, timeout=20).get_executor(retries=0, pure=False)
        return executor
    except (OSError, ValueError) as error:
        raise CourseError(f"no Dask scheduler answers at {address} ({error})") from None
