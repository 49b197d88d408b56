"""Scenes: one call draws people in a place and says everything about them."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from numbers import Integral
from pathlib import Path

import numpy as np

from helpers.people.arrays import Bools, Floats, Floats32, Ints, Labels
from helpers.people.background import Camera, draw_light, paint_backdrop, room_of
from helpers.people.body import BODY_FILE, load_body
from helpers.people.clutter import clutter, occluders, seats
from helpers.people.dice import Dice
from helpers.people.layer import Layer, blend, cast_shadows, draw_layer
from helpers.people.placing import Placed, make_person, place_people
from helpers.people.poses import POSE_FILE, load_poses
from helpers.people.settings import SceneSettings

__all__ = ["Scene", "render_scene", "renderer_version"]

# One stream of random numbers per purpose, so that a knob leaves alone what it does not concern.
CAMERA, PERSON, OUTFIT, CUT, PLACE, BACKDROP, CLUTTER, SEATS, OCCLUDERS, GRAIN = range(10)

# How far below the surface each keypoint may lie and still count as seen, metres, in COCO's order.
EMBEDDED = np.array(
    [0.045, 0.045, 0.045, 0.06, 0.06, 0.14, 0.14, 0.09, 0.09, 0.07, 0.07, 0.18, 0.18, 0.11, 0.11, 0.09, 0.09]
)
# The parts (index into Body.part_names) whose surface shows each keypoint.
SHOWN_BY = np.array(
    [(1, 1)] * 5
    + [(2, 3), (2, 4), (3, 5), (4, 6), (5, 7), (6, 8), (2, 9), (2, 10), (9, 11), (10, 12), (11, 13), (12, 14)]
)


@dataclass(frozen=True)
class Scene:
    """One image with exact labels: P people, H x W pixels, pixel centres at integers, keypoints in COCO's order."""

    image: Labels
    """uint8 (H, W, 3)."""
    keypoints: Floats32
    """float32 (P, 17, 2), x then y, pixels; where they are even outside the image."""
    visibility: Labels
    """uint8 (P, 17): 0 outside the image, 1 hidden, 2 seen."""
    boxes_xyxy: Floats32
    """float32 (P, 4): around the whole person, hidden parts included, cut at the border."""
    instances: Labels
    """uint8 (H, W): person p is p + 1, 0 elsewhere."""
    parts: Labels
    """uint8 (H, W): index into `PARTS`, 0 elsewhere."""
    clothes: Labels
    """uint8 (H, W): index into `CLOTHES`, 0 elsewhere."""
    depth: Floats32
    """float32 (H, W): metres along the viewing axis to people and to things that stand in the scene; inf where there is
    only ground, wall or sky."""
    poses: tuple[str, ...]
    """The key pose that each person's pose was drawn from."""


@lru_cache(maxsize=1)
def renderer_version() -> str:
    """Return 12 hexadecimal digits that change when the renderer's code, the body or the poses change.

    Made for cache keys. Line ends do not count, so that a checkout on Windows gives the same digits.
    """
    load_body(), load_poses()  # where one is missing or damaged, they say so
    digest = hashlib.sha256()
    for path in [*sorted(Path(__file__).parent.glob("*.py")), POSE_FILE]:
        digest.update(path.name.encode() + path.read_bytes().replace(b"\r\n", b"\n"))
    digest.update(BODY_FILE.read_bytes())
    return digest.hexdigest()[:12]


def render_scene(seed: int, index: int, settings: SceneSettings | None = None) -> Scene:
    """Return image `index` of the endless series `seed`: the same bytes in any order, process and platform.

    Raises:
        TypeError: `seed` or `index` is no whole number, or `settings` no SceneSettings.
        ValueError: `seed` or `index` is outside [0, 2**64).
    """
    settings = SceneSettings() if settings is None else settings
    check_arguments(seed, index, settings)

    def dice(*purpose: int) -> Dice:
        return Dice(int(seed), int(index), *purpose)

    camera_dice = dice(CAMERA)
    count = camera_dice.integer(*settings.people)
    people = [make_person(dice(PERSON, p), dice(OUTFIT, p), settings.appearance) for p in range(count)]
    placed, camera = place_people(people, settings, camera_dice, lambda p: dice(CUT, p))
    place_dice = dice(PLACE)
    place = room_of(place_dice)
    wall = max(p.y for p in placed) + place_dice.uniform(1.2, 4.5) * (1 if place == "indoor" else 4)
    light = draw_light(place_dice, place == "outdoor", settings.appearance)
    things = [
        *seats(placed, lambda p: dice(SEATS, p)),
        *clutter(placed, camera, wall, place, settings, lambda i: dice(CLUTTER, i)),
        *occluders(placed, camera, settings, lambda *key: dice(OCCLUDERS, *key)),
    ]

    image = paint_backdrop(
        camera, settings.size, place, wall, light, lambda part: dice(BACKDROP, part), settings.appearance
    )
    cast_shadows(image, camera, wall, light, placed, things)
    layer = draw_layer(placed, things, camera, light, settings.size)
    blend(layer, image)
    image += 10 * settings.appearance * (dice(GRAIN).uniforms(*settings.size, 1) - 0.5)
    return labelled(np.clip(image + 0.5, 0, 255).astype(np.uint8), layer, camera, placed)


