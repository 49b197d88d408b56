"""The grader's hold on the fork server: it is started here, has one worker at a time, and is ended.

Nothing in here imports torch, so that the fork server imports it while the grader does the same.
"""

from __future__ import annotations

import ast
import dataclasses
import json
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from grading.course.course import Course
from grading.errors import GradingError
from grading.isolation import caller
from grading.limits import Limits
from grading.submission.roles import NotebookData, is_setup
from helpers.files import ROOT

__all__ = ["FORK_SECONDS", "ForkServer", "start_fork_server"]

KEPT_BACK = ("helpers/checks", "grading")
START_SECONDS = 120.0  # importing torch from a cold disk
FORK_SECONDS = 60.0  # some hundredths, unless the machine is busy


class ForkServer:
    """A process that has imported what answers need and forks isolated workers, one at a time.

    Args:
        questions: module whose `QUESTIONS` hold the probes, such as "helpers.checks.ex01_pose_regression".
        path: further folders to import from, for a course whose checks lie outside this project.
        readable: further folders that workers may read.
        modules: what to import before the first fork, besides `questions`; what cannot be imported is left out.
        threads: how many each worker computes with; marks are made with one.
    """

    def __init__(
        self,
        questions: str,
        limits: Limits,
        path: Sequence[str] = (),
        readable: Sequence[str] = (),
        modules: Sequence[str] = (),
        threads: int = 1,
    ) -> None:
        self.limits = limits
        self.settings: dict[str, Any] = {
            "questions": questions,
            "path": list(path),
            "modules": [*modules, questions],
            "limits": dataclasses.asdict(limits),
            "threads": threads,
            "readable": _readable(
                [*_entries(ROOT / "helpers", "checks"), *_entries(ROOT / "data", "cache"), *readable]
            ),
        }
        self.settings["hidden"] = _hidden(self.settings["readable"])
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start the process, which is ready some seconds later; nobody waits for that before the first worker."""
        caller.settle()
        self.folder = tempfile.mkdtemp(prefix="deep-learning-lab-")
        os.chmod(self.folder, 0o711)  # a worker that became nobody passes through
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.said = tempfile.TemporaryFile()  # noqa: SIM115, open as long as the process
        self.process = subprocess.Popen(
            [_interpreter(), "-P", "-s", "-m", "grading.isolation.worker"],
            stdin=theirs.fileno(),
            cwd="/",
            start_new_session=True,
            umask=caller.UMASK,
            env=_environment(self.settings["threads"]),
            stdout=subprocess.DEVNULL,
            stderr=self.said,
        )
        theirs.close()
        self.control.send(json.dumps({**self.settings, "folder": self.folder}).encode())
        self._ready = False

    def start_worker(
        self, channel: socket.socket, output: int, weights: tuple[str, int] | None, without: Sequence[str] = ()
    ) -> int | None:
        """Fork a worker that has these descriptors, too; `without` names layers to leave off. Returns its keeper's
        process id."""
        if self.process is None:  # a worker took it down with it
            self.start()
        if not self._ready:
            self._ready = "ready" in self._answer(START_SECONDS)
        handed = [channel.fileno(), output, *([weights[1]] if weights else [])]
        message = {"op": "start", "weights": weights[0] if weights else None, "without": list(without)}
        self._send(message, handed)
        keeper: int | None = self._answer(FORK_SECONDS).get("keeper")
        return keeper

    def end_worker(self, gone: bool) -> dict[str, Any]:
        """End the worker with everything that it started; return how it ended and what it used."""
        if self.process is None:
            return {}
        self._send({"op": "end", "gone": gone}, [])
        return self._answer(FORK_SECONDS)

    def _send(self, message: dict[str, Any], descriptors: list[int]) -> None:
        try:
            socket.send_fds(self.control, [json.dumps(message).encode()], descriptors)
        except OSError as error:
            raise self._dead(str(error)) from None

    def _answer(self, seconds: float) -> dict[str, Any]:
        self.control.settimeout(seconds)
        try:
            data = self.control.recv(1 << 16)
        except OSError as error:
            raise self._dead(str(error)) from None
        if not data:
            raise self._dead("it ended")
        answer: dict[str, Any] = json.loads(data)
        return answer

    def _dead(self, reason: str) -> GradingError:
        """Clear away a process that does not answer; the next worker starts another."""
        assert self.process is not None  # else nothing was asked
        self.process.kill()
        self.process.wait()
        self.said.seek(0)
        said = self.said.read().decode(errors="replace")
        self.close()
        # A report may hold this text, so it keeps its old word for the fork server.
        return GradingError(f"the warm process does not answer ({reason}): {said[-1000:]}")

    def close(self) -> None:
        """End the process and whatever runs in it; safe to call twice."""
        if self.process is None:
            return
        self.control.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None
        self.said.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def _environment(count: int) -> dict[str, str]:
    """Return all that a worker gets to know of our environment: how to compute alone, always in the same way.

    A course's own folder is no part of PYTHONPATH, whose entries cannot hold a colon.
    """
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(count))
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": "/nonexistent",
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(ROOT),
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "MPLBACKEND": "Agg",
        "CUDA_VISIBLE_DEVICES": "",
        "DEEP_LEARNING_LAB_GRADING": "1",
        "OMP_WAIT_POLICY": "PASSIVE",  # of several threads, on a busy machine, those that spin take 20 times as long
        **threads,
    }


def _entries(folder: Path, but: str) -> list[str]:
    """Return what lies in a folder but for one entry: rendered scenes in a cache, with their truth, or the checks."""
    return [str(path) for path in sorted(folder.glob("*")) if path.name != but]


def _interpreter() -> str:
    """Return the path of this interpreter without links to folders: a worker sees packages at their real places only.

    The last part stays, be it a link or not, because it tells Python which environment it belongs to.
    """
    folder, name = os.path.split(sys.executable)
    return os.path.join(os.path.realpath(folder), name)


def _readable(paths: Sequence[str]) -> list[str]:
    """Return what a worker may read: interpreter, packages, system libraries, and `paths`."""
    system = ["/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib", "/lib64", "/usr/share/zoneinfo"]
    python = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    prefix = [f"{base}/lib" for base in (sys.prefix, sys.base_prefix)]
    wanted = {os.path.realpath(path) for path in (*python, *prefix, *system, *paths) if os.path.exists(path)}
    return sorted(path for path in wanted if not any(str(parent) in wanted for parent in Path(path).parents))


def _hidden(readable: Sequence[str]) -> list[str]:
    """Return what lies in readable folders and may not be read: the checks, where the project is installed as well."""
    return [path for one in readable for name in KEPT_BACK if os.path.isdir(path := os.path.join(one, name))]


def start_fork_server(course: Course, limits: Limits, threads: int = 1) -> ForkServer:
    """Return a fork server for the course, on its way: it imports torch while the caller does."""
    outside = [str(course.root)] if course.checks_package != "helpers.checks" else []
    return ForkServer(course.module, limits, path=outside, modules=_imported(course.released), threads=threads)


def _imported(released: NotebookData) -> list[str]:
    """Return the modules that the released setup imports, for the fork server to have ready."""
    rooms = sorted(path.stem for path in (ROOT / "helpers").glob("[a-z]*") if path.stem not in ("checks", "tests"))
    found = [
        *(f"helpers.{room}" for room in rooms),  # a worker cannot look into the folder that they lie in
        "helpers.training.weights",
        "helpers.training",
        "helpers.models.backbones",
        "helpers.data.skeletons",
        "helpers.seeds",
    ]
    if any("gradcheck" in cell["source"] for cell in released["cells"]):
        found.append("torch.fx.experimental.symbolic_shapes")  # what torch's gradcheck imports, half a second in a fork
    for cell in filter(is_setup, released["cells"]):
        for node in ast.walk(ast.parse(cell["source"])):
            if isinstance(node, ast.Import):
                found += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return list(dict.fromkeys(found))
