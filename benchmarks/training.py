"""`fit` against the bare training step on one fixed batch: what the readable loop costs.

Both train the same network in the same precision for the same number of steps, in turn. `fit` draws fresh batches,
shows its bar, keeps its history, evaluates once and writes its checkpoint; the bare step repeats one batch.
"""

from __future__ import annotations

import contextlib
import copy
import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.row import Row, paired_ratio

__all__ = ["rows"]

STEPS, BATCH = 64, 32


def rows(pairs: int = 5) -> list[Row]:
    """Return bare time / loop time without and with affine augmentation."""
    import torch
    from torch import nn

    import helpers
    from helpers.data import augment
    from helpers.training.speed import choose_precision

    helpers.set_seed(0)
    data = helpers.rendered_people("train")
    data = data[: STEPS * BATCH]
    val = data[:8]  # evaluation is no part of the loop: just enough for a checkpoint
    model = nn.Sequential(helpers.small_backbone(), nn.Flatten(), nn.LazyLinear(34), nn.Unflatten(1, (17, 2)))
    batch = data.batch(slice(0, BATCH))
    model(batch["images"])

    def loss(output, batch):
        visible = batch["visible"].unsqueeze(-1)
        return ((output - batch["keypoints"]).square() * visible).sum() / visible.sum()

    precision, _ = choose_precision(model, loss, batch)

    def bare() -> None:
        trained = copy.deepcopy(model).train()
        precision.prepare(trained)
        optimizer = torch.optim.AdamW(trained.parameters(), 1e-3, fused=True)
        for _ in range(len(data) // BATCH):
            value = loss(precision.forward(trained, batch["images"]), batch)
            optimizer.zero_grad(set_to_none=True)
            value.backward()
            optimizer.step()

    def loop(change: Callable[..., Any] | None = None) -> None:
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()):
            helpers.fit(
                copy.deepcopy(model), data, val, loss=loss, metrics={"loss": lambda o, b: float(loss(o, b))}, epochs=1,
                batch_size=BATCH, precision=precision, augment=change, train_metrics=False,
                save_to=Path(folder) / "model.safetensors",
            )  # fmt: skip

    affine = augment.pose(data.skeleton, colour=0)
    note = f"{STEPS} steps of {BATCH} images, {precision}, progress bar, history and checkpoint on"
    plain, augmented = paired_ratio(bare, loop, pairs), paired_ratio(bare, lambda: loop(affine), pairs)
    return [
        Row("bare step / fit", plain, 0.97, note=note),
        Row("bare step / fit with affine augmentation", augmented, 0.93, note=note),
    ]
