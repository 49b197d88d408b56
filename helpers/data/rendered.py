"""Sets of rendered images: people one by one, crowds, and masks; from the cache, or made and stored there."""

import dataclasses
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from helpers.data import cache as cache_files
from helpers.data.batches import number_of, require_split
from helpers.data.masks import RENDERED_CLASSES, SegmentationSet, semantic_mask
from helpers.data.people import PeopleSet, box_areas
from helpers.data.poses import PoseSet
from helpers.data.skeletons import COCO
from helpers.people import Scene, SceneSettings, render_scene, renderer_version

__all__ = [
    "crowd_settings", "rendered_crowds", "rendered_instances", "rendered_people", "rendered_scene",
    "rendered_segmentation",
]  # fmt: skip

SEEDS = {"train": 11, "val": 22, "test": 33}  # each split draws its scenes from a seed of its own
KEYPOINTS = ("keypoints", "visibility", "boxes_xyxy")  # what a scene knows of each person
MASKED = SceneSettings(people=(1, 3), scale=(0.7, 1.0))  # the scenes of `rendered_segmentation`
# Those of `rendered_crowds`. People are 50 to 80 pixels tall: OKS measures in shares of a person's size, so larger
# images would cost time and change no score.
CROWD: dict[str, Any] = dict(
    size=(96, 128), people=(2, 4), crowding=0.15, occlusion=0.0, truncation=0.0, scale=(0.6, 0.85), appearance=0.3
)

Cache = Literal[False] | str | Path | None
LabelsOf = Callable[[Scene, int], dict[str, Tensor]]  # what to take of a scene, of at most so many people


def rendered_people(
    split: str, count: int | None = None, size: tuple[int, int] | None = None, settings: SceneSettings | None = None,
    cache: Cache = None, progress: bool = True, seed: int | None = None,
) -> PoseSet:  # fmt: skip
    """Return a set of rendered people with exact labels, one person per image.

    The first call renders the images and keeps them in one file, which later calls read.

    Args:
        split: "train", "val" or "test": different scenes each.
        count: number of images; None is 2048, 256 and 256. Fewer images are the first ones of more.
        size: (H, W); None is that of `settings`.
        settings: the knobs, a `helpers.people.SceneSettings`; None is its defaults, 128 x 128.
        cache: a folder of your own; None finds one (see `helpers.data.cache.folders`), False keeps nothing.
        seed: draw the scenes from this seed instead of the split's own.
    """
    alone = dataclasses.replace(settings or SceneSettings(), people=(1, 1))
    tensors = _rendered("people", _one_person, split, count, size, alone, cache, progress, seed)
    return PoseSet(**tensors, skeleton=COCO, name=f"rendered people, {split}")


def rendered_crowds(
    split: str, count: int | None = None, size: tuple[int, int] | None = None, settings: SceneSettings | None = None,
    cache: Cache = None, progress: bool = True, seed: int | None = None,
) -> PeopleSet:  # fmt: skip
    """Return a set of rendered scenes of two to four people, with exact labels of each.

    A person of whom no keypoint is seen stays in the set and is `ignored`. `areas` are those of `box_areas`, of the
    whole person: the area of what is seen would make half-hidden people small, and OKS asks more of small ones.

    Args:
        settings: the knobs, a `helpers.people.SceneSettings`; None is `crowd_settings()`: small images, and nothing
            in front of the people but each other.
        split, count, size, cache, progress, seed: as for `rendered_people`.
    """
    settings = settings or crowd_settings()
    labels: dict[str, Any] = _rendered("crowds", _everyone, split, count, size, settings, cache, progress, seed)
    labels["areas"] = box_areas(labels["boxes_xyxy"])
    labels["ignored"] = labels["present"] & ~(labels["visibility"] == 2).any(dim=-1)
    return PeopleSet(**labels, skeleton=COCO, name=f"rendered crowds, {split}")


def rendered_instances(
    split: str, count: int | None = None, size: tuple[int, int] | None = None, settings: SceneSettings | None = None,
    cache: Cache = None, progress: bool = True, seed: int | None = None,
) -> SegmentationSet:  # fmt: skip
    """Return the scenes of `rendered_crowds`, by the same arguments, with masks that number the people from 1; 0 is
    nobody."""
    settings = settings or crowd_settings()
    tensors = _rendered("instances", _owners, split, count, size, settings, cache, progress, seed)
    names = ("nobody", *(f"person {p}" for p in range(1, settings.people[1] + 1)))
    return SegmentationSet(**tensors, class_names=names, name=f"rendered crowds, {split}")


