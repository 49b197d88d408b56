"""One submission's session with its workers: its cells are run there, and its answers asked for values.

A fresh worker follows whenever a cell or a question ended the last one.
"""

from __future__ import annotations

import math
import os
import secrets
import signal
import socket
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from grading.errors import AnswerMissing, Crashed, GradingError, NotIsolated, ProtocolError, TimedOut, WorkerError
from grading.isolation.forkserver import FORK_SECONDS, ForkServer
from grading.isolation.protocol import Channel
from grading.isolation.sandbox import lacking
from grading.isolation.stopwatch import Stopwatch
from grading.report import CellError
from grading.submission.read import text_of
from helpers.checks.engine.values import decode, encode

__all__ = ["Cell", "Session", "checked_errors"]

WALL = 10  # so many times a submission's own seconds may pass, whatever else the machine does
MAX_TEXT, MAX_LINE = 500, 1_000_000  # of an error that a cell is said to have raised


@dataclass
class Cell:
    """One cell to run: `name` is its grade_id or a short name, `mode` "full", "definitions", "check" or "skip".

    In the mode "stand-in" it is a text of ours in which the answer `name` is a right one.

    `errors` and `trouble` are what it raised and how it ended before anything was asked: nobody can tell by them what
    an answer was asked. How it ended later is `late`.
    """

    name: str
    source: str
    mode: str
    trouble: WorkerError | None = None
    errors: list[CellError] = field(default_factory=list)
    late: WorkerError | None = None


