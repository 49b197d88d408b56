"""The trainings of the notebooks on a GPU: `fit` beside a loop written by hand, looks, places at half precision.

    python -m benchmarks.gpu --out build/gpu.json              # on a machine with a GPU, under eight minutes
    python -m benchmarks.gpu --device cpu --quick              # does the script itself work?

It needs torch, torchvision, NumPy, safetensors, tqdm and Matplotlib besides the course. What is trained is what the
solution's cells hand to `helpers.fit`. While 50 steps are taken, torch raises where Python would have to wait for the
GPU (`torch.cuda.set_sync_debug_mode("error")`).
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import dataclasses
import io
import json
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from benchmarks.cells import cells_of, in_a_folder_of_its_own
from benchmarks.row import Row, paired_ratio, print_rows

__all__ = ["main"]

# fmt: off
CELLS = {  # those that define what is trained, and those that train
    "ex01_pose_regression": (
        "setup", "data", "mpjpe", "pixels", "masked-l2-loss", "PoseRegressor", "losses", "model", "training",
        "pretrained-run",
    ),
    "ex02_softargmax": (
        "setup", "data", "gaussian-scoremaps", "scoremap-loss", "argmax-decode", "map-network", "collapse-run",
        "scoremap-training", "softargmax", "SoftargmaxPose", "model", "training", "regression-training",
        "regularised-training", "hourglass-training", "starts-training", "lean-softargmax",
    ),
    "ex03_segmentation": (
        "setup", "data", "mean-iou", "segmentation-loss", "UpsampleDecoder", "TransposedDecoder", "UNetDecoder",
        "training-setup", "upsample-training", "transposed-training", "model", "training", "unpool-with-indices",
        "ecru-training",
    ),
    "ex04_multi_person": (
        "setup", "data", "train-detector", "boxes-to-crops", "crops", "train-pose-cell", "find-peaks",
        "part-affinity-fields", "affinity-score", "match-limbs", "group-people", "model", "training",
    ),
    "ex05_instances": ("setup", "data", "offset-targets", "centres", "network", "loss", "targets", "training"),
}
# fmt: on
WARM, WATCHED = 3, 50  # steps: in the first few constants are sent
HALF = ("float16", "bfloat16")
REACH_LOOP, REACH_PLACES = 0.9, 1e-3


class Handed(Exception):
    """Raised where a cell has handed its training to `fit`: the rest of the cell is about what was learned."""


@dataclasses.dataclass
class Training:
    """What a cell hands to `helpers.fit`."""

    name: str
    model: Any
    train: Any
    val: Any
    options: dict[str, Any]

    @property
    def batch_size(self) -> int:
        """Return the images of a step."""
        return self.options.get("batch_size", 32)


class Nothing:
    """Stands for pictures: whatever is asked of it is done, and shows nothing."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: None


def trainings_of(exercise: str, count: int | None) -> tuple[list[Training], dict[str, Any]]:
    """Return what the notebook trains, and the names that its cells define.

    Args:
        count: images of each set; None is as many as in the notebook.
    """
    import helpers

    handed: list[Training] = []
    names: dict[str, Any] = {"compare": lambda *_: None, "truth": {}, "images": []}

    def hand_over(model: Any, train: Any, val: Any, **options: Any) -> None:
        handed.append(Training(f"{exercise}, {cell}", model, train, val, options))
        raise Handed

    def rendered(render: Callable[..., Any]) -> Callable[..., Any]:
        return lambda _, split: render(split, count, progress=False)

    render_instances = helpers.rendered_instances
    loaders = {
        "load_poses": rendered(helpers.rendered_people),
        "load_people": rendered(helpers.rendered_crowds),
        "load_segmentation": rendered(helpers.rendered_segmentation),
        "rendered_instances": lambda split, usual: render_instances(split, count or usual, progress=False),
    }
    quiet = contextlib.redirect_stdout(io.StringIO())
    with in_a_folder_of_its_own(exercise), quiet, mock.patch.multiple(helpers, fit=hand_over, **loaders):
        for cell, source in cells_of(exercise).items():
            if cell not in CELLS[exercise]:
                continue
            with contextlib.suppress(Handed):
                for statement in ast.parse(source.replace("HOURGLASS = False", "HOURGLASS = True")).body:
                    run_statement(statement, cell, names)
    return handed, names


