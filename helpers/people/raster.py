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


@dataclass(frozen=True)
class Hits:
    """What is nearest at each covered sample: index into the flat grid, face, its barycentric weights, 1 / depth."""

    sample: np.ndarray  # int64 (N,)
    face: np.ndarray  # int64 (N,), index into the faces that were given
    weights: np.ndarray  # float64 (N, 3), correct in perspective
    inverse_depth: np.ndarray  # float64 (N,), 1/m


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
    corner = points[faces]  # (F, 3, 2)
    area = cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    top = np.maximum(np.ceil(corner[:, :, 1].min(1) / STEP), 0)
    bottom = np.minimum(np.floor(corner[:, :, 1].max(1) / STEP), shape[0] - 1)
    # y points down in an image: faces that look at the camera have a negative area here.
    shown = np.flatnonzero(((area < 0) | (two_sided & (area > 0))) & (bottom >= top))
    corner, area = corner[shown], area[shown]
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
    key = (np.floor(inverse * 2.0**38).astype(np.int64) << FACE_BITS) | of_face
    nearest = np.zeros(shape[0] * shape[1], np.int64)
    np.maximum.at(nearest, sample, key)
    sample = np.flatnonzero(nearest)
    face = nearest[sample] & ((1 << FACE_BITS) - 1)
    return resolve(sample, face, shown, corner, area, inverse_depth[faces[shown]], shape[1])


def cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the z component of the cross product of vectors (..., 2)."""
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


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
        a, b = corner[:, i], corner[:, (i + 1) % 3]
        height = (b[:, 1] - a[:, 1]) * sign
        slope = (b - a)[:, 0] / np.where(height == 0, 1, (b - a)[:, 1])
        # x where the edge crosses the row; exact whole numbers stay exact when the slope is formed last.
        h, dx, dy = height[of_face], (b - a)[of_face, 0], (b - a)[of_face, 1]
        at = a[of_face, 0] + dx * (y - a[of_face, 1]) / np.where(h == 0, 1, dy)
        del slope
        left = np.where(h < 0, np.maximum(left, np.ceil(at / STEP)), left)
        right = np.where(h > 0, np.minimum(right, np.floor(at / STEP)), right)
    return left, right


def planes(corner: np.ndarray, area: np.ndarray, value: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return c, cx, cy with c + cx * column + cy * row equal to `value` (F, 3) at the corners of each face."""
    a = corner[:, 0]
    ab, ac = corner[:, 1] - a, corner[:, 2] - a
    vb, vc = value[:, 1] - value[:, 0], value[:, 2] - value[:, 0]
    cx = (vb * ac[:, 1] - vc * ab[:, 1]) / area
    cy = (vc * ab[:, 0] - vb * ac[:, 0]) / area
    return value[:, 0] - cx * a[:, 0] - cy * a[:, 1], cx * STEP, cy * STEP


def resolve(sample: np.ndarray, face: np.ndarray, shown: np.ndarray, corner: np.ndarray, area: np.ndarray,
            inverse_depth: np.ndarray, columns: int) -> Hits:
    """Return the winners with their barycentric weights."""
    a = corner[:, 0]
    ab, ac = corner[:, 1] - a, corner[:, 2] - a
    x = (sample % columns) * float(STEP) - a[face, 0]
    y = (sample // columns) * float(STEP) - a[face, 1]
    w1 = (x * ac[face, 1] - y * ac[face, 0]) / area[face]
    w2 = (y * ab[face, 0] - x * ab[face, 1]) / area[face]
    weights = np.stack([1 - w1 - w2, w1, w2], 1) * inverse_depth[face]
    inverse = weights.sum(1)
    return Hits(sample, shown[face], weights / inverse[:, None], inverse)
