"""The baked tables: what they hold, what is not baked, and when two differ."""

import re

import pytest
from answer_bank import KEYS, KNOWN_WRONG, REFERENCES

from grading.course import bake
from grading.errors import CourseError
from helpers.checks import ex01_pose_regression as check
from helpers.checks.engine.question import read_hints
from helpers.checks.engine.table import Table


@pytest.mark.full  # `python -m grading release --check`, which `make test` begins with, looks at the same
@pytest.mark.parametrize("exercise", KEYS)
def test_the_table_is_what_the_solution_notebook_gives(exercise):
    assert bake.table_path(exercise).read_bytes() == bake.bake(exercise)


def test_a_question_without_an_answer_cell_is_named():
    with pytest.raises(CourseError, match="no answer cell with grade_id 'pck'; it has mpjpe"):
        bake.bake_table({"pck": check.QUESTIONS["pck"]}, {"mpjpe": REFERENCES["mpjpe"]}, {})


def test_a_question_without_a_check_is_named(monkeypatch):
    assert bake.without_a_check(check) == []
    monkeypatch.setattr(check, "__all__", [name for name in check.__all__ if name != "pck"])
    assert bake.without_a_check(check) == ["pck"]
    monkeypatch.undo()
    monkeypatch.delattr(check, "mpjpe")
    with pytest.raises(CourseError, match=r"ex01_pose_regression has no check of mpjpe: a function of"):
        bake.bake("ex01_pose_regression")


def test_a_question_without_hints_is_named_with_its_file():
    hints = read_hints("ex01_pose_regression")
    with pytest.raises(KeyError, match=r"hints.toml has no table \[visible_share\]; it has mpjpe, pck.*Add the line"):
        hints["visible_share"]


def test_a_table_that_differs_in_meaning_is_noticed():
    table = bake.bake_table({"pck": check.QUESTIONS["pck"]}, REFERENCES, KNOWN_WRONG)
    again = bake.bake_table({"pck": check.QUESTIONS["pck"]}, REFERENCES, KNOWN_WRONG)
    assert bake.agree(table, again)
    fewer = {"pck": {name: answer for name, answer in KNOWN_WRONG["pck"].items() if name != "percent"}}
    assert not bake.agree(table, bake.bake_table({"pck": check.QUESTIONS["pck"]}, REFERENCES, fewer))
    again.tensors = [tensor + 0.25 if tensor.is_floating_point() else tensor for tensor in again.tensors]
    assert not bake.agree(table, again)


def test_a_solution_that_fails_its_own_check_is_not_baked():
    def half_right(*args):
        return REFERENCES["mpjpe"](*args) if args[2].any() else None

    with pytest.raises(Exception, match="mpjpe fails its check none_visible"):
        bake.bake_table({"mpjpe": check.QUESTIONS["mpjpe"]}, {"mpjpe": half_right}, {})


@pytest.mark.parametrize("exercise", KEYS)
def test_helpers_hold_no_reference_and_no_known_wrong_version(exercise):
    """The table's tree holds digests, names of mistakes and values only."""
    text = str(Table.load(bake.table_path(exercise)).entries)
    assert not re.search(r"\b(lambda|def|return)\b", text)


@pytest.mark.parametrize(
    ("questions", "most"),
    [(("boxes_to_crops", "crops_to_image"), 80_000), (("match_limbs", "group_people"), 80_000)],
    ids=["crops", "groups"],
)
def test_the_table_of_large_answers_is_small(questions, most):
    whole, part = Table.load(bake.table_path("ex04_multi_person")), Table()
    for key, entry in whole.entries.items():
        if entry["at"].partition("/")[0] in questions:
            part.add(key, entry["at"], *whole.read(key))
    assert part.entries and len(part.to_bytes()) < most
