"""What a student reads: every verdict is found at a glance, and nothing on the page is more than text and pictures."""

from __future__ import annotations

import base64
import os
import re
from pathlib import Path

import pytest
import toy_course
from bs4 import BeautifulSoup
from lab_server import chromium, in_a_browser
from nbconvert.filters import markdown2html
from toy_course import cell, filled, fresh_copy, hand_in, named, nbgrader, weights

from grading.report import QuestionReport, Report
from grading.reporting import feedback


@pytest.fixture
def report() -> Report:
    """A report on three questions, one of them for extra points."""
    questions = {
        "mean_iou": QuestionReport(3.0, 3.0, "passed"),
        "softargmax": QuestionReport(0.0, 2.0, "wrong", hint="x counts columns."),
        "lean": QuestionReport(0.0, 0.0, "partly", bonus=1.0, bonus_maximum=1.5),
    }
    return Report("toy", "ada", questions=questions)


def shown(report: Report) -> BeautifulSoup:
    """Return what stands on top of the page."""
    return BeautifulSoup(markdown2html(feedback.overall(report)), "html.parser")


def test_a_table_of_all_verdicts_stands_on_top_and_leads_to_the_checks(report):
    table = shown(report).table
    rows = [[part.get_text().strip() for part in row.find_all(["th", "td"])] for row in table.find_all("tr")]
    assert rows == [
        ["question", "verdict", "points"],
        ["mean_iou", "\u2714 passed", "3 of 3 points"],
        ["softargmax", "\u2718 wrong", "0 of 2 points"],
        ["lean", "\u25d0 partly", "1 of 1.5 extra points"],
        ["all checks", "", "3 of 5 points and 1 of 1.5 extra points"],
    ]
    assert [link["href"] for link in table.find_all("a")] == ["#mean_iou_check", "#softargmax_check", "#lean_check"]


def test_an_unreadable_submission_has_its_reason_and_no_table(report):
    report.unreadable = "the notebook is not JSON"
    soup = shown(report)
    assert "could not be graded: the notebook is not JSON." in soup.get_text() and soup.table is None


def test_repairs_and_cells_left_out_are_told_apart(report):
    report.repairs = [f"q{number}: the cell was missing" for number in range(23)]
    report.cells = [{"name": "total", "trouble": "endless: no answer"}, {"name": "own-3", "trouble": None}]
    repaired, left_out = shown(report).find_all("ul")
    assert len(repaired.find_all("li")) == 21 and "and 3 more" in repaired.get_text()
    assert left_out.get_text().strip() == "total: endless: no answer"
    assert "which costs the questions that need them" in left_out.find_previous("p").get_text()


@pytest.mark.parametrize(
    "name",
    [
        "# heading\n\n# Full points",
        "**bold** __bold__ ~~gone~~ *it*",
        "`code` | a | b |",
        "[link](javascript:alert(1)) ![x](http://example.org/x.png) [a]: x",
        "<b>bold</b> <!-- the rest <script>alert(1)</script> &lt;b&gt;",
        "$E = mc^2$ $$x$$ \\(x\\) \\[y\\]",
        "- list\n1. list\n> quote\n```\ncode",
        "a \u2028 b \x1b[31mred\x1b[0m \x07",
    ],
)
def test_the_name_of_a_file_is_shown_as_it_is(report, name):
    report.repairs = [f"the notebook was called {name}"]
    soup = shown(report)
    assert len(soup.find_all("li")) == 1
    parts = {tag.name for tag in soup.find("li").find_all(True)}
    assert not parts, parts
    visible = re.sub(r"[\u200b\s]+", "", soup.find("li").get_text())
    wanted = re.sub(r"[\x00-\x1f\u2028\s]+", "", name).replace("$", "\uff04").replace("&lt;", "<").replace("&gt;", ">")
    assert visible == "thenotebookwascalled" + wanted


def test_a_verdict_holds_no_control_character(report):
    report.questions["softargmax"].hint = "line\x1b[2K\x07one\r\ntwo"
    text = feedback.verdict("softargmax", report.questions["softargmax"])
    assert text.startswith("\u2718 softargmax: 0 of 2 points, wrong.\n  hint  line [2K one")
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", text)


HOSTILE = r"""<script>window.pwned = 1</script> <img src=x onerror="window.pwned = 2"> [a](javascript:window.pwned=3)
<svg onload="window.pwned = 4"> <style>body { display: none }</style> $x^2$ $\href{javascript:window.pwned=5}{x}$
![p](http://example.org/p.png) &lt;script&gt;window.pwned=6&lt;/script&gt; [ref] <iframe src="http://example.org/f">
[ref]: javascript:window.pwned=7

```html
</code></pre><script>window.pwned = 8</script>
```

$$ x </script><script>window.pwned = 9</script> $$ <!-- never closed"""
PICTURE = base64.b64encode(
    base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
).decode()


