"""Sets of rendered images: people one by one, crowds, and masks; from the cache, or made and stored there."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from helpers.data import cache as cache_files
from helpers.data.masks import RENDERED_CLASSES, SegmentationSet, semantic_mask
from helpers.data.people import PeopleSet, box_areas
from helpers.data.poses import PoseSet
from helpers.data.skeletons import COCO

if TYPE_CHECKING:
    from helpers.people import Scene, SceneSettings

__all__ = ["crowd_settings", "rendered_crowds", "rendered_people", "rendered_scene", "rendered_segmentation"]

SPLITS = {"train": 2048, "val": 256, "test": 256}  # default number of images
SEEDS = {"train": 11, "val": 22, "test": 33}  # each split draws its scenes from a seed of its own


def rendered_people(
    split: str,
    count: int | None = None,
    size: tuple[int, int] | None = None,
    settings=None,
    cache: bool | str | Path | None = None,
    progress: bool = True,
    seed: int | None = None,
) -> PoseSet:
    """Return a set of rendered people with exact labels, one person per image.

    The first call renders the images and keeps them in one file; later calls read that file.

    Args:
        split: "train", "val" or "test": different scenes each.
        count: number of images; None is 2048, 256 and 256. Fewer images are the first ones of more.
        size: (H, W); None is that of `settings`.
        settings: the knobs, a `helpers.people.SceneSettings`; None is its defaults, 128 x 128.
        cache: a folder of your own; None finds one (see `helpers.data.cache.folders`), False keeps nothing.
        progress: show a progress bar.
        seed: draw the scenes from this seed instead of the split's own.
    """
    tensors = rendered("people", _render_poses, split, count, size, settings, cache, progress, seed, people=(1, 1))
    return PoseSet(**tensors, skeleton=COCO, name=f"rendered people, {split}")


def rendered(
    kind: str,
    render: Callable[..., dict[str, Tensor]],
    split: str,
    count: int | None,
    size: tuple[int, int] | None,
    settings,
    cache: bool | str | Path | None,
    progress: bool,
    seed: int | None,
    **fixed: object,
) -> dict[str, Tensor]:
    """Return the tensors of a set of rendered scenes, from the cache or from `render`, which are then stored.

    Args:
        kind: with what the name of the file in the cache begins.
        render: `render(seed, count, settings, title)` -> the tensors; a title of None shows no progress bar.
        split, count, size, settings, cache, progress, seed: see `rendered_people`.
        fixed: knobs that the kind decides on, whatever `settings` says.
    """
    from helpers.people import SceneSettings

    require_split(split)
    count = SPLITS[split] if count is None else count
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise ValueError(f"count is {count!r}; expected a whole number of images, 1 or more.")
    settings = settings or SceneSettings()
    settings = dataclasses.replace(settings, size=tuple(size or settings.size), **fixed)
    recipe = (SEEDS[split] if seed is None else seed, count, settings)

    def make() -> dict[str, Tensor]:
        return render(*recipe, f"rendering {split}" if progress else None)

    return make() if cache is False else _cached(f"{kind}-{split}", recipe, cache, make)


def require_split(split: str) -> None:
    """Check that `split` is the name of one."""
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}; expected 'train', 'val' or 'test'.")


def _cached(kind: str, recipe: tuple, folder: str | Path | None, make) -> dict[str, Tensor]:
    """Return the tensors of `recipe` from the cache, or from `make`, which are then stored."""
    from helpers.people import renderer_version

    count, (height, width) = recipe[1], recipe[2].size
    name = f"{kind}-{count}-{height}x{width}-{hashlib.sha256(repr(recipe).encode()).hexdigest()[:8]}"
    where = [Path(folder)] if folder else None
    renderer = renderer_version()
    tensors = cache_files.load(name, renderer, where)
    if tensors is None:
        tensors = make()
        cache_files.store(name, renderer, tensors, where)
    return tensors


def scenes(seed: int, count: int, settings, title: str | None) -> Iterator[Scene]:
    """Yield scenes 0 to `count` - 1 of a seed, with a progress bar where there is a title."""
    from tqdm.auto import tqdm

    from helpers.people import render_scene

    # Every two seconds: who runs a notebook without a browser (nbval) reads nothing until the cell is done, and of some
    # two thousand messages in the queue the last are lost, the one that says that it is done among them.
    for index in tqdm(range(count), desc=title, unit="image", disable=title is None, mininterval=2):
        yield render_scene(seed, index, settings)


def _render_poses(seed: int, count: int, settings, title: str | None) -> dict[str, Tensor]:
    """Render `count` scenes of one person, as tensors."""
    height, width = settings.size
    tensors = {
        "images": torch.empty(count, 3, height, width, dtype=torch.uint8),
        "keypoints": torch.empty(count, COCO.num_keypoints, 2),
        "visibility": torch.empty(count, COCO.num_keypoints, dtype=torch.uint8),
        "boxes_xyxy": torch.empty(count, 4),
    }
    for index, scene in enumerate(scenes(seed, count, settings, title)):
        tensors["images"][index] = torch.from_numpy(scene.image).permute(2, 0, 1)
        for name in ("keypoints", "visibility", "boxes_xyxy"):
            tensors[name][index] = torch.from_numpy(getattr(scene, name)[0])
    return tensors


# The knobs of the scenes of `rendered_crowds`, where its caller gives none. People are 50 to 80 pixels tall: OKS
# measures in shares of a person's size, so larger images would cost time and change no score.
CROWD = {
    "size": (96, 128),
    "people": (2, 4),
    "crowding": 0.15,
    "occlusion": 0.0,
    "truncation": 0.0,
    "scale": (0.6, 0.85),
    "appearance": 0.3,
}


def rendered_crowds(
    split: str,
    count: int | None = None,
    size: tuple[int, int] | None = None,
    settings=None,
    cache: bool | str | Path | None = None,
    progress: bool = True,
    seed: int | None = None,
) -> PeopleSet:
    """Return a set of rendered scenes of two to four people, with exact labels of each.

    The first call renders the images and keeps them in one file; later calls read that file. A person of whom no
    keypoint is seen, whether behind something or outside the image, stays in the set and is `ignored`.

    `areas` are those of `box_areas`: of the whole person, also of a person half hidden. The area of what is seen would
    make hidden people small, and OKS asks more of small ones: they would be hard twice.

    Args:
        split: "train", "val" or "test": different scenes each.
        count: number of images; None is 2048, 256 and 256. Fewer images are the first ones of more.
        size: (H, W); None is that of `settings`.
        settings: the knobs, a `helpers.people.SceneSettings`; None is `crowd_settings()`: small images, and nothing
            in front of the people but each other.
        cache: a folder of your own; None finds one (see `helpers.data.cache.folders`), False keeps nothing.
        progress: show a progress bar.
        seed: draw the scenes from this seed instead of the split's own.
    """
    settings = settings or crowd_settings()
    tensors = rendered("crowds", _render_people, split, count, size, settings, cache, progress, seed)
    unseen = ~(tensors["visibility"] == 2).any(dim=-1)
    return PeopleSet(
        **tensors,
        areas=box_areas(tensors["boxes_xyxy"]),
        ignored=tensors["present"] & unseen,
        skeleton=COCO,
        name=f"rendered crowds, {split}",
    )


def crowd_settings(**knobs: object):
    """Return the knobs of the scenes of `rendered_crowds`, a SceneSettings, with those changed that are given.

    Example: crowd_settings(crowding=0.8, people=(6, 6)).
    """
    from helpers.people import SceneSettings

    return SceneSettings(**CROWD | knobs)


def _render_people(seed: int, count: int, settings, title: str | None) -> dict[str, Tensor]:
    """Render `count` scenes, as tensors with a row for each person that a scene may have."""
    people = settings.people[1]
    tensors = {
        "images": torch.empty(count, 3, *settings.size, dtype=torch.uint8),
        "keypoints": torch.zeros(count, people, COCO.num_keypoints, 2),
        "visibility": torch.zeros(count, people, COCO.num_keypoints, dtype=torch.uint8),
        "boxes_xyxy": torch.zeros(count, people, 4),
        "present": torch.zeros(count, people, dtype=torch.bool),
    }
    for index, scene in enumerate(scenes(seed, count, settings, title)):
        found = len(scene.keypoints)
        tensors["images"][index] = torch.from_numpy(scene.image).permute(2, 0, 1)
        for name in ("keypoints", "visibility", "boxes_xyxy"):
            tensors[name][index, :found] = torch.from_numpy(getattr(scene, name))
        tensors["present"][index, :found] = True
    return tensors


def rendered_segmentation(
    split: str,
    count: int | None = None,
    size: tuple[int, int] | None = None,
    settings=None,
    cache: bool | str | Path | None = None,
    progress: bool = True,
    seed: int | None = None,
) -> SegmentationSet:
    """Return a set of rendered people with exact masks of six classes: background, skin, hair, top, trousers, shoes.

    Hats are hair, skirts and dresses are trousers. A background pixel that touches a person (above, below, left or
    right) is void, 255: there the camera sees a mixture of both, so no answer is the right one. Things in front of a
    person are background.

    The first call renders the images and keeps them in one file; later calls read that file. What else is known of an
    image, such as where a hand is, `rendered_scene` tells.

    Args:
        split: "train", "val" or "test": different scenes each.
        count: number of images; None is 2048, 256 and 256. Fewer images are the first ones of more.
        size: (H, W); None is that of `settings`.
        settings: the knobs, a `helpers.people.SceneSettings`; None is 128 x 128 with one to three people, larger than
            those of the pose exercises: a quarter of the pixels shows people instead of a tenth, so that a minute of
            training suffices.
        cache: a folder of your own; None finds one (see `helpers.data.cache.folders`), False keeps nothing.
        progress: show a progress bar.
        seed: draw the scenes from this seed instead of the split's own.
    """
    settings = settings or default_settings()
    tensors = rendered("masks", _render_masks, split, count, size, settings, cache, progress, seed)
    return SegmentationSet(**tensors, class_names=RENDERED_CLASSES, name=f"rendered people, {split}")


def rendered_scene(split: str, index: int, settings: SceneSettings | None = None) -> Scene:
    """Return the scene, with all its labels, that image `index` of `rendered_segmentation(split)` shows."""
    from helpers.people import render_scene

    require_split(split)
    return render_scene(SEEDS[split], index, settings or default_settings())


def default_settings() -> SceneSettings:
    """Return the knobs of the scenes of `rendered_segmentation`."""
    from helpers.people import SceneSettings

    return SceneSettings(people=(1, 3), scale=(0.7, 1.0))


def _render_masks(seed: int, count: int, settings, title: str | None) -> dict[str, Tensor]:
    """Render `count` scenes, as tensors."""
    images = torch.empty(count, 3, *settings.size, dtype=torch.uint8)
    masks = torch.empty(count, *settings.size, dtype=torch.uint8)
    for index, scene in enumerate(scenes(seed, count, settings, title)):
        images[index] = torch.from_numpy(scene.image).permute(2, 0, 1)
        masks[index] = semantic_mask(scene)
    return {"images": images, "masks": masks}
