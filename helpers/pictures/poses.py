"""Pictures of poses, one person each, and of rendered scenes.

Every function of `helpers.pictures` shows its picture in the notebook, with a text for who cannot see it, and returns a
`Picture`, which can be saved; `show=False` only returns it.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import ListedColormap
from torch import Tensor

from helpers.data.poses import PoseSet
from helpers.people import Scene
from helpers.pictures.colours import BLACK, COLOURS, WHITE
from helpers.pictures.drawing import draw_box, draw_image, draw_limbs, draw_person, draw_scene
from helpers.pictures.figure import Picture, aspect, finished, image_axes, image_grid, name_axes, shows_itself
from helpers.shapes import require


@shows_itself
def pose_grid(
    data: PoseSet, predictions: Tensor | None = None, *, titles: Sequence[str] | None = None, columns: int = 4,
    title: str = "",
) -> Picture:  # fmt: skip
    """Return the images of `data` with their poses, in a grid: left limbs blue, right ones orange, the middle yellow.

    A filled dot is a keypoint that is seen, a hollow one is hidden; what is outside the image is not drawn.

    Args:
        data: a few images, such as `val[:8]` or `val[worst]`.
        predictions: (N, K, 2); drawn in colour over the truth in thin white lines. None: the truth in colour.
        titles: one per image.
    """
    count, skeleton = len(data), data.skeleton
    figure, axes = image_grid(count, "images", columns, 2.3, aspect(data.images), titles)
    if predictions is not None:
        require("predictions", predictions, "N K 2", known={"N": count, "K": skeleton.num_keypoints})
    shown = data.keypoints if predictions is None else predictions
    for axis, image, truth, points, seen in zip(axes, data.images, data.keypoints, shown, data.visibility, strict=True):
        draw_image(axis, image)
        if predictions is not None:
            draw_limbs(axis, truth, seen, skeleton, WHITE, thin=True)
        draw_person(axis, points, seen, skeleton)
    kind = "with their true poses" if predictions is None else "with predicted poses over the true ones in white"
    return finished(figure, title, f"{count} image{'s' * (count != 1)} of {data.name}, {kind}")


@shows_itself
def scene(scene: Scene, title: str = "") -> Picture:
    """Return a rendered scene and its labels: poses and boxes, people, body parts, clothes and depth."""
    figure, axes = image_axes(2, 3, 3.0, aspect=scene.image.shape[0] / scene.image.shape[1])
    draw_scene(axes[0], scene)
    draw_scene(axes[1], scene, poses=True)
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
def scene_grid(scenes: Sequence[Scene], *, poses: bool = True, title: str = "") -> Picture:
    """Return rendered scenes in a grid, with the poses of all people unless `poses` is False."""
    if not scenes:
        raise ValueError("scenes is empty; expected at least one, as render_scene returns it.")
    height, width = scenes[0].image.shape[:2]
    figure, axes = image_grid(len(scenes), "scenes", 4, 2.3, height / width)
    for axis, one in zip(axes, scenes, strict=True):
        draw_scene(axis, one, poses=poses)
    people = sum(len(one.keypoints) for one in scenes)
    return finished(figure, title, f"{len(scenes)} rendered scenes with {people} people")
