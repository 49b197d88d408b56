"""The tasks sentence by sentence: the cases that hold each, and the wrong answers that prove it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from answer_bank import EXERCISES, KEYS
from sentences import CONVENTIONS, Held, Text, conventions, held_file, read, task_text

__all__ = ["sentence_table"]

Quoted = tuple[str, str, list[str]]  # case, quotation, the mistakes that prove it


def sentence_table() -> str:
    """Return a table for every question that has its sentences, and one for the conventions of each exercise."""
    return "\n".join(line for exercise in KEYS for line in _of_exercise(exercise))


def _of_exercise(exercise: str) -> Iterator[str]:
    if not held_file(exercise).exists():
        return
    file = read(held_file(exercise).read_text(encoding="utf-8"))
    everything = [(f"{q}.{case}", *rest) for q, held in file.items() for case, *rest in _quoted(held)]
    yield from (f"### {exercise}", "", "Conventions, for all its questions:", "")
    yield from _rows(conventions(exercise), everything)
    for question in EXERCISES:
        if EXERCISES[question] == exercise and question in file and question != CONVENTIONS:
            yield from ("", f"#### `{question}`", "")
            yield from _rows(task_text(exercise, question), _quoted(file[question]))
    yield ""


def _quoted(held: Held) -> list[Quoted]:
    return [
        (case, quotation, mistakes) for case, all_of in held.cases.items() for quotation, mistakes in all_of.items()
    ]


def _rows(text: Text, quoted: Iterable[Quoted]) -> Iterator[str]:
    """Give a row for every sentence of a text; one that no quotation meets demands nothing."""
    quoted = list(quoted)
    yield from ("| the task says | held by the case, as these wrong answers show |", "|---|---|")
    for sentence in text.sentences:
        held: dict[str, list[str]] = {}
        for case, quotation, mistakes in quoted:
            if text.meet(sentence, quotation):
                held.setdefault(case, []).extend(mistakes)
        words = text.words[slice(*sentence)].replace("|", "\\|")
        yield f"| {words} | {_proofs(held)} |"


def _proofs(held: Mapping[str, list[str]]) -> str:
    return "; ".join(f"`{case}`: " + ", ".join(dict.fromkeys(mistakes)) for case, mistakes in held.items()) or "–"
