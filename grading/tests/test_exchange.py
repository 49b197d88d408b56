"""The exchange, from the release of an exercise to the page that a student fetches, all by nbgrader's own commands."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import toy_course
from lab_server import chromium, in_a_browser, serving
from nbgrader.coursedir import CourseDirectory
from nbgrader.exchange import ExchangeError
from toy_course import filled, fresh_copy, hand_in, nbgrader, weights

from grading.plugin.exchange import Collect, ReleaseAssignment, ReleaseFeedback
from grading.plugin.intake import secret_in

pytestmark = pytest.mark.filterwarnings("default")  # nbgrader's gradebook warns of its own queries

COURSE = "deep_learning_lab_cv"
ODD = "fay o'neill (2)"
SQUARED = "def double(x):\n    return x * x"
STRAY = {  # what somebody may put into the exchange, and what is said of it
    "eve+toy+yesterday+x": "no STUDENT+EXERCISE+TIME",
    "+toy+2031-01-01 00:00:00 UTC+x": "no name of a folder",
    "a\nb+toy+2031-01-01 00:00:00 UTC+x": "line break",
}
MOUNTS = shutil.which("unshare") and subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode == 0
needs_mounts = pytest.mark.skipif(not MOUNTS, reason="this account may not mount anything")


class Term:
    """A course with an exchange, and the folders in which its students work."""

    def __init__(self, folder: Path, course: Path) -> None:
        self.root, self.exchange = fresh_copy(course, folder / "course"), folder / "exchange"
        self.folder = folder
        self.exchange.mkdir(mode=0o777)
        with (self.root / "nbgrader_config.py").open("a") as config:
            config.write(f'\nc.Exchange.root = "{self.exchange}"\n')

    def staff(self, *command: str) -> str:
        """Run a command of the staff and return what it said."""
        done = nbgrader(self.root, *command)
        assert done.returncode == 0, done.stderr
        return done.stderr

    def student(self, name: str, *command: str) -> str:
        """Run a command in a student's folder, where there is no configuration, and return what it said."""
        place = self.folder / "students" / name
        place.mkdir(parents=True, exist_ok=True)
        options = [f"--course={COURSE}", f"--Exchange.root={self.exchange}", f"--Exchange.cache={place}/.cache"]
        done = nbgrader(place, *command, *options, f"--student={name}")
        assert done.returncode == 0, done.stderr
        return done.stderr

    def submit(self, name: str, **answers: str) -> None:
        """Fill in the fetched notebook and hand it in with its weights."""
        work = self.folder / "students" / name / "toy"
        (work / "toy.ipynb").write_text(json.dumps(filled(toy_course.released(self.root), **answers)))
        (work / "toy.safetensors").write_bytes(weights())
        self.student(name, "submit", "toy")

    def pages(self, name: str) -> list[str]:
        """Return the pages that a student fetched, the oldest first."""
        found = sorted((self.folder / "students" / name / "toy/feedback").glob("*/toy.html"))
        return [page.read_text() for page in found]


def put_strays(term: Term) -> None:
    """Put into the exchange what no command of nbgrader's would: links, a pipe, names of nobody."""
    inbound = term.exchange / COURSE / "inbound"
    for name in STRAY:
        (inbound / name).mkdir()
    ada = next(inbound.glob("ada+toy+*"))
    mallory = inbound / "mallory+toy+2031-01-01 00:00:00 UTC+x"
    mallory.mkdir()
    (mallory / "toy.ipynb").symlink_to(ada / "toy.ipynb")
    (mallory / "submission_secret.txt").symlink_to(ada / "submission_secret.txt")
    (mallory / "timestamp.txt").write_text("once upon a time")
    os.mkfifo(mallory / "pipe.txt")
    (inbound / "link+toy+2031-01-01 00:00:00 UTC+x").symlink_to(ada)


@pytest.fixture(scope="module")
def term(course, tmp_path_factory) -> tuple[Term, dict[str, str]]:
    """A term after two rounds, and what each command said: Ada handed in twice, Fay once, Ben by mail."""
    term, said = Term(tmp_path_factory.mktemp("term"), course.root), {}
    (term.root / "exercises/toy/toy.safetensors").write_bytes(b"of whoever tried the exercise")
    term.staff("release_assignment", "toy")
    for name in ("ada", ODD):
        term.student(name, "fetch_assignment", "toy")
    term.submit("ada", double=SQUARED)
    term.submit(ODD)
    hand_in(term.root, "ben", filled(toy_course.released(term.root)))
    put_strays(term)
    done = nbgrader(term.root, "collect", "toy")
    said["collect"], said["status"] = done.stderr, str(done.returncode)
    said["autograde"] = term.staff("autograde", "toy")
    term.staff("generate_feedback", "toy")
    said["release"] = term.staff("release_feedback", "toy")
    term.submit("ada")
    nbgrader(term.root, "collect", "toy", "--update")
    for command in ("autograde", "generate_feedback", "release_feedback"):
        term.staff(command, "toy")
    for name in ("ada", ODD):
        term.student(name, "fetch_feedback", "toy")
    return term, said


