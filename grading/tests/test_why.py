"""`python -m grading why`: on the toy course, graded by stock nbgrader before, with marks worked out by hand."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import re
import shutil
from pathlib import Path

import pytest
import torch
import toy_course
from bs4 import BeautifulSoup
from lab_server import chromium, in_a_browser
from toy_course import cell, filled, hand_in, nbgrader, weights

from grading.__main__ import main
from grading.course import held_out
from grading.course.course import Course
from grading.course.worst import worst_masks, worst_people, worst_poses
from grading.examination.graders import read
from grading.examination.outcome import Asked, Checked, Examined, question_report
from grading.examination.seeds import submission_seed
from grading.handed_in import handed_in
from grading.report import QuestionReport, Report
from grading.sample_submissions import handing_in
from helpers.checks.engine.question import Wrong
from helpers.data.rendered import rendered_crowds, rendered_people, rendered_segmentation
from helpers.files import ROOT

SQUARED = "def double(x):\n    return x * x"
CALLS = "def total(x):\n    return halved(double(x)).max()"  # wrong itself, and it calls a wrong one
HALVED = "def halved(x):\n    return x / 2\n\nlimit = 3"
LOUD = "LOUD\x1b[31m</dd><script>alert(1)</script>"
RAISES = f"def total(x):\n\n    raise ValueError({LOUD!r} + str(x))"
ENDLESS = "def double(x):\n    while True: pass"
DIES = "import os\ndef triple(x):\n    os._exit(9)"


def cells_of(notebook: dict, source: str) -> dict:
    """Return the notebook with one cell of the student's own more."""
    notebook["cells"].insert(2, cell("code", source))
    return notebook


@pytest.fixture(scope="module")
def graded(course, tmp_path_factory) -> Path:
    """The root of a course of its own that stock nbgrader has graded."""
    root = toy_course.fresh_copy(course.root, tmp_path_factory.mktemp("why") / "course")
    released, sound = toy_course.released(root), {"toy.safetensors": weights()}
    hand_in(root, "ada", filled(released), sound)
    hand_in(root, "ben", cells_of(filled(released, double=SQUARED, total=CALLS), HALVED), sound)
    hand_in(root, "<b>cem", filled(released, total=RAISES, triple=DIES), {})
    hand_in(root, "eve", filled(released, double=ENDLESS, triple=None), sound)
    hand_in(root, "cut", "{")
    done = nbgrader(root, "autograde", "toy")
    assert done.returncode == 0, done.stderr
    hand_in(root, "dan", filled(released), sound)
    return root


