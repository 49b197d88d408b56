"""Checks of exercise 3: IoU, convolutions as matrices, decoders, unpooling and the loss of a segmentation network.

    from helpers.checks import ex03_segmentation as check
    check.mean_iou(mean_iou)

Each public function prints one sentence if the answer is right, else what was called, what came back, what was expected
and the likely cause. How checks work, and how an exercise joins: `helpers/checks/engine/judge.py`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from helpers.checks.engine.compare import Form
from helpers.checks.engine.judge import Call, inputs, judge, run_check
from helpers.checks.engine.question import Ask, Oracle, Question, integers, read_hints
from helpers.checks.engine.table import table_oracle
from helpers.checks.networks import trained as trained_models
from helpers.checks.networks.decoders import TRANSPOSED_DECODER, UNET_DECODER, UPSAMPLE_DECODER
from helpers.checks.probes.calling import calling, differentiating

__all__ = [
    "QUESTIONS",
    "TransposedDecoder",
    "UNetDecoder",
    "UpsampleDecoder",
    "convolution_matrix",
    "inputs",
    "iou",
    "mean_iou",
    "model",
    "segmentation_loss",
    "transposed_convolution",
    "unpool_with_indices",
]

EXERCISE = "ex03_segmentation"
HINTS = read_hints(EXERCISE)

# Inputs. Masks, classes and counts are whole numbers, all else is a multiple of a power of two: every machine draws the
# same bits, and a sum comes out the same in any order. Right answers differ by the rounding of one division, or of exp
# and log in the loss, 1e-6 of a value; the checks' tolerance (`helpers/checks/engine/compare.py`) is 1e-4.


# iou


def draw_masks(rng: np.random.RandomState, *shape: int) -> dict[str, Tensor]:
    """Return masks that agree in some pixels, each with true pixels of its own besides, and not equally many."""
    sixth = math.prod(shape) // 6
    both, less, more = (int(integers(rng, n * sixth, (n + 1) * sixth, ())) for n in (1, 0, 1))
    own = [less + 1, more + 1]
    return _masks(rng, shape, both, *own[:: 1 if integers(rng, 0, 2, ()) else -1])


def _masks(
    rng: np.random.RandomState, shape: tuple[int, ...], both: int, only_pred: int, only_target: int
) -> dict[str, Tensor]:
    """Return masks with these numbers of true pixels, anywhere."""
    rank = torch.tensor(rng.permutation(math.prod(shape))).view(shape)
    pred = rank < both + only_pred
    target = (rank < both) | ((rank >= both + only_pred) & (rank < both + only_pred + only_target))
    return {"pred": pred, "target": target}


SHARE = Form("a scalar: the pixels true in both masks by those true in at least one", number_will_do=True, dtype="any")
NO_SHARE = Form("a scalar NaN, since both masks are empty", number_will_do=True, dtype="any")


def iou_values(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        Call("call", draw_masks(rng, 5, 9)),
        Call("call", draw_masks(rng, 2, 7, 4), "a batch of two masks: one IoU for all pixels"),
        Call("call", draw_masks(rng, 23), "masks in one row"),
        Call("call", draw_masks(rng, 13, 8)),
    ]
    judge("iou", HINTS["iou"], calls, ask, oracle, SHARE)


def iou_empty(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    few = int(integers(rng, 3, 9, ()))
    calls = [
        Call("call", draw_masks(rng, 6, 5)),
        Call("call", _masks(rng, (5, 8), 0, few, 12 - few), "no pixel is true in both"),
        Call("call", _masks(rng, (7, 4), 0, few, 0), "target is empty"),
        Call("call", _masks(rng, (4, 6), 0, 0, few), "pred is empty"),
        Call("call", _masks(rng, (5, 6), 0, 0, 0), "both are empty", NO_SHARE),
    ]
    judge("iou", HINTS["iou"], calls, ask, oracle, SHARE)


# mean_iou


def draw_labels(
    rng: np.random.RandomState, shape: tuple[int, ...], num_classes: int, void: int | None = None
) -> dict[str, Any]:
    """Return the arguments for a prediction that is right in two pixels of three, and somewhere for every class.

    Low classes are the more frequent ones. With `void`, every fourth pixel has this target, whatever it is predicted to
    be.
    """
    target = np.minimum(*integers(rng, 0, num_classes, (2, *shape)))
    other = (target + integers(rng, 1, num_classes, shape)) % num_classes
    pred = np.where(integers(rng, 0, 3, shape) == 0, other, target)
    blank = integers(rng, 0, 4, shape) == 0
    met = np.isin(np.arange(target.size).reshape(shape), rng.permutation(target.size)[:num_classes])
    target[met] = pred[met] = rng.permutation(num_classes)
    if void is not None:
        target[blank & ~met] = void
        pred[blank & ~met] = integers(rng, 0, num_classes, (int((blank & ~met).sum()),))
    return _labels(pred, target, num_classes)


def _labels(pred: np.ndarray, target: np.ndarray, num_classes: int) -> dict[str, Any]:
    pred, target = (torch.tensor(labels, dtype=torch.int64) for labels in (pred, target))
    return {"pred": pred, "target": target, "num_classes": num_classes}


def _renamed(batch: dict[str, Any], names: np.ndarray) -> dict[str, Any]:
    """Return the batch with class `names[i]` for class i, of as many classes as there are names."""
    return _labels(names[batch["pred"]], names[batch["target"]], len(names))


def _one_sided(rng: np.random.RandomState, shape: tuple[int, ...]) -> dict[str, Any]:
    """Return labels of eight classes: three ordinary ones, two that only the truth holds, one that only the prediction
    holds, one that both hold but never at the same pixel, and one that neither holds."""
    batch = draw_labels(rng, shape, 3)
    pred, target = batch["pred"].flatten(), batch["target"].flatten()
    places = torch.tensor(rng.permutation(np.flatnonzero(pred != target)))
    target[places[:3]] = torch.tensor([3, 3, 4])
    pred[places[3:5]] = 5
    target[places[5:7]], pred[places[7:8]] = 6, 6
    labels = {"pred": pred.view(shape), "target": target.view(shape)}
    return _renamed(labels, rng.permutation(8))


def _few(rng: np.random.RandomState, shape: tuple[int, ...], pred: list[int], target: list[int]) -> dict[str, Any]:
    """Return labels of five classes in which the pixels `pred` and `target` count, anywhere, and no other."""
    places = rng.permutation(math.prod(shape))[: len(target)]
    batch = {"pred": integers(rng, 0, 5, shape), "target": np.full(shape, 255)}
    batch["pred"].flat[places], batch["target"].flat[places] = pred, target
    return _labels(**batch, num_classes=5)


MEAN_AND_CLASSES = Form(
    "(mean, per_class): a scalar and a tensor of num_classes numbers, the IoU of each class and NaN where it is absent",
    parts=(Form("the mean", number_will_do=True, dtype="any"), Form("the IoU of each class", dtype="any")),
)
ALL_NAN = Form("(NaN, all NaN), since no pixel counts", parts=MEAN_AND_CLASSES.parts)


def mean_iou_values(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        Call("call", draw_labels(rng, (2, 5, 9), 3)),
        Call("call", draw_labels(rng, (3, 7, 4), 5)),
        Call("call", draw_labels(rng, (8, 6), 4), "one image"),
        Call("call", draw_labels(rng, (31,), 2), "two classes, pixels in one row"),
    ]
    judge("mean_iou", HINTS["mean_iou"], calls, ask, oracle, MEAN_AND_CLASSES)


def mean_iou_absent(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    absent, *present = rng.permutation(3)
    names = np.array([*rng.permutation([*present, 3]), absent, 4])
    calls = [
        Call("call", draw_labels(rng, (2, 6, 7), 4)),
        Call("call", _renamed(draw_labels(rng, (2, 8, 5), 3), names), "two classes appear nowhere"),
        Call(
            "call",
            _one_sided(rng, (2, 6, 10)),
            "two classes are only in target, one only in pred, one in both but never at the same pixel, one nowhere",
        ),
    ]
    judge("mean_iou", HINTS["mean_iou"], calls, ask, oracle, MEAN_AND_CLASSES)


def mean_iou_ignored(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    void = [int(integers(rng, 100, 250, ())), -1, 4]
    calls = [
        Call("call", draw_labels(rng, (2, 5, 8), 3)),
        Call("call", draw_labels(rng, (2, 7, 6), 4, 255), "a quarter of the pixels does not count"),
        *(
            Call("call", {**draw_labels(rng, (2, 6, 5), 4, value), "ignore_index": value}, "some pixels do not count")
            for value in void
        ),
    ]
    judge("mean_iou", HINTS["mean_iou"], calls, ask, oracle, MEAN_AND_CLASSES)


def mean_iou_few(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    a, b, c = rng.permutation(5)[:3].tolist()
    calls = [
        Call("call", draw_labels(rng, (2, 5, 6), 3)),
        Call("call", _few(rng, (2, 3, 5), [a, a, b, b], [a, b, b, c]), "four pixels count"),
        Call("call", _few(rng, (3, 7), [a], [a]), "one pixel counts, and is right"),
        Call("call", _few(rng, (4, 5), [b], [c]), "one pixel counts, and is wrong"),
        Call("call", _few(rng, (2, 3, 4), [], []), "no pixel counts", ALL_NAN),
    ]
    judge("mean_iou", HINTS["mean_iou"], calls, ask, oracle, MEAN_AND_CLASSES)


# convolution_matrix and transposed_convolution


def draw_numbers(rng: np.random.RandomState, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return multiples of 1/8 of either sign, none 0 and no two of one size: no way of flipping leaves them alone."""
    count = math.prod(shape)
    values = (rng.permutation(count) + 1) / 8 * (2 * integers(rng, 0, 2, (count,)) - 1)
    return torch.tensor(values.reshape(shape), dtype=dtype)


