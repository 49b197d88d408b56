"""Pictures of poses, one person each, and of rendered scenes.

Every function of `helpers.pictures` shows its picture in the notebook, with a text for who cannot see it, and returns a
`Picture`, which can be saved; `show=False` only returns it.
"""

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from torch import Tensor

from helpers.data.poses import PoseSet
from helpers.data.skeletons import COCO, Skeleton
from helpers.people import Scene
from helpers.pictures.colours import BLACK, COLOURS, WHITE
from helpers.pictures.drawing import draw_box, draw_dots, draw_image, draw_limbs, draw_scene, seen_keypoints
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


@shows_itself
def pose_on_image(
    image: Tensor, keypoints: Tensor, visibility: Tensor | None = None, *, skeleton: Skeleton,
    truth: Tensor | None = None, title: str = "",
) -> Picture:  # fmt: skip
    """Return one image with its pose: left limbs blue, right limbs orange, the middle yellow.

    A filled dot is a keypoint that is seen, a hollow one is hidden; what is outside the image is not drawn. `truth`, if
    given, is drawn below in thin white lines.

    Args:
        image: uint8 (3, H, W), or float in [0, 1].
        keypoints: (K, 2), x then y, pixels.
        visibility: (K,) 0, 1, 2 or bool; None draws all.
        truth: (K, 2), the right pose.
    """
    figure, (axis,) = image_axes(1, 1, 3.4, aspect(image))
    draw_image(axis, image)
    if truth is not None:
        _draw_pose(axis, truth, visibility, skeleton, plain=True)
    _draw_pose(axis, keypoints, visibility, skeleton)
    axis.set_title(title, fontsize=10)
    what = "image with its pose" if truth is None else "image with a predicted pose and the true one in white"
    return finished(figure, title, what, headline="")


@shows_itself
def pose_grid(
    data: PoseSet, predictions: Tensor | None = None, *, titles: Sequence[str] | None = None, columns: int = 4,
    title: str = "",
) -> Picture:  # fmt: skip
    """Return the images of `data` with their poses, in a grid.

    Args:
        data: a few images, such as `val[:8]` or `val[worst]`.
        predictions: (N, K, 2); drawn in colour over the truth in thin white lines. None: the truth in colour.
        titles: one per image.
    """
    count = len(data)
    require_few(count, "images", "val[:8]", has="data has", titles=titles)
    if predictions is not None:
        require("predictions", predictions, "N K 2", known={"N": count, "K": data.skeleton.num_keypoints})
    columns = min(columns, count)
    figure, axes = image_grid(count, columns, 2.3 if columns < 5 else 1.9, aspect(data.images), titles)
    shown = data.keypoints if predictions is None else predictions
    for number, axis in enumerate(axes):
        draw_image(axis, data.images[number])
        if predictions is not None:
            _draw_pose(axis, data.keypoints[number], data.visibility[number], data.skeleton, plain=True)
        _draw_pose(axis, shown[number], data.visibility[number], data.skeleton)
    kind = "with their true poses" if predictions is None else "with predicted poses over the true ones in white"
    return finished(figure, title, f"{count} images of {data.name}, {kind}")


@shows_itself
def scene(scene: Scene, title: str = "") -> Picture:
    """Return a rendered scene and its labels: poses and boxes, people, body parts, clothes and depth."""
    figure, axes = image_axes(2, 3, 3.0, aspect=scene.image.shape[0] / scene.image.shape[1])
    for axis in axes[:2]:
        draw_scene(axis, scene)
    _draw_poses(axes[1], scene)
    for box in scene.boxes_xyxy.tolist():
        draw_box(axes[1], box, WHITE, 1)
    colours = ListedColormap(list((COLOURS[1:] * 3)[:20]))
    for axis, labels in zip(axes[2:5], (scene.instances, scene.parts, scene.clothes), strict=True):
        axis.imshow(np.ma.masked_equal(labels, 0), cmap=colours, vmin=1, vmax=20, interpolation="nearest")
        axis.set_facecolor(BLACK)
    axes[5].imshow(np.ma.masked_invalid(scene.depth), cmap="cividis_r", interpolation="nearest")
    names = ("image", "keypoints and boxes", "people (instances)", "body parts", "clothes", "depth: near is yellow")
    name_axes(axes, names)
    return finished(figure, title, f"a scene of {len(scene.keypoints)} people; {', '.join(names)}")


@shows_itself
def scene_grid(scenes: Sequence[Scene], *, poses: bool = True, columns: int = 4, title: str = "") -> Picture:
    """Return rendered scenes in a grid, with the poses of all people unless `poses` is False."""
    if not scenes:
        raise ValueError("scenes is empty; expected at least one, as render_scene returns it.")
    height, width = scenes[0].image.shape[:2]
    figure, axes = image_grid(len(scenes), min(columns, len(scenes)), 2.3, height / width)
    for axis, one in zip(axes, scenes, strict=True):
        draw_scene(axis, one)
        if poses:
            _draw_poses(axis, one)
    people = sum(len(one.keypoints) for one in scenes)
    return finished(figure, title, f"{len(scenes)} rendered scenes with {people} people")


def _draw_poses(axis: Axes, scene: Scene) -> None:
    for keypoints, visibility in zip(scene.keypoints, scene.visibility, strict=True):
        _draw_pose(axis, torch.from_numpy(keypoints), torch.from_numpy(visibility), COCO)


def _draw_pose(
    axis: Axes, keypoints: Tensor, visibility: Tensor | None, skeleton: Skeleton, plain: bool = False
) -> None:
    """Draw limbs and keypoints; `plain` is the thin white of the truth below a prediction."""
    count = skeleton.num_keypoints
    require("keypoints", keypoints, f"{count} 2")
    shown = torch.full((count,), 2) if visibility is None else visibility
    require("visibility", shown, str(count))
    points, seen = seen_keypoints(keypoints, shown)
    draw_limbs(axis, points, seen, skeleton, WHITE if plain else None, thin=plain)
    for kind in () if plain else (1, 2):  # what is hidden lies below what is seen
        draw_dots(axis, points, seen * (seen == kind), skeleton, size=4)
