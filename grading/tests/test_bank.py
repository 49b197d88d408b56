"""The bank of submissions: each is graded by the real grader in real isolation and gets the marks that it deserves.

All cases together are one class of the toy course, which stock nbgrader grades in one run. Besides, every fifth case is
graded on one of the other exercises whose network is handed in, in turn. `BANK_EXERCISES="ex01_pose_regression,toy"`
runs every case on each of those instead, "all" on all that there are.
"""

import contextlib
import csv
import dataclasses
import functools
import html
import io
import itertools
import json
import os
import re
import site
import subprocess
import sys
import time
import zipfile
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest
import safetensors.torch
import torch
import toy_course
from kill_loop import descendants
from local_submission import hidden_names
from submissions import CASES
from submissions.exercise import Exercise, HandedIn
from submissions.tampering_files import NEIGHBOUR
from submissions.tampering_process import MARKER
from submissions.tampering_python import MIME
from test_release import answer_lines

import helpers
from grading import sample_class
from grading.course import held_out
from grading.course.course import Course
from grading.course.release import ROOT
from grading.course.secret import course_secret
from grading.examination.grader import Grader
from grading.isolation.forkserver import start_fork_server
from grading.limits import Limits
from grading.report import QuestionReport, Report
from grading.sample_submissions import EXERCISE, SUBMISSIONS
from grading.submission.read import read_submission

TRAINED = [key for key in SUBMISSIONS if "model" in Course(ROOT, key).maxima]  # cases need the model question
KEYS = ("toy", *TRAINED)
SOLUTION = "solutions/toy/toy.ipynb"
SIZES = {"memory_mb": 800, "file_mb": 16, "notebook_mb": 8, "weights_mb": 16}
TOY = Limits(cell_seconds=2, question_seconds=2, submission_seconds=8, **SIZES)
REAL = Limits(cell_seconds=5, question_seconds=10, submission_seconds=60, **SIZES)  # right answers take up to 3 s
# Which exercise comes how often: right answers to a later one take longer.
TURNS = [key for real in (*TRAINED, EXERCISE, EXERCISE) for key in ("toy", "toy", real, "toy", "toy")]


def chosen() -> list[Any]:
    """Return (exercise, case) of what is graded without nbgrader, by exercise, so that one fork server is enough.

    Of what nobody named every fourth is in every tier; all cases are in the toy class.
    """
    named = os.environ.get("BANK_EXERCISES", "")
    keys = KEYS if named == "all" else tuple(named.split(",")) if named else ()
    if keys:
        return [(key, case) for key in keys for case in CASES]
    turns = zip(itertools.cycle(TURNS), CASES)
    taken = [(key, case) for key, case in turns if key != "toy" and not hasattr(CASES[case], "until_a_limit")]
    taken.sort(key=lambda turn: KEYS.index(turn[0]))
    return [pytest.param(*turn, marks=[pytest.mark.full] if place % 4 else []) for place, turn in enumerate(taken)]


def limits_of(key: str) -> Limits:
    """Return limits that right answers keep with ease."""
    return TOY if key == "toy" else REAL


def weights_of(key: str) -> bytes:
    """Return trained weights: of the one exercise whose network is trained in any case, of others if they are at hand.

    Without them the model question of that exercise deserves nothing.
    """
    return sample_class.trained_weights(key) if key == EXERCISE else sample_class.weights_at_hand(key) or b""


@pytest.fixture(scope="module")
def secret(own_secret, tmp_path_factory) -> Path:
    """The secret by which the graders, and whoever asks before them, draw the same held-out scenes."""
    path = tmp_path_factory.mktemp("secret") / "course_secret"
    held_out.draw_from(course_secret(path))
    return path


@pytest.fixture(scope="module")
def exercises(course, secret):
    """A function from an exercise's key to the `Exercise` that cases are made from."""
    made = {}

    def exercise(key: str) -> Exercise:
        if key not in made:
            made[key] = _toy(course) if key == "toy" else _real(key, secret)
        return made[key]

    return exercise


