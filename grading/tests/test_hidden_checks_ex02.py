"""The promise of exercise 2's checks of functions: right work in any style passes, wrong work fails by its name."""

import math

import numpy as np
import pytest
import torch
from local_submission import bank, marks_by, said
from right_variants_ex02 import REFERENCES, RIGHT_VARIANTS

from grading.course import bake
from grading.hidden_checks import test_ex02_softargmax as hidden
from grading.known_wrong.ex02_softargmax import KNOWN_WRONG
from helpers.checks import ex02_softargmax as check
from helpers.checks.engine.question import read_hints
from helpers.checks.ex02_softargmax.hard_decoding import decode_negative_and_tied
from helpers.checks.probes.lean import LiveBytes, count_memory

EXERCISE = "ex02_softargmax"
POINTS = {"gaussian_scoremaps": 4, "scoremap_loss": 3, "argmax_decode": 3, "softargmax": 6, "lean_softargmax": 3}

pytestmark = pytest.mark.usefixtures("one_thread")
hidden_marks = marks_by(hidden, EXERCISE, REFERENCES, POINTS)


@pytest.mark.parametrize(("question", "name", "answer"), bank(POINTS, RIGHT_VARIANTS))
def test_right_work_in_any_style_scores_full(question, name, answer, capsys):
    for seed in range(4):
        assert hidden_marks(question, answer, seed) == (POINTS[question], [])
    assert said(check, question, answer, capsys).strip() == check.QUESTIONS[question].sentence


@pytest.mark.parametrize(("question", "name", "answer"), bank(POINTS, KNOWN_WRONG))
def test_known_wrong_work_loses_points_and_is_named(question, name, answer, capsys):
    mistake = name.partition(".")[0]
    for seed in range(2):
        points, named = hidden_marks(question, answer, seed)
        assert points < POINTS[question] and named[0] == mistake
    assert read_hints(EXERCISE)[question][mistake] in said(check, question, answer, capsys)


def test_every_hint_has_its_mistake_and_every_mistake_its_hint():
    hints = read_hints(EXERCISE)
    assert hints.keys() == check.QUESTIONS.keys()
    for question in POINTS:
        assert {name.partition(".")[0] for name in KNOWN_WRONG[question]} == set(hints[question])


def stub(*_):
    raise NotImplementedError("Question 1")


def attached_zeros(scoremaps, *_):
    return 0 * scoremaps.sum(dim=(2, 3))[..., None].expand(-1, -1, 2)


WORTHLESS = [
    *[pytest.param(q, stub, id=f"{q}-stub") for q in POINTS],
    *[pytest.param(q, lambda *_: None, id=f"{q}-nothing") for q in POINTS],
    *[pytest.param(q, lambda *_: float("nan"), id=f"{q}-nan") for q in POINTS],
    *[pytest.param(q, lambda *_: torch.tensor(0.0), id=f"{q}-zero") for q in POINTS],
    *[pytest.param(q, lambda first, *_: first, id=f"{q}-first-argument") for q in POINTS],
    *[pytest.param(q, attached_zeros, id=f"{q}-attached-zeros") for q in ("softargmax", "lean_softargmax")],
    pytest.param("argmax_decode", attached_zeros, id="argmax_decode-corner"),
    pytest.param("gaussian_scoremaps", lambda k, v, s, _: k.new_zeros(*v.shape, *s), id="gaussian_scoremaps-empty"),
]


@pytest.mark.parametrize(("question", "answer"), WORTHLESS)
def test_worthless_work_scores_nothing(question, answer):
    for seed in range(3):
        assert hidden_marks(question, answer, seed)[0] == 0


def test_the_stub_is_called_unwritten(capsys):
    for question in POINTS:
        assert set(hidden_marks(question, stub, 0)[1]) == {"not_written"}
        assert said(check, question, stub, capsys) == f"{question} is not written yet.\n"


def test_a_verdict_has_four_lines_and_inputs_to_try(capsys):
    wrong = KNOWN_WRONG["softargmax"]["x_y_swapped"]
    lines = said(check, "softargmax", wrong, capsys).splitlines()
    assert lines[0] == "softargmax is not right yet."
    assert [line.split()[0] for line in lines[1:]] == ["called", "returned", "expected", "hint"]
    assert wrong(**check.inputs).shape == (2, 3, 2)


# Numbers by hand.


@pytest.mark.parametrize(
    ("mistake", "x", "y"),
    [
        ("x_y_swapped", 0, 0.75), ("grid_from_one", 1.75, 1), ("half_pixel", 1.25, 0.5), ("hard_argmax", 1, 0),
        ("mean_instead_of_sum", 0.375, 0), ("one_axis_only.height_averaged", 0.5, 0),
    ],
)  # fmt: skip
def test_softargmax_mistakes_give_the_values_worked_out_by_hand(mistake, x, y):
    """Scores 0 and ln 3 have probabilities 1/4 and 3/4: right is (0.75, 0)."""
    scores = torch.tensor([0, math.log(3)]).view(1, 1, 1, 2)
    assert REFERENCES["softargmax"](scores).flatten().tolist() == pytest.approx([0.75, 0])
    assert KNOWN_WRONG["softargmax"][mistake](scores).flatten().tolist() == pytest.approx([x, y])


