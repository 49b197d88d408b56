"""The questions of exercise 5 and their cases: what is drawn, and what is expected."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from helpers.checks.engine.calls import Call, judge_values
from helpers.checks.engine.compare import Form
from helpers.checks.engine.question import Ask, Oracle, Question, by_name, integers, read_hints
from helpers.checks.engine.scalars import judge_scalars
from helpers.checks.probes.calling import calling

__all__ = ["QUESTIONS"]

HINTS = read_hints("ex05_instances")


# offset_targets

OFFSETS = Form("offsets, float32 (B, 2, H, W), x then y: the way from each pixel to its person's centre of mass")


def draw_mask(
    rng: np.random.RandomState, numbers: Sequence[int], size: tuple[int, int], full: bool = False
) -> np.ndarray:
    """Return a mask int64 (H, W) of people of these numbers: each in scattered pixels around a place of their own, so
    that centre of mass, middle of the box and median differ; the number 0 is a place where nobody is. In a full one
    every pixel shows somebody."""
    height, width = size
    owners = [*numbers] if full else [*numbers, 0, 0]
    while True:
        places = np.stack([integers(rng, 0, height, (len(owners),)), integers(rng, 0, width, (len(owners),))], axis=1)
        rows, columns = np.mgrid[:height, :width]
        apart = (rows - places[:, :1, None]) ** 2 + (columns - places[:, 1:, None]) ** 2
        shown = full | (integers(rng, 0, 5, size) > 0)
        mask: np.ndarray = np.array(owners, np.int64)[apart.argmin(axis=0)] * shown
        if all((mask == number).sum() >= 3 for number in numbers):
            return mask


def cut_in_two(rng: np.random.RandomState, size: tuple[int, int]) -> dict[str, Tensor]:
    """Return `masks` (1, H, W) of persons 1 and 2, in which two columns of 2 lie across 1: who is in two pieces."""
    while True:
        mask = draw_mask(rng, [1, 2], size)
        middle = int(np.median((mask == 1).nonzero()[1]))
        arm = mask[:, middle : middle + 2]
        arm[arm == 1] = 2
        left, right = ((side == 1).sum() for side in (mask[:, :middle], mask[:, middle + 2 :]))
        if min(left, right) >= 2 and abs(left - right) >= 3:
            return {"masks": torch.from_numpy(mask[None])}


def masks_of(
    rng: np.random.RandomState, numbers: Sequence[Sequence[int]], size: tuple[int, int], full: bool = False
) -> dict[str, Tensor]:
    """Return `masks` (B, H, W) with people of these numbers in each image."""
    return {"masks": torch.from_numpy(np.stack([draw_mask(rng, each, size, full) for each in numbers]))}


def offsets_values(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        Call("call", masks_of(rng, [[1]], (5, 8)), "one person"),
        Call("call", masks_of(rng, [[1, 2], [1, 2]], (7, 11))),
        Call("call", masks_of(rng, [[1, 2, 3], [2, 1], [1]], (14, 9))),
        Call("call", cut_in_two(rng, (9, 13)), "person 2 cuts person 1 in two"),
    ]
    judge_values("offset_targets", HINTS["offset_targets"], calls, ask, oracle, OFFSETS)


def offsets_numbers(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    a, b = (integers(rng, 20, 200, (1,)).item() for _ in range(2))
    calls = [
        Call("call", masks_of(rng, [[2, 5]], (8, 9)), "people 2 and 5"),
        Call("call", masks_of(rng, [[41, 7, 300], [300, 9]], (9, 12)), "people 7, 41 and 300; 9 and 300"),
        Call("call", masks_of(rng, [[a, a + 256], [512, b]], (8, 11)), f"people {a} and {a + 256}; {b} and 512"),
        Call("call", masks_of(rng, [[1, 2, 3, 4, 5, 6, 7]], (16, 15)), "seven people"),
    ]
    judge_values("offset_targets", HINTS["offset_targets"], calls, ask, oracle, OFFSETS)


def offsets_few(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    alone = masks_of(rng, [[]], (6, 9))
    row, column = integers(rng, 0, 6, (1,)).item(), integers(rng, 0, 9, (1,)).item()
    alone["masks"][0, row, column] = 3
    calls = [
        Call("call", masks_of(rng, [[1, 2], []], (7, 6)), "nobody in the second image"),
        Call("call", masks_of(rng, [[]], (5, 7)), "nobody at all"),
        Call("call", alone, "a person of one pixel"),
        Call("call", masks_of(rng, [[1, 2], [4, 3, 8]], (6, 7), full=True), "every pixel shows somebody"),
    ]
    judge_values("offset_targets", HINTS["offset_targets"], calls, ask, oracle, OFFSETS)


# group_pixels

GROUPS = Form("int64 (H, W): n for the n-th centre, counted from 1; 0 where `person` is False")
CLEAR = 0.15  # how much farther than the nearest centre, in pixels, the next one is from where a pixel points


def draw_scene(
    rng: np.random.RandomState, count: int, size: tuple[int, int], beyond: int = 0, share: float = 0.7
) -> dict[str, Tensor]:
    """Return `offsets`, `person` and `centres` of an image (H, W): pixels point anywhere in it, or up to `beyond`
    pixels outside, and never half-way between two centres. All are multiples of a quarter."""
    height, width = size
    high = np.array([width, height])
    while True:
        centres = integers(rng, 0, 4 * high - 3, (count, 2)) / 4  # x, y
        if count < 2 or min(np.abs(a - b).max() for i, a in enumerate(centres) for b in centres[:i]) >= 2:
            break
    aims = integers(rng, -4 * beyond, 4 * (high + beyond) - 3, (height, width, 2)) / 4
    apart = np.sort(np.sqrt(((aims[:, :, None] - centres) ** 2).sum(axis=-1)), axis=-1)  # (H, W, N)
    if count > 1:
        between = apart[..., 1] - apart[..., 0] < CLEAR
        aims[between] = centres[integers(rng, 0, count, (int(between.sum()),))]
    rows, columns = np.mgrid[:height, :width]
    offsets = np.stack([aims[..., 0] - columns, aims[..., 1] - rows])
    person = rng.permutation(height * width).reshape(size) < round(share * height * width)
    given = {"offsets": torch.tensor(offsets, dtype=torch.float32), "person": torch.tensor(person)}
    return {**given, "centres": torch.tensor(centres, dtype=torch.float32)}


def unknown_where_nobody_is(rng: np.random.RandomState, scene: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the scene with NaN or far-off offsets wherever nobody is."""
    offsets, nobody = scene["offsets"].clone(), ~scene["person"]
    junk = np.array([np.nan, np.nan, -7777.25, 12345.5])[integers(rng, 0, 4, (2, int(nobody.sum())))]
    offsets[:, nobody] = torch.tensor(junk, dtype=offsets.dtype)
    return {**scene, "offsets": offsets}


