"""A class graded by several graders, and again after a change: who is graded, by whom, and always the same marks."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from importlib import metadata
from pathlib import Path

import pytest
import toy_course
from kill_loop import descendants, outcome
from toy_course import EXERCISE, FULL, filled, hand_in, nbgrader, weights, with_class

from grading.course.course import Course
from grading.course.fingerprint import course_fingerprint, files_of, report_fingerprint
from grading.errors import CourseError
from grading.examination import graders
from grading.examination.graders import Job, PoolExecutor, grade_folder
from grading.limits import Limits
from grading.report import Report
from grading.submission.read import read_submission

STUDENTS = ("ada", "ben", "cem", "dua", "eli", "fay", "gus")
CLUSTER = """
import sys
from distributed import LocalCluster
if __name__ == "__main__":
    with LocalCluster("127.0.0.1:0", n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()
"""


def times(root: Path) -> dict[str, int]:
    """Return when each student's report was written."""
    return {path.stem: path.stat().st_mtime_ns for path in (root / "grading/reports/toy").glob("*.json")}


def test_the_small_class_has_the_marks_that_it_deserves(small_class):
    root, _ = small_class
    points = {name: Report.read(root / f"grading/reports/toy/{name}.json").points for name in STUDENTS}
    assert points == {"ada": 7, "ben": 0, "cem": 4, "dua": 7, "eli": 7, "fay": 5, "gus": 0}
    assert sum(FULL.values()) == 7


def test_two_graders_give_the_marks_of_one(small_class, tmp_path):
    root, right = small_class
    other = with_class(root, tmp_path / "course")
    done = nbgrader(other, "autograde", "toy", "--Grading.jobs=2")
    assert done.returncode == 0, done.stderr
    assert outcome(other) == right
    assert all(Report.read(path).grader_mb > 100 for path in (other / "grading/reports/toy").glob("*.json"))


@pytest.fixture
def cluster(tmp_path):
    """The address of a Dask cluster of two workers, of which nothing is left in the end."""
    pytest.importorskip("distributed")
    (tmp_path / "cluster.py").write_text(CLUSTER)
    line = [sys.executable, tmp_path / "cluster.py"]
    path = os.pathsep.join([toy_course.environment()["PYTHONPATH"], str(Path(__file__).parent)])
    running = subprocess.Popen(
        line, env={**toy_course.environment(), "PYTHONPATH": path}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    try:
        yield running.stdout.readline().strip()
    finally:
        below = descendants(running.pid)
        running.communicate(timeout=60)
    assert [pid for pid in below if os.path.exists(f"/proc/{pid}/exe")] == []


@pytest.mark.full
def test_a_dask_cluster_gives_the_marks_of_one(cluster, small_class, tmp_path):
    root, right = small_class
    other = with_class(root, tmp_path / "course")
    done = nbgrader(other, "autograde", "toy", f"--Grading.scheduler={cluster}")
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
    assert outcome(other) == right


@pytest.mark.full
def test_a_dask_worker_that_ends_while_it_gets_ready_is_said_in_our_words(cluster, tmp_path, monkeypatch):
    """Dask has an error of its own for that, of no common kind."""
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(Job, "fingerprint", lambda job: "of the course")
    monkeypatch.setattr(graders, "be_ready", _ended)
    many = PoolExecutor(Job(Course(tmp_path, EXERCISE), Limits(), "best", tmp_path), 1, cluster, lambda report: None)
    with pytest.raises(CourseError, match="ended twice while it got ready"):
        many.missing()
    with contextlib.suppress(ValueError):  # there is none any more
        while True:
            distributed.default_client().close()


@pytest.mark.full
def test_a_scheduler_that_is_not_there_grades_nobody(course):
    pytest.importorskip("distributed")
    job = Job(course, Limits(), "best", course.root / "grading/course_secret")
    many = PoolExecutor(job, 1, "tcp://127.0.0.1:9", keep=lambda report: None)
    with pytest.raises(CourseError, match="no Dask scheduler answers at tcp://127.0.0.1:9"):
        many.ahead([("folder", "ada")])


def test_a_grader_with_another_course_refuses(course):
    job = Job(course, Limits(), "best", course.root / "grading/course_secret")
    with pytest.raises(CourseError, match="not the same course here"):
        grade_folder(job, "another key", "folder", "ada")


def test_a_grader_that_has_loaded_older_code_refuses(course, monkeypatch):
    job = Job(course, Limits(), "best", course.root / "grading/course_secret")
    monkeypatch.setattr(graders, "_loaded", "of last week")
    with pytest.raises(CourseError, match="changed after this grader had been started"):
        grade_folder(job, job.fingerprint(), "folder", "ada")


@pytest.mark.full
def test_a_grader_that_lives_for_weeks_sees_new_checks_and_other_courses(course, tmp_path, monkeypatch):
    """As a worker of a cluster: one process, whatever is asked of it."""
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path != str(course.root)])
    for name, hint in (("one", "is the square"), ("two", "squares, as in another course")):
        root = with_class(course.root, tmp_path / name)
        checks = root / "toy_checks/toy.py"
        checks.write_text(checks.read_text().replace("is the square", hint))
        squared = filled(toy_course.released(root), double="def double(x): return x * x")
        folder = hand_in(root, "ada", squared, {"toy.safetensors": weights()})
        job = Job(Course(root, EXERCISE, "toy_checks"), Limits(), "best", root / "grading/course_secret")
        report = grade_folder(job, job.fingerprint(), str(folder), "ada")
        assert hint in report.questions["double"].hint and report.points == FULL["total"] + FULL["model"]
        hidden = root / "grading/hidden_checks/test_toy.py"
        head = "def test_values(submission):"
        hidden.write_text(hidden.read_text().replace(head, f"{head}\n    return"))
        assert grade_folder(job, job.fingerprint(), str(folder), "ada").points > report.points
    graders.close()


