"""What is special to `find_peaks` and `add_offsets`: what is granted and told, what the inputs promise."""

import numpy as np
import pytest
import torch
from answer_bank import POINTS, REFERENCES, drawn, hidden_marks
from local_submission import said, seeds
from scipy import ndimage

from grading.known_wrong.ex04_peaks import KNOWN_WRONG
from helpers.checks import ex04_multi_person as check
from helpers.checks.engine.question import Wrong, local_ask
from helpers.checks.ex04_multi_person import peak_cases, peaks

NAN = float("nan")

pytestmark = pytest.mark.usefixtures("one_thread")


def test_a_mistake_is_named_however_the_peaks_are_refined(capsys):
    def several_times_a_little_less_refined(scoremaps, threshold):
        found = KNOWN_WRONG["find_peaks"]["plateaus_several_times"](scoremaps, threshold)
        places = [[p[:, :2] + 0.1 * (p[:, :2].round() - p[:, :2]) for p in image] for image in found]
        return [[torch.cat([xy, p[:, 2:]], dim=1) for xy, p in zip(*two)] for two in zip(places, found)]  # noqa: B905

    assert hidden_marks("find_peaks", several_times_a_little_less_refined, 0) == (3, ["plateaus_several_times"])
    assert "a plateau gives several peaks" in said(check, "find_peaks", several_times_a_little_less_refined, capsys)


# However it is done.


def test_an_answer_that_leans_on_another_question_is_told_to_stand_alone():
    def leaning(peaks, offsets):
        return find_peaks(peaks, offsets)  # noqa: F821

    assert hidden_marks("add_offsets", leaning, 0) == (0, ["NameError"] * 3)


# What a student reads.


@pytest.mark.parametrize(
    ("question", "mistake", "line", "text"),
    [
        ("find_peaks", "steps_count", 2, "peaks, among them ("),
        ("find_peaks", "best_only", 3, "among them ("),
        ("find_peaks", "one_flat_list", 2, "a list or tuple of 6, the first a tensor of shape ("),
        ("find_peaks", "float32_only", 2, "float32 for image 0, keypoint 0"),
        ("find_peaks", "changes_its_arguments", 2, "changed its argument scoremaps"),
        ("add_offsets", "channels_swapped", 2, "for the peak ("),
        ("add_offsets", "one_tensor", 3, "a list of K tensors (N_k, 3)"),
        ("add_offsets", "changes_its_arguments", 2, "changed its argument peaks"),
        (
            "add_offsets",
            "wraps_around",
            1,
            "peaks: 12, 14 of them, offsets: float32 (2, 2, 4, 7)); some peaks lie outside",
        ),
    ],
)
def test_a_verdict_has_four_lines_and_inputs_to_try(question, mistake, line, text, capsys):
    wrong = KNOWN_WRONG[question][mistake]
    lines = said(check, question, wrong, capsys).splitlines()
    assert lines[0] == f"{question} is not right yet."
    assert [said_line.split()[0] for said_line in lines[1:]] == ["called", "returned", "expected", "hint"]
    assert text in lines[line] and all(len(said_line) < 420 for said_line in lines)
    assert set(check.inputs) == ({"scoremaps", "threshold"} if question == "find_peaks" else {"peaks", "offsets"})


# What is granted, and what is not.

MAP = torch.tensor([[0, 0, 0, 0, 0], [0, 5, 5, 0, 0], [0, 0, 5, 0, 3], [0, 0, 0, 0, 0]]).float()[None, None]


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        pytest.param([(1, 1, 5), (4, 2, 3)], None, id="first-pixel"),
        pytest.param([(4, 2, 3), (2, 2, 5)], None, id="last-pixel-and-another-order"),
        pytest.param([(5 / 3, 4 / 3, 5), (4, 2, 3)], None, id="middle"),
        pytest.param([(1.5, 1.5, 5), (4, 2, 3)], None, id="middle-of-the-box"),
        pytest.param([(0.5, 0.5, 5), (4, 2, 3)], None, id="half-a-pixel-off"),
        pytest.param([(0.4, 1, 5), (4, 2, 3)], "value", id="more-than-half-a-pixel-off"),
        pytest.param([(1, 1, 5), (2, 2, 5), (4, 2, 3)], "value", id="twice"),
        pytest.param([(1, 1, 5), (1, 1, 5)], "value", id="twice-instead-of-another"),
        pytest.param([(1, 1, 5)], "value", id="one-missing"),
        pytest.param([(1, 1, 5.01), (4, 2, 3)], "value", id="another-score"),
        pytest.param([(1, 1, 3), (4, 2, 5)], "value", id="scores-exchanged"),
        pytest.param([(1, 1, 5), (4, 2, NAN)], "value", id="nan"),
    ],
)
def test_peaks_are_judged_as_the_task_says(rows, kind):
    call = peaks.Peaks(MAP, 1.0, within=peaks.ITS_PLATEAU, at_border=peaks.ITS_PLATEAU)
    right = REFERENCES["find_peaks"](MAP, 1.0)
    fault = call.fault([[torch.tensor(rows, dtype=torch.float32)]], right)
    assert (fault and fault.kind) == kind