def groups_values(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        Call("call", draw_scene(rng, 3, (13, 16))),
        Call("call", draw_scene(rng, 4, (9, 14))),
        Call("call", draw_scene(rng, 5, (15, 11))),
    ]
    judge_values("group_pixels", HINTS["group_pixels"], calls, ask, oracle, GROUPS)


def groups_outside(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        Call("call", draw_scene(rng, 4, (17, 20), beyond=9), "many pixels point outside of the image"),
        Call("call", draw_scene(rng, 4, (10, 7), beyond=200), "pixels point far away"),
    ]
    judge_values("group_pixels", HINTS["group_pixels"], calls, ask, oracle, GROUPS)


def groups_nobody(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        Call("call", draw_scene(rng, 3, (11, 14))),
        Call("call", unknown_where_nobody_is(rng, draw_scene(rng, 3, (12, 11))), "NaN or far off where nobody is"),
        Call("call", draw_scene(rng, 2, (5, 6), share=0), "`person` is False everywhere"),
    ]
    judge_values("group_pixels", HINTS["group_pixels"], calls, ask, oracle, GROUPS)


def groups_few(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        Call("call", draw_scene(rng, 1, (6, 8)), "one centre"),
        Call("call", draw_scene(rng, 0, (5, 7)), "no centre"),
    ]
    judge_values("group_pixels", HINTS["group_pixels"], calls, ask, oracle, GROUPS)


# panoptic_quality. Every image is a pile of bands, in each of which one thing happens; no two bands share a number.

PQ = Form("a scalar, the panoptic quality of all images together", number_will_do=True, dtype="any")
NAN = Form("a scalar NaN, since there is nobody to find", number_will_do=True, dtype="any")
WIDTH = 30  # of a band, pixels
Span = tuple[int, int]  # first pixel and length, of a person


def band(rng: np.random.RandomState, kind: str) -> tuple[list[Span], list[Span]]:
    """Return the people found and the true ones in a band."""
    start, n = integers(rng, 0, 4, (1,)).item(), integers(rng, 3, 7, (1,)).item()
    m = integers(rng, 1, n, (1,)).item()
    return {
        "hit": ([(start, 3 * n)], [(start + m, 3 * n)]),  # an IoU above 1/2
        "poor": ([(start, 3 * n)], [(start + n + 1, 3 * n)]),  # between 1/3 and 1/2
        "half": ([(start, 3 * n)], [(start + n, 3 * n)]),  # exactly 1/2
        "missed": ([], [(start, 2 * n)]),
        "invented": ([(start, n + m)], []),
        "split": ([(start, 2 * n), (start + 2 * n, n)], [(start, 3 * n)]),
        "merged": ([(start, 2 * n + m)], [(start, 2 * n), (start + 2 * n, m)]),
    }[kind]


