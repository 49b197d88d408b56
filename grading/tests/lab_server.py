"""JupyterLab as a process of its own and the browser that opens it, for all tests that need one."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

__all__ = ["IN_A_BROWSER", "chromium", "in_a_browser", "serving"]

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
IN_A_BROWSER = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium"),
    pytest.mark.filterwarnings("default"),
]


def in_a_browser(test: Callable) -> Callable:
    """Mark a test that opens a page in a browser; whole modules take `IN_A_BROWSER` as their `pytestmark`."""
    for mark in IN_A_BROWSER:
        test = mark(test)
    return test


def chromium(driver: Any) -> Any:
    """Start Chromium by playwright's driver, as quiet as it can be; what is expected of pages may come late."""
    from playwright.sync_api import expect

    expect.set_options(timeout=30_000)
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
    return driver.chromium.launch(executable_path=CHROMIUM, args=quiet)


@contextlib.contextmanager
def serving(command: Sequence[str], log: Path, **options: Any) -> Iterator[str]:
    """Start the server, give its address once it listens, and end it with everything that it started."""
    with log.open("w") as stream:
        server = subprocess.Popen(command, stdout=stream, stderr=stream, start_new_session=True, **options)
    try:
        yield _address(server, log)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=30)


def _address(server: subprocess.Popen, log: Path) -> str:
    for _ in range(120):
        if found := re.search(r"(http://127\.0\.0\.1:\d+/)(?:lab|tree)\?token", log.read_text()):
            return found.group(1)
        assert server.poll() is None, log.read_text()[-2000:]
        time.sleep(0.5)
    raise AssertionError(f"JupyterLab did not start: {log.read_text()[-2000:]}")