MATRIX = Form("(out_h * out_w, H * W) in the dtype of the kernel: one row for each output pixel, row after row")


def _matrix(rng: np.random.RandomState, kernel: tuple[int, int], size: tuple[int, int], **settings: Any) -> Call:
    """Return the call for a kernel of this size, an image of that size, and perhaps `stride`, `padding`, a dtype."""
    numbers = draw_numbers(rng, *kernel, dtype=settings.pop("dtype", torch.float32))
    return Call("call", {"kernel": numbers, "input_size": size, **settings})


def matrix_values(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        _matrix(rng, (2, 3), (4, 5)),
        _matrix(rng, (3, 3), (5, 4)),
        _matrix(rng, (3, 1), (3, 5)),
        _matrix(rng, (1, 2), (3, 2), dtype=torch.float64),
    ]
    judge("convolution_matrix", HINTS["convolution_matrix"], calls, ask, oracle, MATRIX)


def matrix_stride(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        _matrix(rng, (2, 3), (5, 7), stride=2),
        _matrix(rng, (3, 2), (5, 8), stride=3),
        _matrix(rng, (2, 2), (5, 6), stride=2),  # the last row of the image is left over
    ]
    judge("convolution_matrix", HINTS["convolution_matrix"], calls, ask, oracle, MATRIX)