def hostile_notebook(release: dict) -> dict:
    """Return a notebook whose words, outputs and own cells all want to run."""
    notebook = filled(release, double=f"def double(x):\n    return x * x  # {HOSTILE.splitlines()[0]}")
    named(notebook, "words_1")["source"] = HOSTILE
    data = {
        "text/html": "<script>window.pwned = 10</script>",
        "image/svg+xml": "<svg onload='window.pwned = 11'/>",
        "application/javascript": "window.pwned = 12",
        "text/latex": r"$\href{javascript:window.pwned=13}{x}$",
        "text/markdown": "[a](javascript:window.pwned=14)",
        "text/plain": "plain <script>window.pwned = 15</script>",
    }
    trace = ["\x1b[0;31mNameError\x1b[0m: <script>window.pwned = 16</script>"]
    error = {"output_type": "error", "ename": "<script>", "evalue": "<img src=x>", "traceback": trace}
    named(notebook, "double")["outputs"] = [
        {"output_type": "display_data", "metadata": {}, "data": data},
        {"output_type": "display_data", "metadata": {}, "data": {"image/png": PICTURE}},
        error,
        {"output_type": "stream", "name": "stdout", "text": f"\x1b[31mred\x1b[0m {HOSTILE}\n" + "x" * 100_000},
    ]
    raw = {"cell_type": "raw", "metadata": {}, "id": "raw", "source": HOSTILE}
    notebook["cells"] += [cell("markdown", HOSTILE), cell("code", f"# {HOSTILE.splitlines()[0]}"), raw]
    return notebook


@pytest.fixture(scope="module")
def pages(course, tmp_path_factory) -> Path:
    """The folder with the feedback of stock nbgrader on a class of three."""
    root = fresh_copy(course.root, tmp_path_factory.mktemp("class") / "course")
    release, files = toy_course.released(root), {"toy.safetensors": weights()}
    hand_in(root, "ada", filled(release), files)
    hand_in(root, "eve", hostile_notebook(release), files)
    folder = hand_in(root, "odd", None, files)
    (folder / "**Full points** <script>alert(1)<∕script>.ipynb").write_text("{")
    for command in ("autograde", "generate_feedback"):
        done = nbgrader(root, command, "toy")
        assert done.returncode == 0, done.stderr
    return root / "grading/feedback"


def page_of(pages: Path, student: str) -> Path:
    return pages / student / "toy/toy.html"


def test_every_page_has_its_table_its_verdicts_and_its_hints(pages):
    text = BeautifulSoup(page_of(pages, "eve").read_text(), "html.parser").get_text(" ")
    assert "4 of 7 points and 1.5 of 1.5 extra points" in text
    assert "double: 0 of 3 points, wrong." in text and "hint  this is the square" in text
    assert "plain <script>window.pwned = 15" in text and "NameError" in text  # what they printed is theirs to see
    assert "could not be graded: the notebook is not JSON" in page_of(pages, "odd").read_text()


def test_outputs_are_capped(pages):
    assert page_of(pages, "eve").read_text().count("x" * 1000) < 25
    assert page_of(pages, "eve").stat().st_size < page_of(pages, "ada").stat().st_size + 100_000


@in_a_browser
@pytest.mark.parametrize("student", ["ada", "eve", "odd"])
def test_nothing_of_a_students_runs_or_is_fetched_when_the_page_is_opened(pages, student):
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is part of the extra [dev]")
    asked, told, address = [], [], page_of(pages, student).as_uri()
    with playwright.sync_playwright() as driver:
        browser = chromium(driver)
        page = browser.new_page(viewport={"width": 1100, "height": 900})
        page.on("dialog", lambda dialog: (told.append(dialog.message), dialog.dismiss()))

        def answer(route):
            asked.append(route.request.url)
            route.continue_() if route.request.url == address else route.abort()

        page.route("**/*", answer)
        page.goto(address)
        page.wait_for_load_state("networkidle")
        if folder := os.environ.get("DEEP_LEARNING_LAB_SCREENSHOTS"):
            page.screenshot(path=f"{folder}/feedback_{student}.png", full_page=True)
        assert page.evaluate("window.pwned") is None and not told
        assert all(url == address or url.startswith("https://cdnjs.cloudflare.com/ajax/libs/") for url in asked), asked
        # where formulas are set, MathJax's Safe mode keeps them from being links to scripts
        assert all(url.endswith("Safe") for url in asked if "mathjax" in url)
        inside = page.locator("#notebook-container").first
        for tag in ("script", "iframe", "style", "svg", "object", "form", "link", "img:not([src^='data:image/png'])"):
            assert not inside.locator(tag).count(), tag
        links = inside.locator("a[href]").evaluate_all("all => all.map(one => one.getAttribute('href'))")
        assert all(re.match(r"#|https?://example\.org/", link) for link in links), links
        assert inside.is_visible()
        browser.close()
