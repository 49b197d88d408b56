"""The verbs of grading, in the order of a term:

    python -m grading release [EXERCISE ...]     exercises/ from solutions/, and the students' bundle
    python -m grading autograde EXERCISE         grade what is new or changed, then show the marks
    python -m grading marks EXERCISE             show the marks again, from the reports
    python -m grading overview EXERCISE          one page on the class: points, pass rates, mistakes, slow submissions
    python -m grading why STUDENT EXERCISE       what each failed check called, got and expected: for staff alone
    python -m grading complaints [EXERCISE]      what students asked to be looked at again, and what was answered
    python -m grading verify EXERCISE            grade a sample again with other seeds; list the marks that move
    python -m grading verify EXERCISE --changed  whose marks move by what was corrected since, before they are written
    python -m grading sample-class [EXERCISE]    sample classes, graded, with the marks that they deserve

`nbgrader` itself does the rest: collect, formgrader, generate_feedback, export. `VERB --help` says more.
"""

from __future__ import annotations

import argparse
import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from grading.errors import CourseError, GradingError, printable
from grading.handed_in import exercises
from grading.sample_submissions import SUBMISSIONS
from helpers.files import ROOT

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
    options, further = _parser().parse_known_args(words)
    if further and options.verb != "autograde":
        options.parser.error(f"unrecognized arguments: {' '.join(further)}")
    options.further = further
    return VERBS[options.verb](options)


# --- what the verbs do -----------------------------------------------------------------------------------------------


def release(options: argparse.Namespace) -> int:
    """Write exercises/ and the bundle from solutions/, or look whether they are as written."""
    from grading.course.release import EXERCISES, all_drift, release_all

    chosen = options.exercises or list(EXERCISES)
    if unknown := set(chosen) - set(EXERCISES):
        options.parser.error(f"no such exercise: {', '.join(sorted(unknown))}; there are {', '.join(EXERCISES)}")
    if not options.check:
        release_all(chosen)
        return 0
    found = all_drift(chosen)
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
    print(table(options.course, options.exercise))
    print(summary(options.course, options.exercise))
    if status:
        print("\nNot all was graded, see above. What is graded is kept; run the same command again to go on.")
    return status


def marks(options: argparse.Namespace) -> int:
    """Print the table of marks."""
    from grading.reporting.marks import table

    print(table(options.course, options.exercise))
    return 0


def overview(options: argparse.Namespace) -> int:
    """Write the lecturer's page and say where it lies."""
    from grading.reporting.overview import write_overview

    try:
        print(write_overview(options.course, options.exercise, options.to, options.reports))
    except GradingError as error:
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

    if not (options.course / "nbgrader_config.py").is_file():
        options.parser.error(f"there is no nbgrader_config.py in {options.course}; --course names the course's folder")
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
    """Print which marks move; the status is 1 if one did or was not repeated, 2 if nothing could be graded."""
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
    return 1 if found.moved or found.not_repeated else 0


def _changed(options: argparse.Namespace) -> int:
    """Print whose marks would move if all were graded now; the status is 1 if some do, 2 if nobody can be graded."""
    from grading.corrections import changes

    if options.jobs < 1 or (options.sample is not None and options.sample < 1):
        options.parser.error("expected --jobs and --sample from 1")
    try:
        found = changes(options.course, options.exercise, options.student, options.sample, options.jobs)
    except GradingError as error:
        print(printable(str(error)))
        return 2
    print(found.text())
    return int(bool(found.moves))


def sample_class(options: argparse.Namespace) -> int:
    """Grade sample classes; the status is 0 if every mark is as deserved."""
    from grading.sample_class import grade_classes

    return 0 if grade_classes([options.exercise] if options.exercise else list(SUBMISSIONS)) else 1