def matrix_padding(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        _matrix(rng, (3, 2), (3, 4), stride=1, padding=2),
        _matrix(rng, (3, 3), (5, 4), stride=2, padding=1),
        _matrix(rng, (3, 5), (5, 4), stride=3, padding=2),
        _matrix(rng, (4, 3), (2, 3), stride=1, padding=1),  # the kernel is larger than the image
    ]
    judge("convolution_matrix", HINTS["convolution_matrix"], calls, ask, oracle, MATRIX)


LARGE_MAP = Form(
    "((h - 1) * stride - 2 * padding + kh, likewise columns), in the dtype of the image: every pixel spread "
    "by the kernel, and summed where that overlaps"
)


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
        _transposed(rng, (1, 3), (1, 2), dtype=torch.float64),
    ]
    judge("transposed_convolution", HINTS["transposed_convolution"], calls, ask, oracle, LARGE_MAP)


def transposed_stride(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        _transposed(rng, (3, 4), (3, 2), stride=2),
        _transposed(rng, (4, 3), (3, 5), stride=2),
        _transposed(rng, (2, 3), (4, 3), stride=3),
    ]
    judge("transposed_convolution", HINTS["transposed_convolution"], calls, ask, oracle, LARGE_MAP)


def transposed_padding(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        _transposed(rng, (4, 5), (3, 2), stride=1, padding=1),
        _transposed(rng, (3, 4), (3, 3), stride=2, padding=1),
        _transposed(rng, (3, 4), (4, 5), stride=2, padding=2),
    ]
    judge("transposed_convolution", HINTS["transposed_convolution"], calls, ask, oracle, LARGE_MAP)


