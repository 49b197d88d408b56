"""The rasteriser against coverage worked out by hand and by a slow loop."""

import numpy as np
import pytest

from helpers.people.raster import expand, rasterize, sample_shape, snap


def covered(points, inverse, faces, size=(8, 8), two_sided=False):
    """Return the set of covered (row, column) samples and the hits."""
    hits = rasterize(
        snap(np.array(points, float)),
        np.array(inverse, float),
        np.array(faces),
        np.full(len(faces), two_sided),
        sample_shape(size),
    )
    columns = sample_shape(size)[1]
    return {(int(s) // columns, int(s) % columns) for s in hits.sample}, hits


def test_right_triangle_covers_the_samples_worked_out_by_hand():
    # Corners at pixels (0, 0), (0, 2), (2, 0): samples half a pixel apart with x >= 0, y >= 0, x + y <= 2,
    # edges included. Pixel 0 is sample 1.
    got, _ = covered([(0, 0), (0, 2), (2, 0)], [1, 1, 1], [(0, 1, 2)])
    assert got == {(1 + i, 1 + j) for i in range(5) for j in range(5) if i + j <= 4}


def test_back_of_a_face_shows_only_when_two_sided():
    back = [(0, 0), (2, 0), (0, 2)]
    assert not covered(back, [1, 1, 1], [(0, 1, 2)])[0]
    assert covered(back, [1, 1, 1], [(0, 1, 2)], two_sided=True)[0]


def test_nearer_face_wins_whatever_the_order():
    points = [(0, 0), (0, 6), (6, 0)] * 2
    inverse = [0.5] * 3 + [0.25] * 3  # depths 2 m and 4 m
    for faces in ([(0, 1, 2), (3, 4, 5)], [(3, 4, 5), (0, 1, 2)]):
        _, hits = covered(points, inverse, faces)
        assert {tuple(faces[f]) for f in hits.face} == {(0, 1, 2)}
        np.testing.assert_allclose(1 / hits.inverse_depth, 2.0, rtol=1e-9)


def test_weights_are_correct_in_perspective():
    # Along the edge from depth 1 to depth 3 the middle of the picture is a quarter of the way in space:
    # 1 / depth is (1 + 1/3) / 2 = 2/3 there, so depth 1.5.
    points, inverse = [(0, 0), (0, 6), (6, 0)], [1, 1, 1 / 3]
    _, hits = covered(points, inverse, [(0, 1, 2)])
    row = np.flatnonzero(hits.sample == 1 * 17 + 1 + 6)  # x = 3, y = 0
    assert 1 / hits.inverse_depth[row[0]] == pytest.approx(1.5)
    np.testing.assert_allclose(hits.weights(row, np.array([[0], [1], [2]]))[:, 0], [0.75, 0, 0.25], atol=1e-12)


def test_agrees_with_a_slow_loop_and_leaves_no_gap_between_neighbours():
    rng = np.random.default_rng(3)
    size = (9, 14)
    grid = np.stack(np.meshgrid(np.linspace(-3, 16, 6), np.linspace(-3, 12, 6)), -1).reshape(-1, 2)
    points = grid + rng.uniform(-0.8, 0.8, grid.shape)
    quads = np.array([(r * 6 + c, r * 6 + c + 6, r * 6 + c + 7, r * 6 + c + 1) for r in range(5) for c in range(5)])
    faces = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    got, hits = covered(points, np.ones(len(points)), faces, size)
    rows, columns = sample_shape(size)
    assert got == {(r, c) for r in range(rows) for c in range(columns)}  # a mesh over the whole image: no pinhole
    snapped = snap(points).T
    for sample, face in zip(hits.sample, hits.face, strict=True):
        p = np.array([sample % columns, sample // columns]) * 128.0
        a, b, c = snapped[faces[face]]
        sides = [(v[0] - u[0]) * (p[1] - u[1]) - (v[1] - u[1]) * (p[0] - u[0]) for u, v in ((a, b), (b, c), (c, a))]
        assert max(sides) <= 1e-6 * 256**2


def test_nothing_in_sight_gives_no_hits():
    got, hits = covered([(-9, -9), (-9, -8), (-8, -9)], [1, 1, 1], [(0, 1, 2)])
    assert not got
    assert len(hits.face) == 0


def test_expand_counts_out_by_hand():
    owner, number = expand(np.array([2, 0, 3]))
    assert owner.tolist() == [0, 0, 2, 2, 2]
    assert number.tolist() == [0, 1, 0, 1, 2]
