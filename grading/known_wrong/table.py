"""Answers as rows: where an answer is one expression, a table says it in a line."""

from __future__ import annotations

import linecache
from collections.abc import Mapping
from typing import Any

__all__ = ["answers", "classes", "named"]


def answers(signature: str, namespace: dict[str, Any], rows: Mapping[str, object]) -> dict[str, object]:
    """Return `rows` with each text made into a function of this signature that returns it; all else stays.

    Example: `answers("a, b", globals(), {"sum": "a + b", "loop": slow_loop})["sum"](1, 2)` is 3.
    """
    return {
        name: _made(f"def answer({signature}):\n    return {row}\n", namespace)["answer"]
        if isinstance(row, str)
        else row
        for name, row in rows.items()
    }


def classes(method: str, namespace: dict[str, Any], rows: Mapping[str, str]) -> dict[str, object]:
    """Return classes that differ from their bases in what one method returns; later code finds them by their names.

    Args:
        method: the method with its arguments, such as "block(self, channels)".
        rows: that expression by the class with its base, such as "Wide(Plain)".
    """
    made = {}
    for head, row in rows.items():
        made.update(_made(f"class {head}:\n    def {method}:\n        return {row}\n", namespace))
        namespace.update(made)
    return made


def _made(source: str, namespace: dict[str, Any]) -> dict[str, Any]:
    """Return what `source` defines; tracebacks show its lines, and `inspect` those of functions."""
    file, found = f"<{' '.join(source.split())}>", {}
    linecache.cache[file] = (len(source), None, source.splitlines(True), file)
    exec(compile(source, file, "exec", dont_inherit=True), namespace, found)
    return found


def named(prefix: str, namespace: Mapping[str, Any]) -> dict[str, object]:
    """Return what is called `prefix_mistake` or `prefix_mistake__variant` as `mistake` or `mistake.variant`."""
    names = [name for name in namespace if name.startswith(prefix)]
    return {name.removeprefix(prefix).replace("__", "."): namespace[name] for name in names}