# unpool_with_indices


def draw_pooled(
    rng: np.random.RandomState, images: int, channels: int, size: tuple[int, int], dtype: torch.dtype = torch.float32
) -> dict[str, Any]:
    """Return the indices of a 2 x 2 max pooling of maps of this size, and features that are not what was pooled."""
    ranks = torch.stack([torch.tensor(rng.permutation(math.prod(size))) for _ in range(images * channels)])
    maps = ranks.view(images, channels, *size).to(torch.float32)
    indices = F.max_pool2d(maps, 2, return_indices=True)[1]
    return {"features": draw_numbers(rng, *indices.shape, dtype=dtype), "indices": indices, "output_size": size}


UNPOOLED = Form("(B, C, H, W) in the dtype of the features: each value at its index y * W + x in its plane, else 0")
ANY_UNPOOLED = Form(UNPOOLED.text, dtype="any")  # dtypes are the gradient's case


def unpool_values(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        Call("call", draw_pooled(rng, 2, 3, (6, 10))),
        Call("call", draw_pooled(rng, 3, 2, (8, 4))),
        Call("call", draw_pooled(rng, 1, 1, (4, 4)), "one image with one channel"),
    ]
    judge("unpool_with_indices", HINTS["unpool_with_indices"], calls, ask, oracle, ANY_UNPOOLED)


def unpool_odd(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        Call("call", draw_pooled(rng, 2, 2, (6, 8))),
        Call("call", draw_pooled(rng, 2, 3, (7, 4)), "an odd number of rows"),
        Call("call", draw_pooled(rng, 2, 3, (4, 9)), "an odd number of columns"),
        Call("call", draw_pooled(rng, 2, 2, (5, 7)), "both are odd"),
    ]
    judge("unpool_with_indices", HINTS["unpool_with_indices"], calls, ask, oracle, ANY_UNPOOLED)


def unpool_gradient(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        Call("gradient", draw_pooled(rng, 2, 3, (4, 6))),
        Call("gradient", draw_pooled(rng, 3, 2, (6, 4))),
        Call("gradient", draw_pooled(rng, 2, 2, (4, 8), torch.float64), "float64"),
    ]
    judge("unpool_with_indices", HINTS["unpool_with_indices"], calls, ask, oracle, UNPOOLED)


# segmentation_loss