class Session:
    """One submission in its workers: its cells are run when first asked, and again in a fresh worker after one that
    ended early.

    `weights` is the name and a descriptor of the weights file, `without` names layers to leave off, for tests. Under
    `strict` a worker that lacks a layer is never sent a cell.

    A cell that hangs or ends the process costs only itself: it runs with its definitions alone next time, then not at
    all.
    """

    def __init__(
        self,
        fork_server: ForkServer,
        cells: list[Cell],
        weights: tuple[str, int] | None = None,
        without: Sequence[str] = (),
        strict: bool = False,
    ) -> None:
        self.fork_server, self.limits = fork_server, fork_server.limits
        self.cells, self.weights, self.without, self.strict = cells, weights, without, strict
        self.spent = 0.0  # own seconds of all workers
        self.until = math.inf  # whatever else the machine does; counted from the first fork on
        self.layers: dict[str, Any] = {"used": [], "missing": {}}
        self.asked = False  # by now a worker may know inputs, and may have left a trace of them for the next one
        self.peak_mb, self.forks = 0, 0
        self.killed = False  # from outside: in its own namespace a worker cannot kill itself
        self.output = ""
        self.broken: GradingError | None = None
        self._channel: Channel | None = None

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *exception: object) -> None:
        self._end(gone=False)

    def with_stand_ins(self, names: Iterable[str], source: str) -> Session:
        """Return a session in whose workers right answers of ours stand for the student's own of these names.

        This one's worker ends, and both share the time of one submission. Nothing that the other's workers print or
        raise is kept (docs/isolation.md).
        """
        self._end(gone=False)
        cells = [Cell(name, source, "stand-in") for name in names]
        cells += [Cell(cell.name, cell.source, cell.mode) for cell in self.cells]
        other = Session(self.fork_server, cells, self.weights, self.without, self.strict)
        other.spent, other.until = self.spent, self.until
        return other

    def follow(self, earlier: Session) -> None:
        """Come after another session of this submission: once that one had asked, cells are not heard again."""
        if earlier.asked:
            self.asked = True
            for cell, before in zip(self.cells, earlier.cells, strict=True):
                cell.errors = before.errors
                if not earlier.killed:  # from outside: how cells ended says nothing of them
                    cell.trouble = before.trouble

    def count(self, other: Session) -> None:
        """Add what the workers of another session of this submission used and met; it began with what this one had
        spent."""
        self.spent = other.spent
        self.forks, self.peak_mb = self.forks + other.forks, max(self.peak_mb, other.peak_mb)
        self.killed, self.broken = self.killed or other.killed, self.broken or other.broken

    def ask(self, request: dict[str, Any], inputs: dict[str, Any], seconds: float) -> Any:
        """Return the values that a probe got from an answer.

        Args:
            request: question, step, case, seed, cell, name, untouched, as `grading.isolation.worker.serve` reads them.
            seconds: of its own that the worker has for it (`Stopwatch`); what the submission has left comes on top.
        Raises:
            TimedOut, Crashed, ProtocolError: the worker is ended; the next question gets a fresh one.
            AnswerMissing: no cell defines the name.
            GradingError: no worker could be had, kept in `broken`: nothing that was found counts.
        """
        self.ensure_worker()
        self.asked = True
        tree, tensors = encode(inputs)
        reply, values = self._exchange({"op": "ask", **request, "inputs": tree}, tensors, seconds)
        if "missing" in reply:
            raise AnswerMissing(f"no cell defines {request['name']}")
        try:
            found = decode(reply["values"], values)
            if isinstance(found, dict) and "changed" in found:
                found["changed"] = _changed(found["changed"], inputs, decode(reply["after"], values[reply["from"] :]))
            return found
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            self._end(gone=False)
            raise ProtocolError(f"an answer is not of plain values: {str(error)[:100]}") from None

    def ensure_worker(self) -> None:
        """Have a worker that ran all cells; cells that end it are reduced until it lives."""
        while self._channel is None:
            try:
                self._fork()
            except WorkerError:
                raise
            except GradingError as error:  # our side failed, not the submission's
                self.broken = error
                raise
            for cell in self.cells:
                if cell.mode != "skip" and not self._run(cell):
                    break

    def _run(self, cell: Cell) -> bool:
        """Run one cell in the current worker; return whether the worker lives."""
        request = {"op": "cell", "cell": cell.name, "source": cell.source, "mode": cell.mode}
        try:
            reply, _ = self._exchange(request, [], self.limits.cell_seconds)
            if not self.asked:
                cell.errors = checked_errors(reply.get("errors"), cell.source.count("\n") + 1)
            return True
        except WorkerError as error:
            self._refuse_late()
            if self.asked:
                cell.late = cell.late or error
            else:
                cell.trouble = cell.trouble or error
            cell.mode = "definitions" if cell.mode == "full" else "skip"
            return False

    def _exchange(
        self, request: dict[str, Any], tensors: list[Any], seconds: float
    ) -> tuple[dict[str, Any], list[Any]]:
        assert self._channel is not None  # `ensure_worker` came first
        request["id"] = secrets.token_hex(8)  # so that no reply can be sent ahead of its question
        watch, started, before = self._watch, self._watch.seconds(), self.spent
        seconds = min(seconds, self.limits.submission_seconds - before)

        def left() -> float:
            self.spent = before + watch.seconds() - started
            return min(before + seconds - self.spent, self.until - time.monotonic())

        try:
            self._channel.send(request, tensors, left)
            reply, values = self._channel.receive(left)
            left()
            if reply.get("id") != request["id"]:
                raise ProtocolError("an answer came that nobody asked for")
            return reply, values
        except TimedOut:
            self._end(gone=False)
            raise TimedOut(f"no answer within {self.spent - before:.0f} s") from None
        except Crashed:
            left()
            raise Crashed(self._end(gone=True)) from None
        except BaseException:  # whatever it was: what is still on its way would pass for the next answer
            self._end(gone=False)
            raise

    def _fork(self) -> None:
        self._refuse_late()
        ours, theirs = socket.socketpair()
        self._output = os.memfd_create("output", os.MFD_CLOEXEC)
        appending = os.open(f"/proc/self/fd/{self._output}", os.O_WRONLY | os.O_APPEND)
        try:
            keeper = self.fork_server.start_worker(theirs, appending, self.weights, self.without)
        except BaseException:
            ours.close()
            os.close(self._output)
            raise
        finally:
            theirs.close()
            os.close(appending)
        self._channel = Channel(ours)
        self.forks += 1
        try:
            self.layers, _ = self._channel.receive(time.monotonic() + FORK_SECONDS)
        except WorkerError as error:
            self._end(gone=True)
            raise GradingError(f"no worker could be started ({error}): {self.output[-300:]}") from None
        if self.strict and self.layers["missing"]:
            self._end(gone=False)
            raise NotIsolated(f"isolation is not complete: {lacking(self.layers['missing'])}")
        self._watch = Stopwatch(_worker_of(keeper))
        if self.until == math.inf:
            self.until = time.monotonic() + WALL * self.limits.submission_seconds

    def _refuse_late(self) -> None:
        if self.spent >= self.limits.submission_seconds or time.monotonic() >= self.until:
            limit = self.limits.submission_seconds
            raise TimedOut(f"the submission as a whole took longer than {limit:g} s") from None

    def _end(self, gone: bool) -> str:
        """End the current worker, keep what it printed and used; return in words how it ended."""
        if self._channel is None:
            return ""
        self._channel.close()
        self._channel = None
        try:
            used = self.fork_server.end_worker(gone)
        except GradingError as error:  # the fork server ended, and the worker with it: that is no verdict
            self.broken = error
            raise
        finally:
            said = os.pread(self._output, self.limits.output_kb << 10, 0).decode("utf-8", "replace")
            self.output = said or self.output
            os.close(self._output)
        self.peak_mb = max(self.peak_mb, used.get("peak_mb", 0))
        # by no limit on its processor time, which kills in the same way
        within = used.get("cpu_seconds", 0) < self.limits.submission_seconds
        self.killed |= gone and within and used.get("status") == -signal.SIGKILL
        return _ending(used.get("status"))


