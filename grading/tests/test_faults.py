"""Faults while a class is graded: nothing is lost or half-written, the reason is said, the next run completes it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import toy_course
from kill_loop import a_small_class, descendants, kill_loop, outcome
from toy_course import filled, nbgrader

from grading.report import Report

KILLS = 3  # the whole loop is `python grading/tests/kill_loop.py --kills 50`


@pytest.fixture(scope="module")
def undisturbed(course, tmp_path_factory):
    """The small class, not graded yet, and what a run that nobody disturbs makes of it."""
    root = tmp_path_factory.mktemp("faults") / "course"
    left_out = shutil.ignore_patterns("submitted", "autograded", "reports", "gradebook.db*")
    shutil.copytree(course.root, root, ignore=left_out)
    a_small_class(root)
    work = shutil.copytree(root, root.with_name("undisturbed"))
    (work / "grading/course_secret").unlink(missing_ok=True)
    assert nbgrader(work, "autograde", "toy", "--Grading.jobs=2").returncode == 0
    shutil.copy2(work / "grading/course_secret", root / "grading/course_secret")
    return root, outcome(work)


@pytest.fixture
def root(undisturbed, tmp_path) -> Path:
    """A copy of the class for one fault."""
    return Path(shutil.copytree(undisturbed[0], tmp_path / "course", copy_function=shutil.copy2))


def completed(root: Path, undisturbed: tuple[Path, dict]) -> bool:
    """Run once more, without the fault, and return whether all is as if there had been none."""
    done = nbgrader(root, "autograde", "toy")
    assert done.returncode == 0, done.stderr
    return outcome(root) == undisturbed[1]


def half_written(root: Path) -> list[str]:
    """Return what was begun and not finished."""
    return [str(path) for path in (root / "grading").rglob("*") if path.name.endswith(".part")]


def start(root: Path, *options: str) -> subprocess.Popen[str]:
    line = [sys.executable, "-m", "nbgrader", "autograde", "toy", *options]
    return subprocess.Popen(line, cwd=root, env=toy_course.environment(), stderr=subprocess.PIPE, text=True)


def wait_for_a_report(root: Path, run: subprocess.Popen[str]) -> None:
    """Wait until the first report is written."""
    while not list((root / "grading/reports/toy").glob("*.json")):
        assert run.poll() is None, run.stderr.read()
        time.sleep(0.02)


def test_kill_9_at_random_moments(undisturbed, tmp_path):
    root = Path(shutil.copytree(undisturbed[0], tmp_path / "course"))
    hit = kill_loop(root, KILLS, seed=os.getpid(), say=lambda *words, **options: None)
    assert sum(hit.values()) - hit["completed"] == KILLS and hit["completed"] >= 1


def test_an_interrupt_stops_leaves_what_is_done_and_no_process(root, undisturbed):
    more = [root / f"grading/submitted/more_{number:02}" for number in range(24)]
    for folder in more:
        shutil.copytree(root / "grading/submitted/ada", folder)
    run = start(root, "--Grading.jobs=2")
    wait_for_a_report(root, run)
    below = descendants(run.pid)
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=60)
    assert run.returncode != 0
    deadline = time.monotonic() + 20
    while any(os.path.exists(f"/proc/{pid}/exe") for pid in below):
        assert time.monotonic() < deadline, below
        time.sleep(0.05)
    reports = {path: path.stat().st_mtime_ns for path in (root / "grading/reports/toy").glob("*.json")}
    assert 1 <= len(reports) < 7 + len(more) and half_written(root) == []
    for folder in more:  # they withdraw: what is left is the class of the other tests
        shutil.rmtree(folder)
        (root / f"grading/reports/toy/{folder.name}.json").unlink(missing_ok=True)
    assert completed(root, undisturbed)
    kept = {path: time for path, time in reports.items() if path.exists()}
    assert {path: path.stat().st_mtime_ns for path in kept} == kept  # nobody was graded twice


def test_a_worker_killed_from_outside_costs_nobody_a_point(grader, release, tmp_path):
    from toy_course import FULL, hand_in, weights

    from grading.submission import read_submission

    slow = filled(release, total="import time\ndef total(x):\n    time.sleep(0.5)\n    return x.sum()")
    submission = read_submission(hand_in(tmp_path, "ada", slow, {"toy.safetensors": weights()}), "toy", 5, 1)
    stop = threading.Event()

    def kill_once() -> None:
        while not stop.is_set():
            if turn := [pid for keeper in descendants(grader.warm.process.pid) for pid in descendants(keeper)]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(turn[-1], signal.SIGKILL)
                return
            time.sleep(0.01)

    hand = threading.Thread(target=kill_once)
    hand.start()
    report = grader.grade(grader.repair(submission), submission)
    stop.set()
    hand.join()
    assert {name: question.points for name, question in report.questions.items()} == FULL


def test_a_warm_process_killed_before_its_first_turn_is_started_again(course, release, tmp_path):
    from toy_course import FULL, hand_in, weights

    from grading.answers import warm_process
    from grading.grade import Grader
    from grading.sandbox import Limits
    from grading.submission import read_submission

    warm = warm_process(course, Limits())
    os.kill(warm.process.pid, signal.SIGKILL)
    grader = Grader(course, warm, tmp_path / "secret")
    try:
        folder = hand_in(tmp_path, "ada", filled(release), {"toy.safetensors": weights()})
        submission = read_submission(folder, "toy", 5, 1)
        report = grader.grade(grader.repair(submission), submission)
    finally:
        grader.close()
    assert {name: question.points for name, question in report.questions.items()} == FULL


def test_a_second_grader_waits_for_the_first(root, undisturbed):
    (root / "grading/reports").mkdir()
    with open(root / "grading/reports/.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("process 4711, grading\n")
        lock.flush()
        run = start(root)
        line = next(line for line in run.stderr if "Waiting" in line)
        assert "another grader of this course: process 4711" in line
        assert not (root / "grading/gradebook.db").exists()
    run.communicate(timeout=300)
    assert run.returncode == 0 and outcome(root) == undisturbed[1]


def test_two_graders_at_once_are_as_one(root, undisturbed):
    runs = [start(root), start(root, "--Grading.jobs=2")]
    for run in runs:
        run.communicate(timeout=600)
    assert [run.returncode for run in runs] == [0, 0] and outcome(root) == undisturbed[1]


def test_a_gradebook_that_stays_locked_stops_nothing_for_good(root, undisturbed):
    book = f"--db=sqlite:///{root}/grading/gradebook.db?timeout=1"
    assert nbgrader(root, "autograde", "toy", "--student=ben").returncode == 0
    with contextlib.closing(sqlite3.connect(root / "grading/gradebook.db")) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        done = nbgrader(root, "autograde", "toy", book)
        connection.rollback()
    assert done.returncode == 1 and "Another program has kept it locked" in done.stderr, done.stderr
    assert completed(root, undisturbed)


def test_a_gradebook_locked_for_a_while_only_costs_time(root, undisturbed):
    assert nbgrader(root, "autograde", "toy", "--student=ben").returncode == 0
    run = start(root)
    with contextlib.closing(sqlite3.connect(root / "grading/gradebook.db", timeout=60)) as connection:
        while len(list((root / "grading/reports/toy").glob("*.json"))) < 2:
            assert run.poll() is None, run.stderr.read()
            time.sleep(0.02)
        connection.execute("BEGIN EXCLUSIVE")
        time.sleep(7)  # SQLite itself would give up after five
        connection.rollback()
    run.communicate(timeout=300)
    assert run.returncode == 0 and outcome(root) == undisturbed[1]


needs_mounts = pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="only root can mount here")


def with_mount(root: Path, mount: str) -> subprocess.CompletedProcess[str]:
    """Grade after a mount that only this run sees; what lies in the folder of reports is printed at the end."""
    grade = f"{sys.executable} -m nbgrader autograde toy; status=$?; ls -A grading/reports/toy; exit $status"
    line = ["unshare", "-m", "sh", "-c", f"{mount} && {grade}"]
    return subprocess.run(
        line, cwd=root, env=toy_course.environment(), capture_output=True, text=True, timeout=300, check=False
    )


@needs_mounts
@pytest.mark.parametrize("full", ["reports", "autograded"])
def test_a_full_disk_is_said_and_the_next_run_completes(root, undisturbed, full):
    folder = root / "grading" / full
    folder.mkdir()
    done = with_mount(root, f"mount -t tmpfs -o size=8k none {folder}")
    assert done.returncode == 1 and "No space left on device" in done.stderr, done.stderr
    assert ".part" not in done.stdout and half_written(root) == []
    assert completed(root, undisturbed)


@needs_mounts
def test_a_full_disk_under_the_gradebook_is_said_and_the_next_run_completes(root, undisturbed):
    mount = (
        "mkdir /tmp/book && cp -a grading /tmp/book/copy && mount -t tmpfs -o size=200k none grading "
        "&& cp -a /tmp/book/copy/course_secret /tmp/book/copy/hidden_checks /tmp/book/copy/known_wrong "
        "/tmp/book/copy/submitted grading/ && rm -r /tmp/book && mkdir grading/reports"
    )
    done = with_mount(root, mount)
    assert done.returncode == 1 and "full" in done.stderr + "No space left", done.stderr
    assert completed(root, undisturbed)


@needs_mounts
@pytest.mark.parametrize(
    ("folder", "reason"), [("reports", "cannot be written to"), ("", "cannot be written|no grade")]
)
def test_a_read_only_folder_is_said_before_anybody_is_graded(root, undisturbed, folder, reason):
    import re

    place = root / "grading" / folder
    place.mkdir(exist_ok=True)
    done = with_mount(root, f"mount --bind {place} {place} && mount -o remount,bind,ro {place}")
    assert done.returncode == 1 and re.search(f"Nobody was graded: .*({reason})", done.stderr), done.stderr
    assert completed(root, undisturbed)


def test_clocks_that_jump_change_no_mark(grader, release, tmp_path, monkeypatch):
    from toy_course import FULL, hand_in, weights

    from grading.submission import read_submission

    submission = read_submission(hand_in(tmp_path, "ada", filled(release), {"toy.safetensors": weights()}), "toy", 5, 1)
    now, jumps = time.time(), iter(range(1, 10**6))
    monkeypatch.setattr(time, "time", lambda: now + (-1) ** next(jumps) * 10**7)
    report: Report = grader.grade(grader.repair(submission), submission)
    assert {name: question.points for name, question in report.questions.items()} == FULL
    assert 0 <= report.seconds < 60