def test_the_verb_grades_shows_the_time_left_and_writes_the_overview(small_class, tmp_path):
    root, right = small_class
    other = with_class(root, tmp_path / "course")
    line = [sys.executable, "-m", "grading", "autograde", "toy", "--course", other, "--jobs=2"]
    line += ["--require-isolation=strict"]
    pty, terminal = os.openpty()
    fcntl.ioctl(pty, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))  # a bar wants columns
    with open(tmp_path / "table", "wb") as table:
        run = subprocess.Popen(line, env=toy_course.environment(), stdout=table, stderr=terminal)
    os.close(terminal)
    said = b"".join(iter(lambda: _read(pty), b"")).decode()
    os.close(pty)
    table = (tmp_path / "table").read_text()
    assert run.wait(60) == 0, said
    assert "toy: " in said and "7/7" in said and re.search(r"\d\d:\d\d<\d\d:\d\d", said), said
    assert all(name in table for name in STUDENTS) and "MB for each grader" in table
    assert outcome(other)["marks"] == right["marks"]
    page = (other / "grading/overview/toy.html").read_text()
    assert "squared" in page and "gus" in page


def _read(pty: int) -> bytes:
    try:
        return os.read(pty, 1 << 16)
    except OSError:  # the other end is closed
        return b""


# --- what is graded again --------------------------------------------------------------------------------------------


@pytest.fixture
def graded(small_class, tmp_path):
    """A copy of the graded class, with all that grading left: as a lecturer has it the next morning."""
    root = Path(shutil.copytree(small_class[0], tmp_path / "course", copy_function=shutil.copy2))
    config = (root / "nbgrader_config.py").read_text()
    assert "ROOT" in config  # every path follows the folder
    time.sleep(2.1)  # files younger than that are read again, whatever they look like
    return root


def gradings(root: Path) -> dict[str, tuple[str, float]]:
    """Return the key of each student's report and the seconds that it took, which no second grading takes again."""
    reports = [Report.read(path) for path in (root / "grading/reports/toy").glob("*.json")]
    return {report.student: (report.fingerprint, report.seconds) for report in reports}


def test_a_second_run_in_a_copy_grades_nobody(graded):
    before = outcome(graded), gradings(graded)
    assert nbgrader(graded, "autograde", "toy").returncode == 0
    assert (outcome(graded), gradings(graded)) == before
    after = nbgrader(graded, "autograde", "toy")  # the first one learnt that copies of the files are the same
    assert (outcome(graded), gradings(graded)) == before
    assert "7 of 7 submissions are graded and unchanged" in after.stderr


def test_only_a_changed_submission_is_graded_again(graded):
    nbgrader(graded, "autograde", "toy")
    before, book = times(graded), outcome(graded)
    hand_in(graded, "ben", filled(toy_course.released(graded)), {"toy.safetensors": weights()})
    assert nbgrader(graded, "autograde", "toy", "--Grading.jobs=2").returncode == 0
    after = times(graded)
    assert [name for name in STUDENTS if before[name] != after[name]] == ["ben"]
    changed = {name for name, value in outcome(graded).items() if value != book[name]}
    assert changed == {"marks", "comments", "ben.json", "grading/autograded/ben/toy/toy.ipynb"}


