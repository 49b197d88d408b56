"""A term as instructors.md tells it: two exercises of the course, twelve students, from the roster to the final marks.

Exercise 1 comes as a download of Moodle, exercise 2 through the exchange. Every number that is compared with the
gradebook stands in `AFTER`, worked out by hand: nobody hands in weights, so each model question is worth 0.

Screenshots for the docs: DEEP_LEARNING_LAB_SCREENSHOTS=docs/pictures pytest grading/tests/test_term.py
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import toy_course
from lab_server import IN_A_BROWSER, chromium, serving
from PIL import Image
from toy_course import gradebook, named

from grading.sample_class import answer_sources
from grading.sample_submissions import SUBMISSIONS
from grading.sample_submissions.handing_in import filled
from helpers.files import ROOT

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is part of the extra [dev]")

pytestmark = [pytest.mark.full, *IN_A_BROWSER]

ONE, TWO = "ex01_pose_regression", "ex02_softargmax"
COURSE = "deep_learning_lab_cv"
ROSTER = """ID number;First name;Last name;Email address
ada;Ada;Lovelace;ada@example.org
ben;Ben;Quick;ben@example.org
cem;Cem;Yıldız;cem@example.org
dua;Dua;Lin;dua@example.org
eli;Eli;O'Neill;eli@example.org
fay;Fay;Wray;fay@example.org
gus;Günther;Müller-Lüdenscheidt;gus@example.org
hal;Hal;Late;hal@example.org
ivy;Ivy;League;ivy@example.org
jon;Jon;Doe;jon@example.org
kim;Kim;Possible;kim@example.org
lou;Lou;Leaves;lou@example.org
"""
STUDENTS = tuple(line.partition(";")[0] for line in ROSTER.splitlines()[1:])
WORDS = {
    "ada": "Wrists move most, for arms are long, and the mean pose is worst there.",
    "ben": "The loss counts every joint alike, so the ones that move most cost most.",
    "ivy": "A map says where it is unsure; a number cannot.",
    "jon": "It depends.",
}
# What each hands in for exercise 1: who of the sample class wrote it, and so its points without a model.
FIRST = {
    "ada": ("ada_perfect", 18), "ben": ("ben_other_style", 18), "cem": ("cem_half_done", 8),
    "dua": ("dua_untouched", 0), "eli": ("eli_known_mistakes", 7), "fay": ("wrong_pck", 14),
    "gus": ("gus_damaged_notebook", 18),
    "hal": ("hal_hostile", 0), "ivy": ("ivy_unreadable", 0), "jon": ("ada_perfect", 18), "kim": ("ben_other_style", 18),
    "lou": ("cem_half_done", 8),
}  # fmt: skip
# The same for exercise 2, with extra points apart; the last three hand in after the others. Kim and Lou do not.
SECOND = {
    "ada": ("ada_perfect", 22, 3), "ben": ("ben_other_style", 22, 0), "cem": ("cem_half_done", 7, 0),
    "dua": ("dua_untouched", 0, 0), "eli": ("eli_known_mistakes", 8, 2), "fay": ("no_argmax", 19, 3),
    "gus": ("gus_bonus_only", 0, 3), "hal": ("ada_perfect", 22, 3), "ivy": ("ben_other_style", 22, 0),
    "jon": ("cem_half_done", 7, 0),
}  # fmt: skip
LATE = ("hal", "ivy", "jon")
# By hand: exercise, student, points for words. Jon's words on exercise 1 are left to be marked.
BY_HAND = [(ONE, "ada", 5.0), (ONE, "ben", 4.0), (TWO, "ada", 5.0), (TWO, "ben", 3.0), (TWO, "ivy", 4.0)]
COMMENT = "Right, and the mean pose is the reason."
# Score and penalty of each at the end: ivy and jon lose a tenth, of 22 + 4 and of 7; hal has more time.
AFTER = {
    ONE: {
        "ada": (23, 0), "ben": (22, 0), "cem": (8, 0), "dua": (0, 0), "eli": (7, 0), "fay": (14, 0), "gus": (18, 0),
        "hal": (0, 0), "ivy": (0, 0), "jon": (18, 0), "kim": (18, 0), "lou": (8, 0),
    },
    TWO: {
        "ada": (27, 0), "ben": (25, 0), "cem": (7, 0), "dua": (0, 0), "eli": (8, 0), "fay": (19, 0), "gus": (0, 0),
        "hal": (22, 0), "ivy": (26, 2.6), "jon": (7, 0.7),
    },
}  # fmt: skip
COMPLAINT = "Regrade request: gaussian_scoremaps\nMy peaks are where the joints are. Why is it nothing?\n"
PENALTIES = """
from nbgrader.plugins import BasePlugin


