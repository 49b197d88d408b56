"""What the verbs of `python -m grading` are asked with: their arguments and options, and the words of `--help`."""

from __future__ import annotations

import argparse
from pathlib import Path

from grading.sample_submissions import SUBMISSIONS
from helpers.files import ROOT

__all__ = ["parser_of_verbs"]


def parser_of_verbs() -> argparse.ArgumentParser:
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
    _overview_options(
        verb("overview", "Write a page on the whole class from the reports; without an exercise, on the whole term.")
    )
    _why_options(verb("why", "Runs the hidden checks of one submission again and shows staff what they found."))
    _course(
        listed := verb(
            "complaints",
            "Lists every regrade.md that was handed in, with the points now and what was answered in Formgrader.",
        )
    )
    listed.add_argument("exercise", nargs="?", help="its key; default: all")
    _extend_options(
        verb(
            "extend",
            "Give a student more time; it takes effect with the next autograde. Without arguments: who has more time.",
        )
    )
    _withdraw_options(
        verb(
            "withdraw",
            "Leave a student out of tables and exports; nothing is deleted. Without arguments: who has left.",
        )
    )
    _similar_options(
        verb("similar", "Write the answers of the whole class, a folder for each student and one for what was given.")
    )
    _verify_options(
        verb(
            "verify",
            "Grades a sample of a class again, with other seeds and other numbers of threads, and lists every mark "
            "that moves. With --changed everybody, as autograde would now: whose marks are others than on disk?",
        )
    )
    saving = verb(
        "backup",
        "Save submissions, graded notebooks, reports, the gradebook, the course's secret and its settings in one "
        "archive; `tar -xzf` in the course's folder brings them back.",
    )
    saving.add_argument("to", type=Path, metavar="TO.tar.gz", help="the archive: names and marks are in it")
    _course(saving)
    verb(
        "sample-class",
        "A sample class for each exercise, graded by stock nbgrader, with the marks that each submission deserves.",
    ).add_argument("exercise", nargs="?", choices=SUBMISSIONS, help="default: all that have sample submissions")
    return parser


def _exercise_and_course(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("exercise", help="its key, such as ex01_pose_regression")
    _course(parser)


def _course(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--course", type=_folder, default=ROOT, help="the course's folder, where nbgrader_config.py lies"
    )


def _folder(name: str) -> Path:
    """Return a folder from the root on: other programs are started in it, and paths below it are told."""
    folder = Path(name).resolve()
    if not folder.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {folder}")
    return folder


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
    parser.add_argument("exercise", nargs="?", help="its key, such as ex01_pose_regression; without one, the term")
    _course(parser)
    parser.add_argument("--to", type=Path, help="the page; by default grading/overview/EXERCISE.html in the course")
    parser.add_argument("--reports", type=Path, help="folder of the reports, if it is not grading/reports")


def _why_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("student", help="the name of the folder in grading/submitted")
    _exercise_and_course(parser)
    parser.add_argument("question", nargs="?", help="default: all that have not all points")


def _extend_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("student", nargs="?", help="the name of the folder that is handed in, now or later")
    parser.add_argument("exercise", nargs="?", help="its key, such as ex01_pose_regression")
    until = 'a time with UTC or an offset, "2031-05-08 12:00 UTC", or what is added to the due date, "+3 days"'
    parser.add_argument("until", nargs="?", help=until)
    parser.add_argument("--remove", action="store_true", help="take the extension away")
    _course(parser)


def _withdraw_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("student", nargs="?", help="the name of the folder that was handed in")
    parser.add_argument("--back", action="store_true", help="the student is back")
    _course(parser)


def _similar_options(parser: argparse.ArgumentParser) -> None:
    _exercise_and_course(parser)
    parser.add_argument("--to", type=Path, required=True, metavar="FOLDER", help="a folder that is not there yet")


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