def test_marks_come_back_from_reports_without_grading(graded, small_class):
    nbgrader(graded, "autograde", "toy")
    before = times(graded)
    (graded / "grading/gradebook.db").unlink()
    cut = graded / "grading/autograded/cem/toy/toy.ipynb"
    cut.chmod(0o644)
    cut.write_text(cut.read_text()[:2000])  # a full disk, a pulled plug
    shutil.rmtree(graded / "grading/autograded/eli")
    assert nbgrader(graded, "autograde", "toy").returncode == 0
    assert times(graded) == before and outcome(graded) == small_class[1]


def test_other_checks_and_other_limits_make_all_reports_void(course, tmp_path):
    secret = b"x" * 64
    key = course_fingerprint(course, Limits(), "best", secret)
    assert key == course_fingerprint(Course(course.root, EXERCISE, "toy_checks"), Limits(), "best", secret)
    same = with_class(course.root, tmp_path / "same")
    assert key == course_fingerprint(Course(same, EXERCISE, "toy_checks"), Limits(), "best", secret)
    assert key != course_fingerprint(course, Limits(cell_seconds=1), "best", secret)
    assert key != course_fingerprint(course, Limits(), "strict", secret)
    assert key != course_fingerprint(course, Limits(), "best", b"y" * 64)
    for place in ("grading/hidden_checks/test_toy.py", "solutions/toy/toy.ipynb", "exercises/toy/toy.ipynb",
                  "grading/known_wrong/toy.py", "toy_checks/toy.py"):  # fmt: skip
        other = with_class(course.root, tmp_path / place.replace("/", "_"))
        text = (other / place).read_text()
        (other / place).write_text(
            text.replace("import torch", "import math, torch") if ".ipynb" in place else f"{text}x = 1\n"
        )
        assert course_fingerprint(Course(other, EXERCISE, "toy_checks"), Limits(), "best", secret) != key, place


def test_the_key_follows_contents_and_what_was_odd_about_the_files(tmp_path, release):
    first = read_submission(hand_in(tmp_path / "a", "ada", filled(release)), EXERCISE, 5, 1)
    copy = read_submission(hand_in(tmp_path / "b", "ben", filled(release)), EXERCISE, 5, 1)
    assert (
        report_fingerprint("course", first) == report_fingerprint("course", copy) != report_fingerprint("other", first)
    )
    with_weights = read_submission(
        hand_in(tmp_path / "a", "ada", filled(release), {"toy.safetensors": b"x"}), EXERCISE, 5, 1
    )
    assert report_fingerprint("course", with_weights) != report_fingerprint("course", first)
    copy.notes.append("the notebook was called mine.ipynb")
    assert report_fingerprint("course", copy) != report_fingerprint("course", first)


def test_files_are_trusted_by_their_times_only_when_these_are_settled(tmp_path, release, monkeypatch):
    folder = hand_in(tmp_path, "ada", filled(release), {"toy.safetensors": b"x"})
    assert files_of(folder, EXERCISE) == {}  # just written
    now = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now + 10**10)
    known = files_of(folder, EXERCISE)
    assert set(known) == {"toy.ipynb", "toy.safetensors"} and known["toy.safetensors"][0] == 1
    monkeypatch.setattr(time, "time_ns", lambda: now - 3600 * 10**9)  # a clock set back
    assert files_of(folder, EXERCISE) == {}
    monkeypatch.setattr(time, "time_ns", lambda: now + 10**10)
    state = (folder / "toy.safetensors").stat()
    (folder / "toy.safetensors").write_bytes(b"y")
    os.utime(folder / "toy.safetensors", ns=(state.st_atime_ns, state.st_mtime_ns))  # same size, same time
    assert files_of(folder, EXERCISE) != known
    (folder / "toy.ipynb").rename(folder / "mine.ipynb")
    assert files_of(folder, EXERCISE) == {}


def test_a_linked_folder_is_never_known_by_its_files(tmp_path, release, monkeypatch):
    """Neither as the same when what it leads to takes its place, nor when it takes the place of that."""
    folder = hand_in(tmp_path / "inbox", "max", filled(release))
    link = tmp_path / "max"
    link.symlink_to(folder.parent)
    now = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now + 10**10)
    assert files_of(folder, EXERCISE) and files_of(link / EXERCISE, EXERCISE) == {}


