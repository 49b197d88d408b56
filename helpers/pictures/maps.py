"""Pictures of numbers in rows and columns: score maps, the matrix of a convolution."""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure
from torch import Tensor

from helpers.pictures.colours import BLACK, SKY, WHITE, blue_to_red
from helpers.pictures.figure import Picture, aspect, finished, image_grid, shows_itself
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
    sizes = require("maps", maps, "N h w")
    if points is not None:
        require("points", points, "N 2", known=sizes)
    count, (height, width) = len(maps), maps.shape[1:]
    figure, axes = image_grid(count, "maps", columns, 4.8, aspect(maps), titles)
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
    tops = [(float(one.max()), *divmod(int(one.argmax()), width)) for one in maps.detach().cpu().float()]
    named = zip(titles or ["one"] * count, tops, strict=True)
    heights = [f"{name} up to {top:.3g} at x {x}, y {y}" for name, (top, y, x) in named]
    return finished(figure, title, f"{count} maps of {height} x {width}: {', '.join(heights)}")


@shows_itself
def matrix(C: Tensor, *, input_size: tuple[int, int] | None = None, title: str = "") -> Picture:
    """Return a picture of a convolution's matrix: white where it is 0, orange where positive, blue where negative.

    Small matrices show their numbers.

    Args:
        C: float (out_h * out_w, in_h * in_w).
        input_size: (H, W) of the image; lines then part its rows of pixels.
    """
    sizes = require("C", C, "O I")
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
    with_numbers = values.nonzero().tolist() if C.numel() <= ENTRIES else []
    for row, column in with_numbers:
        value = float(values[row, column])
        colour = WHITE if abs(value) > 0.6 * largest else BLACK  # white where it is dark
        axis.text(column, row, f"{value:.3g}", ha="center", va="center", fontsize=7, color=colour)
    rows, columns = input_size or (1, sizes["I"])
    if rows * columns != sizes["I"]:
        got = f"input_size is {(rows, columns)}, {rows * columns} pixels"
        raise ValueError(f"{got}; C has {sizes['I']} of them.")
    for row in range(1, rows):
        axis.axvline(row * columns - 0.5, color="#777777", lw=0.8)
    in_rows = f" ({rows} x {columns}, row after row)" if input_size else ""
    axis.set(xlabel=f"pixels of the input{in_rows}", ylabel="pixels of the result")
    axis.locator_params(integer=True)
    filled = f"a matrix of {sizes['O']} x {sizes['I']}, {float((values != 0).double().mean()):.0%} of it not 0"
    text = f"{filled}, from {float(values.min()):.3g} to {float(values.max()):.3g}"
    return finished(figure, title, text)
