"""A slow neighbour costs nobody a point: what counts is what a worker computes and waits for itself."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from grading.isolation.forkserver import start_fork_server
from grading.isolation.session import Cell, Session
from grading.isolation.stopwatch import Stopwatch
from grading.limits import Limits

PROCESSOR = min(os.sched_getaffinity(0))
BUSY = "import time\nend = time.monotonic() + 60\nwhile time.monotonic() < end: pass"  # should its test be killed


@contextlib.contextmanager
def running(code: str) -> Iterator[int]:
    """Run Python on one processor, and give its process id.

    In a session of its own: Linux may give each session, as a worker has one, the same share, not each process.
    """
    with subprocess.Popen([sys.executable, "-S", "-c", code], start_new_session=True) as process:
        os.sched_setaffinity(process.pid, {PROCESSOR})
        yield process.pid
        process.kill()


@pytest.fixture
def busy() -> Iterator[None]:
    """Have three neighbours on the same processor, who are always in the way."""
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(running(BUSY))
        yield


def test_waiting_for_a_processor_does_not_count(busy):
    with running(BUSY) as pid:
        watch, started = Stopwatch(pid), time.monotonic()
        while (computed := watch.last[0] - watch.before[0]) < 0.3:
            time.sleep(0.02)
            own = watch.seconds()
        assert computed <= own < 0.5 < time.monotonic() - started


def test_waiting_for_anything_else_counts():
    with running("import time\ntime.sleep(30)") as pid:
        time.sleep(0.3)  # until it sleeps
        watch = Stopwatch(pid)
        time.sleep(0.5)
        assert watch.seconds() > 0.4


def test_on_an_idle_machine_nobody_queues_and_waiting_counts_as_well(monkeypatch):
    monkeypatch.setattr(Stopwatch, "_queued", lambda self: 0.0)
    watch = Stopwatch(os.getpid())
    time.sleep(0.5)
    assert 0.4 < watch.seconds() < 5


def test_where_the_kernel_does_not_say_what_is_waited_for_there_is_patience(monkeypatch):
    monkeypatch.setattr(Stopwatch, "_queued", lambda self: None)
    watch = Stopwatch(os.getpid())
    time.sleep(0.5)
    assert 0.09 < watch.seconds() < 0.3


@pytest.mark.parametrize("pid", [None, 2**22 + 1])
def test_of_a_process_that_is_gone_all_that_passes_counts(pid):
    watch = Stopwatch(pid)
    watch.last = 0.0, 1.0
    watch.before = watch.last
    time.sleep(0.2)
    assert 0.19 < watch.seconds() < 20


def test_a_slow_neighbour_costs_no_cell_and_no_question_its_time(course, busy):
    fork_server = start_fork_server(course, Limits(cell_seconds=1, memory_mb=400))
    try:
        with Session(fork_server, []) as session:  # torch is imported before the neighbours are met
            session.ensure_worker()
        os.sched_setaffinity(fork_server.process.pid, {PROCESSOR})
        cell = Cell("slow", "import time\nt = time.process_time()\nwhile time.process_time() - t < 0.5: pass", "full")
        started = time.monotonic()
        with Session(fork_server, [cell]) as session:
            session.ensure_worker()
            assert cell.trouble is None and 0.4 < session.spent < 1 < time.monotonic() - started
    finally:
        fork_server.close()


def test_an_endless_cell_ends_on_a_busy_machine_as_well(fork_server):
    cell = Cell("endless", "import time\nwhile True: time.sleep(1)", "full")
    with Session(fork_server, [cell]) as session:
        session.ensure_worker()
    assert "no answer" in cell.trouble.message and 1.5 < session.spent < 6
