"""Cases of exercise 4's questions about peaks: `find_peaks`, and the bonus question `add_offsets`.

Peaks come in any order, and one parabola is not another, so `find_peaks` is judged under the freedom that its task
grants: a peak is known by its score, and lies somewhere in its pixel, or on its plateau.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from helpers.checks.engine.compare import same, show
from helpers.checks.engine.judge import GENERAL_HINTS, NO_KNOWN_MISTAKE, refuse_exception, refuse_too_many
from helpers.checks.engine.question import Ask, Oracle, Question, Wrong, integers, read_hints
from helpers.checks.engine.values import Raised
from helpers.checks.probes.calling import calling

__all__ = ["QUESTIONS"]

HINTS = read_hints("ex04_multi_person")
PIXELS, SHARE = 1e-3, 1e-4  # of a place, and of a score: far more than rounding, far less than any mistake
ON_THE_LINE = 0.0
ITS_PIXEL = 1.0  # two places of one pixel, however refined, are at most so far apart
ITS_PLATEAU = 6.0  # no drawn plateau is larger, and other ground of its height is farther away
REFINED = 0.3  # as the task says, from the true centre


# Judging


@dataclass(frozen=True)
class Fault:
    """What is wrong with what came back ("raised", "type", "shape", "value", "dtype", "changed"), and the two lines
    `returned` and `expected` of the verdict."""

    kind: str
    returned: str
    expected: str


@dataclass(frozen=True)
class Peaks:
    """A call of `find_peaks`: its arguments, and how far from the right answer's place a peak may lie, in pixels.

    `at_border` is the same for a coordinate at the border, where there is nothing to refine it from. With `centres`
    (B, K, n, 2), the nearest of them is the right place.
    """

    scoremaps: Tensor
    threshold: float
    note: str = ""
    within: float = ITS_PIXEL
    at_border: float = ITS_PIXEL
    centres: Tensor | None = None

    name = "find_peaks"
    form = "a list with one list for each image, of one tensor (N, 3) for each keypoint: x, y, score"

    @property
    def inputs(self) -> dict[str, Any]:
        return {"scoremaps": self.scoremaps, "threshold": self.threshold}

    @property
    def arguments(self) -> str:
        return f"scoremaps: {_described(self.scoremaps)}, threshold: {self.threshold:g}"

    def refuse(self, value: Any) -> None:
        """Raise `Wrong` if a map has more peaks than pixels."""
        if _is_nested(value, self.scoremaps):
            for (b, k), peaks in _each_map(value):
                what = f"peaks for image {b}, keypoint {k}: a pixel has one"
                refuse_too_many(_called(self), peaks, self.scoremaps[b, k].numel(), what, self.inputs)

    def fault(self, value: Any, right: Any) -> Fault | None:
        """Return what is wrong with the peaks, or with their form."""
        if not _is_nested(value, self.scoremaps):
            return Fault("type", _outline(value), self.form)
        for (b, k), peaks in _each_map(value):
            here = f"for image {b}, keypoint {k}"
            if peaks.ndim != 2 or peaks.shape[1] != 3:
                return Fault("shape", f"{show(peaks)} {here}", self.form)
            expected = right[b][k] if self.centres is None else _moved(right[b][k], self.centres[b, k])
            pairs = self.pairs(peaks, expected, self.scoremaps[b, k])
            if not _one_to_one(pairs):
                extra, missed = peaks[~pairs.any(dim=1)], expected[~pairs.any(dim=0)]
                return Fault("value", f"{_count(peaks, extra)} {here}", _count(expected, missed))
            if peaks.dtype != self.scoremaps.dtype:
                return Fault("dtype", f"{show(peaks)} {here}", f"{self.form}, in the dtype of the maps")
        return None

    def pairs(self, got: Tensor, right: Tensor, scores: Tensor) -> Tensor:
        """Return which peaks of `got` (N, 3) are which of `right` (M, 3), in one map (H, W): bool (N, M).

        Two are one if their scores are the same, and their places nearly so; and the first must lie on the ground of
        this height that is around the second, or half a pixel beside it. Drawn maps leave no doubt which is which.
        """
        got, right = got.double(), right.double()
        last = torch.tensor([scores.shape[1] - 1, scores.shape[0] - 1])
        at_border = (right[:, :2] == 0) | (right[:, :2] == last)
        away = (got[:, None] - right).abs()  # (N, M, 3)
        near = (away[..., :2] <= torch.where(at_border, self.at_border, self.within) + PIXELS).all(dim=2)
        boxes = torch.stack([self.ground(peak, scores) for peak in right]) if len(right) else torch.zeros(0, 4)
        inside = ((got[:, None, :2] >= boxes[:, :2]) & (got[:, None, :2] <= boxes[:, 2:])).all(dim=2)
        return near & inside & (away[..., 2] <= _tolerance(right[:, 2]))

    def ground(self, peak: Tensor, scores: Tensor) -> Tensor:
        """Return the box x1, y1, x2, y2 around the pixels that are near a peak and as high, half a pixel wider."""
        y, x = torch.nonzero((scores.double() - peak[2]).abs() <= _tolerance(peak[2]), as_tuple=True)
        place = torch.stack([x, y], dim=1).double()
        place = place[((place - peak[:2]).abs() <= max(self.within, ITS_PIXEL)).all(dim=1)]
        if not len(place):  # no right peak has none
            return torch.cat([peak[:2], peak[:2]])
        return torch.cat([place.amin(dim=0) - 0.5 - PIXELS, place.amax(dim=0) + 0.5 + PIXELS])

    def meant(self, value: Any, wrong: Any) -> bool:
        """Return whether a known mistake finds the same peaks, whichever way each was refined."""
        fits = all(
            _is_nested(v, self.scoremaps) and all(p.ndim == 2 and p.shape[1] == 3 for _, p in _each_map(v))
            for v in (value, wrong)
        )
        return fits and all(self.alike(peaks, wrong[b][k], self.scoremaps[b, k]) for (b, k), peaks in _each_map(value))

    def alike(self, peaks: Tensor, others: Tensor, scores: Tensor) -> bool:
        """Return whether two lists of peaks of one map are equally long, and every peak has a partner in the other: a
        mistake may find several on one plateau."""
        if len(peaks) != len(others):
            return False
        pairs = self.pairs(peaks, others, scores)
        return bool(pairs.any(dim=0).all() and pairs.any(dim=1).all())


@dataclass(frozen=True)
class Offsets:
    """A call of `add_offsets`."""

    peaks: list[Tensor]
    offsets: Tensor
    note: str = ""

    name = "add_offsets"
    form = "a list of K tensors (N_k, 3): x, y and score of each peak, in the order in which they came"

    @property
    def inputs(self) -> dict[str, Any]:
        return {"peaks": self.peaks, "offsets": self.offsets}

    @property
    def arguments(self) -> str:
        return f"peaks: {', '.join(str(len(p)) for p in self.peaks)} of them, offsets: {_described(self.offsets)}"

    def refuse(self, value: Any) -> None:
        """Let everything pass: other shapes than the right ones are told by `fault`, and cost nothing."""

    def fault(self, value: Any, right: Any) -> Fault | None:
        """Return what is wrong with the moved peaks."""
        if not isinstance(value, list) or len(value) != len(right) or not all(isinstance(m, Tensor) for m in value):
            return Fault("type", _outline(value), self.form)
        for k, (before, moved, expected) in enumerate(zip(self.peaks, value, right, strict=True)):
            if moved.shape != expected.shape:
                return Fault("shape", f"{show(moved)} for keypoint {k}", f"{show(expected)}: {self.form}")
            if not same(moved, expected):
                i = int((moved.double() - expected).abs().nan_to_num(torch.inf).amax(dim=1).argmax())
                came = f"{_row(moved[i])} for the peak {_row(before[i])} of keypoint {k}"
                return Fault("value", came, f"{_row(expected[i])}: {self.form}")
            if moved.dtype != expected.dtype:
                return Fault("dtype", f"{show(moved)} for keypoint {k}", f"{self.form}, in the dtype of the peaks")
        return None

    def meant(self, value: Any, wrong: Any) -> bool:
        """Return whether a known mistake is meant though the numbers differ: never."""
        return False


def judge(calls: Sequence[Peaks] | Sequence[Offsets], ask: Ask, oracle: Oracle) -> None:
    """Ask every call of an answer and compare with the oracle.

    Raises:
        Wrong: about the first call that is answered wrongly. The mistake named is a known wrong version that answers
            all calls the same, or at least this one; one that is meant will do if none gives the same numbers. Or
            about one whose answer has more peaks than there can be.
    """
    answers = []
    for call in calls:
        answers.append(ask("call", **call.inputs))
        if isinstance(answers[-1], Mapping):
            call.refuse(answers[-1]["value"])
    judged = [oracle("call", **call.inputs) for call in calls]
    for index, (call, got, (right, _)) in enumerate(zip(calls, answers, judged, strict=True)):
        fault = _fault(call, got, right)
        if fault:
            raise _wrong(call, got, fault, _mistake(index, calls, answers, [wrong for _, wrong in judged]))


def _fault(call: Peaks | Offsets, got: Any, right: Any) -> Fault | None:
    if not isinstance(got, Mapping):
        return Fault("raised", show(got), call.form)
    fault = call.fault(got["value"], right["value"])
    if not fault and got["changed"]:
        changed = "changed its argument " + " and ".join(got["changed"])
        return Fault("changed", changed, "arguments that are left as they were")
    return fault


def _mistake(index: int, calls: Sequence, answers: Sequence[Any], wrong: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the known mistake that explains the answers, as `judge` says. Its name ends before any dot."""
    if isinstance(answers[index], Raised) and answers[index].type_name == "NotImplementedError":
        return None
    for alike in (_same, _meant):
        here = [name for name in wrong[index] if alike(calls[index], answers[index], wrong[index][name])]
        everywhere = (n for n in here if all(alike(c, a, w[n]) for c, a, w in zip(calls, answers, wrong, strict=True)))
        name = next(everywhere, here[0] if here else None)
        if name:
            return name.partition(".")[0]
    return None


