"""Cases of exercise 4's questions about crops: `boxes_to_crops` and `crops_to_image`.

Where the centre of a pixel lies is a convention, so crops are judged under the freedom that their task grants: a crop
may lie up to one crop pixel beside the right one if its transform says so. Images are slopes, x in the first channel
and y in the second, so what a crop holds tells where it looked. The mistakes' hints lie in `crop_cases.toml`, the
mistakes as code in `grading/known_wrong/ex04_crops.py`.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from helpers.checks.engine.compare import Form, same, show
from helpers.checks.engine.judge import GENERAL_HINTS, NO_KNOWN_MISTAKE, Call, refuse_exception
from helpers.checks.engine.judge import judge as judge_values
from helpers.checks.engine.question import Ask, Oracle, Question, Wrong, integers, read_hints
from helpers.checks.engine.values import Other, Raised, decode, encode
from helpers.checks.probes.calling import calling

__all__ = ["QUESTIONS"]

HINTS = read_hints("ex04_multi_person")

# boxes_to_crops: judging

CONVENTION = 1.001  # crop pixels that a crop may lie beside the right one: the task's one, and rounding
AGREEMENT = 0.1  # crop pixels by which a crop may look elsewhere than its transform says
SLOPE = 1 / 64  # of the images, from pixel to pixel
MOST = 16  # channels of a crop, numbers of a transform: whoever has more has no known mistake
FORM = "(crops (N, 3, h, w), transforms (N, 2, 3)), one of each for every box, in the dtype of the images"


@dataclass(frozen=True)
class Fault:
    """What is wrong with what came back ("raised", "type", "shape", "place", "value", "dtype", "changed"), and the two
    lines `returned` and `expected` of the verdict."""

    kind: str
    returned: str
    expected: str


@dataclass(frozen=True)
class Crops:
    """A call of `boxes_to_crops`: its arguments, and what is special about them; no padding is the default one."""

    images: Tensor
    boxes_xyxy: list[Tensor]
    crop_size: int | tuple[int, int]
    padding: float | None = None
    note: str = ""

    @property
    def inputs(self) -> dict[str, Any]:
        given = {"images": self.images, "boxes_xyxy": self.boxes_xyxy, "crop_size": self.crop_size}
        return given if self.padding is None else {**given, "padding": self.padding}

    @property
    def called(self) -> str:
        boxes = ", ".join(str(tuple(boxes.shape)) for boxes in self.boxes_xyxy)
        padding = "" if self.padding is None else f", padding: {self.padding:g}"
        images = f"{_dtype(self.images)} {tuple(self.images.shape)}"
        arguments = f"images: {images}, boxes_xyxy: [{boxes}], crop_size: {self.crop_size}{padding}"
        return f"boxes_to_crops({arguments})" + (f"; {self.note}" if self.note else "")

    @property
    def size(self) -> tuple[int, int]:
        return (self.crop_size, self.crop_size) if isinstance(self.crop_size, int) else self.crop_size

    def fault(self, got: Any, right: Tensor) -> Fault | None:
        """Return what is wrong with the values of a call; `right` are the right transforms."""
        if not isinstance(got, Mapping):
            return Fault("raised" if isinstance(got, Raised) else "type", show(got), FORM)
        value, shapes = got["value"], [(len(right), 3, *self.size), (len(right), 2, 3)]
        if not isinstance(value, list) or len(value) != 2 or not all(isinstance(part, Tensor) for part in value):
            return Fault("type", show(value), FORM)
        if [tuple(part.shape) for part in value] != shapes:
            return Fault("shape", outline(value), f"shapes {shapes[0]} and {shapes[1]}: {FORM}")
        fault = self._place(value[1], right) or self._content(*value, right)
        if not fault and any(part.dtype != self.images.dtype for part in value):
            fault = Fault("dtype", outline(value), FORM)
        if not fault and got["changed"]:
            fault = Fault(
                "changed", "changed its argument " + " and ".join(got["changed"]), "arguments left as they were"
            )
        return fault

    def beside(self, transforms: Tensor, right: Tensor) -> Tensor:
        """Return how far crops (N,) lie from the right ones, in crop pixels, at the worst of their corners.

        The scale of a box that is a point is free from 0 to 1, without 0: the crop's centre is what counts.
        """
        centre = self._ways(transforms, right).mean(dim=1).abs().amax(dim=1)
        matrix = transforms[:, :, :2].double()
        upright = (matrix * (1 - torch.eye(2))).abs().amax(dim=(1, 2)) < 1e-6
        scales = matrix.diagonal(dim1=1, dim2=2)
        fits = upright & (scales > 0).all(dim=1) & (scales < CONVENTION).all(dim=1)
        beside = torch.where(self.points, torch.where(fits, centre, torch.inf), self.apart(transforms, right, right))
        return beside.nan_to_num(torch.inf)

    def apart(self, a: Tensor, b: Tensor, right: Tensor) -> Tensor:
        """Return how far crops (N,) of two answers lie from each other, in right crop pixels, at the worst corner."""
        return self._ways(a, b).abs().amax(dim=(1, 2)) / self.pixel(right)

    def _ways(self, a: Tensor, b: Tensor) -> Tensor:
        """Return the ways (N, 4, 2) from the corners of crops to those of others, in pixels of the image."""
        height, width = self.size
        corners = [(0, 0), (width - 1, 0), (0, height - 1), (width - 1, height - 1)]
        return _places(a, corners) - _places(b, corners)

    @property
    def points(self) -> Tensor:
        """Return which boxes (N,) have neither width nor height."""
        boxes = torch.cat(self.boxes_xyxy)
        return (boxes[:, :2] == boxes[:, 2:]).all(dim=1)

    def pixel(self, right: Tensor) -> Tensor:
        """Return the size of a crop pixel (N,) in image pixels; 1 for a box that is a point."""
        return torch.where(self.points, 1.0, right[:, 0, 0].double())

    def _place(self, transforms: Tensor, right: Tensor) -> Fault | None:
        beside = self.beside(transforms, right)
        if not (beside > CONVENTION).any():
            return None
        n = int((beside > CONVENTION).nonzero()[0])
        corners = [(0, 0), (self.size[1] - 1, self.size[0] - 1)]
        ends = [" to ".join(map(_row, _places(t[n : n + 1], corners)[0])) for t in (transforms, right)]
        box = _row(torch.cat(self.boxes_xyxy)[n])
        got = f"a transform that leads from the corners of crop {n} to {ends[0]} in the image"
        freedom = "to within a pixel, and any scale above 0 up to 1" if self.points[n] else "to within a crop pixel"
        return Fault("place", got, f"{ends[1]}, {freedom}, for the box {box}")

    def _content(self, crops: Tensor, transforms: Tensor, right: Tensor) -> Fault | None:
        """Return the first crop that does not show what its transform leads to; within a crop pixel of the image's
        border it need not, as a crop pixel may stand for all that it covers."""
        height, width = self.size
        pixels = [(x, y) for y in range(height) for x in range(width)]
        places = _places(transforms, pixels)  # (N, h * w, 2)
        last = torch.tensor([self.images.shape[3] - 1, self.images.shape[2] - 1])
        pixel = self.pixel(right)[:, None, None]
        inside = ((places > pixel + 0.5) & (places < last - pixel - 0.5)).all(dim=2)
        outside = ((places < -1 - pixel) | (places > last + 1 + pixel)).any(dim=2)

        images = self.images.double()
        first, over = images[:, :, 0, 0], images[:, :, 0, 1] - images[:, :, 0, 0]
        down = images[:, :, 1, 0] - images[:, :, 0, 0]
        first, over, down = (slope[self._owners()][:, None] for slope in (first, over, down))  # (N, 1, 3)
        expected = (first + over * places[..., :1] + down * places[..., 1:]) * ~outside[..., None]
        found = crops.double().flatten(2).transpose(1, 2)  # (N, h * w, 3)
        error = ((found - expected).abs() / (AGREEMENT * pixel * SLOPE)).amax(dim=2)
        wrong = (error > 1) & (inside | outside) | ~found.isfinite().all(dim=2)
        if not wrong.any():
            return None
        n = int(wrong.any(dim=1).nonzero()[0])
        p = int((error[n].nan_to_num(torch.inf) * wrong[n]).nan_to_num().argmax())
        where = f"{_row(places[n, p])} in the image" + (", which is outside" if outside[n, p] else "")
        got = f"crop {n} with {_row(found[n, p])} at its pixel (x, y) = {pixels[p]}"
        return Fault("value", got, f"{_row(expected[n, p])}: the transform of this crop leads to {where}")

    def _owners(self) -> list[int]:
        return [i for i, boxes in enumerate(self.boxes_xyxy) for _ in boxes]


def _places(transforms: Tensor, pixels: Sequence[tuple[int, int]]) -> Tensor:
    """Return where transforms (N, 2, 3) lead from pixels of the crops: float64 (N, P, 2)."""
    points = torch.tensor([(x, y, 1) for x, y in pixels], dtype=torch.float64)
    return torch.einsum("nij,pj->npi", transforms.double(), points)


def glance(got: Any) -> Any:
    """Return the values of a call in short: [a fingerprint of all but the numbers, the transforms and two pixels of
    each crop], the pixels near two corners, so that one of them lies over any border that the crop reaches over."""
    if not isinstance(got, Mapping):
        return got
    value, numbers = got["value"], None
    if isinstance(value, list) and len(value) == 2 and all(isinstance(part, Tensor) for part in value):
        crops, transforms = value
        fits = crops.ndim == 4 and transforms.ndim == 3 and len(crops) == len(transforms) > 0
        # of each crop a few numbers, whatever comes: 64 MB of them would cost seconds, again and again
        if fits and min(crops.shape[2:]) > 2 and crops.shape[1] <= MOST and transforms[0].numel() <= MOST:
            pixels = crops[:, :, [1, -2], [-2, 1]]
            numbers = torch.cat([transforms.flatten(1), pixels.flatten(1)], dim=1).float()
    return [_fingerprint(value, got["changed"]), numbers]


def _fingerprint(value: Any, changed: Sequence[str]) -> str:
    return f"{zlib.crc32(' '.join([outline(value), *changed]).encode()):x}"


def outline(value: Any) -> str:
    """Return of a value what is no number: the shapes and dtypes of its parts."""
    if isinstance(value, Tensor):
        return f"{_dtype(value)} {tuple(value.shape)}"
    if isinstance(value, list):
        return "[" + ", ".join(map(outline, value)) + "]"
    return show(value)


def _dtype(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _row(numbers: Tensor) -> str:
    return "(" + ", ".join(f"{number:.4g}" for number in numbers.tolist()) + ")"


def cropping(answer: Any, memory: dict, images: Tensor, boxes_xyxy: list[Tensor], **inputs: Any) -> dict[str, Any]:
    """Call `boxes_to_crops`: its value, and the names of the arguments that it changed."""
    before, given = [tensor.clone() for tensor in (images, *boxes_xyxy)], list(boxes_xyxy)
    size = inputs.pop("crop_size")
    value = answer(images, given, tuple(size) if isinstance(size, list) else size, *inputs.values())
    kept = len(given) == len(boxes_xyxy) and all(a is b for a, b in zip(given, boxes_xyxy, strict=True))
    kept = kept and all(map(_equal, before[1:], boxes_xyxy))
    changed = {"images": not _equal(before[0], images), "boxes_xyxy": not kept}
    return {"value": value, "changed": [name for name, is_so in changed.items() if is_so]}


def _equal(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and torch.equal(a, b)


def glancing(answer: Any, memory: dict, **inputs: Any) -> Any:
    """Call `boxes_to_crops`: its value in short. Only this is asked of known wrong versions, for a small table."""
    return glance(decode(*encode(cropping(answer, memory, **inputs))))


def judge(calls: Sequence[Crops], ask: Ask, oracle: Oracle) -> None:
    """Ask every call of an answer and compare with the oracle.

    Raises:
        Wrong: about the first call that is answered wrongly. The mistake named is a known wrong version that answers
            all calls the same, or at least this one; else the one whose crops lie nearest, within a crop pixel.
    """
    answers = [_sound(ask("crop", **call.inputs)) for call in calls]
    judged = [oracle("glance", **call.inputs) for call in calls]
    for index, (call, got, (right, wrong)) in enumerate(zip(calls, answers, judged, strict=True)):
        fault = call.fault(got, _transforms(right))
        if fault:
            mistake = _mistake(index, [glance(a) for a in answers], [wrong for _, wrong in judged])
            if not mistake and fault.kind == "place":
                mistake = _nearest(call, got["value"], _transforms(right), wrong)
            raise _wrong(call, got, fault, mistake)


def _sound(got: Any) -> Any:
    """Return what `cropping` gives, or an exception; anything else only by its type."""
    fits = isinstance(got, Mapping) and got.keys() == {"value", "changed"} and isinstance(got["changed"], list)
    return got if fits or isinstance(got, Raised) else Other(type(got).__name__)


def _transforms(glanced: Any) -> Tensor:
    """Return the transforms of an answer in short that has the right shapes."""
    numbers = glanced[1]
    return torch.zeros(0, 2, 3) if numbers is None else numbers[:, :6].view(-1, 2, 3)


def _mistake(index: int, answers: Sequence[Any], wrong: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the known mistake that explains all answers, else one that explains this one. Its name ends at a dot."""
    if isinstance(answers[index], Raised) and answers[index].type_name == "NotImplementedError":
        return None
    here = [name for name in wrong[index] if same(answers[index], wrong[index][name])]
    everywhere = (name for name in here if all(same(a, w[name]) for a, w in zip(answers, wrong, strict=True)))
    name = next(everywhere, here[0] if here else None)
    return name and name.partition(".")[0]


