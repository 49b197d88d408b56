"""A student's way through exercises 1, 2 and 3, cell by cell, in JupyterLab in a real browser.

Questions are answered wrong first and get their hint, then right; sliders move pictures; a short training is scored.
"""

import contextlib
import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from lab_server import IN_A_BROWSER, chromium, serving

from grading.course.course import Course
from grading.sample_class import answer_sources
from grading.sample_submissions import SUBMISSIONS
from helpers.checks import ex01_pose_regression, ex02_softargmax, ex03_segmentation, ex04_multi_person

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is part of the extra [dev]")
expect, sync_playwright = playwright.expect, playwright.sync_playwright

ROOT = Path(__file__).resolve().parents[2]
FIRST, SECOND, THIRD = "ex01_pose_regression", "ex02_softargmax", "ex03_segmentation"
FOURTH = "ex04_multi_person"
SLIDERS = 8  # people, crowding, occlusion, truncation, scale (two handles), appearance, seed
WRONG_PCK = """def pck(pred, target, visible, threshold):
    correct = (pred - target).norm(dim=-1) <= torch.as_tensor(threshold).reshape(-1, 1)
    return 100 * correct[visible].float().mean()
"""

pytestmark = IN_A_BROWSER


@pytest.fixture
def lab(tmp_path):
    """Start JupyterLab on a copy of the exercises and give the address of their folder."""
    for exercise in (FIRST, SECOND, THIRD, FOURTH):
        shutil.copytree(ROOT / "exercises" / exercise, tmp_path / "work" / exercise)
    settings = tmp_path / "settings" / "@jupyterlab" / "notebook-extension"
    settings.mkdir(parents=True)
    (settings / "tracker.jupyterlab-settings").write_text(json.dumps({"windowingMode": "none"}))
    saving = tmp_path / "settings" / "@jupyterlab" / "docmanager-extension"
    saving.mkdir()  # on a busy machine a test lasts until the first autosave, whose dialogs cover the notebook
    (saving / "plugin.jupyterlab-settings").write_text(json.dumps({"autosave": False}))
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "JUPYTERLAB_SETTINGS_DIR": str(tmp_path / "settings"),
        "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
    }
    log = tmp_path / "lab.log"
    command = [
        sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root", "--port=0", "--ip=127.0.0.1",
        "--IdentityProvider.token=secret", f"--ServerApp.root_dir={tmp_path / 'work'}",
    ]  # fmt: skip
    with serving(command, log, env=environment) as address:
        yield address + "lab/tree"


class Notebook:
    """The exercise's notebook as it stands in the browser; a cell is named by its id."""

    def __init__(self, page, lab, exercise):
        self.page = page
        page.goto(f"{lab}/{exercise}/{exercise}.ipynb?token=secret", wait_until="domcontentloaded")
        released = json.loads((ROOT / "exercises" / exercise / f"{exercise}.ipynb").read_text())["cells"]
        self.names = [cell["id"] for cell in released]
        self.sources = {cell["id"]: "".join(cell["source"]) for cell in released}
        self.cells = page.locator(".jp-Notebook .jp-Cell")
        expect(self.cells).to_have_count(len(self.names), timeout=90_000)
        idle = page.locator(".jp-Notebook-ExecutionIndicator[data-status='idle']")
        expect(idle).to_be_visible(timeout=90_000)

    def run(self, name, source=None):
        """Run a cell, with `source` in place of what stands there, and return its output once it has finished."""
        cell = self.cells.nth(self.names.index(name))
        cell.scroll_into_view_if_needed()
        prompt = cell.locator(".jp-InputPrompt")
        before = prompt.inner_text()
        for _ in range(5):  # a page that still opens may take the focus away between click and key
            cell.locator(".cm-content").click()
            if source is not None:
                self.page.keyboard.press("Control+a")
                self.page.keyboard.insert_text(source)
            self.page.keyboard.press("Shift+Enter")
            with contextlib.suppress(AssertionError):
                expect(prompt).not_to_have_text(before, timeout=5_000)
                break
        expect(prompt).to_have_text(re.compile(r"\[\d+\]:"), timeout=120_000)
        output = cell.locator(".jp-OutputArea")
        if output.count():
            expect(output).not_to_contain_text("Traceback")
        return output

    def show(self, name):
        """Keep a picture of the window, with the cell at its top, where DEEP_LEARNING_LAB_SCREENSHOTS says."""
        if folder := os.environ.get("DEEP_LEARNING_LAB_SCREENSHOTS"):
            self.cells.nth(self.names.index(name)).evaluate("cell => cell.scrollIntoView()")
            self.page.screenshot(path=f"{folder}/{name}.png")


