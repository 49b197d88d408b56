"""The layer of people and things: one mesh, rasterised once, coloured point by point and blended into the backdrop."""

from dataclasses import dataclass

import numpy as np

from helpers.people.appearance import Surface, dress
from helpers.people.arrays import Array, Bools, Floats, Floats32, Ints, Labels
from helpers.people.background import Camera, Light
from helpers.people.meshes import Mesh
from helpers.people.placing import Placed
from helpers.people.raster import rasterize, sample_shape, snap

__all__ = ["Layer", "cast_shadows", "draw_layer"]

# Where a thing meets the ground: points all over the rectangle below it, as shares of its width and depth.
FOOTPRINT = np.stack(np.meshgrid(np.linspace(0, 1, 12), np.linspace(0, 1, 8)), -1).reshape(-1, 2)

Drawn = tuple[Floats, Floats, Labels, Ints, Bools, Labels]  # see `person_mesh`


@dataclass(frozen=True)
class Layer:
    """The sample grid (see raster.py) with what is nearest at each sample; 0 or 0.0 where there is nothing."""

    red: Floats32  # float32 (R, C), in [0, 255]; green and blue alike
    green: Floats32
    blue: Floats32
    owner: Labels  # uint8 (R, C): person + 1; 0 also for things
    part: Labels  # uint8 (R, C)
    worn: Labels  # uint8 (R, C), index into CLOTHES
    inverse_depth: Floats  # float64 (R, C), 1/m


def draw_layer(placed: list[Placed], things: list[Mesh], camera: Camera, light: Light, size: tuple[int, int]) -> Layer:
    """Return the layer of all people and things before the camera."""
    shape = sample_shape(size)
    meshes = [person_mesh(one, light) for one in placed] + [thing_mesh(thing, light) for thing in things]
    start = np.cumsum([0] + [len(m[0]) for m in meshes])
    vertices, parts = (np.concatenate([m[i] for m in meshes]) for i in (0, 2))
    features = np.concatenate([m[1] for m in meshes], axis=1)  # (7, V)
    faces = np.concatenate([m[3] + s for m, s in zip(meshes, start, strict=False)])
    two_sided = np.concatenate([m[4] for m in meshes])
    layers = np.concatenate([m[5] for m in meshes])
    owners = np.repeat([*range(1, len(placed) + 1), *[0] * len(things)], [len(m[3]) for m in meshes])
    points, inverse = camera.project(vertices)
    if vertices[:, 1].min() < 0.2:
        # A face that reaches behind the camera has no picture; things stand far enough away for it to be outside.
        ahead = ~(vertices[:, 1] < 0.2)[faces].any(1)
        faces, two_sided, layers, owners = (a[ahead] for a in (faces, two_sided, layers, owners))

    hits = rasterize(snap(points), inverse, faces, two_sided, shape)
    owner = owners[hits.face].astype(np.uint8)
    part, worn = np.zeros(len(owner), np.uint8), np.zeros(len(owner), np.uint8)
    colour = np.empty((3, len(owner)), np.float32)
    rows = np.flatnonzero(owner == 0)
    flat = features[:, faces[:, 0]]  # things are flat: one colour and light for a face
    for channel, value in zip(colour, flat[:3] * light_on(flat[5:], light), strict=True):
        channel[rows] = value[hits.face[rows]]
    for p, one in enumerate(placed):
        rows = np.flatnonzero(owner == p + 1)
        corner = np.ascontiguousarray(faces[hits.face[rows]].T)
        a, b, c = corner
        wa, wb, wc = hits.weights(rows, corner)
        values = np.stack([f[a] * wa + f[b] * wb + f[c] * wc for f in features])
        part[rows] = parts[np.where(wa > 0.5, a, np.where(wb > wc, b, c))]
        surface = Surface(values[:3], values[3:5], part[rows], layers[hits.face[rows]])
        worn[rows], paint = dress(one.person.outfit, surface)
        colour[:, rows] = paint.T * light_on(values[5:], light)

    def grid(content: Array, dtype: type[np.generic]) -> Array:
        out: Array = np.zeros(shape[0] * shape[1], dtype)
        out[hits.sample] = content
        return out.reshape(shape)

    red, green, blue = (grid(channel, np.float32) for channel in colour)
    return Layer(
        red,
        green,
        blue,
        grid(owner, np.uint8),
        grid(part, np.uint8),
        grid(worn, np.uint8),
        grid(hits.inverse_depth, np.float64),
    )


def lit(normals: Floats, light: Light) -> Floats:
    """Return (2, V): the sun's cosine and how much of the sky a vertex faces, both in [0, 1]."""
    x, y, z = normals.T
    cosine = x * light.direction[0] + y * light.direction[1] + z * light.direction[2]
    both: Floats = np.clip(np.stack([cosine, 0.5 + 0.5 * z]), 0, 1)
    return both


def light_on(lit_by: Floats, light: Light) -> Floats:
    """Return the factors (3, N) on a surface's colour, from what `lit` says about it (2, N)."""
    sun, sky, bounce = (colour[:, None] for colour in (light.sun, light.sky, light.bounce))
    factors: Floats = bounce + sun * lit_by[0] + (sky - bounce) * lit_by[1]
    return factors


