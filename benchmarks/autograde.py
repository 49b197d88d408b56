"""`nbgrader autograde` per submission: this course's grading against stock `Execute`, on the same ten notebooks.

All are whole commands on a course folder of their own. Stock runs every cell of every notebook in a fresh kernel: as it
is, it trains each network again, a minute and a half each, so `make bench` measures one notebook, and

    python -m benchmarks autograde

all ten. In another run, to favour stock, nothing is trained there either (`fit` reads the submitted weights, as it does
in grading), and all ten are measured.
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

from benchmarks.row import Row, print_rows
from grading.sample_class import trained_weights, write_class
from grading.sample_submissions import EXERCISE
from helpers.files import ROOT

__all__ = ["copy", "main", "nbgrader", "rows"]

STUDENTS = 10
STOCK = """
c = get_config()
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "release"
c.ExecutePreprocessor.timeout = 600
"""


def rows(trained_again: int = 1) -> list[Row]:
    """Return stock seconds / our seconds per submission: for the whole command, and for each further submission.

    Args:
        trained_again: how many of the ten notebooks stock grades as it is, with their training.
    """
    with tempfile.TemporaryDirectory() as scratch:
        ours, stock = Path(scratch) / "ours", Path(scratch) / "stock"
        for course in (ours, stock):
            _course(course)
        for name in ("helpers", "grading", "nbgrader_config.py", "data", "pyproject.toml"):
            copy(ROOT / name, ours / name)
        (stock / "nbgrader_config.py").write_text(STOCK)
        _class(ours / "grading" / "submitted", STUDENTS)
        _class(stock / "submitted", STUDENTS)
        for course in (ours, stock):
            nbgrader(course, "generate_assignment", EXERCISE, "--force")
        nbgrader(ours, "autograde", EXERCISE, "--student=student_00")  # warms the disk and renders the held-out scenes
        again = ("--force", "--Grading.again=True")  # without that, nothing but marks would be written again
        first = nbgrader(ours, "autograde", EXERCISE, "--student=student_00", *again)
        all_ours = nbgrader(ours, "autograde", EXERCISE, *again)
        some = "--student=student_00" if trained_again == 1 else "--student=*"
        as_it_is = nbgrader(stock, "autograde", EXERCISE, some, train=True) / trained_again
        untrained = nbgrader(stock, "autograde", EXERCISE, "--force") / STUDENTS
    each, further = all_ours / STUDENTS, (all_ours - first) / (STUDENTS - 1)
    return [
        _row("stock as it is / ours, start-up included", as_it_is, each),
        _row("stock as it is / ours, each further one", as_it_is, further),
        _row("stock without training / ours, each further one", untrained, further),
    ]


def main(arguments: list[str]) -> int:
    """Print the ratios with all ten notebooks trained again by stock, some twenty minutes."""
    argparse.ArgumentParser(prog="python -m benchmarks autograde", description=main.__doc__).parse_args(arguments)
    print_rows(rows(trained_again=STUDENTS))
    return 0


def _row(what: str, stock_s: float, ours_s: float) -> Row:
    return Row(f"autograde, {what}", stock_s / ours_s, 20, note=f"{stock_s:.1f} s / {ours_s:.2f} s per submission")


def _course(folder: Path) -> None:
    """Lay down the solution, as both kinds of course need it."""
    copy(ROOT / "solutions" / EXERCISE, folder / "solutions" / EXERCISE)


def copy(source: Path, target: Path) -> None:
    """Copy a file or a folder, without what a class left in it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        left_out = ("sample", "submitted", "autograded", "feedback", "reports", "gradebook.db*", "__pycache__")
        shutil.copytree(source, target, ignore=shutil.ignore_patterns(*left_out))
    else:
        shutil.copyfile(source, target)


def _class(folder: Path, students: int) -> None:
    """Write copies of the perfect submission."""
    with tempfile.TemporaryDirectory() as scratch:
        write_class(Path(scratch), trained_weights())
        for number in range(students):
            shutil.copytree(Path(scratch) / "ada_perfect", folder / f"student_{number:02}")


def nbgrader(course: Path, *arguments: str, train: bool = False) -> float:
    """Run stock nbgrader in `course` and return the wall time in seconds; notebooks train only if `train` says so."""
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", "")]),
        "PYTHONPATH": str(course if (course / "helpers").is_dir() else ROOT),
        "DEEP_LEARNING_LAB_GRADING": "0" if train else "1",
        "MPLBACKEND": "Agg",
    }
    start = time.perf_counter()
    command = [sys.executable, "-m", "nbgrader", *arguments]
    done = subprocess.run(command, cwd=course, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{json.dumps(arguments)} failed in {course}:\n{done.stderr[-1500:]}")
    return time.perf_counter() - start
