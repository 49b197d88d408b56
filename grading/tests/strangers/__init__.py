"""Wrong answers in the style of public code that are no known wrong ones: how well do the checks meet what they have
never seen?

An answer's name is that of the mistake that is to be named, then two underscores and how it is made: `no_root__numpy`.
Where two names are as true, both stand, `a_or_b__how`; `unnamed__how` has a mistake that no hint speaks of, and any
that is named misleads.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

__all__ = ["STRANGERS", "true_names"]

STRANGERS: dict[str, dict[str, Any]] = {
    question: answers
    for found in pkgutil.iter_modules(__path__)
    for question, answers in importlib.import_module(f"strangers.{found.name}").STRANGERS.items()
}


def true_names(name: str) -> list[str]:
    """Return the mistakes that are truly named of a stranger; none where there is no name for what it does."""
    named = name.partition("__")[0]
    return [] if named == "unnamed" else named.split("_or_")
