"""A class of 200 through `python -m grading autograde`: two graders against one, and a second run after one change.

Every student hands in one of nine sample submissions to exercise 1, with the weights where there are some: perfect,
in another style, half done, untouched, with known mistakes, damaged, hostile, cut in half, with weights of another
network. (The tenth loops forever and would measure nothing but its limits.) All runs are whole commands, with the
start of nbgrader and torch.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.autograde import copy, nbgrader
from benchmarks.row import Row, print_rows
from grading.report import Report
from grading.sample_class import trained_weights, write_class
from grading.sample_submissions import EXERCISE
from helpers.files import ROOT

__all__ = ["main", "rows"]

STUDENTS = 200


def rows(students: int = STUDENTS) -> list[Row]:
    """Return seconds with one grader / with two, and seconds of a second run / of the first."""
    with tempfile.TemporaryDirectory() as scratch:
        course = Path(scratch) / "course"
        copy(ROOT / "solutions" / EXERCISE, course / "solutions" / EXERCISE)
        for name in ("helpers", "grading", "nbgrader_config.py", "data", "pyproject.toml"):
            copy(ROOT / name, course / name)
        _hand_in(course / "grading" / "submitted", students)
        nbgrader(course, "generate_assignment", EXERCISE, "--force")
        _seconds(course, "--student=student_000")  # warms the disk and renders the held-out scenes
        _start_over(course)
        two = _seconds(course, "--jobs=2")
        memory = _memory(course)
        _start_over(course)
        one = _seconds(course)
        folder = course / "grading" / "submitted"
        shutil.copyfile(
            folder / f"student_000/{EXERCISE}/{EXERCISE}.ipynb", folder / f"student_003/{EXERCISE}/{EXERCISE}.ipynb"
        )
        second = _seconds(course)
        marks, start = _seconds(course, "--force"), time.perf_counter()
        nbgrader(course, "generate_feedback", EXERCISE)
        pages = time.perf_counter() - start
        sizes = _sizes(course)
    return [
        Row(f"class of {students}, one grader / two", one / two, 1.7, note=f"{one:.0f} s / {two:.0f} s; {memory}"),
        Row(
            f"class of {students}, second run after one resubmission / first",
            second / one,
            0.02,
            at_least=False,
            note=f"{second:.1f} s / {one:.0f} s; of one submission, marks from its report {marks / students:.2f} s, "
            f"its page {pages / students:.2f} s; {sizes}",
        ),
    ]


def main(arguments: list[str]) -> int:
    """Print the two ratios for a class of another size."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks scale")
    parser.add_argument("--students", type=int, default=STUDENTS)
    print_rows(rows(parser.parse_args(arguments).students))
    return 0


def _hand_in(submitted: Path, students: int) -> None:
    """Write the class; everybody's notebook says whose it is, so that no two are the same."""
    with tempfile.TemporaryDirectory() as scratch:
        write_class(Path(scratch), trained_weights())
        kinds = sorted(path for path in Path(scratch).iterdir() if path.name != "fay_crash_and_endless_loop")
        for number in range(students):
            folder = submitted / f"student_{number:03}"
            shutil.copytree(kinds[number % len(kinds)], folder)
            path = folder / EXERCISE / f"{EXERCISE}.ipynb"
            try:
                notebook = json.loads(path.read_text())
            except ValueError:  # the one that was cut in half
                continue
            notebook["metadata"]["student"] = number
            path.write_text(json.dumps(notebook, indent=1))


def _start_over(course: Path) -> None:
    for name in ("reports", "autograded"):
        shutil.rmtree(course / "grading" / name, ignore_errors=True)
    (course / "grading" / "gradebook.db").unlink(missing_ok=True)


def _seconds(course: Path, *options: str) -> float:
    """Run the verb in `course` and return the wall time in seconds."""
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", "")])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(course)}
    start = time.perf_counter()
    command = [sys.executable, "-m", "grading", "autograde", EXERCISE, *options]
    done = subprocess.run(command, cwd=course, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr[-1500:]}")
    return time.perf_counter() - start


def _memory(course: Path) -> str:
    reports = [Report.read(path) for path in (course / "grading" / "reports" / EXERCISE).glob("*.json")]
    grader, worker = max(report.grader_mb for report in reports), max(report.peak_mb for report in reports)
    return f"a grader takes {grader} MB at most, its worker {worker} MB"


def _sizes(course: Path) -> str:
    """Return in words how large the files of one submission are on average."""
    kinds = {
        "report": f"reports/{EXERCISE}/*.json",
        "graded notebook": f"autograded/*/{EXERCISE}/*.ipynb",
        "page": f"feedback/*/{EXERCISE}/*.html",
    }
    found = {kind: [path.stat().st_size for path in (course / "grading").glob(kinds[kind])] for kind in kinds}
    return ", ".join(f"{kind} {sum(sizes) / len(sizes) / 1000:.0f} kB" for kind, sizes in found.items())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
