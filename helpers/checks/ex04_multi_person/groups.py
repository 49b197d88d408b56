"""Cases of exercise 4's questions that join peaks to people: `match_limbs` and `group_people`.

Pairs and people come in any order, and several ways of grouping are right. So the scenes are clean: along every limb
that is there the fields are clear, along every other they are not, and all sensible ways find the same people. What
comes back is put in order before it is compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from helpers.checks.engine.compare import number, same, show
from helpers.checks.engine.judge import GENERAL_HINTS, NO_KNOWN_MISTAKE, refuse_exception, refuse_too_many
from helpers.checks.engine.question import Ask, Oracle, Question, Wrong, integers, read_hints
from helpers.checks.engine.values import Raised
from helpers.checks.probes.calling import calling

__all__ = ["QUESTIONS"]

HINTS = read_hints("ex04_multi_person")
Limbs = list[tuple[int, int]]


# Judging


@dataclass(frozen=True)
class Reading:
    """What came back, in an order of its own: equal for answers that are equally right.

    `fault` says what is wrong with its form, if anything ("type", "shape"), `flaw` what is wrong beside its values
    ("dtype", "changed"); `text` is the line of the verdict.
    """

    value: Any
    text: str
    fault: str = ""
    flaw: str = ""


@dataclass(frozen=True)
class Pairs:
    """A call of `match_limbs`."""

    inputs: Mapping[str, Any]
    note: str = ""

    name = "match_limbs"
    form = "pairs (i, j), number of the start and of the end: a list, or a tensor (k, 2)"

    @property
    def arguments(self) -> str:
        numbers = [_described(self.inputs[name]) for name in ("starts", "ends", "scores")]
        threshold = [f"threshold: {self.inputs['threshold']:g}"] if "threshold" in self.inputs else []
        return ", ".join([f"starts: {numbers[0]}", f"ends: {numbers[1]}", f"scores: {numbers[2]}", *threshold])

    @property
    def most(self) -> tuple[int, str]:
        """How many pairs an answer can have, be it wrong, and why."""
        return self.inputs["scores"].numel(), "pairs, one for each start with each end"

    def read(self, value: Any) -> Reading:
        """Return the pairs, sorted."""
        rows = value.reshape(-1, 2) if isinstance(value, Tensor) and not value.numel() else value
        if isinstance(rows, Tensor) and (rows.ndim != 2 or rows.shape[1] != 2):
            return Reading(value, show(value), "shape")
        if isinstance(rows, Tensor) and rows.dtype is not torch.bool:
            rows = rows.tolist()
        pairs = [_pair(row) for row in rows] if isinstance(rows, list) else [None]
        if None in pairs:
            return Reading(value, _outline(value), "type")
        return Reading(sorted(pairs), f"{len(pairs)} pairs: {_listed(sorted(pairs))}" if pairs else "no pair")

    def expected(self, got: Reading, right: Reading) -> tuple[str, str]:
        """Return the lines `returned` and `expected`."""
        return got.text, right.text


@dataclass(frozen=True)
class People:
    """A call of `group_people`. Where the scene leaves open who belongs to whom, `open` is true: all that is asked is
    that every peak comes once, as a keypoint of its own kind."""

    peaks: list[Tensor]
    fields: Tensor
    limbs: Limbs
    note: str = ""
    open: bool = False

    name = "group_people"
    form = "a tensor (N, K, 3) in the dtype of the peaks: one row for each person, 0 where a keypoint is missing"

    @property
    def inputs(self) -> dict[str, Any]:
        return {"peaks": self.peaks, "fields": self.fields, "limbs": self.limbs}

    @property
    def arguments(self) -> str:
        counts = ", ".join(str(len(found)) for found in self.peaks)
        return f"peaks: {counts} of them, fields: {_described(self.fields)}, limbs: {_listed(self.limbs, 10)}"

    @property
    def most(self) -> tuple[int, str]:
        """How many people an answer can have, be it wrong, and why."""
        return sum(map(len, self.peaks)), "people, as each has a peak of their own"

    def read(self, value: Any) -> Reading:
        """Return the people, sorted."""
        if not isinstance(value, Tensor):
            return Reading(value, show(value), "type")
        if value.ndim != 3 or value.shape[1:] != (len(self.peaks), 3):
            return Reading(value, show(value), "shape")
        people = value.double()
        sizes = [str(int(count)) for count in (people != 0).any(dim=2).sum(dim=1).sort(descending=True).values]
        text = f"{len(people)} people of {', '.join(sizes)} keypoints" if len(sizes) < 25 else f"{len(people)} people"
        if self.open:
            n, k = (people != 0).any(dim=2).nonzero().T
            people = torch.cat([k[:, None], people[n, k]], dim=1)[:, None]
        flaw = "dtype" if value.dtype != self.fields.dtype else ""
        return Reading(_in_order(people), text if len(people) else "no people", flaw=flaw)

    def expected(self, got: Reading, right: Reading) -> tuple[str, str]:
        """Return the lines `returned` and `expected`, each with something that the other has not."""
        sides = ((got, right), (right, got))
        what = "the keypoint" if self.open else "one with the keypoints"
        odd = [_odd(one.value, other.value, self.open) for one, other in sides]
        texts = [one.text + (f", {what} {row}" if row else "") for (one, _), row in zip(sides, odd, strict=True)]
        return texts[0], ("every peak once: " if self.open else "") + texts[1]


def judge(calls: Sequence[Pairs] | Sequence[People], ask: Ask, oracle: Oracle) -> None:
    """Ask every call of an answer and compare with the oracle.

    Raises:
        Wrong: about the first call that is answered wrongly. The mistake named is a known wrong version that answers
            all calls the same, or at least this one. Or about one whose answer has more rows than there can be.
    """
    answers = []
    for call in calls:
        answers.append(ask("call", **call.inputs))
        if isinstance(answers[-1], Mapping):
            refuse_too_many(_called(call), answers[-1]["value"], *call.most, call.inputs)
    judged = [oracle("call", **call.inputs) for call in calls]
    for index, (call, answer, (right, _)) in enumerate(zip(calls, answers, judged, strict=True)):
        got, best = _read(call, answer), _read(call, right)
        if not _alike(got, best):
            raise _wrong(call, answer, got, best, _mistake(index, calls, answers, [wrong for _, wrong in judged]))


def _read(call: Pairs | People, answer: Any) -> Reading:
    """Return what a probe gave, read as the call reads it."""
    if not isinstance(answer, Mapping):
        return Reading(answer, show(answer), "raised" if isinstance(answer, Raised) else "type")
    reading = call.read(answer["value"])
    if answer["changed"] and not reading.flaw:
        return Reading(reading.value, reading.text, reading.fault, "changed")
    return reading


def _alike(a: Reading, b: Reading) -> bool:
    return (a.fault, a.flaw) == (b.fault, b.flaw) and same(a.value, b.value)


def _mistake(index: int, calls: Sequence, answers: Sequence[Any], wrong: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the known mistake that explains the answers, as `judge` says. Its name ends before any dot."""
    read = [_read(call, answer) for call, answer in zip(calls, answers, strict=True)]
    if isinstance(answers[index], Raised) and answers[index].type_name == "NotImplementedError":
        return None
    here = [name for name, values in wrong[index].items() if _alike(read[index], _read(calls[index], values))]
    everywhere = (n for n in here if all(_alike(r, _read(c, w[n])) for c, r, w in zip(calls, read, wrong, strict=True)))
    name = next(everywhere, here[0] if here else None)
    return name and name.partition(".")[0]


