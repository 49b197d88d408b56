"""Every question with its answers: right ones in many styles and known wrong ones, and what hidden checks give them."""

from __future__ import annotations

import contextlib
import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from typing import Any
from unittest import mock

import numpy as np
import torch
from local_submission import LocalSubmission, checks_of, hidden_module, questions
from torch import nn

from grading import right_variants
from grading.course import release
from grading.right_variants import ex03_decoders
from grading.right_variants.ex04_groups import score_midpoints, score_pairs
from helpers.checks.engine.question import Wrong, local_ask
from helpers.checks.engine.values import Value

__all__ = [
    "DECODERS", "EXERCISES", "KEYS", "KNOWN_WRONG", "NETWORKS", "POINTS", "REFERENCES", "RIGHT", "beside",
    "beside_of_its_size", "count", "drawn", "fails", "hidden_marks", "mistake_of", "of_size", "score_midpoints",
    "score_pairs",
]  # fmt: skip

KEYS = tuple(key for key in release.EXERCISES if not key.startswith("ex00"))  # a warm-up earns no points
EXERCISES = {question: key for key in KEYS for question in questions(key) if question != "model"}
POINTS = {
    "mpjpe": 4, "pck": 4, "masked_l2_loss": 4, "PoseRegressor": 6,
    "gaussian_scoremaps": 4, "scoremap_loss": 3, "argmax_decode": 3, "softargmax": 6, "lean_softargmax": 3,
    "SoftargmaxPose": 6,
    "iou": 2, "mean_iou": 4, "convolution_matrix": 4, "transposed_convolution": 3, "unpool_with_indices": 3,
    "segmentation_loss": 3, "UpsampleDecoder": 3, "TransposedDecoder": 4, "UNetDecoder": 6,
    "boxes_to_crops": 4, "crops_to_image": 2, "find_peaks": 4, "part_affinity_fields": 4, "affinity_score": 4,
    "match_limbs": 3, "group_people": 5, "add_offsets": 3,
    "offset_targets": 5, "group_pixels": 5, "panoptic_quality": 6,
}  # fmt: skip
DECODERS = ("UpsampleDecoder", "TransposedDecoder", "UNetDecoder")
NETWORKS = ("PoseRegressor", "SoftargmaxPose", *DECODERS)  # some tenths of a second for an answer, not hundredths

_VARIANTS = [
    importlib.import_module(f"grading.right_variants.{found.name}")
    for found in pkgutil.iter_modules(right_variants.__path__)
]
REFERENCES: dict[str, Any] = {  # of functions: networks have none
    q: answer for module in _VARIANTS for q, answer in getattr(module, "REFERENCES", {}).items()
}
RIGHT: dict[str, Mapping[str, Any]] = {
    q: answers for module in _VARIANTS for q, answers in module.RIGHT_VARIANTS.items()
}
KNOWN_WRONG: dict[str, Mapping[str, Any]] = {
    q: answers
    for key in KEYS
    for q, answers in importlib.import_module(f"grading.known_wrong.{key}").KNOWN_WRONG.items()
}


def _incomplete() -> list[str]:
    """Return a sentence for each question that one of the lists above or the hidden checks forgot."""
    checked = [question for key in KEYS for question in hidden_module(key).CHECKS]
    lists = {
        "POINTS of grading/tests/answer_bank.py": POINTS,
        "CHECKS of grading/hidden_checks": checked,
        "RIGHT_VARIANTS of grading/right_variants": RIGHT,
        "KNOWN_WRONG of grading/known_wrong": KNOWN_WRONG,
    }
    return [
        f"{question} of {EXERCISES.get(question, 'no exercise')} is missing in {place}"
        if question in EXERCISES
        else f"{place} has {question}, which is no question"
        for place, found in lists.items()
        for question in sorted(set(found) ^ set(EXERCISES))
    ]


if _incomplete():  # one sentence for each, not a hundred failures
    raise LookupError("; ".join(_incomplete()))


def mistake_of(name: str) -> str:
    """Return the mistake of a known wrong version: "mistake.variant" shows "mistake"."""
    return name.partition(".")[0]


def hidden_marks(question: str, answer: Any, seed: int | str = 0) -> tuple[float, list[str | None]]:
    """Return the points, extra ones included, that the hidden checks give for an answer, and the mistakes they name."""
    hidden, points, mistakes = hidden_module(EXERCISES[question]), 0, []
    submission = LocalSubmission(EXERCISES[question], {question: answer}, REFERENCES, seed)
    for worth, arguments in checks_of(hidden, question):
        try:
            hidden.test_answers(submission, *arguments)
            points += worth.args[1]
        except Wrong as wrong:
            mistakes.append(wrong.mistake)
    return points, mistakes


def fails(question: str, case: str, answer: Any) -> bool:
    """Return whether one case alone finds an answer wrong."""
    submission = LocalSubmission(EXERCISES[question], {question: answer}, REFERENCES, 0, naming=False)
    try:
        submission.examine(question, case)
    except Wrong:
        return True
    return False


def drawn(question: str, case_id: str, seed: int) -> list[dict[str, Any]]:
    """Return the inputs of every call of a case, in the order in which they are judged; an answer is asked for the
    smallest first."""
    described, calls = questions(EXERCISES[question])[question], []
    ask = local_ask(described, REFERENCES[question])

    def oracle(step: str, **inputs: Any) -> tuple[Value, dict[str, Value]]:
        calls.append(inputs)
        return ask(step, **inputs), {}

    described.cases[case_id](ask, np.random.RandomState(seed), oracle)
    return calls


# A U-Net has about as many parameters as the `TransposedDecoder` beside it.


def count(decoder: Any, channels: tuple[int, ...] = (16, 32, 64, 128)) -> int:
    """Return how many parameters a class of decoders has."""
    return sum(p.numel() for p in decoder([*channels], 3).parameters())


def of_size(share: float, of: Any) -> type[nn.Module]:
    """Return a class of modules that have `share` times as many parameters as those of the class `of`."""

    class Weight(nn.Module):
        def __init__(self, encoder_channels: list[int], num_classes: int) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(round(share * count(of, tuple(encoder_channels)))))

    return Weight


def beside(monkeypatch: Any, question: str, answer: Any) -> None:
    """Put a class of its size beside a right U-Net."""
    if question == "UNetDecoder":
        monkeypatch.setattr(ex03_decoders, "TransposedDecoder", of_size(1, answer))


@contextlib.contextmanager
def beside_of_its_size(question: str, answer: Any) -> Iterator[None]:
    """Put a class of its size beside a right U-Net for a while."""
    if question != "UNetDecoder":
        yield
        return
    with mock.patch.object(ex03_decoders, "TransposedDecoder", of_size(1, answer)):
        yield
