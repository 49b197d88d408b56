"""Where the numbers of the hidden cases come from: the course's secret and what was handed in."""

from __future__ import annotations

import hashlib
import hmac

__all__ = ["derived", "submission_seed"]


def submission_seed(secret: bytes, submission_hash: str) -> str:
    """Return the seed of a submission's cases: nobody can foresee it, and every regrade repeats it."""
    return hmac.new(secret, submission_hash.encode(), hashlib.sha256).hexdigest()


def derived(seed: str, *parts: str) -> bytes:
    """Return the 32 bytes that a seed has for one purpose, named by `parts`."""
    return hmac.new(seed.encode(), "/".join(parts).encode(), hashlib.sha256).digest()