def _same(call: Peaks | Offsets, got: Any, wrong: Any) -> bool:
    """Return whether two answers are the same, with peaks in any order; or raise the same kind of error."""
    if not isinstance(got, Mapping) or not isinstance(wrong, Mapping):
        return same(got, wrong)
    return got["changed"] == wrong["changed"] and _same_trees(got["value"], wrong["value"])


def _same_trees(a: Any, b: Any) -> bool:
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_same_trees, a, b))
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        alike = (a.dtype, a.shape) == (b.dtype, b.shape)  # first: to sort 64 MB takes seconds
        return alike and same(_in_order(a), _in_order(b))
    return same(a, b)


def _in_order(peaks: Tensor) -> Tensor:
    """Return the rows of a matrix in an order that the last digits do not decide; anything else as it is."""
    if peaks.ndim != 2 or not peaks.numel():
        return peaks
    return peaks[np.lexsort((peaks.double() * 256).round().nan_to_num(1e9).T.numpy())]


def _meant(call: Peaks | Offsets, got: Any, wrong: Any) -> bool:
    both = isinstance(got, Mapping) and isinstance(wrong, Mapping)
    return both and got["changed"] == wrong["changed"] and call.meant(got["value"], wrong["value"])


def _called(call: Peaks | Offsets) -> str:
    return f"{call.name}({call.arguments})" + (f"; {call.note}" if call.note else "")


