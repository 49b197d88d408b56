"""Pictures of masks, in colours that colour-blind readers can tell apart."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from torch import Tensor

from helpers.data.masks import RENDERED_CLASSES, VOID, SegmentationSet, three_masks
from helpers.people import Scene
from helpers.pictures.colours import BLACK, OF_CLASS, VOID_GREY, WHITE, class_colours
from helpers.pictures.drawing import draw_box, draw_image, draw_scene
from helpers.pictures.figure import ROW, Picture, aspect, finished, image_axes, name_axes, require_few, shows_itself
from helpers.shapes import require, require_labels

YES_NO = (BLACK, WHITE)
PEOPLE = (*OF_CLASS[6:9], *OF_CLASS[1:6])  # those of no class of clothes first

Predictions = Tensor | Mapping[str, Tensor] | None


@shows_itself
def mask_grid(
    data: SegmentationSet, predictions: Predictions = None, *, titles: Sequence[str] | None = None, columns: int = 4,
    title: str = "",
) -> Picture:  # fmt: skip
    """Return images above their true masks above predicted ones, with a legend of the classes. Void is grey.

    Args:
        data: a few images, such as `test[:4]` or `test[worst]`.
        predictions: int64 or uint8 (N, H, W), classes; or a dict of them by name, a row each, to compare networks.
        titles: one per image.
        columns: images side by side; more of them go on below.
    """
    count, rows = len(data), _rows_of(data, predictions)
    require_few(count, "images", titles)
    columns = min(columns, count)
    blocks, high = -(-count // columns), len(rows) + 1
    inches = min(2.3, ROW / columns)
    figure, axes = image_axes(blocks * high, columns, inches, aspect(data.images))
    figure.set_figheight(blocks * (high * (inches * aspect(data.images) + 0.06) + 0.25))  # only images have titles
    stacks = np.array(axes).reshape(blocks, high, columns).swapaxes(1, 2).reshape(-1, high)  # a row for each image
    name_axes(stacks[:, 0], titles or (), fontsize=9)
    for index, stack in enumerate(stacks[:count]):
        draw_image(stack[0], data.images[index])
        for axis, masks in zip(stack[1:], rows.values(), strict=True):
            _draw_mask(axis, masks[index], class_colours(data.num_classes))
    for axis, name in zip(stacks[::columns].flat, ["image", *rows] * blocks, strict=True):  # the first of each line
        axis.text(-0.04, 0.5, name, transform=axis.transAxes, rotation=90, ha="right", va="center", fontsize=10)
    for axis in stacks[count:].flat:
        axis.set_visible(False)
    return _with_legend(figure, title, data, rows, f"{count} image{'s' * (count != 1)} of {data.name}")


@shows_itself
def zoom(
    data: SegmentationSet, centre: tuple[float, float], side: int = 32, predictions: Predictions = None, *,
    title: str = "",
) -> Picture:  # fmt: skip
    """Return a square of one image, enlarged so that its pixels can be seen, with its true and its predicted masks.

    Args:
        data: a set of one image, such as `test[3]`.
        centre: x, y of the middle of the square, pixels, such as a wrist; at the border the square moves inside.
        side: of the square, pixels.
        predictions: int64 or uint8 (1, H, W), classes; or a dict of them by name to compare networks.
    """
    if len(data) != 1:
        raise ValueError(f"data has {len(data)} images; zoom takes one, such as test[3].")
    rows = _rows_of(data, predictions)
    if not 1 <= side <= min(data.image_size):
        raise ValueError(f"side is {side}; expected 1 to {min(data.image_size)} pixels for this image.")
    corner = zip(centre, reversed(data.image_size), strict=True)
    left, top = (int(min(max(round(middle - side / 2), 0), size - side)) for middle, size in corner)
    figure, axes = image_axes(1, 2 + len(rows), 2.6, 1.0)
    draw_image(axes[0], data.images[0])
    x, y = (left - 0.5, left + side - 0.5), (top - 0.5, top + side - 0.5)
    draw_box(axes[0], (x[0], y[0], x[1], y[1]), WHITE, 1.4, outlined=True)
    draw_image(axes[1], data.images[0], interpolation="nearest")
    for axis, masks in zip(axes[2:], rows.values(), strict=True):
        _draw_mask(axis, masks[0], class_colours(data.num_classes))
    name_axes(axes, ["image", f"{side} x {side} pixels", *rows])
    for axis in axes[1:]:
        axis.set(xlim=x, ylim=y[::-1])
    place = f"pixels x {left} to {left + side - 1}, y {top} to {top + side - 1} of one image of {data.name}"
    return _with_legend(figure, title, data, rows, place)


@shows_itself
def three_kinds(scene: Scene, *, title: str = "") -> Picture:
    """Return a rendered scene and its three kinds of masks: is it a person, what is it, whose is it."""
    masks = three_masks(scene)
    height, width = scene.image.shape[:2]
    figure, axes = image_axes(1, 4, 3.0, height / width)
    draw_scene(axes[0], scene)
    count = len(scene.keypoints)
    people = (BLACK, *(PEOPLE * count)[:count])
    colours = (YES_NO, class_colours(len(RENDERED_CLASSES)), people)
    for axis, mask, of_class in zip(axes[1:], masks.values(), colours, strict=True):
        _draw_mask(axis, mask, of_class)
    name_axes(axes, ("image", *masks), fontsize=11)
    _legend(figure, RENDERED_CLASSES, void=True, title="classes of the semantic masks")
    names = ", ".join(f"{kind} masks" for kind in masks)
    text = f"a scene of {count} people: image, {names}; the classes are {', '.join(RENDERED_CLASSES)}"
    return finished(figure, title, text)


def _rows_of(data: SegmentationSet, predictions: Predictions) -> dict[str, Tensor]:
    """Return the rows of masks by name, the truth first, after checking that they fit the images."""
    if not isinstance(data, SegmentationSet):
        raise TypeError(f"data is a {type(data).__name__}; expected a SegmentationSet, such as test[:4].")
    if not isinstance(predictions, Mapping):
        predictions = {} if predictions is None else {"prediction": predictions}
    sizes = dict(zip("NHW", data.masks.shape, strict=True))
    for name, masks in predictions.items():
        require(name, masks, "N H W", torch.int64, torch.uint8, known=sizes)
        require_labels(name, masks, data.num_classes)
    return {"truth": data.masks, **predictions}


def _draw_mask(axis: Axes, mask: Tensor, of_class: Sequence[str]) -> None:
    """Draw a mask (H, W) in the colours of its classes, void in grey."""
    table = torch.tensor([to_rgb(colour) for colour in (*of_class, VOID_GREY)])
    labels = mask.detach().cpu().long()
    labels = torch.where(labels == VOID, len(of_class), labels)
    draw_image(axis, table[labels].permute(2, 0, 1), interpolation="nearest")


def _with_legend(figure: Figure, title: str, data: SegmentationSet, rows: Mapping[str, Tensor], what: str) -> Picture:
    """Return the picture with a headline, and a legend of the classes, void included where a mask has it."""
    void = any((masks == VOID).any() for masks in rows.values())
    _legend(figure, data.class_names, void)
    known = {"truth": "true masks", "prediction": "predicted masks"}
    shown = ", ".join(known.get(name, f"masks of {name}") for name in rows)
    classes = ", ".join([*data.class_names, *["void"] * void])
    return finished(figure, title, f"{what}: image, {shown}; the classes are {classes}")


def _legend(figure: Figure, class_names: Sequence[str], void: bool, title: str | None = None) -> None:
    """Put a legend of the classes below all axes, for which the figure grows."""
    named = [*zip(class_names, class_colours(len(class_names)), strict=True), *[("void", VOID_GREY)] * void]
    patches = [Patch(facecolor=colour, edgecolor="#555555", lw=0.6, label=name) for name, colour in named]
    width, height = figure.get_size_inches()
    inches = 0.55 + 0.07 * max(len(name) for name, _ in named)  # what an entry of this font takes
    columns = max(1, min(len(patches), int(width / inches)))
    figure.set_figheight(height + 0.2 * -(-len(patches) // columns) + (0.6 if title else 0.4))
    style: dict[str, Any] = {"loc": "outside lower center", "frameon": False, "fontsize": 9, "title_fontsize": 9}
    figure.legend(handles=patches, ncols=columns, title=title, **style)
