"""What is counted of each question: right and wrong answers, strangers, mutants, sentences, false alarms."""

from __future__ import annotations

import time
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from answer_bank import EXERCISES, KNOWN_WRONG, POINTS, RIGHT, beside_of_its_size, fails, hidden_marks, mistake_of
from killing import fates
from local_submission import questions
from sentences import Held, conventions, held_file, loose, read, task_text
from strangers import STRANGERS, true_names

from helpers.checks.engine.question import VISIBLE_SEED, Wrong, case_rng, local_ask
from helpers.checks.engine.table import table_oracle
from tools.check_the_checks.numbers import alarm, seeds_of

__all__ = ["MEASURES", "PARTS", "Found", "measured"]

PASSED = "right"
ALARMS_TOLD = 3  # of a question and part: their number stands in the table, and most are alike
# Answers that take tenths of a second: in parts, so that two processes end together.
HEAVY = {"group_people", "UNetDecoder", "TransposedDecoder", "SoftargmaxPose", "PoseRegressor"}


@dataclass
class Found:
    """Counts by name, a sentence for everything that is not as it should be, and one for each stranger of which the
    visible check does not say what the hidden ones say."""

    counts: Counter[str] = field(default_factory=Counter)
    off: list[str] = field(default_factory=list)
    unlike: list[str] = field(default_factory=list)

    def add(self, name: str, good: bool = True, otherwise: str = "") -> None:
        """Count one more where it is good, and say `otherwise` where it is not."""
        if good:
            self.counts[name] += 1
        elif otherwise:
            self.off.append(otherwise)

    def __iadd__(self, other: Found) -> Found:
        self.counts += other.counts
        self.off += other.off
        self.unlike += other.unlike
        return self


def _seen(question: str, answer: Any) -> str | None:
    """Return the mistake that the visible check names, "right" where it finds none."""
    exercise = EXERCISES[question]
    for case_id, case in questions(exercise)[question].cases.items():
        rng = case_rng(VISIBLE_SEED, question, case_id)
        try:
            case(local_ask(questions(exercise)[question], answer), rng, table_oracle(exercise, question))
        except Wrong as wrong:
            return wrong.mistake
    return PASSED


def right(question: str, part: int, parts: int) -> Found:
    """Count right answers, and those that both checks pass."""
    found = Found()
    for name, answer in list(RIGHT[question].items())[part::parts]:
        found.add("right")
        with beside_of_its_size(question, answer):
            points, named = hidden_marks(question, answer)
            seen = _seen(question, answer)
        passes = (points, named, seen) == (POINTS[question], [], PASSED)
        found.add("right passed", passes, f"right {name}: {points} points, hidden says {named}, visible {seen}")
    return found


def wrong(question: str, part: int, parts: int) -> Found:
    """Count known wrong answers: those caught, those rightly named, and those of which both checks say the same."""
    found = Found()
    for name, answer in list(KNOWN_WRONG[question].items())[part::parts]:
        found.add("wrong")
        points, named = hidden_marks(question, answer)
        seen = _seen(question, answer)
        first = named[0] if named else PASSED
        found.add("wrong caught", points < POINTS[question], f"wrong {name}: full points")
        found.add("wrong named", first == mistake_of(name), f"wrong {name}: named {first}")
        found.add("wrong alike", seen == first, f"wrong {name}: hidden says {first}, visible {seen}")
    return found


def strangers(question: str, part: int, parts: int) -> Found:
    """Count strangers: those caught, those whose mistake has a name, those rightly named and those misnamed."""
    found, known = Found(), {mistake_of(name) for name in KNOWN_WRONG[question]}
    for name, answer in list(STRANGERS.get(question, {}).items())[part::parts]:
        points, named = hidden_marks(question, answer)
        first, true = (named[0] if named else PASSED), true_names(name)
        found.add("strangers")
        found.add("strangers caught", points < POINTS[question], f"stranger {name}: full points")
        found.add("strangers with a name", bool(true))
        found.add("strangers named", first in true)
        found.add("strangers misnamed", first in known and first not in true)
        seen = _seen(question, answer)
        found.add("strangers alike", seen == first)
        if seen != first:
            found.unlike.append(f"`{name}`: the hidden checks say {first}, the visible one {seen}")
    return found


def mutants(question: str, part: int, parts: int) -> Found:
    """Count the mutants of the reference: made, killed, argued equivalent, left."""
    what = fates(question, slice(part, None, parts), try_argued=question not in HEAVY)
    counts = Counter(mutants=what.made, killed=len(what.killed), argued=len(what.argued))
    return Found(counts, [f"a mutant lives: {change}" for change in what.left])


def sentences(question: str, part: int, parts: int) -> Found:
    """Count the sentences of the task: those that a case holds, and those that demand nothing; and the proofs."""
    exercise, text, found = EXERCISES[question], task_text(EXERCISES[question], question), Found()
    file = held_file(exercise)
    held = read(file.read_text()).get(question, Held({}, ())) if file.exists() else Held({}, ())
    found.counts.update(
        {
            "sentences": len(text.sentences),
            "held": len(text.sentences) - len(loose(text, held.quotations, ())),
            "free": len(loose(text, held.quotations, ())) - len(loose(text, held.quotations, held.demands_nothing)),
        }
    )
    found.off += [f"no case holds: {one}" for one in loose(text, held.quotations, held.demands_nothing)]
    for case, quoted in held.cases.items():
        for quotation, mistakes in quoted.items():
            if not text.places(quotation) and not conventions(exercise).places(quotation):
                found.off.append(f"not in the task: {quotation}")
            for mistake in mistakes:
                caught = fails(question, case, KNOWN_WRONG[question][mistake])
                found.add("proofs", caught, f"{case} alone does not catch {mistake}: {quotation}")
    return found


def seeds(question: str, part: int, parts: int) -> Found:
    """Count seeds at which right answers are asked in other numbers, and the false alarms."""
    found = Found()
    for seed in range(part, seeds_of(question), parts):
        said = alarm(question, seed)
        found.add("seeds")
        found.add("quiet seeds", said is None, f"false alarm: {said}" if len(found.off) < ALARMS_TOLD else "")
    return found


MEASURES: dict[str, Callable[[str, int, int], Found]] = {
    measure.__name__: measure for measure in (right, wrong, strangers, mutants, sentences, seeds)
}
PARTS = {question: 4 if question in HEAVY else 1 for question in EXERCISES}


def measured(task: tuple[str, str, int, int]) -> tuple[str, Found, float]:
    """Return what one measure found of one part of a question, and the seconds of computing."""
    question, measure, part, parts = task
    torch.set_num_threads(1)
    began = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = MEASURES[measure](question, part, parts)
    return question, found, time.process_time() - began
