"""A lecturer marks answers in words in nbgrader's formgrader, in a real browser, and grades the class again."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import toy_course
from lab_server import IN_A_BROWSER, chromium, serving
from toy_course import filled, fresh_copy, gradebook, hand_in, named, nbgrader, weights

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is part of the extra [dev]")
expect, sync_playwright = playwright.expect, playwright.sync_playwright

WORDS = "Wrists move most, for arms are long."
COMMENT = "Right, and the lever arm is the reason."
MODEL_ANSWER, RUBRIC = "The secret words of the solution.", '[[1, "names the wrists"], [3, "argues <b>why</b>"]]'
HOSTILE = "<script>window.pwned = 1</script><img src=x onerror='window.pwned = 2'> [see](javascript:window.pwned=3)"

pytestmark = IN_A_BROWSER


@pytest.fixture(scope="module")
def marked_class(course, tmp_path_factory) -> Path:
    """A class of two, graded: Ada's words wait for a hand, Eve's want to run in the lecturer's browser."""
    root = fresh_copy(course.root, tmp_path_factory.mktemp("class") / "course")
    for student, words in (("ada", WORDS), ("eve", HOSTILE)):
        notebook = filled(toy_course.released(root), double="def double(x):\n    return x * x")
        named(notebook, "words_1")["source"] = words
        hand_in(root, student, notebook, {"toy.safetensors": weights()})
    (root / "grading/rubrics").mkdir()
    (root / "grading/rubrics/toy.toml").write_text(f"words_1 = {RUBRIC}")
    done = nbgrader(root, "autograde", "toy")
    assert done.returncode == 0, done.stderr
    return root


@pytest.fixture(scope="module")
def server_folder(tmp_path_factory) -> Path:
    """Where JupyterLab keeps its own."""
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="module")
def formgrader(marked_class, server_folder):
    """Start JupyterLab in the course's folder, as a lecturer does, and give the address of the formgrader."""
    folder = server_folder
    environment = {**toy_course.environment(), "JUPYTER_CONFIG_DIR": str(folder / "config")}
    environment |= {"JUPYTER_RUNTIME_DIR": str(folder / "runtime"), "JUPYTER_DATA_DIR": str(folder / "data")}
    command = [
        sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root", "--port=0", "--ip=127.0.0.1",
        "--IdentityProvider.token=secret", f"--ServerApp.root_dir={marked_class}",
    ]  # fmt: skip
    log = folder / "log"
    with serving(command, log, cwd=marked_class, env=environment) as address:
        yield address + "formgrader"


@pytest.fixture
def page(formgrader):
    """A page that has logged in, asks nobody but the server, and notes what it asked of others."""
    with sync_playwright() as driver:
        browser = chromium(driver)
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        page.asked, page.told = [], []
        own = formgrader.removesuffix("formgrader")

        def answer(route):
            page.asked.append(route.request.url)
            route.continue_() if route.request.url.startswith(own) else route.abort()

        page.route("**/*", answer)
        page.on("dialog", lambda dialog: (page.told.append(dialog.message), dialog.dismiss()))
        page.goto(f"{formgrader}?token=secret", wait_until="domcontentloaded")
        yield page
        browser.close()


def state(root: Path, student: str) -> dict:
    """Return what the gradebook holds of a student's notebook."""
    with gradebook(root) as book:
        notebook = book.find_submission_notebook("toy", "toy", student)
        grade = book.find_grade("words_1", "toy", "toy", student)
        comment = book.find_comment("words_1", "toy", "toy", student)
        return {"score": notebook.score, "mark": grade.manual_score, "comment": comment.comment}


def open_submission(page, formgrader: str, root: Path, student: str) -> None:
    """Open a student's notebook to mark it, and wait until the marks and the comments are in their boxes."""
    with gradebook(root) as book:
        number = book.find_submission_notebook("toy", "toy", student).id
    page.goto(f"{formgrader}/submissions/{number}", wait_until="domcontentloaded")
    expect(page.locator("#double_check")).to_have_attribute("placeholder", "0", timeout=30_000)
    expect(page.locator("#double-comment")).to_have_attribute("placeholder", re.compile("the square"), timeout=30_000)