def run(root: Path, *words: str) -> tuple[int, str]:
    """Run the verb and return its status and what it printed."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        status = main(["why", *words, "--course", str(root)])
    return status, said.getvalue()


@pytest.fixture(scope="module")
def why(graded):
    """A function that runs the verb on the graded course, once for the same words."""
    return functools.cache(functools.partial(run, graded))


def page(root: Path, student: str) -> BeautifulSoup:
    return BeautifulSoup((root / "grading/why" / student / "toy.html").read_text("utf-8"), "html.parser")


def test_each_check_is_shown_with_its_points_and_what_it_found(why, graded):
    status, text = why("ben", "toy")
    lines = text.splitlines()
    assert (
        status == 0
        and lines[0] == "ben, toy: 2 of 7 points and 1.5 of 1.5 extra points in the report, and today as well"
    )
    at = lines.index("double: 0 of 3 points, wrong (squared)")
    assert lines[at + 1] == "  the student reads: this is the square, not the double."
    assert lines[at + 2] == "  ✘ values: 0 of 2, wrong (squared)" and lines[at + 3] == "      called   the call"
    returned, expected = ([float(number) for number in re.findall(r"[\d.]+", line)] for line in lines[at + 4 : at + 6])
    assert len(returned) == 8 and returned == [(two_x / 2) ** 2 for two_x in expected]
    assert any(line.startswith("  ✘ twice: 0 of 1, wrong") for line in lines)
    assert lines[-1] == str(graded / "grading/why/ben/toy.html")


def test_the_page_has_both_codes_and_says_what_stood_in(why, graded):
    assert why("ben", "toy")[0] == 0
    text = page(graded, "ben").get_text()
    assert "It calls double (0 of 3 points, wrong), not right by its own checks." in text
    assert (
        "return halved(double(x)).max()" in text and "return x / 2" in text
    )  # the student's, with a cell of their own
    assert "return add_up(x)" in text and "BEGIN SOLUTION" not in text  # the reference
    assert "stand_in_literal_314159" in text  # ours, in double's place
    assert [cell.get_text() for cell in page(graded, "ben").select(".no")][:2] == ["1", "2"]


def test_what_a_student_writes_is_text(why, graded):
    status, text = why("<b>cem", "toy")
    assert status == 0 and "\x1b" not in text and r"LOUD\x1b[31m" in text
    soup = page(graded, "<b>cem")
    assert soup.find("script") is None and soup.find("b") is None
    assert soup.h1.get_text() == "<b>cem, toy: why?" and LOUD.replace("\x1b", r"\x1b") in soup.get_text()
    marked = [row.code.get_text() for row in soup.select(".marked")]
    assert len(marked) == 1 and marked[0].startswith("    raise ValueError(")
    assert "the process ended itself with status 9" in text and "hand in the weights." in text


def test_a_check_that_found_no_time_left_was_not_reached(graded):
    questions = Report.read(graded / "grading/reports/toy/eve.json").questions
    assert [(one.outcome, one.asked) for one in questions["double"].checks] == [("timed out", 1), ("not reached", 0)]
    assert questions["double"].checks[0].got == "no answer within the 2 s that a question has"
    assert [one.outcome for one in questions["triple"].checks] == ["not written"] * 2


def test_a_full_mark_is_said(why):
    head = "ada, toy: 7 of 7 points and 1.5 of 1.5 extra points in the report, and today as well"
    assert why("ada", "toy") == (0, f"{head}\nFull points everywhere: no check failed.\n")


def test_a_question_that_is_named_is_shown_although_it_is_full(why, graded):
    status, text = why("ada", "toy", "double")
    assert status == 0 and text.splitlines()[2:5] == [
        "double: 3 of 3 points, passed",
        "  ✔ values: 2 of 2, passed",
        "  ✔ twice: 1 of 1, passed",
    ]
    assert "2 * x" in page(graded, "ada").get_text()


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("bem", "toy"), 2, "nothing on toy was handed in by bem: is ben meant?"),
        (("ada", "tox"), 2, "there is no such exercise: there are toy"),
        (("ada", "toy", "doubel"), 2, "no question doubel with checks; there are double, total, triple, model."),
        (("ada", "toy", "words_1"), 2, "It is marked by hand: see Formgrader."),
        (("dan", "toy"), 2, "dan is not graded yet in toy: there is no report. Run nbgrader autograde toy."),
        (("cut", "toy"), 0, "cut, toy: no points, for the submission cannot be read: the notebook is not JSON"),
    ],
)
def test_what_cannot_be_shown_is_said(why, graded, words, status, said):
    found, text = why(*words)
    assert found == status and said in text, text
    assert not (graded / "grading/why" / words[0] / "tox.html").exists()


@pytest.fixture
def changed(graded, tmp_path) -> Path:
    """A copy of the graded course, to be changed."""
    return Path(shutil.copytree(graded, tmp_path / "course"))


def test_another_version_of_the_course_is_said_with_both_marks(changed):
    """The check of two calls is withdrawn: double earns 1 of 3 today, and had 0."""
    hidden = changed / "grading/hidden_checks/test_toy.py"
    hidden.write_text(hidden.read_text().replace('    submission.examine("double", "again")', "    pass"))
    status, text = run(changed, "ben", "toy")
    assert status == 1 and "The report was made by another version of the course" in text
    assert text.startswith("ben, toy: 2 of 7 points and 1.5 of 1.5 extra points in the report, 3 of 7")
    assert "double: 1 of 3 points, partly (squared); in the report 0 of 3 points, wrong" in text
    assert "The report was made" in page(changed, "ben").get_text()


def test_another_submission_than_the_report_is_on_is_said(changed):
    hand_in(changed, "ben", filled(toy_course.released(changed), double=SQUARED), {"toy.safetensors": weights()})
    status, text = run(changed, "ben", "toy")
    assert status == 1 and "What was handed in changed since it was graded" in text
    assert text.startswith("ben, toy: 2 of 7 points and 1.5 of 1.5 extra points in the report, 4 of 7")


def test_a_grading_that_fails_itself_is_said(changed):
    hidden = changed / "grading/hidden_checks/test_toy.py"
    hidden.write_text(hidden.read_text().replace('submission.examine("total", "values")', "1 / 0"))
    status, text = run(changed, "ada", "toy")
    assert status == 1 and "total: 0 of 2 points, not graded; in the report 2 of 2 points, passed" in text
    assert "for staff: 1 checks of total failed themselves: ZeroDivisionError: division by zero" in text


def test_a_damaged_report_is_said(changed):
    (changed / "grading/reports/toy/ben.json").write_text("{")
    status, text = run(changed, "ben", "toy")
    assert status == 2 and "no sound report" in text


def test_reports_keep_the_evidence_and_nothing_else_does(graded):
    """Its inputs are in the message that the student's code raised: staff see them, and no student."""
    report = Report.read(graded / "grading/reports/toy/<b>cem.json")
    total = report.questions["total"].checks
    assert [(one.name, one.points, one.maximum, one.outcome) for one in total] == [("test_total", 0, 2, "wrong")]
    assert total[0].case == "values" and "LOUD" in total[0].got and "tensor([[" in total[0].got
    triple = report.questions["triple"].checks
    assert [(one.outcome, one.extra, one.maximum) for one in triple] == [("crashed", True, 1), ("crashed", True, 0.5)]
    double = Report.read(graded / "grading/reports/toy/ben.json").questions["double"].checks
    assert "tensor([[" in double[0].expected and "tensor([[" in double[0].got and len(double) == 2
    total = Report.read(graded / "grading/reports/toy/ben.json").questions["total"].checks
    assert [(one.outcome, one.got) for one in total] == [("wrong", "")]  # it was asked beside a stand-in
    done = nbgrader(graded, "generate_feedback", "toy")
    assert done.returncode == 0, done.stderr
    for student in ("<b>cem", "ben"):
        places = [graded / "grading" / step / student / "toy" for step in ("autograded", "feedback")]
        seen = "".join(path.read_text() for place in places for path in place.rglob("*") if path.is_file())
        assert "compute it by hand" in seen and "tensor([[" not in seen
    assert b"tensor([[" not in (graded / "grading/gradebook.db").read_bytes()


