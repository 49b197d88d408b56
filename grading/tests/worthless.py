"""Answers that are worth nothing, by question: unwritten, of a wrong kind, constants, and some that nearly fit."""

from __future__ import annotations

import math
from typing import Any

import torch
from answer_bank import DECODERS, EXERCISES, NETWORKS, REFERENCES
from torch import nn

from grading.right_variants import ex02_softargmax_models as variants

__all__ = ["STUBS", "WORTHLESS"]

NAN = float("nan")
FUNCTIONS = {key: [q for q in EXERCISES if EXERCISES[q] == key and q not in NETWORKS] for key in EXERCISES.values()}


def stub(*_):
    raise NotImplementedError


class StubOfForward(nn.Module):
    def __init__(self, encoder_channels, num_classes):
        super().__init__()

    def forward(self, features):
        raise NotImplementedError


STUBS: dict[str, dict[str, Any]] = {
    q: {"stub": stub, **({"stub_of_forward": StubOfForward} if q in DECODERS else {})} for q in EXERCISES
}


def always(value: Any) -> Any:
    """Return an answer that gives one value, whatever it is asked."""
    return lambda *_, **__: value


def first(first, *_):
    return first


def second(first, second, *_):
    return second


def arguments(first, second, *_):
    return first, second


def first_twice(first, *_):
    return first, first


def no_arguments():
    return None


# Exercise 1.


class EqualToEverything:
    def __eq__(self, other):
        return True

    def __float__(self):
        return 7.0


class Poses(nn.Module):
    """Every keypoint in the corner."""

    def __init__(self, backbone, num_keypoints, image_size):
        super().__init__()
        self.backbone, self.num_keypoints = backbone, num_keypoints

    def forward(self, images):
        return torch.zeros(len(images), self.num_keypoints, 2)


NUMBERS = {
    "nothing": always(None), "equal-to-everything": always(EqualToEverything()), "nan": always(NAN),
    "zero": always(torch.tensor(0.0)), "constant": always(0.5), "attached-zero": lambda pred, *_: 0 * pred[0].sum(),
}  # fmt: skip


# Exercise 2.


def attached_zeros(scoremaps, *_):
    return 0 * scoremaps.sum(dim=(2, 3))[..., None].expand(-1, -1, 2)


class PosesAndScores(Poses):
    def forward(self, images):
        return super().forward(images), torch.zeros(len(images), self.num_keypoints, 4, 6)


class Middle(Poses):
    """Random maps, keypoints in the middle of them."""

    def forward(self, images):
        scores = torch.rand(len(images), self.num_keypoints, 4, 6)
        return variants.softargmax(0 * scores), scores


MAPS = {"nothing": always(None), "nan": always(NAN), "zero": always(torch.tensor(0.0)), "first-argument": first}


# Exercise 3.


def all_zero(features, indices, output_size):
    return 0 * features.sum() + features.new_zeros(*features.shape[:2], *output_size)


