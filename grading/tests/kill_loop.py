"""Kill -9 at random moments, again and again; whatever was hit, the next run completes the same gradebook.

    python grading/tests/kill_loop.py --kills 50

grades a small class of the toy course with two graders. Each time one of three is killed at a random moment: the
command itself, it with everything it started, or any one process below it. Whenever a run gets to its end, gradebook,
reports and graded notebooks must be those of a run that nobody disturbed; then all of it is thrown away and the class
is graded anew.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[2])]

import toy_course  # noqa: E402
from toy_course import filled, hand_in, named, weights  # noqa: E402

__all__ = ["a_small_class", "descendants", "kill_loop", "outcome"]

# Of a report, what two runs need not share; keys change when somebody edits the project meanwhile.
MOVES = ("seconds", "peak_mb", "grader_mb", "forks", "files", "output", "key", "course_key")
MARKS = """
SELECT student.id, base_cell.name, grade.auto_score, grade.manual_score, grade.extra_credit, grade.needs_manual_grade
FROM grade JOIN base_cell ON grade.cell_id = base_cell.id
JOIN submitted_notebook ON grade.notebook_id = submitted_notebook.id
JOIN submitted_assignment ON submitted_notebook.assignment_id = submitted_assignment.id
JOIN student ON submitted_assignment.student_id = student.id ORDER BY 1, 2
"""
COMMENTS = MARKS.replace("grade.auto_score, grade.manual_score, grade.extra_credit, grade.needs_manual_grade",
                         "comment.auto_comment, comment.manual_comment").replace("grade", "comment")  # fmt: skip


def a_small_class(root: Path) -> None:
    """Write seven submissions: right, untouched, mistaken, in words, renamed, crashing, unreadable."""
    release, files = toy_course.released(root), {"toy.safetensors": weights()}
    hand_in(root, "ada", filled(release), files)
    hand_in(root, "ben", release)
    hand_in(root, "cem", filled(release, double="def double(x):\n    return x * x"), files)
    words = filled(release)
    named(words, "words_1")["source"] = "Wrists, because they move."
    (hand_in(root, "dua", words, files) / "timestamp.txt").write_text("2031-05-06 07:08:09 UTC")
    (hand_in(root, "eli", None, files) / "mine.ipynb").write_text(json.dumps(filled(release)))
    hand_in(root, "fay", filled(release, total="import os\ndef total(x): os._exit(3)"), files)
    hand_in(root, "gus", json.dumps(filled(release))[:500])


def outcome(root: Path) -> dict[str, Any]:
    """Return all that a run leaves, but for times, memory and row numbers."""
    book = root / "grading" / "gradebook.db"
    with contextlib.closing(sqlite3.connect(book)) as connection:
        questions = {"marks": MARKS, "comments": COMMENTS, "version": "SELECT * FROM alembic_version"}
        found = {name: connection.execute(question).fetchall() for name, question in questions.items()}
    for path in sorted((root / "grading/reports/toy").iterdir()):
        report = json.loads(path.read_text())
        answers = {name: {**question, "seconds": 0} for name, question in report["questions"].items()}
        found[path.name] = {key: value for key, value in report.items() if key not in MOVES} | {"questions": answers}
    for path in sorted((root / "grading/autograded").rglob("*")):
        if path.is_file():
            found[str(path.relative_to(root))] = re.sub(r'"done": "\w+"', "", path.read_text())
    return found


def start_over(root: Path) -> None:
    """Take away all that grading left, but for the course's secret."""
    for name in ("reports", "autograded"):
        shutil.rmtree(root / "grading" / name, ignore_errors=True)
    for path in (root / "grading").glob("gradebook.db*"):
        path.unlink()


def command(root: Path) -> subprocess.Popen[bytes]:
    """Start to grade the class with two graders."""
    line = [sys.executable, "-m", "nbgrader", "autograde", "toy", "--Grading.jobs=2"]
    with open(root / "log", "ab") as log:
        return subprocess.Popen(line, cwd=root, env=toy_course.environment(), stdout=subprocess.DEVNULL, stderr=log)


def descendants(pid: int) -> list[int]:
    """Return the ids of all processes below one, itself left out."""
    found: list[int] = []
    for child in _children(pid):
        found += [child, *descendants(child)]
    return found


def _children(pid: int) -> list[int]:
    found = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError):
                found += map(int, Path(f"/proc/{pid}/task/{thread}/children").read_text().split())
    return found


def kill(run: subprocess.Popen[bytes], whom: str, dice: random.Random) -> list[int]:
    """Kill the command, the command with everything it started, or one process below it; return whom it hit."""
    below = descendants(run.pid)
    targets = {"command": [run.pid], "all": [run.pid, *below], "one below": [dice.choice(below)] if below else []}
    hit = []
    for pid in targets[whom]:
        if not _ended(pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                hit.append(pid)
    return hit


def stage(root: Path) -> str:
    """Return how far a run of the class is: before the first report, while reports are written, or after the last."""
    students = len(list((root / "grading/submitted").iterdir()))
    done = len(list((root / "grading/reports/toy").glob("*.json")))
    return "before grading" if not done else "while grading" if done < students else "after grading"


def kill_loop(root: Path, kills: int, seed: int, say: Any = print) -> Counter[str]:
    """Run the loop on a class that lies in `root`; return how often whom was hit, how often at which stage, and how
    many runs got to the end.

    Raises:
        AssertionError: a run ended with another outcome, or left a process behind.
    """
    dice, hit = random.Random(seed), Counter()
    started = time.monotonic()
    assert command(root).wait(600) == 0, (root / "log").read_text()[-2000:]
    seconds, right = time.monotonic() - started, outcome(root)
    start_over(root)
    done = 0
    while done < kills:
        run, whom = command(root), dice.choice(("command", "all", "one below"))
        time.sleep(dice.uniform(0.0, 1.0) * seconds)
        left, reached = descendants(run.pid), stage(root)
        if run.poll() is None and kill(run, whom, dice):
            hit.update([whom, reached])
            done += 1
        status = run.wait(600)
        _gone(left)
        if status == 0:
            _compare(root, right)
            hit["completed"] += 1
            start_over(root)
        say(f"{done:3} of {kills}: {whom}, {reached}; status {status}", flush=True)
    assert command(root).wait(600) == 0, (root / "log").read_text()[-2000:]
    _compare(root, right)
    hit["completed"] += 1
    return hit


def _compare(root: Path, right: dict[str, Any]) -> None:
    got = outcome(root)
    assert got.keys() == right.keys(), (sorted(got), sorted(right))
    for name in right:
        assert got[name] == right[name], f"{name} is {str(got[name])[:2000]}, expected {str(right[name])[:2000]}"


def _gone(pids: list[int], patience: float = 20.0) -> None:
    """See that every process ends soon: graders die with the command, fork servers and workers with their grader."""
    deadline = time.monotonic() + patience
    while left := [pid for pid in pids if not _ended(pid)]:
        assert time.monotonic() < deadline, f"left behind: {left}"
        time.sleep(0.05)


def _ended(pid: int) -> bool:
    """Return whether a process is gone, or only waits for its parent to notice its end."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def main() -> int:
    """Run the loop and print what was hit."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = toy_course.make_course(Path(folder))
        a_small_class(root)
        hit = kill_loop(root, options.kills, options.seed)
        told = ", ".join(f"{name} {number}" for name, number in hit.items())
        print(f"{told}: every completed run is as an undisturbed one")
    return 0


if __name__ == "__main__":
    sys.exit(main())