def draw_logits(
    rng: np.random.RandomState,
    shape: tuple[int, int, int, int],
    void: int | None = None,
    counted: int | None = None,
    dtype: torch.dtype = torch.float32,
) -> dict[str, Tensor]:
    """Return logits in [-4, 4] and targets, low classes the more frequent ones.

    With `void`, this is the target of half the pixels of the first image, of a third of the next and so on; with
    `counted`, of all but so many.
    """
    images, classes, height, width = shape
    logits = torch.tensor(integers(rng, -16, 17, shape) / 4, dtype=dtype)
    target = np.minimum(*integers(rng, 0, classes, (2, images, height, width)))
    if counted is not None:
        target[rng.permutation(target.size).reshape(target.shape) >= counted] = void
    elif void is not None:
        for image, labels in enumerate(target):
            labels[rng.permutation(labels.size).reshape(labels.shape) < labels.size // (image + 2)] = void
    return {"logits": logits, "target": torch.tensor(target)}


LOSS = Form("a scalar tensor: the mean cross-entropy of the pixels that count")
ANY_LOSS = Form(LOSS.text, number_will_do=True, dtype="any")  # its gradient and dtype are another case
ZERO = Form("a scalar tensor 0 that is still attached to the logits, so that backward() gives zeros")


def loss_values(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        Call("call", draw_logits(rng, (2, 3, 4, 6))),
        Call("call", draw_logits(rng, (3, 5, 4, 2))),
        Call("call", draw_logits(rng, (1, 2, 3, 5)), "one image, two classes"),
    ]
    judge("segmentation_loss", HINTS["segmentation_loss"], calls, ask, oracle, ANY_LOSS)


def _ignoring(rng: np.random.RandomState) -> list[tuple[str, dict[str, Any]]]:
    other = int(integers(rng, 100, 250, ()))
    return [
        ("some pixels do not count", draw_logits(rng, (2, 3, 4, 5), 255)),
        ("some pixels do not count", {**draw_logits(rng, (2, 4, 3, 5), -1), "ignore_index": -1}),
        ("some pixels do not count", {**draw_logits(rng, (3, 3, 5, 2), other), "ignore_index": other}),
        ("one pixel counts", draw_logits(rng, (2, 3, 3, 4), 255, counted=1)),
    ]


def loss_ignored(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        Call("call", draw_logits(rng, (2, 3, 4, 6))),
        *(Call("call", batch, note) for note, batch in _ignoring(rng)),
    ]
    judge("segmentation_loss", HINTS["segmentation_loss"], calls, ask, oracle, ANY_LOSS)


def loss_gradient(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        Call("gradient", draw_logits(rng, (2, 3, 4, 6))),
        Call("gradient", draw_logits(rng, (2, 4, 3, 5), dtype=torch.float64), "float64"),
        *(Call("gradient", batch, note) for note, batch in _ignoring(rng)),
        Call("gradient", draw_logits(rng, (2, 3, 2, 4), 255, counted=0), "no pixel counts", ZERO),
    ]
    judge("segmentation_loss", HINTS["segmentation_loss"], calls, ask, oracle, LOSS)


LABELS = ("pred", "target", "num_classes", "ignore_index")
POOLED = ("features", "indices", "output_size")
PIXELS = ("logits", "target", "ignore_index")
QUESTIONS: dict[str, Question] = {
    question.name: question
    for question in (
        Question(
            "iou",
            "iou is right: masks of any shape, masks that do not meet, and NaN where both are empty.",
            {"call": calling("pred", "target")},
            {"values": iou_values, "empty": iou_empty},
            HINTS["iou"],
        ),
        Question(
            "mean_iou",
            "mean_iou is right: its values, classes that are absent, pixels that do not count, and few that do.",
            {"call": calling(*LABELS)},
            {"values": mean_iou_values, "absent": mean_iou_absent, "ignored": mean_iou_ignored, "few": mean_iou_few},
            HINTS["mean_iou"],
        ),
        Question(
            "convolution_matrix",
            "convolution_matrix is right: oblong kernels and images, with stride and with padding.",
            {"call": calling("kernel", "input_size", "stride", "padding")},
            {"values": matrix_values, "stride": matrix_stride, "padding": matrix_padding},
            HINTS["convolution_matrix"],
        ),
        Question(
            "transposed_convolution",
            "transposed_convolution is right: sizes and values, with stride and with padding.",
            {"call": calling("image", "kernel", "stride", "padding")},
            {"values": transposed_values, "stride": transposed_stride, "padding": transposed_padding},
            HINTS["transposed_convolution"],
        ),
        UPSAMPLE_DECODER,
        TRANSPOSED_DECODER,
        UNET_DECODER,
        Question(
            "unpool_with_indices",
            "unpool_with_indices is right: every value where it came from, for even and odd sizes, with its gradient.",
            {"call": calling(*POOLED), "gradient": differentiating(*POOLED)},
            {"values": unpool_values, "odd": unpool_odd, "gradient": unpool_gradient},
            HINTS["unpool_with_indices"],
        ),
        Question(
            "segmentation_loss",
            "segmentation_loss is right: its values, what does not count, and its gradients, even if nothing counts.",
            {"call": calling(*PIXELS), "gradient": differentiating(*PIXELS)},
            {"values": loss_values, "ignored": loss_ignored, "gradient": loss_gradient},
            HINTS["segmentation_loss"],
        ),
        trained_models.SEGMENTATION_MODEL.question,
    )
}


def iou(answer: Any) -> None:
    """Print whether `answer` is the intersection over union of two masks."""
    run_check(QUESTIONS["iou"], answer, table_oracle(EXERCISE, "iou"))


def mean_iou(answer: Any) -> None:
    """Print whether `answer` is the mean IoU over the classes, and the IoU of each."""
    run_check(QUESTIONS["mean_iou"], answer, table_oracle(EXERCISE, "mean_iou"))


def convolution_matrix(answer: Any) -> None:
    """Print whether `answer` is the matrix of a convolution."""
    run_check(QUESTIONS["convolution_matrix"], answer, table_oracle(EXERCISE, "convolution_matrix"))


def transposed_convolution(answer: Any) -> None:
    """Print whether `answer` is the transposed matrix of a convolution times an image."""
    run_check(QUESTIONS["transposed_convolution"], answer, table_oracle(EXERCISE, "transposed_convolution"))


def UpsampleDecoder(answer: Any) -> None:  # noqa: N802, the check is called like the question
    """Print whether `answer` builds decoders that classify and enlarge the deepest features."""
    run_check(QUESTIONS["UpsampleDecoder"], answer, None)


def TransposedDecoder(answer: Any) -> None:  # noqa: N802
    """Print whether `answer` builds decoders that learn the way up from the deepest features."""
    run_check(QUESTIONS["TransposedDecoder"], answer, None)


def UNetDecoder(answer: Any) -> None:  # noqa: N802
    """Print whether `answer` builds decoders that join all features, as large as those of the `TransposedDecoder` that
    is defined beside it."""
    run_check(QUESTIONS["UNetDecoder"], answer, None)


def unpool_with_indices(answer: Any) -> None:
    """Print whether `answer` puts every value back to where max pooling took it from."""
    run_check(QUESTIONS["unpool_with_indices"], answer, table_oracle(EXERCISE, "unpool_with_indices"))


def segmentation_loss(answer: Any) -> None:
    """Print whether `answer` is the mean cross-entropy of the pixels that count, with its gradient."""
    run_check(QUESTIONS["segmentation_loss"], answer, table_oracle(EXERCISE, "segmentation_loss"))


def model(build_model: Any, weights_path: str) -> None:
    """Print the mean IoU of the trained model on the validation set, and the points that it would earn there.

    Args:
        build_model: function without arguments, returns the network whose weights were saved.
        weights_path: the .safetensors file that the training cell wrote.
    """
    trained_models.SEGMENTATION_MODEL.check(build_model, weights_path)
