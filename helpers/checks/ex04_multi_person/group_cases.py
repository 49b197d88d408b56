"""Cases of `group_people`: what is drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from helpers.checks.engine.judge import judge
from helpers.checks.engine.question import Ask, Oracle, integers
from helpers.checks.ex04_multi_person.groups import People
from helpers.checks.ex04_multi_person.readings import Limbs
from helpers.checks.ex04_multi_person.scenes import (
    Bools,
    Floats,
    chain,
    draw_fields,
    draw_limb,
    draw_peaks,
    draw_places,
    draw_scene,
    draw_tree,
    shuffled,
    turned,
    whole,
)

__all__ = ["people_affinity", "people_few", "people_limbs", "people_many", "people_missing", "people_whole"]


def _side_by_side(rng: np.random.RandomState) -> People:
    """Return the call for two people in one pose, the second farther along the first one's first limb,
    but for one pixel."""
    pose = np.array([[3, 4], [11, 4], [11, 14]]) + np.array([0, int(integers(rng, 0, 3, ()))])
    away = np.array([20 + int(integers(rng, 0, 3, ())), 1])
    size, places = turned(rng, (20, 36), np.stack([pose, pose + away]).astype(np.float64))
    fields = torch.tensor(draw_fields(places, whole(2, 3), chain(3), size), dtype=torch.float32)
    return People(draw_peaks(rng, places, whole(2, 3), torch.float32), fields, chain(3), "two people side by side")


def people_whole(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        draw_scene(rng, (30, 40), draw_tree(rng, 5), whole(2, 5), "two people"),
        draw_scene(rng, (18, 30), chain(5), whole(1, 5), "one person"),
        draw_scene(rng, (48, 36), draw_tree(rng, 5), whole(3, 5), "three people who may cross"),
        draw_scene(rng, (44, 64), draw_tree(rng, 5), whole(4, 5), "four people who may cross"),
        _side_by_side(rng),
    ]
    judge(calls, ask, oracle)


def _pieces(keypoints: int) -> Limbs:
    """Return the limbs of a chain, first those that do not touch: what they join grows together later."""
    limbs = chain(keypoints)
    return limbs[::2] + limbs[1::2]


def people_limbs(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    closed, one_gap = [*chain(5), (0, 2), (1, 4)], _without(whole(2, 5), (0, 1))
    star = [(k, 0) for k in range(1, 5)]
    calls = [
        draw_scene(rng, (30, 40), shuffled(rng, draw_tree(rng, 5)), whole(2, 5), "limbs in any order"),
        draw_scene(rng, (34, 46), _pieces(6), whole(2, 6), "limbs in an order that joins pieces last"),
        draw_scene(rng, (46, 32), star, whole(2, 5), "all limbs lead to one keypoint"),
        draw_scene(rng, (34, 44), closed, one_gap, "more limbs than a person needs, if none is missing"),
        draw_scene(rng, (44, 40), shuffled(rng, draw_tree(rng, 5)), whole(3, 5), "limbs either way round"),
    ]
    judge(calls, ask, oracle)


def _without(present: Bools, *missing: tuple[int, int]) -> Bools:
    """Return who is there without the keypoints (person, keypoint)."""
    left = present.copy()
    left[tuple(np.array(missing).T)] = False
    return left


# What lies between the two peaks of a limb, in a field of its own: how much of its unit vector, as (along, across), and
# on which part of the way. The first four are limbs, the others are not.
BETWEEN = {
    "clear": ((1, 0), (0, 1)),
    "just clear": ((9 / 16, 0), (0, 1)),
    "fairly clear": ((13 / 16, 0), (0, 1)),
    "still clear": ((5 / 8, 0), (0, 1)),
    "weak": ((3 / 64, 0), (0, 1)),
    "the way back": ((-1, 0), (0, 1)),
    "across": ((0, 1), (0, 1)),
    "at the start only": ((7 / 16, 0), (0, 0)),
    "in the middle only": ((5 / 16, 0), (0.5, 0.5)),
    "at the end only": ((7 / 16, 0), (1, 1)),
    "before the start": ((1, 0), (-0.9, -0.25)),
    "beyond the end": ((1, 0), (1.25, 1.9)),
}


def _between(size: tuple[int, int], start: Floats, end: Floats, kind: str) -> Floats:
    """Return the field (2, H, W) of one limb that may not be one."""
    (along, across), part = BETWEEN[kind]
    field, way = np.zeros((2, *size)), end - start
    first, last = (start + share * way for share in part)
    if part[0] == part[1]:  # one pixel and its neighbours
        x, y = np.round(first).astype(np.int64)
        field[:, max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2] = (way / np.sqrt((way * way).sum()))[:, None, None]
    else:
        draw_limb(field, np.zeros(size), first, last)
    turned_left = np.stack([-field[1], field[0]])
    between: Floats = np.round((along * field + across * turned_left) * 256) / 256
    return between


def _scene(peaks: Sequence[Floats], fields: Sequence[Floats], limbs: Limbs, note: str, open: bool = False) -> People:
    """Return the call for the peaks (N_k, 3) of each keypoint and a field (2, H, W) for each limb."""
    found = [torch.tensor(rows, dtype=torch.float32) for rows in peaks]
    return People(found, torch.tensor(np.stack(fields), dtype=torch.float32), limbs, note, open)


def _traps(rng: np.random.RandomState, kinds: Sequence[str]) -> People:
    """Return the call for limbs of one start and one end each, one limb for each of these kinds of field between."""
    size, names = (30, 44), rng.permutation(2 * len(kinds))
    peaks: dict[int, Floats] = {}
    fields, limbs = [], []
    for index, kind in enumerate(kinds):
        columns, rows = np.sort(integers(rng, [2, 33], [10, 42], (2,))), integers(rng, 2, 28, (2,))
        ends = np.stack([columns, rows], axis=1).astype(np.float64)[:: 1 - 2 * int(integers(rng, 0, 2, ()))]
        if kind in ("before the start", "beyond the end"):
            ends[int(kind == "beyond the end")] = np.round(ends.mean(axis=0))  # leaves room for it
        fields.append(_between(size, ends[0], ends[1], kind))
        a, b = names[2 * index : 2 * index + 2].tolist()
        limbs.append((a, b))
        for k, place in zip((a, b), ends, strict=True):
            peaks[k] = np.array([[*place, (1 + k) / 128]])
    return _scene([peaks[k] for k in range(len(names))], fields, limbs, "one peak of each kind")


def _nearer(rng: np.random.RandomState) -> People:
    """Return the call for two limbs with one start and two ends each: the nearer one, and more confident, is not meant.

    On the way there the field is weak along the first limb, and leads back along the second.
    """
    start = np.array([18, 12]) + integers(rng, 0, 3, (2, 2))
    right = start + np.stack([integers(rng, 18, 22, (2,)), integers(rng, -6, 7, (2,))], axis=1)
    false = start - np.stack([integers(rng, 9, 13, (2,)), integers(rng, -4, 5, (2,))], axis=1)
    size, places = turned(rng, (28, 46), np.stack([start, right, false]).astype(np.float64))
    fields, peaks = [], []
    for (here, there, near), kind in zip(places.swapaxes(0, 1), ("weak", "the way back"), strict=True):
        wrong, meant = _between(size, here, near, kind), _between(size, here, there, "still clear")
        fields.append(np.where((meant != 0).any(axis=0), meant, wrong))
        peaks += [np.array([[*here, 0.5]]), np.array([[*near, 0.75], [*there, 0.25]])]
    return _scene(peaks, fields, [(0, 1), (2, 3)], "the nearer end is not the one that the field leads to")


def _rivals(rng: np.random.RandomState) -> People:
    """Return the call for two limbs, one with two starts and one end, the other with one start and two ends.

    The field is clear to both of the two, but clearer to the less confident one.
    """
    middle = np.array([22, 12]) + integers(rng, 0, 3, (2, 2))
    away = np.stack([integers(rng, 14, 18, (2, 2)) * [1, -1], integers(rng, -6, 7, (2, 2))], axis=-1)
    size, places = turned(
        rng, (28, 46), np.stack([middle[:, None] + away, np.stack([middle] * 2, axis=1)]).astype(float)
    )
    fields, peaks = [], []
    for limb, (others, here) in enumerate(places.swapaxes(0, 1)):
        ways = [(a, b) if limb == 0 else (b, a) for a, b in zip(others, here, strict=True)]
        better, worse = (_between(size, *way, kind) for way, kind in zip(ways, ("clear", "still clear"), strict=True))
        fields.append(np.where((better != 0).any(axis=0), better, worse))
        rivals = np.array([[*others[0], 0.25], [*others[1], 0.75]])
        # who takes the best end of each start, the first start first, is wrong; so is who takes the first of all
        pair = [rivals[[1, 0]] if limb == 0 else rivals, np.array([[*here[0], 0.5]])]
        peaks += pair if limb == 0 else pair[::-1]
    return _scene(peaks, fields, [(0, 1), (2, 3)], "two starts want one end, and two ends one start")


def _fewer_ends(rng: np.random.RandomState) -> People:
    """Return the call for a limb of two starts and one end, whose field goes on to the corner (0, 0), and clearer."""
    size, end = (26, 36), integers(rng, [11, 9], [15, 12], (2,)).astype(float)
    start, other = 2 * end, np.array([4.0, 22.0])
    beyond, meant = _between(size, end, np.zeros(2), "clear"), _between(size, start, end, "fairly clear")
    fields = [np.where((meant != 0).any(axis=0), meant, beyond)]
    peaks = [np.array([[*start, 0.5], [*other, 0.25]]), np.array([[*end, 0.75]])]
    return _scene(peaks, fields, [(0, 1)], "two starts and one end, and the field goes on")


def _long(rng: np.random.RandomState, upright: bool) -> People:
    """Return the call for two limbs that are much longer than the field is high, or else wide, and no clearer than
    they need be."""
    start, end = integers(rng, [2, 1], [5, 4], (2, 2)), integers(rng, [43, 8], [47, 11], (2, 2))
    size, places = (12, 50), np.stack([start, end]).astype(np.float64)
    size, places = (size[::-1], places[..., ::-1]) if upright else (size, places)
    fields = [_between(size, here, there, "just clear") for here, there in places.swapaxes(0, 1)]
    peaks = [np.array([[*place, (1 + k) / 8]]) for k, place in enumerate(places.swapaxes(0, 1).reshape(4, 2))]
    return _scene(peaks, fields, [(0, 1), (2, 3)], "long limbs, with a mean of 9 / 16 along them")


def people_missing(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    middle = _without(whole(2, 6), (0, 3))
    ends = _without(whole(3, 5), (0, 4), (1, 4), (1, 3), (2, 0))
    alone = np.zeros((3, 4), dtype=bool)
    alone[[0, 1, 2], integers(rng, 0, 4, (3,))] = True
    alone = np.concatenate([whole(1, 4), _without(whole(1, 4), (0, 0)), alone])
    calls = [
        draw_scene(rng, (36, 50), chain(6), middle, "one person lacks a keypoint in the middle of a chain of limbs"),
        draw_scene(rng, (52, 40), chain(5), ends, "more starts than ends: some lack the last keypoints, or the first"),
        draw_scene(rng, (50, 66), chain(4), alone, "some peaks are alone"),
        _fewer_ends(rng),
    ]
    judge(calls, ask, oracle)


def people_affinity(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        draw_scene(rng, (26, 36), draw_tree(rng, 4), whole(2, 4), "float64", torch.float64),
        _traps(rng, ["still clear", "weak", "across", "at the start only", "before the start"]),
        _traps(rng, ["clear", "the way back", "in the middle only", "at the end only", "beyond the end"]),
        _nearer(rng),
        _rivals(rng),
        _long(rng, upright=False),
        _long(rng, upright=True),
    ]
    judge(calls, ask, oracle)


def people_few(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    scene = draw_scene(rng, (26, 36), chain(5), whole(2, 5))
    only = int(integers(rng, 0, 5, ()))
    one_kind = [found if k == only else found[:0] for k, found in enumerate(scene.peaks)]
    calls = [
        People([found[:0] for found in scene.peaks], scene.fields, scene.limbs, "no peaks at all"),
        People(one_kind, scene.fields, scene.limbs, "peaks of one keypoint only"),
        People(scene.peaks, torch.zeros_like(scene.fields), scene.limbs, "the fields are 0"),
    ]
    judge(calls, ask, oracle)


CELL, POSE = 18, 12  # pixels: of a place in the crowd, and of the person in it


def _crowd(rng: np.random.RandomState) -> People:
    """Return the call for 20 people in one pose, side by side."""
    limbs, everybody = draw_tree(rng, 3), whole(20, 3)
    pose = draw_places(rng, (POSE, POSE), limbs, everybody[:1])[0]
    corners = np.stack(np.meshgrid(np.arange(5), np.arange(4)), axis=-1).reshape(20, 1, 2) * CELL
    places = pose + corners + integers(rng, 0, CELL - POSE, (20, 1, 2))
    fields = torch.tensor(draw_fields(places, everybody, limbs, (4 * CELL, 5 * CELL)), dtype=torch.float32)
    return People(draw_peaks(rng, places, everybody, torch.float32), fields, limbs, "20 people")


def _outside(rng: np.random.RandomState) -> People:
    """Return the call for limbs that lie outside of the fields on all sides: at each, the border's pixels point along
    them."""
    height, width = (int(integers(rng, 14, 20, ())) + (0, 12)[axis] for axis in (0, 1))
    left, top, right, bottom = integers(rng, 2, 5, (4,)) / 2 * np.array([-1, -1, 1, 1]) + np.array(
        [0, 0, width - 1, height - 1]
    )
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, height - 3), (left, 2)]
    fields = np.zeros((4, 2, height, width))
    fields[0, 0, 0], fields[1, 1, :, -1], fields[2, 0, -1], fields[3, 1, :, 0] = 1, 1, -1, -1
    peaks = draw_peaks(rng, np.array([corners]), whole(1, 6), torch.float32)
    limbs = [(0, 1), (1, 2), (2, 3), (4, 5)]
    return People(peaks, torch.tensor(fields, dtype=torch.float32), limbs, "peaks a little outside of the fields")


def _two_of_a_kind(
    rng: np.random.RandomState, confidence: Sequence[float], last: str, first: bool, note: str, open: bool = False
) -> People:
    """Return the call for limbs that lead from a keypoint over two others to a second one of the first kind.

    `confidence` is that of the four, `last` the field along the limb to the second one. This is the `first` of all
    peaks or the last.
    """
    drawn = np.array([[6, 6], [6, 22], [20, 14], [37, 14]]) + integers(rng, -2, 3, (4, 2))
    size, places = turned(rng, (28, 44), drawn.astype(np.float64))
    kinds = ["clear", "clear", last]
    fields = [_between(size, places[i], places[i + 1], kind) for i, kind in enumerate(kinds)]
    groups, limbs = (
        ([[3, 0], [1], [2]], [(0, 1), (1, 2), (2, 0)]) if first else ([[2], [1], [0, 3]], [(2, 1), (1, 0), (0, 2)])
    )
    peaks = [np.array([[*places[i], confidence[i]] for i in group]) for group in groups]
    return _scene(peaks, fields, limbs, note, open)


def _crossed(rng: np.random.RandomState) -> People:
    """Return the call for two people, of whom the first one's last limb, weaker than the others, leads to the second
    one's first keypoint."""
    pose = np.array([[4, 4], [5, 17], [14, 24]])
    drawn = np.stack([pose, pose + (28, 1)]) + integers(rng, 0, 3, (2, 3, 2))
    size, places = turned(rng, (30, 50), drawn.astype(np.float64))
    fields = [draw_fields(places[:, [k, k + 1]], whole(2, 2), [(0, 1)], size)[0] for k in (0, 1)]
    fields.append(_between(size, places[0, 2], places[1, 0], "still clear"))
    confidence = np.array([[7, 6], [1, 2], [3, 4]]) / 8  # however the people come about: they grow from the first
    peaks = [np.concatenate([places[:, k], confidence[k][:, None]], axis=1)[rng.permutation(2)] for k in range(3)]
    return _scene(peaks, fields, [(0, 1), (1, 2), (2, 0)], "a limb leads from one person to another")


def people_many(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    note = "limbs lead on to a second keypoint of a kind"
    # however the people come about: the second one is the least confident, and its limb the last and least clear
    less = [
        _two_of_a_kind(rng, [1, 0.75, 0.5, 0.25], "still clear", first, f"{note}, less confident")
        for first in (True, False)
    ]
    either = _two_of_a_kind(rng, (rng.permutation(4) / 8 + 0.25).tolist(), "clear", True, note, open=True)
    calls = [_outside(rng), *less, either, _crossed(rng), _crowd(rng)]
    judge(calls, ask, oracle)