def _worker_of(keeper: int | None) -> int | None:
    """Return the process id of the worker that a keeper keeps; its own where it needed none."""
    if keeper is None:
        return None
    try:
        children = Path(f"/proc/{keeper}/task/{keeper}/children").read_text().split()
    except OSError:  # a kernel without that list
        return None
    return int(children[0]) if children else keeper


def _changed(said: Any, inputs: dict[str, Any], after: Any) -> Any:
    """Return which inputs an answer changed: those that the worker names, and those that came back as others.

    Args:
        said: what the probe says: a list of names, or whether there are any.
    """
    if not isinstance(after, dict):
        raise ValueError("the inputs did not come back")
    found = [name for name, value in inputs.items() if not _same(value, after.get(name))]
    if isinstance(said, list):
        return [*said, *(name for name in found if name not in said)]
    return bool(said or found)


def _same(before: Any, after: Any) -> bool:
    """Return whether an input that was sent is what came back; NaN counts as equal to NaN."""
    if isinstance(before, (list, tuple)):
        return isinstance(after, list) and len(before) == len(after) and all(map(_same, before, after))
    if not isinstance(before, torch.Tensor):
        return True  # a number or a text: nobody can change it
    if not isinstance(after, torch.Tensor) or (before.dtype, before.shape) != (after.dtype, after.shape):
        return False
    return torch.equal(before, after) or bool(((before == after) | ((before != before) & (after != after))).all())


def _ending(status: int | None) -> str:
    if status is not None and status < 0:
        return f"the process was ended by signal {-status}"
    return "the process ended itself" + (f" with status {status}" if status is not None else "")


def checked_errors(errors: Any, lines: int = MAX_LINE) -> list[CellError]:
    """Return the errors of a cell that are of the announced form; the worker's word for them is not taken on trust.

    A line that the cell of so many `lines` does not have is 0.

    Texts are cut, and hold nothing that no file takes: half a surrogate pair, say, which Python code may raise.
    """
    kinds = {"type": str, "message": str, "line": int}
    if not isinstance(errors, list):
        return []
    return [
        {
            "type": text_of(error["type"])[:MAX_TEXT],
            "message": text_of(error["message"])[:MAX_TEXT],
            "line": error["line"] if 0 < error["line"] <= lines else 0,
        }
        for error in errors[:20]
        if isinstance(error, dict) and all(type(error.get(key)) is kind for key, kind in kinds.items())
    ]