def test_what_trying_an_exercise_left_is_not_released(term):
    term, _ = term
    outbound = term.exchange / COURSE / "outbound/toy"
    assert sorted(path.name for path in outbound.iterdir()) == ["picture.png", "toy.ipynb"]


def test_each_student_fetches_the_page_of_each_round(term):
    term, _ = term
    first, second = term.pages("ada")
    assert "this is the square" in first and "double: 0 of 3 points" in first
    assert "this is the square" not in second and "double: 3 of 3 points" in second
    assert len(term.pages(ODD)) == 1 and "double: 3 of 3 points" in term.pages(ODD)[0]


def test_who_handed_in_otherwise_is_named_and_nobody_else_misses_a_page(term):
    term, said = term
    assert "No feedback is released to ben, mallory, who did not hand in through the exchange" in said["release"]
    assert "Released the feedback of 2 of 4 students" in said["release"] and "Traceback" not in said["release"]
    assert (term.root / "grading/feedback/ben/toy/toy.html").is_file()
    assert len(list((term.exchange / COURSE / "feedback").iterdir())) == 3  # Ada's two and Fay's


def test_the_secret_goes_with_the_graded_notebook_and_nothing_else_of_a_students(term):
    term, _ = term
    for student in ("ada", ODD, "ben", "mallory"):
        secret = secret_in(term.root / "grading/submitted" / student / "toy")
        kept = {"toy.ipynb"} | ({"timestamp.txt", "submission_secret.txt"} if student in ("ada", ODD) else set())
        graded = term.root / "grading/autograded" / student / "toy"
        assert {path.name for path in graded.iterdir()} == kept
        assert secret_in(graded) == secret == secret_in(term.root / "grading/feedback" / student / "toy")
        assert bool(secret) == (student in ("ada", ODD))


def test_whatever_else_lies_in_the_exchange_is_told_and_stops_nobody(term):
    term, said = term
    for trouble in STRAY.values():
        assert trouble in said["collect"]
    assert r"a\nb+toy" in said["collect"] and "a\nb" not in said["collect"]
    assert "mallory: left out: toy.ipynb is a link" in said["collect"]
    assert "mallory: left out: pipe.txt is not a regular file" in said["collect"]
    assert "not collected, all others are: link" in said["collect"] and said["status"] == "1"
    assert "Traceback" not in said["collect"]
    assert {path.name for path in (term.root / "grading/submitted").iterdir()} == {"ada", ODD, "ben", "mallory"}
    with toy_course.gradebook(term.root) as book:
        assert {one.student.id: one.score for one in book.assignment_submissions("toy")} == {
            "ada": 8.5, ODD: 8.5, "ben": 6.5, "mallory": 0.0,
        }  # fmt: skip


def test_a_student_sees_that_feedback_is_there(term):
    term, _ = term
    listed = term.student(ODD, "list", "toy", "--cached")
    assert "feedback already fetched" in listed


@in_a_browser
@pytest.mark.full
def test_formgraders_button_releases_the_same_feedback(term, tmp_path):
    term, _ = term
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is part of the extra [dev]")
    pages = term.exchange / COURSE / "feedback"
    before = {path.name for path in pages.iterdir()}
    (tmp_path / "kept").mkdir()
    for path in pages.iterdir():
        path.rename(tmp_path / "kept" / path.name)
    command = [
        sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root", "--port=0", "--ip=127.0.0.1",
        "--IdentityProvider.token=secret", f"--ServerApp.root_dir={term.root}",
    ]  # fmt: skip
    environment = {**toy_course.environment(), "JUPYTER_CONFIG_DIR": f"{tmp_path}/config"}
    environment |= {"JUPYTER_RUNTIME_DIR": f"{tmp_path}/runtime", "JUPYTER_DATA_DIR": f"{tmp_path}/data"}
    with (
        serving(command, tmp_path / "log", cwd=term.root, env=environment) as address,
        playwright.sync_playwright() as driver,
    ):
        browser = chromium(driver)
        page = browser.new_page()
        page.goto(f"{address}formgrader?token=secret", wait_until="domcontentloaded")
        button = page.locator("tr", has_text="toy").locator(".release-feedback a")
        with page.expect_response(lambda response: response.url.endswith("/release_feedback"), timeout=60_000) as done:
            button.click()
        answer = done.value.json()
        browser.close()
    found = {path.name for path in pages.iterdir()}
    shutil.copytree(tmp_path / "kept", pages, dirs_exist_ok=True)
    assert answer["success"], answer
    assert "No feedback is released to ben, mallory" in answer["log"]
    assert len(before) == 3 and found < before  # the second of Ada's two, and Fay's