def show(page, name: str) -> None:
    """Keep a picture of the page where DEEP_LEARNING_LAB_SCREENSHOTS says."""
    if folder := os.environ.get("DEEP_LEARNING_LAB_SCREENSHOTS"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


@pytest.mark.full
def test_a_mark_and_a_comment_given_in_the_browser_outlive_the_next_grading(formgrader, marked_class, page):
    automatic = 2 + 2 + 1.5  # all but `double`, which is wrong
    assert state(marked_class, "ada") == {"score": automatic, "mark": None, "comment": None}
    page.goto(f"{formgrader}/gradebook/toy/toy", wait_until="domcontentloaded")
    expect(page.locator("#main-table, table").first).to_contain_text("Submission #1")
    open_submission(page, formgrader, marked_class, "ada")
    answer = page.locator(".nbgrader_cell", has=page.locator("#words_1"))
    expect(answer).to_contain_text(WORDS)
    expect(page.locator("#words_1")).to_have_class(re.compile("needs_manual_grade"))
    saved = re.compile(r"/formgrader/api/(grade|comment)/")
    with page.expect_response(lambda response: saved.search(response.url) and response.request.method == "PUT") as done:
        page.locator("#words_1").fill("3.5")
        page.locator("#words_1").press("Tab")
    assert done.value.ok
    with page.expect_response(lambda response: saved.search(response.url) and response.request.method == "PUT") as done:
        page.locator("#words_1-comment").fill(COMMENT)
        page.locator("#words_1-comment").blur()
    assert done.value.ok
    show(page, "formgrader")
    given = {"score": automatic + 3.5, "mark": 3.5, "comment": COMMENT}
    assert state(marked_class, "ada") == given

    again = nbgrader(marked_class, "autograde", "toy", "--force")
    assert again.returncode == 0, again.stderr
    assert state(marked_class, "ada") == given
    open_submission(page, formgrader, marked_class, "ada")
    expect(page.locator("#words_1")).to_have_value("3.5")
    expect(page.locator("#words_1-comment")).to_have_value(COMMENT)


def test_the_page_shows_verdicts_and_no_hidden_check(formgrader, marked_class, page):
    open_submission(page, formgrader, marked_class, "ada")
    text = page.locator("#notebook-container").first.inner_text()
    assert "double: 0 of 3 points, wrong" in text and "this is the square" in text
    assert "triple: 1.5 of 1.5 extra points, passed" in text
    rows = page.locator("table").first.inner_text()
    assert re.search(r"total\s+\u2714 passed\s+2 of 2 points", rows) and "4 of 7 points" in rows
    whole = page.content()
    assert not any(secret in whole for secret in ("271828", "submission.examine", "return 2 * x"))


def test_nothing_of_a_students_runs_in_the_lecturers_browser(formgrader, marked_class, page):
    open_submission(page, formgrader, marked_class, "eve")
    expect(page.locator(".nbgrader_cell", has=page.locator("#words_1"))).to_contain_text("window.pwned = 1")
    assert page.evaluate("window.pwned") is None and not page.told
    assert not page.locator("#notebook script, #notebook img, #notebook a[href^='javascript']").count()
    elsewhere = [url for url in page.asked if not url.startswith(formgrader.removesuffix("formgrader"))]
    assert not elsewhere


def test_model_answer_and_rubric_stand_beside_the_words_and_hints_in_full(formgrader, marked_class, page):
    open_submission(page, formgrader, marked_class, "ada")
    beside = page.locator(".with-model-answer")
    expect(beside).to_have_count(1)
    expect(beside.locator(".nbgrader_cell")).to_contain_text(WORDS)
    expect(beside.locator(".for-staff")).to_contain_text(MODEL_ANSWER)
    rows = [row.split("\t") for row in beside.locator(".for-staff tbody tr").all_inner_texts()]
    assert rows == [["1", "names the wrists"], ["3", "argues <b>why</b>"]]
    answer, staff = beside.locator(".nbgrader_cell").bounding_box(), beside.locator(".for-staff").bounding_box()
    assert answer["x"] + answer["width"] <= staff["x"] and abs(answer["y"] - staff["y"]) < 20
    hint = page.locator(".nbgrader_cell", has=page.locator("#double-comment")).locator(".automatic-comment")
    expect(hint).to_have_text("wrong: this is the square, not the double.")
    show(page, "formgrader_model_answer")


# --- the buttons: what runs, runs in a process of its own ------------------------------------------------------------


@contextlib.contextmanager
def pressed(page, formgrader: str, kind: str, student: str = "ada"):
    """Press a student's button and give what the server answers, once it does, and the window that shows it."""
    page.goto(f"{formgrader}/manage_submissions/toy", wait_until="domcontentloaded")
    row = page.locator("tr", has=page.locator(".student-id", has_text=student))
    row.locator(f".{kind} a").click()
    yield page.locator(".modal:visible")


def is_free(root: Path) -> bool:
    """Return whether nobody holds the course's lock."""
    with open(root / "grading/reports/.lock") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def of_the_server(folder: Path) -> tuple[str, list[str]]:
    """Return what JupyterLab's process has loaded, and the programs that it has started and that still run."""
    process = next((folder / "runtime").glob("jpserver-*.json")).stem.removeprefix("jpserver-")
    threads = Path(f"/proc/{process}/task").iterdir()
    children = [child for thread in threads for child in (thread / "children").read_text().split()]
    programs = [Path(f"/proc/{child}/cmdline").read_text().replace("\0", " ") for child in children]
    return Path(f"/proc/{process}/maps").read_text(), programs


def test_a_press_of_autograde_leaves_nothing_behind(formgrader, server_folder, marked_class, page):
    for _ in range(2):
        with pressed(page, formgrader, "autograde") as window:
            expect(window).to_contain_text("Successfully autograded 'toy' for student 'ada'.", timeout=60_000)
            expect(window.locator("pre")).to_contain_text("[INFO] ada: 5.5 points in")
        assert is_free(marked_class)
        loaded, running = of_the_server(server_folder)
        assert "libtorch" not in loaded and not running
    done = nbgrader(marked_class, "autograde", "toy", "--student=eve", "--force")
    assert done.returncode == 0 and "Waiting" not in done.stderr, done.stderr


def test_a_lock_that_another_holds_ends_the_press_with_a_sentence(formgrader, marked_class, page):
    with open(marked_class / "grading/reports/.lock", "r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.truncate(0)
        lock.write("process 4711 of anna on host7, grading toy, since 2031-05-06 12:00:00\n")
        lock.flush()
        with pressed(page, formgrader, "autograde") as window:
            asked = page.request.get(f"{formgrader}/manage_students")  # the press is not over yet
            assert asked.ok and not window.count()
            expect(window).to_contain_text("There was an error autograding", timeout=60_000)
            text = " ".join(window.inner_text().split())
            page.wait_for_timeout(500)  # until the window has come down
            show(page, "formgrader_lock")
    holder = "process 4711 of anna on host7, grading toy, since 2031-05-06 12:00:00"
    assert f"another run on this course is not done: {holder}. Waited for 5 s." in text
    assert f"Waiting for another run on this course, for 5 s at most: {holder}" in text
    assert "Traceback" not in text


def posted(formgrader: str, what: str) -> dict:
    """Return what the server answers to a button, asked without a browser."""
    request = urllib.request.Request(f"{formgrader}/api/{what}", b"", {"Authorization": "token secret"})
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)


@pytest.mark.full
def test_buttons_that_are_pressed_at_once_wait_for_each_other(formgrader, marked_class):
    buttons = [f"submission/toy/{student}/autograde" for student in ("ada", "eve", "nobody")]
    with ThreadPoolExecutor() as pool:
        answers = dict(zip(buttons, pool.map(lambda what: posted(formgrader, what), buttons), strict=True))
    assert [answer["success"] for answer in answers.values()] == [True, True, False]
    assert "there is no submission" in answers[buttons[2]]["log"]
    assert "Waiting" not in "".join(answer["log"] for answer in answers.values())


@pytest.mark.full
def test_the_other_buttons_work_beside_it(formgrader, server_folder, marked_class, page):
    with pressed(page, formgrader, "generate-feedback") as window:
        expect(window).to_contain_text("Successfully generated feedback", timeout=60_000)
    assert MODEL_ANSWER not in (marked_class / "grading/feedback/ada/toy/toy.html").read_text()
    for button in ("generate-feedback", "assign"):
        page.goto(f"{formgrader}/manage_assignments", wait_until="domcontentloaded")
        page.locator("tr", has_text="toy").locator(f".{button} a").click()
        expect(page.locator(".modal:visible")).to_contain_text("Success", timeout=60_000)
    assert (marked_class / "grading/feedback/eve/toy/toy.html").exists()
    assert MODEL_ANSWER not in (marked_class / "exercises/toy/toy.ipynb").read_text()
    loaded, running = of_the_server(server_folder)
    assert "libtorch" not in loaded and not running
