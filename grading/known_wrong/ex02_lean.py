"""Known wrong answers to exercise 2's `lean_softargmax`."""

from __future__ import annotations

import numpy as np
import torch
import torch.utils.checkpoint

from grading.known_wrong.ex02_places import _expected, _of_sum, _probabilities, _softargmax  # noqa: F401, for the tables
from grading.known_wrong.table import answers

__all__ = ["KNOWN_WRONG"]


def _lean(backward):
    """Return an answer whose gradient is `backward(gx, gy, p, xs - x, ys - y, beta)`."""

    class Lean(torch.autograd.Function):
        @staticmethod
        def forward(ctx, scoremaps, beta):
            ctx.save_for_backward(scoremaps)
            ctx.beta = beta
            return _softargmax(scoremaps, beta)

        @staticmethod
        def backward(ctx, grad):
            (scoremaps,) = ctx.saved_tensors
            p = _probabilities(scoremaps, ctx.beta)
            x, y = _softargmax(scoremaps, ctx.beta)[..., None, None].unbind(2)
            xs = torch.arange(scoremaps.shape[3]).to(p)
            ys = torch.arange(scoremaps.shape[2]).to(p)[:, None]
            gx, gy = grad[..., None, None].unbind(2)
            return backward(gx, gy, p, xs - x, ys - y, ctx.beta), None

    return lambda scoremaps, beta=1.0: Lean.apply(scoremaps, beta)


class _InNumpy(torch.autograd.Function):
    """Keeps the plain form's maps in NumPy arrays."""

    @staticmethod
    def forward(ctx, scoremaps, beta):
        scaled = beta * scoremaps.numpy()
        weights = np.exp(scaled - scaled.max(axis=(2, 3), keepdims=True))
        p = weights / weights.sum(axis=(2, 3), keepdims=True)
        x, y = p.sum(axis=2) @ np.arange(p.shape[3]), p.sum(axis=3) @ np.arange(p.shape[2])
        ctx.kept = p, x, y, beta
        return torch.from_numpy(np.stack([x, y], axis=-1)).to(scoremaps)

    @staticmethod
    def backward(ctx, grad):
        p, x, y, beta = ctx.kept
        gx, gy = np.moveaxis(grad.numpy()[..., None, None], 2, 0)
        dx = np.arange(p.shape[3]) - x[..., None, None]
        dy = np.arange(p.shape[2])[:, None] - y[..., None, None]
        return torch.from_numpy(beta * (p * gx * dx + p * gy * dy)).to(grad), None


def in_numpy(scoremaps, beta=1.0):
    return _InNumpy.apply(scoremaps, beta)


def _gradient(gx, gy, p, dx, dy, beta):
    return (gx * dx + gy * dy).mul_(p).mul_(beta)


def _middle(d):
    return d - d.mean(dim=(2, 3), keepdim=True)


def _from_zero(d):
    return d - d.amin(dim=(2, 3), keepdim=True)


class _OneGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, scoremaps, beta):
        return _softargmax(scoremaps, beta)

    @staticmethod
    def backward(ctx, grad):
        return grad.sum()


def gradients_missing(scoremaps, beta=1.0):
    return _OneGradient.apply(scoremaps, beta)


def changes_its_arguments(scoremaps, beta=1.0):
    with torch.no_grad():
        scoremaps.sub_(scoremaps.amax(dim=(2, 3), keepdim=True))
    return _lean(_gradient)(scoremaps, beta)


def _checkpointed(scoremaps, beta=1.0):
    """Computes forward once more in backward: what autograd then builds is as much as before."""
    return torch.utils.checkpoint.checkpoint(_softargmax, scoremaps, beta, use_reentrant=False)


def lean(text):
    """Return an answer whose gradient of the score maps is `text`."""
    return _lean(answers("gx, gy, p, dx, dy, beta", {"backward": text}, globals())["backward"])


LEAN = {
    "float32_only": "_softargmax(scoremaps.float(), beta)",
    "x_y_swapped": "_softargmax(scoremaps, beta).flip(-1)",
    "overflow": "_expected(scoremaps, _of_sum((beta * scoremaps).exp()))",
    "temperature_backwards": "_softargmax(scoremaps, 1 / beta)",
    "beta_missing_in_backward": lean("_gradient(gx, gy, p, dx, dy, 1)"),
    "mean_not_subtracted": lean("_gradient(gx, gy, p, _from_zero(dx), _from_zero(dy), beta)"),
    "from_the_middle": lean("_gradient(gx, gy, p, _middle(dx), _middle(dy), beta)"),
    "gradient_of_x_only": lean("_gradient(gx, 0 * gy, p, dx, dy, beta)"),
    "gradient_of_x_only.y": lean("_gradient(0 * gx, gy, p, dx, dy, beta)"),
    "gradients_swapped": lean("_gradient(gy, gx, p, dx, dy, beta)"),
    "ignores_incoming_gradient": lean("_gradient(1, 1, p, dx, dy, beta)"),
    "sign": lean("_gradient(gx, gy, p, dx, dy, -beta)"),
    "probability_missing": lean("beta * (gx * dx + gy * dy)"),
    "half_precision": lean("_gradient(gx, gy, p.half().to(p.dtype), dx, dy, beta)"),
    "not_attached": "_softargmax(scoremaps.detach(), beta)",
    "changes_its_arguments": changes_its_arguments,
    "gradients_missing": gradients_missing,
    "gradcheck.float32_inside": "_softargmax(scoremaps.float(), beta).to(scoremaps.dtype)",
    "memory": _softargmax,
    "memory.in_numpy": in_numpy,
    "memory.checkpoint": _checkpointed,
    "memory.three_maps_in_backward": lean("p * (gx * dx + gy * dy) * beta"),  # no map in place
}

KNOWN_WRONG: dict[str, dict[str, object]] = {"lean_softargmax": answers("scoremaps, beta=1.0", LEAN, globals())}
