"""What is special to exercise 2's functions: what is told, numbers by hand, memory."""

import math

import numpy as np
import pytest
import torch
from answer_bank import POINTS, REFERENCES, hidden_marks
from local_submission import said

from grading.known_wrong.ex02_softargmax import KNOWN_WRONG
from helpers.checks import ex02_softargmax as check
from helpers.checks.ex02_softargmax.hard_decoding import decode_negative_and_tied
from helpers.checks.probes.lean import LiveBytes, count_memory

pytestmark = pytest.mark.usefixtures("one_thread")


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
    maps = next(maps for maps in scoremaps if maps.shape == (2, 3, 6, 9))
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
    array = np.zeros(100, dtype=np.float32)  # before anything is counted
    with LiveBytes() as live:
        torch.from_numpy(array).sum()
    assert live.peak == 400 + 4


def test_live_bytes_count_what_numpy_keeps_and_an_array_under_a_tensor_once():
    side = 2**18  # float64: 2 MB
    with LiveBytes() as live:
        array = np.ones(side)
        kept = torch.from_numpy(array) + 1  # another 2 MB
        del kept
        more = array + array  # seen although no operation of torch follows
    assert more[0] == 2 and live.peak == 2 * 8 * side


def test_the_plain_form_needs_three_maps_and_a_lean_one_two():
    scoremaps = torch.zeros(1, 2, 256, 256)

    def maps_of(answer):
        return count_memory(answer, {}, scoremaps=scoremaps.clone(), beta=2.0)["peak"] / scoremaps.nbytes

    assert maps_of(REFERENCES["softargmax"]) == pytest.approx(3, abs=0.1)
    assert maps_of(KNOWN_WRONG["lean_softargmax"]["memory.three_maps_in_backward"]) == pytest.approx(3, abs=0.1)
    assert maps_of(KNOWN_WRONG["lean_softargmax"]["memory.in_numpy"]) > 2.5
    assert maps_of(REFERENCES["lean_softargmax"]) == pytest.approx(2, abs=0.1)


def test_softargmax_handed_in_as_the_lean_one_earns_all_but_memory():
    assert hidden_marks("lean_softargmax", REFERENCES["softargmax"], 0) == (2, ["memory"])


@pytest.mark.parametrize(
    "question", ["gaussian_scoremaps", "scoremap_loss", "argmax_decode", "softargmax", "lean_softargmax"]
)
def test_a_dtype_alone_costs_a_third_at_most(question):
    points, named = hidden_marks(question, lambda *given: REFERENCES[question](*given).float())
    assert points >= POINTS[question] * 2 / 3 and set(named) == {"float32_only"}


def test_a_cut_gaussian_is_named_by_what_is_wrong_inside():
    """As HRNet draws it: a whole-pixel centre, and nothing beyond 3 sigma."""
    wrong = KNOWN_WRONG["gaussian_scoremaps"]

    def cut(name):
        return lambda keypoints, visible, size, sigma: (lambda maps: torch.where(maps > 0.02, maps, 0))(
            wrong[name](keypoints, visible, size, sigma)
        )

    for name in ("rounds_the_centre", "half_pixel", "factor_two_missing", "x_y_swapped"):
        assert hidden_marks("gaussian_scoremaps", cut(name))[1][0] == name
    assert hidden_marks("gaussian_scoremaps", cut("float32_only"))[1][0] == "cut_off"


def test_a_map_without_a_peak_names_no_mistake():
    empty = hidden_marks("gaussian_scoremaps", lambda keypoints, visible, size, _: keypoints.new_zeros(2, 3, *size))[1]
    assert empty[0] in (None, "mask_inverted", "shape")
