"""The promise of the checks of `find_peaks` and `add_offsets`: right work in any style passes, wrong work is named."""

import numpy as np
import pytest
import torch
from local_submission import bank, marks_by, said
from right_variants_ex04_peaks import REFERENCES, RIGHT_VARIANTS
from scipy import ndimage

from grading.hidden_checks import test_ex04_multi_person as hidden
from grading.known_wrong.ex04_peaks import KNOWN_WRONG
from helpers.checks import ex04_multi_person as check
from helpers.checks.engine.question import Wrong, local_ask, read_hints
from helpers.checks.ex04_multi_person import peak_cases, peaks

EXERCISE = "ex04_multi_person"
POINTS = {"find_peaks": 4, "add_offsets": 3}
NAN = float("nan")

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
    assert read_hints("ex04_multi_person")[question][mistake] in said(check, question, answer, capsys)


def test_every_hint_has_its_mistake_and_every_mistake_its_hint():
    hints = read_hints("ex04_multi_person")
    assert hints.keys() == check.QUESTIONS.keys()
    for question in POINTS:
        assert {name.partition(".")[0] for name in KNOWN_WRONG[question]} == set(hints[question])


def test_a_mistake_is_named_however_the_peaks_are_refined(capsys):
    def several_times_by_quarters(scoremaps, threshold):
        found = KNOWN_WRONG["find_peaks"]["plateaus_several_times"](scoremaps, threshold)
        return [[torch.cat([p[:, :2] / 2 + p[:, :2].round() / 2, p[:, 2:]], dim=1) for p in image] for image in found]

    assert hidden_marks("find_peaks", several_times_by_quarters, 0) == (3, ["plateaus_several_times"])
    assert "a plateau gives several peaks" in said(check, "find_peaks", several_times_by_quarters, capsys)


# Worthless work.


def stub(*_):
    raise NotImplementedError("Question 3")


def peaks_of(*rows):
    """Return an answer that finds the same peaks in every map."""

    def find_peaks(scoremaps, threshold):
        peaks = torch.tensor(rows, dtype=scoremaps.dtype).view(-1, 3)
        return [[peaks for _ in image] for image in scoremaps]

    return find_peaks


WORTHLESS = [
    *[pytest.param(q, stub, id=f"{q}-stub") for q in POINTS],
    *[
        pytest.param(q, lambda *_, value=value: value, id=f"{q}-{name}")
        for q in POINTS
        for name, value in {
            "nothing": None, "nan": NAN, "zero": torch.tensor(0.0), "text": "peaks", "object": object(), "list": [],
            "dict": {"value": 1}, "nested": [[[[]]]], "lists": [[None] * 3] * 2, "matrix": torch.zeros(0, 3),
            "two-lists": [[torch.zeros(3)], torch.zeros(2, 3)], "numbers": [1, 2], "bools": [torch.tensor([True])],
        }.items()
    ],
    *[pytest.param(q, lambda first, *_: first, id=f"{q}-first-argument") for q in POINTS],
    *[pytest.param(q, lambda first, second: second, id=f"{q}-second-argument") for q in POINTS],
    *[pytest.param(q, lambda: None, id=f"{q}-no-arguments") for q in POINTS],
    pytest.param("find_peaks", peaks_of(), id="find_peaks-none"),
    pytest.param("find_peaks", peaks_of((1, 1, 1)), id="find_peaks-one"),
    pytest.param("find_peaks", peaks_of((NAN, NAN, NAN)), id="find_peaks-all-nan"),
    pytest.param("find_peaks", lambda m, t: [[torch.zeros(2, 3, dtype=bool)] * m.shape[1]] * len(m), id="peaks-bool"),
    pytest.param("find_peaks", lambda m, t: [[torch.zeros(3, 2, 3)] * m.shape[1]] * len(m), id="peaks-3-axes"),
    pytest.param("find_peaks", lambda m, t: [[torch.zeros(0, 5)] * m.shape[1]] * len(m), id="peaks-5-columns"),
    pytest.param("add_offsets", lambda p, o: [torch.full_like(f, NAN) for f in p], id="add_offsets-all-nan"),
    pytest.param("add_offsets", lambda p, o: [f.bool() for f in p], id="add_offsets-all-bool"),
    pytest.param("add_offsets", lambda p, o: [f.flatten() for f in p], id="add_offsets-flat"),
]  # fmt: skip


@pytest.mark.parametrize(("question", "answer"), WORTHLESS)
def test_worthless_work_scores_nothing(question, answer):
    for seed in range(2):
        assert hidden_marks(question, answer, seed)[0] == 0


def test_the_stub_is_called_unwritten(capsys):
    for question in POINTS:
        assert set(hidden_marks(question, stub, 0)[1]) == {"not_written"}
        assert said(check, question, stub, capsys) == f"{question} is not written yet.\n"


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


def drawn(question, case, seed):
    """Return the inputs of every call of a case."""
    described, calls = check.QUESTIONS[question], []
    ask = local_ask(described, REFERENCES[question])

    def recording(step, **inputs):
        calls.append(inputs)
        return ask(step, **inputs)

    described.cases[case](recording, np.random.RandomState(seed), lambda step, **inputs: (ask(step, **inputs), {}))
    return calls


