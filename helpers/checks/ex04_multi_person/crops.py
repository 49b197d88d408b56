"""How crops are judged, the answers to `boxes_to_crops`.

Where the centre of a pixel lies is a convention, so crops are judged under the freedom that their task grants: a crop
may lie up to one crop pixel beside the right one if its transform says so. Images are slopes, x in the first channel
and y in the second, so what a crop holds tells where it looked. The mistakes' hints lie in `hints.toml`, the mistakes
as code in `grading/known_wrong/ex04_crops*.py`.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from helpers.checks.engine.changes import copied, names_of, same_items, unchanged
from helpers.checks.engine.compare import described, kind_of_no_tensor, outline, row, same, show
from helpers.checks.engine.judge import AnyCall, Fault, call_line, changed_argument, no_value
from helpers.checks.engine.mistakes import Judged, Way
from helpers.checks.engine.picture import outlined
from helpers.checks.engine.question import Memory, read_hints
from helpers.checks.engine.values import Other, Raised, Value, as_tensors, decode, encode
from helpers.checks.ex04_multi_person.readings import Evident, usual_ways
from helpers.pictures.figure import Picture

__all__ = ["SLOPE", "Crops", "cropping", "glance", "glancing"]

HINTS = read_hints("ex04_multi_person")["boxes_to_crops"]

CONVENTION = 1.001  # crop pixels that a crop may lie beside the right one: the task's one, and rounding
AGREEMENT = 0.1  # crop pixels by which a crop may look elsewhere than its transform says
SLOPE = 1 / 64  # of the images, from pixel to pixel
MOST = 16  # channels of a crop, numbers of a transform: whoever has more has no known mistake
FORM = "(crops (N, 3, h, w), transforms (N, 2, 3)), one of each for every box, in the dtype of the images"


@dataclass(frozen=True)
class Crops(AnyCall):
    """A call of `boxes_to_crops`: its arguments, and what is special about them; no padding is the default one."""

    images: Tensor
    boxes_xyxy: list[Tensor]
    crop_size: int | tuple[int, int]
    padding: float | None = None
    note: str = ""

    hints = HINTS
    steps = "crop", "glance"  # what is asked of known wrong versions is short: so is the table

    @property
    def inputs(self) -> dict[str, Any]:
        given = {"images": self.images, "boxes_xyxy": self.boxes_xyxy, "crop_size": self.crop_size}
        return given if self.padding is None else {**given, "padding": self.padding}

    @property
    def called(self) -> str:
        boxes = ", ".join(str(tuple(boxes.shape)) for boxes in self.boxes_xyxy)
        padding = "" if self.padding is None else f", padding: {self.padding:g}"
        arguments = f"images: {described(self.images)}, boxes_xyxy: [{boxes}], crop_size: {self.crop_size}{padding}"
        return call_line("boxes_to_crops", arguments, self.note)

    @property
    def size(self) -> tuple[int, int]:
        return (self.crop_size, self.crop_size) if isinstance(self.crop_size, int) else self.crop_size

    def ways(self, fault: Fault) -> Sequence[Way]:
        """Return the same numbers; else, where crops are misplaced, those that lie nearest, within a crop pixel: a
        mistake is the same in every convention."""
        alike = Crops.alike if fault.kind == "dtype" else Crops.alike_but_for_the_dtype
        ways = usual_ways(fault.kind, alike, Crops.says_nothing, Crops.evidence)
        if fault.kind != "place":
            return ways
        everywhere, *others = ways
        lines = Evident(Crops.near, by=Crops.only_lines)
        return [everywhere, Misplaced(Crops.near, "all"), lines, *others, Way(Crops.misplaced_like, "one")]

    def read(self, got: Value, right: Value) -> Fault | None:
        """Return what is wrong with the values of a call; `right` is the right answer in short."""
        got, transforms = _sound(got), _transforms(right)
        if not isinstance(got, Mapping):
            return no_value(got, FORM, alone=FORM)
        if got["changed"]:
            return changed_argument(got["changed"])
        given, count = got["value"], len(transforms)
        value = as_tensors(given)
        shapes = [(count, 3, *self.size), (count, 2, 3)]
        if not isinstance(value, list) or len(value) != 2 or not all(isinstance(part, Tensor) for part in value):
            return Fault("type", show(given), FORM)
        if [tuple(part.shape) for part in value] != shapes:
            return Fault("shape", outline(value), f"shapes {shapes[0]} and {shapes[1]}: {FORM}")
        fault = self._place(value[1], transforms) or self._content(value[0], value[1], transforms)
        if not fault and any(part.dtype != self.images.dtype for part in value):
            return Fault("dtype", outline(value), FORM)
        if not fault and kind_of_no_tensor(given) == "numpy":
            return Fault("numpy", show(given), FORM)
        return fault

    def alike(self, got: Value, wrong: Value) -> bool:
        """Return whether an answer is in short what a known wrong version gives."""
        return same(glance(_sound(got)), wrong)

    def alike_but_for_the_dtype(self, got: Value, wrong: Value) -> bool:
        """Return the same where dtypes do not count: another one must not hide what else is wrong."""
        short = glance(_sound(got))
        if not isinstance(short, list) or not isinstance(wrong, list):
            return same(short, wrong)
        return same([short[0], short[2]], [wrong[0], wrong[2]])

    def says_nothing(self, got: Value) -> bool:
        """Return whether all transforms lead nowhere."""
        return _is_pair(got) and not as_tensors(got["value"])[1][..., :2].any()

    def near(self, got: Value, wrong: Value, right: Value) -> float | None:
        """Return how far crops lie from those of a known wrong version, at the worst of them in crop pixels; None from
        a pixel on, or where shapes differ."""
        if not _is_pair(got) or not isinstance(wrong, list) or wrong[0] != _shapes(got):
            return None
        apart = self.apart(as_tensors(got["value"])[1], _transforms(wrong), _transforms(right))
        distance = float(apart.nan_to_num(torch.inf).amax())
        return distance if distance < CONVENTION else None

    def misplaced_like(self, got: Value, wrong: Value, right: Value) -> float | None:
        """Return the same for crops that a known wrong version misplaces, None where it does not."""
        distance = None if self.says_nothing(got) else self.near(got, wrong, right)
        if distance is None or not (self.beside(_transforms(wrong), _transforms(right)) > CONVENTION).any():
            return None
        return distance

    def only_lines(self, got: Value, right: Value) -> str | None:
        """Return the mistake of an answer that misplaces just the boxes that have a width or a height alone."""
        boxes = torch.cat(self.boxes_xyxy)
        line = (boxes[:, :2] == boxes[:, 2:]).any(dim=1) & ~self.points
        misplaced = self.beside(as_tensors(got["value"])[1], _transforms(right)) > CONVENTION
        return "line_as_a_point" if (line | ~misplaced).all() else None

    def evidence(self, got: Value, right: Value) -> str | None:
        """Return why crops do not show what their transforms lead to, told from where they looked."""
        crops, transforms = as_tensors(got["value"])
        places, inside, _ = self._seen(transforms, _transforms(right))
        found = crops.double().flatten(2).transpose(1, 2)  # (N, h * w, 3)
        if not inside.any() or not found[inside].isfinite().all():
            return None
        if not found[inside].any():
            return "grid_not_normalised"
        first, over, down = self._slopes()
        if not same((found - first)[..., 2][inside], torch.zeros(int(inside.sum()), dtype=torch.float64)):
            return None
        looked = (found - first)[..., :2] / torch.stack([over[..., 0], down[..., 1]], dim=-1)
        off = (looked - places)[inside]
        if same(looked[inside], looked[inside].round()):
            return "nearest"
        pixels = self.pixel(_transforms(right))[:, None].expand(inside.shape)[inside][:, None]
        if ((off / pixels).abs() - 0.5).abs().amin(dim=1).max() < 0.02:
            return "half_crop_pixel"
        return "half_pixel" if AGREEMENT / 2 < off.abs().max() < 0.8 else None

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

    def picture(self, got: Value, right: Value) -> Picture | None:
        """Return the image of the first crop that lies elsewhere, with where it lies and should; else the crop."""
        value, transforms = as_tensors(got["value"]), _transforms(right)
        beside = self.beside(value[1], transforms) > CONVENTION
        n = int(beside.nonzero()[0]) if beside.any() else 0
        height, width = self.size
        corners = [(-0.5, -0.5), (width - 0.5, -0.5), (width - 0.5, height - 0.5), (-0.5, height - 0.5), (-0.5, -0.5)]
        mine, best = (_places(t[n : n + 1].nan_to_num(), corners)[0] for t in (value[1], transforms))
        return outlined(self.images[self._owners()[n]], mine, best, f"crop {n}")

    def _place(self, transforms: Tensor, right: Tensor) -> Fault | None:
        beside = self.beside(transforms, right) > CONVENTION
        if not beside.any():
            return None
        n = int(beside.nonzero()[0])
        corners = [(0, 0), (self.size[1] - 1, self.size[0] - 1)]
        ends = [" to ".join(map(row, _places(t[n : n + 1], corners)[0])) for t in (transforms, right)]
        box = row(torch.cat(self.boxes_xyxy)[n])
        got = f"a transform that leads from the corners of crop {n} to {ends[0]} in the image"
        freedom = "to within a pixel, and any scale above 0 up to 1" if self.points[n] else "to within a crop pixel"
        return Fault("place", got, f"{ends[1]}, {freedom}, for the box {box}")

    def _content(self, crops: Tensor, transforms: Tensor, right: Tensor) -> Fault | None:
        """Return the first crop that does not show what its transform leads to; within a crop pixel of the image's
        border it need not, as a crop pixel may stand for all that it covers."""
        height, width = self.size
        pixels = [(x, y) for y in range(height) for x in range(width)]
        places, inside, outside = self._seen(transforms, right)
        pixel = self.pixel(right)[:, None, None]
        first, over, down = self._slopes()
        expected = (first + over * places[..., :1] + down * places[..., 1:]) * ~outside[..., None]
        found = crops.double().flatten(2).transpose(1, 2)  # (N, h * w, 3)
        error = ((found - expected).abs() / (AGREEMENT * pixel * SLOPE)).amax(dim=2)
        wrong = (error > 1) & (inside | outside) | ~found.isfinite().all(dim=2)
        if not wrong.any():
            return None
        n = int(wrong.any(dim=1).nonzero()[0])
        p = int((error[n].nan_to_num(torch.inf) * wrong[n]).nan_to_num().argmax())
        where = f"{row(places[n, p])} in the image" + (", which is outside" if outside[n, p] else "")
        got = f"crop {n} with {row(found[n, p])} at its pixel (x, y) = {pixels[p]}"
        return Fault("value", got, f"{row(expected[n, p])}: the transform of this crop leads to {where}")

    def _seen(self, transforms: Tensor, right: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return where the pixels of all crops look (N, h * w, 2), and which (N, h * w) look well inside of the image,
        and which well outside."""
        height, width = self.size
        places = _places(transforms, [(x, y) for y in range(height) for x in range(width)])
        last = torch.tensor([self.images.shape[3] - 1, self.images.shape[2] - 1])
        pixel = self.pixel(right)[:, None, None]
        inside = ((places > pixel + 0.5) & (places < last - pixel - 0.5)).all(dim=2)
        return places, inside, ((places < -1 - pixel) | (places > last + 1 + pixel)).any(dim=2)

    def _slopes(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return the colours (N, 1, 3) at the first pixel of each crop's image, and how they grow over and down."""
        images = self.images.double()
        first, over = images[:, :, 0, 0], images[:, :, 0, 1] - images[:, :, 0, 0]
        down = images[:, :, 1, 0] - images[:, :, 0, 0]
        owners = self._owners()
        return first[owners][:, None], over[owners][:, None], down[owners][:, None]

    def _owners(self) -> list[int]:
        return [i for i, boxes in enumerate(self.boxes_xyxy) for _ in boxes]


def _places(transforms: Tensor, pixels: Sequence[tuple[float, float]]) -> Tensor:
    """Return where transforms (N, 2, 3) lead from pixels of the crops: float64 (N, P, 2)."""
    points = torch.tensor([(x, y, 1) for x, y in pixels], dtype=torch.float64)
    return torch.einsum("nij,pj->npi", transforms.double(), points)


def _sound(got: Value) -> Value:
    """Return what `cropping` gives, or an exception; anything else only by its type."""
    fits = isinstance(got, Mapping) and got.keys() == {"value", "changed"} and isinstance(got["changed"], list)
    return got if fits or isinstance(got, Raised) else Other(type(got).__name__)


class Misplaced(Way):
    """The way of an answer whose crops lie near those of a known wrong version, which misplaces them at this call."""

    def nearest(
        self, index: int, calls: Sequence[Any], answers: Sequence[Value], judged: Sequence[Judged]
    ) -> str | None:
        """Return the nearest of these versions."""
        right, versions = judged[index]
        misplacing = {
            name: wrong
            for name, wrong in versions.items()
            if calls[index].misplaced_like(answers[index], wrong, right) is not None
        }
        return super().nearest(index, calls, answers, [*judged[:index], (right, misplacing), *judged[index + 1 :]])


def _transforms(glanced: Value) -> Tensor:
    """Return the transforms of an answer in short that has the right shapes."""
    numbers = glanced[2]
    return torch.zeros(0, 2, 3) if numbers is None else numbers[:, :6].view(-1, 2, 3)


def _is_pair(got: Value) -> bool:
    """Return whether an answer is crops and transforms that look like some."""
    got = _sound(got)
    value = as_tensors(got["value"]) if isinstance(got, Mapping) else None
    if not isinstance(value, list) or len(value) != 2 or not all(isinstance(part, Tensor) for part in value):
        return False
    return value[0].ndim == 4 and value[1].ndim == 3 and len(value[0]) == len(value[1]) > 0


def glance(got: Value) -> Value:
    """Return the values of a call in short: [fingerprints of their shapes and of their dtypes, the transforms and two
    pixels of each crop], the pixels near two corners, so that one of them lies over any border that the crop reaches
    over."""
    if not isinstance(got, Mapping):
        return got
    numbers = None
    if _is_pair(got):
        crops, transforms = as_tensors(got["value"])
        # of each crop a few numbers, whatever comes: 64 MB of them would cost seconds, again and again
        if min(crops.shape[2:]) > 2 and crops.shape[1] <= MOST and transforms[0].numel() <= MOST:
            pixels = crops[:, :, [1, -2], [-2, 1]]
            numbers = torch.cat([transforms.flatten(1), pixels.flatten(1)], dim=1).float()
    return [_shapes(got), _fingerprint(outline(as_tensors(got["value"])) + " ".join(got["changed"])), numbers]


def _shapes(got: Mapping[str, Any]) -> str:
    return _fingerprint(re.sub(r"[a-z]+\d+ ", "", outline(as_tensors(got["value"]))))


def _fingerprint(text: str) -> str:
    return f"{zlib.crc32(text.encode()):x}"


def cropping(answer: Any, memory: Memory, images: Tensor, boxes_xyxy: list[Tensor], **inputs: Any) -> dict[str, Any]:
    """Call `boxes_to_crops`: its value, and the names of the arguments that it changed."""
    before, given = copied([images, boxes_xyxy]), list(boxes_xyxy)
    size = inputs.pop("crop_size")
    value = answer(images, given, tuple(size) if isinstance(size, list) else size, *inputs.values())
    kept = same_items(given, boxes_xyxy) and unchanged(before[1], boxes_xyxy)
    return {"value": value, "changed": names_of({"images": unchanged(before[0], images), "boxes_xyxy": kept})}


def glancing(answer: Any, memory: Memory, **inputs: Any) -> Value:
    """Call `boxes_to_crops`: its value in short. Only this is asked of known wrong versions, for a small table."""
    return glance(decode(*encode(cropping(answer, memory, **inputs))))
