"""The promise of the checks: right work in any style scores full, wrong work loses points and is named, in both checks.

What is special to one question is in `test_answers_<exercise or question>.py`.
"""

import importlib

import pytest
import torch
from answer_bank import (
    DECODERS,
    EXERCISES,
    KEYS,
    KNOWN_WRONG,
    NETWORKS,
    POINTS,
    REFERENCES,
    RIGHT,
    beside,
    drawn,
    hidden_marks,
    mistake_of,
)
from local_submission import checks_of, hidden_module, questions, said
from worthless import STUBS, WORTHLESS

from helpers.checks.engine.judge import GENERAL_HINTS
from helpers.checks.engine.question import read_hints

pytestmark = pytest.mark.usefixtures("one_thread")


def each(answers, seeds=None):
    """Return a test's parameters (question, name, answer), each with every seed below `seeds(question)` if given.

    The full tier has all of them. Every tier has the first form of a mistake with the first seed, and puts networks,
    which take a second, to the hidden checks alone: they have the visible ones' cases.
    """
    made = []
    for question, found in answers.items():
        mistakes = [mistake_of(name) for name in found]
        for place, (name, answer) in enumerate(found.items()):
            another = mistakes.index(mistakes[place]) < place
            for seed in [None] if seeds is None else range(seeds(question)):
                full = another or seed or (seed is None and question in NETWORKS)
                values, which = ((), "") if seed is None else ((seed,), f"-{seed}")
                marks = [pytest.mark.full] if full else []
                made.append(pytest.param(question, name, answer, *values, id=f"{question}-{name}{which}", marks=marks))
    return made


def seeds_of_right_work(question):
    return 1 if question in NETWORKS else 4


def seeds_of_wrong_work(question):
    return 1 if question in NETWORKS else 4 if EXERCISES[question] == KEYS[0] else 2


def seeds_of_worthless_work(question):
    if question in ("SoftargmaxPose", *DECODERS):
        return 1
    return 3 if EXERCISES[question] != KEYS[3] or question in ("part_affinity_fields", "affinity_score") else 2


def visible(question):
    return importlib.import_module(f"helpers.checks.{EXERCISES[question]}")


def question_of(name):
    return questions(EXERCISES[name])[name]


# Pillow of a right variant of `boxes_to_crops`
@pytest.mark.filterwarnings("ignore:'mode' parameter is deprecated:DeprecationWarning")
@pytest.mark.parametrize(("question", "name", "answer", "seed"), each(RIGHT, seeds_of_right_work))
def test_right_work_in_any_style_scores_full(question, name, answer, seed, monkeypatch):
    beside(monkeypatch, question, answer)
    assert hidden_marks(question, answer, seed) == (POINTS[question], [])


@pytest.mark.filterwarnings("ignore:'mode' parameter is deprecated:DeprecationWarning")
@pytest.mark.parametrize(("question", "name", "answer"), each(RIGHT))
def test_the_visible_check_says_that_right_work_is_right(question, name, answer, monkeypatch, capsys):
    beside(monkeypatch, question, answer)
    told, sentence = said(visible(question), question, answer, capsys), question_of(question).sentence
    assert told.startswith(sentence) if question in NETWORKS else told.strip() == sentence, told  # notes may follow


@pytest.mark.parametrize(("question", "name", "answer", "seed"), each(KNOWN_WRONG, seeds_of_wrong_work))
def test_known_wrong_work_loses_points_and_is_named(question, name, answer, seed):
    points, named = hidden_marks(question, answer, seed)
    assert points < POINTS[question] and named[0] == mistake_of(name)


@pytest.mark.parametrize(("question", "name", "answer"), each(KNOWN_WRONG))
def test_the_visible_check_gives_the_hint_of_known_wrong_work(question, name, answer, capsys):
    hints, mistake = {**GENERAL_HINTS, **question_of(question).hints}, mistake_of(name)
    assert mistake in hints, f"hints.toml of {EXERCISES[question]} has no {mistake} under [{question}]"
    told = said(visible(question), question, answer, capsys)
    assert hints[mistake] in told, f"{told}\nIs the table baked? python -m grading release {EXERCISES[question]}"


