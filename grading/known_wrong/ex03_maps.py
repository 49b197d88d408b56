"""Known wrong answers to exercise 3's `unpool_with_indices` and `segmentation_loss`."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from grading.known_wrong.table import answers

__all__ = ["KNOWN_WRONG"]


# unpool_with_indices


def _unpooled(features, indices, output_size):
    planes = features.new_zeros(*features.shape[:2], output_size[0] * output_size[1])
    planes = planes.scatter(2, indices.flatten(2), features.flatten(2))
    return planes.view(*features.shape[:2], *output_size)


def _in_corner(features, output_size, row, column):
    large = features.new_zeros(*features.shape[:2], *output_size)
    large[:, :, row : 2 * features.shape[2] : 2, column : 2 * features.shape[3] : 2] = features
    return large


def _put(features, rows, columns, output_size):
    large = features.new_zeros(*features.shape[:2], *output_size)
    images = torch.arange(features.shape[0]).view(-1, 1, 1, 1)
    channels = torch.arange(features.shape[1]).view(-1, 1, 1)
    return large.index_put((images, channels, rows, columns), features, accumulate=True)


def unpool_across_planes__overwritten(features, indices, output_size):
    large = np.zeros(features.shape[:2] + tuple(output_size), dtype=features.detach().numpy().dtype)
    large.reshape(-1)[indices.flatten().numpy()] = features.detach().numpy().reshape(-1)  # the last one stays
    return torch.from_numpy(large)


def unpool_across_planes__all_at_all(features, indices, output_size):
    large = features.new_zeros(*features.shape[:2], output_size[0] * output_size[1])
    large[:, :, indices] = features
    return large.view(*features.shape[:2], *output_size)


def unpool_not_attached__numbers(features, indices, output_size):
    large = torch.zeros(*features.shape[:2], *output_size, dtype=features.dtype)
    for b, c, y, x in np.ndindex(*features.shape):
        index = indices[b, c, y, x].item()
        large[b, c, index // output_size[1], index % output_size[1]] = features[b, c, y, x].item()
    return large


def unpool_refuses_gradient(features, indices, output_size):
    large = np.zeros((*features.shape[:2], output_size[0] * output_size[1]), dtype=features.numpy().dtype)
    np.put_along_axis(large, indices.flatten(2).numpy(), features.flatten(2).numpy(), axis=2)
    return torch.from_numpy(large).view(*features.shape[:2], *output_size)


def unpool_changes_its_arguments(features, indices, output_size):
    pixels = output_size[0] * output_size[1]
    indices += pixels * torch.arange(indices.shape[0] * indices.shape[1]).view(*indices.shape[:2], 1, 1)
    large = features.new_zeros(indices.shape[0] * indices.shape[1] * pixels)
    return large.scatter(0, indices.flatten(), features.flatten()).view(*features.shape[:2], *output_size)


UNPOOL_GIVEN = {
    "height, width": "output_size",
    "h, w": "features.shape[2:]",
    "doubled": "[2 * h, 2 * w]",
    "within_doubled": "_put(features, indices // (2 * w) % (2 * h), indices % (2 * w), doubled)",
    "rows": "2 * torch.arange(h).view(-1, 1) + indices % 4 // 2",
    "of_image": "indices.flatten(1)",
    "shape": "(*features.shape[:2], *output_size)",
    "planes": "torch.zeros(*features.shape[:2], height * width)",
    "leaf": "planes.requires_grad_(features.requires_grad)",
    "zeros": "features.new_zeros(*features.shape[:2], *output_size)",
    "large": "_unpooled(features, indices, output_size)",
    "places": "indices.flatten(2)",
    "there": "_unpooled(torch.ones_like(features), indices, output_size) > 0",
}

UNPOOL = {
    "nothing_filled_in": "0 * large",
    "repeats_values": "F.interpolate(features, size=(height, width), mode='nearest')",
    "repeats_values.twice": "features.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)",
    "repeats_values.shared": "F.interpolate(features, size=(height, width), mode='nearest') / 4",
    "repeats_values.corners_aligned": "F.interpolate(features, output_size, mode='bilinear', align_corners=True)",
    "repeats_values.bilinear": "F.interpolate(features, size=(height, width), mode='bilinear')",
    "fixed_corner": "_in_corner(features, output_size, 0, 0)",
    "fixed_corner.lower_right": "_in_corner(features, output_size, 1, 1)",
    # Count the indices through the whole tensor, so that all values land in the first plane.
    "across_planes": "zeros.flatten().scatter_add(0, indices.flatten(), features.flatten()).view_as(zeros)",
    "across_planes.overwritten": unpool_across_planes__overwritten,
    "across_planes.of_an_image": "zeros.flatten(1).scatter_add(1, of_image, features.flatten(1)).view_as(zeros)",
    # Index planes by all indices of all planes.
    "across_planes.all_at_all": unpool_across_planes__all_at_all,
    # Use the first channel's indices for all of them.
    "one_plane_for_all": "_unpooled(features, indices[:, :1].expand_as(indices).contiguous(), output_size)",
    "one_plane_for_all.first_image": "_unpooled(features, indices[:1].expand_as(indices).contiguous(), output_size)",
    "divides_by_height": "_put(features, (indices // height) % height, (indices % height) % width, output_size)",
    "divides_by_height.unchecked": "_put(features, indices // height, indices % height, output_size)",
    "x_y_swapped": "_put(features, (indices % width) % height, (indices // width) % width, output_size)",
    "x_y_swapped.unchecked": "_put(features, indices % width, indices // width, output_size)",
    "x_y_swapped.column_by_column": "_put(features, indices % height, indices // height, output_size)",
    "size_swapped": "_unpooled(features, indices, output_size[::-1])",
    "size_swapped.view": "large.view(*features.shape[:2], width, height)",
    "size_swapped.transposed": "large.transpose(2, 3).contiguous()",
    # Take the index apart with the width of the small map.
    "index_of_the_small_map": "_put(features, (indices // w) % height, (indices % w) % width, output_size)",
    "index_of_the_small_map.in_the_window": "_put(features, rows, 2 * torch.arange(w) + indices % 2, output_size)",
    "output_size_ignored": "_put(features, indices // (2 * w), indices % (2 * w), doubled)",
    "output_size_ignored.max_unpool": "F.max_unpool2d(features, indices, 2)",
    "output_size_ignored.filled_up": "F.pad(within_doubled, (0, width - 2 * w, 0, height - 2 * h))",
    "other_background": "torch.where(there, large, -torch.inf)",
    "other_background.ones": "torch.where(there, large, 1)",
    "other_background.minimum": "torch.where(there, large, features.min())",
    "negatives_lost": "large.clamp(min=0)",
    "negatives_lost.reduced": "zeros.flatten(2).scatter_reduce(2, places, features.flatten(2), 'amax').view_as(zeros)",
    "marks_only": "_unpooled(torch.ones_like(features), indices, output_size)",
    "indices_instead_of_values": "_unpooled(indices.to(features.dtype), indices, output_size)",
    "index_from_one": "_unpooled(features, (indices - 1) % (height * width), output_size)",
    "too_small": "torch.zeros_like(features).flatten(2).scatter(2, places, features.flatten(2)).view_as(features)",
    "too_small.gathered": "features.flatten(2).gather(2, places)",
    "index_and_source_swapped": "zeros.flatten(2).scatter(2, features.flatten(2), places)",
    "not_flattened": "zeros.scatter(2, indices, features)",
    "not_flattened.columns": "zeros.scatter(3, indices, features)",
    "not_unflattened": "large.flatten(2)",
    "not_attached": "_unpooled(features.detach(), indices, output_size)",
    "not_attached.numbers": unpool_not_attached__numbers,
    "refuses_gradient": unpool_refuses_gradient,
    # Give the zeros a gradient of their own, and write into them.
    "refuses_gradient.leaf": "leaf.scatter_(2, indices.flatten(2), features.flatten(2)).view(shape)",
    "refuses_gradient.always": "zeros.flatten(2).requires_grad_().scatter_(2, places, features.flatten(2))",
    "float32_only": "_unpooled(features.float(), indices, output_size)",
    "float32_only.refused": "planes.scatter(2, indices.flatten(2), features.flatten(2)).view(shape)",
    "changes_its_arguments": unpool_changes_its_arguments,
}


# segmentation_loss


def _nll(log_p, target, ignore_index=255):
    """Return the mean of -log p of the target over the pixels that count, 0 if there are none."""
    return F.nll_loss(log_p, target, ignore_index=ignore_index, reduction="sum") / _count(target, ignore_index)


def _count(target, ignore_index=255):
    return (target != ignore_index).sum().clamp(min=1)


def _each(logits, target, ignore_index=255):
    """Return the loss of each pixel, 0 where it does not count."""
    return F.cross_entropy(logits, target, ignore_index=ignore_index, reduction="none")


def _binary(logits, truth):
    return F.binary_cross_entropy_with_logits(logits, truth, reduction="none")


def _dice(p, truth, axes, smooth):
    """Return the mean of 1 - Dice over what the axes leave."""
    return (1 - (2 * (p * truth).sum(dim=axes) + smooth) / ((p + truth).sum(dim=axes) + smooth)).mean()


def _right(logits, target, ignore_index=255):
    return _each(logits, target, ignore_index).sum() / _count(target, ignore_index)


def loss_needs_numpy(logits, target, ignore_index=255):
    counted = target != ignore_index
    exp = np.exp((logits - logits.amax(dim=1, keepdim=True)).numpy())
    p = torch.from_numpy(exp / exp.sum(axis=1, keepdims=True)).gather(1, (target * counted)[:, None])[:, 0]
    return (-p.log() * counted).sum() / _count(target, ignore_index)


def loss_mean_of_classes(logits, target, ignore_index=255):
    each = _each(logits, target, ignore_index)
    classes = [each[target == c].mean() for c in range(logits.shape[1]) if (target == c).any()]
    return torch.stack(classes).mean() if classes else 0 * logits.sum()


def loss_mean_of_classes__weighted(logits, target, ignore_index=255):
    counted = target[target != ignore_index]
    weight = 1 / torch.bincount(counted, minlength=logits.shape[1]).clamp(min=1).to(logits.dtype)
    total = F.cross_entropy(logits, target, weight, ignore_index=ignore_index, reduction="sum")
    return total / weight[counted].sum().clamp(min=1e-9)


def loss_changes_its_arguments(logits, target, ignore_index=255):
    counted = target != ignore_index
    target[~counted] = 0
    each = F.cross_entropy(logits, target, reduction="none")
    return (each * counted).sum() / counted.sum().clamp(min=1)


def loss_changes_its_arguments__logits(logits, target, ignore_index=255):
    logits.data -= logits.data.amax(dim=1, keepdim=True)
    return _right(logits, target, ignore_index)


LOSS_GIVEN = {
    "counted": "target != ignore_index",
    "count": "_count(target, ignore_index)",
    "each": "_each(logits, target, ignore_index)",
    "loss": "_right(logits, target, ignore_index)",
    "plain": "F.cross_entropy(logits, target, ignore_index=ignore_index)",
    "chosen": "(target * counted)[:, None]",
    "truth": "F.one_hot(target * counted, logits.shape[1]).movedim(-1, 1)",
    "p": "logits.softmax(dim=1)",
    "seen": "counted[:, None]",
    "where": "counted[:, None].expand_as(logits)",
    "chances": "p.gather(1, chosen)[:, 0]",
    "dice": "1 - (2 * (p * truth)[where].sum() + 1) / ((p + truth)[where].sum() + 1)",
    "binary": "_binary(logits, truth.to(logits.dtype)).sum(dim=1)",
}

EXPONENTS = (5, 6, 7, 8, 9, 10, 12, 15)  # of 1/10
LOSS = {
    "constant": "0 * logits.sum()",
    "constant.detached": "torch.tensor(0.0)",
    "constant.one": "torch.tensor(1.0)",
    "needs_numpy": loss_needs_numpy,
    "softmax_first": "_right(logits.softmax(dim=1), target, ignore_index)",
    "softmax_first.sigmoid": "_right(logits.sigmoid(), target, ignore_index)",
    "no_softmax": "_nll(logits, target, ignore_index)",
    "no_logarithm": "_nll(logits.softmax(dim=1), target, ignore_index)",
    **{f"saturates.plus_{n}": f"_nll((p + 1e-{n}).log(), target, ignore_index)" for n in EXPONENTS},
    **{f"saturates.at_{n}": f"_nll(p.clamp(min=1e-{n}).log(), target, ignore_index)" for n in EXPONENTS},
    "saturates.logits_clamped": "_right(logits.clamp(-10, 10), target, ignore_index)",
    "overflows": "((logits.exp().sum(dim=1).log() - logits.gather(1, chosen)[:, 0]) * counted).sum() / count",
    "overflows.of_the_quotient": (
        "_nll((logits.exp() / logits.exp().sum(dim=1, keepdim=True)).log(), target, ignore_index)"
    ),
    "with_dice": "loss + dice",
    "with_dice.alone": "dice",
    "with_dice.half": "(loss + dice) / 2",
    "with_dice.of_classes": "loss + _dice(p * seen, truth * seen, (0, 2, 3), 1)",
    "with_dice.of_classes_sharp": "loss + _dice(p * seen, truth * seen, (0, 2, 3), 1e-6)",
    "with_dice.of_classes_half": "(loss + _dice(p * seen, truth * seen, (0, 2, 3), 1e-6)) / 2",
    "with_dice.of_planes": "loss + _dice(p * seen, truth * seen, (2, 3), 1)",
    "with_dice.of_planes_sharp": "loss + _dice(p * seen, truth * seen, (2, 3), 1e-6)",
    "with_dice.classes_alone": "_dice(p * seen, truth * seen, (0, 2, 3), 1e-6)",
    "focal": "((1 - chances) ** 2 * each * counted).sum() / count",
    "focal.weighted": "0.25 * ((1 - chances) ** 2 * each * counted).sum() / count",
    "focal.weaker": "((1 - chances) * each * counted).sum() / count",
    "smoothed_labels.more": "F.cross_entropy(logits, target, label_smoothing=0.2, ignore_index=ignore_index)",
    "smoothed_labels": "F.cross_entropy(logits, target, label_smoothing=0.1, ignore_index=ignore_index)",
    "float_target": "_right(logits, target.to(logits.dtype), ignore_index)",
    "target_axes": "_right(logits, target[:, None], ignore_index)",
    "target_axes.squeezed": "_right(logits, target.squeeze(1), ignore_index)",
    "target_axes.flat": "_right(logits, target.flatten(), ignore_index)",
    "target_axes.one_hot": "F.cross_entropy(logits, F.one_hot(target, logits.shape[1]).movedim(-1, 1).float())",
    "no_logarithm.one_minus": "((1 - logits.softmax(dim=1).gather(1, chosen)[:, 0]) * counted).sum() / count",
    "sign": "-loss",
    "other_axis": "_nll(logits.log_softmax(dim=0), target, ignore_index)",
    "other_axis.rows": "_nll(logits.log_softmax(dim=2), target, ignore_index)",
    "other_axis.columns": "_nll(logits.log_softmax(dim=-1), target, ignore_index)",
    "other_axis.all_pixels": "_nll(logits.flatten(1).log_softmax(dim=1).view_as(logits), target, ignore_index)",
    "other_axis.classes_last": "F.cross_entropy(logits.permute(0, 2, 3, 1), target, ignore_index=ignore_index)",
    # Flatten the pixels with the classes still on axis 1.
    "other_axis.picked": "F.cross_entropy(logits[counted], target[counted])",
    "other_axis.reshaped": "_right(logits.reshape(-1, logits.shape[1]), target.flatten(), ignore_index)",
    "mean_over_all_pixels": "each.mean()",
    "another_denominator": "each.sum() / (count + 1)",
    "another_base": "loss / np.log(2)",
    "ignored_as_class": "F.cross_entropy(logits, torch.where(target == ignore_index, 0, target))",
    "ignored_as_class.clamped": "F.cross_entropy(logits, target.clamp(0, logits.shape[1] - 1))",
    "ignore_index_unused": "F.cross_entropy(logits, target)",
    "other_ignore_index": "_right(logits, target)",
    "other_ignore_index.below_num_classes": "_right(logits, torch.where(target < logits.shape[1], target, 255))",
    "background_ignored": "_right(logits, torch.where(target == 0, ignore_index, target), ignore_index)",
    "sum": "each.sum()",
    "sum.mean_over_the_batch": "each.sum() / len(logits)",
    "sum.each_pixel": "each",
    "mean_of_images": "(each.sum(dim=(1, 2)) / counted.sum(dim=(1, 2)).clamp(min=1)).mean()",
    "mean_of_classes": loss_mean_of_classes,
    "mean_of_classes.weighted": loss_mean_of_classes__weighted,
    "mean_of_classes.over_num_classes": "loss / logits.shape[1]",
    "binary": "(binary * counted).sum() / count",
    "binary.mean": "(binary * counted).sum() / count / logits.shape[1]",
    "binary.mean_of_squares": "((p - truth).square() * counted[:, None]).mean()",
    "binary.mean_of_all_squares": "(p - truth).square().mean()",
    "binary.squared_errors": "((logits.softmax(dim=1) - truth).square().sum(dim=1) * counted).sum() / count",
    "error_rate": "(logits.argmax(dim=1) != target)[counted].to(logits.dtype).mean()",
    "nan_when_nothing_counts": "plain",
    "detached_zero": "plain if counted.any() else torch.tensor(0.0)",
    "detached_zero.needs_gradient": "plain if counted.any() else torch.zeros((), requires_grad=True)",
    "detached_zero.number": "plain if counted.any() else 0.0",
    "not_attached": "_right(logits.detach(), target, ignore_index)",
    "not_attached.number": "loss.item()",
    "float32_only": "_right(logits.float(), target, ignore_index)",
    "changes_its_arguments": loss_changes_its_arguments,
    "changes_its_arguments.logits": loss_changes_its_arguments__logits,
}


KNOWN_WRONG: dict[str, dict[str, object]] = {
    "unpool_with_indices": answers("features, indices, output_size", UNPOOL, globals(), UNPOOL_GIVEN),
    "segmentation_loss": answers("logits, target, ignore_index=255", LOSS, globals(), LOSS_GIVEN),
}
