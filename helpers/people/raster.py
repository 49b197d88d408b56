"""The rasteriser: triangles to the samples that they are nearest at.

Samples lie half a pixel apart, one on every pixel centre: sample g of a row is at x = (g - 1) / 2. Labels are read at
pixel centres; colour is the mean of a centre and its eight neighbours with weights 1-2-1, which smooths edges.
Projected vertices are snapped to 1/256 pixel, so that coverage is decided exactly in whole numbers.
"""

from dataclasses import dataclass

import numpy as np

from helpers.people.arrays import Bools, Floats, Ints

__all__ = ["GRID", "Hits", "rasterize", "sample_shape", "snap"]

GRID = 256  # steps per pixel that vertices are snapped to
STEP = GRID // 2  # between samples
FACE_BITS = 20
DEPTH_STEPS = 2.0**38  # of 1 / depth, in 1/m: depths above 0.1 m fit beside the face's number


@dataclass(frozen=True)
class Hits:
    """What is nearest at each of N covered samples."""

    sample: Ints  # int64 (N,), index into the flat grid
    face: Ints  # int64 (N,), index into the faces that were given
    inverse_depth: Floats  # float64 (N,), 1/m
    points: Floats  # the arguments of `rasterize`
    inverse_of_point: Floats
    columns: int

    def weights(self, rows: Ints, corner: Ints) -> Floats:
        """Return the barycentric weights (3, n) of the hits `rows` on vertices `corner` (3, n), true in perspective."""
        sample, (px, py), (a, b, c) = self.sample[rows], self.points, corner
        ax, ay = px[a], py[a]
        bx, by, cx, cy = px[b] - ax, py[b] - ay, px[c] - ax, py[c] - ay
        row = sample // self.columns
        x, y = (sample - row * self.columns) * float(STEP) - ax, row * float(STEP) - ay
        wb, wc = x * cy - y * cx, y * bx - x * by
        wa = (bx * cy - by * cx) - wb - wc
        inverse = self.inverse_of_point
        out = np.stack([wa * inverse[a], wb * inverse[b], wc * inverse[c]])
        out /= out[0] + out[1] + out[2]
        return out


def sample_shape(size: tuple[int, int]) -> tuple[int, int]:
    """Return rows and columns of the sample grid of an image of size (H, W): one more than twice as many."""
    return 2 * size[0] + 1, 2 * size[1] + 1


def snap(points: Floats) -> Floats:
    """Return points (N, 2) in pixels as columns and rows (2, N): whole numbers of 1/256 pixel, sample 0 at 0."""
    return np.floor(np.ascontiguousarray(points.T) * GRID + (STEP + 0.5))


def rasterize(points: Floats, inverse_depth: Floats, faces: Ints, two_sided: Bools, shape: tuple[int, int]) -> Hits:
    """Return the nearest face at every covered sample.

    Args:
        points: float64 (2, V), from `snap`. inverse_depth: float64 (V,), 1/m, positive.
        faces: int64 (F, 3), F < 2**20. two_sided: bool (F,), whether the back of a face shows.
        shape: rows and columns of the sample grid.
    """
    (xa, xb, xc), (ya, yb, yc) = (coordinate[faces.T] for coordinate in points)
    area = (xb - xa) * (yc - ya) - (xc - xa) * (yb - ya)
    top = np.maximum(np.ceil(np.minimum(np.minimum(ya, yb), yc) / STEP), 0)
    bottom = np.minimum(np.floor(np.maximum(np.maximum(ya, yb), yc) / STEP), shape[0] - 1)
    out_of_sight = (np.maximum(np.maximum(xa, xb), xc) < 0) | (np.minimum(np.minimum(xa, xb), xc) > STEP * shape[1])
    # y points down in an image: faces that look at the camera have a negative area here.
    shown = np.flatnonzero(((area < 0) | (two_sided & (area > 0))) & (bottom >= top) & ~out_of_sight)
    x, y = [v[shown] for v in (xa, xb, xc)], [v[shown] for v in (ya, yb, yc)]
    of_face, step = expand((bottom - top)[shown].astype(np.int64) + 1)
    row = top[shown][of_face] + step
    left, right = spans(x, y, of_face, row * STEP, shape[1])
    base, across, down = (c[of_face] for c in plane(x, y, area[shown], inverse_depth[faces[shown].T]))
    first_sample = (row * shape[1] + left).astype(np.int64)
    first_inverse = base + down * row + across * left
    of_row, step = expand(np.maximum(right - left + 1, 0).astype(np.int64))
    sample = first_sample[of_row] + step
    inverse = first_inverse[of_row] + across[of_row] * step
    key = ((inverse * DEPTH_STEPS).astype(np.int64) << FACE_BITS) | of_face[of_row]
    nearest = np.zeros(shape[0] * shape[1], np.int64)
    np.maximum.at(nearest, sample, key)
    sample = np.flatnonzero(nearest > 0)
    key = nearest[sample]
    return Hits(
        sample, shown[key & ((1 << FACE_BITS) - 1)], (key >> FACE_BITS) / DEPTH_STEPS, points, inverse_depth, shape[1]
    )


