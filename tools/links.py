"""The links of Markdown pages as GitHub reads them: where each one stands, and the anchors that headings make."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["ADDRESS", "Link", "anchors", "links", "without_code"]

ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*:|//")
FENCE = re.compile(r"^([ ]*)(```+|~~~+).*?^[ ]*\2[ ]*$", re.M | re.S)
SPAN = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)")
TARGETS = (
    re.compile(r"\]\(\s*<?([^()\s<>]*(?:\([^()\s]*\)[^()\s<>]*)*)>?(?:\s+\"[^\"]*\")?\s*\)"),  # [text](target "title")
    re.compile(r"^\[[^\]^]+\]:\s+(\S+)", re.M),  # [name]: target
    re.compile(r"<(https?:[^\s>]*)>"),
    re.compile(r"(?:href|src)=\"([^\"]*)\""),
)


@dataclass(frozen=True)
class Link:
    """A target, where it stands in the page's text (`text[start:end]`), and in which line, from 1."""

    target: str
    start: int
    end: int
    line: int

    @property
    def path(self) -> str:
        """The path that a relative link leads along, as it is written; "" of one within the page or to an address."""
        return "" if ADDRESS.match(self.target) else self.target.partition("#")[0]


def without_code(text: str, spans: bool = True) -> str:
    """Return the text with blanks, as many, for what stands in fences and, unless told otherwise, in backticks."""

    def blank(found: re.Match[str]) -> str:
        return re.sub(r"[^\n]", " ", found[0])

    text = FENCE.sub(blank, text)
    return SPAN.sub(blank, text) if spans else text


def links(text: str) -> list[Link]:
    """Return all links and pictures of a page, in their order; code has none."""
    bare = without_code(text)
    spans = [found.span(1) for pattern in TARGETS for found in pattern.finditer(bare)]
    return [Link(text[start:end], start, end, text.count("\n", 0, start) + 1) for start, end in sorted(spans)]


def anchors(text: str) -> set[str]:
    """Return what links to headings of the page may have behind `#`: "Set up, in two commands": set-up-in-two-commands.

    A heading that stands there twice is told apart by -1, -2, ...
    """
    found: list[str] = []
    for heading in re.findall(r"^#{1,6}[ ]+(.*?)[ #]*$", without_code(text, spans=False), re.M):
        words = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", words.lower()).strip().replace(" ", "-")
        times = found.count(slug)
        found.append(slug)
        if times:
            found.append(f"{slug}-{times}")
    return set(found)