def test_a_worker_cannot_read_it(graded, course, fork_server, why):
    from grading.isolation.session import Cell, Session

    assert why("ben", "toy")[0] == 0
    path = graded / "grading/why/ben/toy.html"
    source = f"try:\n    print('read', open({str(path)!r}).read(10))\nexcept OSError as error:\n    print('refused')"
    with Session(fork_server, [Cell("own", source, "full")]) as session:
        session.ensure_worker()
    assert "refused" in session.output and "read" not in session.output and path.stat().st_mode & 0o077 == 0


def test_evidence_is_short_and_of_signs_that_can_be_printed():
    """A student's code may choose what comes back: a megabyte of escapes, say."""
    loud = Wrong("call\n()", "\x1b]0;" * 250_000, "1", "a hint", "squared")
    asked = [Asked("values", "call")]
    checks = [Checked("test_" + "x" * 400, 2.0, False, loud, asked), Checked("b", 1.0, True, ValueError("é\ud800"), [])]
    report = question_report("q", Examined(0.0, 2.0, failures=[loud], checks=checks), 2.0, False, None)
    first, second = report.checks
    assert (first.called, first.expected, first.mistake, first.case) == ("call ()", "1", "squared", "values")
    assert first.got.startswith(r"\x1b]0;") and len(first.got) == len(first.name) == 200 and first.got.isprintable()
    assert (second.outcome, second.got, second.extra) == ("not graded", r"ValueError: é\ud800", True)
    assert first.found == ("test_" + "x" * 195, 0.0, 2.0, "wrong", False, "squared")


# --- a real exercise -------------------------------------------------------------------------------------------------

EXERCISE = "ex02_softargmax"
PARTS = ("hidden_checks", "known_wrong", "stand_ins")
SWAPPED = """
def gaussian_scoremaps(keypoints, visible, size, sigma):
    x, y = keypoints.unbind(-1)
    rows, columns = (torch.arange(n, dtype=keypoints.dtype) for n in size)
    squares = (rows[:, None] - x[..., None, None]) ** 2 + (columns - y[..., None, None]) ** 2
    return torch.exp(-squares / (2 * sigma**2)) * visible[..., None, None]
"""


