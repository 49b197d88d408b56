"""Lists what the checks know, a line each, so that a change of form can be shown to lose nothing:

    python -m tools.list_checks > before.txt      (then change, and once more)      diff before.txt after.txt

case      exercise  question  case
mistake   exercise  question  mistake            a known wrong answer, of grading/known_wrong
hint      exercise  question  mistake   text     what the check says of it
right     exercise  question  variant            a right answer in another style, of grading/right_variants
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator

from helpers.files import ROOT


def lines() -> Iterator[tuple[str, ...]]:
    """Give every line as its fields, in no particular order."""
    for path in (ROOT / "solutions").glob("ex*/ex*.ipynb"):
        exercise = path.stem
        for name, question in importlib.import_module(f"helpers.checks.{exercise}").QUESTIONS.items():
            yield from (("case", exercise, name, case) for case in question.cases)
            yield from (("hint", exercise, name, mistake, text) for mistake, text in question.hints.items())
        for name, answers in importlib.import_module(f"grading.known_wrong.{exercise}").KNOWN_WRONG.items():
            yield from (("mistake", exercise, name, mistake) for mistake in answers)
    for path in (ROOT / "grading" / "right_variants").glob("ex*.py"):
        exercise = path.stem.partition("_")[0]
        answers = importlib.import_module(f"grading.right_variants.{path.stem}").RIGHT_VARIANTS
        yield from (("right", exercise, name, variant) for name, variants in answers.items() for variant in variants)


def main() -> None:
    """Print all lines in order."""
    for fields in sorted(set(lines())):
        print("\t".join(" ".join(field.split()) for field in fields))


if __name__ == "__main__":
    main()