@pytest.mark.parametrize(("question", "name", "answer", "seed"), each(WORTHLESS, seeds_of_worthless_work))
def test_worthless_work_scores_nothing(question, name, answer, seed):
    assert hidden_marks(question, answer, seed)[0] == 0


@pytest.mark.parametrize(("question", "name", "answer"), each(STUBS))
def test_the_stub_is_called_unwritten(question, name, answer, capsys):
    assert set(hidden_marks(question, answer)[1]) == {"not_written"}
    assert said(visible(question), question, answer, capsys) == f"{question} is not written yet.\n"


SEEN = {"shape", "dtype", "type", "not_finite", "does_not_learn"}  # in values, by exercise 1: no mistakes of their own


@pytest.mark.parametrize("question", [q for q in EXERCISES if q not in DECODERS])
def test_every_hint_has_its_mistake_and_every_mistake_its_hint(question):
    hints, mistakes = question_of(question).hints, {mistake_of(name) for name in KNOWN_WRONG[question]}
    assert hints == read_hints(EXERCISES[question])[question]
    assert mistakes <= set(hints) <= mistakes | (SEEN if EXERCISES[question] == KEYS[0] else set())


@pytest.mark.parametrize("exercise", KEYS)
def test_every_question_has_hints_which_are_sentences(exercise):
    hints = read_hints(exercise)
    assert hints.keys() - {"decoders"} == questions(exercise).keys()  # those share some of theirs
    for found in hints.values():
        for mistake, hint in found.items():
            assert hint.endswith(("?", ".", "!", ")")) and "  " not in hint, mistake


IN_TENSORS = (
    "gaussian_scoremaps", "argmax_decode", "softargmax", "mean_iou", "convolution_matrix", "transposed_convolution",
    "unpool_with_indices", "boxes_to_crops", "crops_to_image", "find_peaks", "part_affinity_fields", "affinity_score",
    "group_people", "add_offsets", "offset_targets", "group_pixels", "lean_softargmax",
)  # fmt: skip


@pytest.mark.parametrize("question", [question for question in REFERENCES if question not in NETWORKS])
def test_a_question_whose_right_answers_are_tensors_is_in_IN_TENSORS(question):
    calls = drawn(question, next(iter(question_of(question).cases)), 0)
    assert (question in IN_TENSORS) == any(has_axes(REFERENCES[question](**inputs)) for inputs in calls)


def has_axes(value):
    """Return whether there is a tensor in a value that no single number could stand for."""
    if isinstance(value, (list, tuple)):
        return any(map(has_axes, value))
    return isinstance(value, torch.Tensor) and value.ndim > 0


@pytest.mark.parametrize("question", IN_TENSORS)
def test_the_right_numbers_in_numpy_are_no_tensor(question, capsys):
    def answer(*arguments):
        return in_numpy(REFERENCES[question](*arguments))

    points, named = hidden_marks(question, answer)
    assert points < POINTS[question] / 2 and named[0] == "numpy"
    assert GENERAL_HINTS["numpy"] in said(visible(question), question, answer, capsys)


def in_numpy(value):
    if isinstance(value, (list, tuple)):
        return type(value)(map(in_numpy, value))
    return value.detach().numpy() if isinstance(value, torch.Tensor) else value


@pytest.mark.parametrize("question", EXERCISES)
def test_the_points_of_the_hidden_checks_add_up(question):
    worth, arguments = zip(*checks_of(hidden_module(EXERCISES[question]), question), strict=True)
    assert sum(mark.args[1] for mark in worth) == POINTS[question]
    bonus = question in ("lean_softargmax", "add_offsets")
    assert {mark.name for mark in worth} == {"bonus" if bonus else "points"}
    assert sorted(case for _, cases in arguments for case in cases) == sorted(question_of(question).cases)