def _nearest(call: Crops, value: list[Tensor], right: Tensor, wrong: Mapping[str, Any]) -> str | None:
    """Return the known mistake, among those that misplace crops, that puts all of them nearest to where `value` does:
    a mistake is the same in every convention."""
    distances = {}
    for name in wrong:
        glanced = wrong[name]
        if isinstance(glanced, list) and glanced[0] == _fingerprint(value, []):
            misplaced = _transforms(glanced)
            if (call.beside(misplaced, right) > CONVENTION).any():
                distances[name] = float(call.apart(value[1], misplaced, right).nan_to_num(torch.inf).max())
    name = min(distances, key=distances.get, default=None)
    return name.partition(".")[0] if name and distances[name] < CONVENTION else None


def _wrong(call: Crops, got: Any, fault: Fault, mistake: str | None) -> Wrong:
    hint = HINTS["boxes_to_crops"].get(mistake or "")
    if not hint:
        refuse_exception(call.called, got, FORM)
    unknown = fault.kind in ("place", "value")
    hint = hint or (NO_KNOWN_MISTAKE if unknown else GENERAL_HINTS[fault.kind])
    wrong = Wrong(call.called, fault.returned, fault.expected, hint, mistake or (None if unknown else fault.kind))
    wrong.inputs = call.inputs
    return wrong