def expand(counts: Ints) -> tuple[Ints, Ints]:
    """Return for counts (2, 3): owners (0, 0, 1, 1, 1) and running numbers (0, 1, 0, 1, 2)."""
    owner = np.repeat(np.arange(len(counts)), counts)
    return owner, np.arange(len(owner)) - (np.cumsum(counts) - counts)[owner]


def spans(x: list[Floats], y: list[Floats], of_face: Ints, row: Floats, columns: int) -> tuple[Floats, Floats]:
    """Return first and last covered column of each `row` (in 1/256 pixel) of face `of_face` with corners `x`, `y`.

    Corners are put in order from top to bottom, so that two faces with an edge in common compute the same crossing
    and no sample between them is lost.
    """
    (x0, x1, x2), (y0, y1, y2) = from_top(x, y)
    long, upper, lower = slope(x0, y0, x2, y2), slope(x0, y0, x1, y1), slope(x1, y1, x2, y2)
    one = x0[of_face] + (row - y0[of_face]) * long[of_face]
    above = row < y1[of_face]
    other = np.where(
        above, x0[of_face] + (row - y0[of_face]) * upper[of_face], x1[of_face] + (row - y1[of_face]) * lower[of_face]
    )
    left, right = np.ceil(np.minimum(one, other) / STEP), np.floor(np.maximum(one, other) / STEP)
    return np.maximum(left, 0), np.minimum(right, columns - 1)


def from_top(x: list[Floats], y: list[Floats]) -> tuple[list[Floats], list[Floats]]:
    """Return the corners of each face ordered by y, by three compare-and-swap steps."""
    x, y = list(x), list(y)
    for i, j in ((0, 1), (1, 2), (0, 1)):
        swap = y[i] > y[j]
        x[i], x[j] = np.where(swap, x[j], x[i]), np.where(swap, x[i], x[j])
        y[i], y[j] = np.where(swap, y[j], y[i]), np.where(swap, y[i], y[j])
    return x, y


def slope(xa: Floats, ya: Floats, xb: Floats, yb: Floats) -> Floats:
    """Return dx / dy of each edge, 0 for level ones."""
    height = yb - ya
    return np.where(height == 0, 0.0, xb - xa) / np.where(height == 0, 1.0, height)


def plane(x: list[Floats], y: list[Floats], area: Floats, value: Floats) -> tuple[Floats, ...]:
    """Return c, cx, cy with c + cx * column + cy * row equal to `value` (3, F) at the corners of each face."""
    bx, by, cx, cy = x[1] - x[0], y[1] - y[0], x[2] - x[0], y[2] - y[0]
    vb, vc = value[1] - value[0], value[2] - value[0]
    across, down = (vb * cy - vc * by) / area, (vc * bx - vb * cx) / area
    return value[0] - across * x[0] - down * y[0], across * STEP, down * STEP
