"""Wrong answers that the checks were not made for: all are caught, most by their name, hardly any by another's."""

from __future__ import annotations

import pytest
from answer_bank import EXERCISES, KNOWN_WRONG, NETWORKS, POINTS, hidden_marks, mistake_of
from strangers import STRANGERS, true_names

pytestmark = [pytest.mark.usefixtures("one_thread"), pytest.mark.full]  # `make check-the-checks` counts the same
EACH = [(question, name) for question, answers in STRANGERS.items() for name in answers]


def first_named(question: str, name: str) -> str | None:
    """Return what the hidden checks name first."""
    return hidden_marks(question, STRANGERS[question][name])[1][0]


def test_every_question_with_a_function_has_five_strangers_or_more():
    assert set(STRANGERS) == set(EXERCISES) - set(NETWORKS)
    assert min(map(len, STRANGERS.values())) >= 5


def test_a_name_says_which_mistake_is_truly_named():
    assert true_names("no_root__numpy") == ["no_root"]
    assert true_names("a_or_b__how") == ["a", "b"] and true_names("unnamed__how") == []


@pytest.mark.parametrize(("question", "name"), EACH)
def test_a_stranger_loses_points(question, name):
    assert hidden_marks(question, STRANGERS[question][name])[0] < POINTS[question]


def test_nine_of_ten_are_rightly_named_and_two_of_a_hundred_misnamed_at_most():
    known = {question: {mistake_of(name) for name in answers} for question, answers in KNOWN_WRONG.items()}
    said = {each: first_named(*each) for each in EACH}
    right = [each for each, mistake in said.items() if mistake in true_names(each[1])]
    misled = [each for each, mistake in said.items() if mistake in known[each[0]] and each not in right]
    nameable = [each for each in EACH if true_names(each[1])]
    print(f"{len(right)} of {len(nameable)} rightly named, {len(misled)} of {len(EACH)} misnamed: {misled}")
    assert len(right) >= 0.9 * len(nameable) and len(misled) <= 0.02 * len(EACH)
