"""Pictures of poses, trainings and errors, in colours that colour-blind readers can tell apart (Okabe and Ito 2008).

Every function shows its picture in the notebook, with a text for who cannot see it, and returns a `Picture`, which can
be saved; `show=False` only returns it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from helpers.data.skeletons import COCO, Skeleton
from helpers.history import History
from helpers.pictures.figure import Picture, alt_text, image_axes, plot_axes, shows_itself
from helpers.shapes import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from helpers.data.poses import PoseSet
    from helpers.people import Scene

BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILION, PURPLE = COLOURS = (
    "#000000",
    "#E69F00",
    "#56B4E9",
    "#009E73",
    "#F0E442",
    "#0072B2",
    "#D55E00",
    "#CC79A7",
)
SERIES = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
LEFT, RIGHT, MIDDLE, TRUTH = SKY, ORANGE, YELLOW, "#FFFFFF"


@shows_itself
def pose_on_image(
    image: Tensor,
    keypoints: Tensor,
    visibility: Tensor | None = None,
    *,
    skeleton: Skeleton,
    truth: Tensor | None = None,
    title: str = "",
) -> Picture:
    """Return one image with its pose: left limbs blue, right limbs orange, the middle yellow.

    A filled dot is a keypoint that is seen, a hollow one is hidden; what is outside the image is not drawn. `truth`, if
    given, is drawn below in thin white lines.

    Args:
        image: uint8 (3, H, W), or float in [0, 1].
        keypoints: (K, 2), x then y, pixels.
        visibility: (K,) 0, 1, 2 or bool; None draws all.
        truth: (K, 2), the right pose.
    """
    figure, axes = image_axes(1, 1, 3.4, _aspect(image))
    draw_image(axes[0], image)
    if truth is not None:
        _draw_pose(axes[0], truth, visibility, skeleton, plain=True)
    _draw_pose(axes[0], keypoints, visibility, skeleton)
    axes[0].set_title(title, fontsize=10)
    what = "image with its pose" if truth is None else "image with a predicted pose and the true one in white"
    return Picture(figure, alt_text(title, what))


@shows_itself
def pose_grid(
    data: PoseSet,
    predictions: Tensor | None = None,
    *,
    titles: Sequence[str] | None = None,
    columns: int = 4,
    title: str = "",
) -> Picture:
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
    figure, axes = image_axes(-(-count // columns), columns, 2.3 if columns < 5 else 1.9, _aspect(data.images))
    for number, axis in enumerate(axes):
        if number >= count:
            axis.set_visible(False)
            continue
        draw_image(axis, data.images[number])
        if predictions is not None:
            _draw_pose(axis, data.keypoints[number], data.visibility[number], data.skeleton, plain=True)
        shown = data.keypoints if predictions is None else predictions
        _draw_pose(axis, shown[number], data.visibility[number], data.skeleton)
        axis.set_title(titles[number] if titles else "", fontsize=9)
    headline(figure, title)
    kind = "with their true poses" if predictions is None else "with predicted poses over the true ones in white"
    return Picture(figure, alt_text(title, f"{count} images of {data.name}, {kind}"))


@shows_itself
def scene(scene: Scene, title: str = "") -> Picture:
    """Return a rendered scene and its labels: poses and boxes, people, body parts, clothes and depth."""
    import numpy as np

    figure, axes = image_axes(2, 3, 3.0, aspect=scene.image.shape[0] / scene.image.shape[1])
    image = torch.from_numpy(scene.image).permute(2, 0, 1)
    for axis in axes[:2]:
        draw_image(axis, image)
    _draw_people(axes[1], scene)
    for x0, y0, x1, y1 in scene.boxes_xyxy.tolist():
        axes[1].plot([x0, x1, x1, x0, x0], [y0, y0, y1, y1, y0], color="#FFFFFF", lw=1)
    for axis, labels in zip(axes[2:5], (scene.instances, scene.parts, scene.clothes), strict=True):
        axis.imshow(np.ma.masked_equal(labels, 0), cmap=_labels_map(), vmin=1, vmax=20, interpolation="nearest")
        axis.set_facecolor(BLACK)
    axes[5].imshow(np.ma.masked_invalid(scene.depth), cmap="cividis_r", interpolation="nearest")
    names = ("image", "keypoints and boxes", "people (instances)", "body parts", "clothes", "depth: near is yellow")
    for axis, name in zip(axes, names, strict=True):
        axis.set_title(name, fontsize=10)
    headline(figure, title)
    return Picture(figure, alt_text(title, f"a scene of {len(scene.keypoints)} people; {', '.join(names)}"))


@shows_itself
def scene_grid(scenes: Sequence[Scene], *, poses: bool = True, columns: int = 4, title: str = "") -> Picture:
    """Return rendered scenes in a grid, with the poses of all people unless `poses` is False."""
    if not scenes:
        raise ValueError("scenes is empty; expected at least one, as render_scene returns it.")
    height, width = scenes[0].image.shape[:2]
    columns = min(columns, len(scenes))
    figure, axes = image_axes(-(-len(scenes) // columns), columns, 2.3, height / width)
    for axis, one in zip(axes, scenes, strict=False):
        draw_image(axis, torch.from_numpy(one.image).permute(2, 0, 1))
        if poses:
            _draw_people(axis, one)
    headline(figure, title)
    people = sum(len(one.keypoints) for one in scenes)
    return Picture(figure, alt_text(title, f"{len(scenes)} rendered scenes with {people} people"))


def _draw_people(axis: Axes, scene: Scene) -> None:
    for keypoints, visibility in zip(scene.keypoints, scene.visibility, strict=True):
        _draw_pose(axis, torch.from_numpy(keypoints), torch.from_numpy(visibility), COCO)


@shows_itself
def curves(
    histories: History | Mapping[str, History],
    names: Sequence[str] | None = None,
    *,
    title: str = "",
    ylabel: str = "",
    baseline: float | None = None,
) -> Picture:
    """Return curves over the epochs; a circle marks the weights that were kept.

    Args:
        histories: one, or several by name to compare.
        names: what to draw in one plot, such as ["train MPJPE", "MPJPE"]; None draws the loss and, beside it, the first
            metric on training and validation images.
        baseline: a dotted line in the metric's plot, such as the error of the mean pose.
    """
    named = {"": histories} if isinstance(histories, History) else histories
    if not isinstance(named, Mapping) or not named or not all(isinstance(h, History) for h in named.values()):
        raise TypeError("curves takes a History, as fit returns it, or a dict of them by name.")
    metric = next(iter(named.values())).metric
    panels = [list(names)] if names else [["loss"], [f"train {metric}", metric]]
    figure, axes = plot_axes(len(panels), width=4.5 * len(panels) + 1)
    for axis, wanted in zip(axes, panels, strict=True):
        _draw_curves(axis, named, wanted, strict=names is not None)
    if baseline is not None:
        axes[-1].axhline(baseline, color="#777777", ls=":", label="baseline")
    for axis, panel in zip(axes, panels, strict=True):
        axis.set(xlabel="epoch", ylabel=ylabel if names else "", title="" if names else panel[-1])
        if len(axis.get_legend_handles_labels()[0]) > 1:
            axis.legend(fontsize=8, frameon=False)
    headline(figure, title)
    best = "; ".join(
        f"{name} best {metric} {h.best:.3g} in epoch {h.best_epoch} of {len(h)}".strip()
        for name, h in named.items()
        if h.best_epoch
    )
    drawn = ", ".join(name for panel in panels for name in panel)
    return Picture(figure, alt_text(title, f"curves of {drawn}. {best}"))


def _draw_curves(axis: Axes, named: Mapping[str, History], wanted: Sequence[str], strict: bool) -> None:
    """Draw the series `wanted` of every history; one that a history lacks is an error only if `strict`."""
    colours = iter(SERIES * len(named) * len(wanted))
    for prefix, history in named.items():
        for name in wanted:
            colour = next(colours)
            if not len(history) or not strict and name.startswith("train ") and not history.train:
                continue
            values = history.series(name)
            style = "--" if name.startswith("train ") else "-"
            label = f"{prefix} {name}".strip()
            axis.plot(range(1, len(values) + 1), values, style, color=colour, marker=".", label=label)
            if name == history.metric:
                axis.plot(history.best_epoch, history.best, "o", ms=10, mfc="none", color=colour)
    axis.xaxis.get_major_locator().set_params(integer=True)
    if wanted == ["loss"] and all(0 < value for history in named.values() for value in history.loss):
        axis.set_yscale("log")
        axis.yaxis.set_major_formatter("{x:g}")
        axis.yaxis.set_minor_formatter("{x:.3g}")
        axis.tick_params(axis="y", which="minor", labelsize=7)
    else:
        axis.set_ylim(bottom=min(0, axis.get_ylim()[0]))


@shows_itself
def bars(
    values: Mapping[str, float] | Mapping[str, Mapping[str, float]],
    *,
    ylabel: str = "",
    title: str = "",
    baseline: float | None = None,
) -> Picture:
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
    figure, (axis,) = plot_axes(1, width=max(3.0, 0.42 * len(labels) + 1.5))
    width = 0.8 / len(series)
    for position, ((name, numbers), colour) in enumerate(zip(series.items(), SERIES * len(series), strict=False)):
        places = [i + (position - (len(series) - 1) / 2) * width for i in range(len(labels))]
        heights = [float(numbers.get(label, float("nan"))) for label in labels]
        axis.bar(places, heights, width, color=colour, label=name)
    if baseline is not None:
        axis.axhline(baseline, color="#777777", ls=":", label="baseline")
    slant = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"} if len(labels) > 4 else {}
    axis.set_xticks(range(len(labels)), labels, fontsize=9, **slant)
    axis.set(ylabel=ylabel, title=title)
    if grouped or baseline is not None:
        axis.legend(fontsize=8, frameon=False)
    text = "; ".join(
        f"{name} ".lstrip() + ", ".join(f"{k} {float(v):.3g}" for k, v in numbers.items())
        for name, numbers in series.items()
    )
    return Picture(figure, alt_text(title, f"bars of {ylabel or 'values'}: {text}"))


@shows_itself
def map_grid(
    maps: Tensor,
    *,
    titles: Sequence[str] | None = None,
    images: Tensor | None = None,
    points: Tensor | None = None,
    highest: float | None = None,
    columns: int = 6,
    title: str = "",
) -> Picture:
    """Return maps in a grid, bright where they are high.

    Args:
        maps: float (N, h, w), at most 64.
        titles: one per map.
        images: uint8 or float (N, 3, H, W) or (3, H, W) for all, shown in grey below the maps.
        points: (N, 2) marked by a cross, x then y, pixels of the map.
        highest: the value that is white, 0 being black, so that maps can be compared; None: each has its own range.
    """
    require("maps", maps, "N h w")
    count = len(maps)
    if not 1 <= count <= 64:
        raise ValueError(f"There are {count} maps; a grid takes 1 to 64, such as scoremaps[0].")
    for name, values in (("titles", titles), ("points", points)):
        if values is not None and len(values) != count:
            raise ValueError(f"{len(values)} {name} for {count} maps.")
    columns, limits = min(columns, count), (None, None) if highest is None else (0, highest)
    height, width = maps.shape[1:]
    figure, axes = image_axes(-(-count // columns), columns, 9.6 / columns, height / width)
    for index, (axis, one) in enumerate(zip(axes, maps.detach().cpu().float(), strict=False)):
        extent = (-0.5, width - 0.5, height - 0.5, -0.5)
        if images is not None:
            grey = (images if images.ndim == 3 else images[index]).detach().cpu().float().mean(0)
            axis.imshow(grey.numpy(), cmap="gray", extent=extent, interpolation="bilinear")
        axis.imshow(
            one.numpy(),
            cmap="magma",
            extent=extent,
            interpolation="nearest",
            vmin=limits[0],
            vmax=limits[1],
            alpha=0.65 if images is not None else 1,
        )
        if points is not None:
            axis.plot(*points[index].tolist(), "+", color=SKY, ms=9, mew=2)
        axis.set_title(titles[index] if titles else "", fontsize=8)
    headline(figure, title)
    names = f": {', '.join(titles)}" if titles else ""
    return Picture(figure, alt_text(title, f"{count} maps of {height} x {width}{names}"))


@shows_itself
def temperature(scores: Tensor, share: Tensor, slope: Tensor, place: Tensor, *, title: str = "") -> Picture:
    """Return a score map, its softmax and the gradient of the expected x beside each other, with the expected place.

    Args:
        scores, share, slope: float (h, w).
        place: (2,), x then y, pixels of the map.
    """
    sizes = require("scores", scores, "h w")
    require("share", share, "h w", known=sizes)
    require("slope", slope, "h w", known=sizes)
    require("place", place, "2")
    figure, axes = image_axes(1, 3, 3.2, sizes["h"] / sizes["w"])
    largest = float(slope.abs().max()) or 1.0
    (x, y), peak = place.tolist(), float(share.max())
    drawn = (
        (scores, "scores", {"cmap": "magma"}),
        (share, f"softmax, highest {peak:.3f}", {"cmap": "magma"}),
        (
            slope,
            f"gradient of x, up to {float(slope.abs().max()):.2g}",
            {"cmap": "RdBu_r", "vmin": -largest, "vmax": largest},
        ),
    )
    for axis, (values, name, style) in zip(axes, drawn, strict=True):
        axis.imshow(values.detach().cpu().numpy(), interpolation="nearest", **style)
        axis.plot(x, y, "+", color=SKY if axis is not axes[2] else BLACK, ms=14, mew=2.5)
        axis.set_title(name, fontsize=10)
    headline(figure, f"{title}: x = {x:.2f}, y = {y:.2f}".lstrip(": "))
    text = f"scores, softmax and gradient; the expected place is x {x:.2f}, y {y:.2f}"
    return Picture(figure, alt_text(title, text))


def _aspect(images: Tensor) -> float:
    return images.shape[-2] / images.shape[-1]


def _labels_map():
    from matplotlib.colors import ListedColormap

    return ListedColormap(list((COLOURS[1:] * 3)[:20]))


def headline(figure: Figure, title: str) -> None:
    """Put a title above all axes, if there is one."""
    if title:
        figure.suptitle(title, fontsize=11)


def draw_image(axis: Axes, image: Tensor, interpolation: str = "bilinear") -> None:
    """Draw an image, uint8 or float in [0, 1] (3, H, W)."""
    require("image", image, "3 H W")
    pixels = image.detach().cpu()
    if pixels.is_floating_point():
        pixels = pixels.clamp(0, 1)
    axis.imshow(pixels.permute(1, 2, 0).numpy(), interpolation=interpolation)
    height, width = image.shape[1:]
    axis.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))


def _draw_pose(
    axis: Axes, keypoints: Tensor, visibility: Tensor | None, skeleton: Skeleton, plain: bool = False
) -> None:
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
            axis.plot(
                *points[[a, b]].T.tolist(),
                color=colour,
                lw=1.1 if plain else 2,
                path_effects=outline,
                solid_capstyle="round",
                zorder=2 if plain else 3,
            )
    if plain:
        return
    for kind, hollow in ((1, True), (2, False)):
        for k in (shown == kind).nonzero().flatten().tolist():
            colour = _colour(skeleton, k, k)
            axis.plot(
                *points[k].tolist(),
                "o",
                ms=5 if hollow else 4,
                mfc="none" if hollow else colour,
                mec=colour if hollow else BLACK,
                mew=1.2 if hollow else 0.6,
                zorder=4,
            )


def _outline(width: float) -> list:
    from matplotlib.patheffects import Normal, Stroke

    return [Stroke(linewidth=width, foreground="#00000090"), Normal()]


def _colour(skeleton: Skeleton, a: int, b: int) -> str:
    sides = {skeleton.keypoint_names[k].partition("_")[0] for k in (a, b)}
    return LEFT if sides == {"left"} else RIGHT if sides == {"right"} else MIDDLE
