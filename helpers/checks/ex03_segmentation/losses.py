"""Cases of `segmentation_loss`."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from helpers.checks.engine.calls import Call, judge_values
from helpers.checks.engine.compare import Form
from helpers.checks.engine.question import Ask, Oracle, integers, read_hints

__all__ = ["loss_gradient", "loss_ignored", "loss_values"]

HINTS = read_hints("ex03_segmentation")


def draw_logits(
    rng: np.random.RandomState,
    shape: tuple[int, int, int, int],
    void: int | None = None,
    counted: int | None = None,
    dtype: torch.dtype = torch.float32,
    largest: int = 4,
) -> dict[str, Tensor]:
    """Return logits up to `largest` in size, and targets, low classes the more frequent ones.

    With `void`, this is the target of half the pixels of the first image, of a third of the next and so on; with
    `counted`, of all but so many.
    """
    images, classes, height, width = shape
    logits = torch.tensor(integers(rng, -16, 17, shape) * largest / 16, dtype=dtype)
    target = np.minimum(*integers(rng, 0, classes, (2, images, height, width)))
    if counted is not None:
        target[rng.permutation(target.size).reshape(target.shape) >= counted] = void
    elif void is not None:
        for image, labels in enumerate(target):
            labels[rng.permutation(labels.size).reshape(labels.shape) < labels.size // (image + 2)] = void
    return {"logits": logits, "target": torch.tensor(target)}


SURE = 40  # a softmax is exp(-80) then: 1e-35 drowns it, and float32 still holds it

LOSS = Form("a scalar tensor: the mean cross-entropy of the pixels that count")
ANY_LOSS = Form(LOSS.text, number_will_do=True, dtype="any")  # its gradient and dtype are another case
ZERO = Form("a scalar tensor 0 that is still attached to the logits, so that backward() gives zeros")


def _lifted(rng: np.random.RandomState, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the batch with 1000 added to all logits of two pixels of three, which a softmax does not notice."""
    images, _, height, width = batch["logits"].shape
    high = rng.permutation(images * height * width).reshape(images, 1, height, width) % 3 > 0
    return {**batch, "logits": batch["logits"] + 1000 * torch.tensor(high)}


def _one_class(batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the batch with the last class as the target of every pixel."""
    return {**batch, "target": torch.full_like(batch["target"], batch["logits"].shape[1] - 1)}


def loss_values(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        Call("call", draw_logits(rng, (2, 3, 4, 6))),
        Call("call", draw_logits(rng, (3, 5, 4, 2))),
        Call("call", draw_logits(rng, (1, 2, 3, 5)), "one image, two classes"),
        Call("call", draw_logits(rng, (2, 4, 1, 7)), "one row"),
        Call("call", draw_logits(rng, (2, 3, 5, 4), largest=SURE), f"very sure logits, from {-SURE} to {SURE}"),
        Call("call", _one_class(draw_logits(rng, (2, 4, 3, 3))), "one class only"),
        Call("call", _lifted(rng, draw_logits(rng, (2, 3, 4, 5), largest=SURE // 2)), "1000 added at some pixels"),
    ]
    judge_values("segmentation_loss", HINTS["segmentation_loss"], calls, ask, oracle, ANY_LOSS)


def _ignoring(rng: np.random.RandomState) -> list[tuple[str, dict[str, Any]]]:
    other = int(integers(rng, 100, 250, ()))
    return [
        ("some pixels do not count", draw_logits(rng, (2, 3, 4, 5), 255)),
        ("some pixels do not count", {**draw_logits(rng, (2, 4, 3, 5), -1), "ignore_index": -1}),
        ("some pixels do not count", {**draw_logits(rng, (3, 3, 5, 2), other), "ignore_index": other}),
        ("one pixel counts", draw_logits(rng, (2, 3, 3, 4), 255, counted=1)),
    ]


def loss_ignored(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        Call("call", draw_logits(rng, (2, 3, 4, 6))),
        *(Call("call", batch, note) for note, batch in _ignoring(rng)),
    ]
    judge_values("segmentation_loss", HINTS["segmentation_loss"], calls, ask, oracle, ANY_LOSS)


def loss_gradient(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        Call("gradient", draw_logits(rng, (2, 3, 4, 6))),
        Call("gradient", draw_logits(rng, (2, 4, 3, 5), dtype=torch.float64), "float64"),
        *(Call("gradient", batch, note) for note, batch in _ignoring(rng)),
        Call("gradient", draw_logits(rng, (2, 3, 2, 4), 255, counted=0), "no pixel counts", ZERO),
    ]
    judge_values("segmentation_loss", HINTS["segmentation_loss"], calls, ask, oracle, LOSS)
