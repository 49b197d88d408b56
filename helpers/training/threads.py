"""How many threads a training step should take, and memory that it keeps."""

import contextlib
import ctypes
import statistics
import time
from typing import Self

import torch

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # names of glibc's malloc.h


def keep_freed_memory() -> None:
    """Let glibc, the C library of most Linux systems, keep what a training step frees for the next step.

    By itself it gives large blocks back and fetches them again page by page, some 5 % of a step. Elsewhere: nothing.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_MMAP_THRESHOLD, 1 << 28)
        mallopt(M_TRIM_THRESHOLD, 1 << 30)


class Threads:
    """Trains on as many threads of the CPU as pay off just now: all of them, or one.

    The threads of a step wait for each other some hundred times. While another program holds a core, each wait lasts
    until that program is put aside: two threads were measured 20 times slower than one. So steps are timed, and the
    count that is faster stays; all threads are tried again every `patience_s` seconds.

    Args:
        most: threads to use at best; None is what torch uses now. With one there is nothing to decide.
    """

    WINDOW = 4  # steps that make a judgement

    def __init__(self, most: int | None = None, patience_s: float = 20.0):
        self.most, self.patience_s = most or torch.get_num_threads(), patience_s
        self.before, self.now = torch.get_num_threads(), 1
        self.typical: dict[int, float] = {}  # seconds of a step, by number of threads
        self.recent: list[float] = []
        self.next_trial = 0.0

    def __enter__(self) -> Self:
        torch.set_num_threads(self.now)
        return self

    def __exit__(self, *error: object) -> None:
        torch.set_num_threads(self.before)

    def step(self, seconds: float) -> None:
        """Take note of a step of so many seconds, and change the number of threads where that pays off."""
        if self.most == 1:
            return
        self.recent.append(seconds)
        other = 1 if self.now == self.most else self.most
        hopeless = other in self.typical and seconds > 3 * self.typical[other]
        if len(self.recent) < self.WINDOW and not hopeless:
            return
        self.typical[self.now] = statistics.median(self.recent)
        self.recent = []
        if other == self.most and time.perf_counter() >= self.next_trial:
            self.typical.pop(other, None)  # what it took is long ago
        if other not in self.typical or self.typical[self.now] > 1.15 * self.typical[other]:
            if other == 1:
                self.next_trial = time.perf_counter() + self.patience_s
            self.now = other
            torch.set_num_threads(other)
