"""Where and how a network runs fastest: the device, a short trial of precision and memory format, and threads."""

from __future__ import annotations

import contextlib
import copy
import ctypes
import dataclasses
import statistics
import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

WORTH_IT = 0.92  # a setting must need less than this share of the other's time: timings are noisy
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # names of glibc's malloc.h


def pick_device(device: str | torch.device | None = None) -> torch.device:
    """Return the device to compute on: the one asked for, else a GPU where there is one, else the CPU."""
    if device is not None:
        try:
            wanted = torch.device(device)
            torch.empty(1, device=wanted)
        except (RuntimeError, AssertionError, NotImplementedError) as error:
            reason = str(error).splitlines()[0]
            raise ValueError(
                f"device {str(device)!r} cannot be used here ({reason}). Leave device=None, "
                "which takes a GPU where there is one."
            ) from error
        return wanted
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


@dataclasses.dataclass(frozen=True)
class Setting:
    """How the forward and backward pass run: precision "float32" or "bfloat16", and the order of pixels in memory."""

    precision: str = "float32"
    channels_last: bool = False

    def __str__(self) -> str:
        return self.precision + (", channels_last" if self.channels_last else "")

    def prepare(self, model: nn.Module) -> None:
        """Lay out the weights of `model` in memory as this setting wants them; their values stay."""
        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        for parameter in model.parameters():
            if parameter.ndim == 4:
                parameter.data = parameter.data.contiguous(memory_format=layout)

    def forward(self, model: nn.Module, images: Tensor) -> Tensor | tuple | list | dict:
        """Return the model's output in float32, computed at this setting's precision."""
        if self.channels_last:
            images = images.contiguous(memory_format=torch.channels_last)
        if self.precision == "float32":
            return model(images)
        with torch.autocast(images.device.type, torch.bfloat16):
            output = model(images)
        return map_tensors(lambda x: x.float() if x.is_floating_point() else x, output)


def map_tensors(change: Callable[[Tensor], Tensor], tree: object) -> object:
    """Return `tree` (a tensor, or tuples, lists and dicts of them) with `change` applied to every tensor."""
    if isinstance(tree, Tensor):
        return change(tree)
    if isinstance(tree, dict):
        return {key: map_tensors(change, value) for key, value in tree.items()}
    if isinstance(tree, (tuple, list)):
        return type(tree)(map_tensors(change, value) for value in tree)
    return tree


def choose_setting(model: nn.Module, loss: Callable, batch: dict[str, Tensor]) -> tuple[Setting, str]:
    """Return the fastest setting for one training step on `batch`, and a sentence with the times.

    Two steps: first channels_last against the plain order of pixels, then bfloat16 against float32 with the winner. The
    trial runs on a copy of the model, and random numbers are put back, so training is the same as without it. A setting
    in which the model fails (a `.view` that needs contiguous pixels, say) is not taken. On a CPU the trial runs on one
    thread: what several take depends on what else the machine does at the moment.
    """
    devices = [batch["images"].device] if batch["images"].device.type == "cuda" else []
    with torch.random.fork_rng(devices), _one_thread():
        plain = best = Setting()
        seconds = {plain: _seconds_per_step(model, loss, batch, plain)}
        for change in ({"channels_last": True}, {"precision": "bfloat16"}):
            setting = dataclasses.replace(best, **change)
            with contextlib.suppress(Exception):  # this setting is not for this model; the plain one has just worked
                seconds[setting] = _seconds_per_step(model, loss, batch, setting)
                if seconds[setting] < WORTH_IT * seconds[best]:
                    best = setting
    words = f"{best} ({1000 * seconds[best]:.0f} ms a step"
    return best, words + (")" if best == plain else f"; plain float32 {1000 * seconds[plain]:.0f} ms)")


def _seconds_per_step(model: nn.Module, loss: Callable, batch: dict[str, Tensor], setting: Setting) -> float:
    """Return the shorter of two timed steps on a copy of the model, after one to warm up."""
    trial = copy.deepcopy(model).train()
    setting.prepare(trial)
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        trial.zero_grad(set_to_none=True)
        value = loss(setting.forward(trial, batch["images"]), batch)
        value.backward()
        float(value.detach())  # waits for a GPU
        if batch["images"].device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return min(seconds[1:])


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Compute on one thread of the CPU inside the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def keep_freed_memory() -> None:
    """Let glibc, the C library of most Linux systems, keep what a training step frees for the next step.

    By itself it gives large blocks back to the system and fetches them again page by page, some 5 % of a step on the
    CPU. Elsewhere this does nothing.
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

    def __enter__(self) -> Threads:
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
            self._take(other)

    def _take(self, count: int) -> None:
        if count == 1:
            self.next_trial = time.perf_counter() + self.patience_s
        self.now = count
        torch.set_num_threads(count)
