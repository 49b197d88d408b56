"""The probe of a trained system for several people: it runs beside the student's code and returns values only."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from helpers.checks.probes.weights import with_weights

__all__ = ["people_with_weights"]


def people_with_weights(answer: Any, memory: dict[str, Any], *, images: Tensor, weights: str) -> dict[str, Any]:
    """Return the people of uint8 images (N, 3, H, W), as the `people` method of `build_model`'s system answers them.

    `people` is a list of one tensor per image. Where there is no such list, `type` says what came; where the weights
    are missing or do not fit, or there is no such method, `problem` does.
    """
    system: Any = with_weights(answer, weights)
    if isinstance(system, dict):
        return system
    if not callable(getattr(system, "people", None)):
        return {"problem": "no_people", "message": f"a {type(system).__name__} without a method people(images)"}
    found: list[Tensor] = []
    with torch.inference_mode():
        for batch in images.split(16):
            people = system.people(batch.float() / 255)
            if not isinstance(people, (list, tuple)) or not all(isinstance(p, Tensor) for p in people):
                return {"type": f"a {type(people).__name__}"}
            if len(people) != len(batch):
                return {"type": f"a list of {len(people)} for {len(batch)} images"}
            found.extend(p.float() for p in people)
    return {"people": found}