seeds = pytest.mark.parametrize("seed", range(5))


def counts(inputs):
    return [len(peaks) for image in REFERENCES["find_peaks"](**inputs) for peaks in image]


@seeds
def test_maps_have_several_peaks_and_one_has_none(seed):
    several, small = drawn("find_peaks", "values", seed)
    assert several["scoremaps"].shape[:2] == (2, 3) and small["scoremaps"].dtype == torch.float64
    assert sorted(counts(several))[:2] == [0, min(n for n in counts(several) if n)] and max(counts(several)) > 2
    assert counts(drawn("find_peaks", "many", seed)[0]) == [120]


@seeds
def test_a_peak_is_as_high_as_the_threshold(seed):
    level, negative = drawn("find_peaks", "threshold", seed)
    highest = level["scoremaps"].amax(dim=(2, 3)).flatten().tolist()
    assert sorted(highest)[:2] == [level["threshold"]] * 2 and sorted(counts(level))[:2] == [0, 0]
    assert negative["threshold"] < 0 and 0 in counts(negative) and max(counts(negative)) > 1


@seeds
def test_some_peaks_are_beside_nan(seed):
    (inputs,) = drawn("find_peaks", "nan", seed)
    gone = inputs["scoremaps"].isnan()
    beside = torch.nn.functional.max_pool2d(gone.float(), 3, 1, 1) > 0
    assert gone.flatten(2).all(dim=2).sum() == 1 and not gone.all()
    found = REFERENCES["find_peaks"](**inputs)
    places = [(k, *peak[:2].round().long().tolist()) for k, peaks in enumerate(found[0]) for peak in peaks]
    assert any(beside[0, k, y, x] for k, x, y in places)


@seeds
def test_plateaus_have_one_peak_each_and_steps_none(seed):
    plateaus, steps, levels, twins = drawn("find_peaks", "plateaus", seed)
    assert counts(plateaus) == [len(peak_cases.PLATEAUS)] and counts(steps) == [len(peak_cases.STEPS)] * 4
    assert sorted(counts(levels)) == [0, 1] and counts(twins) == [2]
    shapes = ndimage.label(plateaus["scoremaps"][0, 0].numpy() > peak_cases.LOW, np.ones((3, 3)))[1]
    assert shapes == len(peak_cases.PLATEAUS), "shapes touch"


@seeds
def test_gaussians_are_nearly_half_a_pixel_off_their_pixels(seed):
    (inputs,) = drawn("find_peaks", "refined", seed)
    found = [peaks[:, :2] for peaks in REFERENCES["find_peaks"](**inputs)[0]]
    off = torch.cat([places - places.round() for places in found]).abs()
    assert off.shape == (6, 2) and off.amax(dim=1).min() > 0.4 and off.amin(dim=1).max() < 0.2


@seeds
def test_no_peak_is_half_way_between_pixels_and_some_are_outside(seed):
    for case in ("values", "outside", "empty"):
        for inputs in drawn("add_offsets", case, seed):
            places = torch.cat(inputs["peaks"])[:, :2]
            last = torch.tensor([inputs["offsets"].shape[3] - 1, inputs["offsets"].shape[2] - 1])
            assert ((places - places.round()).abs() < 0.45).all()
            assert bool(((places.round() < 0) | (places.round() > last)).any()) == (case == "outside")


# Points.


def test_points_in_the_hidden_module_add_up():
    found = {}
    for test in vars(hidden).values():
        for mark in getattr(test, "pytestmark", []):
            if mark.name in ("points", "bonus") and mark.args[0] in POINTS:
                assert (mark.name == "bonus") == (mark.args[0] == "add_offsets")
                found[mark.args[0]] = found.get(mark.args[0], 0) + mark.args[1]
    assert found == POINTS


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
    assert "at most 54 peaks for image 0, keypoint 0: a pixel has one" in lines[3]


def test_a_peak_at_every_pixel_is_judged():
    def every_pixel(scoremaps, threshold):
        rows, columns = torch.meshgrid(*map(torch.arange, scoremaps.shape[2:]), indexing="ij")
        return [[torch.stack([columns, rows, scores], dim=2).view(-1, 3) for scores in image] for image in scoremaps]

    assert "too_many" not in hidden_marks("find_peaks", every_pixel, 0)[1]


def test_peaks_are_put_in_order_only_where_there_are_as_many(monkeypatch):
    """To sort 64 MB takes seconds, and every known mistake would have them sorted again."""
    monkeypatch.delattr(peaks, "_in_order")
    assert not peaks._same_trees([torch.zeros(9, 3)], [torch.zeros(8, 3)])
    monkeypatch.delattr(peaks.Peaks, "pairs")
    assert not peaks.Peaks(torch.zeros(1, 1, 3, 3), 0.0).alike(torch.zeros(9, 3), torch.zeros(8, 3), None)
