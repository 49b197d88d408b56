"""Strangers to exercise 3's `unpool_with_indices` and `segmentation_loss`."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from grading.right_variants import styles

__all__ = ["STRANGERS"]


# unpool_with_indices


def unpool_repeats_values__kron(features, indices, output_size):
    maps = torch.kron(features, features.new_ones(1, 1, 2, 2))
    return F.pad(maps, (0, output_size[1] - maps.shape[3], 0, output_size[0] - maps.shape[2]))


def unpool_divides_by_height__loops(features, indices, output_size):
    height, width = output_size
    maps = features.new_zeros(*features.shape[:2], height, width)
    for b in range(len(features)):
        for c in range(features.shape[1]):
            for value, index in zip(features[b, c].flatten(), indices[b, c].flatten().tolist(), strict=True):
                maps[b, c, index // height, index % height] = value
    return maps


def unpool_across_planes__put(features, indices, output_size):
    maps = features.new_zeros(*features.shape[:2], *output_size)
    return maps.put(indices, features)


def unpool_fixed_corner__strided(features, indices, output_size):
    maps = features.new_zeros(*features.shape[:2], *output_size)
    h, w = features.shape[2:]
    maps[..., 0 : 2 * h : 2, 1 : 2 * w : 2] = features
    return maps


def unpool_x_y_swapped__transposed_planes(features, indices, output_size):
    height, width = output_size
    planes = features.new_zeros(*features.shape[:2], height * width)
    planes = planes.scatter(2, indices.flatten(2), features.flatten(2))
    return planes.view(*features.shape[:2], width, height).transpose(2, 3)


def unpool_output_size_ignored__max_unpool_then_resize(features, indices, output_size):
    maps = F.max_unpool2d(features, indices % (4 * features.shape[2] * features.shape[3]), 2)
    return F.interpolate(maps, size=output_size)


def unpool_not_attached__no_grad(features, indices, output_size):
    with torch.no_grad():
        planes = torch.zeros(*features.shape[:2], output_size[0] * output_size[1], dtype=features.dtype)
        planes.scatter_(2, indices.flatten(2), features.flatten(2))
    return planes.view(*features.shape[:2], *output_size)


# segmentation_loss


def _counted(each, target, ignore_index):
    keep = target != ignore_index
    return (each * keep).sum() / keep.sum().clamp(min=1)


def _log_p(logits, target, ignore_index):
    """Return the log-probability of each pixel's target, of class 0 where it does not count."""
    chosen = target.masked_fill(target == ignore_index, 0)[:, None]
    return logits.log_softmax(dim=1).gather(1, chosen)[:, 0]


def loss_saturates__epsilon(logits, target, ignore_index=255):
    p = torch.softmax(logits, dim=1)
    chosen = target.masked_fill(target == ignore_index, 0)[:, None]
    return _counted(-torch.log(p.gather(1, chosen)[:, 0] + 1e-8), target, ignore_index)


def loss_with_dice__and_dice(logits, target, ignore_index=255):
    keep = (target != ignore_index)[:, None]
    truth = F.one_hot(target.masked_fill(target == ignore_index, 0), logits.shape[1]).movedim(-1, 1) * keep
    p = logits.softmax(dim=1) * keep
    dice = 1 - (2 * (p * truth).sum((0, 2, 3)) + 1) / (p.sum((0, 2, 3)) + truth.sum((0, 2, 3)) + 1)
    return _counted(-_log_p(logits, target, ignore_index), target, ignore_index) + dice.mean()


def loss_focal__gamma_two(logits, target, ignore_index=255):
    log_p = _log_p(logits, target, ignore_index)
    return _counted(-((1 - log_p.exp()) ** 2) * log_p, target, ignore_index)


def loss_smoothed_labels__a_tenth(logits, target, ignore_index=255):
    total = F.cross_entropy(logits, target, ignore_index=ignore_index, label_smoothing=0.1, reduction="sum")
    return total / (target != ignore_index).sum().clamp(min=1)


def loss_last_class_ignored__range(logits, target, ignore_index=255):
    classes = logits.shape[1] - 1
    total, count = 0 * logits.sum(), (target != ignore_index).sum().clamp(min=1)
    log_p = logits.log_softmax(dim=1)
    for c in range(classes):
        total = total - log_p[:, c][target == c].sum()
    return total / count


def loss_mean_of_images__loop(logits, target, ignore_index=255):
    losses = []
    for one, labels in zip(logits, target, strict=True):
        keep = labels != ignore_index
        losses.append(F.cross_entropy(one[:, keep].T, labels[keep]) if keep.any() else 0 * one.sum())
    return torch.stack(losses).mean()


def loss_mean_over_all_pixels__masked(logits, target, ignore_index=255):
    keep = target != ignore_index
    each = F.cross_entropy(logits, target.masked_fill(~keep, 0), reduction="none")
    return (each * keep).mean()


def loss_softmax_first__log_softmax_of_softmax(logits, target, ignore_index=255):
    return _counted(-_log_p(torch.softmax(logits, 1), target, ignore_index), target, ignore_index)


STRANGERS = {"unpool_with_indices": styles("unpool_", globals()), "segmentation_loss": styles("loss_", globals())}
