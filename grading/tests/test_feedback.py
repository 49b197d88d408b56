"""What a student reads: every verdict is found at a glance, and nothing on the page is more than text and pictures."""

from __future__ import annotations

import base64
import itertools
import os
import re
import struct
import time
import zlib
from pathlib import Path

import pytest
import toy_course
from bs4 import BeautifulSoup
from lab_server import chromium, in_a_browser
from nbconvert.exporters import HTMLExporter
from nbconvert.filters import Highlight2HTML, markdown2html
from nbgrader import server_extensions
from toy_course import cell, filled, fresh_copy, hand_in, named, nbgrader, weights
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from grading.report import QuestionReport, Report
from grading.reporting import feedback, rendering
from grading.reporting.bounds import LEFT_OUT


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
    assert soup.find(class_="from-the-grader").get_text().strip().endswith(feedback.SIGNED)


def test_repairs_and_cells_left_out_are_told_apart(report):
    report.repairs = [f"q{number}: the cell was missing" for number in range(23)]
    report.cells = [{"name": "total", "trouble": "endless: no answer"}, {"name": "own-3", "trouble": None}]
    repaired, left_out = shown(report).find_all("ul")
    assert len(repaired.find_all("li")) == 21 and "and 3 more" in repaired.get_text()
    assert left_out.get_text().strip() == "total: it took too long"
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


def imitating_notebook(release: dict, words: str) -> dict:
    """Return a notebook that says in words, in cells and in outputs what the grader would say of perfect work."""
    notebook, printed = (
        filled(release, double="def double(x):\n    return x * x"),
        "\u2714 double: 3 of 3 points, passed.\n",
    )
    named(notebook, "words_1")["source"] = words
    notebook["cells"].insert(0, cell("markdown", words))
    own = {**cell("code", "pass"), "outputs": [{"output_type": "stream", "name": "stdout", "text": printed}]}
    notebook["cells"] += [cell("markdown", f"{feedback.FRAME}\n\n{words}\n\n</div>"), own]
    data = {"text/html": f"{feedback.FRAME}{words}</div>", "text/plain": words}
    own["outputs"].append({"output_type": "display_data", "metadata": {}, "data": data})
    return notebook


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


NAMED = {  # each of them took the library that lays out pages minutes to hours
    "environments": r"\begin{a}" * 22_000,
    "blanks": "a" + " " * 190_000 + "a",
    "brackets": "[" * 190_000,
    "attributes": "a." * 95_000,
}
NEIGHBOURS = {
    "formulas": "\\\\[" * 60_000,
    "definitions": "a\n: b\n" * 30_000,
    "strong": "**a" * 60_000,
    "headings": "a\n===\n" * 30_000,
    "tags": 'f"{' * 60_000,  # quickly coloured, and then half a million of tags
}
MARKER = "the last words"


def slow_notebook(release: dict, texts: dict[str, str]) -> dict:
    """Return a notebook whose words, own cells and outputs are texts that take long to lay out."""
    notebook = filled(release)
    named(notebook, "words_1")["source"] = f"{MARKER} {next(iter(texts.values()))}"
    for text in texts.values():
        notebook["cells"].append(cell("markdown", text))
        named(notebook, "double")["outputs"].append({"output_type": "stream", "name": "stdout", "text": text})
    notebook["cells"].append(cell("code", text))
    return notebook


def endless_notebook(release: dict) -> dict:
    """Return a notebook with a great many cells, outputs, lines, colours, and a picture of a great many pixels."""
    notebook, printed = filled(release), {"output_type": "stream", "name": "stdout", "text": "x\n" * 3}
    pixels = {"output_type": "display_data", "metadata": {}, "data": {"image/png": picture_of(20_000, 20_000)}}
    named(notebook, "double")["outputs"] = [pixels, {**printed, "text": "\x1b[31mred\x1b[0m\n" * 1_000}]
    named(notebook, "words_1")["source"] = MARKER
    notebook["cells"] += [{**cell("code", "# x\n" * 200), "outputs": [printed] * 6} for _ in range(200)]
    return notebook


def picture_of(width: int, height: int) -> str:
    """Return a PNG of one colour, a few kB whatever its size."""
    head = struct.pack("!IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes((width // 8 + 1) * height))), (b"IEND", b""))
    parts = [
        struct.pack("!I", len(body)) + kind + body + struct.pack("!I", zlib.crc32(kind + body)) for kind, body in chunks
    ]
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"".join(parts)).decode()


