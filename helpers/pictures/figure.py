"""Figures that show themselves in a notebook, with a text for who cannot see them, and the axes to draw on."""

import base64
import functools
import html
import io
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from helpers.notebook import in_notebook, show_html

MOST = 64  # images in a grid
ROW = 11.4  # inches: width of a row of images at most


class Picture:
    """A matplotlib figure and the text that stands for it."""

    def __init__(self, figure: Figure, alt: str):
        self.figure, self.alt, self.shown = figure, alt, False

    def html(self, dpi: int = 100) -> str:
        """Return an <img> that carries the picture and its text."""
        buffer = io.BytesIO()
        self.figure.savefig(buffer, format="png", dpi=dpi)
        data = base64.b64encode(buffer.getvalue()).decode()
        return f'<img style="max-width:100%" alt="{html.escape(self.alt)}" src="data:image/png;base64,{data}">'

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture; the ending of `path` decides on the format."""
        self.figure.savefig(path)

    def show(self) -> None:
        """Show the picture in the notebook; where there is none, do nothing."""
        if in_notebook():
            show_html(self.html())
            self.shown = True

    def _ipython_display_(self) -> None:  # as the last line of a cell: not a second time
        if not self.shown:
            self.show()

    def __repr__(self) -> str:
        return f"Picture: {self.alt}"


def shows_itself(make: Callable[..., Picture]) -> Callable[..., Picture]:
    """Return `make` with an argument `show`, true by default: the picture is shown before it is returned."""

    @functools.wraps(make)
    def made(*args: Any, show: bool = True, **kwargs: Any) -> Picture:
        picture = make(*args, **kwargs)
        if show:
            picture.show()
        return picture

    return made


def image_axes(rows: int, columns: int, inches: float, aspect: float = 1.0) -> tuple[Figure, list[Axes]]:
    """Return a figure and its axes for images, without pyplot: nothing is left open, nothing shows twice."""
    figure = Figure(figsize=(columns * inches, rows * (inches * aspect + 0.25)), layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axis in axes:
        axis.set_axis_off()
    return figure, axes


def image_grid(
    count: int, things: str, columns: int, inches: float, aspect: float, titles: Sequence[str] | None = None
) -> tuple[Figure, list[Axes]]:
    """Return a figure with `columns` images side by side, and an axis, perhaps with a title, for each of `count`.

    An image is so many `inches` wide, less where a row would be too wide; an error calls them `things`.
    """
    require_few(count, things, titles)
    columns = min(columns, count)
    figure, axes = image_axes(-(-count // columns), columns, min(inches, ROW / columns), aspect)
    for axis in axes[count:]:
        axis.set_visible(False)
    name_axes(axes, titles or (), fontsize=9)
    return figure, axes[:count]


def name_axes(axes: Iterable[Axes], names: Iterable[str], fontsize: float = 10) -> None:
    """Write a name above each of the axes, as far as there are names."""
    for axis, name in zip(axes, names, strict=False):
        axis.set_title(name, fontsize=fontsize)


def plot_axes(count: int, width: float = 9.0) -> tuple[Figure, list[Axes]]:
    """Return a figure and its axes for curves or bars, side by side."""
    figure = Figure(figsize=(width, 3.2), layout="constrained")
    axes = list(figure.subplots(1, count, squeeze=False).flat)
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(axis="y", color="#DDDDDD", lw=0.6)
        axis.set_axisbelow(True)
    return figure, axes


def require_few(count: int, things: str, titles: Sequence[str] | None) -> None:
    """Check that there are 1 to 64 things, and as many titles, if any."""
    if not 1 <= count <= MOST:
        raise ValueError(f"There are {count} {things}; a grid takes 1 to {MOST}, such as the first eight, [:8].")
    if titles is not None and len(titles) != count:
        raise ValueError(f"{len(titles)} titles for {count} {things}.")


def aspect(images: Tensor) -> float:
    """Return height / width of images or maps (..., H, W)."""
    return images.shape[-2] / images.shape[-1]


def finished(figure: Figure, title: str, text: str) -> Picture:
    """Return the picture with its title above all axes; title and `text` stand for it."""
    if title:
        figure.suptitle(title, fontsize=11, wrap=True)
    return Picture(figure, f"{title}: {text}" if title else text)
