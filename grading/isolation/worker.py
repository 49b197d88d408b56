"""The fork server, `python -m grading.isolation.worker`, and its forks: the only place where a student's code runs.

The fork server imports what answers need, once, and then waits. It knows no secret and never sees a byte of a
submission: for each worker it is handed that one's end of a channel and forks. The fork closes itself off
(`grading.isolation.sandbox`), says which layers hold, and only then reads cells and questions from the
channel. There is one worker at a time; when it ends, everything that it started is killed and reaped.

    grader --start(channel, output, weights)--> fork server --fork--> keeper --fork--> worker (its own process 1)
    grader <------------------------- cells, questions, values -------------------------> worker
    grader --end--> fork server --SIGKILL--> whatever is left; answers with peak memory and how it ended
"""

from __future__ import annotations

# ruff: noqa: E402
import gc

__all__ = ["PRELOAD", "end_worker", "main", "serve", "start_worker"]

gc.disable()  # until all is imported: a sixth of torch's import is a search for garbage that there is none of

import array
import contextlib
import importlib
import inspect
import json
import os
import pkgutil
import random
import resource
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
import torch

from grading.errors import GradingError
from grading.isolation import private, sandbox
from grading.isolation.cells import CappedOutput, Notebook
from grading.isolation.cpu_only import run_gently_without_gpu
from grading.isolation.libc import libc_call
from grading.isolation.protocol import Channel
from grading.isolation.seccomp import seccomp_program
from grading.limits import Limits
from helpers.checks.engine.question import Probe, run_probe
from helpers.checks.engine.values import Raised, Value, decode, encode
from helpers.checks.probes.untrained import build_untrained
from helpers.models.backbones import small_backbone

# What most answers or their checks need, and what costs seconds in a fork: matplotlib looks for fonts.
# And what closes a fork off when it has become a user who may not be allowed to read it.
PRELOAD = ("IPython.core.inputtransformer2", "safetensors.torch", "tqdm", "matplotlib.pyplot", "landlock")
MESSAGE = 1 << 16  # bytes of a control message
CHANNEL, OUTPUT, WEIGHTS = range(3)  # order of the handed-over descriptors
Probes: TypeAlias = Mapping[str, Mapping[str, Probe]]


def main() -> None:
    """Start and end workers as told on the control socket, standard input, until the grader closes it."""
    control = socket.socket(fileno=os.dup(0))
    settings = json.loads(control.recv(MESSAGE))
    sys.path[1:1] = settings["path"]  # behind this project, before all packages
    torch.set_num_threads(1)  # until the fork, whatever comes then: a fork would wait for threads that it lacks
    for name in (*PRELOAD, *settings["modules"]):
        with contextlib.suppress(ImportError, AttributeError):  # a name of a module, or of something in one
            pkgutil.resolve_name(name)
    questions = importlib.import_module(settings["questions"]).QUESTIONS
    probes = MappingProxyType({name: MappingProxyType({**question.probes}) for name, question in questions.items()})
    private.hide(private.CHECKS, "grading", settings["questions"].rpartition(".")[0], own=sys.modules[__name__])
    run_gently_without_gpu()
    build_untrained()
    _warm_up()
    private.remember(probe for steps in probes.values() for probe in steps.values())
    libc_call("prctl", 36, 1, 0, 0, 0)  # orphans of a worker become our children, so that we can end them
    program = _program(1)
    gc.freeze()
    gc.enable()
    keeper: int | None = None
    with contextlib.suppress(OSError):  # the grader is gone, however it went
        control.send(json.dumps({"ready": True}).encode())
        while True:
            message, descriptors = _receive(control)
            if message is None:
                break
            if message["op"] == "start":
                keeper = start_worker(message, descriptors, settings, program, control, probes)
                answer = {"keeper": keeper}
            else:
                answer = end_worker(keeper, message["gone"]) if keeper is not None else {}  # reaped: its id is free
                keeper = None
                shutil.rmtree(settings["folder"] + "/worker", ignore_errors=True)
            control.send(json.dumps(answer).encode())
    if keeper is not None:
        end_worker(keeper, gone=False)
    shutil.rmtree(settings["folder"], ignore_errors=True)
    os._exit(0)  # at once: Python would first take torch apart, and the grader waits


