"""Strangers to exercise 2."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage

from grading.right_variants import styles

__all__ = ["STRANGERS"]


# gaussian_scoremaps


def maps_rounds_the_centre_or_cut_off__hrnet(keypoints, visible, size, sigma):
    """A patch of three sigma about the whole pixel, as in simple baselines and HRNet."""
    height, width = size
    maps, reach = keypoints.new_zeros(*visible.shape, height, width), 3 * sigma
    for b, k in visible.nonzero().tolist():
        mu_x, mu_y = (int(c + 0.5) for c in keypoints[b, k].tolist())
        for y in range(max(0, math.ceil(mu_y - reach)), min(height, math.floor(mu_y + reach) + 1)):
            for x in range(max(0, math.ceil(mu_x - reach)), min(width, math.floor(mu_x + reach) + 1)):
                maps[b, k, y, x] = math.exp(-((x - mu_x) ** 2 + (y - mu_y) ** 2) / (2 * sigma**2))
    return maps


def maps_rounds_the_centre_or_cut_off__centernet(keypoints, visible, size, sigma):
    height, width = size
    maps, radius = keypoints.new_zeros(*visible.shape, height, width), int(3 * sigma)
    ys, xs = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    bell = torch.from_numpy(np.exp(-(xs * xs + ys * ys) / (2 * sigma * sigma))).to(keypoints.dtype)
    for b, k in visible.nonzero().tolist():
        x, y = (int(c) for c in keypoints[b, k].tolist())
        left, right = min(x, radius), min(width - x, radius + 1)
        top, bottom = min(y, radius), min(height - y, radius + 1)
        if min(left + right, top + bottom) > 0 and 0 <= x < width and 0 <= y < height:
            part = bell[radius - top : radius + bottom, radius - left : radius + right]
            maps[b, k, y - top : y + bottom, x - left : x + right] = part
    return maps


def maps_normalised_to_sum_one__density(keypoints, visible, size, sigma):
    ys, xs = torch.meshgrid(torch.arange(size[0]), torch.arange(size[1]), indexing="ij")
    x, y = keypoints.nan_to_num()[..., None, None].unbind(2)
    d2 = (xs - x) ** 2 + (ys - y) ** 2
    return torch.exp(-d2 / (2 * sigma**2)) / (2 * math.pi * sigma**2) * visible[..., None, None]


def maps_transposed_maps__meshgrid(keypoints, visible, size, sigma):
    height, width = size
    xs, ys = torch.meshgrid(torch.arange(width), torch.arange(height), indexing="ij")
    x, y = keypoints.nan_to_num()[..., None, None].unbind(2)
    maps = torch.exp(-((xs - x) ** 2 + (ys - y) ** 2) / (2 * sigma**2))
    return maps.masked_fill(~visible[..., None, None], 0)


def maps_size_swapped__unpacked(keypoints, visible, size, sigma):
    width, height = size
    xs, ys = torch.arange(width).to(keypoints), torch.arange(height).to(keypoints)
    x, y = keypoints.nan_to_num()[..., 0], keypoints.nan_to_num()[..., 1]
    gx = torch.exp(-((xs - x[..., None]) ** 2) / (2 * sigma**2))
    gy = torch.exp(-((ys - y[..., None]) ** 2) / (2 * sigma**2))
    return torch.einsum("bkh,bkw->bkhw", gy, gx) * visible[..., None, None]


def maps_blob_for_invisible__minus_one(keypoints, visible, size, sigma):
    places = torch.where(visible[..., None], keypoints, torch.full_like(keypoints, -1))
    xs, ys = torch.arange(size[1]).to(keypoints), torch.arange(size[0]).to(keypoints)
    dx, dy = xs - places[..., 0, None], ys - places[..., 1, None]
    return torch.exp(-(dx[:, :, None, :] ** 2 + dy[..., None] ** 2) / (2 * sigma**2))


def maps_wrong_brackets__python(keypoints, visible, size, sigma):
    maps = keypoints.new_zeros(*visible.shape, *size)
    ys, xs = torch.meshgrid(torch.arange(size[0]), torch.arange(size[1]), indexing="ij")
    for b, k in visible.nonzero().tolist():
        px, py = keypoints[b, k]
        maps[b, k] = torch.exp(-((xs - px) ** 2 + (ys - py) ** 2) / 2 * sigma**2)
    return maps


def maps_rounds_the_centre__dirac_then_blur(keypoints, visible, size, sigma):
    maps = np.zeros((*visible.shape, *size))
    for b, k in visible.nonzero().tolist():
        x, y = keypoints[b, k].round().int().tolist()
        if 0 <= x < size[1] and 0 <= y < size[0]:
            maps[b, k, y, x] = 1
            maps[b, k] = ndimage.gaussian_filter(maps[b, k], sigma, mode="constant")
            maps[b, k] /= maps[b, k].max()
    return torch.from_numpy(maps).to(keypoints.dtype)


def maps_drops_outside__loops(keypoints, visible, size, sigma):
    """Draws a keypoint where `0 <= x < W and 0 <= y < H`."""
    height, width = size
    maps = keypoints.new_zeros(*visible.shape, height, width)
    xs, ys = torch.arange(width).to(keypoints), torch.arange(height).to(keypoints)[:, None]
    for b, k in visible.nonzero().tolist():
        x, y = keypoints[b, k].tolist()
        if 0 <= x < width and 0 <= y < height:
            maps[b, k] = torch.exp(-((xs - x) ** 2 + (ys - y) ** 2) / (2 * sigma**2))
    return maps


def maps_cut_off__tiny_values(keypoints, visible, size, sigma):
    xs, ys = torch.arange(size[1]).to(keypoints), torch.arange(size[0]).to(keypoints)
    x, y = keypoints.nan_to_num()[..., None, None].unbind(2)
    exponent = ((xs - x) ** 2 + (ys[:, None] - y) ** 2) / (2 * sigma**2)
    return torch.where(exponent > 3, 0, torch.exp(-exponent)) * visible[..., None, None]


# scoremap_loss


def loss_joints_mse__per_joint(pred, target):
    """JointsMSELoss."""
    loss = pred.new_zeros(())
    for p, t in zip(pred.flatten(2).unbind(1), target.flatten(2).unbind(1), strict=True):
        loss = loss + 0.5 * F.mse_loss(p, t)
    return loss / pred.shape[1]


def loss_smooth_l1__huber(pred, target):
    return F.smooth_l1_loss(pred, target, reduction="sum") / len(pred)


def loss_root_of_each_map__frobenius(pred, target):
    losses = [torch.norm(p - t) for p, t in zip(pred.flatten(0, 1), target.flatten(0, 1), strict=True)]
    return torch.stack(losses).sum() / pred.shape[0]


def loss_activates_pred__clamped(pred, target):
    return ((pred.clamp(0, 1) - target) ** 2).flatten(1).sum(dim=1).mean()


def loss_sum_over_the_batch__reduction(pred, target):
    return torch.nn.MSELoss(reduction="sum")(pred, target)


def loss_ignores_background__above_a_hundredth(pred, target):
    near = target > 0.01
    return ((pred - target) * near).square().flatten(1).sum(dim=1).mean()


def loss_mean_over_keypoints__two_means(pred, target):
    per_map = (pred - target).pow(2).flatten(2).sum(dim=2)
    return per_map.mean(dim=1).mean(dim=0)


def loss_cross_entropy__of_maps(pred, target):
    return F.binary_cross_entropy_with_logits(pred, target, reduction="sum") / len(pred)


# argmax_decode


def decode_x_y_swapped__unravelled(scoremaps):
    index = scoremaps.flatten(2).argmax(dim=-1).numpy()
    rows, columns = np.unravel_index(index, scoremaps.shape[2:])
    return torch.from_numpy(np.stack([rows, columns], axis=-1)).to(scoremaps.dtype)


def decode_divides_by_height__divmod(scoremaps):
    height = scoremaps.shape[2]
    places = scoremaps.new_zeros(*scoremaps.shape[:2], 2)
    for b, image in enumerate(scoremaps):
        for k, one in enumerate(image):
            y, x = divmod(int(one.argmax()), height)
            places[b, k] = torch.tensor([x, y])
    return places


def decode_assumes_positive__hrnet(scoremaps):
    highest, index = scoremaps.flatten(2).max(dim=2, keepdim=True)
    places = index.repeat(1, 1, 2).to(scoremaps.dtype)
    width = scoremaps.shape[3]
    places[..., 0] = places[..., 0] % width
    places[..., 1] = torch.floor(places[..., 1] / width)
    return places * (highest > 0)


def decode_lowest_score__sorted(scoremaps):
    index = scoremaps.flatten(2).sort(dim=-1).indices[..., 0]
    return torch.stack([index % scoremaps.shape[3], index // scoremaps.shape[3]], dim=-1).to(scoremaps.dtype)


def decode_normalised__minus_one_to_one(scoremaps):
    height, width = scoremaps.shape[2:]
    index = scoremaps.flatten(2).argmax(dim=-1)
    x, y = index % width, index // width
    return torch.stack([2 * x / (width - 1) - 1, 2 * y / (height - 1) - 1], dim=-1).to(scoremaps.dtype)


def decode_expected_place__sharp(scoremaps):
    p = (20 * scoremaps).flatten(2).softmax(dim=-1).view_as(scoremaps)
    xs, ys = torch.arange(scoremaps.shape[3]).to(p), torch.arange(scoremaps.shape[2]).to(p)
    return torch.stack([p.sum(2) @ xs, p.sum(3) @ ys], dim=-1)


def decode_integers_returned_or_dtype__int32(scoremaps):
    index = scoremaps.flatten(2).argmax(dim=-1)
    width = scoremaps.shape[3]
    return torch.stack([index % width, torch.div(index, width, rounding_mode="floor")], dim=-1).int()


def decode_half_pixel_or_expected_place__parabola(scoremaps):
    index = scoremaps.flatten(2).argmax(dim=-1)
    height, width = scoremaps.shape[2:]
    places = torch.stack([index % width, index // width], dim=-1).to(scoremaps.dtype)
    for b, k in np.ndindex(*scoremaps.shape[:2]):
        x, y = places[b, k].long().tolist()
        m = scoremaps[b, k]
        if 0 < x < width - 1:
            places[b, k, 0] += (m[y, x + 1] - m[y, x - 1]) / (2 * (2 * m[y, x] - m[y, x + 1] - m[y, x - 1]))
        if 0 < y < height - 1:
            places[b, k, 1] += (m[y + 1, x] - m[y - 1, x]) / (2 * (2 * m[y, x] - m[y + 1, x] - m[y - 1, x]))
    return places


def decode_mixes_tied_places__two_maxima(scoremaps):
    x = scoremaps.max(dim=2).values.argmax(dim=2)
    y = scoremaps.max(dim=3).values.argmax(dim=2)
    return torch.stack((x, y), dim=2).to(scoremaps.dtype)


# softargmax


def _expected(p, scoremaps):
    xs, ys = torch.arange(scoremaps.shape[3]).to(p), torch.arange(scoremaps.shape[2]).to(p)
    return torch.stack([(p * xs).sum(dim=(2, 3)), (p * ys[:, None]).sum(dim=(2, 3))], dim=-1)


def _softmax(scores):
    return F.softmax(scores.flatten(2), dim=-1).view_as(scores)


def soft_x_y_swapped__meshgrid(scoremaps, beta=1.0):
    height, width = scoremaps.shape[2:]
    xx, yy = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    p = _softmax(beta * scoremaps)
    return torch.stack([(p * xx).sum((2, 3)), (p * yy).sum((2, 3))], dim=-1)


def soft_flat_index__modulo(scoremaps, beta=1.0):
    p = F.softmax(beta * scoremaps.flatten(2), dim=-1)
    width = scoremaps.shape[3]
    index = (p * torch.arange(p.shape[-1])).sum(dim=-1)
    return torch.stack([index % width, index / width], dim=-1)


def soft_top_scores_only__five_best(scoremaps, beta=1.0):
    scores, index = scoremaps.flatten(2).topk(5, dim=-1)
    p, width = (beta * scores).softmax(dim=-1), scoremaps.shape[3]
    return torch.stack([(p * (index % width)).sum(-1), (p * (index // width)).sum(-1)], dim=-1)


def soft_row_maximum__subtracted(scoremaps, beta=1.0):
    weights = torch.exp(beta * (scoremaps - scoremaps.max(dim=-1, keepdim=True).values))
    return _expected(weights / weights.sum(dim=(2, 3), keepdim=True), scoremaps)


def soft_stretched_grid_or_normalised_grid_or_half_pixel__from_minus_one(scoremaps, beta=1.0):
    height, width = scoremaps.shape[2:]
    p = _softmax(beta * scoremaps)
    x = (p.sum(dim=2) * torch.linspace(-1, 1, width).to(p)).sum(-1)
    y = (p.sum(dim=3) * torch.linspace(-1, 1, height).to(p)).sum(-1)
    return torch.stack([((x + 1) * width - 1) / 2, ((y + 1) * height - 1) / 2], dim=-1)


def soft_overflow__in_double(scoremaps, beta=1.0):
    weights = (beta * scoremaps.double()).exp()
    p = weights / weights.sum(dim=(-2, -1), keepdim=True)
    return _expected(p, scoremaps).to(scoremaps.dtype)


def soft_rows_for_columns__width_first(scoremaps, beta=1.0):
    batch, keypoints, height, width = scoremaps.shape
    p = F.softmax(beta * scoremaps.view(batch, keypoints, -1), dim=-1).view(batch, keypoints, width, height)
    x = (p.sum(dim=3) * torch.arange(width)).sum(dim=-1)
    y = (p.sum(dim=2) * torch.arange(height)).sum(dim=-1)
    return torch.stack([x, y], dim=-1).to(scoremaps.dtype)


def soft_temperature_backwards__keyword(scoremaps, beta=1.0):
    return _expected(_softmax(scoremaps / max(beta, 1e-6)), scoremaps)


def soft_unnamed__beta_squared(scoremaps, beta=1.0):
    return _expected(_softmax(beta * beta * scoremaps), scoremaps)


def soft_sigmoid_first__tanh(scoremaps, beta=1.0):
    return _expected(_softmax(beta * torch.tanh(scoremaps)), scoremaps)


def soft_not_attached__copied(scoremaps, beta=1.0):
    return _expected(_softmax(torch.tensor((beta * scoremaps).tolist(), dtype=scoremaps.dtype)), scoremaps)


def soft_keypoint_softmax__then_normalised(scoremaps, beta=1.0):
    p = F.softmax(beta * scoremaps, dim=1)
    return _expected(p / p.sum(dim=(2, 3), keepdim=True), scoremaps)


# lean_softargmax


def _lean(scoremaps, beta, forward_p, backward):
    class Lean(torch.autograd.Function):
        @staticmethod
        def forward(ctx, scoremaps):
            p = _softmax(beta * scoremaps)
            places = _expected(p, scoremaps)
            ctx.save_for_backward(forward_p(p), places)
            return places

        @staticmethod
        def backward(ctx, grad):
            p, places = ctx.saved_tensors
            xs, ys = torch.arange(p.shape[3]).to(grad), torch.arange(p.shape[2]).to(grad)
            dx = xs - places[..., :1]
            dy = ys - places[..., 1:]
            return backward(p, grad, dx, dy, beta)

    return Lean.apply(scoremaps)


def _outer(dx, dy):
    return dx.unsqueeze(-2) + dy.unsqueeze(-1)


def _pull(grad, dx, dy):
    return _outer(grad[..., :1] * dx, grad[..., 1:] * dy)


def lean_memory__plain(scoremaps, beta=1.0):
    return _expected(_softmax(beta * scoremaps), scoremaps)


def lean_beta_missing_in_backward__function(scoremaps, beta=1.0):
    return _lean(scoremaps, beta, lambda p: p, lambda p, grad, dx, dy, beta: _pull(grad, dx, dy).mul_(p))


def lean_gradients_swapped__function(scoremaps, beta=1.0):
    def backward(p, grad, dx, dy, beta):
        return _pull(grad.flip(-1), dx, dy).mul_(p).mul_(beta)

    return _lean(scoremaps, beta, lambda p: p, backward)


def lean_ignores_incoming_gradient__function(scoremaps, beta=1.0):
    return _lean(scoremaps, beta, lambda p: p, lambda p, grad, dx, dy, beta: _outer(dx, dy).mul_(p).mul_(beta))


def lean_probability_missing__function(scoremaps, beta=1.0):
    return _lean(scoremaps, beta, lambda p: p, lambda p, grad, dx, dy, beta: _pull(grad, dx, dy).mul_(beta))


def lean_temperature_backwards__function(scoremaps, beta=1.0):
    beta = 1 / beta
    return _lean(scoremaps, beta, lambda p: p, lambda p, grad, dx, dy, beta: _pull(grad, dx, dy).mul_(p).mul_(beta))


def lean_half_precision_or_gradcheck__bfloat16(scoremaps, beta=1.0):
    def backward(p, grad, dx, dy, beta):
        return _pull(grad, dx, dy).mul_(p).mul_(beta)

    return _lean(scoremaps, beta, lambda p: p.bfloat16(), backward)


STRANGERS = {
    "gaussian_scoremaps": styles("maps_", globals()),
    "scoremap_loss": styles("loss_", globals()),
    "argmax_decode": styles("decode_", globals()),
    "softargmax": styles("soft_", globals()),
    "lean_softargmax": styles("lean_", globals()),
}
