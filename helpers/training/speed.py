"""Where and how a network runs fastest: the device, and a short trial of precision and memory format."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from helpers.training.threads import one_thread

WORTH_IT = 0.92  # a setting must need less than this share of the other's time: timings are noisy


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
    with torch.random.fork_rng(devices), one_thread():
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
