"""Right answers to exercise 3's questions about functions in many styles: every one must pass every check."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import torch
import torch.nn.functional as F

from grading.known_wrong.table import answers
from grading.right_variants import styles

__all__ = ["REFERENCES", "RIGHT_VARIANTS"]

NAN = float("nan")


# iou

IOU = {
    "counts": "(pred & target).sum() / (pred | target).sum()",
    "logical": "torch.logical_and(pred, target).sum().float() / torch.logical_or(pred, target).sum().float()",
    "mean_of_selected": "pred[pred | target].logical_and(target[pred | target]).float().mean()",
}


def iou_number(pred, target):
    union = int((pred | target).sum())
    return int((pred & target).sum()) / union if union else math.nan


def iou_sum_less_intersection(pred, target):
    both = (pred & target).count_nonzero()
    return both / (pred.count_nonzero() + target.count_nonzero() - both)


def iou_products(pred, target):
    p, t = pred.flatten().double(), target.flatten().double()
    return (p @ t) / (p.sum() + t.sum() - p @ t)


def iou_numpy(pred, target):
    p, t = pred.numpy(), target.numpy()
    with np.errstate(invalid="ignore"):
        return np.logical_and(p, t).sum() / np.logical_or(p, t).sum()


def iou_sets(pred, target):
    p, t = (set(mask.flatten().nonzero().flatten().tolist()) for mask in (pred, target))
    return len(p & t) / len(p | t) if p | t else NAN


def iou_loop(pred, target):
    both = either = 0
    for p, t in zip(pred.flatten().tolist(), target.flatten().tolist(), strict=True):
        both, either = both + (p and t), either + (p or t)
    return torch.tensor(both / either if either else NAN)


def iou_minimum_and_maximum(pred, target):
    p, t = pred.half(), target.half()
    return torch.minimum(p, t).sum(dtype=torch.float32) / torch.maximum(p, t).sum(dtype=torch.float32)


# mean_iou


def mean_bincount(pred, target, num_classes, ignore_index=255):
    counted = target != ignore_index
    index = target[counted] * num_classes + pred[counted]
    confusion = torch.bincount(index, minlength=num_classes * num_classes).reshape(num_classes, num_classes)
    hits = confusion.diag()
    per_class = hits / (confusion.sum(0) + confusion.sum(1) - hits)
    return per_class.nanmean(), per_class


def mean_masks(pred, target, num_classes, ignore_index=255):
    counted, ious = target != ignore_index, []
    for c in range(num_classes):
        p, t = (pred == c) & counted, (target == c) & counted
        union = (p | t).sum()
        ious.append((p & t).sum() / union if union > 0 else torch.tensor(NAN))
    per_class = torch.stack(ious)
    return torch.nanmean(per_class), per_class


def mean_masks_in_numbers(pred, target, num_classes, ignore_index=255):
    pred, target = pred[target != ignore_index], target[target != ignore_index]
    ious = []
    for c in range(num_classes):
        union = ((pred == c) | (target == c)).sum().item()
        ious.append(((pred == c) & (target == c)).sum().item() / union if union else NAN)
    measured = [value for value in ious if not math.isnan(value)]
    return sum(measured) / len(measured) if measured else NAN, torch.tensor(ious)


def mean_one_hot_einsum(pred, target, num_classes, ignore_index=255):
    counted = (target != ignore_index).flatten()
    truth = F.one_hot(target.flatten()[counted], num_classes).double()
    predicted = F.one_hot(pred.flatten()[counted], num_classes).double()
    confusion = torch.einsum("nt,np->tp", truth, predicted)
    hits = torch.einsum("ii->i", confusion)
    per_class = hits / (confusion.sum(0) + confusion.sum(1) - hits)
    return per_class[~per_class.isnan()].mean(), per_class


def mean_table_transposed(pred, target, num_classes, ignore_index=255):
    counted = target != ignore_index
    table = torch.zeros(num_classes, num_classes)
    table.index_put_((pred[counted], target[counted]), torch.tensor(1.0), accumulate=True)
    union = table.sum(0) + table.sum(1) - table.diagonal()
    per_class = torch.where(union > 0, table.diagonal() / union.clamp(min=1), NAN)
    return per_class.nansum() / (union > 0).sum(), per_class


def mean_numpy(pred, target, num_classes, ignore_index=255):
    p, t = pred.numpy().ravel(), target.numpy().ravel()
    confusion = np.zeros((num_classes, num_classes))
    np.add.at(confusion, (t[t != ignore_index], p[t != ignore_index]), 1)
    union = confusion.sum(0) + confusion.sum(1) - np.diag(confusion)
    per_class = np.full(num_classes, np.nan)
    np.divide(np.diag(confusion), union, out=per_class, where=union > 0)
    return (np.nanmean(per_class) if (union > 0).any() else np.nan), torch.from_numpy(per_class)


def mean_histc(pred, target, num_classes, ignore_index=255):
    counted = target != ignore_index
    p, t = pred[counted].float(), target[counted].float()
    areas = [torch.histc(x, bins=num_classes, min=0, max=num_classes - 1) for x in (p, t, p[p == t])]
    per_class = areas[2] / (areas[0] + areas[1] - areas[2])
    return per_class.nanmean(), per_class


def mean_counter(pred, target, num_classes, ignore_index=255):
    pairs = zip(target.flatten().tolist(), pred.flatten().tolist(), strict=True)
    counts = Counter((t, p) for t, p in pairs if t != ignore_index)
    per_class = torch.full((num_classes,), NAN, dtype=torch.float64)
    for c in range(num_classes):
        union = sum(n for pair, n in counts.items() if c in pair)
        if union:
            per_class[c] = counts[c, c] / union
    return per_class.nanmean().item(), per_class


def mean_drops_what_is_no_class(pred, target, num_classes, ignore_index=255):
    """Give every ignored pixel a row of its own in the table, and leave it out."""
    row = torch.where(target == ignore_index, num_classes, target).flatten()
    table = torch.bincount(row * num_classes + pred.flatten(), minlength=(num_classes + 1) * num_classes)
    table = table.view(num_classes + 1, num_classes)[:num_classes].float()
    hits = table.diagonal()
    per_class = hits / (table.sum(0) + table.sum(1) - hits)
    return per_class.nanmean(), per_class


def mean_keeps_what_is_a_class(pred, target, num_classes, ignore_index=255):
    """Whatever ignore_index is, it is no class."""
    counted = (target >= 0) & (target < num_classes)
    pairs = torch.bincount(num_classes * target[counted] + pred[counted], minlength=num_classes**2)
    confusion = pairs.view(num_classes, num_classes)
    per_class = confusion.diag() / (confusion.sum(0) + confusion.sum(1) - confusion.diag())
    return per_class.nanmean(), per_class


def mean_broadcast(pred, target, num_classes, ignore_index=255):
    counted = target != ignore_index
    classes = torch.arange(num_classes).view(-1, 1)
    p, t = pred[counted] == classes, target[counted] == classes
    per_class = (p & t).sum(1) / (p | t).sum(1)
    present = (p | t).any(1)
    return per_class[present].mean(), per_class


# convolution_matrix


def matrix_of_unit_images(kernel, input_size, stride=1, padding=0):
    height, width = input_size
    units = torch.eye(height * width, dtype=kernel.dtype).view(-1, 1, height, width)
    return F.conv2d(units, kernel[None, None], stride=stride, padding=padding).flatten(1).T


def _sizes(kernel, input_size, stride, padding):
    return [(n + 2 * padding - k) // stride + 1 for n, k in zip(input_size, kernel.shape, strict=True)]


def matrix_loops(kernel, input_size, stride=1, padding=0):
    (height, width), (kh, kw) = input_size, kernel.shape
    out_h, out_w = _sizes(kernel, input_size, stride, padding)
    C = torch.zeros(out_h * out_w, height * width, dtype=kernel.dtype)
    for i in range(out_h):
        for j in range(out_w):
            for u in range(kh):
                for v in range(kw):
                    y, x = i * stride + u - padding, j * stride + v - padding
                    if 0 <= y < height and 0 <= x < width:
                        C[i * out_w + j, y * width + x] = kernel[u, v]
    return C


def matrix_windows(kernel, input_size, stride=1, padding=0):
    (height, width), (kh, kw) = input_size, kernel.shape
    rows = []
    for top in range(0, height + 2 * padding - kh + 1, stride):
        for left in range(0, width + 2 * padding - kw + 1, stride):
            image = kernel.new_zeros(height + 2 * padding, width + 2 * padding)
            image[top : top + kh, left : left + kw] = kernel
            rows.append(image[padding : padding + height, padding : padding + width].flatten())
    return torch.stack(rows)


def matrix_unfold(kernel, input_size, stride=1, padding=0):
    """Number the pixels, look where every window takes them from, and put the kernel there."""
    height, width = input_size
    numbers = torch.arange(1.0, height * width + 1, dtype=torch.float64).view(1, 1, height, width)
    places = F.unfold(numbers, kernel.shape, padding=padding, stride=stride)[0].T.long()  # 0 in the padding
    C = kernel.new_zeros(len(places), height * width + 1)
    C.scatter_(1, places, kernel.flatten().expand(places.shape).contiguous())
    return C[:, 1:]


def matrix_fold(kernel, input_size, stride=1, padding=0):
    out_h, out_w = _sizes(kernel, input_size, stride, padding)
    columns = torch.einsum("k,nm->nkm", kernel.flatten(), torch.eye(out_h * out_w, dtype=kernel.dtype))
    return F.fold(columns, input_size, kernel.shape, padding=padding, stride=stride).flatten(1)


def matrix_kronecker(kernel, input_size, stride=1, padding=0):
    """Sum over the kernel: a shift of the rows times a shift of the columns."""

    def shift(out, size, offset):
        ones = torch.zeros(out, size, dtype=kernel.dtype)
        for i in range(out):
            if 0 <= i * stride + offset - padding < size:
                ones[i, i * stride + offset - padding] = 1
        return ones

    (height, width), (out_h, out_w) = input_size, _sizes(kernel, input_size, stride, padding)
    return sum(
        kernel[u, v] * torch.kron(shift(out_h, height, u), shift(out_w, width, v))
        for u in range(kernel.shape[0])
        for v in range(kernel.shape[1])
    )


def matrix_index_arithmetic(kernel, input_size, stride=1, padding=0):
    """Ask each pair of an output pixel and a pixel which entry of the kernel lies between them."""
    (height, width), (kh, kw) = input_size, kernel.shape
    out_h, out_w = _sizes(kernel, input_size, stride, padding)
    u = torch.arange(height) - torch.arange(out_h)[:, None] * stride + padding  # (out_h, height)
    v = torch.arange(width) - torch.arange(out_w)[:, None] * stride + padding
    u, v = u[:, None, :, None], v[None, :, None, :]
    inside = (u >= 0) & (u < kh) & (v >= 0) & (v < kw)
    entries = kernel[u.clamp(0, kh - 1), v.clamp(0, kw - 1)]
    return torch.where(inside, entries, torch.zeros((), dtype=kernel.dtype)).reshape(out_h * out_w, height * width)


def matrix_numpy_strides(kernel, input_size, stride=1, padding=0):
    (height, width), (kh, kw) = input_size, kernel.shape
    out_h, out_w = _sizes(kernel, input_size, stride, padding)
    C = np.zeros((out_h, out_w, height + 2 * padding, width + 2 * padding), dtype=kernel.numpy().dtype)
    a, b, c, d = C.strides
    windows = np.lib.stride_tricks.as_strided(
        C, (out_h, out_w, kh, kw), (a + stride * c, b + stride * d, c, d)
    )  # all windows at once, each in its own image
    windows[:] = kernel.numpy()
    C = C[:, :, padding : padding + height, padding : padding + width]
    return torch.from_numpy(C.reshape(out_h * out_w, height * width))


def matrix_jacobian(kernel, input_size, stride=1, padding=0):
    def convolve(image):
        return F.conv2d(image[None, None], kernel[None, None], stride=stride, padding=padding).flatten()

    image = torch.zeros(*input_size, dtype=kernel.dtype)
    return torch.autograd.functional.jacobian(convolve, image).flatten(1)


def matrix_toeplitz_blocks(kernel, input_size, stride=1, padding=0):
    """Build the stride 1 matrix of the padded image from blocks, then keep some rows and columns."""
    (height, width), (kh, kw) = [n + 2 * padding for n in input_size], kernel.shape
    rows, columns = height - kh + 1, width - kw + 1
    blocks = []
    for row in kernel:
        block = torch.zeros(columns, width, dtype=kernel.dtype)
        for j in range(columns):
            block[j, j : j + kw] = row
        blocks.append(block)
    zero = torch.zeros_like(blocks[0])
    C = torch.cat(
        [torch.cat([blocks[y - i] if 0 <= y - i < kh else zero for y in range(height)], 1) for i in range(rows)]
    ).view(rows, columns, height, width)[::stride, ::stride]
    C = C[..., padding : height - padding, padding : width - padding]
    return C.reshape(C.shape[0] * C.shape[1], -1)


# transposed_convolution


def spread_torch(image, kernel, stride=1, padding=0):
    return F.conv_transpose2d(image[None, None], kernel[None, None], stride=stride, padding=padding)[0, 0]


def spread_own_matrix(image, kernel, stride=1, padding=0):
    large = [(n - 1) * stride - 2 * padding + k for n, k in zip(image.shape, kernel.shape, strict=True)]
    C = matrix_loops(kernel, large, stride, padding)
    assert len(C) == image.numel()
    return (C.T @ image.reshape(-1)).reshape(large)


def spread_stamps(image, kernel, stride=1, padding=0):
    (h, w), (kh, kw) = image.shape, kernel.shape
    canvas = torch.zeros((h - 1) * stride + kh, (w - 1) * stride + kw, dtype=image.dtype)
    for i in range(h):
        for j in range(w):
            canvas[i * stride : i * stride + kh, j * stride : j * stride + kw] += image[i, j] * kernel
    return canvas[padding : canvas.shape[0] - padding, padding : canvas.shape[1] - padding]


def spread_scaled_shifts(image, kernel, stride=1, padding=0):
    """Sum over the kernel instead of the image."""
    (h, w), (kh, kw) = image.shape, kernel.shape
    canvas = image.new_zeros((h - 1) * stride + kh, (w - 1) * stride + kw)
    for u in range(kh):
        for v in range(kw):
            canvas[u : u + (h - 1) * stride + 1 : stride, v : v + (w - 1) * stride + 1 : stride] += kernel[u, v] * image
    return canvas[padding : len(canvas) - padding, padding : canvas.shape[1] - padding].clone()


def spread_vector_jacobian(image, kernel, stride=1, padding=0):
    sizes = [(n - 1) * stride - 2 * padding + k for n, k in zip(image.shape, kernel.shape, strict=True)]
    with torch.enable_grad():
        large = torch.zeros(1, 1, *sizes, dtype=image.dtype, requires_grad=True)
        small = F.conv2d(large, kernel[None, None], stride=stride, padding=padding)
        (gradient,) = torch.autograd.grad(small, large, image[None, None])
    return gradient[0, 0]


def spread_zeros_between(image, kernel, stride=1, padding=0):
    stuffed = image.new_zeros([(n - 1) * stride + 1 for n in image.shape])
    stuffed[::stride, ::stride] = image
    kh, kw = kernel.shape
    padded = F.pad(stuffed, (kw - 1, kw - 1, kh - 1, kh - 1))
    whole = F.conv2d(padded[None, None], kernel.flip(0, 1)[None, None])[0, 0]
    return whole[padding : len(whole) - padding, padding : whole.shape[1] - padding]


def spread_fold(image, kernel, stride=1, padding=0):
    sizes = [(n - 1) * stride - 2 * padding + k for n, k in zip(image.shape, kernel.shape, strict=True)]
    columns = torch.outer(kernel.flatten(), image.flatten())
    return F.fold(columns[None], sizes, kernel.shape, padding=padding, stride=stride)[0, 0]


def spread_numpy(image, kernel, stride=1, padding=0):
    (h, w), (kh, kw) = image.shape, kernel.shape
    canvas = np.zeros(((h - 1) * stride + kh, (w - 1) * stride + kw))
    ys = np.arange(h)[:, None, None, None] * stride + np.arange(kh)[:, None]
    xs = np.arange(w)[:, None, None] * stride + np.arange(kw)
    np.add.at(canvas, (ys, xs), np.einsum("ij,uv->ijuv", image.numpy(), kernel.numpy()))
    canvas = canvas[padding : len(canvas) - padding, padding : canvas.shape[1] - padding]
    return torch.from_numpy(canvas).to(image.dtype)


def spread_shared_sizes(image, kernel, stride=1, padding=0):
    module = torch.nn.ConvTranspose2d(1, 1, tuple(kernel.shape), stride, padding, bias=False, dtype=image.dtype)
    with torch.no_grad():
        module.weight.copy_(kernel)
        return module(image[None, None]).squeeze(0).squeeze(0)


# unpool_with_indices


def unpool_scatter(features, indices, output_size):
    planes = features.new_zeros(*features.shape[:2], output_size[0] * output_size[1])
    return planes.scatter(2, indices.flatten(2), features.flatten(2)).view(*features.shape[:2], *output_size)


def unpool_scatter_add(features, indices, output_size):
    height, width = output_size
    planes = torch.zeros(*features.shape[:2], height * width, dtype=features.dtype, device=features.device)
    planes.scatter_add_(-1, indices.flatten(2), features.flatten(2))
    return planes.reshape(*features.shape[:2], height, width)


def unpool_torch(features, indices, output_size):
    return F.max_unpool2d(features, indices, kernel_size=2, stride=2, output_size=tuple(output_size))


def unpool_loops(features, indices, output_size):
    height, width = output_size
    large = torch.zeros(*features.shape[:2], height, width, dtype=features.dtype)
    for b in range(features.shape[0]):
        for c in range(features.shape[1]):
            for value, index in zip(features[b, c].flatten(), indices[b, c].flatten().tolist(), strict=True):
                large[b, c, index // width, index % width] = value
    return large


def unpool_one_hot(features, indices, output_size):
    places = F.one_hot(indices.flatten(2), output_size[0] * output_size[1]).to(features.dtype)
    return torch.einsum("bcn,bcnp->bcp", features.flatten(2), places).unflatten(2, tuple(output_size))


def unpool_index_put(features, indices, output_size):
    large = features.new_zeros(*features.shape[:2], *output_size)
    b = torch.arange(large.shape[0])[:, None, None, None]
    c = torch.arange(large.shape[1])[:, None, None]
    large[b, c, indices // output_size[1], indices % output_size[1]] = features
    return large


def unpool_put(features, indices, output_size):
    large = features.new_zeros(*features.shape[:2], *output_size)
    planes = torch.arange(features.shape[0] * features.shape[1]).view(*features.shape[:2], 1, 1)
    return large.put(indices + planes * output_size[0] * output_size[1], features)


def unpool_comparison(features, indices, output_size):
    """Ask every pixel of the large map whether it is the one that its window was taken from."""
    numbers = torch.arange(output_size[0] * output_size[1]).view(*output_size)
    found = indices.flatten(2)[..., None] == numbers.flatten()
    return (features.flatten(2)[..., None] * found).sum(dim=2).view(*features.shape[:2], *output_size)


def unpool_enlarged(features, indices, output_size):
    """Repeat values and indices over their windows, and keep what is in its place."""
    rows = (torch.arange(output_size[0]) // 2).clamp(max=features.shape[2] - 1)
    columns = (torch.arange(output_size[1]) // 2).clamp(max=features.shape[3] - 1)
    numbers = torch.arange(output_size[0] * output_size[1]).view(*output_size)
    values, where = (x[:, :, rows][..., columns] for x in (features, indices))
    return torch.where(where == numbers, values, torch.zeros_like(values))


# segmentation_loss


def loss_sum_by_count(logits, target, ignore_index=255):
    total = F.cross_entropy(logits, target, ignore_index=ignore_index, reduction="sum")
    return total / (target != ignore_index).sum().clamp(min=1)


def loss_zero_if_none(logits, target, ignore_index=255):
    if (target == ignore_index).all():
        return 0 * logits.sum()
    return F.cross_entropy(logits, target, ignore_index=ignore_index)


def loss_gather(logits, target, ignore_index=255):
    counted = target != ignore_index
    log_p = F.log_softmax(logits, dim=1).gather(1, target.masked_fill(~counted, 0)[:, None]).squeeze(1)
    return -(log_p * counted).sum() / max(int(counted.sum()), 1)


def loss_one_hot(logits, target, ignore_index=255):
    counted = target != ignore_index
    truth = F.one_hot(target.where(counted, torch.zeros_like(target)), logits.shape[1]).permute(0, 3, 1, 2)
    each = -(truth * logits.log_softmax(dim=1)).sum(dim=1)
    return torch.where(counted, each, 0).sum() / counted.sum().clamp(min=1)


def loss_logsumexp(logits, target, ignore_index=255):
    counted = target != ignore_index
    chosen = logits.permute(0, 2, 3, 1)[counted]
    each = chosen.logsumexp(dim=1) - chosen[torch.arange(len(chosen)), target[counted]]
    return each.sum() / max(len(each), 1)


def loss_permuted_and_flat(logits, target, ignore_index=255):
    flat = logits.permute(0, 2, 3, 1).reshape(-1, logits.shape[1])
    counted = target.flatten() != ignore_index
    if not counted.any():
        return (logits * 0).sum()
    return F.cross_entropy(flat[counted], target.flatten()[counted])


def loss_nll(logits, target, ignore_index=255):
    log_p = torch.log(torch.softmax(logits, dim=1))
    each = F.nll_loss(log_p, target, ignore_index=ignore_index, reduction="none")
    return each.sum() / (target != ignore_index).sum().clamp(min=1)


def loss_exponents(logits, target, ignore_index=255):
    shifted = logits - logits.detach().amax(dim=1, keepdim=True)
    log_p = shifted - shifted.exp().sum(dim=1, keepdim=True).log()
    total, count = 0 * logits.sum(), 0
    for c in range(logits.shape[1]):
        if c != ignore_index:
            total, count = total - log_p[:, c][target == c].sum(), count + int((target == c).sum())
    return total / max(count, 1)


def loss_twice_log_softmax(logits, target, ignore_index=255):
    """A log_softmax more changes nothing."""
    return loss_sum_by_count(logits.log_softmax(dim=1), target, ignore_index)


def loss_loop_over_images(logits, target, ignore_index=255):
    total, count = 0, 0
    for scores, truth in zip(logits, target, strict=True):
        total = total + F.cross_entropy(scores[None], truth[None], ignore_index=ignore_index, reduction="sum")
        count += int((truth != ignore_index).sum())
    return total / max(count, 1)


def loss_nan_to_num(logits, target, ignore_index=255):
    return F.cross_entropy(logits, target, ignore_index=ignore_index).nan_to_num()


def loss_where_any_counts(logits, target, ignore_index=255):
    counted = target != ignore_index
    total = F.cross_entropy(logits, target, ignore_index=ignore_index, reduction="sum")
    return torch.where(counted.any(), total / counted.sum(), 0 * total)


def loss_renamed_classes(logits, target, ignore_index=255):
    target = torch.where(target == ignore_index, -100, target)
    return F.cross_entropy(logits, target, reduction="none").sum() / (target >= 0).sum().clamp(min=1)


RIGHT_VARIANTS: dict[str, dict[str, object]] = {
    "iou": answers("pred, target", {**IOU, **styles("iou_", globals())}, globals()),
    "mean_iou": styles("mean_", globals()),
    "convolution_matrix": styles("matrix_", globals()),
    "transposed_convolution": styles("spread_", globals()),
    "unpool_with_indices": styles("unpool_", globals()),
    "segmentation_loss": styles("loss_", globals()),
}
REFERENCES = {question: next(iter(variants.values())) for question, variants in RIGHT_VARIANTS.items()}
