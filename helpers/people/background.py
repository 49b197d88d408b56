"""Backdrops: floor, walls, sky and what stands far behind, painted straight onto the image at its own size.

No sine, no exponential: patterns are triangle waves and interpolated random grids, the same on every platform.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from helpers.people.appearance import wave
from helpers.people.arrays import Array, Floats, Palette
from helpers.people.dice import Dice

__all__ = ["Camera", "Light", "draw_light", "paint_backdrop", "room_of"]

FLOORS = (
    (150, 112, 78), (112, 80, 56), (176, 168, 156), (120, 118, 116), (86, 84, 88), (196, 180, 150), (92, 100, 112),
)  # fmt: skip
WALLS = (
    (224, 218, 206), (196, 204, 208), (180, 190, 170), (214, 190, 160), (150, 166, 188), (200, 170, 170),
    (120, 124, 132), (168, 90, 74), (92, 108, 100), (236, 232, 226),
)  # fmt: skip
GROUNDS = (
    (96, 122, 62), (124, 138, 80), (110, 110, 112), (140, 134, 126), (168, 150, 118), (196, 184, 150), (84, 106, 64),
)  # fmt: skip
SKIES = (
    ((116, 164, 220), (208, 224, 240)), ((150, 160, 172), (206, 210, 214)), ((86, 120, 176), (236, 200, 168)),
    ((132, 184, 232), (226, 236, 244)),
)  # fmt: skip
FAR = ((70, 96, 62), (94, 112, 84), (110, 124, 140), (128, 110, 100), (150, 146, 142), (88, 84, 92))


@dataclass(frozen=True)
class Camera:
    """A level camera: x_image = centre + focal X / Y, y_image = horizon - focal (Z - height) / Y."""

    focal: float  # pixels
    centre: float  # pixels
    horizon: float  # pixels
    height: float  # metres

    def project(self, points: Floats) -> tuple[Floats, Floats]:
        """Return the pixels (N, 2), x then y, and 1 / depth (N,) of points (N, 3), metres: x right, y away, z up."""
        inverse = 1.0 / points[:, 1]
        x = self.centre + self.focal * points[:, 0] * inverse
        y = self.horizon - self.focal * (points[:, 2] - self.height) * inverse
        return np.stack([x, y], 1), inverse


@dataclass(frozen=True)
class Light:
    """`direction` towards the light; colours are factors per channel on a surface's own colour."""

    direction: Floats
    sun: Floats
    sky: Floats
    bounce: Floats


def draw_light(dice: Dice, outdoor: bool, appearance: float) -> Light:
    """Return the light of a scene: harder and more coloured with `appearance`."""
    azimuth, rise = dice.uniform(-np.pi, 0.0) * 0.94 - 0.1, dice.uniform(0.45, 1.25)
    direction = np.array([np.cos(azimuth) * np.cos(rise), np.sin(azimuth) * np.cos(rise), np.sin(rise)])
    strength = dice.uniform(0.45, 0.75 if not outdoor else 0.95) * (0.6 + 0.5 * appearance)
    warm = dice.uniform(-0.09, 0.12) * (0.3 + appearance)
    ambient = dice.uniform(0.5, 0.7)
    return Light(
        direction,
        strength * np.array([1 + warm, 1.0, 1 - warm]),
        ambient * np.array([1 - 0.5 * warm, 1.0, 1 + 0.6 * warm]),
        ambient * np.array([0.62, 0.58, 0.52]),
    )


def room_of(dice: Dice) -> str:
    """Return the kind of place: indoor or outdoor."""
    return "indoor" if dice.chance(0.5) else "outdoor"


def colour_of(dice: Dice, palette: Palette, vary: float = 10.0) -> Floats:
    return np.clip(np.array(dice.pick(palette)) + vary * dice.bell(3), 5, 250)


def cloud(dice: Dice, height: int, width: int, cells: float) -> Floats:
    """Return smooth noise float64 (height, width) in [0, 1] with about `cells` bumps along the longer side."""
    step = max(height, width) / cells
    rows, columns = int(height / step) + 3, int(width / step) + 3
    grid = dice.uniforms(rows, columns)
    y, x = np.arange(height) / step, np.arange(width) / step
    iy, ix = y.astype(int), x.astype(int)
    fy, fx = (y - iy)[:, None], (x - ix)[None]
    rows_mixed = grid[iy] * (1 - fy) + grid[iy + 1] * fy  # (height, columns)
    mixed: Floats = rows_mixed[:, ix] * (1 - fx) + rows_mixed[:, ix + 1] * fx
    return mixed


