"""Pictures of what joins keypoints to people: peaks, part affinity fields, and the limbs that could be.

Peaks and fields are in pixels of a map, whose pixels are `stride` image pixels wide.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from torch import Tensor

from helpers.data.skeletons import COCO, Skeleton
from helpers.models.scoremaps import to_image
from helpers.pictures.colours import BLACK, LEFT, MIDDLE, RIGHT, WHITE, YELLOW, blue_to_red, side_colour
from helpers.pictures.drawing import draw_grey, outline
from helpers.pictures.figure import Picture, aspect, finished, image_axes, image_grid, shows_itself
from helpers.shapes import require

SHAPES = "osD^vP*X<>hpd"  # one for each kind of keypoint, such as wrists
CLEAR = 0.1  # a vector of a field that is shorter is not drawn
NUMBERS = 30  # more candidates than this have colours only


@shows_itself
def field(field: Tensor, image: Tensor, *, stride: float = 4, title: str = "") -> Picture:
    """Return a field of vectors, one limb's, say, as arrows where it is clearly not zero, over the image in grey.

    Args:
        field: float (2, h, w), x then y.
        image: uint8 or float (3, H, W).
        stride: width of a pixel of the field, in pixels of the image.
    """
    sizes = require("field", field, "2 h w")
    figure, (axis,) = image_axes(1, 1, 5.0, aspect(field))
    arrows = _draw_field(axis, field, image, stride)
    text = f"a field of {sizes['h']} x {sizes['w']} pixels over its image, {arrows} of them with an arrow"
    return finished(figure, title, text)


@shows_itself
def field_grid(
    fields: Tensor, titles: Sequence[str] | None, image: Tensor, *, stride: float = 4, columns: int = 2, title: str = ""
) -> Picture:
    """Return part affinity fields in a grid, as `field` draws one.

    Args:
        fields: float (L, 2, h, w), at most 64, such as `fields[0][:4]`.
        titles: one per field, such as "left elbow to left wrist".
        image: uint8 or float (3, H, W), below each of them.
    """
    sizes = require("fields", fields, "L 2 h w")
    figure, axes = image_grid(len(fields), "fields", columns, 5.0, aspect(fields), titles)
    for axis, one in zip(axes, fields, strict=True):
        _draw_field(axis, one, image, stride)
    names = f": {', '.join(titles)}" if titles else ""
    return finished(figure, title, f"{len(fields)} fields of {sizes['h']} x {sizes['w']} as arrows{names}")


@shows_itself
def candidates(
    image: Tensor, starts: Tensor, ends: Tensor, scores: Tensor,
    kept: Iterable[tuple[int, int]] | Tensor | None = None, *, stride: float = 4, title: str = "",
) -> Picture:  # fmt: skip
    """Return all limbs that could be, from every start to every end, in the colours of their scores.

    A start is a circle, an end a square. Red is a high score, blue a low one; up to 30 candidates have numbers.

    Args:
        image: uint8 or float (3, H, W), drawn in grey.
        starts, ends: float (n, 2 or 3) and (m, 2 or 3): x, y and perhaps a score, pixels of the map.
        scores: float (n, m).
        kept: pairs (i, j) that were matched, drawn thick.
        stride: width of a pixel of the map, in pixels of the image; 1 for places in the image itself.
    """
    for name, places in (("starts", starts), ("ends", ends)):
        require(name, places, f"N {3 if isinstance(places, Tensor) and places.shape[-1:] == (3,) else 2}")
    require("scores", scores, "n m", known={"n": len(starts), "m": len(ends)})
    pairs = [] if kept is None else [(int(i), int(j)) for i, j in kept]
    for i, j in pairs:
        if not (0 <= i < len(starts) and 0 <= j < len(ends)):
            raise ValueError(f"kept has the pair ({i}, {j}); there are {len(starts)} starts and {len(ends)} ends.")
    figure, (axis,) = image_axes(1, 1, 7.0, aspect(image))
    figure.set_figwidth(8.2)  # the scale of colours stands beside the image
    draw_grey(axis, image)
    first, second = (to_image(places[:, :2].detach().cpu().float(), stride) for places in (starts, ends))
    values = scores.detach().cpu().float()
    _draw_candidates(axis, first, second, values, pairs, apart=image.shape[-1] / 15)
    for places, shape in ((first, "o"), (second, "s")):
        axis.plot(*places.T.tolist(), shape, color=YELLOW, ms=9, mec=BLACK, mew=1, ls="none", zorder=5)
    scale = ScalarMappable(Normalize(-1, 1), blue_to_red())
    figure.colorbar(scale, ax=axis, shrink=0.8, aspect=20, label="score")
    text = f"{len(first)} starts and {len(second)} ends, joined by {values.numel()} candidates"
    span = f" with scores from {float(values.min()):.2f} to {float(values.max()):.2f}" if values.numel() else ""
    return finished(figure, title, text + span + (f"; {len(pairs)} kept" if kept is not None else ""))


def _draw_candidates(
    axis: Axes, first: Tensor, second: Tensor, values: Tensor, pairs: Sequence[tuple[int, int]], apart: float
) -> None:
    """Draw a line for each pair, the best on top, thick where it is among `pairs`, with its number if they are few."""
    colours, taken = blue_to_red(), [*first.tolist(), *second.tolist()]
    for place in sorted(range(values.numel()), key=lambda k: values.flatten()[k].nan_to_num(-9).item()):
        i, j = divmod(place, len(second))
        line, value, kept = torch.stack([first[i], second[j]]), float(values[i, j]), (i, j) in pairs
        colour, edge = colours((value + 1) / 2), outline(7 if kept else 2.7)  # scores from -1 to 1
        width, zorder, weight = (5, 4, "bold") if kept else (1.5, 3, "normal")
        axis.plot(*line.T.tolist(), color=colour, lw=width, solid_capstyle="round", path_effects=edge, zorder=zorder)
        if values.numel() <= NUMBERS:
            x, y = _place_by(line, taken, apart)
            taken.append([x, y])
            label = {"boxstyle": "round,pad=0.15", "fc": WHITE, "ec": colour, "lw": 1.5}
            style: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 9, "zorder": 6, "clip_on": True}
            axis.text(x, y, f"{value:z.2f}", fontweight=weight, bbox=label, **style)


@shows_itself
def peaks(
    image: Tensor, peaks: Sequence[Tensor], skeleton: Skeleton = COCO, *, stride: float = 4, title: str = ""
) -> Picture:
    """Return all peaks of one image: a shape for each kind of keypoint, blue left, orange right, larger where surer.

    Args:
        image: uint8 or float (3, H, W), drawn in grey.
        peaks: K tensors (N_k, 3): x, y, score, pixels of the map; the highest score has the largest mark.
        stride: width of a pixel of the map, in pixels of the image.
    """
    if not isinstance(peaks, Sequence) or len(peaks) != skeleton.num_keypoints:
        wanted = f"{skeleton.num_keypoints} tensors, one for each keypoint of {skeleton.name}"
        raise ValueError(f"peaks holds {len(peaks)} entries; expected {wanted}.")
    for k, found in enumerate(peaks):
        require(f"peaks[{k}]", found, "N 3")
    figure, (axis,) = image_axes(1, 1, 7.0, aspect(image))
    draw_grey(axis, image)
    highest = max((float(found[:, 2].max()) for found in peaks if len(found)), default=1.0) or 1.0
    names = [name.replace("_", " ") for name in skeleton.keypoint_names]
    kinds = [name.removeprefix("left ").removeprefix("right ") for name in names]
    shapes = dict(zip(dict.fromkeys(kinds), SHAPES * len(kinds), strict=False))
    for k, found in enumerate(peaks):
        found = found.detach().cpu().float()
        x, y = to_image(found[:, :2], stride).T.tolist()
        areas = (14 + 100 * (found[:, 2] / highest).clamp(0, 1)).tolist()
        style: dict[str, Any] = {"marker": shapes[kinds[k]], "edgecolors": BLACK, "linewidths": 0.8, "zorder": 4}
        axis.scatter(x, y, areas, color=side_colour(skeleton, k), **style)
    _legend_of_kinds(figure, shapes)
    counts = ", ".join(f"{name} {len(found)}" for name, found in zip(names, peaks, strict=True))
    return finished(figure, title, f"{sum(map(len, peaks))} peaks over their image: {counts}")


def _draw_field(axis: Axes, field: Tensor, image: Tensor, stride: float) -> int:
    """Draw a field (2, h, w) as arrows over the image that it covers, and return how many there are."""
    require("image", image, "3 H W")
    (height, width), (h, w) = image.shape[1:], field.shape[1:]
    rows, columns = -(-height // stride), -(-width // stride)
    if (h, w) != (rows, columns):
        what = f"an image of {height} x {width} at stride {stride:g}"
        raise ValueError(f"The field has {h} x {w} pixels; expected {rows:g} x {columns:g} for {what}.")
    draw_grey(axis, image)
    values = field.detach().cpu().float()
    y, x = (values.norm(dim=0) > CLEAR).nonzero().T
    px, py = to_image(torch.stack([x, y]), stride)
    # a vector of length 1 is as long as a pixel of the field is wide, so arrows do not reach into each other
    scale: dict[str, Any] = {"angles": "xy", "scale_units": "xy", "units": "xy", "scale": 1 / stride, "pivot": "mid"}
    head: dict[str, Any] = {"width": 0.2 * stride, "headwidth": 3, "headlength": 2.8, "headaxislength": 2.6}
    axis.quiver(px, py, *values[:, y, x], color=YELLOW, edgecolor=BLACK, linewidth=0.25, zorder=3, **scale, **head)
    return len(x)


def _place_by(line: Tensor, taken: Sequence[Sequence[float]], apart: float) -> list[float]:
    """Return the place for a number, `apart` wide, half as high: near the middle of `line`, not on one `taken`."""
    way = line[1] - line[0]
    across = torch.stack([-way[1], way[0]]) / way.norm().clamp(min=1e-6)
    shares = torch.tensor([0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8])
    beside = apart * torch.tensor([0.0, 0.7, -0.7])  # first of all on the line itself
    places = (line[0] + shares[:, None] * way + (beside[:, None] * across)[:, None]).flatten(0, 1)  # (21, 2)
    shape = torch.tensor([1.0, 2.0])
    nearest = torch.cdist(places * shape, torch.tensor(taken) * shape).min(dim=1).values
    free = (nearest >= apart).nonzero().flatten()
    place: list[float] = places[free[0] if len(free) else nearest.argmax()].tolist()
    return place


def _legend_of_kinds(figure: Figure, shapes: dict[str, str]) -> None:
    """Put a legend below the image, a shape for each kind of keypoint and the colours of the sides."""
    entries = [(shape, "#BBBBBB", kind) for kind, shape in shapes.items()]
    entries += [("o", LEFT, "left"), ("o", RIGHT, "right"), ("o", MIDDLE, "middle")]
    look: dict[str, Any] = {"mec": BLACK, "mew": 0.8, "ms": 8, "ls": "none"}
    marks = [Line2D([], [], marker=shape, color=colour, label=label, **look) for shape, colour, label in entries]
    figure.legend(handles=marks, loc="outside lower center", ncols=6, fontsize=8, frameon=False)
