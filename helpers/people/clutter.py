"""Which things stand in a scene: seats under those who sit, clutter behind people, and what hides them in front."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from helpers.people.background import Camera
from helpers.people.dice import Dice
from helpers.people.meshes import Mesh, draw_thing, seat
from helpers.people.placing import Placed
from helpers.people.settings import SceneSettings

__all__ = ["clutter", "occluders", "seats"]

NEAREST = 0.7  # metres; nothing stands nearer to the camera
HIDDEN_AT_MOST = 0.45  # share of a person's box behind one thing


def seats(placed: list[Placed], dice: Callable[[int], Dice]) -> list[Mesh]:
    """Return what those who sit are sitting on."""
    out = []
    for p, one in enumerate(placed):
        height = float(one.person.keypoints[11:13, 2].sum() / 2) - 0.085
        if one.person.pose.seat and height > 0.1:
            turn = one.person.turn
            x, y = one.x - 0.06 * np.sin(turn), one.y + 0.06 * np.cos(turn)  # a little behind the hips: free knees
            out.append(seat(0.4, height, dice(p)).moved(x, y, 0, turn))
    return out


def clutter(
    placed: list[Placed], camera: Camera, wall: float, place: str, settings: SceneSettings, dice: Callable[[int], Dice]
) -> list[Mesh]:
    """Return things between the people and the wall, more of them the higher `appearance` is."""
    out = []
    nearest = max(p.y for p in placed) + 1.1
    wanted = dice(0).uniforms(5) < 0.9 * settings.appearance
    for i in np.flatnonzero(wanted):
        own = dice(1 + int(i))
        y = nearest + own.uniform() * max(wall - nearest - 0.6, 0.1)
        x = (own.uniform(-0.1, 1.1) * settings.size[1] - camera.centre) * y / camera.focal
        out.append(draw_thing(place, own).moved(x, y, 0, own.uniform(-0.6, 0.6)))
    return out


def occluders(placed: list[Placed], camera: Camera, settings: SceneSettings, dice: Callable[..., Dice]) -> list[Mesh]:
    """Return things that stand between the camera and a person, overlapping them on one side or the other."""
    out = []
    for p, one in enumerate(placed):
        wanted = dice(p, 0).uniforms(2) < (settings.occlusion, settings.occlusion**2)
        out += [in_front_of(one, camera, dice(p, 1 + int(i))) for i in np.flatnonzero(wanted)]
    return out


def in_front_of(one: Placed, camera: Camera, dice: Dice) -> Mesh:
    """Return a thing nearer to the camera than the person, somewhere across the person's width.

    What would hide more than `HIDDEN_AT_MOST` of the person's box is moved aside.
    """
    points, _ = camera.project(one.points(one.person.vertices[one.person.shown]))
    (left, top), (right, bottom) = points.min(0), points.max(0)
    front = one.y + min(float(one.person.vertices[:, 1].min()), -0.2)
    y = max(front - dice.uniform(0.2, 0.7), NEAREST)
    x = (left + dice.uniform(0.05, 0.95) * (right - left) - camera.centre) * y / camera.focal
    thing = draw_thing("front", dice).moved(x, y, 0, dice.uniform(-0.8, 0.8))
    points, _ = camera.project(np.maximum(thing.vertices, (-np.inf, 0.2, -np.inf)))
    low, high = points.min(0), points.max(0)
    tall = max(0.0, min(bottom, high[1]) - max(top, low[1])) / (bottom - top)
    allowed = (right - left) * min(1.0, HIDDEN_AT_MOST / max(tall, 0.01))
    excess = min(right, high[0]) - max(left, low[0]) - allowed
    if excess <= 0:
        return thing
    to_the_right = low[0] + high[0] > left + right
    shift = left + allowed - high[0] if not to_the_right else right - allowed - low[0]
    return thing.moved(shift * y / camera.focal, 0.0)