def _toy(course: Course) -> Exercise:
    full = {question: points + toy_course.BONUS.get(question, 0.0) for question, points in toy_course.FULL.items()}
    solution = course.root / SOLUTION
    release = toy_course.released(course.root)
    return Exercise("toy", release, toy_course.ANSWERS, toy_course.weights(), full, solution, TOY)


def _real(key: str, secret: Path) -> Exercise:
    release, answers, weights = Course(ROOT, key).released, sample_class.answer_sources(key), weights_of(key)
    full = dict(SUBMISSIONS[key]["ada_perfect"](release, answers, weights).deserved)
    full["model"] = sample_class.model_points(key, weights, secret) if weights else 0.0
    return Exercise(key, release, answers, weights, full, ROOT / "solutions" / key / f"{key}.ipynb", REAL)


class Graders:
    """One grader at a time, by exercise; the pids and folders of all of them are kept."""

    def __init__(self, course: Course, secret: Path) -> None:
        self.course, self.secret, self.current = course, secret, {}
        self.seen: set[tuple[int, str]] = set()

    def __call__(self, key: str) -> Grader:
        if key not in self.current:
            self.close()
            parts = self.course if key == "toy" else Course(ROOT, key)
            self.current[key] = Grader(parts, start_fork_server(parts, limits_of(key)), self.secret)
        return self.current[key]

    def close(self) -> None:
        while self.current:
            self.current.popitem()[1].close()


@pytest.fixture(scope="module")
def machine():
    """What the machine holds before the bank, of all that a case could leave on it."""
    return left_behind()


@pytest.fixture(scope="module")
def graders(course, secret, machine):
    made = Graders(course, secret)
    yield made
    made.close()


@pytest.mark.parametrize("key", [*KEYS[:2], *(pytest.param(key, marks=pytest.mark.full) for key in KEYS[2:])])
def test_every_exercise_can_build_every_case(exercises, tmp_path, key):
    for name, case in CASES.items():
        made = case(exercises(key))
        assert set(made.deserved) == set(exercises(key).full), name
        assert case.__doc__.count("\n") < 3, name


def test_weights_deserve_what_they_earn(exercises, secret, monkeypatch):
    """A network trained by a slow machine's clock, here by none at all, is not held against the case."""
    untrained = Course(ROOT, EXERCISE).reference_answers()["model"]()
    monkeypatch.setattr(sys.modules[__name__], "weights_of", lambda key: safetensors.torch.save(untrained.state_dict()))
    weak = _real(EXERCISE, secret)
    assert weak.full["model"] < Course(ROOT, EXERCISE).maxima["model"]
    assert weak.full_but("model") == exercises(EXERCISE).full_but("model")


def hand_in_neighbour(exercise: Exercise, submitted: Path) -> Path:
    """Write perfect work beside the cases and return its folder."""
    return exercise.handed_in(exercise.filled()).write(submitted / NEIGHBOUR / exercise.key, exercise.key)


@pytest.mark.parametrize(("key", "case"), chosen())
def test_marks_are_as_deserved(exercises, graders, course, tmp_path, key, case):
    made, grader = CASES[case](exercises(key)), graders(key)
    neighbour = hand_in_neighbour(exercises(key), tmp_path)
    folder = made.write(tmp_path / case / key, key)
    before = toy_course.snapshot(neighbour), toy_course.snapshot(course.root)
    limits = grader.limits
    submission = read_submission(folder, key, limits.notebook_mb, limits.weights_mb, grader.course.released)
    report = grader.grade(grader.repair(submission), submission)
    graders.seen.add((grader.fork_server.process.pid, grader.fork_server.folder))
    assert marks_of(report) == made.deserved, explained(case, report)
    assert told_of(key, report, said_by(made)) == []
    assert (toy_course.snapshot(neighbour), toy_course.snapshot(course.root)) == before


