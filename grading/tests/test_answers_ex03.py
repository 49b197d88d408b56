"""What is special to exercise 3's functions: what is told, numbers by hand, what the inputs promise."""

import math

import pytest
import torch
from answer_bank import REFERENCES, drawn, hidden_marks
from local_submission import said, seeds

from grading.known_wrong.ex03_segmentation import KNOWN_WRONG
from helpers.checks import ex03_segmentation as check
from helpers.checks.engine.compare import fault
from helpers.checks.ex03_segmentation.masks import MEAN_AND_CLASSES

NAN = float("nan")

pytestmark = pytest.mark.usefixtures("one_thread")


# What a student reads.


def test_a_verdict_has_four_lines_and_inputs_to_try(capsys):
    wrong = KNOWN_WRONG["mean_iou"]["dice"]
    lines = said(check, "mean_iou", wrong, capsys).splitlines()
    assert lines[0] == "mean_iou is not right yet."
    assert [line.split()[0] for line in lines[1:]] == ["called", "returned", "expected", "hint"]
    assert wrong(**check.inputs)[1].shape == (3,)


def test_a_verdict_on_a_pair_shows_the_mean_and_every_class(capsys):
    lines = said(check, "mean_iou", KNOWN_WRONG["mean_iou"]["absent_not_nan"], capsys).splitlines()
    assert lines[2].count("0.") >= 4 and ", 0" in lines[2] and "nan" not in lines[2]
    assert "[" in lines[3] and lines[3].count("nan") == 2


@pytest.mark.parametrize(
    ("got", "kind"),
    [
        pytest.param([0.5, torch.tensor([0.5, NAN])], None, id="float-and-tensor"),
        pytest.param([torch.tensor(0.5), torch.tensor([0.5, NAN]).double()], None, id="two-tensors"),
        pytest.param(torch.tensor(0.5), "type", id="no-pair"),
        pytest.param([0.5, torch.tensor([0.5, NAN]), 0.5], "type", id="three"),
        pytest.param([0.5, [0.5, NAN]], "type", id="numbers-in-a-list"),
        pytest.param([torch.tensor([0.5]), torch.tensor([0.5, NAN])], "shape", id="mean-with-an-axis"),
        pytest.param([0.5, torch.tensor([0.5, NAN, NAN])], "shape", id="one-class-too-many"),
        pytest.param([0.5, torch.tensor([0.5, 0.0])], "value", id="a-class-is-wrong"),
        pytest.param([NAN, torch.tensor([0.5, NAN])], "value", id="the-mean-is-wrong"),
    ],
)
def test_a_pair_is_judged_part_by_part(got, kind):
    assert fault(got, [torch.tensor(0.5), torch.tensor([0.5, NAN])], MEAN_AND_CLASSES) == kind


def test_an_answer_that_leans_on_question_3_is_told_to_stand_alone(capsys):
    def leaning(image, kernel, stride=1, padding=0):
        return convolution_matrix(kernel, image.shape, stride, padding).T @ image.flatten()  # noqa: F821

    assert hidden_marks("transposed_convolution", leaning, 0) == (0, ["NameError"] * 3)
    assert "work with the arguments only" in said(check, "transposed_convolution", leaning, capsys)


# Numbers by hand.


@pytest.mark.parametrize(
    ("mistake", "value"),
    [
        ("over_pred", 2 / 3), ("over_target", 2 / 5), ("dice", 4 / 8), ("union_is_sum", 2 / 8), ("union_is_xor", 2 / 4),
        ("over_all_pixels", 2 / 9), ("pixel_accuracy", 5 / 9), ("equality_as_intersection", 5 / 6),
        ("background", 3 / 7), ("upside_down", 3), ("distance", 2 / 3), ("percent", 100 / 3), ("rounded", 0.33),
        ("smoothed", 3 / 7), ("integer_division", 0), ("counts_only", 2),
    ],
)  # fmt: skip
def test_iou_mistakes_give_the_values_worked_out_by_hand(mistake, value):
    """Two pixels in both masks, one in pred alone, three in target alone, three in neither: right is 2 / 6."""
    pred = torch.tensor([1, 1, 1, 0, 0, 0, 0, 0, 0], dtype=torch.bool)
    target = torch.tensor([1, 1, 0, 1, 1, 1, 0, 0, 0], dtype=torch.bool)
    assert float(REFERENCES["iou"](pred, target)) == pytest.approx(1 / 3)
    assert float(KNOWN_WRONG["iou"][mistake](pred.clone(), target)) == pytest.approx(value)


