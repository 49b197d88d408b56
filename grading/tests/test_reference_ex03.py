"""The reference answers of ex03's functions: numbers by hand, SciPy and torch, invariants, bad input."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.signal import convolve2d, correlate2d
from scipy.sparse import coo_matrix
from scipy.spatial.distance import dice, jaccard
from torchvision.ops import box_iou

from grading.course.course import Course
from grading.course.release import ROOT

ANSWERS = Course(ROOT, "ex03_segmentation").reference_answers()
iou, mean_iou = ANSWERS["iou"], ANSWERS["mean_iou"]
convolution_matrix, transposed_convolution = ANSWERS["convolution_matrix"], ANSWERS["transposed_convolution"]
unpool_with_indices, segmentation_loss = ANSWERS["unpool_with_indices"], ANSWERS["segmentation_loss"]
NAN = float("nan")

seeds = pytest.mark.parametrize("seed", range(5))


def generator(seed):
    return torch.Generator().manual_seed(seed)


def random(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=generator(seed), dtype=dtype)


def random_labels(*shape, classes=4, seed=0):
    return torch.randint(classes, shape, generator=generator(seed))


def random_mask(*shape, seed=0):
    return torch.rand(*shape, generator=generator(seed)) < 0.4


# iou.


def test_iou_by_hand():
    assert iou(torch.tensor([True, True, False]), torch.tensor([False, True, True])).item() == pytest.approx(1 / 3)


def test_iou_of_equal_disjoint_and_empty_masks():
    mask, empty = torch.tensor([[True, False], [True, True]]), torch.zeros(2, 2, dtype=torch.bool)
    assert iou(mask, mask) == 1 and iou(mask, ~mask) == 0 and iou(mask, empty) == iou(empty, mask) == 0
    assert iou(empty, empty).isnan()


@seeds
def test_iou_agrees_with_scipy(seed):
    a, b = random_mask(5, 7, seed=seed), random_mask(5, 7, seed=seed + 100)
    assert iou(a, b).item() == pytest.approx(1 - jaccard(a.flatten(), b.flatten()), rel=1e-6)
    assert iou(a, b).item() == iou(b, a).item() == iou(a.T, b.T).item()
    assert iou(a, b).item() == pytest.approx(1 / (2 / (1 - dice(a.flatten(), b.flatten())) - 1), rel=1e-6)


@pytest.mark.parametrize("box", [(0, 0, 4, 3), (2, 1, 9, 6), (3, 2, 5, 4), (6, 5, 11, 8)])
def test_iou_of_filled_boxes_is_torchvisions_box_iou(box):
    boxes = torch.tensor([(1, 1, 6, 5), box])
    masks = torch.zeros(2, 8, 11, dtype=torch.bool)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes.tolist(), strict=True):
        mask[y1:y2, x1:x2] = True
    assert iou(*masks).item() == pytest.approx(box_iou(boxes[:1].float(), boxes[1:].float()).item())


# mean_iou.


def test_mean_iou_by_hand():
    mean, per_class = mean_iou(torch.tensor([0, 1, 1, 1]), torch.tensor([0, 0, 1, 1]), 3)
    torch.testing.assert_close(per_class, torch.tensor([1 / 2, 2 / 3, NAN]), equal_nan=True)
    assert mean.item() == pytest.approx(7 / 12)


@seeds
@pytest.mark.parametrize("ignore_index", [255, -1, 6])
def test_mean_iou_agrees_with_a_sparse_matrix_of_pairs(seed, ignore_index):
    """SciPy adds up what falls on the same entry; classes 4 and 5 are absent from one of the two or from both."""
    pred, target = random_labels(3, 5, 7, classes=5, seed=seed), random_labels(3, 5, 7, seed=seed + 100)
    target[random_mask(3, 5, 7, seed=seed + 200)] = ignore_index
    p, t = (labels[target != ignore_index].numpy() for labels in (pred, target))
    table = coo_matrix((np.ones(len(p)), (t, p)), shape=(6, 6)).toarray()
    with np.errstate(invalid="ignore"):
        expected = np.diag(table) / (table.sum(0) + table.sum(1) - np.diag(table))
    mean, per_class = mean_iou(pred, target, 6, ignore_index)
    np.testing.assert_allclose(per_class, expected, rtol=1e-6)
    assert mean.item() == pytest.approx(np.nanmean(expected)) and per_class[4] == 0 and per_class[5].isnan()


@seeds
def test_mean_iou_is_the_mean_of_the_ious_of_the_masks(seed):
    pred, target = random_labels(2, 6, 5, seed=seed), random_labels(2, 6, 5, seed=seed + 100)
    mean, per_class = mean_iou(pred, target, 4)
    masks = torch.stack([iou(pred == c, target == c) for c in range(4)])
    torch.testing.assert_close(per_class, masks)
    torch.testing.assert_close(mean, masks.mean())


def test_mean_iou_asks_neither_for_order_nor_for_names_nor_for_batches():
    pred, target = random_labels(4, 5, 6), random_labels(4, 5, 6, seed=1)
    mean, per_class = mean_iou(pred, target, 4)
    order, names = torch.randperm(120, generator=generator(2)), torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(mean_iou(pred.flatten()[order], target.flatten()[order], 4)[1], per_class)
    torch.testing.assert_close(mean_iou(names[pred], names[target], 4)[1][names], per_class)
    torch.testing.assert_close(mean_iou(target, pred, 4)[0], mean)
    assert not math.isclose(mean.item(), np.mean([mean_iou(p, t, 4)[0] for p, t in zip(pred, target, strict=True)]))


def test_mean_iou_where_nothing_counts_is_nan():
    for shape in ((2, 3, 4), (0, 3, 4)):
        mean, per_class = mean_iou(torch.zeros(shape).long(), torch.full(shape, 255), 3)
        assert mean.isnan() and per_class.shape == (3,) and per_class.isnan().all()


# convolution_matrix and transposed_convolution.

SHAPES = [
    pytest.param((3, 3), (5, 7), 1, 0, id="plain"),
    pytest.param((3, 2), (6, 5), 2, 1, id="stride-2"),
    pytest.param((2, 5), (7, 8), 3, 2, id="stride-3"),
    pytest.param((1, 1), (4, 3), 2, 0, id="one-pixel"),
    pytest.param((4, 4), (3, 2), 1, 1, id="kernel-larger-than-image"),
    pytest.param((5, 7), (5, 7), 1, 0, id="kernel-as-large-as-image"),
]


def test_convolution_matrix_by_hand():
    C = convolution_matrix(torch.tensor([[1.0, 2.0]]), (1, 3))
    assert C.tolist() == [[1, 2, 0], [0, 1, 2]] and C.dtype == torch.float32


@pytest.mark.parametrize(("kernel", "size", "stride", "padding"), SHAPES)
def test_the_matrix_convolves_as_torch_does(kernel, size, stride, padding):
    kernel, image = random(*kernel), random(*size, seed=1)
    expected = F.conv2d(image[None, None], kernel[None, None], stride=stride, padding=padding)
    C = convolution_matrix(kernel, size, stride, padding)
    torch.testing.assert_close(C @ image.flatten(), expected.flatten())
    assert C.shape == (expected.numel(), image.numel()) and C.dtype == torch.float64


@pytest.mark.parametrize("kernel", [(3, 3), (2, 4), (1, 5)])
def test_the_matrix_correlates_as_scipy_does(kernel):
    kernel, image = random(*kernel), random(6, 7, seed=1)
    expected = correlate2d(image.numpy(), kernel.numpy(), mode="valid")
    np.testing.assert_allclose(convolution_matrix(kernel, (6, 7)) @ image.flatten(), expected.flatten())


def test_transposed_convolution_by_hand():
    result = transposed_convolution(torch.tensor([[3.0, 5.0]]), torch.tensor([[1.0, 2.0]]), stride=2)
    assert result.tolist() == [[3, 6, 5, 10]]


@pytest.mark.parametrize(("kernel", "size", "stride", "padding"), SHAPES)
def test_the_transposed_spreads_as_torch_does(kernel, size, stride, padding):
    kernel, image = random(*kernel), random(*size, seed=1)
    expected = F.conv_transpose2d(image[None, None], kernel[None, None], stride=stride, padding=padding)[0, 0]
    torch.testing.assert_close(transposed_convolution(image, kernel, stride, padding), expected)


def test_the_transposed_without_stride_is_scipys_full_convolution():
    kernel, image = random(3, 2), random(4, 5, seed=1)
    np.testing.assert_allclose(transposed_convolution(image, kernel), convolve2d(image.numpy(), kernel.numpy()))


@pytest.mark.parametrize(("kernel", "size", "stride", "padding"), SHAPES)
def test_the_two_are_transposes_of_each_other(kernel, size, stride, padding):
    """<C x, y> = <x, C^T y> for every x and y, which no other map fulfils."""
    kernel, y = random(*kernel), random(*size, seed=1)
    spread = transposed_convolution(y, kernel, stride, padding)
    x = random(*spread.shape, seed=2)
    C = convolution_matrix(kernel, tuple(x.shape), stride, padding)
    torch.testing.assert_close((C @ x.flatten()) @ y.flatten(), x.flatten() @ spread.flatten())
    torch.testing.assert_close((C.T @ y.flatten()).view(x.shape), spread)


def test_the_transposed_is_not_the_inverse():
    image, kernel = random(4, 5), random(3, 3, seed=1)
    C = convolution_matrix(kernel, (6, 7))
    again = C @ transposed_convolution(image, kernel).flatten()
    assert again.shape == (image.numel(),) and not torch.allclose(again, image.flatten(), atol=0.5)


def test_a_kernel_of_ones_with_its_own_size_as_stride_repeats_pixels():
    image = random(3, 4)
    repeated = image.repeat_interleave(2, dim=0).repeat_interleave(2, dim=1)
    torch.testing.assert_close(transposed_convolution(image, torch.ones(2, 2).double(), stride=2), repeated)


# unpool_with_indices.


def test_unpool_by_hand():
    features, indices = torch.zeros(1, 1, 1, 1) + 7, torch.full((1, 1, 1, 1), 5)
    large = unpool_with_indices(features, indices, (4, 4))
    assert large[0, 0, 1, 1] == 7 and large.count_nonzero() == 1 and large.shape == (1, 1, 4, 4)


@pytest.mark.parametrize("size", [(4, 6), (5, 6), (4, 7), (5, 7), (2, 2)])
def test_unpool_agrees_with_torch_and_its_gradient_is_a_gather(size):
    pooled, indices = F.max_pool2d(random(2, 3, *size), 2, return_indices=True)
    pooled.requires_grad_()
    large = unpool_with_indices(pooled, indices, size)
    torch.testing.assert_close(large, F.max_unpool2d(pooled, indices, 2, output_size=size))
    weights = random(2, 3, *size, seed=1)
    (gradient,) = torch.autograd.grad(large, pooled, weights)
    torch.testing.assert_close(gradient, weights.flatten(2).gather(2, indices.flatten(2)).view_as(gradient))


def test_pooling_what_was_unpooled_gives_it_back():
    pooled, indices = F.max_pool2d(random(2, 3, 6, 8).abs(), 2, return_indices=True)
    again = F.max_pool2d(unpool_with_indices(pooled, indices, (6, 8)), 2, return_indices=True)
    assert torch.equal(again[0], pooled) and torch.equal(again[1], indices)


# segmentation_loss.


def test_loss_by_hand():
    logits, target = torch.zeros(1, 2, 1, 3, requires_grad=True), torch.tensor([[[0, 1, 255]]])
    loss = segmentation_loss(logits, target)
    assert loss.item() == pytest.approx(math.log(2))
    (gradient,) = torch.autograd.grad(loss, logits)  # (p - 1) / 2 for the target, p / 2 for the other, nothing for 255
    torch.testing.assert_close(gradient[0, :, 0], torch.tensor([[-0.25, 0.25, 0], [0.25, -0.25, 0]]))


@seeds
@pytest.mark.parametrize("ignore_index", [255, -1, 4])
def test_loss_and_its_gradient_agree_with_the_formula(seed, ignore_index):
    logits, target = random(2, 4, 3, 5, seed=seed).requires_grad_(), random_labels(2, 3, 5, seed=seed)
    target[random_mask(2, 3, 5, seed=seed + 1)] = ignore_index
    counted = target != ignore_index
    log_p = logits.movedim(1, -1)[counted].log_softmax(dim=-1)
    expected = -log_p[torch.arange(len(log_p)), target[counted]].mean()
    loss = segmentation_loss(logits, target, ignore_index)
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(*(torch.autograd.grad(value, logits)[0] for value in (loss, expected)))


def test_loss_has_the_numerical_gradient():
    target = torch.tensor([[[0, 2], [255, 1]]])
    assert torch.autograd.gradcheck(lambda x: segmentation_loss(x, target), random(1, 3, 2, 2).requires_grad_())


def test_loss_where_nothing_counts_is_zero_with_zero_gradient():
    logits = random(2, 3, 2, 4).requires_grad_()
    loss = segmentation_loss(logits, torch.full((2, 2, 4), 255))
    assert loss.item() == 0 and torch.equal(torch.autograd.grad(loss, logits)[0], torch.zeros_like(logits))


def test_loss_of_large_logits_is_finite():
    logits = (1e4 * random(1, 3, 2, 2).sign()).requires_grad_()
    loss = segmentation_loss(logits, random_labels(1, 2, 2, classes=3))
    assert loss.isfinite() and torch.autograd.grad(loss, logits)[0].isfinite().all()


# Bad input.

MASK, LABELS, IMAGE = torch.ones(2, 3, dtype=torch.bool), torch.zeros(2, 3).long(), torch.zeros(3, 4)
MAPS, WHERE = torch.zeros(1, 2, 2, 2), torch.zeros(1, 2, 2, 2).long()


@pytest.mark.parametrize(("answer", "arguments", "error", "message"), [
    pytest.param(iou, (MASK.float(), MASK), TypeError, "pred has dtype float32; expected bool", id="probabilities"),
    pytest.param(iou, (MASK, LABELS), TypeError, "target has dtype int64; expected bool", id="labels"),
    pytest.param(iou, (MASK, [True]), TypeError, "target is a list; expected a tensor", id="list"),
    pytest.param(iou, (MASK, MASK.T), ValueError, r"pred has shape \(2, 3\) and target \(3, 2\)", id="shapes"),
    pytest.param(mean_iou, (LABELS.float(), LABELS, 3), TypeError,
                 "pred has dtype float32; expected int64", id="float"),
    pytest.param(mean_iou, (LABELS, LABELS[0], 3), ValueError, "expected the same shape", id="mean-shapes"),
    pytest.param(mean_iou, (LABELS + 3, LABELS, 3), ValueError, "pred holds 3; expected whole numbers from 0 to 2",
                 id="class-beyond"),
    pytest.param(mean_iou, (LABELS, LABELS - 1, 3), ValueError, "target holds -1; expected .* from 0 to 2",
                 id="negative-class"),
    pytest.param(mean_iou, (LABELS, LABELS + 255, 3, 254), ValueError, "target holds 255", id="other-ignore-index"),
    pytest.param(convolution_matrix, (IMAGE[0], (3, 4)), ValueError, r"kernel has shape \(4,\); expected \(kh, kw\)",
                 id="flat-kernel"),
    pytest.param(convolution_matrix, (IMAGE.long(), (3, 4)), TypeError, "kernel has dtype int64", id="integer-kernel"),
    pytest.param(convolution_matrix, (IMAGE, (3, 3)), ValueError,
                 "kernel of 3 x 4 does not fit into 3 x 3 with padding 0", id="too-large"),
    pytest.param(transposed_convolution, (IMAGE[None], IMAGE), ValueError,
                 r"image has shape \(1, 3, 4\)", id="channel"),
    pytest.param(transposed_convolution, (IMAGE, IMAGE.double()), TypeError,
                 "kernel has dtype float64; expected float32", id="two-dtypes"),
    pytest.param(transposed_convolution, (IMAGE, torch.ones(1, 1), 1, 2), ValueError, "padding 2 leaves nothing",
                 id="nothing-left"),
    pytest.param(unpool_with_indices, (MAPS[0], WHERE[0], (4, 4)), ValueError, r"Add a batch axis", id="no-batch"),
    pytest.param(unpool_with_indices, (MAPS, WHERE.int(), (4, 4)), TypeError, "indices has dtype int32", id="int32"),
    pytest.param(unpool_with_indices, (MAPS, WHERE[:, :1], (4, 4)), ValueError, r"indices has shape \(1, 1, 2, 2\)",
                 id="other-channels"),
    pytest.param(unpool_with_indices, (MAPS, WHERE + 16, (4, 4)), ValueError,
                 "indices holds 16; expected whole numbers from 0 to 15", id="index-beyond"),
    pytest.param(segmentation_loss, (MAPS, WHERE), ValueError, r"target has shape .*; expected \(B=1, H=2, W=2\)",
                 id="target-with-channels"),
    pytest.param(segmentation_loss, (MAPS, MAPS[:, 0]), TypeError, "target has dtype float32", id="float-target"),
    pytest.param(segmentation_loss, (MAPS.half(), WHERE[:, 0]), TypeError, "logits has dtype float16", id="half"),
    pytest.param(segmentation_loss, (MAPS, WHERE[:, 0] + 2), ValueError, "target holds 2; expected .* from 0 to 1",
                 id="class-beyond-logits"),
])  # fmt: skip
def test_bad_input_is_refused_in_one_sentence(answer, arguments, error, message):
    with pytest.raises(error, match=message):
        answer(*arguments)
