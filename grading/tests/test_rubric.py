"""What staff mark words by: every question in words has a rubric that adds up, and a faulty one is named."""

from __future__ import annotations

import pytest
from toy_course import PROJECT

from grading.course.course import Course
from grading.reporting.rubric import Point, model_answers
from grading.sample_submissions import SUBMISSIONS

WORDS = "The secret words of the solution."
RUBRICS = PROJECT / "grading/rubrics"


@pytest.mark.parametrize("exercise", SUBMISSIONS)
def test_every_question_in_words_has_a_rubric_that_adds_up(exercise):
    found = model_answers(Course(PROJECT, exercise).solution, RUBRICS / f"{exercise}.toml")
    assert found
    for name, answer in found.items():
        assert answer.rubric and not answer.trouble and len(answer.answer) > 200, name


def test_nothing_of_model_answers_and_rubrics_is_released():
    released = "".join(path.read_text() for path in sorted((PROJECT / "exercises").glob("*/*.ipynb")))
    for exercise in SUBMISSIONS:
        for answer in model_answers(Course(PROJECT, exercise).solution, RUBRICS / f"{exercise}.toml").values():
            for line in [*answer.answer.splitlines(), *(point.what for point in answer.rubric)]:
                assert line[:60] not in released


@pytest.mark.parametrize(
    ("text", "rubric", "trouble"),
    [
        (None, [], ""),
        ('words_1 = [[1, "a"], [3, "b"]]', [Point(1, "a"), Point(3, "b")], ""),
        ('words_1 = [[1.5, "a"]]', [Point(1.5, "a")], "these points add up to 1.5, and the question has 4"),
        ("words_1 = [[1]]", [], "a list of"),
        ("words_1 = 3", [], "a list of"),
        ("words_1 = [", [], "toy.toml cannot be read"),
        ('words_2 = [[1, "a"]]', [], ""),
    ],
)
def test_a_faulty_rubric_is_named_and_the_answer_stays(course, tmp_path, text, rubric, trouble):
    if text is not None:
        (tmp_path / "toy.toml").write_text(text)
    answer = model_answers(course.solution, tmp_path / "toy.toml")["words_1"]
    assert (answer.answer, answer.rubric) == (WORDS, rubric)
    assert trouble in answer.trouble and bool(answer.trouble) == bool(trouble)