@pytest.mark.parametrize(
    ("mistake", "mean"),
    [
        ("absent_counts_as_zero", 7 / 18), ("absent_counts_as_one", 13 / 18), ("plain_mean_of_nan", NAN),
        ("over_truth", 3 / 4), ("over_predicted", 5 / 6), ("dice", 11 / 15), ("union_is_sum", 11 / 30),
        ("union_is_xor", 3 / 2), ("pixel_accuracy", 3 / 4), ("accuracy_of_each_class", 5 / 6),
        ("one_ratio_for_all", 3 / 5), ("background_left_out", 2 / 3), ("weighted_by_frequency", 7 / 12),
        ("ignored_count_as_predicted", 9 / 20), ("ignored_count_as_right", 13 / 20),
    ],
)  # fmt: skip
def test_mean_iou_mistakes_give_the_values_worked_out_by_hand(mistake, mean):
    """The example of the task, and two ignored pixels predicted as class 1: right is 7/12."""
    pred, target = torch.tensor([0, 1, 1, 1, 1, 1]), torch.tensor([0, 0, 1, 1, 255, 255])
    right, per_class = REFERENCES["mean_iou"](pred, target, 3)
    assert [float(right), *per_class.tolist()] == pytest.approx([7 / 12, 1 / 2, 2 / 3, NAN], nan_ok=True)
    assert float(KNOWN_WRONG["mean_iou"][mistake](pred, target, 3)[0]) == pytest.approx(mean, nan_ok=True)


@pytest.mark.parametrize(
    ("mistake", "rows"),
    [
        ("flipped_kernel", [[2, 1, 0], [0, 2, 1]]), ("transposed_matrix", [[1, 0], [2, 1], [0, 2]]),
        ("full_overlap", [[2, 0, 0], [1, 2, 0], [0, 1, 2], [0, 0, 1]]),
        ("result_as_large_as_the_image", [[1, 2, 0], [0, 1, 2], [0, 0, 1]]),
    ],
)  # fmt: skip
def test_matrix_mistakes_give_the_rows_worked_out_by_hand(mistake, rows):
    """The example of the task: the kernel (1, 2) on an image of 1 x 3, which it fits into twice."""
    kernel = torch.tensor([[1.0, 2.0]])
    assert REFERENCES["convolution_matrix"](kernel, (1, 3)).tolist() == [[1, 2, 0], [0, 1, 2]]
    assert KNOWN_WRONG["convolution_matrix"][mistake](kernel, (1, 3)).tolist() == rows


@pytest.mark.parametrize(
    ("mistake", "rows"),
    [
        ("wraps_around", 3 * [[2, 4], [4, 2]]), ("padding_one_side", [[1, 2], [0, 1], *4 * [[0, 0]]]),
        ("flipped_kernel", [*2 * [[0, 0]], [2, 1], [3, 2], *2 * [[0, 0]]]),
        ("result_as_large_as_the_image", 2 * [[0, 0]]),
    ],
)  # fmt: skip
def test_matrix_mistakes_at_the_border_give_the_rows_worked_out_by_hand(mistake, rows):
    """The kernel (1, 2, 3) on an image of 1 x 2 with padding 1: above and below the image there are only zeros."""
    kernel = torch.tensor([[1.0, 2.0, 3.0]])
    right = REFERENCES["convolution_matrix"](kernel, (1, 2), 1, 1)
    assert right.tolist() == [*2 * [[0, 0]], [2, 3], [1, 2], *2 * [[0, 0]]]
    assert KNOWN_WRONG["convolution_matrix"][mistake](kernel, (1, 2), 1, 1).tolist() == rows


@pytest.mark.parametrize(
    ("mistake", "values"),
    [
        ("flipped_kernel", [6, 3, 10, 5]), ("stride_ignored", [3, 11, 10]), ("convolves", [13]),
        ("repeats_pixels", 2 * [3, 9, 11, 15, 10]), ("size_is_stride_times", [3, 6, 5, 10, 0, 0, 0, 0]),
        ("inverse", [3 / 5, 6 / 5, 1, 2]),
    ],
)  # fmt: skip
def test_transposed_mistakes_give_the_values_worked_out_by_hand(mistake, values):
    """The example of the task: (3, 5) spread by (1, 2) at stride 2."""
    image, kernel = torch.tensor([[3.0, 5.0]]), torch.tensor([[1.0, 2.0]])
    assert REFERENCES["transposed_convolution"](image, kernel, 2).tolist() == [[3, 6, 5, 10]]
    wrong = KNOWN_WRONG["transposed_convolution"][mistake](image, kernel, 2)
    assert wrong.flatten().tolist() == pytest.approx(values)


@pytest.mark.parametrize(
    ("mistake", "place"),
    [("fixed_corner", (0, 0)), ("divides_by_height", (1, 2)), ("x_y_swapped", (1, 1)), ("index_from_one", (1, 0))],
)
def test_unpool_mistakes_put_the_value_where_it_is_by_hand(mistake, place):
    """The value 7 with index 5 in a map of 3 x 4: row 1, column 1."""
    features, indices = torch.full((1, 1, 1, 2), 0.0), torch.tensor([[[[5, 2]]]])
    features[..., 0] = 7
    assert REFERENCES["unpool_with_indices"](features, indices, (3, 4))[0, 0, 1, 1] == 7
    wrong = KNOWN_WRONG["unpool_with_indices"][mistake](features, indices, (3, 4))
    assert [tuple(where) for where in (wrong[0, 0] == 7).nonzero().tolist()] == [place]