def known_mistakes() -> dict[str, tuple[str, str]]:
    """Return a known wrong answer to each question, by the id of its cell, with words of its hint."""
    made = SUBMISSIONS[FIRST]["eli_known_mistakes"](Course(ROOT, FIRST).released, answer_sources(FIRST), b"")
    source = {cell["id"]: cell["source"].strip() for cell in made.notebook["cells"]}
    return {
        "mpjpe": (source["mpjpe"], "|dx|"),
        "pck": (WRONG_PCK, "in percent"),
        "masked-l2-loss": (source["masked-l2-loss"], "divide by the number of visible"),
        "PoseRegressor": (source["PoseRegressor"], "pixels"),
    }


def move_a_slider(output, key, told):
    """Press a key on the first slider and wait for the picture to change, and its text to what was `told`."""
    picture, handle = output.locator("img"), output.get_by_role("slider").first
    before = picture.get_attribute("src")
    handle.focus()
    handle.press(key)
    expect(picture).not_to_have_attribute("src", before, timeout=30_000)
    expect(picture).to_have_attribute("alt", re.compile(told))


def short_training(notebook, seconds):
    """Run the training cell with `seconds` in place of its own time, and see that the model check scores it."""
    short = re.sub(r"max_seconds=\w+(, least_steps=\w+)?", f"max_seconds={seconds}", notebook.sources["training"])
    assert short != notebook.sources["training"]
    notebook.run("training", short)
    expect(notebook.run("model-check")).to_contain_text(re.compile(r"model: MPJPE \d+\.\d+ px on the validation"))
    notebook.show("training")


def answer_right(notebook, question, source, sentence):
    """Run a question's stub, then its right answer, each with its check."""
    name = question.replace("_", "-")
    notebook.run(name)
    expect(notebook.run(f"{name}-check")).to_contain_text("not written yet")
    notebook.run(name, source)
    expect(notebook.run(f"{name}-check")).to_contain_text(sentence)


@pytest.fixture
def page(request):
    with sync_playwright() as driver:
        browser = chromium(driver)
        page = browser.new_page(viewport={"width": 1300, "height": 1000})
        lost = page.locator(".jp-Dialog", has_text="Server Connection Error")  # a busy machine; Lab tries again itself
        page.add_locator_handler(lost, lambda dialog: dialog.locator(".jp-mod-accept").click())
        yield page
        if folder := os.environ.get("DEEP_LEARNING_LAB_SCREENSHOTS"):
            page.screenshot(path=f"{folder}/{request.node.name}_at_its_end.png")
        texts = page.locator(".jp-OutputArea img").evaluate_all("pictures => pictures.map(one => one.alt.trim())")
        assert len(texts) >= 4 and all(texts), "a picture without a text for who cannot see it"
        browser.close()


def test_a_student_works_through_exercise_1(lab, page):
    right, wrong, questions = answer_sources(FIRST), known_mistakes(), ex01_pose_regression.QUESTIONS
    notebook = Notebook(page, lab, FIRST)
    notebook.run("setup")
    expect(notebook.run("data").locator("img")).to_have_count(1)
    gallery = notebook.run("gallery")
    expect(gallery.get_by_role("slider")).to_have_count(SLIDERS)
    move_a_slider(gallery, "ArrowRight", "people 2")
    notebook.show("gallery")

    for name, (mistake, hint) in wrong.items():
        notebook.run(name, mistake)
        told = notebook.run(f"{name}-check")
        expect(told).to_contain_text("hint")
        expect(told).to_contain_text(hint)
        expect(told.locator(".ansi-red-fg")).to_have_text(re.compile(r"✗ \w+ is not right yet\."))
        notebook.show(name)
        question = name.replace("-", "_")
        notebook.run(name, right[question])
        expect(notebook.run(f"{name}-check")).to_contain_text(questions[question].sentence)
        notebook.show(f"{name}-check")

    for name in ("pixels", "measure", "mean-pose", "losses"):
        notebook.run(name)
    notebook.run("model", right["model"])
    expect(notebook.run("model-check")).to_contain_text("hint")  # nothing is trained yet
    short_training(notebook, 8)
    notebook.run("curves-plot")
    notebook.show("model-check")


@pytest.mark.full
def test_a_student_works_through_exercise_2(lab, page):
    """Without answers to exercise 1: what needs them says so, the rest runs."""
    right, questions = answer_sources(SECOND), ex02_softargmax.QUESTIONS
    notebook = Notebook(page, lab, SECOND)
    notebook.run("setup")
    expect(notebook.run("data")).to_contain_text("PoseRegressor of ex01_pose_regression is not here")

    for question in ("gaussian_scoremaps", "scoremap_loss", "argmax_decode", "softargmax", "SoftargmaxPose"):
        answer_right(notebook, question, right[question], questions[question].sentence)
    x, y = "p.sum(dim=2) @ xs", "p.sum(dim=3) @ ys"
    swapped = right["softargmax"].replace(f"[{x}, {y}]", f"[{y}, {x}]")
    assert swapped != right["softargmax"]
    notebook.run("softargmax", swapped)
    told = notebook.run("softargmax-check")
    expect(told).to_contain_text("hint")
    expect(told.get_by_alt_text(re.compile("yours: crosses, expected: circles"))).to_be_visible()
    notebook.show("softargmax-check")
    notebook.run("softargmax", right["softargmax"])

    expect(notebook.run("target-pictures").locator("img")).to_have_count(3)
    notebook.show("target-pictures")
    explorer = notebook.run("explorer")
    expect(explorer.get_by_role("slider")).to_have_count(4)
    move_a_slider(explorer, "ArrowLeft", "beta 0.79")
    notebook.show("explorer")

    for name in ("map-network", "measure"):
        notebook.run(name)
    notebook.run("model", right["model"])
    short_training(notebook, 6)
    expect(notebook.run("latent-maps-picture").locator("img")).to_have_count(1)
    notebook.show("latent-maps-picture")
    expect(notebook.run("regression-training")).to_contain_text("Its row is left out")
    expect(notebook.run("table").locator("table")).to_contain_text("softargmax")


