"""The verbs of grading, in the order of a term:

    python -m grading release [EXERCISE ...]     exercises/ from solutions/, and the students' bundle
    python -m grading autograde EXERCISE         grade what is new or changed, then show the marks
    python -m grading marks EXERCISE             show the marks again, from the reports
    python -m grading overview [EXERCISE]        one page on the class: points, pass rates, mistakes, or on the term
    python -m grading why STUDENT EXERCISE       what each failed check called, got and expected: for staff alone
    python -m grading complaints [EXERCISE]      what students asked to be looked at again, and what was answered
    python -m grading extend [STUDENT EXERCISE UNTIL]   give more time, or show who has more
    python -m grading withdraw [STUDENT]         leave a student out of tables and exports, or show who has left
    python -m grading similar EXERCISE --to FOLDER      all answers as files, for JPlag and the like
    python -m grading verify EXERCISE            grade a sample again with other seeds; list the marks that move
    python -m grading verify EXERCISE --changed  whose marks move by what was corrected since, before they are written
    python -m grading backup TO.tar.gz           save what no repository has: submissions, marks, the course's secret
    python -m grading sample-class [EXERCISE]    sample classes, graded, with the marks that they deserve

`nbgrader` itself does the rest: collect, formgrader, generate_feedback, export. `VERB --help` says more.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from grading.arguments import parser_of_verbs
from grading.errors import CourseError, GradingError, printable
from grading.handed_in import exercises
from grading.sample_submissions import SUBMISSIONS
from helpers.files import ROOT

if TYPE_CHECKING:
    from grading.reporting.term import Term

__all__ = ["main"]

# Each verb imports its part when it runs: who asks for the marks does not wait for torch.


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that a terminal's encoding lacks must not end a verb
            stream.reconfigure(errors="backslashreplace")
    words = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if words[0] not in VERBS:
        print((__doc__ or "").strip())
        return 0 if words[0] in ("-h", "--help", "help") else 2
    options, further = parser_of_verbs().parse_known_args(words)
    if further and options.verb != "autograde":
        options.parser.error(f"unrecognized arguments: {' '.join(further)}")
    options.further = further
    return VERBS[options.verb](options)


def release(options: argparse.Namespace) -> int:
    """Write exercises/ and the bundle from solutions/, or look whether they are as written."""
    from grading.course.release import EXERCISES, all_drift, release_all

    chosen = options.exercises or list(EXERCISES)
    if unknown := set(chosen) - set(EXERCISES):
        options.parser.error(f"no such exercise: {', '.join(sorted(unknown))}; there are {', '.join(EXERCISES)}")
    try:
        if not options.check:
            release_all(chosen)
            return 0
        found = all_drift(chosen)
    except GradingError as error:
        print(error, file=sys.stderr)
        return 1
    print("\n".join(found) or f"as solutions/ gives them: {', '.join(chosen)}")
    return int(bool(found))


def autograde(options: argparse.Namespace) -> int:
    """Grade with stock nbgrader in this environment, then print the table of marks and write the overview."""
    from grading.reporting.marks import summary, table

    if options.jobs < 1:
        options.parser.error(f"--jobs is a number from 1 on, got {options.jobs}")
    if (known := exercises(options.course)) and options.exercise not in known:
        options.parser.error(
            f"there is no exercise {options.exercise} in {options.course}; there are {', '.join(known)}"
        )
    status = _run(_nbgrader_autograde(options), options.course)
    _said(lambda: table(options.course, options.exercise))
    _said(lambda: summary(options.course, options.exercise))
    if status:
        print("\nNot all was graded, see above. What is graded is kept; run the same command again to go on.")
    return status


def marks(options: argparse.Namespace) -> int:
    """Print the table of marks."""
    from grading.reporting.marks import table

    return _said(lambda: table(options.course, options.exercise))


def overview(options: argparse.Namespace) -> int:
    """Write the lecturer's page on an exercise, or on the term with its table, and say where it lies."""
    from grading.reporting.overview import write_overview

    if options.exercise:
        return _said(lambda: write_overview(options.course, options.exercise, options.to, options.reports))
    if options.to or options.reports:
        options.parser.error("--to and --reports belong to the page on one exercise: name it")
    from grading.plugin.term import read_term  # the gradebook, which the page on one exercise does without
    from grading.reporting.term import write_term

    def both() -> str:
        term = read_term(options.course)
        return "\n".join(map(str, write_term(options.course, replace(term, requests=_requests(options.course, term)))))

    return _said(both)