def test_a_report_on_a_link_is_not_right_for_the_folder_that_takes_its_place(small_class, tmp_path):
    root = with_class(small_class[0], tmp_path / "course")
    submitted = root / "grading/submitted"
    for name in set(STUDENTS) - {"ada"}:
        shutil.rmtree(submitted / name)
    (submitted / "ada").rename(tmp_path / "ada")
    (submitted / "ada").symlink_to(tmp_path / "ada")
    time.sleep(2.1)  # files younger than that are read again, whatever they look like
    for points in (0, 7):
        assert nbgrader(root, "autograde", "toy").returncode == 0
        assert Report.read(root / "grading/reports/toy/ada.json").points == points
        if (submitted / "ada").is_symlink():
            (submitted / "ada").unlink()
            (tmp_path / "ada").rename(submitted / "ada")


# --- graders that die ------------------------------------------------------------------------------------------------

DEADLY = """
def count(answer, memory, x):
    memory["n"] = memory.get("n", 0) + 1
    return {"n": memory["n"], "value": answer(x)}

def ending(ask, rng, oracle):
    got = ask("call", x=torch.ones(2))
    if got.dtype == torch.int8:
        import os
        os.kill(os.getpid(), 9)
    remembers(ask, rng, oracle)
"""


def _ended(*ignored: object) -> dict[str, str]:
    """Stand for `be_ready` in a grader that the kernel ends, as for want of memory."""
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def _ended_once(job: Job, fingerprint: str) -> dict[str, str]:
    """The same, for the first grader alone."""
    try:
        job.secret.touch(exist_ok=False)
    except FileExistsError:
        return {"network": "for a test"}
    return _ended()


def test_a_grader_that_ends_while_it_gets_ready_has_a_second_chance(tmp_path, monkeypatch):
    monkeypatch.setattr(Job, "fingerprint", lambda job: "of the course")
    job = Job(Course(tmp_path, EXERCISE, "toy_checks"), Limits(), "best", tmp_path / "ended")
    many = PoolExecutor(job, 1, "", keep=lambda report: None)
    monkeypatch.setattr(graders, "be_ready", _ended_once)
    assert many.missing() == {"network": "for a test"}
    monkeypatch.setattr(graders, "be_ready", _ended)
    with pytest.raises(CourseError, match="ended twice while it got ready"):
        many.missing()
    many.close()


@pytest.mark.full
def test_a_submission_that_ends_every_grader_takes_nobody_along(small_class, tmp_path):
    """Our own check does it here, as a fault in a library could; the others are graded, the next run tries again."""
    root = with_class(small_class[0], tmp_path / "course")
    checks = root / "toy_checks/toy.py"
    text = checks.read_text().replace('"again": remembers', '"again": ending')
    checks.write_text(text.replace("\nHINTS = {", DEADLY + "\nHINTS = {", 1))
    hand_in(root, "cem", filled(toy_course.released(root), double="def double(x):\n    return x.to(torch.int8)"))
    done = nbgrader(root, "autograde", "toy", "--Grading.jobs=2")
    assert done.returncode == 0, done.stderr
    reports = {name: Report.read(root / f"grading/reports/toy/{name}.json") for name in STUDENTS}
    points = {name: report.points for name, report in reports.items()}
    assert points == {"ada": 7, "ben": 0, "cem": 0, "dua": 7, "eli": 7, "fay": 5, "gus": 0}
    question = reports["cem"].questions["double"]
    assert question.verdict == "not graded" and "the grader itself ended twice" in question.hint
    assert not reports["cem"].sound and reports["ada"].sound
    assert json.loads((root / "grading/autograded/cem/toy/toy.ipynb").read_text())["cells"]


ADDED = {
    "toy_checks/toy.toml": True,
    "toy_checks/toy.safetensors": True,
    "grading/hidden_checks/scores.py": True,  # what the hidden module may use
    "grading/hidden_checks/test_other.py": False,  # another exercise's
}


@pytest.mark.parametrize(("place", "counts"), ADDED.items())
def test_what_lies_beside_the_checks_counts_unless_it_is_another_exercises(course, tmp_path, place, counts):
    other = with_class(course.root, tmp_path / "course")
    before, unchanged = (
        course_fingerprint(Course(root, EXERCISE, "toy_checks"), Limits(), "best", b"x" * 64)
        for root in (course.root, other)
    )
    (other / place).write_text("# new\n")
    after = course_fingerprint(Course(other, EXERCISE, "toy_checks"), Limits(), "best", b"x" * 64)
    assert before == unchanged and (after != before) == counts


@pytest.mark.parametrize("package", ["torch", "pycocotools", "ipython"])
def test_another_version_of_what_marks_depend_on_makes_all_reports_void(course, monkeypatch, package):
    key, version = course_fingerprint(course, Limits(), "best", b"x" * 64), metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: "0" if name == package else version(name))
    assert course_fingerprint(course, Limits(), "best", b"x" * 64) != key
