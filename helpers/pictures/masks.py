"""Pictures of masks and of convolutions as matrices, in colours that colour-blind readers can tell apart.

As in `helpers.pictures`: every function shows its picture in the notebook, with a text for who cannot see it, and
returns a `Picture`; `show=False` only returns it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from helpers.data.masks import RENDERED_CLASSES, VOID, SegmentationSet, three_masks
from helpers.pictures.figure import Picture, alt_text, image_axes, shows_itself
from helpers.pictures.poses import BLACK, BLUE, GREEN, ORANGE, SKY, VERMILION, YELLOW, draw_image, headline
from helpers.shapes import require, require_labels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from helpers.people import Scene

# Okabe and Ito's colours, and four more that stay apart from these and from grey also for who sees no red, green or
# blue; from the twelfth class on they come again.
PALETTE = (BLACK, ORANGE, YELLOW, SKY, BLUE, VERMILION, GREEN, "#9900FF", "#663311", "#BBFFAA", "#331199")
GREY = "#BBBBBB"  # void
YES_NO = (BLACK, "#FFFFFF")
PEOPLE = (BLACK, *PALETTE[6:9], *PALETTE[1:6])  # those of no class of clothes first
ENTRIES = 400  # a matrix with more entries shows colours only

Predictions = Tensor | Mapping[str, Tensor] | None


@shows_itself
def mask_grid(
    data: SegmentationSet,
    predictions: Predictions = None,
    *,
    titles: Sequence[str] | None = None,
    columns: int = 4,
    title: str = "",
) -> Picture:
    """Return images above their true masks above predicted ones, with a legend of the classes. Void is grey.

    Args:
        data: a few images, such as `test[:4]` or `test[worst]`.
        predictions: int64 or uint8 (N, H, W), classes; or a dict of them by name, a row each, to compare networks.
        titles: one per image.
        columns: images side by side; more of them go on below.
    """
    count, rows = len(data), _rows_of(data, predictions)
    if not 1 <= count <= 64:
        raise ValueError(f"data has {count} images; a grid takes 1 to 64, such as test[:4].")
    if titles is not None and len(titles) != count:
        raise ValueError(f"{len(titles)} titles for {count} images.")
    columns = min(columns, count)
    height, width = data.image_size
    blocks, high = -(-count // columns), len(rows) + 1
    inches = 2.3 if columns < 5 else 1.9
    figure, axes = image_axes(blocks * high, columns, inches, height / width)
    figure.set_figheight(blocks * (high * (inches * height / width + 0.06) + 0.25))  # only images have titles
    for index in range(blocks * columns):
        block, column = divmod(index, columns)
        stack = axes[block * high * columns + column :: columns][:high]
        if index >= count:
            for axis in stack:
                axis.set_visible(False)
            continue
        draw_image(stack[0], data.images[index])
        stack[0].set_title(titles[index] if titles else "", fontsize=9)
        for axis, masks in zip(stack[1:], rows.values(), strict=True):
            _draw_mask(axis, masks[index], colours(data.num_classes))
        if column == 0:
            _name_rows(stack, ["image", *rows])
    return _finished(figure, title, data.class_names, rows, f"{count} images of {data.name}")


@shows_itself
def zoom(
    data: SegmentationSet,
    centre: tuple[float, float],
    side: int = 32,
    predictions: Predictions = None,
    *,
    title: str = "",
) -> Picture:
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
    left, top = (
        int(min(max(round(middle - side / 2), 0), size - side))
        for middle, size in zip(centre, reversed(data.image_size), strict=True)
    )
    figure, axes = image_axes(1, 2 + len(rows), 2.6, 1.0)
    draw_image(axes[0], data.images[0])
    x, y = (left - 0.5, left + side - 0.5), (top - 0.5, top + side - 0.5)
    for colour, width in (("#000000", 3), ("#FFFFFF", 1.4)):
        axes[0].plot([x[0], x[1], x[1], x[0], x[0]], [y[0], y[0], y[1], y[1], y[0]], color=colour, lw=width)
    draw_image(axes[1], data.images[0], interpolation="nearest")
    for axis, masks in zip(axes[2:], rows.values(), strict=True):
        _draw_mask(axis, masks[0], colours(data.num_classes))
    for axis, name in zip(axes, ["image", f"{side} x {side} pixels", *rows], strict=True):
        axis.set_title(name, fontsize=10)
    for axis in axes[1:]:
        axis.set(xlim=x, ylim=y[::-1])
    place = f"pixels x {left} to {left + side - 1}, y {top} to {top + side - 1} of one image of {data.name}"
    return _finished(figure, title, data.class_names, rows, place)


@shows_itself
def three_kinds(scene: Scene, *, title: str = "") -> Picture:
    """Return a rendered scene and its three kinds of masks: is it a person, what is it, whose is it."""
    masks = three_masks(scene)
    height, width = scene.image.shape[:2]
    figure, axes = image_axes(1, 4, 3.0, height / width)
    draw_image(axes[0], torch.from_numpy(scene.image).permute(2, 0, 1))
    people = BLACK, *(PEOPLE[1 + index % (len(PEOPLE) - 1)] for index in range(len(scene.keypoints)))
    for axis, kind, colour in zip(axes[1:], masks, (YES_NO, colours(len(RENDERED_CLASSES)), people), strict=True):
        _draw_mask(axis, masks[kind], colour)
    for axis, name in zip(axes, ("image", *masks), strict=True):
        axis.set_title(name, fontsize=11)
    _legend(figure, RENDERED_CLASSES, void=True, title="classes of the semantic masks")
    headline(figure, title)
    names = ", ".join(f"{kind} masks" for kind in masks)
    return Picture(
        figure,
        alt_text(
            title,
            f"a scene of {len(scene.keypoints)} people: image, {names}; the classes are {', '.join(RENDERED_CLASSES)}",
        ),
    )


@shows_itself
def matrix(
    C: Tensor, *, input_size: tuple[int, int] | None = None, output_size: tuple[int, int] | None = None, title: str = ""
) -> Picture:
    """Return a picture of a convolution's matrix: white where it is 0, orange where positive, blue where negative.

    Small matrices show their numbers.

    Args:
        C: float (out_h * out_w, in_h * in_w).
        input_size, output_size: (H, W) of image and result; lines then part the rows of pixels.
    """
    sizes = require("C", C, "O I")
    for name, size, pixels in (("input_size", input_size, sizes["I"]), ("output_size", output_size, sizes["O"])):
        if size is not None and size[0] * size[1] != pixels:
            raise ValueError(f"{name} is {tuple(size)}, {size[0] * size[1]} pixels; C has {pixels} of them.")
    if not C.numel():
        raise ValueError(f"C has shape {tuple(C.shape)}, so there is nothing to draw.")
    values = C.detach().cpu().float()
    cell = min(0.42, 9.0 / sizes["I"], 7.0 / sizes["O"])
    figure, (axis,) = _matrix_axes(max(3.2, cell * sizes["I"] + 1.6), max(1.8, cell * sizes["O"] + 1.0))
    largest = float(values.abs().nan_to_num().max()) or 1.0
    drawn = axis.imshow(values.numpy(), cmap=_signed(), vmin=-largest, vmax=largest, interpolation="nearest")
    figure.colorbar(drawn, ax=axis, shrink=0.8, aspect=15)
    if C.numel() <= ENTRIES:
        _write_numbers(axis, values, largest)
    for size, line in ((input_size, axis.axvline), (output_size, axis.axhline)):
        for row in range(1, size[0] if size else 0):
            line(row * size[1] - 0.5, color="#777777", lw=0.8)
    axis.set(xlabel=f"pixels of the input{_as_rows(input_size)}", ylabel=f"pixels of the result{_as_rows(output_size)}")
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.yaxis.get_major_locator().set_params(integer=True)
    axis.set_title(title, fontsize=11)
    filled = float((values != 0).double().mean())
    text = (
        f"a matrix of {sizes['O']} x {sizes['I']}, {filled:.0%} of it not 0, from {float(values.min()):.3g} to "
        f"{float(values.max()):.3g}"
    )
    return Picture(figure, alt_text(title, text))


def _signed():
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("signed", [BLUE, "#FFFFFF", VERMILION], N=255)  # odd: 0 is white


def _as_rows(size: tuple[int, int] | None) -> str:
    return f" ({size[0]} x {size[1]}, row after row)" if size else ""


def _matrix_axes(width: float, height: float) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, [figure.subplots()]


def _write_numbers(axis: Axes, values: Tensor, largest: float) -> None:
    """Write every entry that is not 0 into its cell, in white where the colour is dark."""
    for row, column in values.nonzero().tolist():
        value = float(values[row, column])
        colour = "#FFFFFF" if abs(value) > 0.6 * largest else BLACK
        axis.text(column, row, f"{value:.3g}", ha="center", va="center", fontsize=7, color=colour)


def _rows_of(data: SegmentationSet, predictions: Predictions) -> dict[str, Tensor]:
    """Return the rows of masks by name, the truth first, after checking that they fit the images."""
    if not isinstance(data, SegmentationSet):
        raise TypeError(f"data is a {type(data).__name__}; expected a SegmentationSet, such as test[:4].")
    if predictions is None:
        predictions = {}
    elif not isinstance(predictions, Mapping):
        predictions = {"prediction": predictions}
    sizes = dict(zip("NHW", data.masks.shape, strict=True))
    for name, masks in predictions.items():
        require(name, masks, "N H W", torch.int64, torch.uint8, known=sizes)
        require_labels(name, masks, data.num_classes)
    return {"truth": data.masks, **predictions}


def colours(count: int) -> list[str]:
    """Return a colour for each of `count` classes."""
    return [PALETTE[index % len(PALETTE)] for index in range(count)]


def _draw_mask(axis: Axes, mask: Tensor, of_class: Sequence[str]) -> None:
    """Draw a mask (H, W) in the colours of its classes, void in grey."""
    from matplotlib.colors import to_rgb

    table = torch.tensor([to_rgb(colour) for colour in (*of_class, GREY)])
    labels = mask.detach().cpu().long()
    labels = torch.where(labels == VOID, len(of_class), labels)
    draw_image(axis, table[labels].permute(2, 0, 1), interpolation="nearest")


def _name_rows(stack: list[Axes], names: list[str]) -> None:
    for axis, name in zip(stack, names, strict=True):
        axis.text(-0.04, 0.5, name, transform=axis.transAxes, rotation=90, ha="right", va="center", fontsize=10)


def _finished(figure: Figure, title: str, class_names: Sequence[str], rows: Mapping[str, Tensor], what: str) -> Picture:
    """Return the picture with a headline, and a legend of the classes, void included where a mask has it."""
    void = any((masks == VOID).any() for masks in rows.values())
    _legend(figure, class_names, void)
    headline(figure, title)
    known = {"truth": "true masks", "prediction": "predicted masks"}
    shown = ", ".join(known.get(name, f"masks of {name}") for name in rows)
    classes = ", ".join([*class_names, *["void"] * void])
    return Picture(figure, alt_text(title, f"{what}: image, {shown}; the classes are {classes}"))


def _legend(figure: Figure, class_names: Sequence[str], void: bool, title: str | None = None) -> None:
    """Put a legend of the classes below all axes, for which the figure grows."""
    from matplotlib.patches import Patch

    named = [*zip(class_names, colours(len(class_names)), strict=True), *[("void", GREY)] * void]
    patches = [Patch(facecolor=colour, edgecolor="#555555", lw=0.6, label=name) for name, colour in named]
    width, height = figure.get_size_inches()
    inches = 0.55 + 0.07 * max(len(name) for name, _ in named)  # what an entry of this font takes
    columns = max(1, min(len(patches), int(width / inches)))
    figure.set_figheight(height + 0.2 * -(-len(patches) // columns) + (0.6 if title else 0.4))
    figure.legend(
        handles=patches,
        loc="outside lower center",
        ncols=columns,
        frameon=False,
        fontsize=9,
        title=title,
        title_fontsize=9,
    )