@pytest.fixture(scope="module")
def swapped(tmp_path_factory) -> Path:
    """The root of a course with exercise 2, in which ada swapped x and y in her maps and wrote nothing else."""
    root = tmp_path_factory.mktemp("real")
    shutil.copy(ROOT / "nbgrader_config.py", root)
    for place in (f"solutions/{EXERCISE}", f"exercises/{EXERCISE}", *(f"grading/{name}" for name in PARTS)):
        shutil.copytree(ROOT / place, root / place, ignore=shutil.ignore_patterns("*.safetensors", "results*.json"))
    folder = root / "grading/submitted/ada" / EXERCISE
    folder.mkdir(parents=True)
    released = Course(root, EXERCISE).released
    notebook = handing_in.filled(released, {"gaussian_scoremaps": SWAPPED})
    (folder / f"{EXERCISE}.ipynb").write_text(json.dumps(notebook))
    (root / "grading/course_secret").write_text("5" * 64)
    job = handed_in(root, EXERCISE).job
    submission = read(job, str(folder), "ada")
    report = Report(EXERCISE, "ada", submission.hash, submission_seed(b"5" * 64, submission.hash))
    report.questions = {name: QuestionReport(0.0, points, "wrong") for name, points in job.course.maxima.items()}
    report.questions["lean_softargmax"].bonus_maximum = 3.0
    report.course_fingerprint = job.fingerprint()
    report.write(root / "grading/reports" / EXERCISE / "ada.json")
    return root


@in_a_browser
def test_a_wrong_map_is_drawn_beside_the_right_one(swapped):
    """By hand: all three checks of the maps fail, 0 of 4 points, for where x and y differ the peak is elsewhere."""
    from playwright.sync_api import expect, sync_playwright

    status, text = run(swapped, "ada", EXERCISE)
    assert status == 0 and "gaussian_scoremaps: 0 of 4 points, wrong (x_y_swapped)" in text
    assert "\nargmax_decode: 0 of 3 points, not written\n" in text
    with sync_playwright() as driver, chromium(driver) as browser:
        page, said = browser.new_page(viewport={"width": 1240, "height": 1000}), []
        page.on("console", lambda message: said.append(message.text))
        page.goto((swapped / "grading/why/ada" / f"{EXERCISE}.html").as_uri())
        pictures = page.locator("section", has=page.locator("h2", has_text="gaussian_scoremaps")).locator("img")
        expect(pictures).to_have_count(3)
        for picture in pictures.all():
            assert (
                "is expected" in picture.get_attribute("alt") and picture.evaluate("image => image.naturalWidth") > 400
            )
        assert not said and page.evaluate("document.documentElement.scrollWidth") == 1240
        page.locator("summary").first.click()
        expect(page.locator("details pre").first).to_contain_text("tensor([[[")
        if folder := os.environ.get("DEEP_LEARNING_LAB_SCREENSHOTS"):
            page.screenshot(path=Path(folder) / "why.png")


def test_pictures_of_held_out_scenes_name_the_worst():
    """Of two scenes the second's keypoints are all 5 px off, its pixels all wrong, its people missed."""
    people = rendered_people("val", 6, progress=False)[:2]
    pred = people.keypoints.clone()
    pred[1] += torch.tensor([3.0, 4.0])
    assert titles(worst_poses(pred, people)) == ["scene 1: 5.0 px", "scene 0: 0.0 px"]
    masks = rendered_segmentation("val", 6, progress=False)[:2]
    classes = masks.masks.clamp(max=5)  # where nothing is known, anything may be
    classes[1] = (classes[1] + 1) % 6
    assert titles(worst_masks(classes, masks))[:2] == ["scene 1: 100% wrong", "scene 0: 0% wrong"]
    crowds = rendered_crowds("val", 6, progress=False)[:2]
    first = torch.ones(int(crowds.present[0].sum()), 17, 3)
    shown = titles(worst_people([first, first[:0]], crowds))
    assert shown[:2] == ["scene 1: 0 found", f"scene 0: {len(first)} found"]
    assert shown[2] == f"{int(crowds.present[1].sum())} are there"


def test_a_model_that_misses_its_points_comes_with_a_picture(monkeypatch):
    """All keypoints 5 px off: 5 px on average, and both scenes are drawn."""
    people = rendered_people("val", 6, progress=False)[:2]
    monkeypatch.setattr(held_out, "held_out_people", lambda: people)

    class Answers:
        def examine(self, question, case, **facts):
            return people.keypoints + torch.tensor([3.0, 4.0])

    answers, wrong = Answers(), Wrong("model", "5 px", "at most 4 px", "train longer")
    assert held_out.pictured(wrong, answers, "x").draw is None  # nothing was predicted yet
    assert held_out.mpjpe_of(answers, "x") == pytest.approx(5.0, abs=1e-4)
    assert sorted(titles(held_out.pictured(wrong, answers, "x").draw())) == ["scene 0: 5.0 px", "scene 1: 5.0 px"]


def titles(picture) -> list[str]:
    return [title for axis in picture.figure.axes if (title := axis.get_title())]