def paint_rectangle(image: Floats, x0: float, y0: float, x1: float, y1: float, colour: Floats) -> None:
    """Blend a rectangle with smooth edges into `image` (H, W, 3), in place; corners in pixels."""
    height, width = image.shape[:2]
    left, right = max(int(np.floor(x0)), 0), min(int(np.ceil(x1)) + 1, width)
    top, bottom = max(int(np.floor(y0)), 0), min(int(np.ceil(y1)) + 1, height)
    if left >= right or top >= bottom:
        return
    x, y = np.arange(left, right), np.arange(top, bottom)
    cover_x = np.minimum(np.maximum(np.minimum(x - x0, x1 - x) + 0.5, 0), 1)
    cover_y = np.minimum(np.maximum(np.minimum(y - y0, y1 - y) + 0.5, 0), 1)
    cover = (cover_y[:, None] * cover_x)[:, :, None]
    part = image[top:bottom, left:right]
    part += cover * (colour - part)


def paint_backdrop(
    camera: Camera,
    size: tuple[int, int],
    place: str,
    wall: float,
    light: Light,
    dice: Callable[[int], Dice],
    appearance: float,
) -> Floats:
    """Return the image float64 (H, W, 3) of an empty place, not clipped.

    wall: metres from the camera to the wall or, outdoors, to where the ground ends for the eye. dice: by purpose.
    """
    height, width = size
    image = np.empty((height, width, 3))
    base = camera.horizon + camera.focal * camera.height / wall  # row where wall and ground meet
    edge = int(np.clip(np.ceil(base), 0, height))
    if edge > 0:
        if place == "indoor":
            paint_wall(image, base, edge, camera.focal / wall, light, dice(0), dice(2), appearance)
        else:
            paint_outdoors(image, base, edge, camera.focal / wall, dice(0), dice(2), appearance)
    if edge < height:
        paint_ground(image, camera, edge, place, light, dice(1), appearance)
    return image


def paint_wall(
    image: Floats, base: float, edge: int, metre: float, light: Light, dice: Dice, details: Dice, appearance: float
) -> None:
    """Paint a wall with its pattern, skirting board, windows, doors and pictures; `metre` in pixels at the wall."""
    height, width = image.shape[:2]
    colour, second = colour_of(dice, WALLS), colour_of(dice, WALLS)
    y, x = (base - np.arange(edge)) / metre, np.arange(width) / metre + 7
    kind, period = dice.integer(0, 4), dice.uniform(0.12, 0.5)
    contrast = appearance * dice.uniform(0.2, 1.0) * np.clip(period * metre / 3 - 0.5, 0, 1)
    if kind == 0:
        pattern: Array = np.broadcast_to(wave(x / period) > 0.5, (edge, width))
    elif kind == 1:  # bricks: every second course is shifted by half a brick
        course = np.floor(y / (0.4 * period))
        shifted = x[None] / period + 0.5 * (course % 2)[:, None]
        pattern = (wave(shifted) > 0.88) | (wave(y / (0.4 * period)) > 0.8)[:, None]
    elif kind == 2:
        pattern = np.broadcast_to((y < 1.0)[:, None], (edge, width))
    else:
        pattern = np.zeros((edge, width))
    shade = 0.88 + 0.24 * cloud(dice, edge, width, 2.5)
    shade += 0.07 * appearance * (cloud(dice, edge, width, 40) - 0.5)
    tint = light.sky + 0.45 * light.sun
    image[:edge] = (colour + (contrast * pattern)[:, :, None] * (second - colour)) * shade[:, :, None] * tint
    paint_rectangle(image[:edge], -9, base - 0.12 * metre, width + 9, base + 9, 0.6 * colour * tint)
    for _ in range(int(appearance * details.integer(2, 8) + 0.5)):
        paint_decoration(image[:edge], base, metre, tint, details)


def paint_decoration(image: Floats, base: float, metre: float, tint: Floats, dice: Dice) -> None:
    """Hang a window, a door, a picture or a cupboard on the wall."""
    width = image.shape[1]
    kind, x = dice.integer(0, 3), dice.uniform(-0.1, 1.0) * width
    w = metre * (dice.uniform(0.3, 0.8), dice.uniform(0.8, 1.6), dice.uniform(0.8, 1.0), dice.uniform(0.5, 1.4))[kind]
    bottom = base - metre * (dice.uniform(1.2, 1.7), dice.uniform(0.8, 1.0), 0.0, dice.uniform(0, 1.4))[kind]
    h = metre * (dice.uniform(0.3, 0.7), dice.uniform(0.9, 1.3), 2.0, dice.uniform(0.4, 1.0))[kind]
    frame, inner = colour_of(dice, FLOORS) * tint, colour_of(dice, WALLS + FAR, 30) * tint
    if kind == 1:
        inner = np.array(dice.pick(SKIES)[1], float)
    paint_rectangle(image, x, bottom - h, x + w, bottom, frame)
    b = 0.06 * metre
    paint_rectangle(image, x + b, bottom - h + b, x + w - b, bottom - b * (kind != 2), inner)
    if kind == 1:
        paint_rectangle(image, x + w / 2 - b / 2, bottom - h, x + w / 2 + b / 2, bottom, frame)
        paint_rectangle(image, x, bottom - h / 2 - b / 2, x + w, bottom - h / 2 + b / 2, frame)
    if kind == 0:
        for _ in range(3):
            u, v = dice.uniform(0.1, 0.6), dice.uniform(0.1, 0.6)
            paint_rectangle(
                image,
                x + u * w,
                bottom - (v + 0.3) * h,
                x + (u + 0.3) * w,
                bottom - v * h,
                colour_of(dice, WALLS + FAR, 30) * tint,
            )


