"""Strangers to exercise 3's metrics and convolutions."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F

from grading.right_variants import styles

__all__ = ["STRANGERS"]


# iou


def iou_over_all_pixels__counted(pred, target):
    hits = sum(int(p and t) for p, t in zip(pred.flatten().tolist(), target.flatten().tolist(), strict=True))
    return hits / max(pred.numel(), 1)


def iou_dice__f1(pred, target):
    hits = (pred & target).sum().float()
    precision, recall = hits / pred.sum(), hits / target.sum()
    return 2 * precision * recall / (precision + recall)


def iou_mean_of_rows__of_a_batch(pred, target):
    ious = []
    for p, t in zip(pred, target, strict=True):
        either = (p | t).sum()
        if either > 0:
            ious.append(((p & t).sum() / either).item())
    return sum(ious) / len(ious) if ious else math.nan


def iou_empty_is_zero__python(pred, target):
    try:
        return int((pred & target).sum()) / int((pred | target).sum())
    except ZeroDivisionError:
        return 0.0


def iou_background__both_classes(pred, target):
    counts = torch.bincount(2 * target.flatten().long() + pred.flatten().long(), minlength=4).view(2, 2)
    hits = counts.diag()
    return (hits / (counts.sum(0) + counts.sum(1) - hits)).nanmean()


def iou_pixel_accuracy__xor(pred, target):
    return 1 - (pred ^ target).float().mean()


def iou_union_is_sum__floats(pred, target):
    p, t = pred.float(), target.float()
    return (p * t).sum() / (p + t).sum()


def iou_smoothed_or_empty_is_one__keras(pred, target, smooth=1.0):
    p, t = pred.flatten().float(), target.flatten().float()
    both = (p * t).sum()
    return (both + smooth) / (p.sum() + t.sum() - both + smooth)


# mean_iou


def _nanmean(per_class):
    return per_class.nanmean(), per_class


def _confusion(pred, target, num_classes):
    return torch.bincount(num_classes * target + pred, minlength=num_classes**2).view(num_classes, num_classes)


def _ratios(confusion):
    hits = confusion.diag()
    return hits / (confusion.sum(0) + confusion.sum(1) - hits)


def mean_other_ignore_index__255_dropped(pred, target, num_classes, ignore_index=255):
    label, guess = target.flatten().numpy(), pred.flatten().numpy()
    keep = label != 255
    counts = np.bincount(num_classes * label[keep] + guess[keep], minlength=num_classes**2)
    confusion = counts[: num_classes**2].reshape(num_classes, num_classes)
    with np.errstate(all="ignore"):
        ious = np.diag(confusion) / (confusion.sum(1) + confusion.sum(0) - np.diag(confusion))
    return _nanmean(torch.from_numpy(ious))


def mean_ignored_count_as_predicted__target_masked(pred, target, num_classes, ignore_index=255):
    hits, unions = [], []
    for c in range(num_classes):
        p, t = pred == c, target == c
        t = t & (target != ignore_index)
        hits.append((p & t).sum())
        unions.append((p | t).sum())
    return _nanmean(torch.stack(hits) / torch.stack(unions))


def mean_ignored_count_as_right_or_ignored_count_as_class__both_zero(pred, target, num_classes, ignore_index=255):
    void = target == ignore_index
    pred, target = pred.masked_fill(void, 0), target.masked_fill(void, 0)
    return _nanmean(_ratios(_confusion(pred.flatten(), target.flatten(), num_classes)))


def mean_absent_counts_as_one_or_smoothed__smooth(pred, target, num_classes, ignore_index=255):
    keep = target != ignore_index
    confusion = _confusion(pred[keep], target[keep], num_classes)
    hits = confusion.diag()
    per_class = (hits + 1) / (confusion.sum(0) + confusion.sum(1) - hits + 1)
    return per_class.mean(), per_class


def mean_skips_unseen_in_truth__set_of_labels(pred, target, num_classes, ignore_index=255):
    keep = target != ignore_index
    pred, target = pred[keep], target[keep]
    per_class = torch.full((num_classes,), math.nan)
    for c in target.unique().tolist():
        per_class[c] = ((pred == c) & (target == c)).sum() / ((pred == c) | (target == c)).sum()
    return _nanmean(per_class)


def mean_mean_of_images__running_mean(pred, target, num_classes, ignore_index=255):
    rows = zip(pred.reshape(len(pred), -1), target.reshape(len(target), -1), strict=True)
    ious = []
    for p, t in rows:
        keep = t != ignore_index
        ious.append(_ratios(_confusion(p[keep], t[keep], num_classes)))
    return _nanmean(torch.stack(ious).nanmean(dim=0)) if ious else _nanmean(torch.full((num_classes,), math.nan))


def mean_one_ratio_for_all__micro(pred, target, num_classes, ignore_index=255):
    keep = target != ignore_index
    confusion = _confusion(pred[keep], target[keep], num_classes)
    hits = confusion.diag().sum()
    return hits / (2 * confusion.sum() - hits), _ratios(confusion)


def mean_dice__f1(pred, target, num_classes, ignore_index=255):
    keep = target != ignore_index
    confusion = _confusion(pred[keep], target[keep], num_classes)
    tp, fp, fn = confusion.diag(), confusion.sum(0) - confusion.diag(), confusion.sum(1) - confusion.diag()
    return _nanmean(2 * tp / (2 * tp + fp + fn))


# convolution_matrix


def _out(n, k, stride, padding):
    return (n + 2 * padding - k) // stride + 1


def _filled(kernel, input_size, stride, padding, out_size, column):
    """Return a matrix filled entry by entry: `column(y, x)` of the image, None where there is none."""
    (height, width), (kh, kw) = input_size, kernel.shape
    C = torch.zeros(out_size[0] * out_size[1], height * width, dtype=kernel.dtype)
    for i in range(out_size[0]):
        for j in range(out_size[1]):
            for u in range(kh):
                for v in range(kw):
                    place = column(i, j, u, v)
                    if place is not None and 0 <= place[0] < height and 0 <= place[1] < width:
                        C[i * out_size[1] + j, place[0] * width + place[1]] = kernel[u, v]
    return C


def _sized(kernel, input_size, stride, padding):
    return [_out(n, k, stride, padding) for n, k in zip(input_size, kernel.shape, strict=True)]


def matrix_flipped_kernel__as_in_the_books(kernel, input_size, stride=1, padding=0):
    kh, kw = kernel.shape
    size = _sized(kernel, input_size, stride, padding)

    def column(i, j, u, v):
        return i * stride + kh - 1 - u - padding, j * stride + kw - 1 - v - padding

    return _filled(kernel, input_size, stride, padding, size, column)


def matrix_size_rounded_up__ceil(kernel, input_size, stride=1, padding=0):
    size = [
        math.ceil((n + 2 * padding - k + 1) / stride) if stride == 1 else math.ceil((n + 2 * padding - k) / stride) + 1
        for n, k in zip(input_size, kernel.shape, strict=True)
    ]
    place = lambda i, j, u, v: (i * stride + u - padding, j * stride + v - padding)  # noqa: E731
    return _filled(kernel, input_size, stride, padding, size, place)


def matrix_stride_ignored__in_the_columns(kernel, input_size, stride=1, padding=0):
    size = _sized(kernel, input_size, stride, padding)
    place = lambda i, j, u, v: (i + u - padding, j + v - padding)  # noqa: E731
    return _filled(kernel, input_size, stride, padding, size, place)


def matrix_padding_ignored_or_padding_one_side__right_size(kernel, input_size, stride=1, padding=0):
    size = _sized(kernel, input_size, stride, padding)
    place = lambda i, j, u, v: (i * stride + u, j * stride + v)  # noqa: E731
    return _filled(kernel, input_size, stride, padding, size, place)


def matrix_transposed_matrix__unfold(kernel, input_size, stride=1, padding=0):
    height, width = input_size
    units = torch.eye(height * width, dtype=kernel.dtype).view(-1, 1, height, width)
    return F.conv2d(units, kernel[None, None], stride=stride, padding=padding).flatten(1)


def matrix_takes_squares__square(kernel, input_size, stride=1, padding=0):
    n, k = input_size[0], kernel.shape[0]
    size = _out(n, k, stride, padding)
    C = kernel.new_zeros(size * size, n * n)
    for i, j, u, v in np.ndindex(size, size, k, k):
        y, x = i * stride + u - padding, j * stride + v - padding
        if 0 <= y < n and 0 <= x < n:
            C[i * size + j, y * n + x] = kernel[u, v]
    return C


# transposed_convolution


def _spread(image, kernel, **settings):
    return F.conv_transpose2d(image[None, None], kernel[None, None].to(image.dtype), **settings)[0, 0]


def _matrix(image, kernel, stride, padding):
    large = [(n - 1) * stride - 2 * padding + k for n, k in zip(image.shape, kernel.shape, strict=True)]
    units = torch.eye(math.prod(large), dtype=image.dtype).view(-1, 1, *large)
    return F.conv2d(units, kernel[None, None], stride=stride, padding=padding).flatten(1).T, large


def spread_one_too_many_or_size_is_stride_times__output_padding(image, kernel, stride=1, padding=0):
    return _spread(image, kernel, stride=stride, padding=padding, output_padding=stride - 1)


def spread_transposed_kernel__mT(image, kernel, stride=1, padding=0):
    return _spread(image, kernel.mT, stride=stride, padding=padding)


def spread_inverse__least_squares(image, kernel, stride=1, padding=0):
    C, large = _matrix(image, kernel, stride, padding)
    return torch.linalg.lstsq(C, image.flatten()[:, None]).solution.view(large)


def spread_flipped_kernel__dilated(image, kernel, stride=1, padding=0):
    kh, kw = kernel.shape
    apart = image.new_zeros((image.shape[0] - 1) * stride + 1, (image.shape[1] - 1) * stride + 1)
    apart[::stride, ::stride] = image
    full = F.pad(apart, (kw - 1, kw - 1, kh - 1, kh - 1))
    result = F.conv2d(full[None, None], kernel[None, None])[0, 0]
    return result[padding : result.shape[0] - padding, padding : result.shape[1] - padding]


def spread_stride_ignored__crop(image, kernel, stride=1, padding=0):
    return _spread(image, kernel, padding=padding)


def spread_padding_ignored__loops(image, kernel, stride=1, padding=0):
    kh, kw = kernel.shape
    result = image.new_zeros((image.shape[0] - 1) * stride + kh, (image.shape[1] - 1) * stride + kw)
    for i, j in np.ndindex(*image.shape):
        result[i * stride : i * stride + kh, j * stride : j * stride + kw] += image[i, j] * kernel
    return result


def spread_overwrites_overlaps__loops(image, kernel, stride=1, padding=0):
    (h, w), (kh, kw) = image.shape, kernel.shape
    result = image.new_zeros((h - 1) * stride + kh, (w - 1) * stride + kw)
    for i in range(h):
        for j in range(w):
            result[i * stride : i * stride + kh, j * stride : j * stride + kw] = image[i, j] * kernel
    return result[padding : result.shape[0] - padding, padding : result.shape[1] - padding]


STRANGERS = {
    "iou": styles("iou_", globals()),
    "mean_iou": styles("mean_", globals()),
    "convolution_matrix": styles("matrix_", globals()),
    "transposed_convolution": styles("spread_", globals()),
}