def _wrong(call: Peaks | Offsets, got: Any, fault: Fault, mistake: str | None) -> Wrong:
    called = _called(call)
    hint = HINTS[call.name].get(mistake or "")
    if not hint and fault.kind == "raised":
        refuse_exception(called, got, call.form)
    hint = hint or (NO_KNOWN_MISTAKE if fault.kind == "value" else GENERAL_HINTS[fault.kind])
    wrong = Wrong(
        called, fault.returned, fault.expected, hint, mistake or (fault.kind if fault.kind != "value" else None)
    )
    wrong.inputs = call.inputs
    return wrong


def _is_nested(value: Any, maps: Tensor) -> bool:
    """Return whether a value is a list with a list for each image, of a tensor for each keypoint."""
    return (
        isinstance(value, list)
        and len(value) == maps.shape[0]
        and all(isinstance(image, list) and len(image) == maps.shape[1] for image in value)
        and all(isinstance(peaks, Tensor) for image in value for peaks in image)
    )


def _each_map(value: list[list[Tensor]]) -> list[tuple[tuple[int, int], Tensor]]:
    return [((b, k), peaks) for b, image in enumerate(value) for k, peaks in enumerate(image)]


def _moved(peaks: Tensor, centres: Tensor) -> Tensor:
    """Return the peaks (N, 3) at the nearest of these places (n, 2)."""
    nearest = torch.cdist(peaks[:, :2].double(), centres).argmin(dim=1)
    return torch.cat([centres[nearest], peaks[:, 2:]], dim=1)


