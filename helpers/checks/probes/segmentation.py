"""The probe of a trained segmentation network: it runs beside the student's code and returns values only."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from helpers.checks.probes.weights import with_weights

__all__ = ["segment_with_weights"]


def segment_with_weights(answer: Any, memory: dict[str, Any], *, images: Tensor, weights: str) -> dict[str, Any]:
    """Return the class of every pixel of uint8 images (N, 3, H, W), as the model of `build_model` answers it.

    `labels` is uint8 (N, H, W), 255 where a score is NaN; `shape` is that of the logits of the last batch. Where there
    are no such logits, `type` says what came; where the weights are missing or do not fit, `problem` does.
    """
    network = with_weights(answer, weights)
    if isinstance(network, dict):
        return network
    labels = []
    with torch.inference_mode():
        for batch in images.split(16):
            logits = network(batch.float() / 255)
            if not isinstance(logits, Tensor) or not logits.is_floating_point():
                return {"type": type(logits).__name__ if not isinstance(logits, Tensor) else str(logits.dtype)}
            if logits.ndim != 4 or not 1 < logits.shape[1] < 255:
                return {"type": f"a tensor of shape {tuple(logits.shape)}"}
            best, index = logits.max(dim=1)
            labels.append(index.to(torch.uint8).masked_fill(best.isnan(), 255))
    return {"labels": torch.cat(labels), "shape": list(logits.shape)}
