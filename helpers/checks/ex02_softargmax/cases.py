"""The questions of exercise 2, each with its probes and cases."""

from __future__ import annotations

from helpers.checks.engine.question import Question, by_name, read_hints
from helpers.checks.ex02_softargmax import hard_decoding, scoremaps, soft_decoding
from helpers.checks.networks import trained as trained_models
from helpers.checks.networks.softargmax import SOFTARGMAX_POSE
from helpers.checks.probes.calling import calling, differentiating
from helpers.checks.probes.lean import check_gradients, count_memory

__all__ = ["QUESTIONS"]

HINTS = read_hints("ex02_softargmax")
KEYPOINTS = ("keypoints", "visible", "size", "sigma")
SCORES = ("scoremaps", "beta")
QUESTIONS = by_name(
    Question(
        "gaussian_scoremaps",
        "gaussian_scoremaps is right: between pixels, outside the map, and zero for what is invisible.",
        {"call": calling(*KEYPOINTS)},
        {"values": scoremaps.maps_values, "outside": scoremaps.maps_outside, "invisible": scoremaps.maps_invisible},
        HINTS["gaussian_scoremaps"],
    ),
    Question(
        "scoremap_loss",
        "scoremap_loss is right: its values and its gradients, also where pred and target agree.",
        {"call": calling("pred", "target"), "gradient": differentiating("pred", "target")},
        {"values": scoremaps.loss_values, "gradient": scoremaps.loss_gradient},
        HINTS["scoremap_loss"],
    ),
    Question(
        "argmax_decode",
        "argmax_decode is right: on oblong maps, in every corner, with negative scores and with ties.",
        {"call": calling("scoremaps")},
        {"values": hard_decoding.decode_values, "negative_and_tied": hard_decoding.decode_negative_and_tied},
        HINTS["argmax_decode"],
    ),
    Question(
        "softargmax",
        "softargmax is right: its values, what beta does, scores of 1e4, and its gradients.",
        {"call": calling(*SCORES), "gradient": differentiating(*SCORES)},
        {
            "values": soft_decoding.softargmax_values,
            "beta": soft_decoding.softargmax_beta,
            "large": soft_decoding.softargmax_large,
            "gradient": soft_decoding.softargmax_gradient,
        },
        HINTS["softargmax"],
    ),
    Question(
        "lean_softargmax",
        "lean_softargmax is right: values and gradients of softargmax, gradcheck passes, and it needs less memory.",
        {"gradient": differentiating(*SCORES), "gradcheck": check_gradients, "memory": count_memory},
        {
            "values": soft_decoding.lean_values,
            "gradcheck": soft_decoding.lean_gradcheck,
            "memory": soft_decoding.lean_memory,
        },
        HINTS["lean_softargmax"],
    ),
    SOFTARGMAX_POSE,
    trained_models.SOFTARGMAX_MODEL.question,
)
