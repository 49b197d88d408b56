"""The rasteriser: triangles to the samples that they are nearest at.

Samples lie half a pixel apart, one on every pixel centre: sample g of a row is at x = (g - 1) / 2. Labels are read at
pixel centres; colour is the mean of a centre and its eight neighbours with weights 1-2-1, which smooths edges.
Projected vertices are snapped to 1/256 pixel, so that coverage is decided exactly in whole numbers.
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["GRID", "Hits", "rasterize", "sample_shape", "snap"]

GRID = 256  # steps per pixel that vertices are snapped to
STEP = GRID // 2  # between samples
FACE_BITS = 20
DEPTH_STEPS = 2.0**38  # of 1 / depth, in 1/m: depths above 0.1 m fit beside the face's number


@dataclass(frozen=True)
class Hits:
    """What is nearest at each of N covered samples."""

    sample: np.ndarray  # int64 (N,), index into the flat grid
    face: np.ndarray  # int64 (N,), index into the faces that were given
    inverse_depth: np.ndarray  # float64 (N,), 1/m
    points: np.ndarray  # the arguments of `rasterize`
    inverse_of_point: np.ndarray
    columns: int

    def weights(self, rows: np.ndarray, corner: np.ndarray) -> np.ndarray:
        """Return the barycentric weights (n, 3), correct in perspective, of the hits `rows` on vertices `corner` (n, 3)."""
        sample = self.sample[rows]
        a, b, c = corner.T
        ax, ay = self.points[a].T
        bx, by = self.points[b].T - (ax, ay)
        cx, cy = self.points[c].T - (ax, ay)
        x, y = (sample % self.columns) * float(STEP) - ax, (sample // self.columns) * float(STEP) - ay
        area = bx * cy - by * cx
        w1, w2 = (x * cy - y * cx) / area, (y * bx - x * by) / area
        out = np.stack([(1 - w1 - w2) * self.inverse_of_point[a], w1 * self.inverse_of_point[b],
                        w2 * self.inverse_of_point[c]], 1)
        return out / (out[:, 0] + out[:, 1] + out[:, 2])[:, None]


def sample_shape(size: tuple[int, int]) -> tuple[int, int]:
    """Return rows and columns of the sample grid of an image of size (H, W): one more than twice as many."""
    return 2 * size[0] + 1, 2 * size[1] + 1


def snap(points: np.ndarray) -> np.ndarray:
    """Return points in pixels as whole numbers of 1/256 pixel, in float64, with sample 0 at 0."""
    return np.floor(points * GRID + (STEP + 0.5))


def rasterize(points: np.ndarray, inverse_depth: np.ndarray, faces: np.ndarray, two_sided: np.ndarray,
              shape: tuple[int, int]) -> Hits:
    """Return the nearest face at every covered sample.

    Args:
        points: float64 (V, 2), snapped, x then y. inverse_depth: float64 (V,), 1/m, positive.
        faces: int64 (F, 3), F < 2**20. two_sided: bool (F,), whether the back of a face shows.
        shape: rows and columns of the sample grid.
    """
    x, y = points.T
    (xa, xb, xc), (ya, yb, yc) = (np.ascontiguousarray(t[faces.T]) for t in (x, y))
    area = (xb - xa) * (yc - ya) - (xc - xa) * (yb - ya)
    top = np.maximum(np.ceil(np.minimum(np.minimum(ya, yb), yc) / STEP), 0)
    bottom = np.minimum(np.floor(np.maximum(np.maximum(ya, yb), yc) / STEP), shape[0] - 1)
    out_of_sight = (np.maximum(np.maximum(xa, xb), xc) < 0) | (np.minimum(np.minimum(xa, xb), xc) > STEP * shape[1])
    # y points down in an image: faces that look at the camera have a negative area here.
    shown = np.flatnonzero(((area < 0) | (two_sided & (area > 0))) & (bottom >= top) & ~out_of_sight)
    corner, area = points[faces[shown]], area[shown]
    rows = (bottom - top)[shown].astype(np.int64) + 1
    of_face, step = expand(rows)
    y = top[shown][of_face] + step
    left, right = spans(corner, area, of_face, y * STEP, shape[1])
    width = np.maximum(right - left + 1, 0).astype(np.int64)
    of_row, step = expand(width)
    x, y, of_face = left[of_row] + step, y[of_row], of_face[of_row]
    sample = (y * shape[1] + x).astype(np.int64)

    plane = planes(corner, area, inverse_depth[faces[shown]])
    inverse = plane[0][of_face] + plane[1][of_face] * x + plane[2][of_face] * y
    key = (np.floor(inverse * DEPTH_STEPS).astype(np.int64) << FACE_BITS) | of_face
    nearest = np.zeros(shape[0] * shape[1], np.int64)
    np.maximum.at(nearest, sample, key)
    sample = np.flatnonzero(nearest)
    key = nearest[sample]
    return Hits(sample, shown[key & ((1 << FACE_BITS) - 1)], (key >> FACE_BITS) / DEPTH_STEPS, points, inverse_depth,
                shape[1])


def expand(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for counts (2, 3): owners (0, 0, 1, 1, 1) and running numbers (0, 1, 0, 1, 2)."""
    owner = np.repeat(np.arange(len(counts)), counts)
    return owner, np.arange(len(owner)) - (np.cumsum(counts) - counts)[owner]


def spans(corner: np.ndarray, area: np.ndarray, of_face: np.ndarray, y: np.ndarray,
          columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Return first and last covered column of each row `y` (in 1/256 pixel) of face `of_face`."""
    left, right = np.zeros(len(y)), np.full(len(y), columns - 1.0)
    sign = np.where(area > 0, 1.0, -1.0)
    for i in range(3):
        a, edge = corner[:, i], corner[:, (i + 1) % 3] - corner[:, i]
        height = edge[:, 1] * sign
        for side, limit in ((height < 0, left), (height > 0, right)):
            rows = np.flatnonzero(side[of_face])
            f = of_face[rows]
            # Where the edge crosses the row: a quotient of whole numbers, so a sample on an edge is met exactly.
            at = (a[f, 0] + edge[f, 0] * (y[rows] - a[f, 1]) / edge[f, 1]) / STEP
            if limit is left:
                left[rows] = np.maximum(left[rows], np.ceil(at))
            else:
                right[rows] = np.minimum(right[rows], np.floor(at))
    return left, right


def planes(corner: np.ndarray, area: np.ndarray, value: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return c, cx, cy with c + cx * column + cy * row equal to `value` (F, 3) at the corners of each face."""
    a = corner[:, 0]
    ab, ac = corner[:, 1] - a, corner[:, 2] - a
    vb, vc = value[:, 1] - value[:, 0], value[:, 2] - value[:, 0]
    cx = (vb * ac[:, 1] - vc * ab[:, 1]) / area
    cy = (vc * ab[:, 0] - vb * ac[:, 0]) / area
    return value[:, 0] - cx * a[:, 0] - cy * a[:, 1], cx * STEP, cy * STEP