@functools.cache
def secrets_of(key: str) -> list[str]:
    """Return the lines of an exercise's hidden module, known wrong answers and solution that no student was given,
    and the names of its hidden checks.
    """
    if key == "toy":
        return secrets_of_the_course()
    hidden = ROOT / "grading/hidden_checks" / f"test_{key}.py"
    wrong = (ROOT / "grading/known_wrong").glob(f"{key.partition('_')[0]}_*.py")
    lines = [line.strip() for path in (hidden, *wrong) for line in path.read_text().splitlines()]
    # Of a row of a table, the text alone is a secret too.
    lines += [text for line in lines for text in re.findall(r'"([^"]+)"[)}]?,$', line)]
    given = "\n".join("".join(cell["source"]) for cell in Course(ROOT, key).released["cells"])
    return [
        *hidden_names(key),
        *(line for line in (*lines, *answer_lines(key)) if len(line) > 25 and line not in given),
    ]


def for_students(report: dict) -> dict:
    """Return a report without the evidence of its checks, which is for staff: nothing else reads that."""
    questions = {name: {**question, "checks": []} for name, question in report["questions"].items()}
    return {**report, "questions": questions}


def told_of(key: str, report: Report, own: str) -> list[str]:
    """Return the secrets of an exercise that a report holds and the student did not hand in."""
    text = json.dumps(for_students(msgspec.to_builtins(report)))
    found = [line for line in secrets_of(key) if json.dumps(line)[1:-1] in text]
    return [line for line in found if json.dumps(line)[1:-1] not in own and line not in own]


@pytest.mark.parametrize("key", [*KEYS[:2], *(pytest.param(key, marks=pytest.mark.full) for key in KEYS[2:])])
def test_a_secret_in_a_report_is_found(key):
    secrets = secrets_of(key)
    assert len(secrets) > 20
    for line in secrets:
        report = Report(key, "ada", questions={"q": QuestionReport(0, 1, "wrong", hint=f"it is {line}, of course")})
        assert line in told_of(key, report, "") and line not in told_of(key, report, line)


def marks_of(report: Report) -> dict[str, float]:
    return {name: question.points + question.bonus for name, question in report.questions.items()}


def explained(case: str, report: Report) -> str:
    """Return what the case is about and what the report says of it, for who has to look into it."""
    lines = [CASES[case].__doc__, f"unreadable: {report.unreadable}", f"cells: {report.cells}"]
    return "\n".join([*lines, *(f"{name}: {question}" for name, question in report.questions.items())])


def left_behind() -> set[str]:
    """Return all that a case could leave on the machine: shared memory, processes, files where cases try to write."""
    return shared_memory() | strays() | files_of_cases()


def shared_memory() -> set[str]:
    """Return what lies in shared memory, but for the semaphores of whatever else runs on this machine."""
    return {f"/dev/shm/{name}" for name in os.listdir("/dev/shm") if not name.startswith("sem.")}


def strays() -> set[str]:
    """Return the ids of programs that a case started, whatever their parent, and of workers below this process or
    without a parent: those below another test process are its own.
    """
    own, found = descendants(os.getpid()), set()
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError):
            command, state = (entry / "cmdline").read_bytes(), (entry / "stat").read_text().rpartition(")")[2].split()
            worker = b"grading.isolation.worker" in command and (state[1] == "1" or int(entry.name) in own)
            if worker or MARKER.encode() in command:
                found.add(f"process {entry.name}")
    return found


PLACES = ("/", "/tmp", "/var/tmp", "/dev/shm", "/run", "/root", str(ROOT), *sys.path, *site.getsitepackages())
NAMES = (
    "deep-learning-lab-was-here", "deep-learning-lab-surprise", "deep-learning-lab-trap", "report.json", "results.pkl",
    ".OTTER_LOG", "junit.xml", f"{NEIGHBOUR}.json", "sitecustomize.py", "usercustomize.py", "own.pth",
)  # fmt: skip


def files_of_cases() -> set[str]:
    """Return the files of names that cases write, in the places that they write to, with their times of change."""
    paths = {os.path.join(place, name) for place in (*PLACES, helpers.__path__[0], torch.__path__[0]) for name in NAMES}
    return {f"{path} {os.stat(path).st_mtime_ns}" for path in paths if os.path.exists(path)}


def all_gone(machine: set[str]) -> bool:
    """Return whether the machine holds nothing new; of another test's killed grader the processes end soon."""
    deadline = time.monotonic() + 30
    while left := left_behind() - machine:
        assert time.monotonic() < deadline, left
        time.sleep(0.2)
    return True


