"""Cases of exercise 3's questions about agreement: `iou` and `mean_iou`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from helpers.checks.engine.calls import Call, judge_values
from helpers.checks.engine.compare import Form
from helpers.checks.engine.question import Ask, Oracle, integers, read_hints

__all__ = [
    "MEAN_AND_CLASSES",
    "iou_empty",
    "iou_values",
    "mean_iou_absent",
    "mean_iou_few",
    "mean_iou_ignored",
    "mean_iou_values",
]

HINTS = read_hints("ex03_segmentation")

# Inputs. Masks, classes and counts are whole numbers, all else is a multiple of a power of two: every machine draws the
# same bits, and a sum comes out the same in any order. Right answers differ by the rounding of one division, or of exp
# and log in the loss, 1e-6 of a value; the checks' tolerance (`helpers/checks/engine/compare.py`) is 1e-4.


# iou


def draw_masks(rng: np.random.RandomState, *shape: int) -> dict[str, Tensor]:
    """Return masks that agree in some pixels, each with true pixels of its own besides, and not equally many."""
    sixth = math.prod(shape) // 6
    both, less, more = (int(integers(rng, n * sixth, (n + 1) * sixth, ())) for n in (1, 0, 1))
    own = [less + 1, more + 1]
    return _masks(rng, shape, both, *own[:: 1 if integers(rng, 0, 2, ()) else -1])


def _masks(
    rng: np.random.RandomState, shape: tuple[int, ...], both: int, only_pred: int, only_target: int
) -> dict[str, Tensor]:
    """Return masks with these numbers of true pixels, anywhere."""
    rank = torch.tensor(rng.permutation(math.prod(shape))).view(shape)
    pred = rank < both + only_pred
    target = (rank < both) | ((rank >= both + only_pred) & (rank < both + only_pred + only_target))
    return {"pred": pred, "target": target}


SHARE = Form("a scalar: the pixels true in both masks by those true in at least one", number_will_do=True, dtype="any")
NO_SHARE = Form("a scalar NaN, since both masks are empty", number_will_do=True, dtype="any")


def iou_values(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    few = int(integers(rng, 3, 9, ()))
    calls = [
        Call("call", draw_masks(rng, 5, 9)),
        Call("call", draw_masks(rng, 2, 7, 4), "a batch of two masks: one IoU for all pixels"),
        Call("call", draw_masks(rng, 23), "masks in one row"),
        Call("call", draw_masks(rng, 13, 8)),
        Call("call", draw_masks(rng, 2, 3, 5, 4), "masks with four axes"),
        Call("call", _masks(rng, (4, 7), 28 - few, few, 0), "target lies within pred, and pred is true everywhere"),
        Call("call", _masks(rng, (6, 4), few, 0, 0), "the masks are equal"),
        Call("call", _masks(rng, (1, 1), 1, 0, 0), "one pixel, true in both"),
    ]
    judge_values("iou", HINTS["iou"], calls, ask, oracle, SHARE)


def iou_empty(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    few = int(integers(rng, 3, 9, ()))
    calls = [
        Call("call", draw_masks(rng, 6, 5)),
        Call("call", _masks(rng, (5, 8), 0, few, 12 - few), "no pixel is true in both"),
        Call("call", _masks(rng, (7, 4), 0, few, 0), "target is empty"),
        Call("call", _masks(rng, (4, 6), 0, 0, few), "pred is empty"),
        Call("call", _masks(rng, (5, 6), 0, 0, 0), "both are empty", NO_SHARE),
    ]
    judge_values("iou", HINTS["iou"], calls, ask, oracle, SHARE)


# mean_iou


def draw_labels(
    rng: np.random.RandomState, shape: tuple[int, ...], num_classes: int, void: int | None = None
) -> dict[str, Any]:
    """Return the arguments for a prediction that is right in two pixels of three, and somewhere for every class.

    Low classes are the more frequent ones. With `void`, every fourth pixel has this target, whatever it is predicted to
    be.
    """
    target = np.minimum(*integers(rng, 0, num_classes, (2, *shape)))
    other = (target + integers(rng, 1, num_classes, shape)) % num_classes
    pred = np.where(integers(rng, 0, 3, shape) == 0, other, target)
    blank = integers(rng, 0, 4, shape) == 0
    met = np.isin(np.arange(target.size).reshape(shape), rng.permutation(target.size)[:num_classes])
    target[met] = pred[met] = rng.permutation(num_classes)
    if void is not None:
        target[blank & ~met] = void
        pred[blank & ~met] = integers(rng, 0, num_classes, (int((blank & ~met).sum()),))
    return _labels(pred, target, num_classes)


def _labels(pred: np.ndarray, target: np.ndarray, num_classes: int) -> dict[str, Any]:
    labels = {"pred": torch.tensor(pred, dtype=torch.int64), "target": torch.tensor(target, dtype=torch.int64)}
    return {**labels, "num_classes": num_classes}


def _renamed(batch: dict[str, Any], names: np.ndarray) -> dict[str, Any]:
    """Return the batch with class `names[i]` for class i, of as many classes as there are names."""
    return _labels(names[batch["pred"]], names[batch["target"]], len(names))


def _one_sided(rng: np.random.RandomState, shape: tuple[int, ...]) -> dict[str, Any]:
    """Return labels of eight classes: three ordinary ones, two that only the truth holds, one that only the prediction
    holds, one that both hold but never at the same pixel, and one that neither holds."""
    batch = draw_labels(rng, shape, 3)
    pred, target = batch["pred"].flatten(), batch["target"].flatten()
    places = torch.tensor(rng.permutation(np.flatnonzero(pred != target)))
    target[places[:3]] = torch.tensor([3, 3, 4])
    pred[places[3:5]] = 5
    target[places[5:7]], pred[places[7:8]] = 6, 6
    labels = {"pred": pred.view(shape), "target": target.view(shape)}
    return _renamed(labels, rng.permutation(8))


def _few(rng: np.random.RandomState, shape: tuple[int, ...], pred: list[int], target: list[int]) -> dict[str, Any]:
    """Return labels of five classes in which the pixels `pred` and `target` count, anywhere, and no other."""
    places = rng.permutation(math.prod(shape))[: len(target)]
    batch = {"pred": integers(rng, 0, 5, shape), "target": np.full(shape, 255)}
    batch["pred"].flat[places], batch["target"].flat[places] = pred, target
    return _labels(**batch, num_classes=5)


def _alone(rng: np.random.RandomState, shape: tuple[int, ...]) -> dict[str, Any]:
    """Return labels of one class, and some pixels that do not count."""
    target = np.where(integers(rng, 0, 3, shape) == 0, 255, 0)
    target.flat[0] = 0
    return _labels(np.zeros(shape), target, 1)


MEAN_AND_CLASSES = Form(
    "(mean, per_class): a scalar and a tensor of num_classes numbers, the IoU of each class and NaN where it is absent",
    parts=(Form("the mean", number_will_do=True, dtype="any"), Form("the IoU of each class", dtype="any")),
)
ALL_NAN = Form("(NaN, all NaN), since no pixel counts", parts=MEAN_AND_CLASSES.parts)


def mean_iou_values(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    truth = integers(rng, 0, 4, (2, 5, 5))
    calls = [
        Call("call", draw_labels(rng, (2, 5, 9), 3)),
        Call("call", draw_labels(rng, (3, 7, 4), 5)),
        Call("call", draw_labels(rng, (8, 6), 4), "one image"),
        Call("call", draw_labels(rng, (31,), 2), "two classes, pixels in one row"),
        Call("call", _labels(truth, truth, 4), "every pixel is right"),
        Call("call", draw_labels(rng, (4, 3, 6, 2), 3), "labels with four axes"),
    ]
    judge_values("mean_iou", HINTS["mean_iou"], calls, ask, oracle, MEAN_AND_CLASSES)


def mean_iou_absent(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    absent, *present = rng.permutation(3)
    names = np.array([*rng.permutation([*present, 3]), absent, 4])
    calls = [
        Call("call", draw_labels(rng, (2, 6, 7), 4)),
        Call("call", _renamed(draw_labels(rng, (2, 8, 5), 3), names), "two classes appear nowhere"),
        Call(
            "call",
            _one_sided(rng, (2, 6, 10)),
            "two classes are only in target, one only in pred, one in both but never at the same pixel, one nowhere",
        ),
    ]
    judge_values("mean_iou", HINTS["mean_iou"], calls, ask, oracle, MEAN_AND_CLASSES)


def mean_iou_ignored(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    void = [int(integers(rng, 100, 250, ())), -1, 4]
    calls = [
        Call("call", draw_labels(rng, (2, 5, 8), 3)),
        Call("call", draw_labels(rng, (2, 7, 6), 4, 255), "a quarter of the pixels does not count"),
        *(
            Call("call", {**draw_labels(rng, (2, 6, 5), 4, value), "ignore_index": value}, "some pixels do not count")
            for value in void
        ),
    ]
    judge_values("mean_iou", HINTS["mean_iou"], calls, ask, oracle, MEAN_AND_CLASSES)


def mean_iou_few(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    a, b, c = rng.permutation(5)[:3].tolist()
    calls = [
        Call("call", draw_labels(rng, (2, 5, 6), 3)),
        Call("call", _few(rng, (2, 3, 5), [a, a, b, b], [a, b, b, c]), "four pixels count"),
        Call("call", _few(rng, (3, 7), [a], [a]), "one pixel counts, and is right"),
        Call("call", _few(rng, (4, 5), [b], [c]), "one pixel counts, and is wrong"),
        Call("call", _few(rng, (2, 3, 4), [a, a, a], [a, a, a]), "one class only"),
        Call("call", _alone(rng, (3, 5)), "there is one class"),
        Call("call", _few(rng, (2, 3, 4), [], []), "no pixel counts", ALL_NAN),
    ]
    judge_values("mean_iou", HINTS["mean_iou"], calls, ask, oracle, MEAN_AND_CLASSES)
