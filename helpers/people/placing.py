"""Who is in a scene and where: posed, dressed people, the camera, and where everybody stands."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from helpers.people.appearance import Outfit, Surface, draw_outfit, swelling, worn_faces
from helpers.people.arrays import Floats, Ints
from helpers.people.background import Camera
from helpers.people.body import Body, load_body
from helpers.people.dice import Dice
from helpers.people.poses import ANGLES, Pose, load_poses
from helpers.people.settings import SceneSettings

__all__ = ["Person", "Placed", "make_person", "place_people"]

MARGIN = 2.0  # pixels that an uncut person keeps from the border
TRIAL_PLACES = 12
BORDERS = ("bottom",) * 4 + ("left",) * 3 + ("right",) * 3 + ("top",)


@dataclass(frozen=True)
class Person:
    """A posed person about the origin: hips over (0, 0), lowest point at the pose's lift; metres, z up."""

    pose: Pose
    outfit: Outfit
    surface: Surface  # of all V vertices
    vertices: Floats  # float64 (V, 3)
    normals: Floats  # float64 (V, 3)
    faces: Ints  # int64 (F, 3)
    shown: Ints  # int64 (N,): the vertices of those faces
    keypoints: Floats  # float64 (17, 3)
    stature: float  # standing height
    turn: float  # radians about the vertical, 0 faces the camera


@dataclass(frozen=True)
class Placed:
    """A person and where the hips stand: x to the right of the camera, y away from it."""

    person: Person
    x: float
    y: float

    def points(self, points: Floats) -> Floats:
        """Return points (N, 3) of the person in the scene."""
        return points + (self.x, self.y, 0.0)


def draw_traits(dice: Dice) -> tuple[Floats, float]:
    """Return traits (6,) from the middle body and gender in [0, 1], 1 the most feminine."""
    gender = min(max(0.5 + (0.42 if dice.chance(0.5) else -0.42) + 0.08 * float(dice.bell(1)[0]), 0.0), 1.0)
    wide = np.array([0.0, 0.12, 0.16, 0.16, 0.09, 0.16])
    return np.clip(wide * dice.bell(6), -0.38, 0.38) * (1, 0.45, 1, 1, 0.5, 1) + [gender - 0.5, 0, 0, 0, 0, 0], gender


def make_person(dice: Dice, outfit_dice: Dice, appearance: float) -> Person:
    """Return a person drawn from `dice` (body, pose, direction), dressed from `outfit_dice`."""
    body = load_body()
    traits, gender = draw_traits(dice)
    pose = load_poses().draw(dice)
    # Most people turn their front half towards the camera, as in photographs.
    turn = dice.uniform(-np.pi, np.pi) if dice.chance(0.35) else 0.9 * float(dice.bell(1)[0])
    return build_person(body, traits, pose, turn, draw_outfit(outfit_dice, gender, appearance))


def build_person(body: Body, traits: Floats, pose: Pose, turn: float, outfit: Outfit) -> Person:
    """Return the person with these traits, pose, direction and outfit."""
    rest, joints, keypoints = body.shaped(traits)
    surface = Surface(body.vertices.T, body.lengths.T, body.part, body.vertex_layer)
    rest = rest + body.normals * swelling(outfit, surface)[:, None]
    angles = pose.angles.copy()
    angles[ANGLES.index("root.turn")] += np.degrees(turn)
    transforms = body.transforms(angles, joints)
    vertices, normals = body.posed(transforms, rest)
    keypoints = body.posed_keypoints(transforms, keypoints)
    faces = body.faces[worn_faces(body, outfit)]
    used = np.zeros(len(vertices), bool)
    used[faces] = True
    lowest = vertices[body.vertex_layer == 0, 2].min()
    shift = np.array([keypoints[11:13, 0].sum() / 2, keypoints[11:13, 1].sum() / 2, lowest - pose.lift])
    stature = float(rest[body.vertex_layer == 0, 2].max() - rest[:, 2].min())
    return Person(
        pose, outfit, surface, vertices - shift, normals, faces, np.flatnonzero(used), keypoints - shift, stature, turn
    )


def place_people(
    people: list[Person], settings: SceneSettings, dice: Dice, cut_dice: Callable[[int], Dice]
) -> tuple[list[Placed], Camera]:
    """Return where everybody stands and the camera; `cut_dice(p)` decides whether and how person p is cut."""
    if len(people) == 1:
        return place_one(people[0], settings, dice, cut_dice(0))
    return place_many(people, settings, dice, cut_dice)


def extent(person: Person, camera: Camera, y: float) -> Floats:
    """Return the box (4,) of a person at x = 0 and depth y, pixels."""
    points, _ = camera.project(person.vertices[person.shown] + (0, y, 0))
    return np.concatenate([points.min(0), points.max(0)])


def cut_of(settings: SceneSettings, dice: Dice, borders: tuple[str, ...]) -> tuple[str | None, float]:
    """Return which of the borders cuts a person (None: no border does) and the share of the box that is cut off."""
    cut, side, share = dice.uniform(), dice.pick(borders), dice.uniform(0.1, 0.4)
    return (side if cut < settings.truncation else None), share


