"""The questions of exercise 1 and their cases: what is drawn, and what is expected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from helpers.checks.engine.calls import Call
from helpers.checks.engine.compare import Form
from helpers.checks.engine.question import Ask, Oracle, Question, by_name, integers, read_hints
from helpers.checks.engine.scalars import judge_scalars
from helpers.checks.networks import poses as pose_models
from helpers.checks.networks.trained import REGRESSION_MODEL
from helpers.checks.probes.calling import calling, differentiating

__all__ = ["QUESTIONS"]

HINTS = read_hints("ex01_pose_regression")

# Inputs. All coordinates are multiples of a quarter, so every machine draws the same bits.


def draw(
    rng: np.random.RandomState,
    counts: Sequence[int],
    keypoints: int,
    size: tuple[int, int] = (90, 160),
    dtype: torch.dtype = torch.float32,
) -> dict[str, Tensor]:
    """Return `pred`, `target` and `visible` of a batch in which image i has `counts[i]` visible keypoints."""
    height, width = size
    target = integers(rng, 0, 4 * np.array([width, height]), (len(counts), keypoints, 2)) / 4
    offset = integers(rng, 1, 49, target.shape) / 4 * (2 * integers(rng, 0, 2, target.shape) - 1)
    visible = np.stack([rng.permutation(keypoints) < count for count in counts])
    return _batch(target + offset, target, visible, dtype)


def _batch(pred: np.ndarray, target: np.ndarray, visible: np.ndarray, dtype: torch.dtype) -> dict[str, Tensor]:
    points = {"pred": torch.tensor(pred, dtype=dtype), "target": torch.tensor(target, dtype=dtype)}
    return {**points, "visible": torch.tensor(visible)}


def hide(
    rng: np.random.RandomState, batch: dict[str, Tensor], names: Sequence[str] = ("pred", "target")
) -> dict[str, Tensor]:
    """Return the batch with NaN or far-off coordinates wherever a keypoint is invisible."""
    hidden = ~batch["visible"]
    batch = dict(batch)
    for name in names:
        points = batch[name].clone()
        junk = np.array([np.nan, np.nan, -7777.25, 12345.5])[integers(rng, 0, 4, (int(hidden.sum()), 2))]
        junk[0] = float("nan")
        points[hidden] = torch.tensor(junk, dtype=points.dtype)
        batch[name] = points
    return batch


def _calls(step: str, *batches: tuple[str, dict[str, Any]]) -> list[Call]:
    return [Call(step, batch, note) for note, batch in batches]


def _basics(rng: np.random.RandomState) -> list[tuple[str, dict[str, Any]]]:
    """Return batches with unequal visible counts, K other than 17, a single keypoint to count, and float64."""
    return [
        ("", draw(rng, (1, 3), 3)),
        ("", draw(rng, (9, 2, 12), 14, (160, 90))),
        ("a batch of one image with one visible keypoint", draw(rng, (1,), 6)),
        ("float64", draw(rng, (2, 5), 6, dtype=torch.float64)),
    ]


def _first(rng: np.random.RandomState) -> tuple[str, dict[str, Any]]:
    """Return one plain batch: an edge only counts once the plain case is right."""
    return "", draw(rng, (2, 7, 4), 7)


def special(rng: np.random.RandomState, dtype: torch.dtype = torch.float32) -> tuple[str, dict[str, Any]]:
    """Return a batch with targets and predictions at 0 and below 1, exact hits and one error of 500 pixels, all of them
    visible: no number says that a keypoint is missing."""
    batch = draw(rng, (9, 7), 10, dtype=dtype)
    far = integers(rng, 80, 320, (8,)) / 4
    rows = np.array([  # target, then pred
        [0, 0, far[0], far[1]], [0, far[2], 3, far[2] + 4], [far[3], 0, far[3] + 8, 6], [0.75, 1, 5.75, 13],
        [far[4], far[5], far[4], far[5]], [0, 0, 0, 0], [far[6], far[7], 0, 0], [far[1], far[0], far[1] + 300, -400],
    ])  # fmt: skip
    b, k = batch["visible"].nonzero(as_tuple=True)
    chosen = torch.tensor(rng.permutation(len(b))[: len(rows)])
    batch["target"][b[chosen], k[chosen]] = torch.tensor(rows[:, :2], dtype=dtype)
    batch["pred"][b[chosen], k[chosen]] = torch.tensor(rows[:, 2:], dtype=dtype)
    return "some coordinates are 0, some predictions exact, one far off", batch


def tiny(rng: np.random.RandomState) -> tuple[str, dict[str, Tensor]]:
    """Return a batch whose errors are near 1/100 of a pixel, each dx and dy 3 to 6 times 1/512.

    A millionth under a root shifts them by three times the tolerance, the 1e-8 that some add for its slope by none.
    """
    batch = draw(rng, (6, 9), 10, (8, 8))
    steps = integers(rng, 3, 7, (2, 10, 2)) * (2 * integers(rng, 0, 2, (2, 10, 2)) - 1)
    return "errors of a hundredth of a pixel", {**batch, "pred": batch["target"] + torch.tensor(steps).float() / 512}


# mpjpe

PIXELS = Form("a scalar, the mean Euclidean error of all visible keypoints in pixels", number_will_do=True, dtype="any")
PRECISE = Form(PIXELS.text + ", no less precise than `pred`", number_will_do=True, dtype="precise")
NAN = Form("a scalar NaN, since there is nothing to average", number_will_do=True, dtype="any")


def mpjpe_values(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    batches = [*_basics(rng), special(rng), tiny(rng)]
    judge_scalars("mpjpe", HINTS["mpjpe"], _calls("call", *batches), ask, oracle, PIXELS)


def mpjpe_invisible(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    batches = [
        _first(rng),
        ("the second image shows nothing", draw(rng, (3, 0, 5), 6)),
        ("invisible coordinates are NaN or far off", hide(rng, draw(rng, (3, 0, 5), 6))),
    ]
    precise = Call("call", draw(rng, (4, 2), 5, dtype=torch.float64), "float64", PRECISE)
    judge_scalars("mpjpe", HINTS["mpjpe"], [*_calls("call", *batches), precise], ask, oracle, PIXELS)


def mpjpe_none_visible(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    nothing = Call("call", draw(rng, (0, 0), 5), "nothing is visible", NAN)
    judge_scalars("mpjpe", HINTS["mpjpe"], [*_calls("call", _first(rng)), nothing], ask, oracle, PIXELS)


# pck

SHARE = Form("a scalar, the share of visible keypoints within the threshold", number_will_do=True, dtype="any")
PRECISE_SHARE = Form(SHARE.text + ", no less precise than `pred`", number_will_do=True, dtype="precise")


def _thresholds(
    rng: np.random.RandomState, batch: dict[str, Tensor], *values: float
) -> list[tuple[str, dict[str, Any]]]:
    return [("", {**batch, "threshold": value}) for value in values]


def pck_values(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    note, numbers = special(rng)
    batches = [
        *_thresholds(rng, draw(rng, (5, 19, 11, 23), 23), 9.3, 5.2, 12.7, 3.1),
        *_thresholds(rng, draw(rng, (21,), 25, (160, 90)), 8.1),
        ("float64", {**draw(rng, (6, 14), 20, dtype=torch.float64), "threshold": 7.6}),
        *((note, {**numbers, "threshold": value}) for value in (5.5, 0.0005, 200.0)),  # 0.0005: exact hits alone
        ("some errors are between the threshold and 1", {**_below_one(rng), "threshold": 0.5}),
    ]
    judge_scalars("pck", HINTS["pck"], _calls("call", *batches), ask, oracle, SHARE, few_values=True)


def _below_one(rng: np.random.RandomState) -> dict[str, Tensor]:
    """Return a batch of two images, each with visible errors of 5/16, 10/16 and 20/16 of a pixel."""
    batch = draw(rng, (9, 8), 10)
    lengths = 2.0 ** (np.stack([rng.permutation(10), rng.permutation(10)]) % 3) / 16
    return {**batch, "pred": batch["target"] + torch.tensor(lengths[..., None] * [3, -4]).float()}


def pck_per_image(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    """One threshold for each image, also where B = K and a wrong broadcast goes unnoticed."""
    oblong = draw(rng, (11, 4, 12), 12)
    batches = [
        *_thresholds(rng, draw(rng, (9, 16, 4), 16), 8.3, 5.1),
        ("one threshold for each of 8 images", _square(rng)),
        (
            "one threshold for each of 3 images",
            {**oblong, "threshold": torch.tensor(rng.permutation([3.3, 7.8, 12.1])).float()},
        ),
        ("one image with its threshold", {**draw(rng, (14,), 17), "threshold": torch.tensor([8.6])}),
        ("one threshold for each of 5 images of one keypoint", _column(rng)),
        ("thresholds below 1", {**_below_one(rng), "threshold": torch.tensor([0.5, 0.75])}),
    ]
    judge_scalars("pck", HINTS["pck"], _calls("call", *batches), ask, oracle, SHARE, few_values=True)


def _square(rng: np.random.RandomState) -> dict[str, Tensor]:
    """Return a batch with B = K = 8 in which thresholds lined up with the keypoints cannot give the right share.

    The errors of an image are 5 m pixels, with another m for each, and its threshold is 5 m + 2.5; one error is 5
    pixels more. So at least 47 keypoints are correct, and by the thresholds of the keypoints, m of one against m of
    another, 36 of 64 at most.
    """
    steps = rng.permutation(8) + 1
    lengths = np.repeat(steps[:, None], 8, axis=1)
    lengths[np.arange(8), integers(rng, 0, 8, (8,))] += 1
    signs = 2 * integers(rng, 0, 2, (8, 8, 2)) - 1
    target = integers(rng, 0, 400, (8, 8, 2)) / 4
    visible = np.stack([rng.permutation(8) < count for count in rng.permutation([8, 8, 7, 7, 7, 6, 6, 6])])
    batch = _batch(target + lengths[..., None] * [3, 4] * signs, target, visible, torch.float32)
    return {**batch, "threshold": torch.tensor(5 * steps + 2.5, dtype=torch.float32)}


def _column(rng: np.random.RandomState) -> dict[str, Tensor]:
    """Return five images of one keypoint, each with a threshold of its own: three are correct, not the first nor the
    last, and all would be by the largest threshold."""
    lengths = rng.permutation([1, 2, 3, 4, 5])
    within = np.array([False, True, True, True, False])
    target = integers(rng, 0, 400, (5, 1, 2)) / 4
    batch = _batch(target + lengths[:, None, None] * [3, -4], target, np.ones((5, 1), dtype=bool), torch.float32)
    limits = 5 * lengths + np.where(within, 1.25, -1.25)
    return {**batch, "threshold": torch.tensor(limits, dtype=torch.float32)}


def pck_edges(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    batches = [
        *_thresholds(rng, draw(rng, (9, 16, 4), 16), 8.3, 5.1),
        ("some errors are exactly 10", {**_triples(rng), "threshold": 10.0}),
        ("invisible coordinates are NaN or far off", {**hide(rng, draw(rng, (6, 0, 10), 12)), "threshold": 8.4}),
    ]
    nothing = Call("call", {**draw(rng, (0, 0), 5), "threshold": 8.0}, "nothing is visible", NAN)
    double = {**draw(rng, (6, 14), 20, dtype=torch.float64), "threshold": 7.6}
    precise = Call("call", double, "float64", PRECISE_SHARE)
    judge_scalars(
        "pck", HINTS["pck"], [*_calls("call", *batches), nothing, precise], ask, oracle, SHARE, few_values=True
    )


def _triples(rng: np.random.RandomState) -> dict[str, Tensor]:
    """Return a batch whose errors are exactly 5, 10, 17 and 29 pixels.

    dx and dy differ in sign, so that a distance with a small constant inside (torch's `pairwise_distance`) stays exact.
    """
    triples = np.array([[3, -4], [6, -8], [8, -15], [20, -21], [-8, 6]])[rng.permutation(np.arange(15) % 5)].reshape(
        3, 5, 2
    )
    target = integers(rng, 20, 100, (3, 5, 2)).astype(float)
    visible = rng.permutation(np.arange(15) < 11).reshape(3, 5)
    visible[np.hypot(*triples.transpose(2, 0, 1)) == 10] = True
    return _batch(target + triples * (2 * integers(rng, 0, 2, ()) - 1), target, visible, torch.float32)


# masked_l2_loss

SQUARE_PIXELS = Form("a scalar tensor, the mean squared distance of all visible keypoints")
ZERO = Form("a scalar tensor 0 that is still attached to pred, so that backward() gives zeros")


def loss_values(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    value = Form(SQUARE_PIXELS.text, number_will_do=True, dtype="any")  # its gradient and dtype are another case
    batches = [*_basics(rng), special(rng)]
    judge_scalars("masked_l2_loss", HINTS["masked_l2_loss"], _calls("call", *batches), ask, oracle, value)


def loss_gradient(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    exact, same = draw(rng, (4, 2, 6), 6), draw(rng, (3, 1), 4)
    exact["pred"][0] = exact["target"][0]
    same["pred"] = same["target"].clone()
    batches = [*_basics(rng), ("pred = target in the first image", exact), ("pred = target", same), special(rng)]
    judge_scalars("masked_l2_loss", HINTS["masked_l2_loss"], _calls("gradient", *batches), ask, oracle, SQUARE_PIXELS)


def loss_invisible(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    batches = [
        _first(rng),
        ("the second image shows nothing", draw(rng, (3, 0, 5), 6)),
        ("invisible targets are NaN or far off", hide(rng, draw(rng, (3, 0, 5), 6), ["target"])),
        ("invisible coordinates are NaN or far off", hide(rng, draw(rng, (3, 1, 5), 6))),
    ]
    judge_scalars("masked_l2_loss", HINTS["masked_l2_loss"], _calls("gradient", *batches), ask, oracle, SQUARE_PIXELS)


def loss_none_visible(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    nothing = Call("gradient", hide(rng, draw(rng, (0, 0), 5), ["target"]), "nothing is visible", ZERO)
    judge_scalars(
        "masked_l2_loss",
        HINTS["masked_l2_loss"],
        [*_calls("gradient", _first(rng)), nothing],
        ask,
        oracle,
        SQUARE_PIXELS,
    )


POSES = ("pred", "target", "visible")
QUESTIONS = by_name(
    Question(
        "mpjpe",
        "mpjpe is right: one mean over all visible keypoints, whatever stands at the invisible ones.",
        {"call": calling(*POSES)},
        {"values": mpjpe_values, "invisible": mpjpe_invisible, "none_visible": mpjpe_none_visible},
        HINTS["mpjpe"],
    ),
    Question(
        "pck",
        "pck is right: with one threshold and with one per image, at the threshold and with nothing visible.",
        {"call": calling(*POSES, "threshold")},
        {"values": pck_values, "per_image_threshold": pck_per_image, "edges": pck_edges},
        HINTS["pck"],
    ),
    Question(
        "masked_l2_loss",
        "masked_l2_loss is right: its values, its gradients, and both of them where nothing counts.",
        {"call": calling(*POSES), "gradient": differentiating(*POSES)},
        {
            "values": loss_values,
            "gradient": loss_gradient,
            "invisible": loss_invisible,
            "none_visible": loss_none_visible,
        },
        HINTS["masked_l2_loss"],
    ),
    pose_models.REGRESSOR,
    REGRESSION_MODEL.question,
)
