"""Held-out scenes: images that no student has seen, on which trained models are scored.

They are drawn from the course's secret, the same for everybody, rendered once and kept in `grading/cache`.
"""

from __future__ import annotations

import hashlib
import hmac
from functools import lru_cache
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from torch import Tensor

from grading.examine import course_secret
from helpers.data import PoseSet, rendered_people

__all__ = ["COUNT", "held_out_people", "mpjpe_of"]

GRADING = Path(__file__).resolve().parent
COUNT = 64

# By submission and weights file: several tests ask, the model predicts once. What went wrong is kept as well as what
# came out.
_outcomes: WeakKeyDictionary[Any, dict[str, float | Exception]] = WeakKeyDictionary()


@lru_cache(maxsize=2)
def held_out_people(count: int = COUNT) -> PoseSet:
    """Return `count` rendered people, 128 x 128, from the course's secret."""
    key = hmac.new(course_secret(GRADING / "course_secret"), b"held-out people", hashlib.sha256).digest()
    return rendered_people("test", count, cache=GRADING / "cache", progress=False, seed=int.from_bytes(key[:6], "big"))


def mpjpe_of(submission: Any, weights: str) -> float:
    """Return the MPJPE in pixels of a submission's model, with its weights file, on the held-out people.

    Raises:
        Wrong: there is no such file, it does not fit the model, or the model's output is no set of keypoints.
    """
    outcomes = _outcomes.setdefault(submission, {})
    if weights not in outcomes:
        people = held_out_people()
        try:
            pred = submission.examine("model", "predicts", images=people.images, weights=weights)
            outcomes[weights] = _mpjpe(pred, people)
        except Exception as error:
            outcomes[weights] = error
    outcome = outcomes[weights]
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _mpjpe(pred: Tensor, people: PoseSet) -> float:
    return float((pred - people.keypoints)[people.visible].square().sum(dim=-1).sqrt().mean())