def test_a_program_that_a_case_left_behind_is_found():
    before = strays()
    left = subprocess.Popen(["sleep", MARKER], start_new_session=True)
    try:
        deadline = time.monotonic() + 30
        while not (found := strays() - before) and time.monotonic() < deadline:
            time.sleep(0.01)  # its command line is there only once it has begun
        assert found == {f"process {left.pid}"}
    finally:
        left.kill()
        left.wait()


def test_nothing_is_left_of_any_case(graders, machine):
    """Processes, folders, shared memory, and files in the places that cases try to write to."""
    graders.close()
    assert not [one for pid, folder in graders.seen for one in (f"/proc/{pid}", folder) if os.path.exists(one)]
    assert all_gone(machine)


# --- all cases as one class, graded by stock nbgrader ----------------------------------------------------------------


@dataclass
class Batch:
    """The class after autograde, feedback and export."""

    root: Path
    deserved: dict[str, dict[str, float]]
    own: dict[str, str]  # by student, everything that they wrote
    seconds: float

    def report(self, student: str) -> Report:
        return Report.read(self.root / "grading/reports/toy" / f"{student}.json")

    def page(self, student: str) -> str:
        return (self.root / "grading/feedback" / student / "toy/toy.html").read_text()


@pytest.fixture(scope="module")
def batch(course, exercises, machine, tmp_path_factory):
    root = toy_course.fresh_copy(course.root, tmp_path_factory.mktemp("class") / "course")
    settings = "".join(f"c.Grading.{name} = {value}\n" for name, value in dataclasses.asdict(TOY).items())
    with open(root / "nbgrader_config.py", "a") as config:
        config.write(f"\n{settings}")
    submitted, toy = root / "grading/submitted", dataclasses.replace(exercises("toy"), solution=root / SOLUTION)
    hand_in_neighbour(toy, submitted)
    deserved, own = {NEIGHBOUR: dict(toy.full)}, {NEIGHBOUR: json.dumps(toy.filled())}
    for name, case in CASES.items():
        made = case(toy)
        made.write(submitted / name / "toy", "toy")
        deserved[name], own[name] = made.deserved, said_by(made)
    before, started = only_read(root), time.monotonic()
    run_nbgrader(root, "autograde", "toy", "--Grading.jobs=2")  # while a case waits for its limit the other goes on
    seconds = time.monotonic() - started
    assert only_read(root) == before
    run_nbgrader(root, "generate_feedback", "toy")
    run_nbgrader(root, "export")
    return Batch(root, deserved, own, seconds)


def only_read(root: Path) -> dict[str, tuple]:
    """Return the state of all in a course that grading reads and nobody may change."""
    folders = [root / name for name in ("solutions", "exercises", "toy_checks")]
    folders += [root / "grading" / name for name in ("hidden_checks", "known_wrong", "submitted")]
    found = {path: state for folder in folders for path, state in toy_course.snapshot(folder).items()}
    return {path: state for path, state in found.items() if "__pycache__" not in path}


def run_nbgrader(root: Path, *arguments: str) -> None:
    """Run stock nbgrader, which has to come to its end."""
    command, environment = [sys.executable, "-m", "nbgrader", *arguments], toy_course.environment()
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=1800, check=False)
    assert done.returncode == 0, done.stderr[-5000:]


def said_by(made: HandedIn) -> str:
    """Return all text that a student handed in, whatever its encoding."""
    notebook = json.dumps(made.notebook) if isinstance(made.notebook, dict) else made.notebook or b""
    parts = [notebook.encode("utf-8", "surrogatepass") if isinstance(notebook, str) else notebook, *made.files.values()]
    for part in parts[1:]:
        with contextlib.suppress(zipfile.BadZipFile), zipfile.ZipFile(io.BytesIO(part)) as archive:
            parts += [archive.read(one) for one in archive.infolist() if one.file_size < 1 << 20]
    return "".join(part.decode(encoding, "replace") for part in parts for encoding in ("utf-8", "utf-16"))


