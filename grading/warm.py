"""The grader's side of the process line: one warm process, and the turns of submissions in it.

`WarmProcess` starts `python -m grading.worker` and hands it turns; `Turns` runs one submission's cells there and asks
its answers for values, with a fresh fork whenever a cell or a question ended the last one.
"""

from __future__ import annotations

import dataclasses
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grading.errors import AnswerMissing, Crashed, GradingError, ProtocolError, TimedOut, WorkerError
from grading.protocol import Channel
from grading.sandbox import Limits
from helpers.checks.values import decode, encode

__all__ = ["Cell", "Turns", "WarmProcess"]

PROJECT = Path(__file__).resolve().parent.parent
START_SECONDS = 120.0  # importing torch from a cold disk
FORK_SECONDS = 20.0


class WarmProcess:
    """A process that has imported what answers need and forks one isolated worker per turn.

    Args:
        questions: module whose `QUESTIONS` hold the probes, such as "helpers.checks.ex01_pose_regression".
        path: further folders to import from, for a course whose checks lie outside this project.
        readable: further folders that workers may read.
    """

    def __init__(
        self,
        questions: str,
        limits: Limits,
        path: Sequence[str] = (),
        readable: Sequence[str] = (),
        modules: Sequence[str] = (),
    ) -> None:
        self.limits = limits
        self.folder = tempfile.mkdtemp(prefix="deep-learning-lab-")
        os.chmod(self.folder, 0o711)  # a worker that became nobody passes through
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-s", "-m", "grading.worker"],
            stdin=theirs,
            cwd="/",
            start_new_session=True,
            env=_environment([str(PROJECT), *path]),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        theirs.close()
        settings = {
            "questions": questions,
            "modules": [*modules, questions],
            "limits": dataclasses.asdict(limits),
            "readable": _readable([*map(str, (PROJECT / "helpers", PROJECT / "data")), *readable]),
            "folder": self.folder,
        }
        self.control.send(json.dumps(settings).encode())
        self._warm = False

    def start_turn(
        self, channel: socket.socket, output: int, weights: tuple[str, int] | None, without: Sequence[str] = ()
    ) -> None:
        """Fork a worker that has these descriptors, too; `without` names layers to leave off."""
        if not self._warm:
            self._warm = "ready" in self._answer(START_SECONDS)
        handed = [channel.fileno(), output, *([weights[1]] if weights else [])]
        message = {"op": "start", "weights": weights[0] if weights else None, "without": list(without)}
        socket.send_fds(self.control, [json.dumps(message).encode()], handed)
        self._answer(FORK_SECONDS)

    def end_turn(self, gone: bool) -> dict[str, Any]:
        """End the turn with everything that it started; return how it ended and what it used."""
        self.control.send(json.dumps({"op": "end", "gone": gone}).encode())
        return self._answer(FORK_SECONDS)

    def _answer(self, seconds: float) -> dict[str, Any]:
        self.control.settimeout(seconds)
        try:
            data = self.control.recv(1 << 16)
        except OSError as error:
            data, reason = b"", str(error)
        else:
            reason = "it ended"
        if not data:
            self.process.kill()
            _, said = self.process.communicate()
            raise GradingError(f"the warm process does not answer ({reason}): {said.decode(errors='replace')[-1000:]}")
        return json.loads(data)

    def close(self) -> None:
        """End the process and whatever runs in it; safe to call twice."""
        self.control.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stderr.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def _environment(path: Sequence[str]) -> dict[str, str]:
    """Return all that a worker gets to know of our environment: how to compute alone, always in the same way."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": "/nonexistent",
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join(path),
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "MPLBACKEND": "Agg",
        "CUDA_VISIBLE_DEVICES": "",
        "DEEP_LEARNING_LAB_GRADING": "1",
        **threads,
    }


def _readable(folders: Sequence[str]) -> list[str]:
    """Return the folders that a worker may read: interpreter, packages, system libraries and `folders`."""
    system = ["/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib", "/lib64", "/usr/share/zoneinfo"]
    python = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    prefix = [f"{base}/lib" for base in (sys.prefix, sys.base_prefix)]
    wanted = {os.path.realpath(path) for path in (*python, *prefix, *system, *folders) if os.path.isdir(path)}
    return sorted(path for path in wanted if not any(str(parent) in wanted for parent in Path(path).parents))


@dataclass
class Cell:
    """One cell to run: `name` is its grade_id or another short name, `mode` "full", "definitions" or "skip"."""

    name: str
    source: str
    mode: str
    trouble: WorkerError | None = None
    errors: list[dict[str, Any]] = field(default_factory=list)


class Turns:
    """One submission in the worker: its cells are run when first asked, and again in a fresh fork after a turn ended
    early.

    `weights` is the name and a descriptor of the weights file, `without` names layers to leave off, for tests.

    A cell that hangs or ends the process costs only itself: it runs with its definitions alone next time, then not at
    all.
    """

    def __init__(
        self,
        warm: WarmProcess,
        cells: list[Cell],
        weights: tuple[str, int] | None = None,
        without: Sequence[str] = (),
    ) -> None:
        self.warm, self.cells, self.weights, self.without = warm, cells, weights, without
        self.limits = warm.limits
        self.deadline = time.monotonic() + self.limits.submission_seconds
        self.layers: dict[str, Any] = {"used": [], "missing": {}}
        self.peak_mb, self.forks = 0, 0
        self.output = ""
        self._channel: Channel | None = None

    def __enter__(self) -> Turns:
        return self

    def __exit__(self, *exception: object) -> None:
        self._end(gone=False)

    def ask(self, request: dict[str, Any], inputs: dict[str, Any], deadline: float) -> Any:
        """Return the values that a probe got from an answer.

        Args:
            request: question, step, case, seed, cell, name, untouched, as `grading.worker.serve` reads them.
            deadline: on `time.monotonic()`'s clock; the submission's own comes on top.
        Raises:
            TimedOut, Crashed, ProtocolError: the turn is over; the next question gets a fresh one.
            AnswerMissing: no cell defines the name.
        """
        self.begin()
        tree, tensors = encode(inputs)
        deadline = min(deadline, self.deadline)
        reply, values = self._exchange({"op": "ask", **request, "inputs": tree}, tensors, deadline)
        if "missing" in reply:
            raise AnswerMissing(f"no cell defines {request['name']}")
        try:
            return decode(reply["values"], values)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            self._end(gone=False)
            raise ProtocolError(f"an answer is not of plain values: {str(error)[:100]}") from None

    def begin(self) -> None:
        """Have a worker that ran all cells; cells that end it are reduced until it lives."""
        while self._channel is None:
            self._fork()
            for cell in self.cells:
                if cell.mode != "skip" and not self._run(cell):
                    break

    def _run(self, cell: Cell) -> bool:
        """Run one cell in the current worker; return whether the worker lives."""
        request = {"op": "cell", "cell": cell.name, "source": cell.source, "mode": cell.mode}
        deadline = min(time.monotonic() + self.limits.cell_seconds, self.deadline)
        try:
            reply, _ = self._exchange(request, [], deadline)
            cell.errors = _checked_errors(reply.get("errors"))
            return True
        except WorkerError as error:
            if time.monotonic() >= self.deadline:
                raise TimedOut(
                    f"the submission as a whole took longer than {self.limits.submission_seconds:g} s"
                ) from None
            cell.trouble = cell.trouble or error
            cell.mode = "definitions" if cell.mode == "full" else "skip"
            return False

    def _exchange(
        self, request: dict[str, Any], tensors: list[Any], deadline: float
    ) -> tuple[dict[str, Any], list[Any]]:
        request["id"] = secrets.token_hex(8)  # so that no reply can be sent ahead of its question
        started = time.monotonic()
        try:
            self._channel.send(request, tensors, deadline)
            reply, values = self._channel.receive(deadline)
            if reply.get("id") != request["id"]:
                raise ProtocolError("an answer came that nobody asked for")
            return reply, values
        except TimedOut:
            self._end(gone=False)
            raise TimedOut(f"no answer within {time.monotonic() - started:.0f} s") from None
        except Crashed:
            raise Crashed(self._end(gone=True)) from None
        except ProtocolError:
            self._end(gone=False)
            raise

    def _fork(self) -> None:
        if time.monotonic() >= self.deadline:
            raise TimedOut(f"the submission as a whole took longer than {self.limits.submission_seconds:g} s")
        ours, theirs = socket.socketpair()
        self._output = os.memfd_create("output", os.MFD_CLOEXEC)
        appending = os.open(f"/proc/self/fd/{self._output}", os.O_WRONLY | os.O_APPEND)
        try:
            self.warm.start_turn(theirs, appending, self.weights, self.without)
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

    def _end(self, gone: bool) -> str:
        """End the current turn, keep what it printed and used; return in words how it ended."""
        if self._channel is None:
            return ""
        self._channel.close()
        self._channel = None
        used = self.warm.end_turn(gone)
        self.peak_mb = max(self.peak_mb, used.get("peak_mb", 0))
        self.output = os.pread(self._output, self.limits.output_kb << 10, 0).decode("utf-8", "replace") or self.output
        os.close(self._output)
        return _ending(used.get("status"))


def _ending(status: int | None) -> str:
    if status is not None and status > 128:
        return f"the process was ended by signal {status - 128}"
    return "the process ended itself" + (f" with status {status}" if status is not None and status >= 0 else "")


def _checked_errors(errors: Any) -> list[dict[str, Any]]:
    """Return the errors of a cell that are of the announced form; the worker's word for them is not taken on trust."""
    kinds = {"type": str, "message": str, "line": int}
    if not isinstance(errors, list):
        return []
    return [
        {key: error[key] for key in kinds}
        for error in errors[:20]
        if isinstance(error, dict) and all(type(error.get(key)) is kind for key, kind in kinds.items())
    ]