def _warm_up() -> None:
    """Run a little of everything once, so that no fork pays for it."""
    with torch.no_grad():
        images = torch.rand(1, 3, 16, 16)
        maps = torch.nn.Sequential(
            torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.ReLU(), torch.nn.Flatten()
        )(images)
        torch.linalg.norm(torch.nn.Linear(maps.shape[1], 2)(maps), dim=-1).mean().item()
        small_backbone().eval()(torch.rand(16, 3, 128, 128))  # convolutions of this size are prepared once
    np.random.RandomState(0).rand(2)


def _program(own_pid: int | None) -> bytes:
    try:
        return seccomp_program(own_pid)
    except (ImportError, OSError, AttributeError):
        return b""


def _receive(control: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    data, ancillary, _, _ = control.recvmsg(MESSAGE, socket.CMSG_LEN(12))
    descriptors = array.array("i")
    for _, _, content in ancillary:
        descriptors.frombytes(content[: len(content) - len(content) % descriptors.itemsize])
    return (json.loads(data) if data else None), list(descriptors)


def start_worker(
    message: dict[str, Any],
    descriptors: list[int],
    settings: dict[str, Any],
    program: bytes,
    control: socket.socket,
    probes: Probes,
) -> int:
    """Fork a worker that serves `descriptors[CHANNEL]` and return its keeper's process id."""
    os.mkdir(settings["folder"] + "/worker", 0o700)
    if (pid := os.fork()) != 0:
        for descriptor in descriptors:
            os.close(descriptor)
        return pid
    try:
        control.close()
        _worker(message, descriptors, settings, program, probes)
    except BaseException as error:  # of a student's own class, perhaps, whose text raises the next one
        os.write(2, f"worker failed: {type(error).__name__}: {error}\n".encode("utf-8", "replace"))
    finally:  # never back into the fork server's loop
        os._exit(70)


def end_worker(pid: int, gone: bool) -> dict[str, Any]:
    """Kill and reap a keeper, its worker and all they left behind; return how it ended and what it used.

    Args:
        gone: the worker hung up by itself, so its keeper is about to tell how; else it is ended here and now.
    """
    patience = time.monotonic() + (1.0 if gone else 0.0)
    while (
        found := os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    ) is None and time.monotonic() < patience:
        time.sleep(0.002)
    if found is None:
        os.kill(pid, signal.SIGKILL)
    _, code, usage = os.wait4(pid, 0)
    status, peak_kb, cpu_seconds = os.waitstatus_to_exitcode(code), usage.ru_maxrss, usage.ru_utime + usage.ru_stime
    while children := _children():
        for child in children:
            os.kill(child, signal.SIGKILL)
            _, _, usage = os.wait4(child, 0)
            peak_kb, cpu_seconds = max(peak_kb, usage.ru_maxrss), cpu_seconds + usage.ru_utime + usage.ru_stime
    return {"status": status, "peak_mb": peak_kb // 1024, "cpu_seconds": round(cpu_seconds, 3)}


def _children() -> list[int]:
    """Return the process ids of this process's children, adopted ones included."""
    try:
        return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
    except OSError:  # a kernel without that list
        return [
            int(entry.name)
            for entry in Path("/proc").iterdir()
            if entry.name.isdigit() and _parent(entry) == os.getpid()
        ]


def _parent(entry: Path) -> int | None:
    try:
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def _worker(
    message: dict[str, Any], descriptors: Sequence[int], settings: dict[str, Any], program: bytes, probes: Probes
) -> None:
    """Become the worker: take up the handed-over descriptors, close everything else, isolate, serve."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the grader
    libc_call("prctl", sandbox.SET_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    handed = [os.dup2(descriptor, 100 + place) for place, descriptor in enumerate(descriptors)]
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard, source in ((0, nothing), (1, handed[OUTPUT]), (2, handed[OUTPUT])):
        os.dup2(source, standard)
    os.closerange(3, 100)
    os.closerange(100 + len(handed), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    limits = Limits(**settings["limits"])
    layers = sandbox.Layers(frozenset(message["without"]))
    user = None
    if os.geteuid() == 0 and sandbox.readable_by_nobody(settings["readable"]):
        user = sandbox.FIRST_USER + os.getppid()  # one of its own: limits on a user's threads count nobody else's
    sandbox.enter_namespaces(layers)
    if "process namespace" in layers.used and (inner := os.fork()) != 0:
        _keep(inner)
    if "process namespace" not in layers.used or "seccomp" in layers.without:
        program = _program(os.getpid())
    folder = sandbox.enter(
        layers,
        limits,
        settings["readable"],
        settings["folder"] + "/worker",
        program,
        user,
        fill=lambda private: _take_weights(private, message["weights"], handed[WEIGHTS:]),
        hidden=settings["hidden"],
    )
    os.close(handed[OUTPUT])
    os.environ.update(HOME=folder, TMPDIR=folder, MPLCONFIGDIR=folder)
    tempfile.tempdir = None
    sys.stdout = sys.stderr = CappedOutput(1, limits.output_kb << 10)
    torch.set_num_threads(settings["threads"])
    channel = Channel(socket.socket(fileno=handed[CHANNEL]))
    channel.send({"used": layers.used, "missing": layers.missing})
    serve(channel, probes)
    os._exit(0)


def _keep(inner: int) -> None:
    """Wait for the worker and end as it ended, by the same signal or with the same status; its namespace ends with it.

    A status of 128 + n for signal n would not do: a student's code may end with any status.
    """
    os.closerange(3, 200)
    _, code = os.waitpid(inner, 0)
    status = os.waitstatus_to_exitcode(code)
    if status < 0:
        libc_call("prctl", sandbox.SET_DUMPABLE, 0, 0, 0, 0)  # no image of memory from here either
        with contextlib.suppress(OSError):  # SIGKILL takes no handler
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status)


def _take_weights(folder: str, name: str | None, descriptors: Sequence[int]) -> None:
    """Copy the weights file, handed over as a descriptor, into the private folder."""
    for descriptor in descriptors:
        size, sent = os.fstat(descriptor).st_size, 0
        target = os.open(f"{folder}/{name}", os.O_WRONLY | os.O_CREAT, 0o644)
        while sent < size and (count := os.sendfile(target, descriptor, sent, size - sent)):
            sent += count
        os.close(target)
        os.close(descriptor)


def serve(channel: Channel, probes: Probes) -> None:
    """Answer the grader's requests until it hangs up; probes by question and step."""
    notebook, case = private.replaced_by_us(Notebook), None
    memory: dict[str, Any] = {}
    restore, restored = private.restore, False
    while True:
        try:
            request, tensors = channel.receive()
        except GradingError:
            return
        reply: dict[str, Any] = {"id": request["id"]}
        values: list[torch.Tensor] = []
        try:
            if request["op"] == "cell":
                reply["errors"] = notebook.run(request["cell"], request["source"], request["mode"])[:20]
                restored = False
            else:
                if not restored:
                    restore()
                if request["case"] != case:
                    case, memory = request["case"], {}
                    _begin_case(request["seed"])
                inputs = decode(request["inputs"], tensors)
                answer = notebook.answer(request["cell"], request["name"], request["untouched"])
                probe = probes[request["question"]][request["step"]]
                restored = inspect.isfunction(answer) and request["question"] != "model"  # nothing runs after a call
                found, after = _asked(probe, answer, memory, inputs)
                reply["values"], values = encode(found)
                if isinstance(found, dict) and "changed" in found:  # whether one was changed is for the grader to say
                    reply["after"], further = encode(after)
                    reply["from"], values = len(values), values + further
        except KeyError as error:
            reply["missing"] = str(error)[:200]
        except BaseException as error:  # SystemExit inside an answer, say: a value to judge like any exception
            reply["values"], values = encode(Raised(type(error).__name__, str(error)[:200]))
        channel.send(reply, values)


def _asked(probe: Probe, answer: Any, memory: dict[str, Any], inputs: dict[str, Any]) -> tuple[Value, dict[str, Any]]:
    """Return what a probe got from an answer, and what its inputs are after it."""
    after: dict[str, Any] = {}

    def kept(answer: Any, memory: dict[str, Any], **given: Any) -> Any:
        try:
            return probe(private.guarded(answer), memory, **given)
        finally:
            after.update(given)

    return run_probe(kept, answer, memory, inputs), after


def _begin_case(seed: int) -> None:
    """Seed all random numbers, and let torch and NumPy compute as they do by default.

    What one answer sets for all is no fault of the next. A cell that sets it at its top level does so for the whole of
    a student's notebook as well; here it holds until all cells ran, and no longer: an answer that is right in a
    notebook of its own is right, and a scratch cell, of which only definitions run, would not have set it anyway.
    """
    random.seed(seed)
    np.random.seed(seed)
    torch.set_default_device(None)
    torch.set_default_dtype(torch.float32)
    torch.set_grad_enabled(True)
    torch.autograd.set_detect_anomaly(False)
    np.seterr(divide="warn", over="warn", under="ignore", invalid="warn")
    torch.manual_seed(seed)


if __name__ == "__main__":
    main()
