"""The bank: submissions named after their trick or bad luck, each a function from an exercise to what is handed in.

A case is a public function of one of the modules below; its docstring says in one sentence what is special about it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable

from submissions import (
    tampering_files,
    tampering_probes,
    tampering_process,
    tampering_python,
    tampering_values,
    unlucky_code,
    unlucky_files,
    unlucky_notebooks,
    unreadable,
)
from submissions.exercise import Exercise, HandedIn

__all__ = ["CASES", "MODULES"]

MODULES = (
    tampering_files,
    tampering_probes,
    tampering_process,
    tampering_python,
    tampering_values,
    unlucky_code,
    unlucky_files,
    unlucky_notebooks,
    unreadable,
)
CASES: dict[str, Callable[[Exercise], HandedIn]] = {
    name: case
    for module in MODULES
    for name, case in vars(module).items()
    if inspect.isfunction(case) and case.__module__ == module.__name__ and not name.startswith("_")
}