def _called(call: Pairs | People) -> str:
    return f"{call.name}({call.arguments})" + (f"; {call.note}" if call.note else "")


def _wrong(call: Pairs | People, answer: Any, got: Reading, right: Reading, mistake: str | None) -> Wrong:
    called = _called(call)
    hint, kind = HINTS[call.name].get(mistake or ""), got.fault
    if not hint and kind in ("raised", "type"):
        refuse_exception(called, answer, call.form)
    returned, expected = got.text, f"{right.text}: {call.form}"
    if not kind and not same(got.value, right.value):
        returned, expected = call.expected(got, right)
        hint = hint or NO_KNOWN_MISTAKE
    elif not kind:
        kind = got.flaw
        if kind == "changed":
            returned, expected = "changed an argument", "arguments that are left as they were"
        else:
            returned = show(answer["value"])
    wrong = Wrong(called, returned, expected, hint or GENERAL_HINTS[kind], mistake or kind or None)
    wrong.inputs = dict(call.inputs)
    return wrong


def _pair(row: Any) -> tuple[int, int] | None:
    """Return a pair of whole numbers, None for anything else."""
    row = row.tolist() if isinstance(row, Tensor) and row.shape == (2,) else row
    numbers = [number(item) for item in row] if isinstance(row, list) and len(row) == 2 else [None]
    if any(value is None or not value.is_integer() for value in numbers):
        return None
    return int(numbers[0]), int(numbers[1])


