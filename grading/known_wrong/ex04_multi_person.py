"""Known wrong answers to exercise 4: ordinary code of ordinary mistakes, by the name that checks and feedback use."""

from __future__ import annotations

from grading.known_wrong import ex04_crops, ex04_fields, ex04_groups, ex04_peaks

__all__ = ["KNOWN_WRONG"]

KNOWN_WRONG: dict[str, dict[str, object]] = {
    **ex04_crops.KNOWN_WRONG,
    **ex04_peaks.KNOWN_WRONG,
    **ex04_fields.KNOWN_WRONG,
    **ex04_groups.KNOWN_WRONG,
}
