"""How a student's text becomes part of a page, in limited time: filters in the place of nbconvert's own of that name.

nbconvert looks for formulas, links and code by regular expressions, of which some take hours for what fits into a
notebook. A text that takes too long stands on the page as it was written, and once a page used up its time, all that
follows does. Formulas are set here, as MathML: a page needs no script and no network for them. `nbgrader_config.py`
names the filters, for feedback pages and for Formgrader alike.
"""

from __future__ import annotations

import functools
import html
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from jinja2 import pass_context
from nbconvert.filters import Highlight2HTML, strip_files_prefix
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from grading.reporting.formulas import mathml

__all__ = ["TOO_SLOW", "highlighted", "markdown", "without_files_prefix"]

PART_SECONDS, PAGE_SECONDS = 0.5, 2.0  # of computing: a usual page takes 0.1
TAG_SECONDS = 3e-5  # for what nbconvert does with every tag afterwards
SHORT = 2_000  # characters that cannot take long, where no clock can be set
TOO_SLOW = "Shown as it was written: to lay it out takes too long."


@pass_context
def markdown(context: Any, source: str) -> str:
    """Return Markdown as HTML, with its formulas set."""
    attachments = context.get("cell", {}).get("attachments", {})
    return _in_time(context, source, lambda: _html(source, attachments))


@pass_context
def highlighted(context: Any, source: str, **options: Any) -> str:
    """Return code as coloured HTML."""
    language = context["nb"]["metadata"].get("language_info", {})
    lexer = language.get("pygments_lexer", language.get("name"))
    return _in_time(context, source, lambda: str(Highlight2HTML(pygments_lexer=lexer)(source, **options)))


@pass_context
def without_files_prefix(context: Any, text: str) -> str:
    """Return HTML with `/files/` taken out of its links, or as it is where there are none."""
    if "files/" not in text:
        return text
    return _in_time(context, text, lambda: str(strip_files_prefix(text)), lambda: text)


def _in_time(context: Any, source: str, render: Callable[[], str], plain: Callable[[], str] | None = None) -> str:
    """Return what `render` returns, or plain text where that takes too long or cannot be done."""
    _warm_up()
    page = context["resources"].setdefault("rendering", {"left": PAGE_SECONDS})
    limit, started = min(PART_SECONDS, page["left"]), time.process_time()
    try:
        rendered = _limited(render, limit, len(source))
        tags = rendered.count("<") * TAG_SECONDS
        if tags > limit:
            raise _TooSlow
        page["left"] -= tags
    except (_TooSlow, Exception):  # nested too deeply, say: no text of a student's may cost them their page
        rendered = plain() if plain else f"<p><em>{TOO_SLOW}</em></p><pre>{html.escape(source)}</pre>"
    page["left"] -= time.process_time() - started
    return rendered


class _TooSlow(BaseException):
    """Raised amid a filter; no Exception, which a library might take for its own."""


def _limited(call: Callable[[], str], seconds: float, size: int) -> str:
    """Return what a call returns; `_TooSlow` once it computes for longer, even amid a regular expression."""
    if seconds <= 0 or (threading.current_thread() is not threading.main_thread() and size > SHORT):
        raise _TooSlow
    if threading.current_thread() is not threading.main_thread():
        return call()
    try:
        signal.signal(signal.SIGVTALRM, _stop)
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds, 0.05)  # again, should anything have taken the first one
        try:
            return call()
        finally:
            _disarm()
    except _TooSlow:  # a late one may have come before it was disarmed
        _disarm()
        raise


def _stop(number: int, frame: FrameType | None) -> None:
    raise _TooSlow


def _disarm() -> None:
    signal.signal(signal.SIGVTALRM, signal.SIG_IGN)
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)


class _Renderer(IPythonRenderer):
    """nbconvert's own, which leaves formulas to a script in the reader's browser; what is not understood stays."""

    def inline_math(self, body: str) -> str:
        return mathml(body) or str(super().inline_math(body))

    def block_math(self, body: str) -> str:
        return mathml(body, display=True) or str(super().block_math(body))

    def latex_environment(self, name: str, body: str) -> str:
        whole = f"\\begin{{{name}}}{body}\\end{{{name}}}"
        return mathml(whole, display=True) or str(super().latex_environment(name, body))


def _html(source: str, attachments: Any) -> str:
    return str(
        MarkdownWithMath(renderer=_Renderer(escape=False, attachments=attachments, exclude_anchor_links=True)).render(
            source
        )
    )


@functools.cache
def _warm_up() -> None:
    """Have everything imported and compiled, so that no text pays for it."""
    _html("# a\n\n- `b` $c$ https://example.org\n\n```python\nd\n```\n", {})
    Highlight2HTML(pygments_lexer="ipython3")("a = 1")
