"""What pictures draw onto an axis: images, limbs and keypoints, boxes."""

from collections.abc import Sequence
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.patheffects import AbstractPathEffect, Normal, Stroke
from torch import Tensor

from helpers.data.skeletons import COCO, Skeleton
from helpers.people import Scene
from helpers.pictures.colours import BLACK, side_colour
from helpers.shapes import require


def draw_image(axis: Axes, image: Tensor, interpolation: str = "bilinear") -> None:
    """Draw an image, uint8 or float in [0, 1] (3, H, W)."""
    require("image", image, "3 H W")
    pixels = image.detach().cpu()
    if pixels.is_floating_point():
        pixels = pixels.clamp(0, 1)
    axis.imshow(pixels.permute(1, 2, 0).numpy(), interpolation=interpolation)
    axis.autoscale(False)  # what lies outside of the image makes it no smaller


def draw_grey(axis: Axes, image: Tensor) -> None:
    """Draw an image without its colours and paler, so that what lies over it stands out."""
    require("image", image, "3 H W")
    pixels = image.detach().cpu().float() / (1 if image.is_floating_point() else 255)
    draw_image(axis, 0.25 + 0.6 * pixels.clamp(0, 1).mean(0, keepdim=True).expand(3, -1, -1))


def draw_scene(axis: Axes, scene: Scene, *, poses: bool = False) -> None:
    """Draw the image of a rendered scene, perhaps with the poses of all people."""
    draw_image(axis, torch.from_numpy(scene.image).permute(2, 0, 1))
    if poses:
        for points, visibility in zip(scene.keypoints, scene.visibility, strict=True):
            draw_person(axis, torch.from_numpy(points), torch.from_numpy(visibility), COCO)


def draw_person(axis: Axes, points: Tensor, visibility: Tensor, skeleton: Skeleton, colour: str | None = None) -> None:
    """Draw limbs and keypoints of one person in one colour, or, where it is None, in the colours of the sides.

    A filled dot is a keypoint that is seen, a hollow one is hidden.
    """
    draw_limbs(axis, points, visibility, skeleton, colour)
    points, seen = _seen(points, visibility)
    for k in sorted(seen.nonzero().flatten().tolist(), key=lambda k: int(seen[k])):  # hidden ones lie below
        dot, hollow, size = colour or side_colour(skeleton, k), bool(seen[k] == 1), 3.5 if colour else 4
        face, edge, width = ("none", dot, 1.2) if hollow else (dot, BLACK, 0.6)
        axis.plot(*points[k].tolist(), "o", ms=size + hollow, mfc=face, mec=edge, mew=width, zorder=4)


def draw_limbs(
    axis: Axes, points: Tensor, visibility: Tensor, skeleton: Skeleton, colour: str | None, *, thin: bool = False
) -> None:
    """Draw the limbs of which both ends are seen or hidden; a thin one lies below the others."""
    points, seen = _seen(points, visibility)
    width, edge, zorder = (1.1, 2.6, 2) if thin else (2, 3.6, 3)
    style: dict[str, Any] = {"lw": width, "path_effects": outline(edge), "solid_capstyle": "round", "zorder": zorder}
    for a, b in skeleton.limbs:
        if seen[a] and seen[b]:
            axis.plot(*points[[a, b]].T.tolist(), color=colour or side_colour(skeleton, a, b), **style)


def _seen(points: Tensor, visibility: Tensor) -> tuple[Tensor, Tensor]:
    """Return keypoints float32 (K, 2), and int64 (K,) 0 not drawn, 1 hidden, 2 seen: False or NaN is 0, True is 2."""
    points = points.detach().cpu().float()
    seen = visibility.detach().cpu().long() * (2 if visibility.dtype == torch.bool else 1)
    return points, seen * torch.isfinite(points).all(-1)


def draw_box(axis: Axes, box: Sequence[float], colour: str, width: float, *, outlined: bool = False) -> None:
    """Draw the edges of a box: x0, y0, x1, y1, pixels."""
    x0, y0, x1, y1 = box
    style: dict[str, Any] = {"path_effects": outline(width + 1.5), "solid_joinstyle": "miter"} if outlined else {}
    axis.plot([x0, x1, x1, x0, x0], [y0, y0, y1, y1, y0], color=colour, lw=width, **style)


def outline(width: float) -> list[AbstractPathEffect]:
    """Return the effect that draws a dark line of this width below a line."""
    return [Stroke(linewidth=width, foreground="#00000090"), Normal()]
