"""Cases of exercise 2's questions about target maps: `gaussian_scoremaps` and `scoremap_loss`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from helpers.checks.engine.calls import Call, ValueCall
from helpers.checks.engine.compare import Form
from helpers.checks.engine.judge import Fault, judge
from helpers.checks.engine.mistakes import Way
from helpers.checks.engine.question import Ask, Oracle, integers, read_hints
from helpers.checks.engine.scalars import judge_scalars
from helpers.checks.engine.values import Value

__all__ = ["loss_gradient", "loss_values", "maps_invisible", "maps_outside", "maps_values"]

HINTS = read_hints("ex02_softargmax")

# Inputs. Coordinates and scores are multiples of a power of two: every machine draws the same bits, and a squared
# distance comes out the same whether it is expanded first or not. What remains between right answers is the rounding
# of exp and of sums, 1e-6 of a value; the checks' tolerance (`engine/compare.py`) is 1e-4, and the smallest
# mistake, a Gaussian cut off at 3 sigma, differs by 1e-2.


# gaussian_scoremaps


def draw_keypoints(
    rng: np.random.RandomState,
    images: int,
    keypoints: int,
    size: tuple[int, int],
    sigma: float,
    step: float = 0.25,
    dtype: torch.dtype = torch.float32,
) -> dict[str, Any]:
    """Return the arguments for keypoints inside a map, all of them visible; coordinates are multiples of `step`."""
    height, width = size
    cells = np.array([width - 1, height - 1]) / step + 1
    places = integers(rng, 0, cells.astype(int), (images, keypoints, 2)) * step
    visible = torch.ones(images, keypoints, dtype=torch.bool)
    return {"keypoints": torch.tensor(places, dtype=dtype), "visible": visible, "size": size, "sigma": sigma}


def _at_the_border(rng: np.random.RandomState, images: int, size: tuple[int, int], sigma: float) -> dict[str, Any]:
    """Return the arguments for four keypoints of an image on its four sides, the first of them in the corner (0, 0)."""
    height, width = size
    batch = draw_keypoints(rng, images, 4, size, sigma)
    x, y = batch["keypoints"].unbind(dim=-1)
    x[:, 0], y[:, 0] = 0, 0
    y[:, 1], x[:, 2], y[:, 3] = 0, width - 1, height - 1
    return batch


def _narrow(rng: np.random.RandomState) -> dict[str, Any]:
    """Return the arguments for Gaussians of sigma 1/64, each keypoint 1/64 beside a pixel centre along x and along y.

    The two offsets differ in sign, so that a distance with a small constant inside (torch's `pairwise_distance`) stays
    within the tolerance; one beside 2 sigma^2 does not.
    """
    batch = draw_keypoints(rng, 2, 3, (4, 6), 1 / 64, step=1)
    signs = torch.tensor(2 * integers(rng, 0, 2, (2, 3, 1)) - 1) * torch.tensor([1, -1])
    return {**batch, "keypoints": batch["keypoints"] + signs / 64}


def _outside(rng: np.random.RandomState, batch: dict[str, Any]) -> dict[str, Any]:
    """Return the batch with each keypoint up to three pixels outside of one side of the map or of two."""
    height, width = batch["size"]
    keypoints = batch["keypoints"].clone()
    far = torch.tensor(integers(rng, 1, 13, tuple(keypoints.shape)) / 4, dtype=keypoints.dtype)
    below = torch.tensor(integers(rng, 0, 2, tuple(keypoints.shape)), dtype=torch.bool)
    out = torch.where(below, -far, torch.tensor([width - 1, height - 1]) + far)
    which = torch.tensor(rng.permutation(np.arange(keypoints[..., 0].numel()) % 3)).view(keypoints.shape[:2])
    moved = torch.stack([which != 1, which != 0], dim=-1)  # x, y or both
    return {**batch, "keypoints": torch.where(moved, out, keypoints)}


def _hide(rng: np.random.RandomState, batch: dict[str, Any], counts: tuple[int, ...], junk: bool) -> dict[str, Any]:
    """Return the batch with `counts[i]` visible keypoints in image i; `junk`: NaN or far-off coordinates elsewhere."""
    keypoints = batch["keypoints"].clone()
    visible = torch.tensor(np.stack([rng.permutation(keypoints.shape[1]) < count for count in counts]))
    if junk:
        values = np.array([np.nan, np.nan, -7777.25, 12345.5])[integers(rng, 0, 4, (int((~visible).sum()), 2))]
        values[0] = np.nan
        keypoints[~visible] = torch.tensor(values, dtype=keypoints.dtype)
    return {**batch, "keypoints": keypoints, "visible": visible}


MAPS = Form("(B, K, H, W) with size = (H, W): 1 at a keypoint, a Gaussian around it", dtype="any")
PRECISE_MAPS = Form(MAPS.text.replace(":", ", in the dtype of the keypoints:"))
EMPTY = Form("(B, K, H, W), all zero where a keypoint is invisible, whatever its coordinates are", dtype="any")


@dataclass(frozen=True)
class MapsCall(ValueCall):
    """A call of `gaussian_scoremaps`. Whoever cuts a Gaussian off may have made another mistake, too: then that is told
    by the values that are left."""

    def ways(self, fault: Fault) -> Sequence[Way]:
        return *super().ways(fault), Way(lambda call, got, wrong, right: _where_drawn(got, wrong, right), "one")


def _where_drawn(got: Value, wrong: Value, right: Value) -> float | None:
    """Return how far maps are from those of a wrong version where both have values, None if they are not alike.

    Alike they are if zeros stand in them where a Gaussian goes on, some of the rest is not zero, and the wrong version
    is wrong in its values.
    """
    maps, other, meant = (value.get("value") if isinstance(value, Mapping) else None for value in (got, wrong, right))
    if not isinstance(maps, Tensor) or not isinstance(other, Tensor) or not isinstance(meant, Tensor):
        return None
    if not maps.shape == other.shape == meant.shape:
        return None
    drawn = (maps != 0) & (other != 0)
    peaks = drawn & (other > PEAK)
    if torch.allclose(other.double(), meant.double(), atol=1e-4) or drawn.sum() < ENOUGH:
        return None
    if not peaks.any() or not ((maps == 0) & (meant > TAIL)).any():
        return None
    if not torch.equal(maps.flatten(2).any(-1), other.flatten(2).any(-1)):  # whole maps are empty in one of the two
        return None
    return 0.0 if torch.allclose(maps[drawn].double(), other[drawn].double(), rtol=1e-3, atol=1e-4) else None


PEAK, TAIL, ENOUGH = 0.5, 1e-4, 8  # high, low but drawn, and so many values to tell a mistake by


def _judge_maps(calls: Sequence[Call], ask: Ask, oracle: Oracle) -> None:
    name = "gaussian_scoremaps"
    judge([MapsCall(name, HINTS[name], call, call.form or MAPS) for call in calls], ask, oracle)


def maps_values(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        Call("call", draw_keypoints(rng, 2, 3, (5, 8), 1.25)),
        Call("call", draw_keypoints(rng, 3, 2, (9, 6), 1.75)),
        Call("call", draw_keypoints(rng, 2, 3, (11, 15), 0.75), "large maps of narrow Gaussians"),
        Call("call", draw_keypoints(rng, 2, 3, (4, 7), 0.75, step=1), "every keypoint on a pixel centre"),
        Call("call", _at_the_border(rng, 2, (5, 8), 1.25), "keypoints on the border, one of them at (0, 0)"),
        Call("call", draw_keypoints(rng, 1, 1, (5, 9), 1.5), "one image with one keypoint"),
        Call("call", draw_keypoints(rng, 2, 3, (1, 7), 1.25), "maps of one row"),
        Call("call", draw_keypoints(rng, 2, 3, (6, 1), 1.75), "maps of one column"),
        Call("call", _narrow(rng), "Gaussians far narrower than a pixel, keypoints beside a pixel centre"),
        Call("call", draw_keypoints(rng, 2, 2, (6, 5), 2.5, dtype=torch.float64), "float64"),
    ]
    _judge_maps(calls, ask, oracle)


def maps_outside(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        Call("call", draw_keypoints(rng, 2, 3, (5, 8), 1.25)),
        Call("call", _outside(rng, draw_keypoints(rng, 2, 3, (7, 5), 1.75)), "every keypoint lies outside the map"),
        Call("call", _outside(rng, draw_keypoints(rng, 2, 3, (4, 7), 4.5)), "outside the map, and sigma is large"),
        Call("call", draw_keypoints(rng, 2, 2, (6, 5), 2.5, dtype=torch.float64), "float64", PRECISE_MAPS),
    ]
    _judge_maps(calls, ask, oracle)


def maps_invisible(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        Call("call", draw_keypoints(rng, 2, 3, (5, 8), 1.25)),
        Call(
            "call",
            _hide(rng, draw_keypoints(rng, 3, 3, (5, 8), 1.75), (2, 0, 1), junk=False),
            "the second image shows nothing",
            EMPTY,
        ),
        Call(
            "call",
            _hide(rng, draw_keypoints(rng, 3, 4, (7, 5), 1.25), (2, 3, 0), junk=True),
            "invisible coordinates are NaN or far off",
            EMPTY,
        ),
    ]
    _judge_maps(calls, ask, oracle)


# scoremap_loss


def draw_maps(
    rng: np.random.RandomState, shape: tuple[int, int, int, int], dtype: torch.dtype = torch.float32
) -> dict[str, Tensor]:
    """Return predictions in [-2, 2], some of them exact, and targets in [0, 1], a third of them 0."""
    pred = integers(rng, -16, 17, shape) / 8
    target = np.maximum(integers(rng, -8, 17, shape), 0) / 16
    return {"pred": torch.tensor(pred, dtype=dtype), "target": torch.tensor(target, dtype=dtype)}


def _special_maps(rng: np.random.RandomState) -> list[tuple[str, dict[str, Tensor]]]:
    """Return maps of one row, predictions of 0, and large ones, in each a target that is empty."""
    nothing, large = draw_maps(rng, (2, 3, 4, 5)), draw_maps(rng, (2, 2, 4, 3))
    nothing["pred"] = torch.zeros_like(nothing["pred"])
    nothing["target"][0, 1] = 0
    large["pred"] *= 64
    large["target"][1, 0] = 0
    return [
        ("maps of one row", draw_maps(rng, (3, 2, 1, 6))),
        ("every prediction is 0", nothing),
        ("predictions up to 128, one target empty", large),
    ]


def _map_batches(rng: np.random.RandomState) -> list[tuple[str, dict[str, Tensor]]]:
    return [
        ("", draw_maps(rng, (2, 3, 4, 7))),
        ("", draw_maps(rng, (3, 2, 6, 5))),
        ("one image with one keypoint", draw_maps(rng, (1, 1, 3, 4))),
        ("float64", draw_maps(rng, (2, 4, 3, 5), torch.float64)),
    ]


LOSS = Form("a scalar tensor: the squared norms of the differences, summed over the keypoints, mean over the batch")


def loss_values(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    value = Form(LOSS.text, number_will_do=True, dtype="any")  # its gradient and dtype are another case
    calls = [Call("call", batch, note) for note, batch in (*_map_batches(rng), *_special_maps(rng))]
    judge_scalars("scoremap_loss", HINTS["scoremap_loss"], calls, ask, oracle, value)


def loss_gradient(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    exact = draw_maps(rng, (3, 2, 4, 5))
    exact["pred"][0] = exact["target"][0]
    same = draw_maps(rng, (2, 3, 5, 4))
    same["pred"] = same["target"].clone()
    batches = [
        *_map_batches(rng),
        ("pred = target in the first image", exact),
        ("pred = target", same),
        *_special_maps(rng),
    ]
    calls = [Call("gradient", batch, note) for note, batch in batches]
    judge_scalars("scoremap_loss", HINTS["scoremap_loss"], calls, ask, oracle, LOSS)
