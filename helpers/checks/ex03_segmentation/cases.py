"""The questions of exercise 3, each with its probes and cases."""

from __future__ import annotations

from helpers.checks.engine.question import Question, by_name, read_hints
from helpers.checks.ex03_segmentation import convolutions, losses, masks, unpooling
from helpers.checks.networks import trained as trained_models
from helpers.checks.networks.decoders import TRANSPOSED_DECODER, UNET_DECODER, UPSAMPLE_DECODER
from helpers.checks.probes.calling import calling, differentiating

__all__ = ["QUESTIONS"]

HINTS = read_hints("ex03_segmentation")
LABELS = ("pred", "target", "num_classes", "ignore_index")
POOLED = ("features", "indices", "output_size")
PIXELS = ("logits", "target", "ignore_index")
QUESTIONS = by_name(
    Question(
        "iou",
        "iou is right: masks of any shape, masks that do not meet, and NaN where both are empty.",
        {"call": calling("pred", "target")},
        {"values": masks.iou_values, "empty": masks.iou_empty},
        HINTS["iou"],
    ),
    Question(
        "mean_iou",
        "mean_iou is right: its values, classes that are absent, pixels that do not count, and few that do.",
        {"call": calling(*LABELS)},
        {
            "values": masks.mean_iou_values,
            "absent": masks.mean_iou_absent,
            "ignored": masks.mean_iou_ignored,
            "few": masks.mean_iou_few,
        },
        HINTS["mean_iou"],
    ),
    Question(
        "convolution_matrix",
        "convolution_matrix is right: oblong kernels and images, with stride and with padding.",
        {"call": calling("kernel", "input_size", "stride", "padding")},
        {
            "values": convolutions.matrix_values,
            "stride": convolutions.matrix_stride,
            "padding": convolutions.matrix_padding,
        },
        HINTS["convolution_matrix"],
    ),
    Question(
        "transposed_convolution",
        "transposed_convolution is right: sizes and values, with stride and with padding.",
        {"call": calling("image", "kernel", "stride", "padding")},
        {
            "values": convolutions.transposed_values,
            "stride": convolutions.transposed_stride,
            "padding": convolutions.transposed_padding,
        },
        HINTS["transposed_convolution"],
    ),
    UPSAMPLE_DECODER,
    TRANSPOSED_DECODER,
    UNET_DECODER,
    Question(
        "unpool_with_indices",
        "unpool_with_indices is right: every value where it came from, for even and odd sizes, with its gradient.",
        {"call": calling(*POOLED), "gradient": differentiating(*POOLED)},
        {"values": unpooling.unpool_values, "odd": unpooling.unpool_odd, "gradient": unpooling.unpool_gradient},
        HINTS["unpool_with_indices"],
    ),
    Question(
        "segmentation_loss",
        "segmentation_loss is right: its values, what does not count, and its gradients, even if nothing counts.",
        {"call": calling(*PIXELS), "gradient": differentiating(*PIXELS)},
        {"values": losses.loss_values, "ignored": losses.loss_ignored, "gradient": losses.loss_gradient},
        HINTS["segmentation_loss"],
    ),
    trained_models.SEGMENTATION_MODEL.question,
)