def draw_image(
    rng: np.random.RandomState, kinds: Sequence[str], most: int, first: Sequence[int] = ()
) -> tuple[np.ndarray, np.ndarray]:
    """Return the masks found and true, int64 (H, W) each, of an image with a band for each of `kinds`, high one to
    three rows each; people get the numbers `first`, then numbers up to `most` at random, found and true ones apart."""
    bands = [band(rng, kind) for kind in kinds]
    heights = integers(rng, 1, 4, (len(kinds),)).tolist()
    masks = []
    for side in (0, 1):
        others = [number for number in (1 + rng.permutation(most)).tolist() if number not in first]
        numbers, rows = iter([*first, *others]), []
        for spans, height in zip((both[side] for both in bands), heights, strict=True):
            row = np.zeros(WIDTH, np.int64)
            for begin, length in spans:
                row[begin : begin + length] = next(numbers)
            rows += [row] * height
        masks.append(np.stack(rows))
    return masks[0], masks[1]


def images_of(
    rng: np.random.RandomState, kinds: Sequence[Sequence[str]], most: int = 12, first: Sequence[int] = ()
) -> dict[str, Tensor]:
    """Return `pred` and `target` of images with these bands, filled up with empty rows to one height."""
    drawn = [draw_image(rng, each, most, first) for each in kinds]
    height = max(len(pred) for pred, _ in drawn) + 1
    sides = [[np.pad(image[side], ((0, height - len(image[side])), (0, 0))) for image in drawn] for side in (0, 1)]
    return {name: torch.from_numpy(np.stack(side)) for name, side in zip(("pred", "target"), sides, strict=True)}


def _judge_quality(ask: Ask, oracle: Oracle, *calls: Call) -> None:
    judge_scalars("panoptic_quality", HINTS["panoptic_quality"], calls, ask, oracle, PQ)


def quality_values(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    kinds = ("hit", "poor", "missed", "invented", "split", "merged", "hit")
    _judge_quality(
        ask, oracle,
        Call("call", images_of(rng, [["hit", "missed", "hit"]]), "two of three people are found"),
        Call("call", images_of(rng, [["merged", "invented", "hit", "poor", "invented"]])),
        Call("call", images_of(rng, [rng.permutation(kinds).tolist()])),
    )  # fmt: skip


def quality_half(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    _judge_quality(
        ask, oracle,
        Call("call", images_of(rng, [["hit", "missed"]])),
        Call("call", images_of(rng, [["hit", "half", "missed", "half"]]), "two people have an IoU of exactly 0.5"),
    )  # fmt: skip


def quality_images(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    _judge_quality(
        ask, oracle,
        Call("call", images_of(rng, [["hit", "missed", "split"]])),
        Call("call", images_of(rng, [["hit", "missed", "invented", "poor"], ["hit"], ["merged", "hit"]], most=6)),
        Call("call", images_of(rng, [["split", "hit"], ["missed", "missed", "hit"]]), "two images"),
    )  # fmt: skip


def quality_numbers(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    one = integers(rng, 1, 200, (1,)).item()
    alike = images_of(rng, [["hit", "hit", "hit", "merged", "split"]], 200, (one, one + 256, 512))
    full = images_of(rng, [["hit", "missed", "hit", "invented"]])
    for mask in full.values():
        mask[mask == 0] = 13  # nobody has it yet
    _judge_quality(
        ask, oracle,
        Call("call", images_of(rng, [["hit", "split", "merged"]], most=200), "numbers up to 200"),
        Call("call", images_of(rng, [["hit", "missed"], ["hit", "invented", "hit"]], 1000, (1000,)), "1000 among them"),
        Call("call", alike, f"{one}, {one + 256} and 512 among them"),
        Call("call", full, "every pixel shows somebody"),
    )  # fmt: skip


def quality_none(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    nobody = {name: torch.zeros_like(mask) for name, mask in images_of(rng, [["hit"]]).items()}
    _judge_quality(
        ask, oracle,
        Call("call", images_of(rng, [["hit", "missed"]])),
        Call(
            "call", images_of(rng, [["hit", "missed", "invented"], ["missed", "missed"], ["invented"]]),
            "some images without a pair",
        ),
        Call("call", images_of(rng, [["missed", "missed"]]), "nobody is found"),
        Call("call", nobody, "nobody is there or found", NAN),
    )  # fmt: skip


QUESTIONS = by_name(
    Question(
        "offset_targets",
        "offset_targets is right: each pixel points at its own person's centre of mass.",
        {"call": calling("masks")},
        {"values": offsets_values, "numbers": offsets_numbers, "few": offsets_few},
        HINTS["offset_targets"],
    ),
    Question(
        "group_pixels",
        "group_pixels is right: each pixel goes to the centre nearest to where it points.",
        {"call": calling("offsets", "person", "centres")},
        {"values": groups_values, "outside": groups_outside, "nobody": groups_nobody, "few": groups_few},
        HINTS["group_pixels"],
    ),
    Question(
        "panoptic_quality",
        "panoptic_quality is right: pairs above half, and all images together.",
        {"call": calling("pred", "target")},
        {
            "values": quality_values, "half": quality_half, "images": quality_images, "numbers": quality_numbers,
            "none": quality_none,
        },
        HINTS["panoptic_quality"],
    ),
)  # fmt: skip