def _in_order(people: Tensor) -> Tensor:
    """Return people in an order that the last digits do not decide."""
    keys = (people.flatten(start_dim=1) * 256).round().nan_to_num(1e9)
    return people[np.lexsort(keys.T.numpy()[::-1])] if people.numel() else people


def _odd(people: Tensor, others: Tensor, one_keypoint: bool) -> str:
    """Return the largest person that is not among the others, as text; nothing if there is none."""
    rows = [row for row in people if not any(same(row, other) for other in others)]
    if not rows:
        return ""
    if one_keypoint:
        k, *place = rows[0][0].tolist()
        return f"{k:g} at ({place[0]:g}, {place[1]:g})"
    row = max(rows, key=lambda person: int((person != 0).any(dim=1).sum()))
    there = (row != 0).any(dim=1).nonzero()[:, 0].tolist()
    return ", ".join(f"{k} at ({row[k, 0]:g}, {row[k, 1]:g})" for k in there) or "none"


def _described(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"


def _outline(value: Any) -> str:
    """Return a value of another form in a few words, a list with its first item."""
    return show(value) + (f", the first {show(value[0])}" if isinstance(value, list) and value else "")


def _listed(pairs: Sequence[tuple[int, int]], most: int = 8) -> str:
    return ", ".join(f"({a}, {b})" for a, b in pairs[:most]) + (", ..." if len(pairs) > most else "")


# match_limbs. Scores are multiples of 1/64, and no two are equal.


def _candidates(rng: np.random.RandomState, count: int, dtype: torch.dtype) -> Tensor:
    """Return so many candidates (x, y, score) somewhere in 40 x 40 pixels."""
    columns = [integers(rng, 0, 320, (count,)) / 8, integers(rng, 0, 320, (count,)) / 8, rng.permutation(count) / 32]
    return torch.tensor(np.stack(columns, axis=1), dtype=dtype)


def _with_scores(rng: np.random.RandomState, scores: np.ndarray, dtype: torch.dtype, **settings: Any) -> dict[str, Any]:
    starts, ends = (_candidates(rng, count, dtype) for count in scores.shape)
    return {"starts": starts, "ends": ends, "scores": torch.tensor(scores, dtype=dtype), **settings}


def draw_scores(
    rng: np.random.RandomState,
    starts: int,
    ends: int,
    lowest: int = 1,
    dtype: torch.dtype = torch.float32,
    **settings: Any,
) -> dict[str, Any]:
    """Return the arguments for scores from `lowest / 64` on."""
    scores = (lowest + rng.permutation(starts * ends).reshape(starts, ends)) / 64
    return _with_scores(rng, scores, dtype, **settings)


def _greedy_pays(rng: np.random.RandomState) -> dict[str, Any]:
    """Return the arguments for two and two, where the best pair of all leaves the worst for the others."""
    low, middle, high, best = integers(rng, [1, 36, 44, 52], [8, 44, 52, 60], (4,)) / 64
    scores = np.array([[best, high], [middle, low]])
    return _with_scores(rng, np.roll(scores, integers(rng, 0, 2, ()), axis=0), torch.float32)


def _best_left(rng: np.random.RandomState, starts: int, ends: int, above: int) -> dict[str, Any]:
    """Return the arguments for scores of which a diagonal holds the best, and `above` of these are above the threshold;
    the next is as high as that."""
    count = min(starts, ends)
    scores = np.empty((starts, ends), dtype=np.int64)
    diagonal = np.eye(starts, ends, dtype=bool)
    scores[~diagonal] = -40 - rng.permutation(starts * ends - count)
    scores[diagonal] = (5 + above - rng.permutation(count)) * 4
    rows, columns = rng.permutation(starts), rng.permutation(ends)
    return _with_scores(rng, scores[rows][:, columns] / 64, torch.float32, threshold=5 * 4 / 64)


def pairs_values(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        Pairs(draw_scores(rng, 5, 7)),
        Pairs(draw_scores(rng, 6, 4), "more starts than ends"),
        Pairs(_greedy_pays(rng), "the best pair of all, and then what is left"),
        Pairs(_best_left(rng, 4, 6, 4), "the best pairs do not meet"),
        Pairs(draw_scores(rng, 6, 6, dtype=torch.float64), "float64"),
        Pairs(draw_scores(rng, 1, 5), "one start"),
        Pairs(draw_scores(rng, 4, 1), "one end"),
    ]
    judge(calls, ask, oracle)


def pairs_threshold(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    zero = draw_scores(rng, 5, 6, lowest=-18)
    calls = [
        Pairs(draw_scores(rng, 5, 4, threshold=0.125)),
        Pairs(zero, "half of the scores are 0 or less, which is the default threshold"),
        Pairs(_best_left(rng, 5, 6, 3), "three pairs are above the threshold, and the next is as high as that"),
        Pairs(draw_scores(rng, 4, 5, lowest=-30, threshold=-0.25), "a negative threshold"),
        Pairs(draw_scores(rng, 4, 6, lowest=-30, threshold=0.75), "no score is above the threshold"),
        Pairs(draw_scores(rng, 3, 4, lowest=-20), "no score is above the default threshold"),
    ]
    judge(calls, ask, oracle)


def _with_nan(rng: np.random.RandomState, starts: int, ends: int, **settings: Any) -> dict[str, Any]:
    """Return the arguments for scores of which a third are NaN, those of one start all."""
    batch = draw_scores(rng, starts, ends, lowest=-8, **settings)
    gone = torch.tensor(rng.permutation(starts * ends).reshape(starts, ends) % 3 == 0)
    gone[int(integers(rng, 0, starts, ()))] = True
    batch["scores"].masked_fill_(gone, torch.nan)
    return batch


def pairs_few(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        Pairs(draw_scores(rng, 4, 5)),
        Pairs(draw_scores(rng, 0, 4), "no start"),
        Pairs(draw_scores(rng, 3, 0), "no end"),
        Pairs(draw_scores(rng, 0, 0), "no candidate at all"),
        Pairs(draw_scores(rng, 1, 1, lowest=7), "one start and one end"),
        Pairs(_with_nan(rng, 5, 6), "some scores are NaN"),
        Pairs(_with_nan(rng, 6, 4, threshold=-0.5), "some scores are NaN, and the threshold is negative"),
        Pairs(_with_scores(rng, np.full((2, 3), np.nan), torch.float32), "all scores are NaN"),
    ]
    judge(calls, ask, oracle)


# group_people. Places are multiples of 1/2, fields of 1/256 and scores of 1/128: every machine draws the same bits.

HALF_WIDTH = 1.5  # of a limb as drawn; it also goes on for a pixel beyond its ends
BEYOND = 1.0
AROUND = 0.75  # how far from a point the pixels lie that an answer may ask there
SHORTEST, LONGEST = 6, 20  # pixels of a limb
CLEAR, UNCLEAR, NOTHING = 0.8, 0.35, 0.03  # affinity of right pairs, of wrong ones, and where neither has a partner
TRIES = 32


def draw_limb(field: np.ndarray, count: np.ndarray, start: np.ndarray, end: np.ndarray) -> None:
    """Add the unit vector from start to end to a field (2, H, W), and 1 to `count`, in the rectangle along the limb."""
    y, x = np.mgrid[: field.shape[1], : field.shape[2]]
    vx, vy = end - start
    length = np.sqrt(vx * vx + vy * vy)
    along, across = (x - start[0]) * vx + (y - start[1]) * vy, (x - start[0]) * vy - (y - start[1]) * vx
    inside = (np.abs(across) <= HALF_WIDTH * length) & (along >= -BEYOND * length)
    inside &= along <= (length + BEYOND) * length
    field[:, inside] += np.array([[vx], [vy]]) / length
    count += inside


def draw_fields(
    places: np.ndarray, present: np.ndarray, limbs: Limbs, size: tuple[int, int], strength: float = 1.0
) -> np.ndarray:
    """Return the fields (L, 2, H, W) of people with keypoints (P, K, 2), of which those `present` (P, K) are there."""
    fields = np.zeros((len(limbs), 2, *size))
    for field, (a, b) in zip(fields, limbs, strict=True):
        count = np.zeros(size)
        for person in np.flatnonzero(present[:, a] & present[:, b]):
            draw_limb(field, count, places[person, a], places[person, b])
        field *= strength / np.maximum(count, 1)
    return np.round(fields * 256) / 256


def _agreement(start: np.ndarray, end: np.ndarray, drawn: np.ndarray) -> np.ndarray:
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
    found = (share * np.maximum(cosine, 0)).sum(axis=-1)
    mine = people[:, None] == people
    lost = np.where(mine, 0, share[:, people, people] * (1 - cosine[:, people, people]) / 2).sum(axis=-1)
    found[:, people, people] = 1 - lost
    return found


def _clean(start: np.ndarray, end: np.ndarray, there: np.ndarray) -> np.ndarray:
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
    return others & ((length >= SHORTEST) & ((own >= CLEAR) | ~drawn)).all(axis=1)


def draw_places(rng: np.random.RandomState, size: tuple[int, int], limbs: Limbs, present: np.ndarray) -> np.ndarray:
    """Return places (P, K, 2) of people in a map (H, W), for which no limb leaves a doubt who belongs to whom."""
    for _ in range(200):
        places = _try_places(rng, size, limbs, present)
        if places is not None:
            return places
    raise RuntimeError(f"no room for {present.shape[0]} people in {size} pixels")


def _try_places(
    rng: np.random.RandomState, size: tuple[int, int], limbs: Limbs, present: np.ndarray
) -> np.ndarray | None:
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
            ends = [tried if k == new else np.broadcast_to(places[k], tried.shape) for k in (a, b)]
            tried = tried[_clean(*ends, np.stack([present[:, a], present[:, b]]))]
        if not len(tried):
            return None
        places[new] = tried[0]
    return np.stack([places[k] for k in range(keypoints)], axis=1)


def _apart(places: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Return in which of T scenes the keypoints of one kind (T, P, 2) are 3 pixels apart, if `present` (P,)."""
    away = places[:, :, None] - places[:, None]
    near = (away * away).sum(axis=-1) < 9
    near &= present[:, None] & present & ~np.eye(len(present), dtype=bool)
    return ~near.any(axis=(1, 2))


def _peaks(rng: np.random.RandomState, places: np.ndarray, present: np.ndarray, dtype: torch.dtype) -> list[Tensor]:
    """Return the peaks (N_k, 3) of each keypoint, in any order, no two of one score."""
    scores = (1 + rng.permutation(present.size).reshape(present.shape)) / 128
    peaks = np.concatenate([places, scores[..., None]], axis=2)
    orders = [rng.permutation(np.flatnonzero(there)) for there in present.T]
    return [torch.tensor(peaks[order, k].reshape(-1, 3), dtype=dtype) for k, order in enumerate(orders)]


def draw_scene(
    rng: np.random.RandomState,
    size: tuple[int, int],
    limbs: Limbs,
    present: np.ndarray,
    note: str = "",
    dtype: torch.dtype = torch.float32,
) -> People:
    """Return the call for a scene of people with the keypoints `present`, bool (P, K)."""
    places = draw_places(rng, size, limbs, present)
    fields = torch.tensor(draw_fields(places, present, limbs, size), dtype=dtype)
    return People(_peaks(rng, places, present, dtype), fields, limbs, note)


def whole(people: int, keypoints: int) -> np.ndarray:
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


def turned(rng: np.random.RandomState, size: tuple[int, int], places: np.ndarray) -> tuple[tuple[int, int], np.ndarray]:
    """Return size and places (..., 2) of a map after mirroring it in x, in y, in the diagonal, or not."""
    last = np.array([size[1] - 1, size[0] - 1])
    mirrored = integers(rng, 0, 2, (2,)) == 1
    places = np.where(mirrored, last - places, places)
    return (size[::-1], places[..., ::-1]) if integers(rng, 0, 2, ()) else (size, places)


def _side_by_side(rng: np.random.RandomState) -> People:
    """Return the call for two people in one pose, the second farther along the first one's first limb,
    but for one pixel."""
    pose = np.array([[3, 4], [11, 4], [11, 14]]) + np.array([0, int(integers(rng, 0, 3, ()))])
    away = np.array([20 + int(integers(rng, 0, 3, ())), 1])
    size, places = turned(rng, (20, 36), np.stack([pose, pose + away]).astype(np.float64))
    fields = torch.tensor(draw_fields(places, whole(2, 3), chain(3), size), dtype=torch.float32)
    return People(_peaks(rng, places, whole(2, 3), torch.float32), fields, chain(3), "two people side by side")


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
    closed = [*chain(5), (0, 2), (1, 4)]
    star = [(k, 0) for k in range(1, 5)]
    calls = [
        draw_scene(rng, (30, 40), shuffled(rng, draw_tree(rng, 5)), whole(2, 5), "limbs in any order"),
        draw_scene(rng, (34, 46), _pieces(6), whole(2, 6), "limbs in an order that joins pieces last"),
        draw_scene(rng, (46, 32), star, whole(2, 5), "all limbs lead to one keypoint"),
        draw_scene(rng, (34, 44), shuffled(rng, closed), whole(2, 5), "more limbs than a person needs"),
        draw_scene(rng, (44, 40), shuffled(rng, draw_tree(rng, 5)), whole(3, 5), "limbs either way round"),
    ]
    judge(calls, ask, oracle)


def _without(present: np.ndarray, *missing: tuple[int, int]) -> np.ndarray:
    """Return who is there without the keypoints (person, keypoint)."""
    left = present.copy()
    left[tuple(np.array(missing).T)] = False
    return left


# What lies between the two peaks of a limb, in a field of its own: how much of its unit vector, as (along, across), and
# on which part of the way. The first three are limbs, the others are not.
BETWEEN = {
    "clear": ((1, 0), (0, 1)),
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


def _between(size: tuple[int, int], start: np.ndarray, end: np.ndarray, kind: str) -> np.ndarray:
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
    return np.round((along * field + across * turned_left) * 256) / 256


def _traps(rng: np.random.RandomState, kinds: Sequence[str]) -> People:
    """Return the call for limbs of one start and one end each, one limb for each of these kinds of field between."""
    size, names = (30, 44), rng.permutation(2 * len(kinds))
    peaks, fields, limbs = [None] * len(names), [], []
    for index, kind in enumerate(kinds):
        columns, rows = np.sort(integers(rng, [2, 33], [10, 42], (2,))), integers(rng, 2, 28, (2,))
        ends = np.stack([columns, rows], axis=1).astype(np.float64)[:: 1 - 2 * int(integers(rng, 0, 2, ()))]
        if kind in ("before the start", "beyond the end"):
            ends[int(kind == "beyond the end")] = np.round(ends.mean(axis=0))  # leaves room for it
        fields.append(_between(size, *ends, kind))
        a, b = names[2 * index : 2 * index + 2].tolist()
        limbs.append((a, b))
        for k, place in zip((a, b), ends, strict=True):
            peaks[k] = torch.tensor([[*place, (1 + k) / 128]], dtype=torch.float32)
    return People(peaks, torch.tensor(np.stack(fields), dtype=torch.float32), limbs, "one peak of each kind")


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
    peaks = [torch.tensor(found, dtype=torch.float32) for found in peaks]
    fields = torch.tensor(np.stack(fields), dtype=torch.float32)
    return People(peaks, fields, [(0, 1), (2, 3)], "the nearer end is not the one that the field leads to")


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
        pair = [np.array([[*others[0], 0.25], [*others[1], 0.75]]), np.array([[*here[0], 0.5]])]
        peaks += pair if limb == 0 else pair[::-1]
    peaks = [torch.tensor(found, dtype=torch.float32) for found in peaks]
    fields = torch.tensor(np.stack(fields), dtype=torch.float32)
    return People(peaks, fields, [(0, 1), (2, 3)], "two starts want one end, and two ends one start")


def _fewer_ends(rng: np.random.RandomState) -> People:
    """Return the call for a limb of two starts and one end, whose field goes on to the corner (0, 0), and clearer."""
    size, end = (26, 36), integers(rng, [11, 9], [15, 12], (2,)).astype(float)
    start, other = 2 * end, np.array([4.0, 22.0])
    beyond, meant = _between(size, end, np.zeros(2), "clear"), _between(size, start, end, "fairly clear")
    fields = torch.tensor(np.where((meant != 0).any(axis=0), meant, beyond)[None], dtype=torch.float32)
    peaks = [np.array([[*start, 0.5], [*other, 0.25]]), np.array([[*end, 0.75]])]
    peaks = [torch.tensor(found, dtype=torch.float32) for found in peaks]
    return People(peaks, fields, [(0, 1)], "two starts and one end, and the field goes on")


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
    return People(_peaks(rng, places, everybody, torch.float32), fields, limbs, "20 people")


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
    peaks = _peaks(rng, np.array([corners]), whole(1, 6), torch.float32)
    limbs = [(0, 1), (1, 2), (2, 3), (4, 5)]
    return People(peaks, torch.tensor(fields, dtype=torch.float32), limbs, "peaks a little outside of the fields")


def _two_of_a_kind(
    rng: np.random.RandomState, confidence: Sequence[float], last: str, first: bool, **settings: Any
) -> People:
    """Return the call for limbs that lead from a keypoint over two others to a second one of the first kind.

    `confidence` is that of the four, `last` the field along the limb to the second one. This is the `first` of all
    peaks or the last.
    """
    places = np.array([[6, 6], [6, 22], [20, 14], [37, 14]]) + integers(rng, -2, 3, (4, 2))
    size, places = turned(rng, (28, 44), places.astype(np.float64))
    kinds = ["clear", "clear", last]
    fields = np.stack([_between(size, places[i], places[i + 1], kind) for i, kind in enumerate(kinds)])
    groups, limbs = (
        ([[3, 0], [1], [2]], [(0, 1), (1, 2), (2, 0)]) if first else ([[2], [1], [0, 3]], [(2, 1), (1, 0), (0, 2)])
    )
    peaks = [torch.tensor([[*places[i], confidence[i]] for i in group], dtype=torch.float32) for group in groups]
    return People(peaks, torch.tensor(fields, dtype=torch.float32), limbs, **settings)


def people_many(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    note = "limbs lead on to a second keypoint of a kind"
    # however the people come about: the second one is the least confident, and its limb the last and least clear
    less = [
        _two_of_a_kind(rng, [1, 0.75, 0.5, 0.25], "still clear", first, note=f"{note}, less confident")
        for first in (True, False)
    ]
    either = _two_of_a_kind(rng, rng.permutation(4) / 8 + 0.25, "clear", True, note=note, open=True)
    calls = [_outside(rng), *less, either, _crowd(rng)]
    judge(calls, ask, oracle)


def grouping(answer: Any, memory: dict, peaks: list[Tensor], fields: Tensor, limbs: Sequence) -> dict[str, Any]:
    """Call an answer: its value, and what it changed. Limbs are pairs again, as they were before they crossed."""
    given = list(peaks), fields, [tuple(limb) for limb in limbs]
    before = [found.clone() for found in peaks], fields.clone(), list(given[2])
    value = answer(*given)
    untouched = {
        "peaks": _equal(before[0], given[0]),
        "fields": _equal([before[1]], [given[1]]),
        "limbs": before[2] == given[2],
    }
    return {"value": value, "changed": [name for name, same_as_before in untouched.items() if not same_as_before]}


def _equal(before: list[Tensor], after: list[Any]) -> bool:
    """Return whether a list of tensors is what it was."""
    return len(before) == len(after) and all(
        isinstance(new, Tensor) and torch.equal(old, new) for old, new in zip(before, after, strict=True)
    )


QUESTIONS: dict[str, Question] = {
    question.name: question
    for question in (
        Question(
            "match_limbs",
            "match_limbs is right: the best pairs first, each candidate once, and only above the threshold.",
            {"call": calling("starts", "ends", "scores", "threshold")},
            {"values": pairs_values, "threshold": pairs_threshold, "few": pairs_few},
            HINTS["match_limbs"],
        ),
        Question(
            "group_people",
            "group_people is right: whole people, people in pieces, missing keypoints, false limbs, and nobody at all.",
            {"call": grouping},
            {
                "whole": people_whole,
                "limbs": people_limbs,
                "missing": people_missing,
                "affinity": people_affinity,
                "few": people_few,
                "many": people_many,
            },
            HINTS["group_people"],
        ),
    )
}
