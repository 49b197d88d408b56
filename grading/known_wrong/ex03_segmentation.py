"""Known wrong answers to exercise 3: ordinary code of ordinary mistakes, by the name that checks and feedback use."""

from __future__ import annotations

from grading.known_wrong import ex03_convolutions, ex03_decoders, ex03_iou, ex03_maps

__all__ = ["KNOWN_WRONG"]

KNOWN_WRONG: dict[str, dict[str, object]] = {
    **ex03_iou.KNOWN_WRONG,
    **ex03_convolutions.KNOWN_WRONG,
    **ex03_maps.KNOWN_WRONG,
    **ex03_decoders.KNOWN_WRONG,
}
