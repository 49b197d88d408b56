"""Pictures of poses, trainings and errors, in colours that colour-blind readers can tell apart (Okabe and Ito 2008).

Every function returns a `Picture`: as the last line of a cell it shows itself, with a text for who cannot see it.
"""

from __future__ import annotations

import base64
import html
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .history import History
from .shapes import require
from .skeletons import Skeleton

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .data import PoseSet

BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILION, PURPLE = COLOURS = (
    "#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7")
SERIES = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
LEFT, RIGHT, MIDDLE, TRUTH = SKY, ORANGE, YELLOW, "#FFFFFF"


class Picture:
    """A matplotlib figure and the text that stands for it; shows itself once at the end of a notebook cell."""

    def __init__(self, figure: Figure, alt: str):
        self.figure, self.alt = figure, alt

    def png(self, dpi: int = 100) -> bytes:
        """Return the picture as the bytes of a PNG file."""
        buffer = io.BytesIO()
        self.figure.savefig(buffer, format="png", dpi=dpi, bbox_inches="tight")
        return buffer.getvalue()

    def save(self, path: str | os.PathLike, dpi: int = 100) -> None:
        """Write the picture; the ending of `path` decides on the format."""
        self.figure.savefig(Path(path), dpi=dpi, bbox_inches="tight")

    def _repr_html_(self) -> str:
        data = base64.b64encode(self.png()).decode()
        return f'<img style="max-width:100%" alt="{html.escape(self.alt)}" src="data:image/png;base64,{data}">'

    def __repr__(self) -> str:
        return f"Picture: {self.alt}"


def pose_on_image(image: Tensor, keypoints: Tensor, visibility: Tensor | None = None, *, skeleton: Skeleton,
                  truth: Tensor | None = None, title: str = "") -> Picture:
    """Return one image with its pose: left limbs blue, right limbs orange, the middle yellow.

    A filled dot is a keypoint that is seen, a hollow one is hidden; what is outside the image is not drawn. `truth`, if
    given, is drawn below in thin white lines.

    Args:
        image: uint8 (3, H, W), or float in [0, 1].
        keypoints: (K, 2), x then y, pixels.
        visibility: (K,) 0, 1, 2 or bool; None draws all.
        truth: (K, 2), the right pose.
    """
    figure, axes = _axes(1, 1, 3.4)
    _draw_image(axes[0], image)
    if truth is not None:
        _draw_pose(axes[0], truth, visibility, skeleton, plain=True)
    _draw_pose(axes[0], keypoints, visibility, skeleton)
    axes[0].set_title(title, fontsize=10)
    what = "image with its pose" if truth is None else "image with a predicted pose and the true one in white"
    return Picture(figure, f"{title}: {what}" if title else what)