def person_mesh(one: Placed, light: Light) -> Drawn:
    """Return vertices, features (7, V) (place 3, lengths 2, light 2), parts, faces, two-sided and layer of a face."""
    person = one.person
    features = np.concatenate([person.surface.place, person.surface.lengths, lit(person.normals, light)])
    layer = person.surface.layer[person.faces[:, 0]]
    return one.points(person.vertices), features, person.surface.part, person.faces, layer > 0, layer


def thing_mesh(thing: Mesh, light: Light) -> Drawn:
    """Return the same of a thing; its colour takes the rows of the place."""
    count = len(thing.vertices)
    features = np.concatenate([thing.colours.T, np.zeros((2, count)), lit(thing.normals, light)])
    return (
        thing.vertices,
        features,
        np.zeros(count, np.uint8),
        thing.faces,
        thing.two_sided,
        np.zeros(len(thing.faces), np.uint8),
    )


def blend(layer: Layer, image: Floats) -> None:
    """Blend the layer into `image` float64 (H, W, 3), in place: each pixel takes its 3 x 3 samples, weights 1-2-1."""
    covered = layer.inverse_depth > 0
    rows, columns = (np.flatnonzero(covered.any(axis)) for axis in (1, 0))
    if not len(rows):
        return
    top, left = max(rows[0] - 1, 0) // 2, max(columns[0] - 1, 0) // 2
    bottom, right = min(rows[-1] // 2 + 1, image.shape[0]), min(columns[-1] // 2 + 1, image.shape[1])
    window = slice(2 * top, 2 * bottom + 1), slice(2 * left, 2 * right + 1)
    clear = 1 - tent(covered[window].astype(np.float32))
    part = image[top:bottom, left:right]
    part *= clear[:, :, None]
    for channel, colour in enumerate((layer.red, layer.green, layer.blue)):
        part[:, :, channel] += tent(colour[window])


def tent(samples: Floats32) -> Floats32:
    """Return (h, w) from samples (2h + 1, 2w + 1): means with weights 1-2-1 in both directions."""
    rows = samples[:-1:2] + 2 * samples[1::2] + samples[2::2]
    means: Floats32 = (rows[:, :-1:2] + 2 * rows[:, 1::2] + rows[:, 2::2]) / 16
    return means


def cast_shadows(
    image: Floats, camera: Camera, wall: float, light: Light, placed: list[Placed], things: list[Mesh]
) -> None:
    """Darken the ground of `image` where people and things stand and where they keep the sun off, in place."""
    height, width = image.shape[:2]
    cell = max(1, round(max(camera.focal * p.person.stature / p.y for p in placed) / 40))
    shape = height // cell + 3, width // cell + 3
    slope = -light.direction[:2] / light.direction[2]
    cast, contact = [], []
    for one in placed:
        points = one.points(one.person.vertices)
        cast.append(points[:, :2] + slope * points[:, 2:])
        contact.append(points[points[:, 2] < 0.16, :2])
    for thing in things:
        low, high = thing.vertices[:, :2].min(0), thing.vertices[:, :2].max(0)
        contact.append(low + FOOTPRINT * (high - low))
    strength = 0.62 * float(light.sun[1] / (light.sun[1] + light.sky[1]))
    dark = strength * splat(np.concatenate(cast), camera, shape, cell, 2.5)
    dark = np.maximum(dark, 0.5 * splat(np.concatenate(contact), camera, shape, cell, 3.0))
    edge = int(np.clip(np.ceil(camera.horizon + camera.focal * camera.height / wall), 0, height))
    rows, columns = np.arange(edge, height) / cell + 1, np.arange(width) / cell + 1
    image[edge:] *= 1 - sample_grid(dark, rows, columns)[:, :, None]


def splat(points: Floats, camera: Camera, shape: tuple[int, int], cell: int, full: float) -> Floats:
    """Return float64 `shape`: how densely ground points (N, 2) lie in each cell, blurred, 1 from `full` points on."""
    points = points[points[:, 1] > 0.5]
    inverse = 1 / points[:, 1]
    column = np.floor((camera.centre + camera.focal * points[:, 0] * inverse) / cell + 1.5)
    row = np.floor((camera.horizon + camera.focal * camera.height * inverse) / cell + 1.5)
    inside = (column >= 0) & (column < shape[1]) & (row >= 0) & (row < shape[0])
    flat = (row[inside] * shape[1] + column[inside]).astype(np.int64)
    density = np.bincount(flat, minlength=shape[0] * shape[1]).reshape(shape)
    out = np.minimum(density / full, 1.5)
    for _ in range(2):
        out[1:-1] = 0.25 * out[:-2] + 0.5 * out[1:-1] + 0.25 * out[2:]
        out[:, 1:-1] = 0.25 * out[:, :-2] + 0.5 * out[:, 1:-1] + 0.25 * out[:, 2:]
    return np.minimum(out, 1.0)


def sample_grid(grid: Floats, rows: Floats, columns: Floats) -> Floats:
    """Return `grid` interpolated at fractional `rows` and `columns`: float64 (len(rows), len(columns))."""
    y, x = rows.astype(int), columns.astype(int)
    fy, fx = (rows - y)[:, None], (columns - x)[None]
    mixed = grid[y] * (1 - fy) + grid[y + 1] * fy
    values: Floats = mixed[:, x] * (1 - fx) + mixed[:, x + 1] * fx
    return values
