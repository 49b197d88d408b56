"""Known wrong answers to exercise 2: ordinary code of ordinary mistakes, by the name that checks and feedback use."""

from __future__ import annotations

from grading.known_wrong import ex02_lean, ex02_places, ex02_scoremaps, ex02_softargmax_models

__all__ = ["KNOWN_WRONG"]

KNOWN_WRONG: dict[str, dict[str, object]] = {
    **ex02_scoremaps.KNOWN_WRONG,
    **ex02_places.KNOWN_WRONG,
    **ex02_lean.KNOWN_WRONG,
    **ex02_softargmax_models.KNOWN_WRONG,
}
