"""Counts as a table in Markdown, and what is not as it should be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from helpers.files import ROOT, atomically

__all__ = ["PAGE", "between", "goals", "table", "unlike", "write_between"]

PAGE = ROOT / "docs" / "checks.md"
NAMED, MISNAMED = 0.9, 0.02  # of strangers: at least, at most
HEAD = (
    "question", "right: passed / all", "known wrong: caught, named / all", "visible = hidden",
    "strangers: caught, named, misnamed / all", "mutants: killed + argued / made", "sentences: held + free / all",
    "seeds: quiet / asked", "s",
)  # fmt: skip


def table(counts: Mapping[str, Counter[str]], seconds: Mapping[str, float]) -> str:
    """Return the table: a row for each question, and the totals last."""
    rows = [(f"`{question}`", *_cells(found), f"{seconds[question]:.0f}") for question, found in counts.items()]
    total = sum(counts.values(), Counter())
    rows.append(("**all**", *_cells(total), f"{sum(seconds.values()):.0f}"))
    lines = [HEAD, ("---",) * len(HEAD), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + "\n"


def _cells(n: Counter[str]) -> tuple[str, ...]:
    return (
        f"{n['right passed']} / {n['right']}",
        f"{n['wrong caught']}, {n['wrong named']} / {n['wrong']}",
        f"{n['wrong alike'] + n['strangers alike']} / {n['wrong'] + n['strangers']}",
        f"{n['strangers caught']}, {n['strangers named']}, {n['strangers misnamed']} / {n['strangers']}"
        if n["strangers"]
        else "–",
        f"{n['killed']} + {n['argued']} / {n['mutants']}" if n["mutants"] else "–",
        f"{n['held']} + {n['free']} / {n['sentences']}",
        f"{n['quiet seeds']} / {n['seeds']}",
    )


def goals(counts: Mapping[str, Counter[str]]) -> list[str]:
    """Return a sentence for every goal over all questions that is not reached."""
    n = sum(counts.values(), Counter())
    if not n["strangers"]:
        return []
    named, misnamed = n["strangers named"] / n["strangers with a name"], n["strangers misnamed"] / n["strangers"]
    found = [
        f"{named:.0%} of the strangers are rightly named, at least {NAMED:.0%} should be" if named < NAMED else "",
        f"{misnamed:.1%} of the strangers are misnamed, at most {MISNAMED:.0%} may be" if misnamed > MISNAMED else "",
    ]
    return list(filter(None, found))


def unlike(found: Mapping[str, Sequence[str]]) -> str:
    """Return what stands below the table of strangers of which the two checks do not say the same, by question."""
    lines = [f"* `{question}`, {line}.\n" for question, strangers in found.items() for line in strangers]
    why = "each draws inputs of its own, and what goes wrong on few of them may meet none"
    return f"\nWhere visible and hidden checks do not say the same ({why}):\n\n{''.join(lines)}" if lines else ""


def _marks(name: str) -> tuple[str, str]:
    return f"<!-- {name}: written by tools/check_the_checks -->\n", f"<!-- end of {name} -->\n"


def between(name: str) -> str:
    """Return a generated part of docs/checks.md."""
    begin, end = _marks(name)
    return PAGE.read_text(encoding="utf-8").split(begin)[1].split(end)[0]


def write_between(name: str, text: str) -> None:
    """Replace a generated part of docs/checks.md."""
    begin, end = _marks(name)
    page = PAGE.read_text(encoding="utf-8")
    before, after = page.split(begin)[0], page.split(end)[1]
    with atomically(PAGE) as part:
        part.write_text(before + begin + text + end + after, encoding="utf-8")
