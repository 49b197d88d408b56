"""Which things stand in a scene: seats under those who sit, clutter behind people, and what hides them in front."""

from collections.abc import Callable

import numpy as np

from helpers.people.background import Camera
from helpers.people.dice import Dice
from helpers.people.objects import Mesh, draw_thing, seat
from helpers.people.placing import Placed
from helpers.people.settings import SceneSettings

__all__ = ["clutter", "occluders", "seats"]

NEAREST = 0.7  # metres; nothing stands nearer to the camera


def seats(placed: list[Placed], dice: Callable[[int], Dice]) -> list[Mesh]:
    """Return what those who sit are sitting on."""
    out = []
    for p, one in enumerate(placed):
        height = float(one.person.keypoints[11:13, 2].sum() / 2) - 0.085
        if one.person.pose.seat and height > 0.1:
            turn = one.person.turn
            # A little behind the hips, so that the knees are free.
            out.append(seat(0.4, height, dice(p)).moved(one.x - 0.06 * np.sin(turn), one.y + 0.06 * np.cos(turn), 0, turn))
    return out


def clutter(placed: list[Placed], camera: Camera, wall: float, place: str, settings: SceneSettings,
            dice: Dice) -> list[Mesh]:
    """Return things between the people and the wall, more of them the higher `appearance` is."""
    out = []
    nearest = max(p.y for p in placed) + 0.7
    for _ in range(5):
        wanted, share, column = dice.uniform(), dice.uniform(), dice.uniform(-0.1, 1.1)
        thing = draw_thing(place, dice)
        y = nearest + 0.4 + share * max(wall - nearest - 0.6, 0.1)
        x = (column * settings.size[1] - camera.centre) * y / camera.focal
        if wanted < 0.9 * settings.appearance:
            out.append(thing.moved(x, y, 0, dice.uniform(-0.6, 0.6)))
    return out


def occluders(placed: list[Placed], camera: Camera, settings: SceneSettings, dice: Callable[[int], Dice]) -> list[Mesh]:
    """Return things that stand between the camera and a person, overlapping them on one side or the other."""
    out = []
    for p, one in enumerate(placed):
        own = dice(p)
        points, _ = camera.project(one.points(one.person.vertices))
        left, right = points[:, 0].min(), points[:, 0].max()
        front = one.y + min(float(one.person.vertices[:, 1].min()), -0.2)
        for chance in (settings.occlusion, settings.occlusion**2):
            wanted, gap, across = own.uniform(), own.uniform(0.35, 0.9), own.uniform(-0.15, 1.15)
            thing = draw_thing("front", own)
            y = max(front - gap, NEAREST)
            x = (left + across * (right - left) - camera.centre) * y / camera.focal
            if wanted < chance:
                out.append(thing.moved(x, y, 0, own.uniform(-0.8, 0.8)))
    return out
