"""Pictures of numbers in rows and columns: score maps, what a softmax makes of one, the matrix of a convolution."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from helpers.pictures.colours import BLACK, SKY, WHITE, blue_to_red
from helpers.pictures.figure import (
    Picture,
    aspect,
    finished,
    image_axes,
    image_grid,
    name_axes,
    require_few,
    shows_itself,
)
from helpers.shapes import require

ENTRIES = 400  # a matrix with more entries shows colours only


@shows_itself
def map_grid(
    maps: Tensor, *, titles: Sequence[str] | None = None, images: Tensor | None = None, points: Tensor | None = None,
    highest: float | None = None, columns: int = 6, title: str = "",
) -> Picture:  # fmt: skip
    """Return maps in a grid, bright where they are high.

    Args:
        maps: float (N, h, w), at most 64.
        titles: one per map.
        images: uint8 or float (N, 3, H, W) or (3, H, W) for all, shown in grey below the maps.
        points: (N, 2) marked by a cross, x then y, pixels of the map.
        highest: the value that is white, 0 being black, so that maps can be compared; None: each has its own range.
    """
    require("maps", maps, "N h w")
    count, (height, width) = len(maps), maps.shape[1:]
    require_few(count, "maps", "scoremaps[0]", titles=titles, points=points)
    columns = min(columns, count)
    figure, axes = image_grid(count, columns, 9.6 / columns, aspect(maps), titles, fontsize=8)
    lowest, alpha = None if highest is None else 0, 1 if images is None else 0.65
    style: dict[str, Any] = {"cmap": "magma", "interpolation": "nearest", "vmin": lowest, "vmax": highest}
    extent = (-0.5, width - 0.5, height - 0.5, -0.5)
    for index, (axis, one) in enumerate(zip(axes, maps.detach().cpu().float(), strict=True)):
        if images is not None:
            grey = (images if images.ndim == 3 else images[index]).detach().cpu().float().mean(0)
            axis.imshow(grey.numpy(), cmap="gray", extent=extent, interpolation="bilinear")
        axis.imshow(one.numpy(), extent=extent, alpha=alpha, **style)
        if points is not None:
            axis.plot(*points[index].tolist(), "+", color=SKY, ms=9, mew=2)
    names = f": {', '.join(titles)}" if titles else ""
    return finished(figure, title, f"{count} maps of {height} x {width}{names}")


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
    figure, axes = image_axes(1, 3, 3.2, aspect(scores))
    steepest, (x, y) = float(slope.abs().max()), place.tolist()
    bright: dict[str, Any] = {"cmap": "magma"}
    signed: dict[str, Any] = {"cmap": "RdBu_r", "vmin": -(steepest or 1.0), "vmax": steepest or 1.0}
    drawn = ((scores, bright, SKY), (share, bright, SKY), (slope, signed, BLACK))
    for axis, (values, style, colour) in zip(axes, drawn, strict=True):
        axis.imshow(values.detach().cpu().numpy(), interpolation="nearest", **style)
        axis.plot(x, y, "+", color=colour, ms=14, mew=2.5)
    highest = f"softmax, highest {float(share.max()):.3f}"
    name_axes(axes, ("scores", highest, f"gradient of x, up to {steepest:.2g}"))
    text = f"scores, softmax and gradient; the expected place is x {x:.2f}, y {y:.2f}"
    return finished(figure, title, text, headline=f"{title}: x = {x:.2f}, y = {y:.2f}".lstrip(": "))


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
    width, height = max(3.2, cell * sizes["I"] + 1.6), max(1.8, cell * sizes["O"] + 1.0)
    figure = Figure(figsize=(width, height), layout="constrained")
    axis = figure.subplots()
    largest = float(values.abs().nan_to_num().max()) or 1.0
    drawn = axis.imshow(values.numpy(), cmap=blue_to_red(), vmin=-largest, vmax=largest, interpolation="nearest")
    figure.colorbar(drawn, ax=axis, shrink=0.8, aspect=15)
    if C.numel() <= ENTRIES:
        _write_numbers(axis, values, largest)
    for size, line in ((input_size, axis.axvline), (output_size, axis.axhline)):
        rows, columns = size or (0, 0)
        for row in range(1, rows):
            line(row * columns - 0.5, color="#777777", lw=0.8)
    axis.set(xlabel=f"pixels of the input{_as_rows(input_size)}", ylabel=f"pixels of the result{_as_rows(output_size)}")
    axis.locator_params(integer=True)
    axis.set_title(title, fontsize=11)
    filled = f"a matrix of {sizes['O']} x {sizes['I']}, {float((values != 0).double().mean()):.0%} of it not 0"
    text = f"{filled}, from {float(values.min()):.3g} to {float(values.max()):.3g}"
    return finished(figure, title, text, headline="")


def _as_rows(size: tuple[int, int] | None) -> str:
    return f" ({size[0]} x {size[1]}, row after row)" if size else ""


def _write_numbers(axis: Axes, values: Tensor, largest: float) -> None:
    """Write every entry that is not 0 into its cell, in white where the colour is dark."""
    for row, column in values.nonzero().tolist():
        value = float(values[row, column])
        colour = WHITE if abs(value) > 0.6 * largest else BLACK
        axis.text(column, row, f"{value:.3g}", ha="center", va="center", fontsize=7, color=colour)
