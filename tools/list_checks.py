"""Lists what the checks know, a line each, so that a change of form can be shown to lose nothing:

    python -m tools.list_checks > before.txt      (then change, and once more)      diff before.txt after.txt

case      exercise  question  case
mistake   exercise  question  mistake            a known wrong answer, of grading/known_wrong
hint      exercise  question  mistake   text     what the check says of it
right     exercise  question  variant            a right answer in another style, of grading/right_variants
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import Any

from helpers.files import ROOT

# The questions whose right variants stand in a list of their own, under its name.
OF_ONE_QUESTION = {
    "RIGHT_MODELS": "SoftargmaxPose",
    "RIGHT_UPSAMPLES": "UpsampleDecoder",
    "RIGHT_TRANSPOSED": "TransposedDecoder",
    "RIGHT_UNETS": "UNetDecoder",
}


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
        for name, value in vars(importlib.import_module(f"grading.right_variants.{path.stem}")).items():
            if name == "RIGHT_VARIANTS":
                yield from (("right", exercise, q, variant) for q, answers in value.items() for variant in answers)
            elif name in OF_ONE_QUESTION:
                yield from (("right", exercise, OF_ONE_QUESTION[name], variant) for variant in _names(value))


def _names(variants: Any) -> list[str]:
    if isinstance(variants, Mapping):
        return list(variants)
    return [getattr(variant, "__name__", str(variant)) for variant in variants]


def main() -> None:
    """Print all lines in order."""
    for fields in sorted(set(lines())):
        print("\t".join(" ".join(field.split()) for field in fields))


if __name__ == "__main__":
    main()
