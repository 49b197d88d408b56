"""Training that can be read: `fit` is a loop over `train_one_epoch` and `evaluate`."""

import contextlib
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator
from numbers import Real
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from helpers.data.batches import Batch, Images, ImageSet, batches
from helpers.history import History
from helpers.training.checkpoint import Checkpoint, require_place
from helpers.training.progress import ProgressDisplay
from helpers.training.schedule import Schedule
from helpers.training.speed import Loss, Output, Precision, choose_precision, describe_device, map_tensors, pick_device
from helpers.training.threads import Threads, keep_freed_memory
from helpers.training.weights import load_weights

LOOK_EVERY = 0.5  # seconds between two looks at the loss on a GPU, which wait until all work there is done
Metrics = dict[str, Callable[[Output, Batch], float]]


def fit(
    model: nn.Module, train: ImageSet, val: ImageSet, *, loss: Loss, metrics: Metrics, epochs: int | None = None,
    max_seconds: float | None = None, least_steps: int | None = None, batch_size: int = 32, lr: float = 1e-3,
    weight_decay: float = 1e-2, augment: Callable[[Batch], Batch] | None = None,
    save_to: str | os.PathLike[str] | None = None, resume: bool | None = None, mode: str = "min",
    train_metrics: bool = True, seed: int = 0, device: str | torch.device | None = None,
    precision: Precision | None = None, progress: bool = True,
) -> History:  # fmt: skip
    """Return the history of training `model`, which ends up with the weights that were best on `val`.

    Args:
        loss: `loss(output, batch)` -> scalar tensor to minimise.
        metrics: name -> `metric(output, batch)` -> number, see `evaluate`. The first one decides which weights are
            best: those with the lowest value where `mode` is "min", with the highest where it is "max".
        epochs, max_seconds: when to stop, whichever comes first. The rate rises to `lr` in a tenth of that, then falls.
        least_steps: taken even where a slow machine needs more than `max_seconds`: then a sentence says how long.
        augment: changes each training batch, such as `helpers.data.augment.pose(train.skeleton)`.
        batch_size: halved, with a sentence, where the memory of a GPU is too small.
        save_to: a .safetensors file for the best weights, written at the end and every 20 seconds on the way. What an
            earlier training left there stays beside it, in NAME.earlier.safetensors, as long as that is better.
        resume: None goes on where a kernel was killed in this same call; True goes on after the interrupt button too.
        train_metrics: measure the metrics on training images too, as many as `val` has.
        seed: decides on the order of the images.
        device, precision: None takes a GPU if one works, and the fastest precision and order of pixels in a trial.

    The interrupt button stops at once and keeps the best weights so far. The model comes back in eval mode, on the
    device it came on. In grading nothing is trained: the weights in `save_to` are loaded, if they are there.

    Raises FloatingPointError: the loss became NaN or infinite; TypeError, ValueError, OSError: an unfit argument.
    """
    numbers = {"epochs": epochs, "max_seconds": max_seconds, "least_steps": least_steps, "batch_size": batch_size}
    _check(train, val, metrics, mode, **numbers, lr=lr)
    history = History(next(iter(metrics)), mode)
    settings = dict[str, object](numbers, lr=lr, weight_decay=weight_decay, seed=seed, images=(len(train), len(val)))
    settings |= {"metrics": list(metrics), "train_metrics": train_metrics}
    if os.environ.get("DEEP_LEARNING_LAB_GRADING") == "1":
        if save_to is not None and Path(save_to).is_file():
            load_weights(model, save_to)
        model.eval()
        history.stopped = "not trained"
        return history
    require_place(save_to)
    schedule = Schedule(lr, epochs, max_seconds, _steps(train, batch_size), least_steps or 0)
    generator = torch.Generator().manual_seed(seed)
    device = pick_device(device)
    # with epochs alone, the same numbers in every run; on a GPU threads of the CPU are not what takes time
    paced = Threads() if max_seconds and device.type == "cpu" else contextlib.nullcontext()
    keep_freed_memory()
    with _on_device(model, device), ProgressDisplay(history, schedule, progress) as display, paced as threads:
        train, val = _resident(train, device), _resident(val, device)
        measured = train[: len(val)] if train_metrics else None
        precision = precision or _fastest(model, loss, train, batch_size, device, schedule, display)
        precision.prepare(model)
        scaler = torch.amp.GradScaler(device.type, enabled=precision.dtype == "float16")
        optimizer = torch.optim.AdamW(model.parameters(), lr, weight_decay=weight_decay, fused=device.type != "mps")
        checkpoint = Checkpoint(save_to, model, optimizer, generator, history, schedule, scaler, settings)
        display.say(checkpoint.resume(resume))
        parts = (optimizer, schedule, precision, augment, display, threads, scaler)
        try:
            while not schedule.over():
                shuffled = batches(train, batch_size, device, shuffle=True, generator=generator)
                try:
                    mean_loss = train_one_epoch(model, shuffled, loss, *parts)
                except torch.OutOfMemoryError:
                    if batch_size < 4:  # batch norm needs two
                        raise
                    batch_size, before = batch_size // 2, schedule.steps_per_epoch
                    schedule.steps_per_epoch = _steps(train, batch_size)
                    left = ((schedule.steps or 0) - schedule.step) * schedule.steps_per_epoch / before
                    schedule.steps = schedule.steps and schedule.step + round(left)
                    display.say(f"The GPU's memory is full: going on with {batch_size} images at a time.")
                    continue
                on_val = evaluate(model, val, metrics, device=device)
                on_train = evaluate(model, measured, metrics, device=device) if measured is not None else {}
                history.add(mean_loss, schedule.rate(), schedule.seconds(), on_val, on_train)
                checkpoint.epoch_done()
                display.epoch_done()
        except KeyboardInterrupt:
            history.stopped = "interrupted"
            again = " The same call with resume=True goes on from here." if checkpoint.resumable else ""
            display.say(f"Stopped after {len(history)} whole epochs; the best weights so far are kept.{again}")
        finally:
            Precision().prepare(model)
            display.say(checkpoint.restore_best())
    model.eval()
    return history


