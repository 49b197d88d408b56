"""A picture of a wrong value beside the right one, for the notebook: the verdict is complete without it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from matplotlib.axes import Axes
from torch import Tensor

from helpers.checks.engine.compare import differing, row, same
from helpers.checks.engine.values import Value, as_tensor
from helpers.pictures.colours import BLUE, GREEN, VERMILION
from helpers.pictures.figure import Picture, aspect, finished, image_axes

__all__ = ["draw", "outlined"]

SIDES, MARKS = ("yours", "expected"), "yours: crosses, expected: circles"
ENTRIES = 150  # a plane with more has no numbers written in


def draw(inputs: Mapping[str, Any], got: Value, right: Value) -> Picture | None:
    """Return what came beside what was expected, the first difference marked; None where a number says it all.

    Args:
        inputs: the arguments of the call, by name.
        got, right: values as probes return them.
    """
    mine, best = (as_tensor(value["value"] if isinstance(value, Mapping) else value) for value in (got, right))
    if "limbs" in inputs and "peaks" in inputs:
        return _people(inputs, mine, best)
    if {"starts", "ends"} <= inputs.keys():
        return _pairs(inputs, mine, best)
    if "threshold" in inputs and isinstance(inputs.get("scoremaps"), Tensor):
        return _peaks(inputs["scoremaps"], mine, best)
    found = differing(mine, best)
    if found is None:
        return None
    _, (a, b), place = found
    if a.ndim == 3 and a.shape[-1] == 2:
        return _points(inputs, a, b, place)
    return _planes(a, b, place, "images" in inputs) if a.ndim >= 2 else None


def _planes(a: Tensor, b: Tensor, place: tuple[int, ...], of_images: bool) -> Picture:
    """Return the rows and columns in which two tensors first differ; of images all three channels."""
    y, x = place[-2:]
    chosen = place[:-2]
    image = of_images and a.ndim == 4 and a.shape[1] == 3
    planes = [(t[chosen[0]].permute(1, 2, 0).clamp(0, 1) if image else t[chosen]).double() for t in (a, b)]
    known = torch.cat([plane[plane.isfinite()].flatten() for plane in planes])
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    figure, axes = image_axes(1, 2, 3.2, min(aspect(a), 1.5))
    for axis, plane, side in zip(axes, planes, SIDES, strict=True):
        axis.imshow(plane.numpy(), cmap="viridis", vmin=low, vmax=high, interpolation="nearest")
        axis.plot(x, y, "s", mfc="none", mec=VERMILION, mew=2, ms=12)
        axis.set_title(side, fontsize=10)
        if not image and plane.numel() <= ENTRIES:
            _write(axis, plane, high)
    title = f"first difference, framed: at {list(place)} of {tuple(a.shape)}"
    return finished(figure, title, f"{float(a[place]):.4g} where {float(b[place]):.4g} is expected")


def _write(axis: Axes, plane: Tensor, high: float) -> None:
    """Write its number into each entry of a plane."""
    for y, numbers in enumerate(plane.tolist()):
        for x, number in enumerate(numbers):
            colour = "black" if number > 0.6 * high else "white"
            axis.text(x, y, _in_few_signs(number), ha="center", va="center", fontsize=7, color=colour)


def _in_few_signs(number: float) -> str:
    """Return a number as long as an entry is wide: "0.607", "0.025", "5e-7"."""
    texts = (f"{number:.{digits}g}" for digits in (3, 2))
    return next((text for text in texts if len(text) <= 5), re.sub(r"e([+-])0?", r"e\1", f"{number:.0e}"))


def _points(inputs: Mapping[str, Any], a: Tensor, b: Tensor, place: tuple[int, ...]) -> Picture:
    """Return the points of the item in which (N, K, 2) first differ, on the map that they were read from, if any."""
    maps, (item, keypoint, _), chosen = inputs.get("scoremaps", a), place, slice(None)
    on_maps = maps.ndim == 4 and maps.shape[:2] == a.shape[:2]
    figure, (axis,) = image_axes(1, 1, 4.0, min(aspect(maps), 1.5) if on_maps else 1.0)
    if on_maps:
        axis.imshow(maps[item, keypoint].double().numpy(), cmap="magma", interpolation="nearest")
        chosen = slice(keypoint, keypoint + 1)
    else:
        axis.invert_yaxis()
        axis.set_axis_on()
    _mark(axis, a[item, chosen], b[item, chosen])
    title = f"item {item}, keypoint {keypoint}\n{MARKS}"
    return finished(figure, title, f"{a[item, keypoint].tolist()} where {b[item, keypoint].tolist()} is expected")


def outlined(image: Tensor, mine: Tensor, best: Tensor, name: str) -> Picture:
    """Return an image (3, H, W) with two outlines (N, 2): what came, and dashed what is expected."""
    figure, (axis,) = image_axes(1, 1, 4.0, min(aspect(image), 1.5))
    axis.imshow(image.double().permute(1, 2, 0).clamp(0, 1).numpy(), interpolation="nearest")
    axis.plot(*mine.T.numpy(), "-", color=VERMILION, lw=2)
    axis.plot(*best.T.numpy(), "--", color=GREEN, lw=2)
    ends = " where ".join(f"a corner at {row(outline[0])}" for outline in (mine, best))
    return finished(figure, f"{name}: yours, and dashed the expected", f"{ends} is expected")


def _mark(axis: Axes, mine: Tensor, best: Tensor) -> None:
    """Draw the points (N, 2) that are expected as circles, those that came as crosses."""
    axis.plot(*best.double().T.numpy(), "o", mfc="none", mec=GREEN, mew=2, ms=10, ls="")
    axis.plot(*mine.double().T.numpy(), "x", color=VERMILION, mew=2, ms=8, ls="")


def _peaks(scoremaps: Tensor, mine: Value, best: Value) -> Picture | None:
    """Return the first map on which other peaks were found than expected."""
    for image, keypoint in torch.cartesian_prod(*map(torch.arange, scoremaps.shape[:2])).tolist():
        pair = [as_tensor(_item(_item(value, image), keypoint)) for value in (mine, best)]
        rows = [t[:, :2] for t in pair if isinstance(t, Tensor) and t.ndim == 2 and t.shape[1] >= 2]
        if len(rows) == 2 and not same(_sorted(pair[0]), _sorted(pair[1])):
            figure, (axis,) = image_axes(1, 1, 4.0, min(aspect(scoremaps), 1.5))
            axis.imshow(scoremaps[image, keypoint].double().numpy(), cmap="magma", interpolation="nearest")
            _mark(axis, *rows)
            title = f"image {image}, map {keypoint}\n{MARKS}"
            return finished(figure, title, f"{len(rows[0])} peaks where {len(rows[1])} are expected")
    return None


def _item(value: Value, index: int) -> Value:
    return value[index] if isinstance(value, (list, Tensor)) and index < len(value) else None


def _sorted(rows: Tensor) -> Tensor:
    """Return rows in an order that follows from their numbers."""
    return torch.tensor(sorted(rows.double().tolist()), dtype=torch.float64)


def _pairs(inputs: Mapping[str, Any], mine: Value, best: Value) -> Picture | None:
    """Return starts and ends with the pairs that came, and with those that are expected."""
    lists = [_as_pairs(value) for value in (mine, best)]
    starts, ends = inputs["starts"][:, :2], inputs["ends"][:, :2]
    if None in lists or not len(starts) or not len(ends):
        return None
    figure, axes = image_axes(1, 2, 3.4)
    for axis, pairs, side in zip(axes, lists, SIDES, strict=True):
        axis.plot(*starts.double().T.numpy(), "o", color=BLUE, ls="")
        axis.plot(*ends.double().T.numpy(), "s", color=GREEN, ls="")
        for start, end in pairs or ():
            if 0 <= start < len(starts) and 0 <= end < len(ends):
                axis.plot(*torch.stack([starts[start], ends[end]]).double().T.numpy(), color=VERMILION, lw=1.5)
        axis.set_title(f"{side}: {len(pairs or ())} pairs", fontsize=10)
        axis.invert_yaxis()
    return finished(
        figure, "starts (blue) and ends (green)", f"{len(lists[0] or ())} pairs, {len(lists[1] or ())} expected"
    )


def _as_pairs(value: Value) -> list[tuple[int, int]] | None:
    rows = value.tolist() if isinstance(value, Tensor) else value
    try:
        return [(int(a), int(b)) for a, b in rows]
    except (TypeError, ValueError):
        return None


def _people(inputs: Mapping[str, Any], mine: Value, best: Value) -> Picture | None:
    """Return the people (N, K, 3) that came beside those expected, each in a colour, over the length of the fields."""
    if not all(isinstance(t, Tensor) and t.ndim == 3 and t.shape[2] == 3 for t in (mine, best)):
        return None
    ground = inputs["fields"].double().square().sum(1).sqrt().amax(0)
    figure, axes = image_axes(1, 2, 3.6, min(aspect(ground), 1.5))
    for axis, people, side in zip(axes, (mine, best), SIDES, strict=True):
        axis.imshow(ground.numpy(), cmap="gray_r", alpha=0.5, interpolation="nearest")
        for number, person in enumerate(people.double()):
            _skeleton(axis, person, inputs["limbs"], f"C{number % 10}")
        axis.set_title(f"{side}: {len(people)} people", fontsize=10)
    return finished(figure, "people, a colour for each", f"{len(mine)} people where {len(best)} are expected")


def _skeleton(axis: Axes, person: Tensor, limbs: Sequence[Sequence[int]], colour: str) -> None:
    """Draw a person's keypoints (K, 3) that are there, and the limbs between them."""
    there = person[:, 2] > 0
    axis.plot(*person[there, :2].T.numpy(), "o", color=colour, ls="", ms=5)
    for a, b in limbs:
        if max(a, b) < len(person) and there[a] and there[b]:
            axis.plot(*person[[a, b], :2].T.numpy(), color=colour, lw=2)