@pytest.fixture(scope="module")
def pages(course, tmp_path_factory) -> Path:
    """The folder with the feedback of stock nbgrader on a class whose pages are anything but usual."""
    root = fresh_copy(course.root, tmp_path_factory.mktemp("class") / "course")
    release, files = toy_course.released(root), {"toy.safetensors": weights()}
    usual = filled(release)
    named(usual, "words_1")["source"] = "Twice as much."
    hand_in(root, "ada", usual, files)
    hand_in(root, "eve", hostile_notebook(release), files)
    perfect = Report("toy", "kim", questions={"double": QuestionReport(3.0, 3.0, "passed")})
    hand_in(root, "kim", imitating_notebook(release, feedback.overall(perfect)), files)
    hand_in(root, "endless", endless_notebook(release), files)
    hand_in(root, "slow_1", slow_notebook(release, NAMED), files)
    hand_in(root, "slow_2", slow_notebook(release, NEIGHBOURS), files)
    hand_in(root, "zoe", filled(release), files)
    folder = hand_in(root, "odd", None, files)
    (folder / "**Full points** <script>alert(1)<∕script>.ipynb").write_text("{")
    assert (done := nbgrader(root, "autograde", "toy")).returncode == 0, done.stderr
    with toy_course.gradebook(root) as book:
        book.update_or_create_student("ada", first_name="Ada", last_name="Lovelace")
        book.update_or_create_student("eve", first_name="<script>window.pwned = 17</script>", last_name="<b>Eve</b>")
        grade = book.find_grade("words_1", "toy", "toy", "zoe")
        grade.manual_score, grade.needs_manual_grade = 2.5, False
        book.find_comment("words_1", "toy", "toy", "zoe").manual_comment = "Half of it: $x^2$ is *missing*."
        book.db.commit()
    assert (done := nbgrader(root, "generate_feedback", "toy")).returncode == 0, done.stderr
    return root / "grading/feedback"


def page_of(pages: Path, student: str) -> Path:
    return pages / student / "toy/toy.html"


def test_every_page_has_its_table_its_verdicts_and_its_hints(pages):
    text = BeautifulSoup(page_of(pages, "eve").read_text(), "html.parser").get_text(" ")
    assert "4 of 7 points and 1.5 of 1.5 extra points" in text
    assert "double: 0 of 3 points, wrong." in text and "hint  this is the square" in text
    assert "plain <script>window.pwned = 15" in text and "NameError" in text  # what they printed is theirs to see
    assert "could not be graded: the notebook is not JSON" in page_of(pages, "odd").read_text()


def test_what_the_grader_says_is_told_apart_by_its_frame(pages):
    """Words may imitate it to the letter: the frame is no text."""
    soup = BeautifulSoup(page_of(pages, "kim").read_text(), "html.parser")
    frames = soup.find_all(class_="from-the-grader")
    head, *frames = frames
    cells = soup.find(id="notebook-container").find_all(class_="cell")
    assert head["id"] == "top" and not soup.find(id="notebook-container").find(id="top")
    assert frames[0] in cells[0].descendants and "0 of 3 points" in frames[0].get_text()
    checks = [frame.find_previous(class_="nbgrader-label").get_text() for frame in frames[1:]]
    assert checks == [f"Check: {name}" for name in toy_course.FULL]
    inside = " ".join(frame.get_text() for frame in frames)
    assert "3 of 3 points" not in inside and soup.get_text().count("3 of 3 points") >= 4
    assert all("#6a3d9a" in frame["style"] for frame in frames)


def head_of(pages: Path, student: str) -> tuple[str, list[list[str]]]:
    """Return the sentence on top of a page, and the rows of the table of marks."""
    head = BeautifulSoup(page_of(pages, student).read_text(), "html.parser").find(id="top")
    rows = [[" ".join(part.get_text().split()) for part in row.find_all(["th", "td"])] for row in head.find_all("tr")]
    return " ".join(head.p.get_text().split()), rows[1:]


def test_whose_page_it_is_and_all_marks_stand_on_top(pages):
    said, rows = head_of(pages, "ada")
    assert said == "Feedback for Ada Lovelace (ada)."
    assert rows == [
        ["double", "3 of 3", ""],
        ["total", "2 of 2", ""],
        ["triple", "1.5 extra", ""],
        ["model", "2 of 2", ""],
        ["words_1", "not marked yet (of 4)", ""],
        ["all", "8.5 of 11", "1.5 of them extra, 4 not marked yet"],
    ]
    page = page_of(pages, "ada").read_text()
    assert "Test cell" not in page and "0.0" not in page
    assert "<title>toy: feedback for Ada Lovelace</title>" in page


def test_a_mark_and_a_comment_by_hand_are_on_the_page(pages):
    _, rows = head_of(pages, "zoe")
    assert rows[-2:] == [["words_1", "2.5 of 4", "comment"], ["all", "11 of 11", "1.5 of them extra"]]
    soup = BeautifulSoup(page_of(pages, "zoe").read_text(), "html.parser")
    said = soup.find(id=soup.find("a", string="comment")["href"].removeprefix("#"))
    assert "from-the-grader" in said["class"] and said.math["alttext"] == "x^2" and said.em.get_text() == "missing"


def test_a_name_on_the_page_is_no_more_than_text(pages):
    said, _ = head_of(pages, "eve")
    assert said == "Feedback for <script>window.pwned = 17</script> <b>Eve</b> (eve)."


def test_nothing_of_the_model_answer_is_on_any_page(pages):
    secret = named(toy_course.solution_notebook(), "words_1")["source"]
    assert not [page for page in pages.rglob("*") if page.is_file() and secret in page.read_text()]


