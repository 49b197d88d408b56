"""The temperature explorer: one score map, what a soft argmax makes of it, and where its gradient goes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from helpers.pictures.sliders import show_with_sliders

if TYPE_CHECKING:
    from helpers.pictures.figure import Picture

SIZE = (16, 24)  # rows, columns: oblong, so that a swap of x and y is seen
FIRST, SECOND = (5.0, 4.0), (17.0, 11.0)  # x, y of the two peaks
SoftArgmax = Callable[[Tensor, float], Tensor]  # scores (1, 1, H, W) and beta -> (1, 1, 2), x then y


def example_scores(height: float = 8.0, second: float = 0.0, noise: float = 0.0) -> Tensor:
    """Return a score map, float32 (1, 1, 16, 24): over 0 a peak at (5, 4) and perhaps a `second` one at (17, 11).

    `noise` is the standard deviation of what is added to every pixel.
    """
    ys, xs = torch.arange(SIZE[0]).view(-1, 1), torch.arange(SIZE[1])
    scores = noise * torch.randn(SIZE, generator=torch.Generator().manual_seed(0))
    for (x, y), top in ((FIRST, height), (SECOND, second)):
        scores = scores + top * torch.exp(-((xs - x).square() + (ys - y).square()) / 4.5)
    return scores[None, None]


def temperature_picture(
    softargmax: SoftArgmax, beta: float = 1.0, height: float = 8.0, second: float = 0.0, noise: float = 0.0
) -> Picture:
    """Return a picture of the scores, of the probabilities, and of how far x moves when a score grows.

    A cross marks what your softargmax(scores (1, 1, H, W), beta) -> (1, 1, 2), x then y, returns. The other knobs: see
    `example_scores`.
    """
    from helpers.pictures.colours import BLACK, SKY  # bring matplotlib, which has to wait until something is drawn
    from helpers.pictures.figure import aspect, finished, image_axes, name_axes

    scores = example_scores(height, second, noise).requires_grad_()
    place = softargmax(scores, beta)
    if not isinstance(place, Tensor) or place.shape != (1, 1, 2):
        got = tuple(place.shape) if isinstance(place, Tensor) else type(place).__name__
        raise ValueError(f"softargmax returned {got} for one map; expected a tensor of shape (1, 1, 2).")
    slope = torch.zeros_like(scores)
    if place.requires_grad:  # a hard argmax has none
        (slope,) = torch.autograd.grad(place[..., 0].sum(), scores, allow_unused=True, materialize_grads=True)
    share = torch.softmax((beta * scores.detach()).flatten(), 0).view(SIZE)
    steepest, (x, y) = float(slope.abs().max()), place.flatten().tolist()

    figure, axes = image_axes(1, 3, 3.2, aspect(scores))
    bright: dict[str, Any] = {"cmap": "magma"}
    signed: dict[str, Any] = {"cmap": "RdBu_r", "vmin": -(steepest or 1.0), "vmax": steepest or 1.0}
    drawn = ((scores.detach(), bright, SKY), (share, bright, SKY), (slope, signed, BLACK))
    for axis, (values, style, colour) in zip(axes, drawn, strict=True):
        axis.imshow(values.view(SIZE).numpy(), interpolation="nearest", **style)
        axis.plot(x, y, "+", color=colour, ms=14, mew=2.5)
    highest = f"softmax, highest {float(share.max()):.3f}"
    name_axes(axes, ("scores", highest, f"gradient of x, up to {steepest:.2g}"))
    title = f"beta {beta:.3g}, peak {height:g}, second peak {second:g}"
    text = f"scores, softmax and gradient; the expected place is x {x:.2f}, y {y:.2f}"
    picture = finished(figure, title, text)
    figure.suptitle(f"{title}: x = {x:.2f}, y = {y:.2f}", fontsize=11, wrap=True)
    return picture


def temperature_explorer(softargmax: SoftArgmax) -> None:
    """Show `temperature_picture` and, where the notebook has widgets, the sliders that change it."""
    call = "helpers.explorer.temperature_picture(softargmax).save('beta.png')"
    show_with_sliders("explorer", call, partial(temperature_picture, softargmax), _sliders)


def _sliders() -> dict[str, Any]:
    """Return one widget for each knob of `temperature_picture`."""
    from ipywidgets import FloatLogSlider, FloatSlider

    about = {"continuous_update": False, "style": {"description_width": "90px"}}
    return {
        "beta": FloatLogSlider(value=1, base=10, min=-2, max=2, step=0.1, description="beta", **about),
        "height": FloatSlider(value=8, min=0, max=20, step=0.5, description="peak", **about),
        "second": FloatSlider(value=0, min=0, max=20, step=0.5, description="second peak", **about),
        "noise": FloatSlider(value=0, min=0, max=2, step=0.1, description="noise", **about),
    }