VERBS: dict[str, Callable[[argparse.Namespace], int]] = {
    "release": release,
    "autograde": autograde,
    "marks": marks,
    "overview": overview,
    "why": why,
    "complaints": complaints,
    "verify": verify,
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


# --- how they are asked for ------------------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    """Return the parser of all verbs; `options.parser` is the verb's own, for what only the verb finds wrong."""
    parser = argparse.ArgumentParser(prog="python -m grading", add_help=False)
    verbs = parser.add_subparsers(dest="verb")

    def verb(name: str, text: str) -> argparse.ArgumentParser:
        one = verbs.add_parser(name, description=text)
        one.set_defaults(parser=one)
        return one

    _release_options(
        verb(
            "release",
            "From solutions/ to what students get: exercises/, the tables of the visible checks, and the bundle.",
        )
    )
    _autograde_options(
        verb(
            "autograde",
            "Grade what is new or changed, with stock nbgrader; further options go to it (--student=ID, say). "
            "It may be stopped at any moment: the next run goes on from there.",
        )
    )
    _exercise_and_course(verb("marks", "Show the marks of the last grading; marks given by hand are in the gradebook."))
    _overview_options(verb("overview", "Write a page on the whole class from the reports."))
    _why_options(verb("why", "Runs the hidden checks of one submission again and shows staff what they found."))
    _course(
        listed := verb(
            "complaints",
            "Lists every regrade.md that was handed in, with the points now and what was answered in Formgrader.",
        )
    )
    listed.add_argument("exercise", nargs="?", help="its key; default: all")
    _verify_options(
        verb(
            "verify",
            "Grades a sample of a class again, with other seeds and other numbers of threads, and lists every mark "
            "that moves. With --changed everybody, as autograde would now: whose marks are others than on disk?",
        )
    )
    verb(
        "sample-class",
        "A sample class for each exercise, graded by stock nbgrader, with the marks that each submission deserves.",
    ).add_argument("exercise", nargs="?", choices=SUBMISSIONS, help="default: all that have sample submissions")
    return parser


def _exercise_and_course(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("exercise", help="its key, such as ex01_pose_regression")
    _course(parser)


def _course(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--course", type=Path, default=ROOT, help="the course's folder, where nbgrader_config.py lies")


def _release_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("exercises", nargs="*", metavar="EXERCISE", help="default: all")
    parser.add_argument("--check", action="store_true", help="write nothing; fail where the tree differs")


def _autograde_options(parser: argparse.ArgumentParser) -> None:
    _exercise_and_course(parser)
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes that grade (default: 1)")
    parser.add_argument(
        "--scheduler", default="", metavar="ADDRESS", help="a running Dask scheduler, as tcp://host:8786"
    )
    parser.add_argument(
        "--require-isolation", choices=("best", "strict"), help="strict: refuse unless every layer holds"
    )
    parser.add_argument("--again", action="store_true", help="grade everything again, unchanged submissions, too")


def _overview_options(parser: argparse.ArgumentParser) -> None:
    _exercise_and_course(parser)
    parser.add_argument("--to", type=Path, help="the page; by default grading/overview/EXERCISE.html in the course")
    parser.add_argument("--reports", type=Path, help="folder of the reports, if it is not grading/reports")


def _why_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("student", help="the name of the folder in grading/submitted")
    _exercise_and_course(parser)
    parser.add_argument("question", nargs="?", help="default: all that have not all points")


def _verify_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("exercise", help="its key, such as ex01_pose_regression")
    parser.add_argument("--changed", action="store_true", help="everybody once, against the marks on disk")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes that grade, with --changed (1)")
    parser.add_argument(
        "--sample", type=int, metavar="N", help="submissions, always the same (10; with --changed: all)"
    )
    parser.add_argument("--student", action="append", metavar="NAME", help="this one instead; may be repeated")
    parser.add_argument("--seeds", type=int, default=3, metavar="K", help="other seeds (3)")
    parser.add_argument("--threads", default="1,2", metavar="COUNTS", help="thread counts (1,2)")
    _course(parser)


if __name__ == "__main__":
    sys.exit(main())
