r"""Task texts and what holds their sentences: the files `grading/sentences/exNN_topic.toml`.

A file says of each case which words of the task it holds, and which known mistakes prove that it does:

    [mpjpe.values]                              # question.case
    "averaged over all visible keypoints of the whole batch" = ["mean_per_image", "mean_per_image.nanmean"]
    '\lVert \hat p_{bk} - p_{bk} \rVert_2' = ["no_root"]    # '...' keeps the backslashes of a formula

    [mpjpe]
    demands_nothing = ["bool (B, K)"]           # of the answer: motives, hints, explanations, what the inputs are

    [conventions]
    demands_nothing = ["(0, 0) is the centre of the top left pixel."]

A key is a quotation on one line: literal, but that any run of white space in the text is one blank. It may cross the
ends of sentences, and stands in the **task text** of the question (its markdown cell `question-...` and the docstrings
of its stub) or in the paragraph **Conventions** of the exercise's first cell. A value names at least one key of
KNOWN_WRONG[question], with the variant after the dot where that is the key; each must fail when this case alone looks.

**Sentences.** A text is split after . ! ? : (and what closes there: ) * " ' _), where white space follows; before every
bullet, numbered line, table row and argument of a docstring; at empty lines and after headings. Not split: inside
`code` and $formulas$; after "e.g.", "i.e.", "al.", "..." and before a displayed formula, which belongs to the sentence
that leads to it, as do words in lower case behind it. Of no account: headings (with the points), the rule under a
table's head, the words Args, Returns, Raises, Example, By hand and Conventions, the names of arguments before their
colon, and what is a single letter ("K.").

**Held.** Every sentence of the task text shares at least one word with a quotation in a case of its question, or all
its words stand in `demands_nothing` (whose entries are quotations, too). Every sentence of the conventions is held by a
case of any question of the exercise, or stands in `demands_nothing` of [conventions].
"""

from __future__ import annotations

import ast
import functools
import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers.files import ROOT

__all__ = [
    "CONVENTIONS",
    "FOLDER",
    "Held",
    "Text",
    "conventions",
    "held_file",
    "loose",
    "read",
    "squeezed",
    "task_text",
]

FOLDER = ROOT / "grading" / "sentences"
CONVENTIONS = "conventions"
FREE = "demands_nothing"
_LABELS = re.compile(r"(Args|Returns|Raises|Example|By hand|\W*Conventions|\W*[A-Za-z]?)\W*")
_UNSPLIT = re.compile(
    r"\$\$.*?\$\$|\$[^$]+\$|`[^`]+`|\b(e\.g|i\.e|al)\.|\.\.\.|^ *\d+\. |^#.*?$", re.DOTALL | re.MULTILINE
)
_END = re.compile(r"[.!?:][)*\"'_]*(?=\s|$)")
_NEW_LINE = re.compile(r"^[ \t]*(?=[*-] |\d+\. |\|)", re.MULTILINE)
_HEADING = re.compile(r"^#.*$", re.MULTILINE)
_ARGUMENT = re.compile(r"^    (\w+(?:, \w+)*):", re.MULTILINE)


def squeezed(text: str) -> str:
    """Return a text in which every run of white space is one blank."""
    return " ".join(text.split())


@dataclass(frozen=True)
class Text:
    """A task text: `words` with single blanks, and the places `(start, end)` of its sentences in them."""

    words: str
    sentences: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, *parts: str) -> Text:
        """Return the text of these parts, each of which begins a sentence."""
        words, places = "", []
        for piece, counts in (found for part in parts for found in _pieces(part)):
            if counts:
                places.append((len(words), len(words) + len(piece)))
            words += piece + " "
        return cls(words.rstrip(), tuple(places))

    def places(self, quotation: str) -> list[tuple[int, int]]:
        """Return where a quotation stands."""
        found = re.finditer(re.escape(squeezed(quotation)), self.words)
        return [match.span() for match in found]

    def meet(self, sentence: tuple[int, int], quotation: str) -> bool:
        """Return whether a sentence shares a word with a quotation."""
        shared = ((max(sentence[0], start), min(sentence[1], end)) for start, end in self.places(quotation))
        return any(character.isalnum() for start, end in shared for character in self.words[start:end])