def check_arguments(seed: object, index: object, settings: object) -> None:
    """Raise unless the arguments of `render_scene` are what it expects."""
    for name, value in (("seed", seed), ("index", index)):
        if isinstance(value, bool) or not isinstance(value, Integral):
            raise TypeError(f"{name} is {value!r}; expected a whole number in [0, 2**64).")
        if not 0 <= int(value) < 2**64:
            raise ValueError(f"{name} is {value}; expected a whole number in [0, 2**64).")
    if not isinstance(settings, SceneSettings):
        raise TypeError(
            f"settings is of type {type(settings).__name__}; expected SceneSettings, for example "
            "SceneSettings(size=(128, 128))."
        )


def labelled(image: Labels, layer: Layer, camera: Camera, placed: list[Placed]) -> Scene:
    """Return the scene: the image with its labels, read off the layer at the pixel centres."""
    size = image.shape[:2]
    centres = (slice(1, None, 2), slice(1, None, 2))
    inverse = layer.inverse_depth[centres]
    depth = np.full(size, np.inf, np.float32)
    np.divide(1.0, inverse, out=depth, where=inverse > 0, casting="same_kind")
    keypoints, visibility, boxes = zip(
        *(labels_of(one, p, camera, layer, size) for p, one in enumerate(placed)), strict=True
    )
    owner, part, worn = (np.ascontiguousarray(a[centres]) for a in (layer.owner, layer.part, layer.worn))
    return Scene(
        image,
        np.stack(keypoints).astype(np.float32),
        np.stack(visibility),
        np.stack(boxes).astype(np.float32),
        owner,
        part,
        worn,
        depth,
        tuple(one.person.pose.name for one in placed),
    )


def labels_of(
    one: Placed, p: int, camera: Camera, layer: Layer, size: tuple[int, int]
) -> tuple[Floats, Labels, Floats]:
    """Return keypoints (17, 2), visibility (17,) and box (4,) of person `p`."""
    keypoints, inverse = camera.project(one.points(one.person.keypoints))
    keypoints = np.floor(keypoints * 256 + 0.5) / 256
    outline, _ = camera.project(one.points(one.person.vertices[one.person.shown]))
    outline = np.floor(outline * 256 + 0.5) / 256
    limit = np.array([size[1] - 1, size[0] - 1], float)
    inside = ((keypoints >= 0) & (keypoints <= limit)).all(1)
    visibility = np.where(inside, 1 + seen(keypoints, 1 / inverse, p, layer), 0).astype(np.uint8)
    box = np.concatenate([np.clip(outline.min(0), 0, limit), np.clip(outline.max(0), 0, limit)])
    return keypoints, visibility, box


def seen(points: Floats, depth: Floats, p: int, layer: Layer) -> Bools:
    """Return bool (17,): whether each keypoint shows, that is, whether what is nearest there is the right part of
    person `p`, right above it.

    There means within half a pixel; and a pixel labelled as this person lies within one, so that the masks agree.
    """
    rows, columns = around(np.floor(2 * points + 1.5), layer.owner.shape)
    inverse, part = layer.inverse_depth[rows, columns], layer.part[rows, columns]  # (17, 9)
    right_part = (part == SHOWN_BY[:, :1]) | (part == SHOWN_BY[:, 1:])
    # depth - 1 / inverse < EMBEDDED, multiplied out so that empty samples divide nothing
    above = depth[:, None] * inverse - 1 < EMBEDDED[:, None] * inverse
    shows: Bools = ((layer.owner[rows, columns] == p + 1) & right_part & above).any(1)
    labels = layer.owner[1::2, 1::2]
    rows, columns = around(np.floor(points + 0.5), labels.shape)
    labelled_so: Bools = (labels[rows, columns] == p + 1).any(1)
    return shows & labelled_so


def around(points: Floats, shape: tuple[int, ...]) -> tuple[Ints, Ints]:
    """Return rows and columns (N, 9) of each of `points` (N, 2), x then y, and its neighbours, kept inside `shape`."""
    nine = np.arange(9)
    columns = np.clip(points[:, :1] + nine % 3 - 1, 0, shape[1] - 1)
    rows = np.clip(points[:, 1:] + nine // 3 - 1, 0, shape[0] - 1)
    return rows.astype(int), columns.astype(int)
