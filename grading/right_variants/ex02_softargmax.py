"""Right answers to exercise 2's questions about functions in many styles: every one must pass every check."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F

from grading.known_wrong.table import answers
from grading.right_variants import styles

__all__ = ["REFERENCES", "RIGHT_VARIANTS"]


# gaussian_scoremaps


def maps_separable(keypoints, visible, size, sigma):
    x, y = keypoints.nan_to_num()[..., None].unbind(2)
    along_x = torch.exp(-((torch.arange(size[1]).to(keypoints) - x) ** 2) / (2 * sigma**2))
    along_y = torch.exp(-((torch.arange(size[0]).to(keypoints) - y) ** 2) / (2 * sigma**2)) * visible[..., None]
    return along_y[..., None] * along_x[..., None, :]


def maps_meshgrid_where(keypoints, visible, size, sigma):
    height, width = size
    ys, xs = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    x, y = keypoints[..., 0, None, None], keypoints[..., 1, None, None]
    maps = torch.exp(-((xs - x) ** 2 + (ys - y) ** 2) / (2 * sigma**2))
    return torch.where(visible[..., None, None], maps, torch.zeros_like(maps))


def maps_loops(keypoints, visible, size, sigma):
    maps = torch.zeros(visible.shape + tuple(size), dtype=keypoints.dtype)
    for b in range(len(maps)):
        for k in range(maps.shape[1]):
            if visible[b, k]:
                px, py = keypoints[b, k].tolist()
                for y in range(size[0]):
                    for x in range(size[1]):
                        maps[b, k, y, x] = math.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * sigma**2))
    return maps


def maps_concatenated_shape(keypoints, visible, size, sigma):
    maps = keypoints.new_zeros(keypoints.shape[:2] + size)
    places = torch.cartesian_prod(torch.arange(size[0]), torch.arange(size[1])).flip(-1).to(keypoints)
    squared = (places - keypoints[visible][:, None]).square().sum(-1)
    maps[visible] = (-squared / sigma**2 / 2).exp().view(-1, *size)
    return maps


def maps_cdist(keypoints, visible, size, sigma):
    places = torch.cartesian_prod(torch.arange(size[0]), torch.arange(size[1])).flip(-1).to(keypoints)
    d = torch.cdist(keypoints.nan_to_num(), places)
    return ((-0.5 * (d / sigma) ** 2).exp() * visible[..., None]).unflatten(-1, tuple(size))


def maps_pairwise_distance(keypoints, visible, size, sigma):
    places = torch.cartesian_prod(torch.arange(size[0]), torch.arange(size[1])).flip(-1).to(keypoints)
    d = F.pairwise_distance(keypoints.nan_to_num()[:, :, None], places)
    return (torch.exp(-(d**2) / (2 * sigma**2)) * visible[..., None]).unflatten(-1, tuple(size))


def maps_expanded_square(keypoints, visible, size, sigma):
    places = torch.cartesian_prod(torch.arange(size[0]), torch.arange(size[1])).flip(-1).to(keypoints)
    p = keypoints.masked_fill(~visible[..., None], 0)
    squared = p.square().sum(-1, keepdim=True) - 2 * p @ places.T + places.square().sum(-1)
    return (torch.exp(-squared / (2 * sigma**2)) * visible[..., None]).reshape(*visible.shape, *size)


def maps_numpy(keypoints, visible, size, sigma):
    ys, xs = np.mgrid[: size[0], : size[1]]
    x, y = keypoints.numpy()[..., 0, None, None], keypoints.numpy()[..., 1, None, None]
    maps = np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / (2 * sigma**2))
    return torch.from_numpy(np.where(visible.numpy()[..., None, None], maps, 0)).to(keypoints.dtype)


def maps_einsum_in_double(keypoints, visible, size, sigma):
    x, y = keypoints.double().nan_to_num().unbind(-1)
    gx = torch.exp(-((torch.arange(size[1]) - x[..., None]) ** 2) / (2 * sigma**2))
    gy = torch.exp(-((torch.arange(size[0]) - y[..., None]) ** 2) / (2 * sigma**2))
    return torch.einsum("bkw,bkh,bk->bkhw", gx, gy, visible.double()).to(keypoints.dtype)


def maps_normal_density(keypoints, visible, size, sigma):
    normal = torch.distributions.Normal(keypoints.nan_to_num()[..., None], torch.tensor(sigma).to(keypoints))
    longest = torch.arange(max(size)).to(keypoints)
    density = normal.log_prob(longest) + math.log(sigma * math.sqrt(2 * math.pi))  # (B, K, 2, longest)
    maps = (density[:, :, 0, None, : size[1]] + density[:, :, 1, : size[0], None]).exp()
    return maps.masked_fill(~visible[..., None, None], 0)


# scoremap_loss

LOSS = {
    "sum_mean": "(pred - target).square().sum(dim=(1, 2, 3)).mean()",
    "mse_sum": "F.mse_loss(pred, target, reduction='sum') / pred.shape[0]",
    "mse_scaled": "F.mse_loss(pred, target) * pred[0].numel()",
    "norm_squared": "torch.linalg.vector_norm(pred - target, dim=(2, 3)).pow(2).sum(1).mean(0)",
    "flat_norm": "(pred.flatten(2) - target.flatten(2)).norm(dim=-1).square().sum() / len(pred)",
    "frobenius": "torch.linalg.matrix_norm(pred - target).square().sum(dim=1).mean()",
    "einsum": "torch.einsum('bkhw,bkhw->b', pred - target, pred - target).mean()",
    "expanded": "(pred * pred - 2 * pred * target + target * target).sum() / len(pred)",
}


def loss_loops(pred, target):
    total = 0
    for b in range(pred.shape[0]):
        for k in range(pred.shape[1]):
            total = total + ((pred[b, k] - target[b, k]) ** 2).sum()
    return total / pred.shape[0]


# argmax_decode


def decode_remainder(scoremaps):
    width = scoremaps.shape[-1]
    index = scoremaps.flatten(2).argmax(-1)
    return torch.stack([index % width, index // width], -1).to(scoremaps.dtype)


def decode_divmod(scoremaps):
    index = scoremaps.view(*scoremaps.shape[:2], -1).max(dim=2).indices
    y = torch.div(index, scoremaps.shape[3], rounding_mode="floor")
    return torch.stack((index - y * scoremaps.shape[3], y), dim=2).type_as(scoremaps)


def decode_of_probabilities(scoremaps):
    """A softmax changes no order, as long as it is one over the whole map."""
    return decode_remainder(scoremaps.flatten(2).softmax(-1).view_as(scoremaps))


def decode_unravel(scoremaps):
    y, x = torch.unravel_index(scoremaps.flatten(2).argmax(-1), scoremaps.shape[2:])
    return torch.stack([x, y], dim=-1).to(scoremaps)


def decode_topk(scoremaps):
    index = scoremaps.flatten(2).topk(1).indices
    return torch.cat([index % scoremaps.shape[3], index // scoremaps.shape[3]], dim=-1).to(scoremaps)


def decode_rows_then_columns(scoremaps):
    best, columns = scoremaps.max(dim=3)
    y = best.argmax(dim=2)
    x = columns.gather(2, y[..., None]).squeeze(-1)
    return torch.stack([x, y], dim=-1).to(scoremaps)


def decode_loops_last_maximum(scoremaps):
    places = torch.empty(*scoremaps.shape[:2], 2, dtype=scoremaps.dtype)
    for b, maps in enumerate(scoremaps):
        for k, scores in enumerate(maps):
            best = -math.inf
            for y in range(scores.shape[0]):
                for x in range(scores.shape[1]):
                    if scores[y, x] >= best:
                        best, places[b, k, 0], places[b, k, 1] = scores[y, x], x, y
    return places


def decode_first_where(scoremaps):
    found = [(m == m.max()).nonzero()[0].flip(0) for m in scoremaps.flatten(0, 1)]
    return torch.stack(found).view(*scoremaps.shape[:2], 2).to(scoremaps.dtype)


def decode_sorted(scoremaps):
    index = scoremaps.flatten(2).argsort(dim=-1)[..., -1]
    return torch.stack([index.remainder(scoremaps.shape[-1]), index // scoremaps.shape[-1]], -1).to(scoremaps.dtype)


def decode_numpy(scoremaps):
    maps = scoremaps.numpy()
    y, x = np.unravel_index(maps.reshape(*maps.shape[:2], -1).argmax(-1), maps.shape[2:])
    return torch.from_numpy(np.stack([x, y], -1)).to(scoremaps.dtype)


def decode_max_pool(scoremaps):
    index = F.adaptive_max_pool2d(scoremaps, 1, return_indices=True)[1].flatten(2).squeeze(-1)
    return torch.stack([index % scoremaps.shape[3], (index / scoremaps.shape[3]).floor()], -1).to(scoremaps.dtype)


# softargmax


def _axes(like):
    return torch.arange(like.shape[3]).to(like), torch.arange(like.shape[2]).to(like)


def soft_marginals(scoremaps, beta=1.0):
    xs, ys = _axes(scoremaps)
    p = torch.softmax((beta * scoremaps).flatten(2), dim=-1).view_as(scoremaps)
    return torch.stack([p.sum(2) @ xs, p.sum(3) @ ys], dim=-1)


def soft_full_grid(scoremaps, beta=1.0):
    p = F.softmax(scoremaps.reshape(*scoremaps.shape[:2], -1) * beta, dim=2).view(scoremaps.shape)
    ys, xs = torch.meshgrid(*(torch.arange(side) for side in scoremaps.shape[2:]), indexing="ij")
    return torch.stack([(p * xs).sum(dim=(2, 3)), (p * ys).sum(dim=(2, 3))], dim=2)


def soft_einsum(scoremaps, beta=1.0):
    p = (scoremaps * beta).flatten(2).softmax(-1).unflatten(-1, scoremaps.shape[2:])
    xs, ys = _axes(scoremaps)
    return torch.stack([torch.einsum("bkhw,w->bk", p, xs), torch.einsum("bkhw,h->bk", p, ys)], -1)


def soft_matrix_product(scoremaps, beta=1.0):
    height, width = scoremaps.shape[2:]
    grid = torch.cartesian_prod(torch.arange(height), torch.arange(width)).flip(-1).to(scoremaps)
    return (beta * scoremaps).flatten(2).softmax(-1) @ grid


def soft_exp_by_hand(scoremaps, beta=1.0):
    weights = torch.exp(beta * (scoremaps - scoremaps.amax(dim=(-2, -1), keepdim=True)))
    weights = weights / weights.sum(dim=(-2, -1), keepdim=True)
    xs, ys = _axes(scoremaps)
    return torch.stack([(weights * xs).sum((-2, -1)), (weights * ys[:, None]).sum((-2, -1))], -1)


def soft_detached_maximum_divided_last(scoremaps, beta=1.0):
    scaled = beta * scoremaps
    weights = (scaled - scaled.detach().amax(dim=(2, 3), keepdim=True)).exp()
    xs, ys = _axes(scoremaps)
    places = torch.stack([weights.sum(2) @ xs, weights.sum(3) @ ys], -1)
    return places / weights.sum(dim=(2, 3))[..., None]


def soft_logsumexp(scoremaps, beta=1.0):
    scaled = beta * scoremaps
    p = (scaled - scaled.logsumexp(dim=(2, 3), keepdim=True)).exp()
    xs, ys = _axes(scoremaps)
    return torch.stack([p.sum(2) @ xs, p.sum(3) @ ys], -1)


def soft_log_softmax(scoremaps, beta=1.0):
    p = F.log_softmax((beta * scoremaps).flatten(2), dim=-1).exp().view_as(scoremaps)
    xs, ys = _axes(scoremaps)
    return torch.stack([p.sum(2).mul(xs).sum(-1), p.sum(3).mul(ys).sum(-1)], -1)


def soft_softmax_of_logsumexps(scoremaps, beta=1.0):
    scaled = beta * scoremaps
    xs, ys = _axes(scoremaps)
    x, y = scaled.logsumexp(dim=2).softmax(-1) @ xs, scaled.logsumexp(dim=3).softmax(-1) @ ys
    return torch.stack([x, y], -1)


def soft_clamped_exponents(scoremaps, beta=1.0):
    weights = (beta * (scoremaps - scoremaps.amax((2, 3), keepdim=True))).clamp(min=-80).exp()
    p = weights / (weights.sum((2, 3), keepdim=True) + 1e-12)
    xs, ys = _axes(scoremaps)
    return torch.stack([p.sum(2) @ xs, p.sum(3) @ ys], -1)


def soft_in_double(scoremaps, beta=1.0):
    return soft_full_grid(scoremaps.double(), beta).to(scoremaps.dtype)


def soft_convolution(scoremaps, beta=1.0):
    p = (beta * scoremaps).flatten(0, 1).flatten(1).softmax(-1).view(-1, 1, *scoremaps.shape[2:])
    xs, ys = _axes(scoremaps)
    kernel = torch.stack(torch.broadcast_tensors(xs, ys[:, None]))[:, None]  # (2, 1, H, W)
    return F.conv2d(p, kernel).view(*scoremaps.shape[:2], 2)


def soft_cumulative(scoremaps, beta=1.0):
    """The expectation of a count is the sum of its tails."""
    p = (beta * scoremaps).flatten(2).softmax(-1).view_as(scoremaps)
    tails = [side.flip(-1).cumsum(-1)[..., :-1].sum(-1) for side in (p.sum(2), p.sum(3))]
    return torch.stack(tails, dim=-1)


def soft_loops(scoremaps, beta=1.0):
    places = []
    for scores in scoremaps.flatten(0, 1):
        p = torch.softmax(beta * scores.flatten(), dim=0).view_as(scores)
        places.append(torch.stack([sum(x * p[:, x].sum() for x in range(p.shape[1])),
                                   sum(y * p[y, :].sum() for y in range(p.shape[0]))]))  # fmt: skip
    return torch.stack(places).view(*scoremaps.shape[:2], 2)


def soft_units(scoremaps, beta=1.0):
    p = (beta * scoremaps).flatten(2).softmax(-1).view_as(scoremaps)
    xs, ys = (torch.linspace(-1, 1, side, dtype=p.dtype) for side in (p.shape[3], p.shape[2]))
    unit = torch.stack([p.sum(2) @ xs, p.sum(3) @ ys], -1)
    return (unit + 1) / 2 * p.new_tensor([p.shape[3] - 1, p.shape[2] - 1])


# lean_softargmax

LEAN = {
    "saves_probabilities": "_SavesProbabilities.apply(scoremaps, beta)",
    "recomputes_probabilities": "_RecomputesProbabilities.apply(scoremaps, beta)",
    "in_place_and_loops": "_ExpInPlace.apply(scoremaps, beta)",
}


class _SavesProbabilities(torch.autograd.Function):
    @staticmethod
    def forward(ctx, scoremaps, beta):
        p = (beta * scoremaps).flatten(2).softmax(-1).view_as(scoremaps)
        xs, ys = _axes(scoremaps)
        x, y = p.sum(2) @ xs, p.sum(3) @ ys
        ctx.save_for_backward(p, x, y)
        ctx.beta = beta
        return torch.stack([x, y], -1)

    @staticmethod
    def backward(ctx, grad):
        p, x, y = ctx.saved_tensors
        xs, ys = _axes(p)
        pull = (ctx.beta * grad[..., 0, None] * (xs - x[..., None]))[..., None, :] + (
            ctx.beta * grad[..., 1, None] * (ys - y[..., None])
        )[..., None]
        return pull.mul_(p), None


class _RecomputesProbabilities(torch.autograd.Function):
    @staticmethod
    def forward(ctx, scoremaps, beta):
        ctx.save_for_backward(scoremaps)
        ctx.beta = beta
        return soft_marginals(scoremaps, beta)

    @staticmethod
    def backward(ctx, grad):
        (scoremaps,) = ctx.saved_tensors
        p = (ctx.beta * scoremaps).flatten(2).softmax(-1).view_as(scoremaps)
        xs, ys = _axes(p)
        dx = (xs - (p.sum(2) @ xs)[..., None]) * grad[..., :1] * ctx.beta
        dy = (ys - (p.sum(3) @ ys)[..., None]) * grad[..., 1:] * ctx.beta
        return p.mul_(dx.unsqueeze(2) + dy.unsqueeze(3)), None


class _ExpInPlace(torch.autograd.Function):
    @staticmethod
    def forward(ctx, scoremaps, beta):
        p = scoremaps.sub(scoremaps.amax((2, 3), keepdim=True)).mul_(beta).exp_()
        p.div_(p.sum((2, 3), keepdim=True))
        xs, ys = _axes(p)
        places = torch.stack([p.sum(2) @ xs, p.sum(3) @ ys], -1)
        ctx.save_for_backward(p, places)
        ctx.beta = beta
        return places

    @staticmethod
    def backward(ctx, grad):
        p, places = ctx.saved_tensors
        xs, ys = _axes(p)
        result = torch.empty_like(p)
        for b in range(len(p)):
            for k in range(p.shape[1]):
                (x, y), (gx, gy) = places[b, k], grad[b, k] * ctx.beta
                result[b, k] = p[b, k] * (gx * (xs - x) + gy * (ys - y)[:, None])
        return result, None


RIGHT_VARIANTS: dict[str, dict[str, object]] = {
    "gaussian_scoremaps": styles("maps_", globals()),
    "scoremap_loss": answers("pred, target", {**LOSS, **styles("loss_", globals())}, globals()),
    "argmax_decode": styles("decode_", globals()),
    "softargmax": styles("soft_", globals()),
    "lean_softargmax": answers("scoremaps, beta=1.0", LEAN, globals()),
}
REFERENCES = {question: next(iter(variants.values())) for question, variants in RIGHT_VARIANTS.items()}
