"""A worker's own time: what it computes, and what it waits for anything but a processor.

On a machine that others use as well, it waits for a processor longer than it computes. Whoever pays for that, it is not
the student. Linux only; the calls are those that any process may make about another.
"""

from __future__ import annotations

import time
from pathlib import Path

__all__ = ["Stopwatch"]

PATIENCE = 5.0  # where the kernel does not say what a process waits for: so much longer it may wait than compute


class Stopwatch:
    """Counts the own seconds of the process `pid` from now on; of None, or of one that is gone, all that pass."""

    def __init__(self, pid: int | None) -> None:
        self.pid = pid
        self.began, self.before, self.last = time.monotonic(), (0.0, 0.0), (0.0, 0.0)
        self.before = self._used()

    def seconds(self) -> float:
        """Return the own seconds so far: of a process with several threads, at least what these compute together."""
        computed, queued = (now - before for now, before in zip(self._used(), self.before, strict=True))
        waited = max(0.0, time.monotonic() - self.began - computed - queued)
        if self.pid is not None and not self.last[1]:  # not a moment in the queue: the kernel keeps no count
            waited /= PATIENCE
        return computed + waited

    def _used(self) -> tuple[float, float]:
        """Return the seconds that the process has computed, and that it was in the queue for a processor."""
        if self.pid is not None:
            try:
                computed = time.clock_gettime(~self.pid << 3 | 2)  # its clock, as clock_getcpuclockid(3) numbers it
                self.last = computed, self._queued()
            except OSError:  # gone
                pass
        return self.last

    def _queued(self) -> float:
        try:
            return int(Path(f"/proc/{self.pid}/schedstat").read_text().split()[1]) / 1e9
        except (OSError, IndexError, ValueError):
            return 0.0