def _requests(course: Path, term: Term) -> list[tuple[str, str, str]]:
    """Return what those who have not left ask to be looked at again: student, exercise and text."""
    from grading.complaints import requests

    found = []
    for exercise in term.exercises:
        with contextlib.suppress(CourseError):  # nothing lies there, say; `complaints` tells of all else
            found += requests(course, exercise.key)
    return [
        (one.student, one.exercise, f"{one.question}: {one.reason}")
        for one in found
        if one.student not in term.withdrawn
    ]


def extend(options: argparse.Namespace) -> int:
    """Write down or take away more time for a student, or list all who have more."""
    from grading.entries.extensions import change, listing

    _expect_a_course(options)
    if options.exercise and (known := exercises(options.course)) and options.exercise not in known:
        options.parser.error(f"there is no exercise {options.exercise}; there are {', '.join(known)}")
    if options.student and not (options.exercise and bool(options.until) != options.remove):
        options.parser.error("expected STUDENT EXERCISE UNTIL, or STUDENT EXERCISE --remove")
    if not options.student:
        return _said(lambda: listing(options.course))
    return _said(lambda: change(options.course, options.student, options.exercise, options.until))


def withdraw(options: argparse.Namespace) -> int:
    """Write down that a student has left or is back, or list all who have left."""
    from grading.entries.withdrawn import change, listing

    _expect_a_course(options)
    if not options.student:
        return _said(lambda: listing(options.course))
    return _said(lambda: change(options.course, options.student, back=options.back))


def _expect_a_course(options: argparse.Namespace) -> None:
    """End a verb that would write names into any folder, or find nothing there."""
    if not (options.course / "nbgrader_config.py").is_file():
        options.parser.error(f"there is no nbgrader_config.py in {options.course}; --course names the course's folder")


def similar(options: argparse.Namespace) -> int:
    """Write all answers to an exercise as files, in JPlag's layout, and say how to compare them."""
    from grading.reporting.similar import write_answers

    return _said(lambda: write_answers(options.course, options.exercise, options.to))