def matrix_of_zeros(kernel, input_size, stride=1, padding=0):
    out = [(n + 2 * padding - k) // stride + 1 for n, k in zip(input_size, kernel.shape, strict=True)]
    return kernel.new_zeros(math.prod(out), math.prod(input_size))


def map_of_zeros(image, kernel, stride=1, padding=0):
    return image.new_zeros([(n - 1) * stride - 2 * padding + k for n, k in zip(image.shape, kernel.shape, strict=True)])


class Logits(nn.Module):
    """No class is likelier than another."""

    def __init__(self, encoder_channels, num_classes):
        super().__init__()
        self.classes = num_classes

    def forward(self, features):
        return features[0].new_zeros(len(features[0]), self.classes, *(2 * n for n in features[0].shape[2:]))


class Noise(Logits):
    def forward(self, features):
        return torch.randn_like(super().forward(features))


NO_DECODERS = {
    "nothing": always(None), "zeros": Logits, "noise": Noise, "identity": lambda *_: nn.Identity(),
    "layer": nn.Conv2d, "none": None,
}  # fmt: skip


# Exercise 4.


def of_zeros(images, boxes_xyxy, crop_size, padding=1.25):
    n, size = sum(map(len, boxes_xyxy)), (crop_size, crop_size) if isinstance(crop_size, int) else crop_size
    return images.new_zeros(n, 3, *size), images.new_zeros(n, 2, 3)


def of_zeros_with_identity(images, boxes_xyxy, crop_size, padding=1.25):
    crops, transforms = of_zeros(images, boxes_xyxy, crop_size)
    return crops, transforms + torch.eye(2, 3)


def right_transforms_only(images, boxes_xyxy, crop_size, padding=1.25):
    crops, transforms = REFERENCES["boxes_to_crops"](images, boxes_xyxy, crop_size, padding)
    return crops * NAN, transforms


def right_crops_only(images, boxes_xyxy, crop_size, padding=1.25):
    crops, transforms = REFERENCES["boxes_to_crops"](images, boxes_xyxy, crop_size, padding)
    return crops, transforms * NAN


def slopes_without_a_look_at_the_images(images, boxes_xyxy, crop_size, padding=1.25):
    """x, y and a constant, which images in the checks are up to their slopes."""
    crops, transforms = REFERENCES["boxes_to_crops"](images, boxes_xyxy, crop_size, padding)
    y, x = torch.meshgrid(*(torch.arange(n) for n in crops.shape[2:]), indexing="ij")
    places = torch.einsum("nij,jhw->nihw", transforms, torch.stack([x, y, torch.ones_like(x)]).to(transforms)) / 64
    return torch.cat([places, torch.ones_like(places[:, :1])], dim=1), transforms


def peaks_of(*rows):
    """Return an answer that finds the same peaks in every map."""

    def find_peaks(scoremaps, threshold):
        peaks = torch.tensor(rows, dtype=scoremaps.dtype).view(-1, 3)
        return [[peaks for _ in image] for image in scoremaps]

    return find_peaks


def fields_of(value):
    """Return an answer that draws the same everywhere."""

    def answer(keypoints, visible, limbs, size, width):
        return keypoints.new_full((len(keypoints), len(limbs), 2, *size), value)

    return answer


def scores_of(value):
    """Return an answer that gives all segments the same score."""

    def answer(field, start, end, num_samples=10):
        return field.new_full(torch.broadcast_shapes(start.shape, end.shape)[:-1], value)

    return answer


def nobody(peaks, fields, limbs):
    return fields.new_zeros(0, len(peaks), 3)


def everybody_alone(peaks, fields, limbs):
    """Is right where nothing is linked, and nowhere else."""
    rows = fields.new_zeros(sum(map(len, peaks)), len(peaks), 3)
    for row, (k, i) in zip(rows, [(k, i) for k, found in enumerate(peaks) for i in range(len(found))], strict=True):
        row[k] = peaks[k][i]
    return rows


CROPS = {
    "nothing": always(None), "nan": always(NAN), "text": always("right"), "pair-of-nothing": always((None, None)),
    "object": always(object()), "zero": always(torch.tensor(0.0)), "first-argument": first, "its-arguments": arguments,
    "first-argument-twice": first_twice,
}  # fmt: skip
PEAKS = {
    **{
        name: always(value)
        for name, value in {
            "nothing": None, "nan": NAN, "zero": torch.tensor(0.0), "text": "peaks", "object": object(), "list": [],
            "dict": {"value": 1}, "nested": [[[[]]]], "lists": [[None] * 3] * 2, "matrix": torch.zeros(0, 3),
            "two-lists": [[torch.zeros(3)], torch.zeros(2, 3)], "numbers": [1, 2], "bools": [torch.tensor([True])],
        }.items()
    },
    "first-argument": first, "second-argument": second, "no-arguments": no_arguments,
}  # fmt: skip
FIELDS = {
    "nothing": always(None), "nan": always(NAN), "number": always(0.0), "zero": always(torch.tensor(0.0)),
    "text": always("fields"), "list": always([torch.zeros(2), None]), "dict": always({"value": torch.zeros(2)}),
    "bool": always(torch.zeros(2, dtype=torch.bool)), "first-argument": first,
}  # fmt: skip
GROUPS = {
    **{
        name: always(value)
        for name, value in {
            "nothing": None, "nan": NAN, "zero": torch.tensor(0.0), "text": "pairs", "object": object(), "list": [],
            "dict": {"value": 1}, "nested": [[[[]]]], "nones": [[None, None]], "no-pairs": torch.zeros(0, 2),
            "nan-pairs": torch.full((2, 2), NAN), "halves": [(0.5, 1.5)], "bools": torch.ones(2, 2).bool(),
            "texts": [("a", "b")], "triple": torch.zeros(2, 3), "cube": torch.zeros(2, 2, 3), "numbers": [1, 2],
            "infinite": [(float("inf"), 1)], "vector": torch.zeros(4), "empty": torch.zeros(0),
        }.items()
    },
    "first-argument": first, "second-argument": second, "no-arguments": no_arguments,
}  # fmt: skip


# What fits no question of an exercise, and what looks like an answer to one.

ANY = {
    **dict.fromkeys(FUNCTIONS["ex01_pose_regression"], NUMBERS),
    **dict.fromkeys(FUNCTIONS["ex02_softargmax"], MAPS),
    **dict.fromkeys(FUNCTIONS["ex03_segmentation"], {**MAPS, "one": always(torch.tensor(1.0))}),
    **dict.fromkeys(("boxes_to_crops", "crops_to_image"), CROPS),
    **dict.fromkeys(("find_peaks", "add_offsets"), PEAKS),
    **dict.fromkeys(("part_affinity_fields", "affinity_score"), FIELDS),
    **dict.fromkeys(("match_limbs", "group_people"), GROUPS),
    **dict.fromkeys(DECODERS, NO_DECODERS),
}
OWN: dict[str, dict[str, Any]] = {
    "PoseRegressor": {
        "nothing": always(None), "equal-to-everything": always(EqualToEverything()), "zeros": Poses,
        "identity": lambda backbone, *_: nn.Identity(), "backbone": first,
    },
    "gaussian_scoremaps": {"empty": lambda k, v, s, _: k.new_zeros(*v.shape, *s)},
    "argmax_decode": {"corner": attached_zeros},
    "softargmax": {"attached-zeros": attached_zeros},
    "lean_softargmax": {"attached-zeros": attached_zeros},
    "SoftargmaxPose": {
        "nothing": always(None), "zeros": PosesAndScores, "middle": Middle,
        "identity": lambda backbone, *_: nn.Identity(), "backbone": first,
    },
    "mean_iou": {
        "zeros": lambda p, t, n, i=255: (0.0, torch.zeros(n)),
        "all-nan": lambda p, t, n, i=255: (NAN, torch.full((n,), NAN)),
        "ones": lambda p, t, n, i=255: (1.0, torch.ones(n)),
    },
    "convolution_matrix": {"zeros": matrix_of_zeros},
    "transposed_convolution": {"zeros": map_of_zeros},
    "unpool_with_indices": {"zeros": all_zero},
    "segmentation_loss": {
        "attached-zero": lambda logits, *_: 0 * logits.sum(), "norm": lambda logits, *_: logits.square().mean(),
    },
    "boxes_to_crops": {
        "zeros": of_zeros, "identity": of_zeros_with_identity, "nan-crops": right_transforms_only,
        "nan-transforms": right_crops_only, "number": lambda *a: (of_zeros(*a)[0], torch.zeros(())),
        "vector": lambda *a: (of_zeros(*a)[0], of_zeros(*a)[1][:, 0, 0]),
        "three-results": lambda *a: (*of_zeros(*a), None), "blind": slopes_without_a_look_at_the_images,
    },
    "crops_to_image": {
        "nan-keypoints": lambda keypoints, _: keypoints * NAN,
        "zeros": lambda keypoints, _: torch.zeros_like(keypoints),
    },
    "find_peaks": {
        "none": peaks_of(), "one": peaks_of((1, 1, 1)), "all-nan": peaks_of((NAN, NAN, NAN)),
        "all-bool": lambda m, t: [[torch.zeros(2, 3, dtype=bool)] * m.shape[1]] * len(m),
        "3-axes": lambda m, t: [[torch.zeros(3, 2, 3)] * m.shape[1]] * len(m),
        "5-columns": lambda m, t: [[torch.zeros(0, 5)] * m.shape[1]] * len(m),
    },
    "add_offsets": {
        "all-nan": lambda p, o: [torch.full_like(f, NAN) for f in p], "all-bool": lambda p, o: [f.bool() for f in p],
        "flat": lambda p, o: [f.flatten() for f in p],
    },
    "part_affinity_fields": {f"all-{value}": fields_of(value) for value in (0.0, 0.5, NAN)},
    "affinity_score": {f"all-{value}": scores_of(value) for value in (0.0, 0.5, 1.0, NAN)},
    "match_limbs": {"diagonal": lambda s, e, *_: [(i, i) for i in range(min(len(s), len(e)))]},
    "group_people": {
        "nobody": nobody, "alone": everybody_alone, "all-nan": lambda p, f, c: torch.full((2, len(p), 3), NAN),
        "all-bool": lambda p, f, c: torch.ones(2, len(p), 3).bool(),
        "whole-numbers": lambda p, f, c: torch.ones(2, len(p), 3).long(),
    },
}  # fmt: skip
WORTHLESS: dict[str, dict[str, Any]] = {q: {**STUBS[q], **ANY.get(q, {}), **OWN.get(q, {})} for q in EXERCISES}