# --- an exchange that cannot be written ------------------------------------------------------------------------------


def with_mount(term: Term, mount: str, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the staff after a mount that only this run sees."""
    line = shlex.join([sys.executable, "-m", "nbgrader", *command])
    return subprocess.run(
        ["unshare", "-m", "sh", "-c", f"{mount} && {line}"], cwd=term.root, env=toy_course.environment(),
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


READ_ONLY = "mount --bind {0} {0} && mount -o remount,bind,ro {0}"


FULL = "mount -t tmpfs -o size=8k none {0}"
TROUBLES = [
    pytest.param(READ_ONLY, "release_feedback", id="read-only-feedback"),
    pytest.param(FULL, "release_assignment", id="full-assignment"),
    pytest.param(READ_ONLY, "release_assignment", id="read-only-assignment", marks=pytest.mark.full),
    pytest.param(FULL, "release_feedback", id="full-feedback", marks=pytest.mark.full),
]


@needs_mounts
@pytest.mark.parametrize(("mount", "command"), TROUBLES)
def test_an_exchange_that_cannot_be_written_is_a_sentence(term, mount, command):
    term, _ = term
    exchange, full = shlex.quote(str(term.exchange)), "tmpfs" in mount
    done = with_mount(term, mount.format(exchange), command, "toy", *["--force"] * (command == "release_assignment"))
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    wanted = "No space left on device" if full else "Read-only file system|exchange .* cannot be written"
    assert re.search(wanted, done.stderr), done.stderr
    assert "then run again" in done.stderr
    assert not list(term.exchange.rglob("*.part"))


@needs_mounts
@pytest.mark.full
def test_an_exchange_that_is_read_only_is_collected(term):
    term, _ = term
    done = with_mount(term, READ_ONLY.format(shlex.quote(str(term.exchange))), "collect", "toy", "--student=ada")
    assert done.returncode == 0 and "Submission already exists" in done.stderr, done.stderr


@pytest.mark.parametrize("step", [Collect, ReleaseFeedback])
def test_an_exchange_that_is_not_there_is_a_sentence(tmp_path, step):
    coursedir = CourseDirectory(root=str(tmp_path), course_id="cv", assignment_id="toy")
    with pytest.raises(ExchangeError, match=f"there is no exchange at {tmp_path}/nowhere: see Exchange.root"):
        step(coursedir=coursedir, root=f"{tmp_path}/nowhere").start()


@needs_mounts
def test_a_full_disk_of_the_course_collects_nobody_by_half(term, tmp_path):
    term, _ = term
    submitted = term.root / "grading/submitted"
    mount = f"mount -t tmpfs -o size=8k none {shlex.quote(str(submitted))}"
    done = with_mount(term, mount, "collect", "toy")
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    assert "No space left on device" in done.stderr and "not collected, all others are: " in done.stderr


@pytest.mark.parametrize("trouble", ["a link to nothing", "too large"])
def test_an_exercise_is_released_whole_or_not_at_all(tmp_path, trouble):
    folder = tmp_path / "release/toy"
    folder.mkdir(parents=True)
    (folder / "toy.ipynb").write_text("{}" * 1000)
    if trouble != "too large":
        (folder / "picture.png").symlink_to("nowhere")
    most = 1 if trouble == "too large" else 100
    coursedir = CourseDirectory(root=str(tmp_path), course_id="cv", assignment_id="toy", max_dir_size=most)
    with pytest.raises(ExchangeError, match="toy is not released: .*(No such file|too big).* then run again"):
        ReleaseAssignment(coursedir=coursedir, root=f"{tmp_path}/exchange").start()
    assert not list((tmp_path / "exchange/cv/outbound").iterdir())


def release(root: Path, exchange: Path, **options: str) -> ReleaseFeedback:
    """Return what releases the feedback of a course, not yet started."""
    coursedir = CourseDirectory(
        root=str(root), course_id="cv", assignment_id="toy", feedback_directory="feedback", **options
    )
    exchange.mkdir(exist_ok=True)
    return ReleaseFeedback(coursedir=coursedir, root=str(exchange))


def give_page(root: Path, student: str, secret: str | bytes | None) -> None:
    """Write a page of feedback with a secret beside it."""
    folder = root / "feedback" / student / "toy"
    folder.mkdir(parents=True)
    (folder / "toy.html").write_text(f"the page of {student}")
    if secret is not None:
        (folder / "submission_secret.txt").write_bytes(secret if isinstance(secret, bytes) else secret.encode())


def test_nobody_gets_the_page_of_a_student_with_the_same_secret(tmp_path, caplog):
    for student, secret in {"ada": "1" * 128, "ben": "2" * 128, "eve": "1" * 128}.items():
        give_page(tmp_path, student, secret)
    release(tmp_path, tmp_path / "exchange").start()
    pages = list((tmp_path / "exchange/cv/feedback").iterdir())
    assert [page.read_text() for page in pages] == ["the page of ben"] and pages[0].stat().st_mode & 0o777 == 0o644
    release(tmp_path, tmp_path / "alone", student_id="ada").start()
    assert not list((tmp_path / "alone/cv/feedback").iterdir())
    assert "No feedback is released to ada, eve, whose submission_secret.txt is another student's, too" in caplog.text


@pytest.mark.parametrize("secret", [b"", b" \n", b"x" * 1025, b"\xff\xfe", b"a\x00b", b"x" * (2 << 20)])
def test_what_nbgrader_cannot_have_written_is_no_secret(tmp_path, secret):
    give_page(tmp_path, "ada", secret)
    assert secret_in(tmp_path / "feedback/ada/toy") == ""


def test_feedback_that_was_not_generated_is_a_sentence(tmp_path):
    with pytest.raises(ExchangeError, match="no page of feedback in .*generate_feedback` comes first"):
        release(tmp_path, tmp_path / "exchange").start()


def test_a_page_from_before_the_secret_was_kept_is_told_apart(tmp_path, caplog):
    for student in ("ada", "ben"):
        give_page(tmp_path, student, None)
    graded = tmp_path / "autograded/ada/toy"
    graded.mkdir(parents=True)
    (graded / "submission_secret.txt").write_text("1" * 128)
    release(tmp_path, tmp_path / "exchange").start()
    assert "to ada, whose page lacks the secret" in caplog.text and "generate_feedback toy --force" in caplog.text
    assert "to ben, who did not hand in through the exchange" in caplog.text


def test_one_student_and_all_but_one_can_be_chosen(tmp_path):
    for number, student in enumerate(("ada", "ben", "fay [2]")):
        give_page(tmp_path, student, str(number) * 128)
    release(tmp_path, tmp_path / "one", student_id="fay [2]").start()
    assert [page.read_text() for page in (tmp_path / "one/cv/feedback").iterdir()] == ["the page of fay [2]"]
    release(tmp_path, tmp_path / "two", student_id_exclude="ada,fay [2]").start()
    assert [page.read_text() for page in (tmp_path / "two/cv/feedback").iterdir()] == ["the page of ben"]


def test_a_submission_that_was_changed_later_is_told(tmp_path, caplog):
    for name in ("ada+toy+2001-01-01 00:00:00 UTC+x", f"ben+toy+{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC+x"):
        (tmp_path / "exchange/cv/inbound" / name).mkdir(parents=True)
    coursedir = CourseDirectory(root=str(tmp_path), course_id="cv", assignment_id="toy")
    Collect(coursedir=coursedir, root=str(tmp_path / "exchange"), check_owner=False).start()
    assert re.search("ada: changed in the exchange at .* UTC, though handed in at 2001-01-01 00:00; look", caplog.text)
    assert "ben: changed" not in caplog.text and {p.name for p in (tmp_path / "submitted").iterdir()} == {"ada", "ben"}


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives a folder to another account")
def test_nobody_hands_in_for_a_student_who_has_an_account_here(tmp_path, caplog):
    inbound = tmp_path / "exchange/cv/inbound"
    for day, (account, text) in enumerate({"daemon": "own", "nobody": "forged"}.items(), 1):
        folder = inbound / f"daemon+toy+2031-01-0{day} 00:00:00 UTC+x"
        folder.mkdir(parents=True)
        (folder / "toy.ipynb").write_text(text)
        shutil.chown(folder, account)
    coursedir = CourseDirectory(root=str(tmp_path), course_id="cv", assignment_id="toy")
    Collect(coursedir=coursedir, root=str(tmp_path / "exchange")).start()
    assert (tmp_path / "submitted/daemon/toy/toy.ipynb").read_text() == "own"
    assert "2031-01-02 00:00:00 UTC+x' in the exchange, it belongs to the account nobody" in caplog.text


def test_a_group_of_teachers_can_write_what_one_of_them_collected(tmp_path):
    work = tmp_path / "exchange/cv/inbound/ada+toy+2031-01-01 00:00:00 UTC+x"
    work.mkdir(parents=True)
    (work / "toy.ipynb").write_text("{}")
    coursedir = CourseDirectory(root=str(tmp_path), course_id="cv", assignment_id="toy", groupshared=True)
    Collect(coursedir=coursedir, root=str(tmp_path / "exchange"), check_owner=False).start()
    folder = tmp_path / "submitted/ada/toy"
    assert (folder / "toy.ipynb").stat().st_mode & 0o777 == 0o664 and folder.stat().st_mode & 0o2777 == 0o2775
