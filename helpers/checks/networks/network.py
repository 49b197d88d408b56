"""What the checks of every class of networks share: what a fresh one must be, and how a mistake is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from helpers.checks.engine.compare import show
from helpers.checks.engine.judge import GENERAL_HINTS, refuse_exception
from helpers.checks.engine.question import Wrong
from helpers.checks.engine.values import Raised

__all__ = ["Network"]


class Network:
    """One class of networks, and what is said of its mistakes.

    Args:
        name: of the class.
        hints: by the mistake's name.
    """

    betrayed: ClassVar[tuple[tuple[str, str], ...]] = (("Module.__init__() call", "no_super_init"),)
    """Parts of torch's messages, each with the mistake behind it."""

    def __init__(self, name: str, hints: Mapping[str, str]) -> None:
        self.name, self.hints = name, hints

    def fresh(self, called: str, facts: Any) -> None:
        """Raise `Wrong` if what was built is no model: `facts` tell whether it is a module, and of lazy layers."""
        self.refuse(called, facts)
        if facts.get("module") is not True:
            raise self.wrong(called, "something else", "an nn.Module", "not_a_module")
        if facts["lazy"]:
            expected = "parameters that exist after construction"
            raise self.wrong(called, "a model with uninitialised parameters", expected, "lazy_layers")

    def refuse(self, called: str, got: Any, expected: str = "a model") -> None:
        """Raise `Wrong` if `got` is an exception, naming the mistakes that torch's messages betray."""
        if isinstance(got, Raised):
            for text, mistake in self.betrayed:
                if text in got.message:
                    raise self.wrong(called, show(got), expected, mistake)
        refuse_exception(called, got, expected, self.hints)

    def wrong(self, called: str, got: str, expected: str, mistake: str) -> Wrong:
        """Return the verdict that names `mistake`."""
        return Wrong(called, got, expected, {**GENERAL_HINTS, **self.hints}[mistake], mistake)