def _pieces(text: str) -> Iterator[tuple[str, bool]]:
    """Give the sentences of a text in order, with single blanks, each with whether it counts as one."""
    names = {match.start(1) for match in _arguments(text)}
    headings = {match.start() for match in _HEADING.finditer(text)}
    borders = sorted({0, *_borders(text), len(text)})
    for start, end in zip(borders, borders[1:], strict=False):
        piece = squeezed(text[start:end])
        begin = end - len(text[start:end].lstrip())
        if piece:
            yield piece, begin not in names | headings and not _LABELS.fullmatch(piece)


def _borders(text: str) -> Iterator[int]:
    """Give the places where a sentence begins."""
    bare = _UNSPLIT.sub(lambda match: "x" * len(match.group()), text)
    shown = {place for match in re.finditer(r"\$\$.*?\$\$", text, re.DOTALL) for place in match.span()}
    ends = [match.end() for match in _END.finditer(bare)]
    ends += [match.end() for match in re.finditer(r"\n[ \t]*(?=\n)", bare)]
    for end in ends:
        following = end + len(text[end:]) - len(text[end:].lstrip())
        goes_on = len(text[:end].rstrip()) in shown and text[following : following + 1].islower()
        if following not in shown and not goes_on:
            yield end
    yield from (match.start() for match in _NEW_LINE.finditer(text))
    yield from (place for match in _HEADING.finditer(text) for place in match.span())
    yield from (match.start() for match in _arguments(text))


def _arguments(text: str) -> list[re.Match[str]]:
    """Return the lines of a docstring that begin with the names of arguments."""
    section = re.search(r"^Args:\n((?:    .*\n?)+)", text, re.MULTILINE)
    return [] if section is None else list(_ARGUMENT.finditer(text, section.start(1), section.end(1)))


@functools.cache
def _cells(exercise: str) -> list[dict[str, Any]]:
    path = ROOT / "exercises" / exercise / f"{exercise}.ipynb"
    return list(json.loads(path.read_text(encoding="utf-8"))["cells"])


def task_text(exercise: str, question: str) -> Text:
    """Return the task text of a question: the cells `question-...` right before its stub, and its docstrings."""
    cells = _cells(exercise)
    names = [cell["metadata"].get("nbgrader", {}).get("grade_id") for cell in cells]
    stub = first = names.index(question)
    while cells[first - 1]["cell_type"] == "markdown" and cells[first - 1]["id"].startswith("question-"):
        first -= 1
    return Text.of(
        *("".join(cell["source"]) for cell in cells[first:stub]), *_docstrings("".join(cells[stub]["source"]))
    )


def _docstrings(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            yield ast.get_docstring(node) or ""


def conventions(exercise: str) -> Text:
    """Return the paragraph Conventions, which holds for all questions of an exercise."""
    paragraphs = "".join(_cells(exercise)[0]["source"]).split("\n\n")
    return Text.of(*(paragraph for paragraph in paragraphs if paragraph.startswith("**Conventions")))


@dataclass(frozen=True)
class Held:
    """What a file says of one question."""

    cases: Mapping[str, Mapping[str, list[str]]]
    """{case: {quotation: known mistakes}}"""
    demands_nothing: tuple[str, ...]

    @property
    def quotations(self) -> list[str]:
        """Those of all cases."""
        return [quotation for quoted in self.cases.values() for quotation in quoted]


def held_file(exercise: str) -> Path:
    """Return the file of an exercise."""
    return FOLDER / f"{exercise}.toml"


def read(text: str) -> dict[str, Held]:
    """Return what the text of a file says, by question; one of them is `conventions`."""
    found = tomllib.loads(text)
    return {
        question: Held({case: quoted for case, quoted in table.items() if case != FREE}, tuple(table.get(FREE, ())))
        for question, table in found.items()
    }


def loose(text: Text, quotations: Iterable[str], free: Iterable[str]) -> list[str]:
    """Return the sentences of a text that no quotation touches and that do not stand in `free`, word for word."""
    quotations = list(quotations)
    said = {index for quotation in free for place in text.places(quotation) for index in range(*place)}
    return [
        text.words[start:end]
        for start, end in text.sentences
        if not any(text.meet((start, end), quotation) for quotation in quotations)
        and not all(index in said or not text.words[index].isalnum() for index in range(start, end))
    ]