def train_one_epoch(
    model: nn.Module, shuffled: Iterable[Batch], loss: Loss, optimizer: torch.optim.Optimizer, schedule: Schedule,
    precision: Precision | None = None, augment: Callable[[Batch], Batch] | None = None,
    display: ProgressDisplay | None = None, threads: Threads | None = None,
    scaler: torch.amp.GradScaler | None = None,
) -> float:  # fmt: skip
    """Return the mean loss per image over one step for each of the batches, or until `schedule` is over."""
    model.train()
    precision, scaler = precision or Precision(), scaler or torch.amp.GradScaler("cpu", enabled=False)
    total: Tensor | float = 0.0
    count, looked = 0, time.perf_counter()
    for batch in shuffled:
        start = time.perf_counter()
        size = len(batch["images"])
        if size == 1 and count:
            continue  # a last batch of one: batch norm cannot tell its spread
        batch = augment(batch) if augment is not None else batch
        for group in optimizer.param_groups:
            group["lr"] = schedule.rate()
        value = _scalar(loss(precision.forward(model, batch["images"]), batch))
        optimizer.zero_grad(set_to_none=True)
        scaler.scale(value).backward()
        value = value.detach()
        if value.device.type == "cpu" or start - looked > LOOK_EVERY:
            looked, seen = start, float(value)
            _require_finite(seen, schedule)
            if display is not None:
                display.step(seen)
        scaler.step(optimizer)
        scaler.update()
        schedule.step += 1
        total, count = total + value * size, count + size
        if threads is not None:
            threads.step(time.perf_counter() - start)
        if schedule.over():
            break
    _require_finite(float(total), schedule)
    return float(total) / max(count, 1)


def evaluate(
    model: nn.Module, data: ImageSet, metrics: Metrics, batch_size: int = 64, device: str | torch.device | None = None
) -> dict[str, float]:
    """Return the value of every metric on `data`.

    A metric is called once, as `metric(output, batch)` with output and targets for the whole set, on the device, or on
    the CPU where it fails there: a mean over batches would weigh a short last batch, or an image with few visible
    keypoints, like any other. The model runs in eval mode, and gets back the mode that it had.
    """
    device = pick_device(device)
    both = _run(model, data, batch_size, device, device)
    with torch.inference_mode():
        return {name: _number(name, metric, both) for name, metric in metrics.items()}


def predict(model: nn.Module, data: ImageSet, batch_size: int = 64, device: str | torch.device | None = None) -> Output:
    """Return the model's output for the whole set, run as by `evaluate`, on the CPU: (N, K, 2) for keypoints."""
    return _run(model, data, batch_size, pick_device(device), "cpu")[0]


@contextlib.contextmanager
def _on_device(model: nn.Module, device: torch.device) -> Iterator[None]:
    """Have the model on the device, and bring it back to where it was."""
    if not isinstance(model, nn.Module):
        raise TypeError(f"model is a {type(model).__name__}; expected an nn.Module: call the class to build one.")
    home = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    try:
        model.to(device)
        yield
    finally:
        model.to(home)


def _run(model: nn.Module, data: ImageSet, batch_size: int, device: torch.device, to: str | torch.device) -> Any:
    """Return the outputs for the whole set and its targets, computed on `device` and kept on `to`."""
    _require_data("data", data)
    with _on_device(model, device), _eval_mode(model), torch.inference_mode():
        parts: list[Any] = []
        while not parts:
            try:
                parts = [_of_batch(model, batch, to) for batch in batches(data, batch_size, device)]
            except torch.OutOfMemoryError:
                if batch_size == 1:
                    raise
                batch_size //= 2
    return map_tensors(lambda *tensors: torch.cat(tensors), *parts)