def paint_outdoors(
    image: Floats, base: float, edge: int, metre: float, dice: Dice, details: Dice, appearance: float
) -> None:
    """Paint the sky with clouds, then hills, woods or houses along the horizon."""
    width = image.shape[1]
    zenith, low = (np.array(c, float) for c in dice.pick(SKIES))
    up = np.clip((base - np.arange(edge)) / max(1.2 * edge, 1), 0, 1)[:, None]
    image[:edge] = (low + up * (zenith - low))[:, None]
    white = np.clip(2.2 * cloud(dice, edge, width, 4) + 0.7 * cloud(dice, edge, width, 14) - 1.6, 0, 1)
    image[:edge] += (0.7 * appearance * white)[:, :, None] * (np.array([244, 244, 246.0]) - image[:edge])
    y = np.arange(edge)[:, None]
    for layer in range(1 + int(appearance * 2.5)):
        if details.chance(0.55):
            paint_wood(image[:edge], base, y, details, layer)
        else:
            paint_houses(image[:edge], base, metre, details)


def paint_wood(image: Floats, base: float, y: Array, dice: Dice, layer: int) -> None:
    """Paint a line of trees or hills: everything below a bumpy line, in mottled colour."""
    edge, width = image.shape[:2]
    line = 0.6 * cloud(dice, 1, width, 3)[0] + 0.4 * cloud(dice, 1, width, 16)[0]
    top = base - (0.5 - 0.12 * layer) * line * max(edge, width) * dice.uniform(0.3, 0.9)
    cover = np.clip(y - top[None] + 0.5, 0, 1)[:, :, None]
    mottle = 0.72 + 0.55 * cloud(dice, edge, width, 26)
    image += cover * (colour_of(dice, FAR) * mottle[:, :, None] - image)


def paint_houses(image: Floats, base: float, metre: float, dice: Dice) -> None:
    """Paint a row of houses with their windows."""
    width, x = image.shape[1], -dice.uniform(0, 30)
    while x < width:
        w, h = metre * dice.uniform(3, 7), metre * dice.uniform(2.5, 7)
        colour = colour_of(dice, WALLS + FAR)
        paint_rectangle(image, x, base - h, x + w, base + 2, colour)
        columns, floors = dice.integer(2, 4), dice.integer(1, 4)
        pane = colour * 0.5 + np.array([20, 26, 34])
        for i in range(columns):
            for j in range(floors):
                a, b = x + w * (i + 0.3) / columns, base - h * (j + 0.85) / floors
                paint_rectangle(image, a, b, a + 0.45 * w / columns, b + 0.5 * h / floors, pane)
        x += w * dice.uniform(1.0, 1.4)


def paint_ground(
    image: Floats, camera: Camera, edge: int, place: str, light: Light, dice: Dice, appearance: float
) -> None:
    """Paint the ground below row `edge` in perspective: planks, tiles, paving, lawn or plain."""
    height, width = image.shape[:2]
    colour = colour_of(dice, FLOORS if place == "indoor" else GROUNDS)
    away = camera.focal * camera.height / np.maximum(np.arange(edge, height) - camera.horizon, 0.3)  # metres, per row
    aside = (np.arange(width)[None] - camera.centre) * (away / camera.focal)[:, None]
    kind, period = dice.integer(0, 3), dice.uniform(0.18, 0.6)
    contrast = appearance * dice.uniform(0.1, 0.45) * np.clip(period * camera.focal / away / 4 - 0.5, 0, 1)[:, None]
    away = away[:, None] + 100
    if kind == 0:
        pattern: Array = wave(aside / period) > 0.85
    elif kind == 1:
        pattern = (wave(aside / period) > 0.9) | (wave(away / period) > 0.9)
    elif kind == 2:
        pattern = (wave(aside / period) > 0.5) ^ (wave(away / period) > 0.5)
    else:
        pattern = np.zeros((height - edge, width))
    shade = 1 - contrast * pattern
    shade *= 0.86 + 0.28 * cloud(dice, height - edge, width, 5)
    shade += appearance * (0.22 if place == "outdoor" else 0.08) * (cloud(dice, height - edge, width, 48) - 0.5)
    image[edge:] = colour * shade[:, :, None] * np.minimum(light.sky + 0.8 * light.sun * light.direction[2], 1.2)