@pytest.mark.parametrize(("x", "kind"), [(4.0, None), (3.9, "value"), (3.5, "value"), (4.2, "value")])
def test_a_coordinate_at_the_border_stays(x, kind):
    call = peaks.Peaks(MAP, 1.0, at_border=peaks.ON_THE_LINE)
    right = [[torch.tensor([[4.0, 2.0, 3.0]])]]
    fault = call.fault([[torch.tensor([[x, 2.4, 3.0]])]], right)
    assert (fault and fault.kind) == kind


# What the inputs promise.


five_seeds = pytest.mark.parametrize("seed", seeds(5))


def counts(inputs):
    return [len(peaks) for image in REFERENCES["find_peaks"](**inputs) for peaks in image]


@five_seeds
def test_maps_have_several_peaks_and_one_has_none(seed):
    several, small, tiny, huge = drawn("find_peaks", "values", seed)
    assert tiny["scoremaps"].max() < 1e-4 and huge["scoremaps"].max() > 1e6 and all(counts(tiny) + counts(huge))
    assert several["scoremaps"].shape[:2] == (2, 3) and small["scoremaps"].dtype == torch.float64
    assert sorted(counts(several))[:2] == [0, min(n for n in counts(several) if n)] and max(counts(several)) > 2
    assert counts(drawn("find_peaks", "many", seed)[0]) == [120]


@five_seeds
def test_a_peak_is_as_high_as_the_threshold(seed):
    level, negative = drawn("find_peaks", "threshold", seed)
    highest = level["scoremaps"].amax(dim=(2, 3)).flatten().tolist()
    assert sorted(highest)[:2] == [level["threshold"]] * 2 and sorted(counts(level))[:2] == [0, 0]
    assert negative["threshold"] < 0 and 0 in counts(negative) and max(counts(negative)) > 1


@five_seeds
def test_some_peaks_are_beside_nan(seed):
    (inputs,) = drawn("find_peaks", "nan", seed)
    gone = inputs["scoremaps"].isnan()
    beside = torch.nn.functional.max_pool2d(gone.float(), 3, 1, 1) > 0
    assert gone.flatten(2).all(dim=2).sum() == 1 and not gone.all()
    found = REFERENCES["find_peaks"](**inputs)
    places = [(k, *peak[:2].round().long().tolist()) for k, peaks in enumerate(found[0]) for peak in peaks]
    assert any(beside[0, k, y, x] for k, x, y in places)


@five_seeds
def test_plateaus_have_one_peak_each_and_steps_none(seed):
    plateaus, steps, levels, twins = drawn("find_peaks", "plateaus", seed)
    assert counts(plateaus) == [len(peak_cases.PLATEAUS)] and counts(steps) == [len(peak_cases.STEPS)] * 4
    assert sorted(counts(levels)) == [0, 1] and counts(twins) == [2]
    shapes = ndimage.label(plateaus["scoremaps"][0, 0].numpy() > peak_cases.LOW, np.ones((3, 3)))[1]
    assert shapes == len(peak_cases.PLATEAUS), "shapes touch"


def steps_of(length):
    """Return an answer whose peaks move by `length(tip)` in x and in y, where the parabola says `tip`."""

    def answer(scoremaps, threshold):
        found = REFERENCES["find_peaks"](scoremaps, threshold)
        return [
            [torch.cat([p[:, :2].round() + length(p[:, :2] - p[:, :2].round()), p[:, 2:]], dim=1) for p in image]
            for image in found
        ]

    return answer


@five_seeds
@pytest.mark.parametrize(
    ("length", "mistake"),
    [
        pytest.param(lambda tip: tip.sign() / 4, "fixed_step", id="a-quarter"),
        pytest.param(lambda tip: 2 * tip, "refined_too_far", id="twice"),
        pytest.param(lambda tip: (2 * tip).clamp(-0.5, 0.5), "refined_too_far", id="twice-but-half-a-pixel-at-most"),
        pytest.param(lambda tip: 0.5 * tip.sign(), "fixed_step", id="half"),
        pytest.param(lambda tip: 0.95 * tip, None, id="nearly-right"),
    ],
)
def test_a_step_of_another_length_leads_more_than_three_tenths_astray(seed, length, mistake):
    _, named = hidden_marks("find_peaks", steps_of(length), seed)
    assert named[-1:] == ([mistake] if mistake else [])


