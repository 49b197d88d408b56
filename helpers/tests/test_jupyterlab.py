"""A student's first minutes, in JupyterLab in a real browser: a wrong answer gets its hint, the right one passes."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXERCISE = "ex01_pose_regression"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
WRONG = '''def mpjpe(pred, target, visible):
    return (pred - target).abs().sum(dim=-1)[visible].mean()
'''
RIGHT = '''def mpjpe(pred, target, visible):
    return (pred - target)[visible].norm(dim=-1).mean()
'''

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium"),
    pytest.mark.filterwarnings("default"),
]


@pytest.fixture
def lab(tmp_path):
    """Start JupyterLab on a copy of the exercise and give the address of the notebook."""
    pytest.importorskip("playwright", reason="playwright is part of the extra [dev]")
    shutil.copytree(ROOT / "exercises" / EXERCISE, tmp_path / "work" / EXERCISE)
    settings = tmp_path / "settings" / "@jupyterlab" / "notebook-extension"
    settings.mkdir(parents=True)
    (settings / "tracker.jupyterlab-settings").write_text(json.dumps({"windowingMode": "none"}))
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
    with log.open("w") as stream:
        server = subprocess.Popen(command, env=environment, stdout=stream, stderr=stream, start_new_session=True)
    try:
        yield _address(server, log) + f"lab/tree/{EXERCISE}/{EXERCISE}.ipynb?token=secret"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=30)


def _address(server: subprocess.Popen, log: Path) -> str:
    """Wait until the server has printed where it listens."""
    import time

    for _ in range(120):
        if found := re.search(r"(http://127\.0\.0\.1:\d+/)lab\?token", log.read_text()):
            return found.group(1)
        assert server.poll() is None, log.read_text()[-2000:]
        time.sleep(0.5)
    raise AssertionError(f"JupyterLab did not start: {log.read_text()[-2000:]}")


def test_a_wrong_mpjpe_gets_its_hint_and_the_right_one_passes(lab):
    from playwright.sync_api import expect, sync_playwright

    cells = [c["id"] for c in json.loads((ROOT / "exercises" / EXERCISE / f"{EXERCISE}.ipynb").read_text())["cells"]]

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = browser.new_page(viewport={"width": 1300, "height": 1000})
        page.goto(lab, wait_until="domcontentloaded")
        notebook = page.locator(".jp-Notebook .jp-Cell")
        expect(notebook).to_have_count(len(cells), timeout=90_000)
        expect(page.locator(".jp-Notebook-ExecutionIndicator[data-status='idle']")).to_be_visible(timeout=90_000)

        def run(name: str, source: str | None = None):
            cell = notebook.nth(cells.index(name))
            cell.scroll_into_view_if_needed()
            cell.locator(".cm-content").click()
            if source is not None:
                page.keyboard.press("Control+a")
                page.keyboard.insert_text(source)
            page.keyboard.press("Shift+Enter")
            expect(cell.locator(".jp-InputPrompt")).to_have_text(re.compile(r"\[\d+\]:"), timeout=60_000)
            return cell.locator(".jp-OutputArea")

        run("setup")
        run("mpjpe", WRONG)
        hint = run("mpjpe-check")
        expect(hint).to_contain_text("hint")
        expect(hint).to_contain_text("|dx|")
        if pictures := os.environ.get("DEEP_LEARNING_LAB_SCREENSHOTS"):
            page.screenshot(path=f"{pictures}/wrong.png")
        run("mpjpe", RIGHT)
        passed = run("mpjpe-check")
        expect(passed).not_to_contain_text("hint")
        if pictures:
            page.screenshot(path=f"{pictures}/right.png")
        browser.close()
