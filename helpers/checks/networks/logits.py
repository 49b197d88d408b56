"""Logits of decoders: whether two differ, what they are linear in, and which mistake their shapes betray."""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from helpers.checks.networks.features import size_of

__all__ = ["NOTHING", "apart", "behind", "bilinear", "differ", "is_linear_in", "misshapen", "told_by"]

NOTHING = 1e-4  # of the spread of the logits: rounding is a hundredth of that, the smallest effect a hundred times it

CHANNELS_DIFFER = re.compile(r"expected input\[(\d+), \d+, (\d+), (\d+)\] to have (\d+) channels, but got (\d+)")
SIZES_DIFFER = re.compile(r"must match except in dimension (\d+)\. Expected size (\d+) .*?but got size (\d+)")
SUMMANDS_DIFFER = re.compile(r"tensor a \((\d+)\) must match the size of tensor b \((\d+)\) at .*dimension (\d+)")
MESSAGES = tuple(
    (re.compile(pattern), mistake)
    for pattern, mistake in (
        (r"'(list|tuple)' object has no attribute|got \((list|tuple), ", "list_as_maps"),
        (r"'(list|tuple)' and 'int'|must be tuple of ints, but found element of type (list|tuple)", "list_as_number"),
        (r"'(?!list|tuple|Tensor|int|NoneType|Size)\w+' object has no attribute", "NameError"),
        (r"index (-?\d+ is )?out of range|zip\(\) argument|not enough values to unpack", "index_beyond"),
        (r"running_mean should contain \d+ elements|Expected weight to be a vector of size equal", "wrong_channels"),
    )
)


def differ(a: Tensor, b: Tensor, share: float = NOTHING) -> bool:
    """Return whether two logits differ by more than rounding, somewhere."""
    return bool((a - b).abs().max() > share * (1e-9 + a.std()))


def bilinear(maps: Tensor, sizes: Sequence[tuple[int, int]]) -> list[Tensor]:
    """Return maps upsampled to each of `sizes` in turn, by either convention of where the corners lie."""
    results = []
    for corners in (False, True):
        up = maps
        for size in sizes:
            up = F.interpolate(up, size, mode="bilinear", align_corners=corners)
        results.append(up)
    return results


def apart(a: Tensor, b: Tensor) -> float:
    """Return how far two logits are from each other, root mean square."""
    return float((a - b).double().square().mean().sqrt())


def is_linear_in(logits: Tensor, maps: Tensor) -> bool:
    """Return whether each pixel's logits are one affine function of the same pixel of `maps`, by least squares."""
    wanted = logits.double().movedim(1, -1).flatten(0, 2)
    given = F.pad(maps.double().movedim(1, -1).flatten(0, 2), (0, 1), value=1.0)
    left = wanted - given @ torch.linalg.lstsq(given, wanted).solution
    return bool(left.square().mean().sqrt() < 1e-3 * wanted.std())


# What went wrong.


def misshapen(got: tuple[int, ...], expected: tuple[int, ...]) -> str:
    """Return which mistake the shape of logits shows."""
    images, classes, height, width = expected
    if images == 1 and got == expected[1:]:
        return "drops_the_batch_axis"
    if len(got) != 4:
        return "shape"
    if got[0] != images:
        return "wrong_batch"
    if got[1] != classes:
        return "fixed_number_of_classes"
    if got[2:] == (width, height):
        return "size_swapped"
    nearly = all(0.75 * n < m <= n for m, n in zip(got[2:], (height, width), strict=True))
    return "no_padding" if nearly else "wrong_size"


def told_by(message: str) -> str | None:
    """Return which mistake a message betrays whatever the features are, None where it is another message."""
    return next((mistake for pattern, mistake in MESSAGES if pattern.search(message)), None)


def behind(message: str, features: list[Tensor], skips: bool) -> str | None:
    """Return which mistake torch's message about sizes betrays, None where it is another message.

    `skips` says whether maps of several stages are joined.
    """
    if found := CHANNELS_DIFFER.search(message):
        images, height, width, expected, got = map(int, found.groups())
        sizes = {size_of(maps) for maps in features}
        doubled = {(2 * h, w) for h, w in sizes} | {(h, 2 * w) for h, w in sizes}
        if images != len(features[0]) or (height, width) in doubled:
            return "wrong_axis"
        ends = (features[-1].shape[1], features[0].shape[1])
        others = {(maps.shape[1], size_of(maps)) for maps in features if maps.shape[1] != expected / 2}
        if skips and (got - expected / 2, (height, width)) in others:  # half of it is what came up
            return "wrong_stage"
        return "order_of_stages" if (expected, got) == ends else "wrong_channels"
    if found := SIZES_DIFFER.search(message):
        axis, a, b = map(int, found.groups())
        return "wrong_axis" if axis != 1 else _unequal(a, b)
    if found := SUMMANDS_DIFFER.search(message):
        a, b, axis = map(int, found.groups())
        return "wrong_channels" if axis == 1 else _unequal(a, b)
    return None


def _unequal(a: int, b: int) -> str:
    """Return which mistake lies behind two maps of these sizes that were to be joined."""
    return "not_fitted" if abs(a - b) <= 2 else "wrong_stage"