@contextlib.contextmanager
def _eval_mode(model: nn.Module) -> Iterator[None]:
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training


def _of_batch(model: nn.Module, batch: Batch, to: str | torch.device) -> Any:
    """Return the model's output for a batch and its targets, on `to`; all tensors must have the batch axis first."""
    images = batch.pop("images")

    def moved(x: Tensor) -> Tensor:
        if x.ndim == 0 or len(x) != len(images):
            got = f"The model returned a tensor of shape {tuple(x.shape)} for {len(images)} images"
            raise ValueError(f"{got}; expected the batch axis first: ({len(images)}, ...).")
        return x.to(to)

    return map_tensors(moved, (model(images), batch))


def _resident(data: ImageSet, device: torch.device) -> ImageSet:
    """Return the set in the memory of `device`, if it fits into half of what is free there and knows the way."""
    room = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else math.inf
    with contextlib.suppress(torch.OutOfMemoryError):
        if device.type != "cpu" and isinstance(data, Images) and 2 * data.images.nbytes < room:
            return data.to(device)
    return data


def _steps(train: ImageSet, batch_size: int) -> int:
    """Return the number of steps of an epoch: a last batch of one image is left out."""
    whole, rest = divmod(len(train), batch_size)
    return whole + (rest > 1 or not whole)


def _fastest(
    model: nn.Module, loss: Loss, train: ImageSet, batch_size: int, device: torch.device, schedule: Schedule,
    display: ProgressDisplay,
) -> Precision:  # fmt: skip
    """Return the fastest precision, said in one line; the plain one where a training is too short for a trial."""
    if (schedule.max_seconds or math.inf) < 10 or (schedule.steps or math.inf) < 50:
        return Precision()
    batch = train.batch(slice(0, batch_size), device)
    try:
        precision, words = choose_precision(model, lambda output, b: _scalar(loss(output, b)), batch)
    except torch.OutOfMemoryError:
        return Precision()  # the first step makes the batches smaller
    display.say(f"Training on {describe_device(device)}: {words}.")
    return precision


def _scalar(value: Tensor) -> Tensor:
    if not isinstance(value, Tensor) or value.ndim:
        raise TypeError(f"loss(output, batch) returned {_kind(value)}; expected one number as a tensor: take the mean.")
    if not value.requires_grad:
        ask = "is there an argmax, a .detach(), .item(), a torch.no_grad() or a new tensor between output and loss?"
        raise ValueError(f"The loss does not depend on the weights, so nothing can be learned: {ask}")
    return value


def _require_finite(loss: float, schedule: Schedule) -> None:
    if not math.isfinite(loss):
        epoch, step = divmod(schedule.step, schedule.steps_per_epoch)
        place = f"The loss is {loss} in epoch {epoch + 1}, step {step + 1}, at learning rate {schedule.rate():.2g}"
        zero = "a division by zero (an image without visible keypoints?), a square root or norm of zero"
        other = "a log or exp out of range, coordinates of invisible keypoints that are multiplied by 0, not left out"
        raise FloatingPointError(f"{place}. Look for {zero}, {other}; or try a tenth of the learning rate.")


def _number(name: str, metric: Callable[..., Any], both: tuple[Output, Batch]) -> float:
    """Return the metric of outputs and targets; one that knows the CPU alone (NumPy) gets them there."""
    try:
        value = metric(*both)
    except (RuntimeError, TypeError):
        if all(part.device.type == "cpu" for part in both[1].values()):
            raise
        value = metric(*map_tensors(Tensor.cpu, both))
    try:
        return float(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"The metric {name!r} returned {_kind(value)}; expected one number.") from error


def _kind(value: object) -> str:
    return f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"


def _require_data(name: str, data: ImageSet) -> None:
    if not (hasattr(data, "batch") and hasattr(data, "__len__")):
        wanted = "expected a set of images, such as helpers.rendered_people('val')."
        raise TypeError(f"{name} is a {type(data).__name__}; {wanted}")
    if len(data) == 0:
        raise ValueError(f"{name} holds no images.")


def _check(train: ImageSet, val: ImageSet, metrics: Metrics, mode: str, **numbers: Any) -> None:
    _require_data("train", train)
    _require_data("val", val)
    if not isinstance(metrics, dict) or not metrics or not all(map(callable, metrics.values())):
        raise TypeError('metrics must name at least one function: {"MPJPE": mpjpe_metric}.')
    if numbers["epochs"] is None and numbers["max_seconds"] is None:
        raise ValueError("Say when to stop: epochs=..., max_seconds=..., or both.")
    for name, value in numbers.items():
        if value is not None and not (isinstance(value, Real) and float(value) > 0):
            raise ValueError(f"{name} is {value!r}; expected more than 0.")
    if mode not in ("min", "max"):
        raise ValueError(f"mode is {mode!r}; expected 'min' or 'max'.")
