"""Every sentence of every task that demands something is held by a case, and a known mistake proves that it is.

How a file `grading/sentences/exNN_topic.toml` is written, how a text is split into sentences and when one is held says
`sentences.py` beside this file. In short:

    [mpjpe.values]                              # question.case
    "averaged over all visible keypoints of the whole batch" = ["mean_per_image", "mean_per_image.nanmean"]

    [mpjpe]
    demands_nothing = ["bool (B, K)"]           # of the answer: motives, hints, explanations, what the inputs are

    [conventions]                               # of the first cell, which any question may quote
    demands_nothing = ["(0, 0) is the centre of the top left pixel."]
"""

from __future__ import annotations

import pytest
from answer_bank import EXERCISES, KEYS, KNOWN_WRONG, NETWORKS, fails
from local_submission import checks_of, hidden_module
from sentences import CONVENTIONS, Held, Text, conventions, held_file, loose, read, task_text

pytestmark = pytest.mark.usefixtures("one_thread")
FILES = {exercise: read(held_file(exercise).read_text()) for exercise in KEYS if held_file(exercise).exists()}
HELD = [(exercise, question) for exercise, file in FILES.items() for question in file if question != CONVENTIONS]
SLOW = [pytest.mark.full]  # tenths of a second each, and `make check-the-checks` asks the same
PROOFS = [
    pytest.param(question, case, mistake, id=f"{question}-{case}-{mistake}", marks=SLOW if question in NETWORKS else [])
    for exercise, question in HELD
    for case, quoted in FILES[exercise][question].cases.items()
    for mistake in sorted({mistake for mistakes in quoted.values() for mistake in mistakes})
]


def cases(question: str) -> list[str]:
    """Return the cases of a question that its hidden checks ask for."""
    rows = checks_of(hidden_module(EXERCISES[question]), question)
    return [case for _, (_, asked) in rows for case in asked]


def whole(what: str, found: list[str]) -> str:
    """Return the message of a test with every sentence on a line; pytest cuts what it compares."""
    return "\n".join([f"{what}:", *found])


EXAMPLE = """
[mpjpe.values]
"averaged over all visible keypoints of the whole batch" = ["mean_per_image"]
'\\lVert \\hat p_{bk} - p_{bk} \\rVert_2' = ["no_root"]

[mpjpe]
demands_nothing = ["bool (B, K)"]
"""


def test_a_file_names_cases_quotations_and_mistakes():
    held = read(EXAMPLE)["mpjpe"]
    norm = r"\lVert \hat p_{bk} - p_{bk} \rVert_2"
    quoted = {"averaged over all visible keypoints of the whole batch": ["mean_per_image"], norm: ["no_root"]}
    assert held == Held({"values": quoted}, ("bool (B, K)",))
    text = task_text("ex01_pose_regression", "mpjpe")
    assert all(text.places(quotation) for quotation in (*held.quotations, *held.demands_nothing))


def sentences(*parts: str) -> list[str]:
    text = Text.of(*parts)
    return [text.words[start:end] for start, end in text.sentences]


@pytest.mark.parametrize(
    ("text", "split"),
    [
        ("One. Two! Three? Four: five", ["One.", "Two!", "Three?", "Four:", "five"]),
        ("At 0.5 of it. (In brackets.) **Bold.** Last", ["At 0.5 of it.", "(In brackets.)", "**Bold.**", "Last"]),
        ("Cao et al. say 1, 2, ... and so on, i.e. all. So", ["Cao et al. say 1, 2, ... and so on, i.e. all.", "So"]),
        ("`a. b` and $x: y. z$ stay", ["`a. b` and $x: y. z$ stay"]),
        ("The mean:\n\n$$a. b$$\n\nfor all. Then", ["The mean: $$a. b$$ for all.", "Then"]),
        ("The mean:\n\n$$a$$\n\nEach counts", ["The mean: $$a$$", "Each counts"]),
        ("## 2 A. heading\n\n### Question 1: `f` (4 points)\n\nText\nof two lines", ["Text of two lines"]),
        (
            "Rules\n\n* one\n  goes on\n* two\n\n1. three. Four",
            ["Rules", "* one goes on", "* two", "1. three.", "Four"],
        ),
        ("| a | b |\n|---|---|\n| 1 | 2 |\n", ["| a | b |", "| 1 | 2 |"]),
        ("By hand: 1 gives 2", ["1 gives 2"]),
        (
            "Give it.\n\nArgs:\n    a, b: real. Or\n        so: yes\n    size: K.\nReturns:\n    (B,); no\n    all: 0",
            ["Give it.", "real.", "Or so:", "yes", "(B,); no all:", "0"],
        ),
    ],
)
def test_a_text_is_split_into_sentences(text, split):
    assert sentences(text) == split


def test_a_sentence_is_held_by_a_word_of_a_quotation_or_is_free_as_a_whole():
    text = Text.of("One and two. Three and four: five.\nSix and   seven")
    assert loose(text, ["two. Three"], ["Six and seven"]) == ["five."]
    assert loose(text, ["four: five"], ["One and two"]) == ["Six and seven"]
    assert loose(text, ["."], ["Six and"]) == ["One and two.", "Three and four:", "five.", "Six and seven"]


def test_the_task_text_is_the_cell_above_a_stub_and_its_docstrings():
    text = task_text("ex01_pose_regression", "PoseRegressor")
    assert text.words.startswith("### Question 4: `PoseRegressor`") and "NotImplemented" not in text.words
    assert text.places("Regress all keypoints\n of an image") and text.places("Return keypoints (B, K, 2) in pixels")
    assert conventions("ex01_pose_regression").places("arguments are left unchanged.")


@pytest.mark.parametrize(("exercise", "question"), HELD)
def test_every_quotation_stands_in_the_task(exercise, question):
    held, texts = FILES[exercise][question], [task_text(exercise, question), conventions(exercise)]
    quotations = [*held.quotations, *held.demands_nothing]
    found = [quotation for quotation in quotations if not any(text.places(quotation) for text in texts)]
    assert not found, whole("these quotations stand neither in the task nor in the conventions", found)


@pytest.mark.parametrize(("exercise", "question"), HELD)
def test_every_case_quotes_a_sentence_and_a_mistake_that_breaks_it(exercise, question):
    held = FILES[exercise][question].cases
    assert sorted(held) == sorted(cases(question))
    assert all(held.values()) and all(mistakes for quoted in held.values() for mistakes in quoted.values())


@pytest.mark.parametrize(("exercise", "question"), HELD)
def test_every_sentence_is_held_or_demands_nothing(exercise, question):
    held = FILES[exercise][question]
    found = loose(task_text(exercise, question), held.quotations, held.demands_nothing)
    assert not found, whole("no case quotes these sentences, nor `demands_nothing`", found)


@pytest.mark.parametrize("exercise", FILES)
def test_every_convention_is_held_by_a_case_of_some_question(exercise):
    quotations = [quotation for held in FILES[exercise].values() for quotation in held.quotations]
    free = FILES[exercise].get(CONVENTIONS, Held({}, ())).demands_nothing
    found = loose(conventions(exercise), quotations, free)
    assert not found, whole("no case of any question quotes these conventions, nor `demands_nothing`", found)


@pytest.mark.parametrize(("question", "case", "mistake"), PROOFS)
def test_the_mistake_fails_this_very_case(question, case, mistake):
    assert fails(question, case, KNOWN_WRONG[question][mistake])


def test_every_question_of_every_exercise_has_its_sentences():
    there = {question for _, question in HELD}
    assert set(FILES) == set(KEYS) and there == set(EXERCISES)