def pose_grid(data: PoseSet, predictions: Tensor | None = None, *, titles: Sequence[str] | None = None,
              columns: int = 4, title: str = "") -> Picture:
    """Return the images of `data` with their poses, in a grid.

    Args:
        data: a few images, such as `val[:8]` or `val[worst]`.
        predictions: (N, K, 2); drawn in colour over the truth in thin white lines. None: the truth in colour.
        titles: one per image.
    """
    count = len(data)
    if not 1 <= count <= 64:
        raise ValueError(f"data has {count} images; a grid takes 1 to 64, such as val[:8].")
    if predictions is not None:
        require("predictions", predictions, "N K 2", known={"N": count, "K": data.skeleton.num_keypoints})
    if titles is not None and len(titles) != count:
        raise ValueError(f"{len(titles)} titles for {count} images.")
    columns = min(columns, count)
    figure, axes = _axes(-(-count // columns), columns, 2.3)
    for number, axis in enumerate(axes):
        if number >= count:
            axis.set_visible(False)
            continue
        _draw_image(axis, data.images[number])
        if predictions is not None:
            _draw_pose(axis, data.keypoints[number], data.visibility[number], data.skeleton, plain=True)
        shown = data.keypoints if predictions is None else predictions
        _draw_pose(axis, shown[number], data.visibility[number], data.skeleton)
        axis.set_title(titles[number] if titles else "", fontsize=9)
    _headline(figure, title)
    kind = "with their true poses" if predictions is None else "with predicted poses over the true ones in white"
    return Picture(figure, f"{title + ': ' if title else ''}{count} images of {data.name}, {kind}")


def curves(histories: History | Mapping[str, History], baseline: float | None = None, title: str = "") -> Picture:
    """Return the loss, and the first metric on training and validation images, epoch by epoch.

    Args:
        histories: one, or several by name to compare.
        baseline: a horizontal line in the metric's plot, such as the error of the mean pose.
    """
    named = {"": histories} if isinstance(histories, History) else dict(histories)
    if not named or not all(isinstance(h, History) for h in named.values()):
        raise TypeError("curves takes a History, as fit returns it, or a dict of them by name.")
    figure, (left, right) = _plots(2)
    metric = next(iter(named.values())).metric
    for (name, history), colour in zip(named.items(), SERIES * len(named), strict=False):
        epochs = range(1, len(history) + 1)
        left.plot(epochs, history.loss, color=colour, marker=".", label=name)
        right.plot(epochs, history.val.get(metric, []), color=colour, marker=".", label=f"{name} validation".strip())
        if history.train.get(metric):
            right.plot(epochs, history.train[metric], color=colour, ls="--", label=f"{name} training".strip())
        if history.best_epoch:
            right.plot(history.best_epoch, history.best, "o", ms=9, mfc="none", color=colour)
    if baseline is not None:
        right.axhline(baseline, color="#777777", ls=":", label="baseline")
    left.set(title="training loss", xlabel="epoch")
    if all(value > 0 for history in named.values() for value in history.loss):
        left.set_yscale("log")
    right.set(title=f"{metric} (circle: best)", xlabel="epoch")
    right.set_ylim(bottom=0)
    right.legend(fontsize=8, frameon=False)
    _headline(figure, title)
    best = "; ".join(f"{name} best {metric} {h.best:.3g} in epoch {h.best_epoch} of {len(h)}".strip()
                     for name, h in named.items() if h.best_epoch)
    return Picture(figure, f"{title + ': ' if title else ''}curves of loss and {metric}. {best}")


def bars(values: Mapping[str, float] | Mapping[str, Mapping[str, float]], *, ylabel: str = "", title: str = "",
         baseline: float | None = None) -> Picture:
    """Return a bar for each value, such as the error of each keypoint.

    Args:
        values: label -> number; or series -> {label -> number}, such as {"seen": {...}, "hidden": {...}}, whose bars
            stand side by side. NaN leaves a gap.
    """
    if not values:
        raise ValueError("values is empty; expected {label: number}.")
    grouped = all(isinstance(v, Mapping) for v in values.values())
    series = {k: dict(v) for k, v in values.items()} if grouped else {"": values}
    labels = list(dict.fromkeys(label for numbers in series.values() for label in numbers))
    figure, (axis,) = _plots(1, width=max(4.5, 0.42 * len(labels) + 1.5))
    width = 0.8 / len(series)
    for position, ((name, numbers), colour) in enumerate(zip(series.items(), SERIES * len(series), strict=False)):
        places = [i + (position - (len(series) - 1) / 2) * width for i in range(len(labels))]
        heights = [float(numbers.get(label, float("nan"))) for label in labels]
        axis.bar(places, heights, width, color=colour, label=name)
    if baseline is not None:
        axis.axhline(baseline, color="#777777", ls=":", label="baseline")
    axis.set_xticks(range(len(labels)), labels, rotation=40, ha="right", rotation_mode="anchor", fontsize=9)
    axis.set(ylabel=ylabel, title=title)
    if grouped or baseline is not None:
        axis.legend(fontsize=8, frameon=False)
    text = "; ".join(f"{name} ".lstrip() + ", ".join(f"{k} {float(v):.3g}" for k, v in numbers.items())
                     for name, numbers in series.items())
    return Picture(figure, f"{title + ': ' if title else ''}bars of {ylabel or 'values'}: {text}")


def _axes(rows: int, columns: int, inches: float) -> tuple[Figure, list[Axes]]:
    """Return a figure and its axes for images, without pyplot: nothing is left open, nothing shows twice."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(columns * inches, rows * inches), layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axis in axes:
        axis.set_axis_off()
    return figure, axes


def _plots(count: int, width: float = 9.0) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, 3.2), layout="constrained")
    axes = list(figure.subplots(1, count, squeeze=False).flat)
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(axis="y", color="#DDDDDD", lw=0.6)
        axis.set_axisbelow(True)
    return figure, axes


def _headline(figure: Figure, title: str) -> None:
    if title:
        figure.suptitle(title, fontsize=11)


def _draw_image(axis: Axes, image: Tensor) -> None:
    require("image", image, "3 H W")
    pixels = image.detach().cpu()
    if pixels.is_floating_point():
        pixels = pixels.clamp(0, 1)
    axis.imshow(pixels.permute(1, 2, 0).numpy(), interpolation="bilinear")
    height, width = image.shape[1:]
    axis.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))


def _draw_pose(axis: Axes, keypoints: Tensor, visibility: Tensor | None, skeleton: Skeleton,
               plain: bool = False) -> None:
    """Draw limbs and keypoints; `plain` is the thin white of the truth below a prediction."""
    count = skeleton.num_keypoints
    require("keypoints", keypoints, f"{count} 2")
    shown = torch.full((count,), 2) if visibility is None else visibility.detach().cpu()
    require("visibility", shown, str(count))
    shown = shown.long() * (2 if shown.dtype == torch.bool else 1)
    points = keypoints.detach().cpu().float()
    shown = shown * torch.isfinite(points).all(-1)
    outline = _outline(2.6 if plain else 3.6)
    for a, b in skeleton.limbs:
        if shown[a] and shown[b]:
            colour = TRUTH if plain else _colour(skeleton, a, b)
            axis.plot(*points[[a, b]].T.tolist(), color=colour, lw=1.1 if plain else 2, path_effects=outline,
                      solid_capstyle="round", zorder=2 if plain else 3)
    if plain:
        return
    for kind, hollow in ((1, True), (2, False)):
        for k in (shown == kind).nonzero().flatten().tolist():
            colour = _colour(skeleton, k, k)
            axis.plot(*points[k].tolist(), "o", ms=5 if hollow else 4, mfc="none" if hollow else colour,
                      mec=colour if hollow else BLACK, mew=1.2 if hollow else 0.6, zorder=4)


def _outline(width: float) -> list:
    from matplotlib.patheffects import Normal, Stroke

    return [Stroke(linewidth=width, foreground="#00000090"), Normal()]


def _colour(skeleton: Skeleton, a: int, b: int) -> str:
    sides = {skeleton.keypoint_names[k].partition("_")[0] for k in (a, b)}
    return LEFT if sides == {"left"} else RIGHT if sides == {"right"} else MIDDLE