class TenPercentADay(BasePlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return score * min(1.0, 0.1 * -(-total_seconds_late // 86400))
"""


class Term:
    """The course of a lecturer, its exchange, and the folders of its students."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.root, self.exchange = folder, folder / "course", folder / "exchange"
        self.exchange.mkdir()
        for name in (f"solutions/{ONE}", f"solutions/{TWO}", "helpers", "grading", "data", "nbgrader_config.py"):
            _copy(ROOT / name, self.root / name)
        self.configure(f'c.Exchange.root = "{self.exchange}"')
        self.environment = {**toy_course.environment(), "PYTHONPATH": str(self.root)}

    def configure(self, line: str) -> None:
        """Add a line to the course's settings."""
        with (self.root / "nbgrader_config.py").open("a") as config:
            config.write(f"\n{line}\n")

    def nbgrader(self, *command: str) -> str:
        """Run a command of nbgrader's in the course's folder and return what it said."""
        return self._run([sys.executable, "-m", "nbgrader", *command], self.root)

    def grading(self, *command: str, status: int = 0) -> str:
        """Run a verb of ours and return what it printed."""
        return self._run([sys.executable, "-m", "grading", *command], self.root, status)

    def grade(self, exercise: str) -> None:
        """Grade as a lecturer does, plainly, and write the pages that are out of date."""
        self.nbgrader("autograde", exercise)
        self.nbgrader("generate_feedback", exercise)

    def student(self, name: str, *command: str) -> str:
        """Run a command in a student's folder and return what it said."""
        options = [f"--course={COURSE}", f"--Exchange.root={self.exchange}", f"--student={name}"]
        options.append(f"--Exchange.cache={self.home(name) / '.cache'}")
        return self._run([sys.executable, "-m", "nbgrader", *command, *options], self.home(name))

    def home(self, name: str) -> Path:
        """Return a student's folder."""
        (folder := self.folder / "students" / name).mkdir(parents=True, exist_ok=True)
        return folder

    def _run(self, command: list[str], place: Path, status: int = 0) -> str:
        done = subprocess.run(
            command, cwd=place, env=self.environment, capture_output=True, text=True, timeout=600, check=False
        )
        assert done.returncode == status, f"{command}:\n{done.stdout[-1500:]}\n{done.stderr[-3000:]}"
        assert "Traceback" not in done.stderr, done.stderr[-3000:]
        return done.stdout + done.stderr

    def scores(self, exercise: str) -> dict[str, tuple[float, float]]:
        """Return score, extra points included, and penalty of each student, as the gradebook has them."""
        with gradebook(self.root) as book:
            found = book.assignment_submissions(exercise)
            return {one.student.id: (one.score, pytest.approx(one.late_submission_penalty)) for one in found}

    def make(self, exercise: str, kind: str, student: str) -> str:
        """Return what a student hands in, as text: an answer of the sample class, and their words."""
        path = self.root / "exercises" / exercise / f"{exercise}.ipynb"
        released = json.loads(path.read_text())
        for cell in released["cells"]:
            cell["source"] = "".join(cell["source"])
        answers = answer_sources(exercise)
        if kind == "wrong_pck":
            notebook = filled(
                released, {**answers, "pck": "def pck(pred, target, visible, threshold):\n    return 1.0"}
            )
        elif kind == "no_argmax":
            notebook = filled(released, {name: text for name, text in answers.items() if name != "argmax_decode"})
        else:
            notebook = SUBMISSIONS[exercise][kind](released, answers, b"").notebook
        if isinstance(notebook, dict) and student in WORDS:
            named(notebook, "words_1")["source"] = WORDS[student]
        return notebook if isinstance(notebook, str) else json.dumps(notebook)


def _copy(source: Path, target: Path) -> None:
    """Copy a part of the course as it lies in git: no caches, no class, no weights."""
    listed = subprocess.run(["git", "ls-files", "-z", source], cwd=ROOT, capture_output=True, check=True, text=True)
    for name in filter(None, listed.stdout.split("\0")):
        place = target / Path(name).relative_to(source.relative_to(ROOT)) if source.is_dir() else target
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes((ROOT / name).read_bytes())


# --- the steps of the term -------------------------------------------------------------------------------------------


def prepare(term: Term) -> None:
    """Release both exercises and enter the class from a table with semicolons and a byte order mark."""
    for exercise in (ONE, TWO):
        term.nbgrader("generate_assignment", exercise)
    (term.root / "students.csv").write_text(ROSTER, encoding="utf-8-sig")
    term.nbgrader("db", "student", "import", "students.csv")


def first_exercise(term: Term) -> None:
    """Collect exercise 1 from a download of Moodle, and grade it."""
    place = term.root / "grading/downloaded" / ONE / "archive"
    place.mkdir(parents=True)
    people = csv.DictReader(ROSTER.splitlines(), delimiter=";")
    with zipfile.ZipFile(place / "CV-Exercise 1-17.zip", "w") as archive:
        for number, one in enumerate(people, 101):
            folder = f"{one['First name']} {one['Last name']}_{number}_assignsubmission_file"
            archive.writestr(f"{folder}/{ONE}.ipynb", term.make(ONE, FIRST[one["ID number"]][0], one["ID number"]))
    said = term.nbgrader("zip_collect", ONE)
    assert "not in the gradebook" not in said and "not collected" not in said
    term.grade(ONE)
    assert term.scores(ONE) == {name: (points, 0) for name, (_, points) in FIRST.items()}


def second_exercise(term: Term) -> None:
    """Hand out, hand in and collect exercise 2 through the exchange; grade it with a deadline that is too early."""
    term.nbgrader("release_assignment", TWO)
    (term.root / "my_penalties.py").write_text(PENALTIES)
    term.configure('c.AssignLatePenalties.plugin_class = "my_penalties.TenPercentADay"')
    too_early = datetime.now(UTC) - timedelta(hours=1)
    due(term, too_early)
    term.between = too_early
    for name, (kind, _, _) in sorted(SECOND.items(), key=lambda one: one[0] in LATE):
        if name == LATE[0]:
            term.between = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
            time.sleep(1.1)  # a due date has no part of a second
        term.student(name, "fetch_assignment", TWO)
        (term.home(name) / TWO / f"{TWO}.ipynb").write_text(term.make(TWO, kind, name))
        if name == "eli":
            (term.home(name) / TWO / "regrade.md").write_text(COMPLAINT)
        term.student(name, "submit", TWO)
    term.nbgrader("collect", TWO)
    term.grade(TWO)
    expected = {name: (points + extra, (points + extra) / 10) for name, (_, points, extra) in SECOND.items()}
    assert term.scores(TWO) == expected


def due(term: Term, when: datetime) -> None:
    """Set the due date of exercise 2."""
    term.nbgrader("db", "assignment", "add", TWO, f"--duedate={when:%Y-%m-%d %H:%M:%S} UTC")


def deadline_moved(term: Term) -> None:
    """Move the deadline to where it should be: only the last three are late, and one of them has more time."""
    due(term, term.between)
    term.nbgrader("autograde", TWO)
    late = {name: (points + extra) / 10 if name in LATE else 0 for name, (_, points, extra) in SECOND.items()}
    assert {name: lost for name, (_, lost) in term.scores(TWO).items()} == late
    term.grading("extend", "hal", TWO, "+2 days")
    assert "hal" in term.grading("extend")
    term.nbgrader("autograde", TWO)
    assert {name: lost for name, (_, lost) in term.scores(TWO).items()} == {**late, "hal": 0}


def bonus_withdrawn(term: Term) -> None:
    """Take the bonus question's checks away: its extra points leave the gradebook."""
    path = term.root / "grading/hidden_checks" / f"test_{TWO}.py"
    text = path.read_text()
    without = "".join(line for line in text.splitlines(True) if not line.strip().startswith('"lean_softargmax":'))
    assert without != text
    path.write_text(without)
    moved = term.grading("verify", TWO, "--changed", status=1)
    assert "lean_softargmax" in moved and "ada" in moved
    term.nbgrader("autograde", TWO)
    expected = {name: points for name, (_, points, _) in SECOND.items()}
    assert {name: score for name, (score, _) in term.scores(TWO).items()} == expected


def words_marked(term: Term, formgrader: str, page) -> None:
    """Mark words in Formgrader, in a browser; the late student's penalty follows with the next plain run."""
    for exercise, student, points in BY_HAND:
        mark(term, formgrader, page, (exercise, student), points)
    term.grade(ONE)
    term.grade(TWO)
    assert term.scores(ONE) == AFTER[ONE]
    assert term.scores(TWO) == AFTER[TWO]


def mark(term: Term, formgrader: str, page, whose: tuple[str, str], points: float) -> None:
    """Give points and a comment to one student's words."""
    exercise, student = whose
    with gradebook(term.root) as book:
        number = book.find_submission_notebook(exercise, exercise, student).id
    page.goto(f"{formgrader}/submissions/{number}", wait_until="domcontentloaded")
    playwright.expect(page.locator("#words_1")).to_have_class(re.compile("needs_manual_grade"))
    for box, text in (("#words_1", f"{points:g}"), ("#words_1-comment", COMMENT)):
        saved = page.expect_response(
            lambda answer: re.search(r"/api/(grade|comment)/", answer.url) and answer.request.method == "PUT"
        )
        with saved as done:
            page.locator(box).fill(text)
            page.locator(box).blur()
        assert done.value.ok
    if whose == (ONE, "ada"):
        page.locator("#words_1").scroll_into_view_if_needed()
        show(page, "formgrader", whole=False)


def complaint_answered(term: Term, page) -> None:
    """Find why Eli lost points, and show it."""
    listed = term.grading("complaints", TWO)
    assert re.search(r"eli +ex02_softargmax +gaussian_scoremaps +0 of 4.*My peaks are", listed), listed
    said = term.grading("why", "eli", TWO, "gaussian_scoremaps")
    assert "gaussian_scoremaps: 0 of 4 points" in said and "rounds_the_centre" in said, said
    page.goto((term.root / "grading/why/eli" / f"{TWO}.html").as_uri())
    assert page.locator("img").count() and not page.locator("script").count()
    show(page, "why")


def feedback_fetched(term: Term, page) -> None:
    """Release the feedback on exercise 2; each student fetches a page with the marks of the gradebook."""
    said = term.nbgrader("release_feedback", TWO)
    assert "10 of 10 students" in said
    for name in ("ada", "ivy"):
        term.student(name, "fetch_feedback", TWO)
        found = [*(term.home(name) / TWO / "feedback").glob(f"*/{TWO}.html")]
        assert len(found) == 1
        page.goto(found[0].as_uri())
        text = page.locator("body").inner_text()
        score, lost = AFTER[TWO][name]
        assert COMMENT in text and f"{score - lost:g} of 34" in text and "withdrawn" in text
        if name == "ada":
            show(page, "feedback", whole=False)
    assert "grading/solutions" not in page.content() and "submission.examine" not in page.content()


def term_overview(term: Term, page) -> None:
    """Lou leaves; page and table of the term show the gradebook's numbers."""
    term.grading("withdraw", "lou")
    term.grading("overview")
    with (term.root / "grading/overview/term.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    assert sorted(rows) == sorted(set(STUDENTS) - {"lou"})
    for exercise, marks in AFTER.items():
        points = {name: float(row[f"{exercise} points"] or "nan") for name, row in rows.items()}
        own = {name: score - lost for name, (score, lost) in marks.items() if name != "lou"}
        assert {name: points[name] for name in own} == pytest.approx(own, abs=0.006)
    assert rows["kim"][f"{TWO} points"] == "" and rows["jon"][f"{ONE} waiting"] == "1"
    page.goto((term.root / "grading/overview/term.html").as_uri())
    text = page.locator("body").inner_text()
    assert re.search(r"ada.{0,40}jon", text, re.DOTALL) and "hal" in text and not page.locator("script").count()
    show(page, "overview_term")
    term.grading("overview", ONE)
    page.goto((term.root / f"grading/overview/{ONE}.html").as_uri())
    show(page, "overview")


def marks_exported(term: Term) -> None:
    """Export final marks for Moodle, by the ids of the roster."""
    term.nbgrader("export", "--exporter=grading.plugin.MoodleExport", "--to=marks.csv")
    with (term.root / "marks.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["ID number"]: row for row in csv.DictReader(file)}
    assert sorted(rows) == sorted(set(STUDENTS) - {"lou"})
    assert list(rows["ada"])[-2:] == [ONE, TWO]
    for exercise, marks in AFTER.items():
        for name, (score, lost) in marks.items():
            assert name == "lou" or float(rows[name][exercise]) == pytest.approx(score - lost, abs=0.006), name
    assert rows["kim"][TWO] == ""


def show(page, name: str, whole: bool = True) -> None:
    """Keep a picture of the page where DEEP_LEARNING_LAB_SCREENSHOTS says; a whole one up to a screen and a half."""
    if folder := os.environ.get("DEEP_LEARNING_LAB_SCREENSHOTS"):
        size = page.viewport_size
        clip = {"x": 0, "y": 0, "width": size["width"], "height": 1.5 * size["height"]} if whole else None
        picture = Image.open(io.BytesIO(page.screenshot(full_page=whole, clip=clip)))
        picture.convert("RGB").quantize(128).save(
            Path(ROOT, folder, f"{name}.png"), optimize=True
        )  # for the repository


def test_a_term_from_the_roster_to_the_final_marks(tmp_path):
    term = Term(tmp_path)
    steps: list[Callable[[Term], None]] = [prepare, first_exercise, second_exercise, deadline_moved, bonus_withdrawn]
    for step in steps:
        step(term)
    config = {f"JUPYTER_{part}_DIR": str(tmp_path / part) for part in ("CONFIG", "RUNTIME", "DATA")}
    command = [
        sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root", "--port=0", "--ip=127.0.0.1",
        "--IdentityProvider.token=secret", f"--ServerApp.root_dir={term.root}",
    ]  # fmt: skip
    log, environment = tmp_path / "lab.log", {**term.environment, **config}
    with serving(command, log, cwd=term.root, env=environment) as address, playwright.sync_playwright() as driver:
        browser = chromium(driver)
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        page.goto(f"{address}formgrader?token=secret", wait_until="domcontentloaded")
        words_marked(term, f"{address}formgrader", page)
        complaint_answered(term, page)
        feedback_fetched(term, page)
        term_overview(term, page)
        browser.close()
    marks_exported(term)