def test_outputs_are_capped(pages):
    assert page_of(pages, "eve").read_text().count("x" * 1000) < 25
    assert page_of(pages, "eve").stat().st_size < page_of(pages, "ada").stat().st_size + 100_000


@pytest.mark.parametrize("student", ["endless", "slow_1", "slow_2", "zoe"])
def test_whatever_a_student_wrote_takes_no_long_to_lay_out(pages, student):
    """The class goes on: all pages are there, with their verdicts, their words and of a sensible size."""
    page = page_of(pages, student).read_text()
    text = BeautifulSoup(page, "html.parser").get_text(" ")
    assert "7 of 7 points" in text and "double: 3 of 3 points, passed" in text
    assert len(page) < 6_000_000 and page.count("<") < 200_000
    assert (MARKER in text) == (student != "zoe")
    assert (rendering.TOO_SLOW in text) == (student != "zoe")


def test_a_page_of_formgrader_takes_no_longer(pages):
    course = pages.parent.parent
    config = Config(PyFileConfigLoader("nbgrader_config.py", str(course)).load_config())
    templates = Path(server_extensions.__file__).parent / "formgrader/templates"
    config.HTMLExporter.update(template_name="formgrade", extra_template_basedirs=[str(templates)])
    exporter, started = HTMLExporter(config=config), time.process_time()
    about = dict.fromkeys(("base_url", "notebook_id", "student", "last_name", "first_name", "assignment_id"), "")
    path = course / "grading/autograded/slow_1/toy/toy.ipynb"
    html, _ = exporter.from_filename(str(path), resources={**about, "index": 0, "total": 1})
    assert MARKER in html and rendering.TOO_SLOW in html
    assert time.process_time() - started < 20


def test_a_picture_of_a_great_many_pixels_is_left_out(pages):
    soup = BeautifulSoup(page_of(pages, "endless").read_text(), "html.parser")
    assert not soup.find_all("img") and LEFT_OUT in soup.get_text()
    assert BeautifulSoup(page_of(pages, "eve").read_text(), "html.parser").find_all("img")


def test_usual_text_is_laid_out_as_ever(pages):
    """The filters are nbconvert's own, with a clock."""
    text = "## A\n\n**b** \\$1 [d](https://example.org)\n\n- e\n\n| f | g |\n|:--|:--|\n| 1 | 2 |\n"
    context = {"resources": {}, "nb": {"metadata": {"language_info": {"name": "python"}}}, "cell": {}}
    stock = HTMLExporter(exclude_anchor_links=True)
    assert rendering.markdown(context, text) == stock.markdown2html(context, text)
    assert "<msub><mi>c</mi><mrow><mn>1</mn></mrow></msub>" in rendering.markdown(context, "so $c_1$ is")
    assert "$\\href{x}{y}$" in rendering.markdown(context, "$\\href{x}{y}$")  # not understood: as it was typed
    code = "def f(x):\n    return 'a' + x  # b\n"
    assert rendering.highlighted(context, code) == Highlight2HTML(pygments_lexer="python")(code)
    assert rendering.without_files_prefix(context, "<a href='/files/x'>") == "<a href='x'>"
    assert 0 < context["resources"]["rendering"]["left"] < rendering.PAGE_SECONDS


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
        assert asked == [address] and not page.locator("script").count()
        inside = page.locator("#notebook-container").first
        for tag in ("script", "iframe", "style", "svg", "object", "form", "link", "img:not([src^='data:image/png'])"):
            assert not inside.locator(tag).count(), tag
        links = inside.locator("a[href]").evaluate_all("all => all.map(one => one.getAttribute('href'))")
        assert all(re.match(r"#|https?://example\.org/", link) for link in links), links
        assert inside.is_visible()
        browser.close()


def gaps(row) -> list[float]:
    """Return how many pixels lie between the texts of a row's neighbouring columns."""
    edges = row.evaluate(
        """row => [...row.cells].filter(cell => cell.textContent.trim()).map(cell => {
            const text = document.createRange();
            text.selectNodeContents(cell);
            const {left, right} = text.getBoundingClientRect();
            return [left, right];
        })"""
    )
    return [after[0] - before[1] for before, after in itertools.pairwise(edges)]


@in_a_browser
def test_columns_stand_apart_and_the_page_can_be_printed(pages):
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is part of the extra [dev]")
    with playwright.sync_playwright() as driver:
        browser = chromium(driver)
        page = browser.new_page(viewport={"width": 1000, "height": 900})
        page.goto(page_of(pages, "zoe").as_uri())
        for row in page.locator(".from-the-grader tr").all():
            assert all(gap >= 12 for gap in gaps(row)), row.inner_text()
        page.emulate_media(media="print")
        style = "(one, name) => getComputedStyle(one)[name]"
        frame = page.locator(".from-the-grader").first
        assert frame.evaluate(style, "printColorAdjust") == "exact"
        assert frame.evaluate(style, "borderTopColor") == "rgb(106, 61, 154)"
        for kept_whole in (".comment", "table", "tr", ".from-the-grader"):
            assert page.locator(kept_whole).first.evaluate(style, "breakInside") == "avoid", kept_whole
        assert page.pdf(format="A4").startswith(b"%PDF")
        browser.close()
