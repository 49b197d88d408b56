"""The verbs of grading, in the order of a term:

    python -m grading release [EXERCISE ...]     exercises/ from solutions/, and the students' bundle
    python -m grading autograde EXERCISE         grade what is new or changed, then show the marks
    python -m grading marks EXERCISE             show the marks again, from the reports
    python -m grading overview EXERCISE          one page on the class: points, pass rates, mistakes, slow submissions
    python -m grading verify EXERCISE            grade a sample again with other seeds; list the marks that move
    python -m grading sample-class [EXERCISE]    sample classes, graded, with the marks that they deserve

`nbgrader` itself does the rest: collect, formgrader, generate_feedback, export. `VERB --help` says more.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from helpers.files import ROOT

ELSEWHERE = {
    "release": "grading.course.release",
    "overview": "grading.reporting.overview",
    "verify": "grading.verify",
    "sample-class": "grading.sample_class",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit status."""
    verb, *rest = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if verb in ELSEWHERE:
        return importlib.import_module(ELSEWHERE[verb]).main(rest) or 0
    if verb in ("autograde", "marks"):
        return {"autograde": autograde, "marks": marks}[verb](rest)
    print(__doc__.strip())
    return 0 if verb in ("-h", "--help", "help") else 2


def _parser(verb: str, text: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m grading {verb}", description=text)
    parser.add_argument("exercise", help="its key, such as ex01_pose_regression")
    parser.add_argument("--course", type=Path, default=ROOT, help="the course's folder, where nbgrader_config.py lies")
    return parser


def autograde(arguments: Sequence[str]) -> int:
    """Grade with stock nbgrader in this environment, then print the table of marks and write the overview."""
    parser = _parser(
        "autograde",
        "Grade what is new or changed, with stock nbgrader; further options go to it (--student=ID, say). "
        "It may be stopped at any moment: the next run goes on from there.",
    )
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes that grade (default: 1)")
    parser.add_argument(
        "--scheduler", default="", metavar="ADDRESS", help="a running Dask scheduler, as tcp://host:8786"
    )
    parser.add_argument(
        "--require-isolation", choices=("best", "strict"), help="strict: refuse unless every layer holds"
    )
    parser.add_argument("--again", action="store_true", help="grade everything again, unchanged submissions, too")
    options, further = parser.parse_known_args(arguments)
    if options.jobs < 1:
        parser.error(f"--jobs is a number from 1 on, got {options.jobs}")
    if (known := _exercises(options.course)) and options.exercise not in known:
        parser.error(f"there is no exercise {options.exercise} in {options.course}; there are {', '.join(known)}")
    command = [sys.executable, "-m", "nbgrader", "autograde", options.exercise, "--log-level=WARN"]
    command += [f"--Grading.jobs={options.jobs}", f"--Grading.scheduler={options.scheduler}"]
    command += [f"--Grading.progress={sys.stderr.isatty()}"]
    command += [f"--Grading.isolation={options.require_isolation}"] if options.require_isolation else []
    command += ["--force", "--Grading.again=True"] if options.again else []
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))}
    status = _run([*command, *further], options.course, environment)
    print(table(options.course, options.exercise))
    print(summary(options.course, options.exercise))
    if status:
        print("\nNot all was graded, see above. What is graded is kept; run the same command again to go on.")
    return status


def _exercises(course: Path) -> list[str]:
    folders = ("solutions", "exercises")
    return sorted({path.parent.name for folder in folders for path in (course / folder).glob("*/*.ipynb")})


def _run(command: list[str], course: Path, environment: dict[str, str]) -> int:
    """Run a command in the course's folder and return its exit status, 130 after Ctrl-C.

    The terminal sends Ctrl-C to the command, too: it is waited for until it has put everything in order.
    """
    before = signal.signal(signal.SIGINT, lambda number, frame: None)
    try:
        status = subprocess.run(command, cwd=course, env=environment, check=False).returncode
    finally:
        signal.signal(signal.SIGINT, before)
    return 128 - status if status < 0 else status


def summary(course: Path, exercise: str) -> str:
    """Return what the graders needed, and where the lecturer's page lies, which is written anew."""
    from grading.errors import GradingError
    from grading.report import Report
    from grading.reporting.overview import write_overview

    reports = []
    for path in (course / "grading" / "reports" / exercise).glob("*.json"):
        with contextlib.suppress(GradingError):  # the table names those that are damaged
            reports.append(Report.read(path))
    if not reports:
        return ""
    grader, worker = max(report.grader_mb for report in reports), max(report.peak_mb for report in reports)
    try:
        page = write_overview(course, exercise).relative_to(course)
    except (GradingError, OSError) as error:
        page = f"not written ({error})"
    return f"\nmemory: {grader} MB for each grader, {worker} MB for its worker at most\noverview: {page}"


def marks(arguments: Sequence[str]) -> int:
    """Print the table of marks."""
    options = _parser(
        "marks", "Show the marks of the last grading; marks given by hand are in the gradebook."
    ).parse_args(arguments)
    print(table(options.course, options.exercise))
    return 0


def table(course: Path, exercise: str) -> str:
    """Return the reports on one exercise as a table: a line for each student, a column for each question."""
    from grading.errors import GradingError
    from grading.report import Report

    rows: list[list[str]] = []
    for path in sorted((course / "grading" / "reports" / exercise).glob("*.json")):
        try:
            report = Report.read(path)
        except GradingError as error:
            rows.append([path.stem, *[""] * (len(rows[0]) - 2 if rows else 1), error.message])
            continue
        if not rows:
            maxima = [f"{name} {_of(q.maximum, q.bonus_maximum)}" for name, q in report.questions.items()]
            total = [sum(getattr(q, name) for q in report.questions.values()) for name in ("maximum", "bonus_maximum")]
            rows.append(["student", *maxima, f"total {_of(*total)}", "s", "remarks"])
        points = [f"{question.points + question.bonus:g}" for question in report.questions.values()]
        total = f"{report.points + report.bonus:g}"
        rows.append([report.student, *points, total, f"{report.seconds:.2f}", _remarks(report)])
    if not rows:
        return f"no reports on {exercise} in {course / 'grading' / 'reports'}: nothing is graded yet"
    widths = [max(len(row[column]) for row in rows if column < len(row)) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=False)).rstrip() for row in rows
    )


def _of(maximum: float, bonus: float) -> str:
    """Return what can be earned, as in "/6", "+3" for extra points alone, "/28 +3" for both."""
    return " ".join([f"/{maximum:g}"] * (maximum > 0 or not bonus) + [f"+{bonus:g}"] * (bonus > 0))


def _remarks(report: Any) -> str:
    if report.unreadable:
        return report.unreadable
    told = [
        f"{name}: {q.mistake or q.verdict}"
        for name, q in report.questions.items()
        if q.verdict not in ("passed", "not written")
    ]
    repaired = [f"{len(report.repairs)} repaired"] if report.repairs else []
    missing = [f"without {', '.join(report.isolation_missing)}"] if report.isolation_missing else []
    return "; ".join([*told, *repaired, *missing])


if __name__ == "__main__":
    sys.exit(main())