def test_two_mistakes_at_once_are_told_from_the_peaks():
    """Whole pixels and four neighbours only, or the best fifty of all plateaus: no known wrong version does both."""

    def unrefined_and_four_neighbours(scoremaps, threshold):
        found = KNOWN_WRONG["find_peaks"]["four_neighbours"](scoremaps, threshold)
        return [[torch.cat([p[:, :2].round(), p[:, 2:]], dim=1) for p in image] for image in found]

    def best_fifty_of_all_plateaus(scoremaps, threshold):
        found = KNOWN_WRONG["find_peaks"]["plateaus_several_times"](scoremaps, threshold)
        return [[p[p[:, 2].argsort(descending=True)[:50]] for p in image] for image in found]

    assert hidden_marks("find_peaks", unrefined_and_four_neighbours, 0)[1][0] == "four_neighbours"
    assert hidden_marks("find_peaks", best_fifty_of_all_plateaus, 0)[1][0] == "best_only"


def test_no_peaks_name_no_mistake_but_that():
    named = hidden_marks("find_peaks", lambda maps, _: [[maps.new_zeros(0, 3) for _ in image] for image in maps], 0)[1]
    assert named == ["nothing_found"] * 4


@five_seeds
def test_no_peak_is_half_way_between_pixels_and_some_are_outside(seed):
    for case in ("values", "outside", "empty"):
        for inputs in drawn("add_offsets", case, seed):
            places = torch.cat(inputs["peaks"])[:, :2]
            last = torch.tensor([inputs["offsets"].shape[3] - 1, inputs["offsets"].shape[2] - 1])
            assert ((places - places.round()).abs() < 0.45).all()
            assert bool(((places.round() < 0) | (places.round() > last)).any()) == (case == "outside")


# Whatever comes.


def test_a_case_fails_with_wrong_and_nothing_else():
    def odd(scoremaps, threshold):
        return [[torch.zeros(0, 3), torch.zeros(2, 3).half()] for _ in scoremaps]

    question = check.QUESTIONS["find_peaks"]
    for case in question.cases.values():
        ask = local_ask(question, REFERENCES["find_peaks"])
        with pytest.raises(Wrong):
            case(
                local_ask(question, odd),
                np.random.RandomState(0),
                lambda step, ask=ask, **inputs: (ask(step, **inputs), {}),
            )


# More than there can be.


def one_more_than_pixels(scoremaps, threshold):
    return [[torch.zeros(scores.numel() + 1, 3) for scores in image] for image in scoremaps]


def test_more_peaks_than_pixels_are_refused_before_anything_is_judged(capsys):
    """What judging and looking for a mistake cost grows with an answer: one of 64 MB took tens of GB."""
    assert hidden_marks("find_peaks", one_more_than_pixels, 0) == (0, ["too_many"] * POINTS["find_peaks"])

    def unasked(step, **inputs):
        raise AssertionError("the oracle is not asked")

    question = check.QUESTIONS["find_peaks"]
    for case in question.cases.values():
        with pytest.raises(Wrong) as caught:
            case(local_ask(question, one_more_than_pixels), np.random.RandomState(0), unasked)
        assert not any(sign.isdigit() for sign in caught.value.hint), "it could tell of hidden inputs"
    lines = said(check, "find_peaks", one_more_than_pixels, capsys).splitlines()
    assert "at most 35 peaks for image 0, keypoint 0: a pixel has one" in lines[3]


def test_a_peak_at_every_pixel_is_judged():
    def every_pixel(scoremaps, threshold):
        rows, columns = torch.meshgrid(*map(torch.arange, scoremaps.shape[2:]), indexing="ij")
        return [[torch.stack([columns, rows, scores], dim=2).view(-1, 3) for scores in image] for image in scoremaps]

    assert "too_many" not in hidden_marks("find_peaks", every_pixel, 0)[1]


def test_peaks_are_put_in_order_only_where_there_are_as_many(monkeypatch):
    """To sort 64 MB takes seconds, and every known mistake would have them sorted again."""
    monkeypatch.delattr(peaks, "_in_order")
    assert not peaks._same_trees([torch.zeros(9, 3)], [torch.zeros(8, 3)])
    monkeypatch.delattr(peaks.Peaks, "taken")
    many, fewer = ({"value": [[torch.zeros(count, 3)]], "changed": []} for count in (9, 8))
    assert not peaks.Peaks(torch.zeros(1, 1, 3, 3), 0.0).meant(many, fewer)