def _said(do: Callable[[], object]) -> int:
    """Print what comes out, or the sentence that says why nothing does."""
    try:
        print(do())
    except (GradingError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def why(options: argparse.Namespace) -> int:
    """Print why points were lost and write the page; the status is 0, 1 where today's marks are not the report's, 2
    where there is nothing to show."""
    from grading.evidence.gather import gather
    from grading.evidence.page import write_page
    from grading.evidence.text import text

    try:
        found = gather(options.course.resolve(), options.student, options.exercise, options.question)
        print(text(found))
        if found.questions:
            print(f"\n{printable(str(write_page(options.course, found)))}")
    except (GradingError, OSError) as error:
        print(printable(str(error)), file=sys.stderr)
        return 2
    return 0 if found.same or found.now.unreadable else 1


def complaints(options: argparse.Namespace) -> int:
    """Print the table of regrade requests; the status is 2 where something could not be looked at."""
    from grading.complaints import requests, table

    _expect_a_course(options)
    found, status = [], 0
    for exercise in [options.exercise] if options.exercise else exercises(options.course):
        try:
            found += requests(options.course, exercise)
        except GradingError as error:
            if options.exercise or not isinstance(error, CourseError):  # of all, some have nothing handed in yet
                print(printable(str(error)), file=sys.stderr)
                status = 2
    if found or not status:
        print(table(found) if found else "nobody asks for anything")
    return status


def verify(options: argparse.Namespace) -> int:
    """Print which marks move; the status is 1 if one did or was not repeated, 2 if nobody could be compared."""
    from grading.verify import verify_class

    if options.changed:
        return _changed(options)
    options.sample = 10 if options.sample is None else options.sample
    threads = _counts(options.threads)
    if min(threads) < 1 or options.seeds < 0 or options.sample < 1:
        options.parser.error(
            "expected --threads as numbers above zero, such as 1,2, --seeds from 0 and --sample from 1"
        )
    try:
        found = verify_class(options.course, options.exercise, options.sample, options.student, options.seeds, threads)
    except GradingError as error:
        print(error)
        return 2
    print(found.text())
    return 1 if found.moved or found.not_repeated else 0 if found.compared else 2


def _changed(options: argparse.Namespace) -> int:
    """Print whose marks would move if all were graded now; the status is 1 if some do, 2 if nobody can be compared."""
    from grading.corrections import changes

    if options.jobs < 1 or (options.sample is not None and options.sample < 1):
        options.parser.error("expected --jobs and --sample from 1")
    try:
        found = changes(options.course, options.exercise, options.student, options.sample, options.jobs)
    except GradingError as error:
        print(printable(str(error)))
        return 2
    print(found.text())
    return 1 if found.moves else 0 if found.compared else 2


def backup(options: argparse.Namespace) -> int:
    """Save what a course's repository lacks; the status is 1 if something could not be saved."""
    from grading.course.backup import write_backup

    try:
        saved, trouble = write_backup(options.course, options.to)
    except GradingError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{options.to}: {', '.join(f'{count} in {name}' if count > 1 else name for name, count in saved.items())}")
    print("\n".join(trouble), end="\n" * bool(trouble), file=sys.stderr)
    return int(bool(trouble))


def sample_class(options: argparse.Namespace) -> int:
    """Grade sample classes; the status is 0 if every mark is as deserved."""
    from grading.sample_class import grade_classes

    try:
        return 0 if grade_classes([options.exercise] if options.exercise else list(SUBMISSIONS)) else 1
    except GradingError as error:
        print(error, file=sys.stderr)
        return 1


VERBS: dict[str, Callable[[argparse.Namespace], int]] = {
    "release": release,
    "autograde": autograde,
    "marks": marks,
    "overview": overview,
    "why": why,
    "complaints": complaints,
    "extend": extend,
    "withdraw": withdraw,
    "similar": similar,
    "verify": verify,
    "backup": backup,
    "sample-class": sample_class,
}


def _nbgrader_autograde(options: argparse.Namespace) -> list[str]:
    """Return the command that grades; what this parser does not know is nbgrader's."""
    command = [sys.executable, "-m", "nbgrader", "autograde", options.exercise, "--log-level=WARN"]
    command += [f"--Grading.jobs={options.jobs}", f"--Grading.scheduler={options.scheduler}"]
    command += [f"--Grading.progress={sys.stderr.isatty()}"]
    command += [f"--Grading.isolation={options.require_isolation}"] if options.require_isolation else []
    command += ["--force", "--Grading.again=True"] if options.again else []
    return [*command, *options.further]


def _run(command: list[str], course: Path) -> int:
    """Run a command in the course's folder and return its exit status, 130 after Ctrl-C.

    The terminal sends Ctrl-C to the command, too: it is waited for until it has put everything in order.
    """
    environment = {
        **os.environ,
        "PYTHONUTF8": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
    }
    before = signal.signal(signal.SIGINT, lambda number, frame: None)
    try:
        status = subprocess.run(command, cwd=course, env=environment, check=False).returncode
    finally:
        signal.signal(signal.SIGINT, before)
    return 128 - status if status < 0 else status


def _counts(text: str) -> list[int]:
    """Return the numbers in a list such as "1,2"; a single 0 where there is something else."""
    try:
        return [int(count) for count in text.split(",")]
    except ValueError:
        return [0]


if __name__ == "__main__":
    sys.exit(main())
