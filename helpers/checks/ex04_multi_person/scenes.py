"""Scenes of people for `group_people`, which leave no doubt who belongs to whom: peaks and fields."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from helpers.checks.engine.question import integers
from helpers.checks.ex04_multi_person.groups import People
from helpers.checks.ex04_multi_person.readings import Limbs

__all__ = [
    "chain",
    "draw_fields",
    "draw_limb",
    "draw_peaks",
    "draw_places",
    "draw_scene",
    "draw_tree",
    "shuffled",
    "turned",
    "whole",
]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# Places are multiples of 1/2, fields of 1/256 and scores of 1/128: every machine draws the same bits.

HALF_WIDTH = 1.5  # of a limb as drawn; it also goes on for a pixel beyond its ends
BEYOND = 1.0
AROUND = 0.75  # how far from a point the pixels lie that an answer may ask there
SHORTEST, LONGEST = 6, 20  # pixels of a limb
CLEAR, UNCLEAR, NOTHING = 0.8, 0.35, 0.03  # affinity of right pairs, of wrong ones, and where neither has a partner
TRIES = 32


def draw_limb(field: Floats, count: Floats, start: Floats, end: Floats) -> None:
    """Add the unit vector from start to end to a field (2, H, W), and 1 to `count`, in the rectangle along the limb."""
    y, x = np.mgrid[: field.shape[1], : field.shape[2]]
    vx, vy = end - start
    length = np.sqrt(vx * vx + vy * vy)
    along, across = (x - start[0]) * vx + (y - start[1]) * vy, (x - start[0]) * vy - (y - start[1]) * vx
    inside = (np.abs(across) <= HALF_WIDTH * length) & (along >= -BEYOND * length)
    inside &= along <= (length + BEYOND) * length
    field[:, inside] += np.array([[vx], [vy]]) / length
    count += inside


def draw_fields(places: Floats, present: Bools, limbs: Limbs, size: tuple[int, int], strength: float = 1.0) -> Floats:
    """Return the fields (L, 2, H, W) of people with keypoints (P, K, 2), of which those `present` (P, K) are there."""
    fields = np.zeros((len(limbs), 2, *size))
    for field, (a, b) in zip(fields, limbs, strict=True):
        count = np.zeros(size)
        for person in np.flatnonzero(present[:, a] & present[:, b]):
            draw_limb(field, count, places[person, a], places[person, b])
        field *= strength / np.maximum(count, 1)
    return np.round(fields * 256) / 256


def _agreement(start: Floats, end: Floats, drawn: Bools) -> Floats:
    """Return how well the field of one limb agrees with every pair (T, P, P) of a start and an end, in T scenes.

    `drawn` (P,) says whose limb is in the field. It is a bound, whatever points an answer samples: from above for the
    pairs of two people, from below for one person's own limb.
    """
    own = end - start  # (T, P, 2)
    length = np.sqrt((own * own).sum(axis=-1))
    ux, uy = np.moveaxis(own / length[..., None], -1, 0)[:, :, None, None]  # (T, 1, 1, P): along each limb
    segment = end[:, None] - start[:, :, None]  # (T, P, P, 2)
    away = start[:, :, None] - start[:, None]  # (T, P, P, 2): from the limb's start to the segment's
    sx, sy = segment[..., 0, None], segment[..., 1, None]  # (T, P, P, 1)
    ax, ay = away[:, :, None, :, 0], away[:, :, None, :, 1]  # (T, P, 1, P)
    reach, beyond = HALF_WIDTH + AROUND, BEYOND + AROUND
    first, last = np.zeros(sx.shape), np.ones(sx.shape)
    for here, step, low, high in (
        (ax * ux + ay * uy, sx * ux + sy * uy, -beyond, length[:, None, None] + beyond),
        (ax * uy - ay * ux, sx * uy - sy * ux, -reach, reach),
    ):
        step = np.where(np.abs(step) < 1e-9, 1e-9, step)
        bounds = np.stack([(low - here) / step, (high - here) / step])
        first, last = np.maximum(first, bounds.min(axis=0)), np.minimum(last, bounds.max(axis=0))
    share = np.maximum(last - first, 0) * drawn  # (T, P, P, P): of each segment, on each limb
    cosine = (sx * ux + sy * uy) / np.sqrt(np.maximum(sx * sx + sy * sy, 1e-9))
    people = np.arange(len(drawn))
    found: Floats = (share * np.maximum(cosine, 0)).sum(axis=-1)
    mine = people[:, None] == people
    lost = np.where(mine, 0, share[:, people, people] * (1 - cosine[:, people, people]) / 2).sum(axis=-1)
    found[:, people, people] = 1 - lost
    return found


def _clean(start: Floats, end: Floats, there: Bools) -> Bools:
    """Return in which of T scenes one limb, with starts and ends (T, P, 2), leaves no doubt who belongs to whom.

    `there` (2, P) says which starts and which ends are present.
    """
    drawn = there[0] & there[1]
    away = end[:, None] - start[:, :, None]
    distance = np.sqrt((away * away).sum(axis=-1))  # (T, P, P)
    length = np.diagonal(distance, axis1=1, axis2=2)
    limit = np.where(drawn[:, None] | drawn, UNCLEAR, NOTHING)
    limit[~(there[0][:, None] & there[1])] = 9  # no such pair
    safe = np.where(distance < 1, 9, _agreement(start, np.where(length[..., None] < 1, start + 1, end), drawn))
    mine = np.eye(len(drawn), dtype=bool)
    others = ((safe <= limit) | mine).all(axis=(1, 2))
    own = np.diagonal(safe, axis1=1, axis2=2)
    theirs = ((length >= SHORTEST) & ((own >= CLEAR) | ~drawn)).all(axis=1)
    clean: Bools = np.logical_and(others, theirs)
    return clean


def draw_places(rng: np.random.RandomState, size: tuple[int, int], limbs: Limbs, present: Bools) -> Floats:
    """Return places (P, K, 2) of people in a map (H, W), for which no limb leaves a doubt who belongs to whom."""
    for _ in range(200):
        places = _try_places(rng, size, limbs, present)
        if places is not None:
            return places
    raise RuntimeError(f"no room for {present.shape[0]} people in {size} pixels")


def _try_places(rng: np.random.RandomState, size: tuple[int, int], limbs: Limbs, present: Bools) -> Floats | None:
    """Place one keypoint of all people after the other, each beside one that has its place; None if one finds none."""
    people, keypoints = present.shape
    last = np.array([size[1] - 2, size[0] - 2])
    places = {0: 1 + integers(rng, 0, 2 * last - 1, (people, 2)) / 2}
    while len(places) < keypoints:
        joined = [(a, b) for a, b in limbs if (a in places) != (b in places)]
        a, b = joined[0]
        known, new = (a, b) if a in places else (b, a)
        step = integers(rng, -2 * LONGEST, 2 * LONGEST + 1, (TRIES, people, 2)) / 2
        tried = places[known] + step
        tried = np.where((tried < 1) | (tried > last), places[known] - step, tried)  # turn back at the border
        inside = ((tried >= 1) & (tried <= last)).all(axis=(1, 2))
        tried = tried[inside & _apart(tried, present[:, new])]
        for a, b in [limb for limb in limbs if new in limb and (limb[0] in places or limb[1] in places)]:
            start, end = (tried if k == new else np.broadcast_to(places[k], tried.shape) for k in (a, b))
            tried = tried[_clean(start, end, np.stack([present[:, a], present[:, b]]))]
        if not len(tried):
            return None
        places[new] = tried[0]
    return np.stack([places[k] for k in range(keypoints)], axis=1)


def _apart(places: Floats, present: Bools) -> Bools:
    """Return in which of T scenes the keypoints of one kind (T, P, 2) are 3 pixels apart, if `present` (P,)."""
    away = places[:, :, None] - places[:, None]
    near: Bools = (away * away).sum(axis=-1) < 9
    near &= present[:, None] & present & ~np.eye(len(present), dtype=bool)
    return np.logical_not(near.any(axis=(1, 2)))


def draw_peaks(rng: np.random.RandomState, places: Floats, present: Bools, dtype: torch.dtype) -> list[Tensor]:
    """Return the peaks (N_k, 3) of each keypoint, in any order, no two of one score."""
    scores = (1 + rng.permutation(present.size).reshape(present.shape)) / 128
    peaks = np.concatenate([places, scores[..., None]], axis=2)
    orders = [rng.permutation(np.flatnonzero(there)) for there in present.T]
    return [torch.tensor(peaks[order, k].reshape(-1, 3), dtype=dtype) for k, order in enumerate(orders)]


def draw_scene(
    rng: np.random.RandomState,
    size: tuple[int, int],
    limbs: Limbs,
    present: Bools,
    note: str = "",
    dtype: torch.dtype = torch.float32,
) -> People:
    """Return the call for a scene of people with the keypoints `present`, bool (P, K)."""
    places = draw_places(rng, size, limbs, present)
    fields = torch.tensor(draw_fields(places, present, limbs, size), dtype=dtype)
    return People(draw_peaks(rng, places, present, dtype), fields, limbs, note)


def whole(people: int, keypoints: int) -> Bools:
    """Return that all keypoints of all people are there."""
    return np.ones((people, keypoints), dtype=bool)


def chain(keypoints: int) -> Limbs:
    """Return limbs from each keypoint to the next."""
    return [(k, k + 1) for k in range(keypoints - 1)]


def draw_tree(rng: np.random.RandomState, keypoints: int) -> Limbs:
    """Return limbs from each keypoint to one before it, away from the first."""
    return [(int(integers(rng, 0, k, ())), k) for k in range(1, keypoints)]


def shuffled(rng: np.random.RandomState, limbs: Limbs) -> Limbs:
    """Return the limbs in another order, some the other way round, and of keypoints with other numbers."""
    names = rng.permutation(1 + max(map(max, limbs))).tolist()
    mixed = [limbs[index] for index in rng.permutation(len(limbs))]
    return [(names[a], names[b]) if integers(rng, 0, 2, ()) else (names[b], names[a]) for a, b in mixed]


def turned(rng: np.random.RandomState, size: tuple[int, int], places: Floats) -> tuple[tuple[int, int], Floats]:
    """Return size and places (..., 2) of a map after mirroring it in x, in y, in the diagonal, or not."""
    last = np.array([size[1] - 1, size[0] - 1])
    mirrored = integers(rng, 0, 2, (2,)) == 1
    places = np.where(mirrored, last - places, places)
    return (size[::-1], places[..., ::-1]) if integers(rng, 0, 2, ()) else (size, places)
