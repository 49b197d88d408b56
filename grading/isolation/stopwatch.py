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
        self.counted = True  # the kernel says how long the process was in the queue
        self.before = self._used()

    def seconds(self) -> float:
        """Return the own seconds so far: of a process with several threads, at least what these compute together."""
        computed, queued = (now - before for now, before in zip(self._used(), self.before, strict=True))
        waited = max(0.0, time.monotonic() - self.began - computed - queued)
        if not self.counted:
            waited /= PATIENCE
        return computed + waited

    def _used(self) -> tuple[float, float]:
        """Return the seconds that the process has computed, and that it was in the queue for a processor."""
        if self.pid is not None:
            try:
                computed = time.clock_gettime(~self.pid << 3 | 2)  # its clock, as clock_getcpuclockid(3) numbers it
                queued = self._queued()
                self.last, self.counted = (computed, queued or 0.0), queued is not None
            except OSError:  # gone
                pass
        return self.last

    def _queued(self) -> float | None:
        """Return the seconds in the queue for a processor, on an idle machine none; None if the kernel does not count.

        One that does has counted the turns on a processor as well.
        """
        try:
            _, queued, turns = Path(f"/proc/{self.pid}/schedstat").read_text().split()
        except (OSError, ValueError):
            return None
        return int(queued) / 1e9 if int(turns) else None