# boxes_to_crops: drawing. Boxes are multiples of 1/4 and colours of 1/64: every machine draws the same bits.


def draw_images(rng: np.random.RandomState, count: int, size: tuple[int, int], dtype: torch.dtype) -> Tensor:
    """Return images (count, 3, H, W) in [0, 1]: the first channel rises or falls by 1/64 with every column, the second
    with every row, and the third is one colour, another in each image. Neither size may be above 48."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    colours = 4 + rng.permutation(12)[:count]
    images = []
    for colour in colours:
        ramps = [integers(rng, 2, 16, ()) + place for place in (columns, rows)]
        turned = [64 - ramp if integers(rng, 0, 2, ()) else ramp for ramp in ramps]
        images.append(np.stack([*turned, np.full(size, 4 * colour)]) / 64)
    return torch.tensor(np.stack(images), dtype=dtype)


def draw_sides(
    rng: np.random.RandomState, crop: tuple[int, int], scale: float, padding: float, wide: bool
) -> np.ndarray:
    """Return width and height of a box whose crop pixels are about `scale` image pixels wide, by its longer side: it is
    wide or tall for its crop, and the other side asks for a half to a third of that."""
    asked = np.full(2, scale) * (16 + integers(rng, 0, 3, ())) / 16
    asked[int(wide)] /= integers(rng, 4, 7, ()) / 2
    return np.maximum(np.round(4 * asked * crop[::-1] / padding), 1) / 4


def _boxes(centres: Sequence[Any], sides: Sequence[Any], dtype: torch.dtype) -> Tensor:
    """Return boxes (n, 4) from their centres and sides."""
    corners = [np.concatenate([np.subtract(c, s / 2), np.add(c, s / 2)]) for c, s in zip(centres, sides, strict=True)]
    return torch.tensor(np.array(corners), dtype=dtype).reshape(-1, 4)


def _inside(
    rng: np.random.RandomState,
    size: tuple[int, int],
    scales: Sequence[Sequence[float]],
    crop_size: int | tuple[int, int],
    padding: float | None = None,
    note: str = "",
    dtype: torch.dtype = torch.float32,
) -> Crops:
    """Return a call with one image for each item of `scales`, and a box inside it for each of its numbers."""
    crop = (crop_size, crop_size) if isinstance(crop_size, int) else crop_size
    boxes, wide = [], int(integers(rng, 0, 2, ()))
    for numbers in scales:
        sides = [draw_sides(rng, crop, n, padding or 1.25, (i + wide) % 2 == 0) for i, n in enumerate(numbers)]
        rooms = [np.array(size[::-1]) - 1 - side for side in sides]
        centres = [s / 2 + integers(rng, 0, 5, (2,)) / 4 * r // 0.25 / 4 for s, r in zip(sides, rooms, strict=True)]
        boxes.append(_boxes(centres, sides, dtype))
    return Crops(draw_images(rng, len(scales), size, dtype), boxes, crop_size, padding, note)


def crops_values(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    three = [[1.0, 1.75, 0.75], [1.25, 0.75, 1.5]][int(integers(rng, 0, 2, ()))]  # neither up nor down in size
    calls = [
        _inside(rng, (34, 44), [[1.25]], (14, 14), 1.0, "one box"),
        _inside(rng, (36, 46), [three, [1.25]], (10, 15), 1.5, "oblong crops"),
        _inside(rng, (46, 35), [[1.0], three, [1.25, 1.75]], (16, 11)),
        _inside(rng, (33, 40), [[1.0], [0.75, 1.5]], 12, 2.0, "crop_size is one number; float64", torch.float64),
    ]
    judge(calls, ask, oracle)


def _over_the_border(rng: np.random.RandomState, size: tuple[int, int], crop: tuple[int, int]) -> Crops:
    """Return a call with two images and a box over each border of one, about half of its longer side outside."""
    height, width = size
    borders = [(0, height / 2), (width - 1, height / 2), (width / 2, 0), (width / 2, height - 1)]
    order = rng.permutation(4)
    sides = [draw_sides(rng, crop, 1.25, 1.5, wide=k < 2) for k in order]
    boxes = _boxes([borders[k] + integers(rng, -4, 5, (2,)) / 4 for k in order], sides, torch.float32)
    images = draw_images(rng, 2, size, torch.float32)
    return Crops(images, [boxes[:3], boxes[3:]], crop, 1.5, "boxes that reach over the border of their image")


def _far_away(rng: np.random.RandomState) -> Crops:
    """Return a call with a box around an image, and a box on each side of another, none of which meets it."""
    size, crop = (20, 27), (12, 13)
    around = np.array([[0, 0, 26, 19]]) + integers(rng, 16, 40, (4,)) / 4 * (-1, -1, 1, 1)
    sides = [draw_sides(rng, crop, 1.0, 1.25, wide) for wide in (True, False, True, False)]
    centres = [way + integers(rng, -8, 9, (2,)) / 4 for way in ((-26, 8), (53, 12), (14, -26), (10, 46))]
    boxes = [torch.tensor(around, dtype=torch.float32), _boxes(centres, sides, torch.float32)]
    note = "a box around its image, and four outside of theirs"
    return Crops(draw_images(rng, 2, size, torch.float32), boxes, crop, 1.25, note)


def crops_border(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    judge([_over_the_border(rng, (36, 44), (13, 11)), _far_away(rng)], ask, oracle)


def _points(rng: np.random.RandomState) -> Crops:
    """Return a call with a box that is a point, one that is a line, and an ordinary one, in any order."""
    size, crop = (30, 36), (14, 11)
    line = np.where(np.arange(2) == integers(rng, 0, 2, ()), 0.0, 10.0)
    sides = [draw_sides(rng, crop, 1.25, 1.5, wide=True), line, np.zeros(2)]
    centres = (14, 12) + integers(rng, 0, 32, (3, 2)) / 4
    order = rng.permutation(3)
    boxes = _boxes(centres, [sides[k] for k in order], torch.float32)
    note = "one box is a point and one is a line"
    return Crops(draw_images(rng, 1, size, torch.float32), [boxes], crop, 1.5, note)


def crops_few(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    some, none = [1.25, 1.0], []
    empty = [none, some, none, [1.0]] if integers(rng, 0, 2, ()) else [none, none, [1.0], some]
    calls = [
        _inside(rng, (30, 36), [[1.25]], (12, 14), 1.5, "one box"),
        _inside(rng, (33, 38), empty, (12, 14), 1.5, "two images have no boxes"),
        _inside(rng, (20, 26), [none, none], (9, 12), 1.5, "no image has a box"),
        _points(rng),
    ]
    judge(calls, ask, oracle)


# crops_to_image. Keypoints are multiples of 1/4 and transforms of 1/8, so that sums are exact in any order.


def draw_transforms(rng: np.random.RandomState, count: int, upright: bool) -> np.ndarray:
    """Return affine maps (count, 2, 3): two scales and a shift, or any matrix whose four numbers differ in size."""
    shift = integers(rng, -320, 321, (count, 2, 1)) / 8
    if upright:
        scales = 5 + rng.permutation(4 * count)[: 2 * count].reshape(count, 2, 1)
        matrix = scales / 8 * np.eye(2)
    else:
        sizes = 4 + np.stack([rng.permutation(12)[:4] for _ in range(count)]).reshape(count, 2, 2)
        matrix = sizes / 8 * (1 - 2 * integers(rng, 0, 2, (count, 2, 2)))
    return np.concatenate([matrix, shift], axis=2)


def _found(
    rng: np.random.RandomState,
    count: int,
    keypoints: int,
    upright: bool,
    note: str = "",
    dtype: torch.dtype = torch.float32,
) -> Call:
    """Return a call with keypoints inside and outside of their crops."""
    places = integers(rng, -40, 200, (count, keypoints, 2)) / 4
    transforms = draw_transforms(rng, count, upright)
    inputs = {"keypoints": torch.tensor(places, dtype=dtype), "transforms": torch.tensor(transforms, dtype=dtype)}
    return Call("call", inputs, note)


POINTS = Form("(N, K, 2) in the dtype of the keypoints: x and y in the image")


def points_values(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        _found(rng, 1, 4, True, "one crop; two scales and a shift"),
        _found(rng, 3, 4, True, "scales and shifts"),
        _found(rng, 4, 1, True, "one keypoint in each crop"),
        _found(rng, 2, 3, True, "float64", torch.float64),
        _found(rng, 0, 3, True, "no crops"),
    ]
    judge_values("crops_to_image", HINTS["crops_to_image"], calls, ask, oracle, POINTS)


def points_affine(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        _found(rng, 1, 3, False, "one crop, turned and sheared"),
        _found(rng, 3, 5, False, "crops that are turned and sheared"),
        _found(rng, 2, 2, False, "two crops of two keypoints, turned and sheared"),
    ]
    judge_values("crops_to_image", HINTS["crops_to_image"], calls, ask, oracle, POINTS)


QUESTIONS: dict[str, Question] = {
    question.name: question
    for question in (
        Question(
            "boxes_to_crops",
            "boxes_to_crops is right: place and scale of every crop, its transform, borders, and images without boxes.",
            {"crop": cropping, "glance": glancing},
            {"values": crops_values, "border": crops_border, "few": crops_few},
            HINTS["boxes_to_crops"],
        ),
        Question(
            "crops_to_image",
            "crops_to_image is right: every keypoint by the transform of its crop, whatever the affine map.",
            {"call": calling("keypoints", "transforms")},
            {"values": points_values, "affine": points_affine},
            HINTS["crops_to_image"],
        ),
    )
}
