"""Faults while a class is graded: nothing is lost or half-written, the reason is said, the next run completes it."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import re
import shlex
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
from kill_loop import descendants, kill_loop, outcome
from toy_course import FULL, environment, filled, hand_in, nbgrader, weights, with_class

from grading.plugin import apart
from grading.report import Report

ROOM_KB = 20  # for the beginning of what a class of seven adds to a gradebook
KILLS = 3  # the whole loop is `python grading/tests/kill_loop.py --kills 50`


@pytest.fixture
def root(small_class, tmp_path) -> Path:
    """A copy of the class, not graded yet, for one fault."""
    return with_class(small_class[0], tmp_path / "course")


def completed(root: Path, small_class: tuple[Path, dict]) -> bool:
    """Run once more, without the fault, and return whether all is as if there had been none."""
    done = nbgrader(root, "autograde", "toy")
    assert done.returncode == 0, done.stderr
    return outcome(root) == small_class[1]


def half_written(root: Path) -> list[str]:
    """Return what was begun and not finished."""
    return [str(path) for path in (root / "grading").rglob("*") if path.name.endswith(".part")]


def start(root: Path, *options: str, module: str = "nbgrader") -> subprocess.Popen[str]:
    """Start to grade, in a session of its own: as a terminal does, with a group that a signal can be sent to."""
    line = [sys.executable, "-m", module, "autograde", "toy", *options]
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    return subprocess.Popen(line, cwd=root, env=toy_course.environment(), text=True, start_new_session=True, **streams)


def wait_for_reports(root: Path, run: subprocess.Popen[str], number: int = 1) -> None:
    """Wait until so many reports are written."""
    while len(list((root / "grading/reports/toy").glob("*.json"))) < number:
        assert run.poll() is None, run.stderr.read()
        time.sleep(0.02)


@pytest.mark.full
def test_kill_9_at_random_moments(root):
    seed = os.getpid()
    try:
        hit = kill_loop(root, KILLS, seed, say=lambda *words, **options: None)
    except AssertionError as error:
        raise AssertionError(f"seed {seed}: {error}") from error
    assert hit["completed"] >= 1, (seed, hit)


@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.full)])
def test_ctrl_c_stops_leaves_what_is_done_and_no_process(root, small_class, jobs):
    """Sent as a terminal sends it: to the command and to all that it started."""
    more = [root / f"grading/submitted/more_{number:02}" for number in range(24)]
    for folder in more:
        shutil.copytree(root / "grading/submitted/ada", folder)
    run = start(root, f"--course={root}", f"--jobs={jobs}", module="grading")
    wait_for_reports(root, run)
    below = descendants(run.pid)
    os.killpg(run.pid, signal.SIGINT)
    said = run.communicate(timeout=60)[1]
    assert run.returncode == 130 and "Traceback" not in said, said
    assert said.splitlines()[-1].startswith("Interrupted.") and len(said.splitlines()) < 10, said
    deadline = time.monotonic() + 20
    while any(os.path.exists(f"/proc/{pid}/exe") for pid in below):
        assert time.monotonic() < deadline, below
        time.sleep(0.05)
    reports = {path: path.stat().st_mtime_ns for path in (root / "grading/reports/toy").glob("*.json")}
    assert 1 <= len(reports) < 7 + len(more) and half_written(root) == []
    for folder in more:  # they withdraw: what is left is the class of the other tests
        shutil.rmtree(folder)
        (root / f"grading/reports/toy/{folder.name}.json").unlink(missing_ok=True)
    assert completed(root, small_class)
    kept = {path: time for path, time in reports.items() if path.exists()}
    assert {path: path.stat().st_mtime_ns for path in kept} == kept  # nobody was graded twice


INTERRUPTED = """
import logging, os, signal, sys
from grading.plugin.interrupt import on_interrupt

interrupt = lambda *nothing: os.kill(os.getpid(), signal.SIGINT)
on_interrupt(lambda: print("stopped"))
{moment}
for turn in range(10**7):
    pass
print("went on")
"""
MOMENTS = {
    "anywhere": "interrupt()",
    "in a finaliser, where Python drops what is raised": "class One: __del__ = interrupt\none = One(); del one",
    "in a weak reference's callback": "import weakref\none = {1}; watch = weakref.ref(one, interrupt); del one",
    "while a pool resets a connection and logs what is raised": """
import sqlalchemy
engine = sqlalchemy.create_engine("sqlite://")
sqlalchemy.event.listen(engine, "reset", interrupt)
engine.connect().close()
""",
    "in a library that keeps what is raised to its log": """
