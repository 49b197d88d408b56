"""Pictures of several people: their poses, boxes and masks, and the crops that a network looks at one by one.

Estimated people of one image are float (M, K, 3): x, y and score in pixels of the image, (0, 0, 0) where a keypoint is
missing.
"""

from collections.abc import Sequence
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from torch import Tensor

from helpers.data.people import PeopleSet
from helpers.data.skeletons import COCO
from helpers.pictures.colours import BLACK, WHITE, person_colour
from helpers.pictures.drawing import draw_box, draw_image, draw_person
from helpers.pictures.figure import Picture, aspect, finished, image_axes, image_grid, shows_itself
from helpers.shapes import require


@shows_itself
def people_grid(
    data: PeopleSet, people: Sequence[Tensor] | None = None, *, boxes: Sequence[Tensor] | None = None,
    titles: Sequence[str] | None = None, columns: int = 4, title: str = "",
) -> Picture:  # fmt: skip
    """Return images in a grid with their people, a colour each. What is missing is not drawn, nor are limbs to it.

    Args:
        data: a few images, such as `test[:8]`.
        people: one (M, K, 3) per image, estimated; None: the true ones, hollow dots where a keypoint is hidden.
        boxes: one (M, 4) per image, pixels: those of `people`, in their colours; beside the truth, white.
        titles: one per image.
    """
    if not isinstance(data, PeopleSet):
        raise TypeError(f"data is a {type(data).__name__}; expected a PeopleSet, such as test[:8].")
    count, drawn = len(data), 0
    for name, values in (("people", people), ("boxes", boxes)):
        if values is not None and len(values) != count:
            raise ValueError(f"There are {len(values)} entries in {name} for {count} images; expected one for each.")
    figure, axes = image_grid(count, "images", columns, 2.7, aspect(data.images), titles)
    for index, axis in enumerate(axes):
        draw_image(axis, data.images[index])
        if people is None:
            here = data.present[index]
            shown = list(zip(data.keypoints[index, here], data.visibility[index, here], strict=True))
        else:
            require(f"people[{index}]", people[index], f"M {data.skeleton.num_keypoints} 3")
            shown = [(one[:, :2], one[:, 2] > 0) for one in people[index]]
        if boxes is not None:
            require(f"boxes[{index}]", boxes[index], "M 4", known=None if people is None else {"M": len(shown)})
            for number, box in enumerate(boxes[index].tolist()):
                draw_box(axis, box, WHITE if people is None else person_colour(number), 1.3, outlined=True)
        for number, (points, seen) in enumerate(shown):
            draw_person(axis, points, seen, data.skeleton, person_colour(number))
            drawn += bool(seen.any())
    what, kind = f"{count} image{'s' * (count != 1)} of {data.name}", "true" if people is None else "estimated"
    framed = "" if boxes is None else f" and {sum(map(len, boxes))} boxes"
    return finished(figure, title, f"{what} with {drawn} {kind} people{framed}")


@shows_itself
def crops_row(crops: Tensor, *, columns: int = 8, title: str = "") -> Picture:
    """Return crops, uint8 or float (N, 3, h, w), at most 64, side by side, as many in a row as `columns`."""
    sizes = require("crops", crops, "N 3 h w")
    figure, axes = image_grid(len(crops), "crops", columns, 2.4, aspect(crops))
    for axis, crop in zip(axes, crops, strict=True):
        draw_image(axis, crop)
    return finished(figure, title, f"{len(crops)} crops of {sizes['h']} x {sizes['w']} pixels")


@shows_itself
def masks_and_boxes(
    image: Tensor, boxes: Tensor, scores: Tensor, masks: Tensor | None = None, keypoints: Tensor | None = None, *,
    title: str = "",
) -> Picture:  # fmt: skip
    """Return one image with what a detector found in it: boxes with their scores, masks and poses, a colour per person.

    Args:
        image: uint8 or float (3, H, W).
        boxes: (M, 4), pixels.
        scores: (M,).
        masks: bool (M, H, W).
        keypoints: (M, 17, 3): x, y and score, of which 0 is not drawn.
    """
    sizes = require("boxes", boxes, "M 4")
    require("scores", scores, "M", known=sizes)
    if masks is not None:
        require("masks", masks, f"M {image.shape[-2]} {image.shape[-1]}", torch.bool, known=sizes)
    if keypoints is not None:
        require("keypoints", keypoints, "M 17 3", known=sizes)
    figure, (axis,) = image_axes(1, 1, 6.0, aspect(image))
    draw_image(axis, image)
    for number in scores.argsort().tolist():  # the surest on top
        colour = person_colour(number)
        if masks is not None:
            _draw_mask(axis, masks[number].detach().cpu(), colour)
        box, score = boxes[number].tolist(), f"{float(scores[number]):.2f}"
        draw_box(axis, box, colour, 1.3, outlined=True)
        label = {"boxstyle": "square,pad=0.1", "fc": colour, "ec": "none"}
        style: dict[str, Any] = {"color": BLACK, "fontsize": 8, "va": "top", "zorder": 6, "clip_on": True}
        axis.text(max(box[0], 0), max(box[1], 0), score, bbox=label, **style)
        if keypoints is not None:
            draw_person(axis, keypoints[number, :, :2], keypoints[number, :, 2] > 0, COCO, colour)
    besides = [name for name, values in (("masks", masks), ("poses", keypoints)) if values is not None]
    surest = f", the surest {float(scores.max()):.2f}" if len(scores) else ""
    found = " and ".join([", ".join(["boxes", *besides[:-1]]), *besides[-1:]])
    return finished(figure, title, f"an image with {found} of {len(boxes)} people{surest}")


def _draw_mask(axis: Axes, mask: Tensor, colour: str) -> None:
    """Lay a transparent colour over the mask, bool (H, W), with its outline."""
    layer = torch.tensor(to_rgba(colour, 0.4)) * mask[:, :, None]  # (H, W, 4), clear outside
    axis.imshow(layer.numpy(), interpolation="nearest", zorder=1)
    if mask.any() and not mask.all():
        axis.contour(mask.float().numpy(), levels=[0.5], colors=[colour], linewidths=1.2, zorder=2)
