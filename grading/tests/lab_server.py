"""JupyterLab as a process of its own, for the tests that open it in a browser."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

__all__ = ["serving"]


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
        if found := re.search(r"(http://127\.0\.0\.1:\d+/)lab\?token", log.read_text()):
            return found.group(1)
        assert server.poll() is None, log.read_text()[-2000:]
        time.sleep(0.5)
    raise AssertionError(f"JupyterLab did not start: {log.read_text()[-2000:]}")
