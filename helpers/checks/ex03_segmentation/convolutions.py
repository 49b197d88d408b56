"""Cases of `convolution_matrix` and `transposed_convolution`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from helpers.checks.engine.calls import Call, judge_values
from helpers.checks.engine.compare import Form
from helpers.checks.engine.question import Ask, Oracle, integers, read_hints

__all__ = [
    "draw_numbers",
    "matrix_padding",
    "matrix_stride",
    "matrix_values",
    "transposed_padding",
    "transposed_stride",
    "transposed_values",
]

HINTS = read_hints("ex03_segmentation")


def draw_numbers(rng: np.random.RandomState, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return multiples of 1/8 of either sign, none 0 and no two of one size: no way of flipping leaves them alone."""
    count = math.prod(shape)
    values = (rng.permutation(count) + 1) / 8 * (2 * integers(rng, 0, 2, (count,)) - 1)
    return torch.tensor(values.reshape(shape), dtype=dtype)


MATRIX = Form("(out_h * out_w, H * W) in the dtype of the kernel: one row for each output pixel, row after row")
ANY_MATRIX = Form("(out_h * out_w, H * W): one row for each output pixel, row after row", dtype="any")


def _matrix(rng: np.random.RandomState, kernel: tuple[int, int], size: tuple[int, int], **settings: Any) -> Call:
    """Return the call for a kernel of this size, an image of that size, and perhaps `stride`, `padding`, a dtype."""
    numbers = draw_numbers(rng, *kernel, dtype=settings.pop("dtype", torch.float32))
    return Call("call", {"kernel": numbers, "input_size": size, **settings})


def matrix_values(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        _matrix(rng, (2, 3), (4, 5)),
        _matrix(rng, (3, 3), (5, 4)),
        _matrix(rng, (3, 1), (3, 5)),
        _matrix(rng, (1, 2), (1, 3)),
        _matrix(rng, (1, 1), (2, 3)),
        _matrix(rng, (3, 4), (3, 4)),  # it fits once
        _with_zeros(_matrix(rng, (3, 2), (4, 3))),
    ]
    judge_values("convolution_matrix", HINTS["convolution_matrix"], calls, ask, oracle, ANY_MATRIX)


def _with_zeros(call: Call) -> Call:
    """Return the call with two zeros in the kernel: they are entries like any other."""
    call.inputs["kernel"][0, 0] = call.inputs["kernel"][-1, 0] = 0
    return call


def matrix_stride(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        _matrix(rng, (2, 3), (5, 7), stride=2),
        _matrix(rng, (3, 2), (5, 8), stride=3),
        _matrix(rng, (2, 2), (5, 6), stride=2),  # the last row of the image is left over
        _matrix(rng, (3, 2), (6, 7), stride=2),  # the last row and the last column are
        _matrix(rng, (1, 2), (5, 6), stride=3),  # the stride is larger than the kernel
        _matrix(rng, (2, 5), (3, 8), stride=2),
    ]
    judge_values("convolution_matrix", HINTS["convolution_matrix"], calls, ask, oracle, ANY_MATRIX)


def matrix_padding(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        _matrix(rng, (3, 2), (3, 4), stride=1, padding=2),
        _matrix(rng, (3, 3), (5, 4), stride=2, padding=1),
        _matrix(rng, (3, 5), (5, 4), stride=3, padding=2),
        _matrix(rng, (4, 3), (2, 3), stride=1, padding=1),  # the kernel is larger than the image
        _matrix(rng, (2, 3), (3, 4), stride=1, padding=0),
        _matrix(rng, (2, 2), (4, 3), stride=2, padding=1),  # a row is left over
        _matrix(rng, (1, 2), (3, 2), stride=1, padding=1, dtype=torch.float64),
    ]
    judge_values("convolution_matrix", HINTS["convolution_matrix"], calls, ask, oracle, MATRIX)


LARGE_MAP = Form(
    "((h - 1) * stride - 2 * padding + kh, likewise columns), in the dtype of the image: every pixel spread "
    "by the kernel, and summed where that overlaps"
)
ANY_LARGE_MAP = Form(LARGE_MAP.text.replace(", in the dtype of the image", ""), dtype="any")


def _transposed(rng: np.random.RandomState, image: tuple[int, int], kernel: tuple[int, int], **settings: Any) -> Call:
    """Return the call for an image and a kernel of these sizes, and perhaps `stride`, `padding`, a dtype."""
    dtype = settings.pop("dtype", torch.float32)
    return Call(
        "call",
        {
            "image": draw_numbers(rng, *image, dtype=dtype),
            "kernel": draw_numbers(rng, *kernel, dtype=dtype),
            **settings,
        },
    )


def transposed_values(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        _transposed(rng, (3, 4), (2, 3)),
        _transposed(rng, (4, 5), (3, 3)),
        _transposed(rng, (2, 3), (4, 1)),
        _transposed(rng, (1, 3), (1, 2)),
        _transposed(rng, (1, 1), (2, 3)),
        _transposed(rng, (3, 2), (1, 1)),
        _transposed(rng, (2, 3), (4, 5)),
    ]
    judge_values("transposed_convolution", HINTS["transposed_convolution"], calls, ask, oracle, ANY_LARGE_MAP)


def transposed_stride(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        _transposed(rng, (3, 4), (3, 2), stride=2),
        _transposed(rng, (4, 3), (3, 5), stride=2),
        _transposed(rng, (2, 3), (4, 3), stride=3),
        _transposed(rng, (1, 2), (1, 2), stride=2),
        _transposed(rng, (3, 2), (2, 1), stride=3),  # the stride is larger than the kernel: gaps between the stamps
        _transposed(rng, (2, 2), (2, 2), stride=2),
    ]
    judge_values("transposed_convolution", HINTS["transposed_convolution"], calls, ask, oracle, ANY_LARGE_MAP)


def transposed_padding(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        _transposed(rng, (4, 5), (3, 2), stride=1, padding=1),
        _transposed(rng, (3, 4), (3, 3), stride=2, padding=1),
        _transposed(rng, (3, 4), (4, 5), stride=2, padding=2),
        _transposed(rng, (2, 3), (3, 2), stride=1, padding=0),
        _transposed(rng, (1, 3), (4, 3), stride=1, padding=1),
        _transposed(rng, (2, 3), (3, 4), stride=2, padding=1, dtype=torch.float64),
    ]
    judge_values("transposed_convolution", HINTS["transposed_convolution"], calls, ask, oracle, LARGE_MAP)
