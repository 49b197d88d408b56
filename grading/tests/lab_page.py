"""A notebook of the course as a browser shows it: cells run as a student runs them, and what its page does wrong."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from lab_server import serving

from helpers.files import ROOT

__all__ = ["Lab", "Notebook", "complaints_of", "expect", "jupyter", "sync_playwright", "too_wide"]

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is part of the extra [dev]")
expect, sync_playwright = playwright.expect, playwright.sync_playwright

OWN = re.compile(r"(data|blob):|(http|ws)://127\.0\.0\.1:")  # all that a page of the course may ask for
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},  # every cell is there, wherever the page is scrolled to
    # On a busy machine a test lasts until the first autosave, whose dialogs cover the notebook.
    "docmanager-extension/plugin": {"autosave": False},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},  # from other hosts
}
# Whatever has to be scrolled sideways: outputs of cells and texts of tasks.
TOO_WIDE = """() => [...document.querySelectorAll('.jp-OutputArea-output, .jp-MarkdownOutput')].flatMap(output => {
  const scrolls = one => one === output || ['auto', 'scroll'].includes(getComputedStyle(one).overflowX);
  const wide = one => one.scrollWidth > one.clientWidth + 1 && scrolls(one);
  return [output, ...output.querySelectorAll('*')].filter(wide).map(
    one => `${one.scrollWidth} px in ${one.clientWidth}: ${one.innerText.slice(0, 80)}`);
})"""


class Lab(NamedTuple):
    """A running server: the address of the folder `work`, as its own front end opens it."""

    address: str
    work: Path


@contextlib.contextmanager
def jupyter(front_end: str, folder: Path) -> Iterator[Lab]:
    """Start `front_end`, "lab" or "notebook", on `folder`/work, with settings of its own beside it."""
    for name, values in SETTINGS.items():
        path = folder / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
    }
    command = [
        sys.executable, "-m", "jupyter", front_end, "--no-browser", "--allow-root", "--port=0", "--ip=127.0.0.1",
        "--IdentityProvider.token=secret", f"--ServerApp.root_dir={folder / 'work'}",
    ]  # fmt: skip
    with serving(command, folder / "lab.log", env=environment) as address:
        yield Lab(address + {"lab": "lab/tree", "notebook": "notebooks"}[front_end], folder / "work")


def complaints_of(page: Any) -> list[str]:
    """Return a list that grows with the page's errors, in its console or its scripts, and its calls to other hosts."""
    found: list[str] = []

    def asked(request: Any) -> None:
        if not OWN.match(request.url):
            found.append(f"asks for {request.url}")

    page.on("request", asked)
    page.on("websocket", asked)
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("console", lambda said: found.append(said.text) if said.type == "error" else None)
    return found


def too_wide(page: Any) -> list[str]:
    """Return how wide each output and text is that does not fit its place, with its first words."""
    found: list[str] = page.evaluate(TOO_WIDE)
    return found


class Notebook:
    """The exercise's notebook as it stands in the browser; a cell is named by its id."""

    def __init__(self, page: Any, lab: Lab, exercise: str):
        self.page, self.exercise = page, exercise
        self.path = lab.work / exercise / f"{exercise}.ipynb"
        page.goto(f"{lab.address}/{exercise}/{exercise}.ipynb?token=secret", wait_until="domcontentloaded")
        released = json.loads((ROOT / "exercises" / exercise / f"{exercise}.ipynb").read_text())["cells"]
        self.names = [cell["id"] for cell in released]
        self.sources = {cell["id"]: "".join(cell["source"]) for cell in released}
        self.cells = page.locator(".jp-Notebook .jp-Cell")
        expect(self.cells).to_have_count(len(self.names), timeout=90_000)
        idle = page.locator(".jp-Notebook-ExecutionIndicator[data-status='idle']")
        expect(idle).to_be_visible(timeout=90_000)

    def cell(self, name: str) -> Any:
        """Return the cell of this name on the page."""
        return self.cells.nth(self.names.index(name))

    def run(self, name: str, source: str | None = None) -> Any:
        """Run a cell, with `source` in place of what stands there, and return its output once it has finished."""

        def start() -> None:
            self.cell(name).locator(".cm-content").click()
            if source is not None:
                self.page.keyboard.press("Control+a")
                self.page.keyboard.insert_text(source)
            self.page.keyboard.press("Shift+Enter")

        self.cell(name).scroll_into_view_if_needed()
        return self.finished(name, start)

    def run_by_keys(self, name: str, source: str | None = None) -> Any:
        """The same without a mouse, from whatever cell is selected."""

        def start() -> None:
            self.walk_to(name)
            if source is not None:
                for key in ("Enter", "Control+a"):
                    self.page.keyboard.press(key)
                self.page.keyboard.insert_text(source)
            self.page.keyboard.press("Shift+Enter")

        return self.finished(name, start)

    def walk_to(self, name: str) -> None:
        """Select a cell by the arrow keys, from the one that is selected."""
        active = "cells => cells.findIndex(cell => cell.classList.contains('jp-mod-active'))"
        steps = self.names.index(name) - self.cells.evaluate_all(active)
        for _ in range(abs(steps)):
            self.page.keyboard.press("ArrowDown" if steps > 0 else "ArrowUp")
        expect(self.cell(name)).to_be_focused()

    def tab_until(self, key: str, wanted: str, most: int = 40) -> None:
        """Press a key, "Tab" or "Shift+Tab", until the focus is on what the selector names."""
        for _ in range(most):
            self.page.keyboard.press(key)
            if self.page.evaluate("wanted => document.activeElement.matches(wanted)", wanted):
                return
        raise AssertionError(f"{most} times {key} reached no {wanted}")

    def run_all(self, seconds: float) -> None:
        """Run all cells, and wait so long for the last one; an error ends the run before it."""
        self.run("setup")  # once more than the others: a page that still opens would lose all of them

        def start() -> None:
            for key in ("Control+a", "Shift+Enter"):
                self.page.keyboard.press(key)

        self.finished(self.names[-1], start, seconds)

    def finished(self, name: str, start: Callable[[], None], seconds: float = 120) -> Any:
        """Start a cell, wait until it has run, without an error, and return its output."""
        prompt = self.cell(name).locator(".jp-InputPrompt")  # the count of its runs
        before = prompt.inner_text()
        for _ in range(5):  # a page that still opens may lose the focus, or what is to be run
            start()
            with contextlib.suppress(AssertionError):
                expect(prompt).not_to_have_text(before, timeout=5_000)
                break
        expect(prompt).to_have_text(re.compile(r"\[\d+\]:"), timeout=1000 * seconds)
        output = self.cell(name).locator(".jp-OutputArea")
        if output.count():
            expect(output).not_to_contain_text("Traceback")
        return output

    def save(self) -> None:
        """Save by the keyboard, and wait until the file on the disk is another."""
        before = self.path.stat().st_mtime_ns
        self.page.keyboard.press("Control+s")
        for _ in range(60):
            if self.path.stat().st_mtime_ns != before:
                return
            self.page.wait_for_timeout(500)
        raise AssertionError(f"{self.path} was not saved")

    def show(self, name: str) -> None:
        """Keep a picture of the window, with the cell at its top, where DEEP_LEARNING_LAB_SCREENSHOTS says."""
        if folder := os.environ.get("DEEP_LEARNING_LAB_SCREENSHOTS"):
            self.cell(name).evaluate("cell => cell.scrollIntoView()")
            self.page.screenshot(path=f"{folder}/{self.exercise}_{name}.png")