def run_statement(statement: ast.stmt, cell: str, names: dict[str, Any]) -> None:
    """Run one statement of a cell, without pictures; what needs the data of a cell that was left out is left out."""
    names |= {name: Nothing() for name in ("pictures", "mask_pictures", "crowd_pictures") if name in names}
    if cell == "crops" and not isinstance(statement, ast.Assign | ast.AnnAssign):
        return
    try:
        exec(compile(ast.Module([statement], []), f"<{cell}>", "exec"), names)
    except (KeyError, NameError):
        if cell != "crops":
            raise


def by_hand(training: Training, device: Any, precision: Any, steps: int) -> float:
    """Return the last loss of a loop as one writes it for a GPU: all data there, no metrics, nothing saved."""
    import torch

    model = copy.deepcopy(training.model).to(device).train()
    precision.prepare(model)
    optimizer = torch.optim.AdamW(model.parameters(), training.options["lr"], fused=True)
    scaler = torch.amp.GradScaler(device.type, enabled=precision.dtype == "float16")
    labels = training.train.batch(device=device)
    del labels["images"]
    images, augment, loss = training.train.images.to(device), training.options.get("augment"), training.options["loss"]
    order = torch.randperm(len(images), device=device).repeat(-(-steps * training.batch_size // len(images)))
    for rows in order.split(training.batch_size)[:steps]:
        batch = {"images": images[rows] / 255, **{name: part[rows] for name, part in labels.items()}}
        batch = augment(batch) if augment else batch
        value = loss(precision.forward(model, batch["images"]), batch)
        optimizer.zero_grad(set_to_none=True)
        scaler.scale(value).backward()
        scaler.step(optimizer)
        scaler.update()
    return float(value.detach())


def by_fit(training: Training, device: Any, precision: Any, epochs: int) -> None:
    """Train with `fit`, its metrics, history and weights on disk included."""
    import helpers

    options = training.options | {"epochs": epochs, "max_seconds": None, "device": device, "precision": precision}
    with tempfile.TemporaryDirectory() as folder:
        options |= {"progress": False, "save_to": Path(folder) / "net.safetensors"}
        helpers.fit(copy.deepcopy(training.model), training.train, training.val, **options)


def waits(training: Training, device: Any, precision: Any, watched: int) -> str:
    """Return what Python would have waited for in so many steps, "" for nothing; a CPU is never waited for."""
    import torch
    from torch.optim.optimizer import register_optimizer_step_post_hook

    from helpers import batches
    from helpers.training import loop
    from helpers.training.schedule import Schedule

    model = copy.deepcopy(training.model).to(device)
    precision.prepare(model)
    optimizer = torch.optim.AdamW(model.parameters(), training.options["lr"], fused=True)
    scaler = torch.amp.GradScaler(device.type, enabled=precision.dtype == "float16")
    train, taken = training.train.to(device), 0

    def watch(*_: Any) -> None:
        nonlocal taken
        taken += 1
        if device.type == "cuda" and taken in (WARM, WARM + watched):
            torch.cuda.set_sync_debug_mode("error" if taken == WARM else "default")

    def shuffled() -> Iterator[Any]:
        while True:
            yield from batches(train, training.batch_size, device, shuffle=True)

    hook, schedule = register_optimizer_step_post_hook(watch), Schedule(training.options["lr"], 1, None, WARM + watched)
    try:
        with mock.patch.object(loop, "LOOK_EVERY", float("inf")):
            loop.train_one_epoch(
                model, shuffled(), training.options["loss"], optimizer, schedule, precision,
                training.options.get("augment"), scaler=scaler,
            )  # fmt: skip
    except RuntimeError as error:
        return f"in step {taken + 1}: {error}"
    finally:
        hook.remove()
        if device.type == "cuda":
            torch.cuda.set_sync_debug_mode("default")
    return ""


def measure(training: Training, device: Any, steps: int, pairs: int, watched: int) -> tuple[list[Row], dict[str, Any]]:
    """Return the rows of one training, and what else is known of it."""
    from helpers.training.speed import choose_precision

    batch = training.train.batch(slice(0, training.batch_size), device)
    model = copy.deepcopy(training.model).to(device)
    precision, words = choose_precision(model, training.options["loss"], batch)
    seen = waits(training, device, precision, watched)
    per_epoch = -(-len(training.train) // training.batch_size)
    epochs = max(1, steps // per_epoch)
    ratio = paired_ratio(
        lambda: by_hand(training, device, precision, epochs * per_epoch),
        lambda: by_fit(training, device, precision, epochs),
        pairs,
    )
    start = time.perf_counter()
    last = by_hand(training, device, precision, epochs * per_epoch)
    ms = 1000 * (time.perf_counter() - start) / (epochs * per_epoch)
    note = f"{epochs * per_epoch} steps of {training.batch_size} images, {words}"
    rows = [
        Row(f"{training.name}: a wait within {watched} steps", float(bool(seen)), 0, at_least=False, note=seen),
        Row(f"{training.name}: loop by hand / fit", ratio, REACH_LOOP, note=note),
    ]
    return rows, {"ms a step by hand": ms, "precision": words, "waits": seen, "last loss": last}


def places(names: dict[str, Any], training: Training, device: Any) -> list[Row]:
    """Return how far places at half precision are off: of softargmax inside autocast, and of the whole network's, from
    the scoremaps that it answers beside them."""
    import torch

    from helpers.training.speed import Precision

    torch.manual_seed(0)
    maps = 4 * torch.randn(16, 17, 64, 48, device=device)
    images = torch.rand(16, 3, 128, 128, device=device)
    model = copy.deepcopy(training.model).to(device)
    rows = []
    for dtype in HALF:
        for name in ("softargmax", "lean_softargmax"):
            with torch.autocast(device.type, getattr(torch, dtype)):
                found = names[name](maps)
            apart = float((found - names[name](maps)).abs().max())
            rows.append(Row(f"{name}, {dtype} - float32, px", apart, REACH_PLACES, at_least=False))
        keypoints, scores = Precision(dtype).forward(model, images)
        again = (names["softargmax"](scores) + 0.5) * model.stride - 0.5
        apart = float((keypoints - again).detach().abs().max())
        rows.append(Row(f"SoftargmaxPose, {dtype} - float32, px", apart, REACH_PLACES, at_least=False))
    return rows


def main(arguments: list[str]) -> int:
    """Measure, print the rows, write the JSON; 1 if a figure is not reached."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__.partition("\n")[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--quick", action="store_true", help="few images and steps: whether the script works")
    parser.add_argument("--exercises", nargs="+", choices=CELLS, default=list(CELLS), metavar="NAME")
    parser.add_argument("--out", type=Path, help="a .json file for the figures")
    options = parser.parse_args(arguments)
    import torch

    from helpers.training.speed import describe_device, pick_device

    device, start = pick_device(options.device), time.perf_counter()
    steps, pairs, watched, count = (1, 1, 2, 8) if options.quick else (192, 3, WATCHED, None)
    rows: list[Row] = []
    known: dict[str, Any] = {}
    for exercise in options.exercises:
        handed, names = trainings_of(exercise, count)
        for training in handed:
            if options.quick:
                training.options["batch_size"] = 4
            print(f"{time.perf_counter() - start:5.0f} s  {training.name} ...", flush=True)
            more, known[training.name] = measure(training, device, steps, pairs, watched)
            rows += more
        if exercise == "ex02_softargmax":
            rows += places(names, next(one for one in handed if one.name.endswith(", training")), device)
    print_rows(rows)
    found = {
        "device": describe_device(device), "torch": torch.__version__, "python": platform.python_version(),
        "seconds": round(time.perf_counter() - start), "quick": options.quick, "trainings": known,
        "rows": [{**dataclasses.asdict(row), "reached": row.reached} for row in rows],
    }  # fmt: skip
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0 if options.quick or all(row.reached for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