try: interrupt()
except BaseException: logging.getLogger("library").error("kept", exc_info=True); raise
""",
}


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS)
def test_an_interrupt_ends_the_run_with_one_line_wherever_it_falls(moment):
    run = subprocess.run([sys.executable, "-c", INTERRUPTED.format(moment=moment)], capture_output=True, text=True)
    assert run.stderr == "Interrupted. What is graded is kept; run the same command again to go on.\n"
    assert set(run.stdout.split("\n")) == {"stopped", ""} and run.returncode == -signal.SIGINT


def test_a_worker_killed_from_outside_costs_nobody_a_point(grader, release, tmp_path):
    from grading.submission.read import read_submission

    slow = filled(release, total="import time\ndef total(x):\n    time.sleep(0.5)\n    return x.sum()")
    submission = read_submission(hand_in(tmp_path, "ada", slow, {"toy.safetensors": weights()}), "toy", 5, 1)
    stop, killed = threading.Event(), []

    def kill_once() -> None:
        while not stop.is_set():
            keepers = descendants(grader.fork_server.process.pid)
            if workers := [pid for keeper in keepers for pid in descendants(keeper)]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(workers[-1], signal.SIGKILL)
                    killed.append(workers[-1])
                return
            time.sleep(0.01)

    hand = threading.Thread(target=kill_once)
    hand.start()
    report = grader.grade(grader.repair(submission), submission)
    stop.set()
    hand.join()
    assert killed and {name: question.points for name, question in report.questions.items()} == FULL


def test_a_fork_server_killed_before_its_first_worker_is_started_again(course, release, tmp_path):
    from grading.examination.grader import Grader
    from grading.isolation.forkserver import start_fork_server
    from grading.limits import Limits
    from grading.submission.read import read_submission

    fork_server = start_fork_server(course, Limits())
    os.kill(fork_server.process.pid, signal.SIGKILL)
    grader = Grader(course, fork_server, tmp_path / "secret")
    try:
        folder = hand_in(tmp_path, "ada", filled(release), {"toy.safetensors": weights()})
        submission = read_submission(folder, "toy", 5, 1)
        report = grader.grade(grader.repair(submission), submission)
    finally:
        grader.close()
    assert {name: question.points for name, question in report.questions.items()} == FULL


def test_a_second_grader_waits_for_the_first(root, small_class):
    (root / "grading/reports").mkdir()
    with open(root / "grading/reports/.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("process 4711, grading\n")
        lock.flush()
        run = start(root)
        line = next(line for line in run.stderr if "Waiting" in line)
        assert "another run on this course, for 60 min at most: process 4711" in line
        assert not (root / "grading/gradebook.db").exists()
    run.communicate(timeout=300)
    assert run.returncode == 0 and outcome(root) == small_class[1]


def test_a_grader_waits_no_longer_than_it_may_and_says_for_whom(root):
    (root / "grading/reports").mkdir()
    with open(root / "grading/reports/.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("process 4711 of anna on host7, grading toy, since 2031-05-06 12:00:00\n")
        lock.flush()
        done = nbgrader(root, "autograde", "toy", "--Grading.lock_seconds=1")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    who = (
        "another run on this course is not done: process 4711 of anna on host7, grading toy, since 2031-05-06 12:00:00"
    )
    assert f"Nobody was graded: {who}. Waited for 1 s. Run again when it has ended." in done.stderr


def test_who_holds_the_lock_says_so(root):
    run = start(root)
    run.communicate(timeout=300)
    said = (root / "grading/reports/.lock").read_text()
    assert re.fullmatch(
        rf"process {run.pid} of \S+ on \S+, grading toy, since \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d\n", said
    )


API = """
import fcntl, json, sys
from nbgrader.apps import NbGraderApp
from nbgrader.apps.api import NbGraderAPI
app = NbGraderApp()
app.initialize([])
answer = NbGraderAPI(app.coursedir, parent=app).autograde("toy", sys.argv[1])
with open("grading/reports/.lock") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
print(json.dumps({**answer, "torch": "torch" in sys.modules}))
"""


def test_a_script_that_asks_nbgrader_to_grade_keeps_nothing_of_the_run(root):
    hand_in(root, "~ada", filled(toy_course.released(root)), {"toy.safetensors": weights()})  # no home of anybody's
    for name, success in (("~ada", True), ("nobody", False)):
        command = [sys.executable, "-c", API, name]
        done = subprocess.run(command, cwd=root, env=environment(), capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout.splitlines()[-1])
        assert answer["success"] is success and not answer["torch"]
        assert (f"[INFO] {name}: " if success else "there is no submission") in answer["log"]


def test_a_run_beside_a_server_that_is_ended_from_outside_says_so(tmp_path):
    killed = "import os, signal; print('[INFO] begun', flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    ran = asyncio.run(apart.run([sys.executable, "-c", killed], tmp_path))
    last = "[ERROR] The run was ended by signal 9. What is done is kept; run it again to go on."
    assert not ran.done and ran.lines == ["[INFO] begun", last]


@pytest.mark.full
def test_two_graders_at_once_are_as_one(root, small_class):
    runs = [start(root), start(root, "--Grading.jobs=2")]
    for run in runs:
        run.communicate(timeout=600)
    assert [run.returncode for run in runs] == [0, 0] and outcome(root) == small_class[1]


@pytest.mark.full
def test_a_gradebook_that_stays_locked_stops_nothing_for_good(root, small_class):
    """First for as long as the run lasts, which says so; then for a while, which only costs time."""
    book = f"--db=sqlite:///{root}/grading/gradebook.db?timeout=1"
    assert nbgrader(root, "autograde", "toy", "--student=ben").returncode == 0
    with contextlib.closing(sqlite3.connect(root / "grading/gradebook.db", timeout=60)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        done = nbgrader(root, "autograde", "toy", book)
        connection.rollback()
        assert done.returncode == 1 and "Another program has kept it locked" in done.stderr, done.stderr
        run = start(root)
        wait_for_reports(root, run, 2)
        connection.execute("BEGIN EXCLUSIVE")
        time.sleep(7)  # SQLite itself would give up after five
        connection.rollback()
    run.communicate(timeout=300)
    assert run.returncode == 0 and outcome(root) == small_class[1]


needs_mounts = pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="only root can mount here")


@pytest.fixture(scope="module")
def in_trouble(small_class, tmp_path_factory) -> Path:
    """A class of which one is graded already, for all faults of the disk, one after the other."""
    root = with_class(small_class[0], tmp_path_factory.mktemp("in_trouble") / "course")
    assert nbgrader(root, "autograde", "toy", "--student=ben").returncode == 0
    return root


def with_mount(root: Path, mount: str, *options: str, after: str = "true") -> subprocess.CompletedProcess[str]:
    """Grade after a mount that only this run sees; at the end the command `after` sees it, too."""
    grade = shlex.join([sys.executable, "-m", "nbgrader", "autograde", "toy", *options])
    line = ["unshare", "-m", "sh", "-c", f"{mount} && {{ {grade}; status=$?; {after} && exit $status; }}"]
    return subprocess.run(
        line, cwd=root, env=toy_course.environment(), capture_output=True, text=True, timeout=300, check=False
    )


@needs_mounts
@pytest.mark.full
def test_a_disk_that_fills_while_marks_are_written_is_said(in_trouble):
    """What was written of the gradebook until then takes its place, for the next run to go on from."""
    book, small = in_trouble / "grading/gradebook.db", in_trouble / "small"
    small.mkdir()
    size = book.stat().st_size // 1024 + ROOM_KB
    done = with_mount(
        in_trouble,
        f"mount -t tmpfs -o size={size}k none small && cp grading/gradebook.db small",
        f"--db=sqlite:///{small}/gradebook.db",
        after="cp small/gradebook.db* grading",
    )
    assert done.returncode == 1 and "Nobody was graded" not in done.stderr, done.stderr
    assert re.search("disk is full|No space left on device", done.stderr), done.stderr
    small.rmdir()
    with contextlib.closing(sqlite3.connect(book)) as connection:
        students = [row[0] for row in connection.execute("SELECT DISTINCT student_id FROM submitted_assignment")]
    assert 1 <= len(students) < 7, students


@needs_mounts
@pytest.mark.parametrize("full", ["reports", pytest.param("autograded", marks=pytest.mark.full)])
def test_a_full_disk_is_said(in_trouble, full):
    folder = in_trouble / "grading" / full
    mount = f"mount -t tmpfs -o size=8k none {shlex.quote(str(folder))}"
    done = with_mount(in_trouble, mount, after="ls -AR grading")
    assert done.returncode == 1 and "No space left on device" in done.stderr, done.stderr
    assert "gradebook.db" in done.stdout and ".part" not in done.stdout and half_written(in_trouble) == []


@needs_mounts
@pytest.mark.parametrize("folder", ["reports", ""])
def test_a_read_only_folder_is_said_before_anybody_is_graded(in_trouble, folder):
    place = shlex.quote(str(in_trouble / "grading" / folder))
    done = with_mount(in_trouble, f"mount --bind {place} {place} && mount -o remount,bind,ro {place}")
    assert done.returncode == 1 and re.search("Nobody was graded: .* cannot be written", done.stderr), done.stderr


@needs_mounts
def test_after_all_faults_of_the_disk_the_next_run_completes(in_trouble, small_class):
    assert completed(in_trouble, small_class)


def test_clocks_that_jump_change_no_mark(grader, release, tmp_path, monkeypatch):
    from grading.submission.read import read_submission

    submission = read_submission(hand_in(tmp_path, "ada", filled(release), {"toy.safetensors": weights()}), "toy", 5, 1)
    now, jumps = time.time(), iter(range(1, 10**6))
    monkeypatch.setattr(time, "time", lambda: now + (-1) ** next(jumps) * 10**7)
    report: Report = grader.grade(grader.repair(submission), submission)
    assert {name: question.points for name, question in report.questions.items()} == FULL
    assert 0 <= report.seconds < 60