def test_every_student_has_the_row_and_the_report_that_they_deserve(batch):
    with open(batch.root / "grades.csv") as file:
        rows = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}
    assert rows == {student: sum(marks.values()) for student, marks in batch.deserved.items()}
    for student, marks in batch.deserved.items():
        report = batch.report(student)
        assert marks_of(report) == marks, student if student == NEIGHBOUR else explained(student, report)


def test_what_could_not_be_read_is_said(batch):
    cases = [name for name, case in CASES.items() if case.__module__.endswith("unreadable")]
    assert len(cases) > 5 and all(batch.report(case).unreadable for case in cases)


def secrets_of_the_course() -> list[str]:
    """Return the lines of the hidden module and of the reference answers that no student was given."""
    hidden = [line.strip() for line in toy_course.HIDDEN.splitlines()]
    answers = [line.strip() for source in toy_course.ANSWERS.values() for line in source.splitlines()[1:]]
    names = re.findall(r"def (test_\w+)", toy_course.HIDDEN) + ["hidden_literal", "271828"]
    return [line for line in [*hidden, *answers, *names] if len(line) > 8 and line != "import pytest, torch"]


def test_nothing_hidden_is_in_any_report_feedback_or_graded_notebook(batch):
    secret = secrets_of_the_course()
    assert len(secret) > 20
    found = set()
    for student, own in batch.own.items():
        notebook = (batch.root / "grading/autograded" / student / "toy/toy.ipynb").read_text()
        text = html.unescape(re.sub(r"<[^>]*>", "", batch.page(student)))
        report = json.dumps(for_students(msgspec.to_builtins(batch.report(student))))
        shown = [line for line in secret if line in text or line in report or json.dumps(line)[1:-1] in notebook]
        assert [line for line in shown if json.dumps(line)[1:-1] not in own and line not in own] == [], student
        found.update(shown)
    assert found  # the right answers that students wrote themselves: the search does find what is there


class Live(HTMLParser):
    """Collects what of a page would run or load in a browser."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: set[tuple[str, ...]] = set()
        self.in_script = False
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.in_script = tag in ("script", "style")
        if tag in ("script", "style", "iframe", "object", "embed", "form", "svg", "meta", "link", "base", "template"):
            self.found.add((tag, *(f"{name}={value}" for name, value in attributes)))
        for name, value in attributes:
            address = re.sub(r"[\x00-\x20]", "", (value or "").lower())
            if name.startswith("on") or name in ("style", "srcdoc", "action", "formaction"):
                self.found.add((tag, name, value or ""))
            elif name in ("href", "src", "data", "xlink:href") and not address.startswith(
                ("#", "data:image/png;", "data:image/jpeg;")
            ):
                self.found.add((tag, name, address))

    def handle_endtag(self, tag: str) -> None:
        self.in_script = self.in_script and tag not in ("script", "style")

    def handle_data(self, data: str) -> None:
        if self.in_script:
            self.found.add(("content", data))
        elif re.search(r"\\(href|style|class|cssId|require)\b", data):  # what MathJax makes live
            self.found.add(("mathjax", data))


@pytest.mark.parametrize(
    "page",
    [
        MIME["text/html"],
        MIME["image/svg+xml"],
        MIME["text/latex"],
        "<a href=' java\nscript:alert(1)'>",
        "<p style=x>",
        "$\\href{javascript:x}{y}$",
    ],
)
def test_what_is_alive_is_found(page):
    assert Live(page).found


def test_nothing_of_a_students_is_alive_in_any_feedback(batch):
    """On the page of the untouched notebook nothing runs or loads but its style; no other page has more."""
    usual = Live(batch.page("untouched")).found
    assert {kind[0] for kind in usual} == {"style", "meta", "content", "div", "pre", "td", "th"}
    alive = {student: Live(batch.page(student)).found - usual for student in batch.deserved}
    assert {student: found for student, found in alive.items() if found} == {}


def test_the_batch_leaves_nothing_behind(batch, machine):
    assert all_gone(machine)


def test_the_bank_is_large_enough_and_says_how_long_it_took(batch, capsys):
    assert len(CASES) >= 90
    with capsys.disabled():
        mean = batch.seconds / len(batch.deserved)
        print(f"\nbank: {len(CASES)} cases; one class of them graded in {batch.seconds:.0f} s, {mean:.2f} s each")
