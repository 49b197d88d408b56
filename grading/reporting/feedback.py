"""What a student reads: a table of all verdicts on top, and each verdict with its hint under its check cell.

Free of hidden checks by construction: it is written from the report's verdicts and hints, which hold no inputs and no
values.
"""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

from grading.report import QuestionReport, Report
from grading.reporting.bounds import bound
from grading.submission.read import text_of
from grading.submission.repair import plain_markdown
from grading.submission.roles import NotebookData, question_of

__all__ = ["TEMPLATES", "comment", "overall", "verdict", "write_feedback"]

TEMPLATES = Path(__file__).parent / "templates"  # of nbconvert's kind: the feedback page, and Formgrader's
# What the grader says stands in a frame, which no text makes: whatever a student writes, it is outside.
FRAME = (
    '<div class="from-the-grader" style="border: 3px solid #6a3d9a; border-radius: 6px; background: #f6f0fc; '
    'padding: 0.5em 1em">'
)
SIGNED = (
    "What is said about this work stands in frames of this colour: on top, under each check, and as comments. All else "
    "is what was handed in."
)
SIGNS, WRONG = {"passed": "\u2714", "partly": "\u25d0"}, "\u2718"


def verdict(question: str, report: QuestionReport) -> str:
    """Return the lines under a question's check cell."""
    if _is_withdrawn(report):
        return _printable(f"{question}: {report.hint}") + "\n"
    sign = SIGNS.get(report.verdict, WRONG)
    lines = [f"{sign} {question}: {_earned(report)}, {report.verdict}."]
    if report.hint:
        lines.append(f"  hint  {report.hint}")
    return _printable("\n".join(lines)) + "\n"


def _is_withdrawn(report: QuestionReport) -> bool:
    return not report.maximum and not report.bonus_maximum


def _earned(report: QuestionReport) -> str:
    """Return the points of a question, and the extra points if there are any to earn."""
    points = f"{report.points:g} of {report.maximum:g} points"
    extra = f"{report.bonus:g} of {report.bonus_maximum:g} extra points"
    if not report.bonus_maximum:
        return points
    return f"{points} and {extra}" if report.maximum else extra


def comment(report: QuestionReport) -> str | None:
    """Return the comment beside an answer, for the gradebook; None where there is nothing to say."""
    if report.verdict == "passed":
        return None
    if report.verdict == "not written":
        return "No response."
    return plain_markdown(_printable(f"{report.verdict}: {report.hint}" if report.hint else report.verdict))


def overall(report: Report) -> str:
    """Return what stands on top of the notebook, as Markdown: all verdicts, and what happened to the submission."""
    lines = [FRAME, "", "**From the grader**", ""]
    if report.unreadable:
        lines += [f"This submission could not be graded: {_literal(report.unreadable)}.", ""]
    else:
        lines += [*_table(report), ""]
    if report.repairs:
        lines += ["Noticed before grading. What could be repaired was, and costs nothing:", ""]
        lines += [f"- {_literal(repair)}" for repair in report.repairs[:20]]
        lines += [f"- and {len(report.repairs) - 20} more"] * (len(report.repairs) > 20)
        lines.append("")
    if troubles := [cell for cell in report.cells if cell["trouble"]]:
        lines += ["These cells were left out, which costs the questions that need them:", ""]
        lines += [f"- {_literal(cell['name'])}: {_ended(cell['trouble'] or '')}" for cell in troubles[:10]]
    return "\n".join([*lines, "", SIGNED, "", "</div>"]) + "\n"


def _ended(trouble: str) -> str:
    """Return how a cell ended, without a status or a number of seconds, which the code may choose."""
    return "it took too long" if trouble.startswith("endless") else "it ended the process that ran it"


def _table(report: Report) -> list[str]:
    """Return a line for each question, which leads to its check cell, and one for all of them."""
    lines = ["| question | verdict | points |", "|:--|:--|:--|"]
    for name, question in report.questions.items():
        said = f"{SIGNS.get(question.verdict, WRONG)} {question.verdict} | {_earned(question)}"
        lines.append(f"| [{_literal(name)}](#{name}_check) | {'withdrawn | ' if _is_withdrawn(question) else said} |")
    asked = report.questions.values()
    maximum, bonus_maximum = (sum(getattr(one, part) for one in asked) for part in ("maximum", "bonus_maximum"))
    total = QuestionReport(report.points, maximum, "passed", bonus=report.bonus, bonus_maximum=bonus_maximum)
    lines.append(f"| **all checks** | | **{_earned(total)}** |")
    return [*lines, "", "Answers in words are marked by hand. The score of the whole notebook counts all marks."]


def write_feedback(notebook: NotebookData, report: Report) -> None:
    """Put the verdicts under the check cells of `notebook`, in place of whatever stood there, and the rest on top.

    What the student wrote and printed is bounded, so that the page is.
    """
    bound(notebook)
    for cell in notebook["cells"]:
        question = question_of(cell)
        if question is not None:
            cell["outputs"] = [_framed(verdict(question, report.questions[question]))]
    text = overall(report)
    notebook["cells"].insert(0, {"cell_type": "markdown", "id": "from-the-grader", "metadata": {}, "source": text})


def _framed(text: str) -> dict[str, Any]:
    """Return an output that shows a text in the grader's frame."""
    page = f'{FRAME}<pre style="white-space: pre-wrap; background: none">{html.escape(text)}</pre></div>'
    return {"output_type": "display_data", "metadata": {}, "data": {"text/html": page, "text/plain": text}}


def _printable(text: str) -> str:
    """Return text that can be written, without control characters, which a terminal or a page could take for more."""
    return re.sub(r"[^\S\n]|[\x00-\x08\x0b-\x1f\x7f]", " ", text_of(text))


def _literal(text: str) -> str:
    """Return text as one line of Markdown that shows it as it is: a file's name may be a heading or a formula."""
    line = re.sub(r"([\\`*_#|~])", r"\\\1", " ".join(_printable(text).split()))
    line = line.replace("$", "\uff04").replace("\\\\", "\\\\\u200b")  # no formula: neither $...$ nor \\(...\\)
    return plain_markdown(line.replace("://", ":\u200b//"))