def _one_to_one(pairs: Tensor) -> bool:
    return bool((pairs.sum(dim=0) == 1).all() and (pairs.sum(dim=1) == 1).all())


def _tolerance(score: Tensor) -> Tensor:
    return SHARE * score.abs().clamp(min=1)


def _described(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"


def _outline(value: Any) -> str:
    """Return a value of another form in a few words, a list with its first item."""
    return show(value) + (f", the first {show(value[0])}" if isinstance(value, list) and value else "")


def _count(peaks: Tensor, odd: Tensor) -> str:
    """Return the number of peaks, and one that has no partner."""
    number = f"{len(peaks)} peak{'s' if len(peaks) != 1 else ''}"
    return number + (f", among them {_row(odd[0])}" if len(odd) else "")


def _row(numbers: Tensor) -> str:
    return "(" + ", ".join(f"{number:.4g}" for number in numbers.tolist()) + ")"


# Drawing maps. Scores are whole numbers, or multiples of 1/4096: every machine draws the same bits. But for plateaus
# the pixels of a map are of different heights, so that a peak is known by its score.


def draw_heights(rng: np.random.RandomState, *shape: int, lowest: int = 0) -> Tensor:
    """Return maps (B, K, H, W) of whole numbers from `lowest` on, each once in a map and anywhere."""
    count = shape[2] * shape[3]
    maps = np.stack([lowest + rng.permutation(count) for _ in range(shape[0] * shape[1])])
    return torch.tensor(maps.reshape(shape), dtype=torch.float32)


def draw_inner(rng: np.random.RandomState, *shape: int, lowest: int = 0) -> Tensor:
    """Return maps like those of `draw_heights`, with the lowest numbers in a line around: no peak is at the border."""
    maps = draw_heights(rng, *shape, lowest=lowest)
    rim = torch.ones(shape[2:], dtype=torch.bool)
    rim[1:-1, 1:-1] = False
    for scores in maps.flatten(0, 1):
        in_order = torch.cat([scores[rim], scores[~rim]]).sort().values
        scores[rim] = in_order[: rim.sum()][scores[rim].argsort()]
        scores[~rim] = in_order[rim.sum() :][scores[~rim].argsort()]
    return maps


def peaks_values(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    several = draw_inner(rng, 2, 3, 6, 9)
    several.flatten(0, 1)[int(integers(rng, 0, 6, ()))] -= 100
    small = draw_inner(rng, 1, 2, 8, 6).double() / 32
    calls = [Peaks(several, 28.5, "one of the six maps has no peak"), Peaks(small, 0.65, "float64")]
    judge(calls, ask, oracle)


def peaks_many(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    """A peak at every second pixel of every second row."""
    height, width = 21, 25
    scores = rng.permutation(height * width).reshape(height, width) % 20
    places = height // 2, width // 2
    scores[1::2, 1::2] = 21 + rng.permutation(places[0] * places[1]).reshape(places)
    maps = torch.tensor(scores, dtype=torch.float32)[None, None]
    judge([Peaks(maps, 20.0, f"{places[0] * places[1]} peaks in one map")], ask, oracle)


def peaks_threshold(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    level = draw_inner(rng, 2, 2, 6, 9)
    level += 10 * torch.tensor(rng.permutation(4)).view(2, 2, 1, 1)
    level[level.amax(dim=(2, 3)) == 53] = 63.0  # the map that was too low anyway
    negative = draw_inner(rng, 1, 2, 9, 6, lowest=-70)
    negative[0, int(integers(rng, 0, 2, ()))] -= 100
    calls = [
        Peaks(level, 63.0, "one map is as high as the threshold at its highest, and one all over"),
        Peaks(negative, -40.0, "a negative threshold; one map has no peak"),
    ]
    judge(calls, ask, oracle)


def peaks_nan(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    maps = draw_inner(rng, 1, 3, 9, 8, lowest=-40)
    gone = torch.tensor(rng.permutation(maps.numel()).reshape(maps.shape) % 10 == 0)
    gone[0, int(integers(rng, 0, 3, ()))] = True
    judge([Peaks(maps.masked_fill(gone, torch.nan), -10.5, "some scores are NaN, in one map all")], ask, oracle)


# Level ground, row by row: # is as high everywhere, + one higher, and . is low. The first have one peak, whatever its
# place; of the last only what is higher counts.
PLATEAUS = [
    "#", "##", "# #", "#. .#", "#. #. ##", "### ### ###", ".#. ### .#.", "### #.# ###", "#.# .#.", ".#. #.#",
    "#. .# #.", "#..# #..# .##.",
]  # fmt: skip
STEPS = ["##+", "+ # #", "####+", "#.... #.... ####+", "### #+# ###", "###. #..+ ##..", "#.. .#. ..+", "#.# .+."]
CELL = 7  # pixels; shapes are at most 5 wide, and do not touch
LOW = -8


def draw_ground(rng: np.random.RandomState, shapes: Sequence[str], rows: int) -> Tensor:
    """Return a map (H, W) with each of these shapes in a cell of its own, mirrored or not, no two of one height."""
    columns = len(shapes) // rows
    scores = np.full((rows * CELL, columns * CELL), LOW)
    heights = 3 * (1 + rng.permutation(len(shapes)))
    for cell, which in enumerate(rng.permutation(len(shapes))):
        shape = np.array([[".#+".index(sign) for sign in row] for row in shapes[which].split()])
        shape = shape[:, :: 1 if integers(rng, 0, 2, ()) else -1]
        y, x = (int(integers(rng, 0, CELL - size, ())) for size in shape.shape)  # the last line stays free
        top, left = CELL * (cell // columns) + y, CELL * (cell % columns) + x
        ground = np.where(shape > 0, heights[cell] + shape, LOW)
        scores[top : top + shape.shape[0], left : left + shape.shape[1]] = ground
    return torch.tensor(scores, dtype=torch.float32)


def peaks_plateaus(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    plateaus, steps = draw_ground(rng, PLATEAUS, 3), draw_ground(rng, STEPS, 2)
    twins = torch.full((1, 1, 4, 15), -1.0)
    for x in (1, 11):
        twins[0, 0, int(integers(rng, 1, 3, ())), x + int(integers(rng, 0, 3, ()))] = 4
    levels = torch.tensor(rng.permutation([2.0, 5.0]), dtype=torch.float32).view(1, 2, 1, 1).repeat(1, 1, 3, 5)
    anywhere = {"within": ITS_PLATEAU, "at_border": ITS_PLATEAU}
    calls = [
        Peaks(plateaus[None, None], 0.0, "plateaus", **anywhere),
        Peaks(steps.repeat(2, 2, 1, 1), LOW - 2.0, "level ground beside something higher, four equal maps", **anywhere),
        Peaks(levels, 3.0, "each map is level all over", **anywhere),
        Peaks(twins, 0.0, "two peaks of one height"),
    ]
    judge(calls, ask, oracle)


def peaks_border(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    corners = draw_heights(rng, 1, 1, 5, 7)
    corners[..., :: corners.shape[2] - 1, :: corners.shape[3] - 1] += 100
    calls = [
        Peaks(corners, 24.5, "a peak in every corner", at_border=ON_THE_LINE),
        Peaks(draw_heights(rng, 1, 2, 6, 8, lowest=-60), -44.5, "negative scores", at_border=ON_THE_LINE),
        Peaks(draw_heights(rng, 1, 2, 1, 11), 2.5, "maps of one row", at_border=ON_THE_LINE),
    ]
    judge(calls, ask, oracle)


def draw_gaussians(rng: np.random.RandomState, sigmas: Sequence[float]) -> tuple[Tensor, Tensor]:
    """Return maps (1, K, 15, 27) with two Gaussians each, and their centres (1, K, 2, 2), x then y.

    They are of unlike heights, and nearly half a pixel off their pixels in one direction, less in the other; each map
    has its sigma.
    """
    y, x = np.mgrid[:15, :27]
    maps, centres = np.zeros((len(sigmas), *x.shape)), np.zeros((len(sigmas), 2, 2))
    for k, sigma in enumerate(sigmas):
        for n, height in enumerate(rng.permutation([5, 6, 7, 8])[:2] / 8):
            pixel = np.array([5 + 14 * n, 6]) + integers(rng, 0, 4, (2,))
            off = np.array([7, integers(rng, 0, 3, ())]) * (1 - 2 * integers(rng, 0, 2, (2,))) / 16
            centres[k, n] = pixel + off[:: 1 if integers(rng, 0, 2, ()) else -1]
            bump = height * np.exp(-((x - centres[k, n, 0]) ** 2 + (y - centres[k, n, 1]) ** 2) / (2 * sigma**2))
            maps[k] = np.maximum(maps[k], np.round(bump * 4096) / 4096)
    return torch.tensor(maps[None], dtype=torch.float32), torch.tensor(centres[None])


def peaks_refined(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    maps, centres = draw_gaussians(rng, rng.permutation([1.0, 2.0, 3.0]))
    note = "two Gaussians in each map, and their centres lie between pixels"
    judge([Peaks(maps, 0.25, note, within=REFINED, centres=centres)], ask, oracle)


# add_offsets. Places and offsets are multiples of 1/8, and no place is half-way between two pixels.


def draw_peaks(rng: np.random.RandomState, counts: Sequence[int], size: tuple[int, int], beyond: int) -> list[Tensor]:
    """Return so many peaks (n, 3) for each keypoint, in the pixels of a map (H, W) or up to `beyond` outside of it."""
    peaks = []
    for count in counts:
        pixel = np.stack([integers(rng, -beyond, size[axis] + beyond, (count,)) for axis in (1, 0)], axis=1)
        guess = integers(rng, -3, 4, (count, 2)) / 8
        score = (1 + rng.permutation(count)[:, None]) / 4
        peaks.append(torch.tensor(np.concatenate([pixel + guess, score], axis=1), dtype=torch.float32))
    return peaks


def draw_offsets(rng: np.random.RandomState, keypoints: int, size: tuple[int, int]) -> Tensor:
    """Return offsets (K, 2, H, W), no two alike."""
    shape = (keypoints, 2, *size)
    ranks = rng.permutation(np.prod(shape)).reshape(shape)
    return torch.tensor((ranks - ranks.size // 2) / 8, dtype=torch.float32)


def _moving(
    rng: np.random.RandomState, counts: Sequence[int], size: tuple[int, int], note: str = "", beyond: int = 0
) -> Offsets:
    return Offsets(draw_peaks(rng, counts, size, beyond), draw_offsets(rng, len(counts), size), note)


def offsets_values(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    judge([_moving(rng, (3, 5, 4), (5, 8)), _moving(rng, (4, 6), (9, 4))], ask, oracle)


def offsets_outside(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    judge([_moving(rng, (12, 14), (4, 7), "some peaks lie outside of the map", 3)], ask, oracle)


def offsets_empty(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    double = _moving(rng, (2, 3), (4, 6))
    calls = [
        _moving(rng, (0, 4, 1), (5, 7), "a keypoint without a peak"),
        _moving(rng, (0, 0), (4, 3), "no peaks at all"),
        Offsets([peaks.double() for peaks in double.peaks], double.offsets.double(), "float64"),
    ]
    judge(calls, ask, oracle)


def moving(answer: Callable, memory: dict, peaks: list[Tensor], offsets: Tensor) -> dict[str, Any]:
    """Call `add_offsets`: its value, and the names of the arguments that it changed."""
    before = [tensor.clone() for tensor in (*peaks, offsets)]
    given = list(peaks)
    value = answer(given, offsets)
    kept = len(given) == len(peaks) and all(a is b for a, b in zip(given, peaks, strict=True))
    same_peaks = kept and all(map(torch.equal, before[:-1], peaks))
    changed = {"peaks": not same_peaks, "offsets": not torch.equal(before[-1], offsets)}
    return {"value": value, "changed": [name for name, is_so in changed.items() if is_so]}


QUESTIONS: dict[str, Question] = {
    question.name: question
    for question in (
        Question(
            "find_peaks",
            "find_peaks is right: every peak once and below the pixel, on plateaus, at borders and beside NaN.",
            {"call": calling("scoremaps", "threshold")},
            {
                "values": peaks_values,
                "many": peaks_many,
                "threshold": peaks_threshold,
                "nan": peaks_nan,
                "plateaus": peaks_plateaus,
                "border": peaks_border,
                "refined": peaks_refined,
            },
            HINTS["find_peaks"],
        ),
        Question(
            "add_offsets",
            "add_offsets is right: every peak where its pixel's offset points, also from outside of the map.",
            {"call": moving},
            {"values": offsets_values, "outside": offsets_outside, "empty": offsets_empty},
            HINTS["add_offsets"],
        ),
    )
}
