"""Right answers in many styles, each of which must pass every check: `RIGHT_VARIANTS = {question: {style: answer}}`.

The first style of a question is its reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["styles"]


def styles(prefix: str, names: Mapping[str, Any]) -> dict[str, Any]:
    """Return the functions of a module whose names begin with `prefix`, by what follows."""
    return {name.removeprefix(prefix): value for name, value in names.items() if name.startswith(prefix)}