@pytest.mark.parametrize(
    ("mistake", "value"),
    [
        ("mean_over_all_pixels", math.log(3)), ("sum", 2 * math.log(3)), ("sign", -math.log(3)),
        ("no_logarithm", -1 / 3), ("no_softmax", 0), ("ignored_as_class", math.log(3)),
        ("mean_of_classes.over_num_classes", math.log(3) / 3), ("error_rate", 1 / 2),
    ],
)  # fmt: skip
def test_loss_mistakes_give_the_values_worked_out_by_hand(mistake, value):
    """Equal logits of three classes, two pixels: ln 3 each. (That ignored pixels count is another test's.)"""
    logits, target = torch.zeros(1, 3, 1, 2), torch.tensor([[[0, 2]]])
    assert REFERENCES["segmentation_loss"](logits, target).item() == pytest.approx(math.log(3))
    assert float(KNOWN_WRONG["segmentation_loss"][mistake](logits, target)) == pytest.approx(value)


# What the inputs promise.


ten_seeds = pytest.mark.parametrize("seed", seeds(10))


@ten_seeds
def test_masks_meet_and_differ_in_both_ways(seed):
    *ordinary, within, equal, one = drawn("iou", "values", seed)
    for masks in ordinary:
        pred, target = masks["pred"], masks["target"]
        own = int((pred & ~target).sum()), int((target & ~pred).sum())
        assert (pred & target).any() and not (pred | target).all() and min(own) > 0 and own[0] != own[1]
    assert within["pred"].all() and 0 < within["target"].sum() < within["target"].numel()
    assert torch.equal(equal["pred"], equal["target"]) and one["pred"].numel() == 1


@ten_seeds
def test_every_class_is_hit_where_classes_are_not_what_is_asked(seed):
    for case in ("values", "ignored"):
        for batch in drawn("mean_iou", case, seed):
            pred, target = batch["pred"], batch["target"]
            assert set(target[pred == target].tolist()) >= set(range(batch["num_classes"]))
            assert pred.min() >= 0 and pred.max() < batch["num_classes"]


@ten_seeds
def test_classes_are_absent_in_every_way(seed):
    pred, target = (drawn("mean_iou", "absent", seed)[-1][name] for name in ("pred", "target"))
    in_truth, in_pred = set(target.flatten().tolist()), set(pred.flatten().tolist())
    hit = set(target[pred == target].tolist())
    assert [len(s) for s in (in_truth - in_pred, in_pred - in_truth, in_truth & in_pred, hit)] == [2, 1, 4, 3]
    assert len(set(range(8)) - in_truth - in_pred) == 1


@ten_seeds
def test_some_pixels_are_sure_and_wrong(seed):
    """So that nothing that is added to a probability stays unseen."""
    sure = [batch for batch in drawn("segmentation_loss", "values", seed) if batch["logits"].abs().max() == 40]
    chances = [batch["logits"].double().softmax(dim=1).gather(1, batch["target"][:, None]) for batch in sure]
    assert len(sure) == 1 and 1e-36 < float(chances[0].min()) < 1e-20


@ten_seeds
def test_large_logits_differ_by_what_a_float32_softmax_holds(seed):
    """So that a literal log(softmax) is right, and exp of the logits is infinite at some pixels alone."""
    (logits,) = [b["logits"] for b in drawn("segmentation_loss", "values", seed) if b["logits"].abs().max() > 900]
    assert 0 < (logits.amax(dim=1) > 900).sum() < logits[:, 0].numel()
    assert (logits.amax(dim=1) - logits.amin(dim=1)).max() <= 40 and (logits.softmax(dim=1) > 1e-18).all()


@ten_seeds
def test_indices_are_those_of_windows_of_two_by_two(seed):
    for batch in drawn("unpool_with_indices", "odd", seed):
        h, w = batch["indices"].shape[2:]
        rows, columns = batch["indices"] // batch["output_size"][1], batch["indices"] % batch["output_size"][1]
        assert torch.equal(rows // 2, torch.arange(h)[:, None].expand_as(rows))
        assert torch.equal(columns // 2, torch.arange(w).expand_as(columns))
        assert batch["features"].abs().unique().numel() == batch["features"].numel() and batch["features"].all()


@ten_seeds
def test_images_do_not_count_alike_in_the_loss(seed):
    for batch in drawn("segmentation_loss", "ignored", seed)[1:-1]:
        counted = (batch["target"] != batch.get("ignore_index", 255)).flatten(1).sum(1)
        assert counted.min() > 0 and counted.unique().numel() > 1
