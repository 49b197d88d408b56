"""Where and how a network runs fastest: the device, and a short trial of precision and order of pixels."""

import contextlib
import copy
import dataclasses
import functools
import time
import weakref
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from helpers.data.batches import Batch
from helpers.training.threads import Threads

Output = Any  # what a model returns: a tensor, or tuples, lists and dicts of them
Loss = Callable[[Output, Batch], Tensor]
LAST_CALLED: weakref.WeakKeyDictionary[nn.Module, Callable[[], Any]] = weakref.WeakKeyDictionary()
WORTH_IT = 0.92  # a precision must need less than this share of the other's time: timings are noisy


@functools.cache
def pick_device(device: str | torch.device | None = None) -> torch.device:
    """Return the device to compute on: the one asked for, else a GPU where one works, else the CPU."""
    found = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        wanted = torch.device(found if device is None else device)
        image = torch.ones(1, 1, 3, 3, device=wanted)
        F.conv2d(image, image).item()  # a card that is too old for this PyTorch gives memory, and computes nothing
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        if device is None:
            print(f"The GPU of this machine cannot be used ({reason}), so everything runs on the CPU.")
            return torch.device("cpu")
        problem = f"device {str(device)!r} cannot be used here ({reason})"
        raise ValueError(f"{problem}. Leave device=None, which takes a GPU where there is one.") from error
    return wanted


def describe_device(device: torch.device) -> str:
    """Return a few words on where a training runs."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    return "the CPU" if name == "cpu" else name


@dataclasses.dataclass(frozen=True)
class Precision:
    """How the forward and backward pass run: in "float32", "bfloat16" or "float16", and the order of pixels in memory.

    Half precision ends behind the layer with weights that is called last: places that a model computes from its
    scoremaps, by whatever operators, would be pixels off in it. Which one that is shows a first pass in float32.
    """

    dtype: str = "float32"
    channels_last: bool = False

    def __str__(self) -> str:
        return self.dtype + (", channels_last" if self.channels_last else "")

    def prepare(self, model: nn.Module) -> None:
        """Lay out the weights of `model` in memory as this precision wants them; their values stay."""
        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        for parameter in model.parameters():
            if parameter.ndim == 4:
                parameter.data = parameter.data.contiguous(memory_format=layout)

    def forward(self, model: nn.Module, images: Tensor) -> Output:
        """Return the model's output in float32, computed at this precision."""
        if self.channels_last:
            images = images.contiguous(memory_format=torch.channels_last)
        if self.dtype == "float32":
            return model(images)
        last = LAST_CALLED.get(model, lambda: None)()
        if last is None:
            return self._watched(model, images)
        full = functools.partial(map_tensors, lambda x: x.float() if x.is_floating_point() else x)

        def ends(layer: nn.Module, inputs: object, output: Output) -> Output:
            torch.set_autocast_enabled(images.device.type, False)  # until the block ends
            return full(output)

        with torch.autocast(images.device.type, getattr(torch, self.dtype)), last.register_forward_hook(ends):
            return full(model(images))

    def _watched(self, model: nn.Module, images: Tensor) -> Output:
        """Return the model's output at full precision, and keep which layer with weights was called last."""

        def watch(layer: nn.Module, *_: object) -> None:
            if layer is not model or model not in LAST_CALLED:  # the network itself may have weights besides its layers
                LAST_CALLED[model] = weakref.ref(layer)

        with contextlib.ExitStack() as hooks:
            for layer in model.modules():
                if any(weights.ndim > 1 for weights in layer.parameters(recurse=False)):  # no norm, no temperature
                    hooks.enter_context(layer.register_forward_hook(watch))
            return model(images)


def map_tensors(change: Callable[..., Tensor], tree: Any, *alike: Any) -> Any:
    """Return a tensor, or tuples, lists and dicts of them, with `change` applied to each and its likes in `alike`."""
    if isinstance(tree, Tensor):
        return change(tree, *alike)
    if isinstance(tree, dict):
        return {key: map_tensors(change, value, *(other[key] for other in alike)) for key, value in tree.items()}
    if isinstance(tree, (tuple, list)):
        made = getattr(type(tree), "_make", type(tree))  # a named tuple takes its values one by one
        return made(map_tensors(change, *values) for values in zip(tree, *alike, strict=True))
    return tree


def choose_precision(model: nn.Module, loss: Loss, batch: Batch) -> tuple[Precision, str]:
    """Return the fastest precision for one training step on `batch`, and a sentence with the times.

    Two steps: first channels_last against the plain order of pixels, then half precision against float32 with the
    winner: bfloat16, or float16 on a GPU that only emulates that (T4, RTX 20). The trial runs on a copy of the model,
    and random numbers are put back, so training is the same as without it. What the model fails in (channels_last with
    a `.view` that needs contiguous pixels, say) is not taken. On a CPU one thread tries: others disturb it least.
    """
    device = batch["images"].device
    devices = [device] if device.type == "cuda" else []
    half = "float16" if devices and torch.cuda.get_device_capability(device) < (8, 0) else "bfloat16"
    with torch.random.fork_rng(devices), Threads(most=1):
        plain = best = Precision()
        seconds = {plain: _seconds_per_step(model, loss, batch, plain)}
        for dtype in ("float32", half):
            tried = Precision(dtype, channels_last=best.channels_last or dtype == "float32")
            with contextlib.suppress(Exception):  # this one is not for this model; the plain one has just worked
                seconds[tried] = _seconds_per_step(model, loss, batch, tried)
                if seconds[tried] < WORTH_IT * seconds[best]:
                    best = tried
    words = f"{best} ({1000 * seconds[best]:.0f} ms a step"
    return best, words + (")" if best == plain else f"; plain float32 {1000 * seconds[plain]:.0f} ms)")


def _seconds_per_step(model: nn.Module, loss: Loss, batch: Batch, precision: Precision) -> float:
    """Return the shorter of two timed steps on a copy of the model, after one to warm up."""
    trial = copy.deepcopy(model).train()
    precision.prepare(trial)
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        trial.zero_grad(set_to_none=True)
        value = loss(precision.forward(trial, batch["images"]), batch)
        value.backward()
        float(value.detach())  # waits for a GPU
        if batch["images"].device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return min(seconds[1:])