@pytest.mark.full
def test_a_student_works_through_exercise_3(lab, page):
    right, questions = answer_sources(THIRD), ex03_segmentation.QUESTIONS
    notebook = Notebook(page, lab, THIRD)
    notebook.run("setup")
    expect(notebook.run("data").locator("img")).to_have_count(1)
    notebook.run("three-kinds")
    notebook.show("three-kinds")
    for question in list(questions)[:-1]:
        answer_right(notebook, question, right[question], questions[question].sentence)
    without = right["UNetDecoder"].replace("torch.cat([skip, x], dim=1)", "torch.cat([0 * skip, x], dim=1)")
    assert without != right["UNetDecoder"]
    notebook.run("UNetDecoder", without)
    expect(notebook.run("UNetDecoder-check")).to_contain_text("other features[2]")
    notebook.show("UNetDecoder-check")
    notebook.run("UNetDecoder", right["UNetDecoder"])

    expect(notebook.run("matrix-pictures").locator("img")).to_have_count(2)
    notebook.show("matrix-pictures")
    notebook.run("adjoint")
    notebook.run("checkerboards")
    notebook.show("checkerboards")
    notebook.run("training-setup", re.sub(r"= \d+,", "= 6,", notebook.sources["training-setup"], count=1))
    notebook.run("transposed-training")
    notebook.run("model", right["model"])
    notebook.run("training", notebook.sources["training"].replace(", least_steps=1000", ""))
    expect(notebook.run("model-check")).to_contain_text(re.compile(r"model: mIoU 0\.\d+ on the validation"))
    for name in ("what-a-skip-does-picture", "magnifying-glass"):
        expect(notebook.run(name).locator("img")).to_have_count(1)
        notebook.show(name)
    expect(notebook.run("table").locator("table")).to_contain_text("U-Net")


@pytest.mark.full
def test_a_student_works_through_exercise_4(lab, page):
    """Without answers to exercise 2: top-down stops at the boxes, and the rest runs."""
    right, questions = answer_sources(FOURTH), ex04_multi_person.QUESTIONS
    notebook = Notebook(page, lab, FOURTH)
    notebook.run("setup")
    few = notebook.sources["data"].replace("split) for", "split, count=96) for")
    assert few != notebook.sources["data"]
    expect(notebook.run("data", few)).to_contain_text("SoftargmaxPose of ex02_softargmax is not here")
    notebook.show("data")
    expect(notebook.run("shaken-truth")).to_contain_text("8 px in x and in y")
    detector = notebook.sources["train-detector"].replace("SECONDS = 75", "SECONDS = 6")
    notebook.run("train-detector", detector.replace("max_seconds=40", "max_seconds=6"))
    for question in (name for name in questions if name != "model"):
        answer_right(notebook, question, right[question], questions[question].sentence)
    either_way = right["affinity_score"].replace("fx * ux + fy * uy", "(fx * ux + fy * uy).abs()")
    assert either_way != right["affinity_score"]
    notebook.run("affinity-score", either_way)
    expect(notebook.run("affinity-score-check")).to_contain_text("hint")
    notebook.show("affinity-score-check")
    notebook.run("affinity-score", right["affinity_score"])

    notebook.run("train-pose-cell")
    expect(notebook.run("top-down-people")).not_to_contain_text("Error")
    for name in ("target-scoremaps", "perfect-peaks", "target-fields", "candidates", "perfect-people"):
        expect(notebook.run(name).locator("img")).to_have_count(1)
        notebook.show(name)
    expect(notebook.run("greedy-or-optimal").locator("img")).to_have_count(2)
    notebook.run("model", right["model"])
    expect(notebook.run("training").locator("table")).to_contain_text("bottom-up")
    expect(notebook.run("model-check")).to_contain_text(re.compile(r"model: AP 0\.\d+ on the validation"))
    notebook.run("measure-run-time")
    notebook.run("plot-run-time", notebook.sources["plot-run-time"].replace("(1, 2, 5, 10, 15, 20, 25, 30)", "(1, 3)"))
    notebook.show("plot-run-time")
    expect(notebook.run("coco")).to_contain_text("is missing")