@pytest.mark.parametrize(
    ("mistake", "value"),
    [
        ("mean_of_everything", 3.5), ("mean_over_pixels", 3.5), ("sum_over_the_batch", 14), ("halved", 3.5),
        ("root_of_each_map", (5**0.5 + 3) / 2), ("root_of_the_loss", 7**0.5), ("l1_distance", 3),
        ("square_of_the_sum", 9),
    ],
)  # fmt: skip
def test_loss_mistakes_give_the_values_worked_out_by_hand(mistake, value):
    """Differences (1, 2) and (0, 3) in two images: right is (5 + 9) / 2 = 7."""
    pred, target = torch.tensor([[[[1.0, 2]]], [[[0, 3]]]]), torch.zeros(2, 1, 1, 2)
    assert REFERENCES["scoremap_loss"](pred, target).item() == pytest.approx(7)
    assert KNOWN_WRONG["scoremap_loss"][mistake](pred, target).item() == pytest.approx(value)


@pytest.mark.parametrize(
    ("mistake", "beside"),
    [
        ("distance_not_squared", math.exp(-1 / 4)), ("sigma_not_squared", math.exp(-1 / 4)),
        ("factor_two_missing", math.exp(-1 / 4)), ("wrong_brackets", math.exp(-2)),
    ],
)  # fmt: skip
def test_gaussian_mistakes_give_the_values_worked_out_by_hand(mistake, beside):
    """One pixel beside the peak with sigma 2: right is exp(-1/8). (Three mistakes agree here; the checks avoid 2.)"""
    args = torch.tensor([[[2.0, 1]]]), torch.tensor([[True]]), (3, 4), 2.0
    assert REFERENCES["gaussian_scoremaps"](*args)[0, 0, 1, 1:].tolist() == pytest.approx(
        [math.exp(-1 / 8), 1, math.exp(-1 / 8)]
    )
    assert KNOWN_WRONG["gaussian_scoremaps"][mistake](*args)[0, 0, 1, 1].item() == pytest.approx(beside)


def test_tied_places_share_neither_row_nor_column():
    scoremaps = []

    def ask(step, **inputs):
        scoremaps.append(inputs["scoremaps"])
        return {"value": REFERENCES["argmax_decode"](inputs["scoremaps"]), "changed": []}

    decode_negative_and_tied(ask, np.random.RandomState(0), lambda step, **inputs: (ask(step, **inputs), {}))
    maps = scoremaps[-1]
    assert ((maps == maps.amax(dim=(2, 3), keepdim=True)).sum(dim=(2, 3)) == 2).all()
    rows, columns = ((maps == maps.amax(dim=(2, 3), keepdim=True)).any(dim=dim).sum(-1) for dim in (3, 2))
    assert (rows == 2).all() and (columns == 2).all()


# Memory.


def test_live_bytes_are_those_of_maps_that_are_alive_together():
    known = torch.zeros(100)
    with LiveBytes(known) as live:
        a = known + 1
        b = a + 1
        del a
        c = b.view(10, 10) * 2  # a view takes nothing
        c.add_(1)
    assert live.peak == 2 * 400


def test_live_bytes_count_what_came_from_elsewhere_once_it_is_used():
    with LiveBytes() as live:
        torch.from_numpy(np.zeros(100, dtype=np.float32)).sum()
    assert live.peak == 400 + 4


def test_the_plain_form_needs_three_maps_and_a_lean_one_two():
    scoremaps = torch.zeros(1, 2, 40, 50)

    def maps_of(answer):
        return count_memory(answer, {}, scoremaps=scoremaps.clone(), beta=2.0)["peak"] / scoremaps.nbytes

    assert maps_of(REFERENCES["softargmax"]) == pytest.approx(3, abs=0.1)
    assert maps_of(KNOWN_WRONG["lean_softargmax"]["memory.three_maps_in_backward"]) == pytest.approx(3, abs=0.1)
    assert maps_of(REFERENCES["lean_softargmax"]) == pytest.approx(2, abs=0.1)


def test_softargmax_handed_in_as_the_lean_one_earns_all_but_memory():
    assert hidden_marks("lean_softargmax", REFERENCES["softargmax"], 0) == (2, ["memory"])


# Points and table.


def test_points_in_the_hidden_module_add_up():
    found = {}
    for test in vars(hidden).values():
        for mark in getattr(test, "pytestmark", []):
            if mark.name in ("points", "bonus") and mark.args[0] in POINTS:
                assert (mark.name == "bonus") == (mark.args[0] == "lean_softargmax")
                found[mark.args[0]] = found.get(mark.args[0], 0) + mark.args[1]
    assert found == POINTS
    assert set(POINTS) < set(check.QUESTIONS)


def test_the_table_is_what_the_solution_notebook_gives():
    assert bake.table_path(EXERCISE).read_bytes() == bake.bake(EXERCISE)