def place_one(person: Person, settings: SceneSettings, dice: Dice, cut_dice: Dice) -> tuple[list[Placed], Camera]:
    """Return the one person's place and a camera that shows them at a size and place drawn from `dice`."""
    height, width = settings.size
    y, eye, share = dice.uniform(2.4, 6.0), dice.uniform(0.6, 2.2), dice.uniform()
    across, down = dice.uniform(), dice.uniform()
    side, cut = cut_of(settings, cut_dice, BORDERS)
    low, high = settings.scale
    focal = (low + (high - low) * share) * height * y / person.stature
    box = extent(person, Camera(focal, 0.0, 0.0, eye), y)
    fit = min(1.0, (width - 1 - 2 * MARGIN) / (box[2] - box[0]), (height - 1 - 2 * MARGIN) / (box[3] - box[1]))
    focal, box = focal * fit, box * fit
    centre = between(MARGIN - box[0], width - 1 - MARGIN - box[2], across)
    horizon = between(MARGIN - box[1], height - 1 - MARGIN - box[3], down)
    if side in ("left", "right"):
        centre = cut_shift(box[0], box[2], width, side == "left", cut)
    elif side:
        horizon = cut_shift(box[1], box[3], height, side == "top", cut)
    return [Placed(person, 0.0, y)], Camera(focal, centre, horizon, eye)


def between(low: float, high: float, share: float) -> float:
    """Return the point at `share` of the way from low to high; halfway where there is no room."""
    return low + (high - low) * share if low <= high else (low + high) / 2


def cut_shift(low: float, high: float, size: int, first: bool, cut: float) -> float:
    """Return the shift after which the share `cut` of [low, high] lies outside [0, size - 1], before it or after."""
    return -(low + cut * (high - low)) if first else size - 1 - (high - cut * (high - low))


def place_many(
    people: list[Person], settings: SceneSettings, dice: Dice, cut_dice: Callable[[int], Dice]
) -> tuple[list[Placed], Camera]:
    """Return everybody's place on one ground before one camera, as far apart or as crowded as the settings say."""
    height, width = settings.size
    focal, eye = height * dice.uniform(1.0, 1.7), dice.uniform(0.9, 1.75)
    low, high = settings.scale
    shares = low * (high / low) ** dice.uniforms(len(people))
    depths = np.array([focal * p.stature / (s * height) for p, s in zip(people, shares, strict=True)])
    flat = Camera(focal, 0.0, 0.0, eye)
    boxes = np.stack([extent(p, flat, y) for p, y in zip(people, depths, strict=True)])
    horizon = between(MARGIN - boxes[:, 1].min(), height - 1 - MARGIN - boxes[:, 3].max(), dice.uniform())
    camera = Camera(focal, (width - 1) / 2, horizon, eye)
    boxes += (camera.centre, horizon) * 2
    placed: list[Placed] = []
    taken = np.zeros((0, 4))
    for p, (person, depth, box) in enumerate(zip(people, depths, boxes, strict=True)):
        shift = find_shift(box, depth / focal, depth, taken, placed, settings, dice.uniforms(TRIAL_PLACES), cut_dice(p))
        placed.append(Placed(person, shift * depth / focal, depth))
        taken = np.concatenate([taken, [box + (shift, 0, shift, 0)]])
    return placed, camera


def find_shift(
    box: Floats,
    metres: float,
    depth: float,
    taken: Floats,
    placed: list[Placed],
    settings: SceneSettings,
    trials: Floats,
    cut_dice: Dice,
) -> float:
    """Return how far to the right, in pixels, a person is moved: of a few trial places the one that crowds as asked."""
    width = settings.size[1]
    side, cut = cut_of(settings, cut_dice, ("left", "right"))
    if side:
        return cut_shift(box[0], box[2], width, side == "left", cut)
    shifts = np.array([between(MARGIN - box[0], width - 1 - MARGIN - box[2], t) for t in trials])
    costs = np.zeros(len(shifts))
    for i, shift in enumerate(shifts):
        overlap = overlaps(box + (shift, 0, shift, 0), taken)
        costs[i] = abs(overlap.max(initial=0.0) - 0.75 * settings.crowding)
        costs[i] += 0.1 * overlap.sum() * (1 - settings.crowding)
        for other in placed:  # nobody stands inside somebody else
            gap = np.hypot(other.x - shift * metres, other.y - depth)
            costs[i] += 4 * max(0.0, 0.5 - gap)
    return float(shifts[costs.argmin()])


def overlaps(box: Floats, boxes: Floats) -> Floats:
    """Return (N,): the shared area of `box` with each of `boxes` as a share of the smaller one's."""
    size = np.minimum(boxes[:, 2:], box[2:]) - np.maximum(boxes[:, :2], box[:2])
    shared = np.maximum(size, 0).prod(1)
    shares: Floats = shared / np.minimum((boxes[:, 2:] - boxes[:, :2]).prod(1), (box[2:] - box[:2]).prod())
    return shares