def rendered_segmentation(
    split: str, count: int | None = None, size: tuple[int, int] | None = None, settings: SceneSettings | None = None,
    cache: Cache = None, progress: bool = True, seed: int | None = None,
) -> SegmentationSet:  # fmt: skip
    """Return a set of rendered people with exact masks of six classes: background, skin, hair, top, trousers, shoes.

    Hats are hair, skirts and dresses are trousers, things in front of a person are background. A background pixel that
    touches a person (above, below, left or right) is void, 255: the camera sees a mixture there. What else is known of
    an image, such as where a hand is, `rendered_scene` tells.

    Args:
        settings: the knobs, a `helpers.people.SceneSettings`; None is 128 x 128 with one to three people, so large that
            a quarter of the pixels shows people and a minute of training suffices.
        split, count, size, cache, progress, seed: as for `rendered_people`.
    """
    tensors = _rendered("masks", _classes, split, count, size, settings or MASKED, cache, progress, seed)
    return SegmentationSet(**tensors, class_names=RENDERED_CLASSES, name=f"rendered people, {split}")


def rendered_scene(split: str, index: int, settings: SceneSettings | None = None) -> Scene:
    """Return the scene, with all its labels, that image `index` of `rendered_segmentation(split)` shows."""
    require_split(split)
    return render_scene(SEEDS[split], index, settings or MASKED)


def crowd_settings(**knobs: Any) -> SceneSettings:
    """Return the knobs of `rendered_crowds`, some changed: crowd_settings(crowding=0.8, people=(6, 6))."""
    return SceneSettings(**CROWD | knobs)


# What each kind of set takes of a scene besides its image; `most` is how many people a scene may have.
def _one_person(scene: Scene, most: int) -> dict[str, Tensor]:
    return {name: torch.from_numpy(getattr(scene, name)[0]) for name in KEYPOINTS}


def _everyone(scene: Scene, most: int) -> dict[str, Tensor]:
    people = {name: torch.from_numpy(getattr(scene, name)) for name in KEYPOINTS}
    people["present"] = torch.ones(len(scene.keypoints), dtype=torch.bool)
    return {name: torch.cat([x, x.new_zeros(most - len(x), *x.shape[1:])]) for name, x in people.items()}


def _classes(scene: Scene, most: int) -> dict[str, Tensor]:
    return {"masks": semantic_mask(scene)}


def _owners(scene: Scene, most: int) -> dict[str, Tensor]:
    return {"masks": torch.from_numpy(scene.instances)}


def _rendered(
    kind: str, labels_of: LabelsOf, split: str, count: int | None, size: tuple[int, int] | None,
    settings: SceneSettings, cache: Cache, progress: bool, seed: int | None,
) -> dict[str, Tensor]:  # fmt: skip
    """Return the tensors of a set from the cache, under a name that begins with `kind`, or render and store them."""
    count = number_of(count, split)
    settings = dataclasses.replace(settings, size=size or settings.size)
    recipe = (SEEDS[split] if seed is None else seed, count, settings)
    (height, width), digest = settings.size, hashlib.sha256(repr(recipe).encode()).hexdigest()
    name, where = f"{kind}-{split}-{count}-{height}x{width}-{digest[:8]}", [Path(cache)] if cache else None
    tensors = None if cache is False else cache_files.load(name, renderer_version(), where)
    if tensors is None:
        tensors = _tensors(labels_of, *recipe, f"rendering {split}" if progress else None)
        if cache is not False:
            cache_files.store(name, renderer_version(), tensors, where)
    return tensors


def _tensors(labels: LabelsOf, seed: int, count: int, settings: SceneSettings, title: str | None) -> dict[str, Tensor]:
    """Render scenes; return their images and what `labels` takes of each, one row a scene."""
    tensors: dict[str, Tensor] = {}
    for index, scene in enumerate(scenes(seed, count, settings, title)):
        image = torch.from_numpy(scene.image).permute(2, 0, 1)
        for name, part in {"images": image, **labels(scene, settings.people[1])}.items():
            if name not in tensors:
                tensors[name] = torch.empty(count, *part.shape, dtype=part.dtype)
            tensors[name][index] = part
    return tensors


def scenes(seed: int, count: int, settings: SceneSettings, title: str | None) -> Iterator[Scene]:
    """Yield scenes 0 to `count` - 1 of a seed, with a progress bar where there is a title."""
    from tqdm.auto import tqdm

    # Every two seconds: who runs a notebook without a browser (nbval) reads nothing until the cell is done, and of some
    # two thousand messages in the queue the last are lost, the one that says that it is done among them.
    for index in tqdm(range(count), desc=title, unit="image", disable=title is None, mininterval=2):
        yield render_scene(seed, index, settings)
