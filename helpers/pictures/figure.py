"""Figures that show themselves in a notebook, with a text for who cannot see them."""

from __future__ import annotations

import base64
import functools
import html
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from helpers.notebook import in_notebook

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


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

    def save(self, path: str | os.PathLike, dpi: int = 100) -> None:
        """Write the picture; the ending of `path` decides on the format."""
        self.figure.savefig(Path(path), dpi=dpi)

    def show(self) -> None:
        """Show the picture in the notebook; where there is none, do nothing."""
        if in_notebook():
            from IPython.display import HTML, display

            display(HTML(self.html()))
            self.shown = True

    def _ipython_display_(self) -> None:  # as the last line of a cell: not a second time
        if not self.shown:
            self.show()

    def __repr__(self) -> str:
        return f"Picture: {self.alt}"


def shows_itself(make: Callable[..., Picture]) -> Callable[..., Picture]:
    """Return `make` with an argument `show`, true by default: the picture is shown before it is returned."""

    @functools.wraps(make)
    def made(*args, show: bool = True, **kwargs) -> Picture:
        picture = make(*args, **kwargs)
        if show:
            picture.show()
        return picture

    return made


def image_axes(rows: int, columns: int, inches: float, aspect: float = 1.0) -> tuple[Figure, list[Axes]]:
    """Return a figure and its axes for images, without pyplot: nothing is left open, nothing shows twice."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(columns * inches, rows * (inches * aspect + 0.25)), layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axis in axes:
        axis.set_axis_off()
    return figure, axes


def plot_axes(count: int, width: float = 9.0) -> tuple[Figure, list[Axes]]:
    """Return a figure and its axes for curves or bars, side by side."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, 3.2), layout="constrained")
    axes = list(figure.subplots(1, count, squeeze=False).flat)
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(axis="y", color="#DDDDDD", lw=0.6)
        axis.set_axisbelow(True)
    return figure, axes


def alt_text(title: str, text: str) -> str:
    """Return the text that stands for a picture."""
    return f"{title}: {text}" if title else text
