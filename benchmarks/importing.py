"""What `import helpers` and everything in it costs beyond torch and torchvision, warm."""

from __future__ import annotations

import statistics
import subprocess
import sys

from benchmarks.row import Row

__all__ = ["rows"]

CODE = """
import time, torch, torchvision
start = time.perf_counter()
import helpers
for name in helpers.__all__:
    getattr(helpers, name)
print(time.perf_counter() - start)
"""


def rows(runs: int = 5) -> list[Row]:
    """Return the median over fresh processes, after one that warms the disk."""
    times = [float(subprocess.check_output([sys.executable, "-c", CODE])) for _ in range(runs + 1)][1:]
    return [Row("import helpers, all names, warm", statistics.median(times), 0.5, at_least=False, note="seconds")]
