"""Things: boxes, poles, plants and furniture as meshes on the ground, in metres (x right, y away, z up)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from helpers.people.arrays import Bools, Colour, Floats, Ints
from helpers.people.dice import Dice

__all__ = ["Mesh", "THINGS", "box", "draw_thing", "joined", "seat"]

BOX_CORNERS = np.array([[x, y, z] for z in (0, 1) for y in (-0.5, 0.5) for x in (-0.5, 0.5)])
BOX_SIDES = np.array([[0, 1, 5, 4], [1, 3, 7, 5], [3, 2, 6, 7], [2, 0, 4, 6], [4, 5, 7, 6], [1, 0, 2, 3]])
BOX_NORMALS = np.array([[0, -1, 0], [1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, 0, 1], [0, 0, -1.0]])
PAINTS = (
    (176, 140, 100), (120, 86, 58), (84, 60, 44), (206, 200, 190), (236, 234, 230), (70, 74, 82), (40, 42, 48),
    (164, 60, 50), (60, 96, 150), (84, 130, 96), (214, 168, 72), (130, 110, 140), (190, 120, 84),
)  # fmt: skip
LEAVES = ((58, 104, 46), (84, 132, 60), (44, 82, 52), (120, 140, 64), (70, 110, 84))


@dataclass(frozen=True)
class Mesh:
    """Vertices (V, 3), normals (V, 3), colours (V, 3) in [0, 255], faces int64 (F, 3), two_sided bool (F,)."""

    vertices: Floats
    normals: Floats
    colours: Floats
    faces: Ints
    two_sided: Bools

    def moved(self, x: float, y: float, z: float = 0.0, turn: float = 0.0) -> Mesh:
        """Return the mesh turned about the vertical by `turn` radians and then shifted."""
        c, s = np.cos(turn), np.sin(turn)
        spin = [[c, -s, 0], [s, c, 0], [0, 0, 1]]
        return Mesh(
            np.einsum("ij,vj->vi", spin, self.vertices) + (x, y, z),
            np.einsum("ij,vj->vi", spin, self.normals),
            self.colours,
            self.faces,
            self.two_sided,
        )


class Box(NamedTuple):
    """A box standing on (x, y, z), which is the middle of its bottom; metres."""

    width: float
    depth: float
    height: float
    colour: Colour
    x: float
    y: float
    z: float


def box(
    width: float, depth: float, height: float, colour: Colour, x: float = 0.0, y: float = 0.0, z: float = 0.0
) -> Box:
    """Return a box, to be made a mesh by `joined`."""
    return Box(width, depth, height, colour, x, y, z)


def joined(parts: Sequence[Mesh | Box]) -> Mesh:
    """Return all parts as one mesh."""
    meshes = [part for part in parts if isinstance(part, Mesh)]
    boxes = [part for part in parts if isinstance(part, Box)]
    if boxes:
        meshes.append(mesh_of(boxes))
    start = np.cumsum([0] + [len(m.vertices) for m in meshes])
    return Mesh(
        np.concatenate([m.vertices for m in meshes]),
        np.concatenate([m.normals for m in meshes]),
        np.concatenate([m.colours for m in meshes]),
        np.concatenate([m.faces + s for m, s in zip(meshes, start, strict=False)]),
        np.concatenate([m.two_sided for m in meshes]),
    )


def mesh_of(boxes: list[Box]) -> Mesh:
    """Return boxes as one mesh, four vertices of its own for every side."""
    sizes = np.array([b[:3] for b in boxes])[:, None]
    corners = BOX_CORNERS * sizes + np.array([b[4:] for b in boxes])[:, None]
    quads = np.arange(24 * len(boxes)).reshape(-1, 4)
    faces = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    return Mesh(
        corners[:, BOX_SIDES].reshape(-1, 3),
        np.tile(np.repeat(BOX_NORMALS, 4, axis=0), (len(boxes), 1)),
        np.repeat(np.array([b.colour for b in boxes], float), 24, axis=0),
        faces,
        np.zeros(len(faces), bool),
    )


def ball(
    radius: float, colour: Colour, x: float, y: float, z: float, dice: Dice | None = None, rough: float = 0.0
) -> Mesh:
    """Return a ball about (x, y, z), or with `rough` a lumpy one, as a crown of leaves."""
    rings, around = 6, 9
    polar = np.pi * np.arange(rings + 1) / rings
    turn = 2 * np.pi * np.arange(around) / around
    unit = np.stack(
        [
            np.sin(polar)[:, None] * np.cos(turn),
            np.sin(polar)[:, None] * np.sin(turn),
            np.repeat(np.cos(polar)[:, None], around, 1),
        ],
        -1,
    ).reshape(-1, 3)
    lumps = 1 + rough * (dice.uniforms(len(unit), 1) - 0.5) if dice else 1.0
    shade = 1 + rough * (dice.uniforms(len(unit), 1) - 0.5) if dice else np.ones((len(unit), 1))
    a = (np.arange(rings)[:, None] * around + np.arange(around)).ravel()
    b = (np.arange(rings)[:, None] * around + (np.arange(around) + 1) % around).ravel()
    faces = np.concatenate([np.stack([a, a + around, b], 1), np.stack([b, a + around, b + around], 1)])
    return Mesh(
        unit * lumps * radius + (x, y, z), unit, np.asarray(colour, float) * shade, faces, np.zeros(len(faces), bool)
    )


def leaves(dice: Dice, count: int, height: float, spread: float, colour: Colour, z: float) -> Mesh:
    """Return a tuft of narrow leaves rising from (0, 0, z)."""
    turn, lean = 2 * np.pi * dice.uniforms(count), dice.uniforms(count)
    out = np.stack([np.cos(turn), np.sin(turn)], 1)
    tip = np.column_stack([out * (spread * lean)[:, None], z + height * (1 - 0.5 * lean * lean)])
    middle = np.column_stack([out * (0.4 * spread * lean)[:, None], np.full(count, z + 0.55 * height)])
    wide = 0.035 * np.column_stack([-out[:, 1], out[:, 0], np.zeros(count)])
    root = np.tile([0, 0, z], (count, 1))
    vertices = np.concatenate([root, middle - wide, middle + wide, tip])
    i = np.arange(count)
    faces = np.concatenate(
        [np.stack([i, i + count, i + 2 * count], 1), np.stack([i + count, i + 3 * count, i + 2 * count], 1)]
    )
    shade = np.tile(0.7 + 0.6 * dice.uniforms(count, 1), (4, 1))
    normals = np.tile(np.column_stack([0.5 * out, np.full(count, 0.85)]), (4, 1))
    return Mesh(vertices, normals, np.asarray(colour, float) * shade, faces, np.ones(len(faces), bool))


def foliage(radius: float, colour: Colour, x: float, y: float, z: float, dice: Dice) -> Mesh:
    """Return a crown of leaves about (x, y, z): a dark ball under a coat of loose triangles."""
    count = 110
    out = dice.bell(count, 3)
    out /= np.sqrt((out**2).sum(1, keepdims=True)) + 1e-9
    centre = out * radius * (0.85 + 0.3 * dice.uniforms(count, 1)) + (x, y, z)
    vertices = (centre[:, None] + 0.3 * radius * (dice.uniforms(count, 3, 3) - 0.5) * 2).reshape(-1, 3)
    shade = np.repeat(0.75 + 0.5 * dice.uniforms(count, 1), 3, axis=0)
    coat = Mesh(
        vertices,
        np.repeat(out, 3, axis=0),
        np.asarray(colour, float) * shade,
        np.arange(3 * count).reshape(-1, 3),
        np.ones(count, bool),
    )
    return joined([ball(0.9 * radius, 0.75 * np.asarray(colour, float), x, y, z, dice, 0.3), coat])


def paint(dice: Dice) -> Floats:
    return np.clip(np.array(dice.pick(PAINTS)) + 10 * dice.bell(3), 5, 250)


def crate(dice: Dice) -> Mesh:
    colour, w, h = paint(dice), dice.uniform(0.3, 0.7), dice.uniform(0.25, 0.85)
    return joined([box(w, w, h, colour), box(w + 0.03, w + 0.03, 0.05, 0.8 * colour, z=h - 0.05)])


def pole(dice: Dice) -> Mesh:
    w = dice.uniform(0.05, 0.14)
    return joined([box(w, w, 3.2, paint(dice)), box(3 * w, 3 * w, 0.12, (90, 90, 92))])


def pillar(dice: Dice) -> Mesh:
    w = dice.uniform(0.2, 0.4)
    return joined([box(w, w, 3.4, paint(dice))])


def plant(dice: Dice) -> Mesh:
    h, pot = dice.uniform(0.4, 0.9), dice.uniform(0.2, 0.36)
    return joined(
        [
            box(pot, pot, 0.9 * pot, paint(dice)),
            leaves(dice, dice.integer(14, 26), h, 0.9 * h, dice.pick(LEAVES), 0.9 * pot),
        ]
    )


def grass(dice: Dice) -> Mesh:
    return leaves(dice, dice.integer(24, 44), dice.uniform(0.35, 0.75), 0.5, dice.pick(LEAVES), 0)


def legs_at(x: float, y: float, width: float, height: float, colour: Floats) -> list[Box]:
    """Return four legs, `x` and `y` from the middle."""
    return [box(width, width, height, colour, i, j) for i in (-x, x) for j in (-y, y)]


def table(dice: Dice) -> Mesh:
    colour, w, d, h = paint(dice), dice.uniform(0.7, 1.5), dice.uniform(0.5, 0.8), dice.uniform(0.45, 0.78)
    return joined([box(w, d, 0.045, colour, z=h), *legs_at(w / 2 - 0.05, d / 2 - 0.05, 0.05, h, 0.8 * colour)])


def chair(dice: Dice) -> Mesh:
    colour = paint(dice)
    return joined(
        [
            box(0.44, 0.44, 0.05, colour, z=0.43),
            box(0.44, 0.04, 0.42, 0.9 * colour, y=0.2, z=0.52),
            *legs_at(0.19, 0.19, 0.04, 0.44, 0.7 * colour),
        ]
    )


def shelf(dice: Dice) -> Mesh:
    colour, w, h = paint(dice), dice.uniform(0.6, 1.2), dice.uniform(0.9, 2.0)
    parts = [box(w, 0.3, h, 0.75 * colour)]
    for level in range(int(h / 0.4)):
        parts.append(box(w + 0.02, 0.06, 0.03, colour, y=-0.16, z=0.4 * level + 0.36))
        left = -w / 2 + 0.05
        while left < w / 2 - 0.12:
            thick, tall = dice.uniform(0.04, 0.11), dice.uniform(0.16, 0.3)
            parts.append(box(thick, 0.04, tall, paint(dice), x=left + thick / 2, y=-0.16, z=0.4 * level + 0.02))
            left += thick + dice.uniform(0.005, 0.08)
    return joined(parts)


def sofa(dice: Dice) -> Mesh:
    colour, w = paint(dice), dice.uniform(1.2, 2.0)
    return joined(
        [
            box(w, 0.8, 0.42, colour),
            box(w, 0.2, 0.8, 0.92 * colour, y=0.35),
            box(0.18, 0.8, 0.6, 0.96 * colour, x=-w / 2),
            box(0.18, 0.8, 0.6, 0.96 * colour, x=w / 2),
        ]
    )


def bench(dice: Dice) -> Mesh:
    colour = paint(dice)
    return joined(
        [
            box(1.5, 0.42, 0.05, colour, z=0.43),
            box(1.5, 0.04, 0.3, colour, y=0.2, z=0.6),
            box(0.06, 0.4, 0.88, (60, 60, 64), x=-0.6),
            box(0.06, 0.4, 0.88, (60, 60, 64), x=0.6),
        ]
    )


def fence(dice: Dice) -> Mesh:
    colour, h, w = paint(dice), dice.uniform(0.5, 0.95), dice.uniform(0.8, 1.7)
    bars = [box(0.04, 0.04, h, colour, x=x) for x in np.linspace(-w / 2, w / 2, dice.integer(4, 8))]
    return joined([box(w, 0.05, 0.05, colour, z=h), box(w, 0.05, 0.05, colour, z=0.3 * h), *bars])


def tree(dice: Dice) -> Mesh:
    h, r, leaf = dice.uniform(1.4, 2.4), dice.uniform(0.6, 1.1), dice.pick(LEAVES)
    crowns = [
        foliage(
            r * dice.uniform(0.6, 1.0),
            leaf,
            r * dice.uniform(-0.6, 0.6),
            r * dice.uniform(-0.4, 0.4),
            h + r * dice.uniform(0.2, 1.1),
            dice,
        )
        for _ in range(3)
    ]
    return joined([box(0.2, 0.2, h + 0.4, (92, 70, 52)), *crowns])


def bush(dice: Dice) -> Mesh:
    leaf = dice.pick(LEAVES)
    return joined(
        [
            foliage(
                dice.uniform(0.2, 0.42),
                leaf,
                dice.uniform(-0.4, 0.4),
                dice.uniform(-0.2, 0.2),
                dice.uniform(0.2, 0.4),
                dice,
            )
            for _ in range(3)
        ]
    )


def car(dice: Dice) -> Mesh:
    colour = paint(dice)
    wheels = [ball(0.32, (26, 26, 28), x, -0.62, 0.32) for x in (-1.3, 1.3)]
    return joined(
        [
            box(4.2, 1.7, 0.6, colour, z=0.3),
            box(2.3, 1.5, 0.55, (70, 84, 96), z=0.9),
            box(2.35, 1.55, 0.06, colour, z=1.43),
            *wheels,
        ]
    )


def beach_ball(dice: Dice) -> Mesh:
    r = dice.uniform(0.11, 0.32)
    return ball(r, paint(dice), 0, 0, r, dice, 0.06)


def board(dice: Dice) -> Mesh:
    w, h = dice.uniform(0.4, 0.8), dice.uniform(0.5, 0.9)
    inner = paint(dice)
    return joined(
        [box(w, 0.05, h, paint(dice), z=0.08), box(0.82 * w, 0.02, 0.8 * h, inner, y=-0.035, z=0.1 * h + 0.08)]
    )


def seat(width: float, height: float, dice: Dice) -> Mesh:
    """Return something to sit on: a crate or a stool with its top at `height`."""
    colour = paint(dice)
    if dice.chance(0.5):
        return joined([box(width, width, height, colour)])
    return joined(
        [
            box(width, width, 0.05, colour, z=height - 0.05),
            *legs_at(0.4 * width, 0.4 * width, 0.045, height - 0.05, 0.7 * colour),
        ]
    )


THINGS = {
    "front": (crate, crate, pole, pillar, pillar, plant, plant, board, fence, chair, beach_ball, grass, table, bush),
    "indoor": (shelf, shelf, sofa, table, chair, plant, crate, board),
    "outdoor": (tree, tree, bush, bench, car, fence, pole, crate, board),
}


def draw_thing(kind: str, dice: Dice) -> Mesh:
    """Return a thing of the kind "front" (may hide people), "indoor" or "outdoor" (stands behind)."""
    return dice.pick(THINGS[kind])(dice)
