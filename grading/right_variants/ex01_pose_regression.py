"""Right answers to exercise 1 in many styles: every one must pass every check."""

from __future__ import annotations

import copy
import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from grading.known_wrong.table import answers, networks
from grading.right_variants import styles

__all__ = ["REFERENCES", "RIGHT_VARIANTS"]


# mpjpe

MPJPE = {
    "select_first": "torch.linalg.vector_norm(pred[visible] - target[visible], dim=-1).mean()",
    "select_last": "(pred - target).pow(2).sum(-1).sqrt()[visible].mean()",
    "float": "(pred - target).norm(dim=2)[visible].mean().item()",
    "where": "torch.where(visible, (pred - target).square().sum(-1).sqrt(), 0.0).sum() / visible.sum()",
    "masked_fill_nanmean": "(pred - target).norm(dim=-1).masked_fill(~visible, float('nan')).nanmean()",
    "pairwise_distance": "F.pairwise_distance(pred[visible], target[visible]).mean()",
    "complex": "torch.view_as_complex((pred - target).contiguous()).abs()[visible].mean()",
    "slope_of_the_root_kept_finite": "((pred - target).square().sum(-1) + 1e-8).sqrt()[visible].mean()",
    "double": "(pred.double() - target.double()).norm(dim=-1)[visible].mean()",
}


def mpjpe_python_loops(pred, target, visible):
    errors = []
    for i in range(pred.shape[0]):
        for k in range(pred.shape[1]):
            if visible[i, k]:
                errors.append(math.dist(pred[i, k].tolist(), target[i, k].tolist()))
    return sum(errors) / len(errors) if errors else float("nan")


def mpjpe_einsum(pred, target, visible):
    d = torch.nan_to_num(pred - target)
    error = torch.einsum("bkc,bkc->bk", d, d).sqrt()
    return (error * visible).sum() / visible.sum()


def mpjpe_numpy(pred, target, visible):
    error = np.linalg.norm(pred.numpy() - target.numpy(), axis=-1)[visible.numpy()]
    return error.mean() if len(error) else np.nan


# pck


def pck_reshape(pred, target, visible, threshold):
    error = (pred - target).norm(dim=-1)
    limit = torch.as_tensor(threshold, dtype=error.dtype).reshape(-1, 1)
    return (error <= limit)[visible].to(error.dtype).mean()


def pck_where(pred, target, visible, threshold):
    if torch.is_tensor(threshold):
        threshold = threshold.unsqueeze(1)
    correct = (pred - target).square().sum(-1).sqrt() <= threshold
    return (correct & visible).sum().to(pred.dtype) / visible.sum()


def pck_loop_over_images(pred, target, visible, threshold):
    correct = total = 0
    for i in range(len(pred)):
        limit = threshold[i] if torch.is_tensor(threshold) and threshold.ndim else threshold
        error = torch.hypot(*(pred[i] - target[i]).unbind(-1))
        correct += ((error <= limit) & visible[i]).sum().item()
        total += visible[i].sum().item()
    return correct / total if total else math.nan


def pck_numpy(pred, target, visible, threshold):
    error = np.hypot(*np.moveaxis(pred.numpy() - target.numpy(), -1, 0))
    limit = np.broadcast_to(np.reshape(np.asarray(threshold), (-1, 1)), error.shape)
    v = visible.numpy()
    return float((error <= limit)[v].mean()) if v.any() else float("nan")


def pck_sum_of_counts(pred, target, visible, threshold):
    limit = threshold.view(-1, 1) if isinstance(threshold, torch.Tensor) else threshold
    hits = ((pred - target).norm(dim=-1) <= limit) * visible
    return hits.type_as(pred).sum() / visible.type_as(pred).sum()


def pck_squared(pred, target, visible, threshold):
    limit = threshold[:, None] ** 2 if torch.is_tensor(threshold) else threshold**2
    return ((pred - target).square().sum(-1) <= limit)[visible].double().mean()


def pck_pairwise_distance(pred, target, visible, threshold):
    limit = torch.as_tensor(threshold).expand(len(pred))[:, None].expand(visible.shape)
    return (F.pairwise_distance(pred[visible], target[visible]) <= limit[visible]).double().mean()


def pck_slope_of_the_root_kept_finite(pred, target, visible, threshold):
    error = (pred - target).square().sum(-1).clamp(min=1e-8).sqrt()
    return (error <= torch.as_tensor(threshold).reshape(-1, 1).to(error))[visible].to(error).mean()


# masked_l2_loss


def loss_select(pred, target, visible):
    squared = (pred[visible] - target[visible]).square().sum(-1)
    return squared.sum() / max(len(squared), 1)


def loss_where_before(pred, target, visible):
    d = torch.where(visible[..., None], pred - torch.where(visible[..., None], target, 0), 0)
    return (d**2).sum() / visible.sum().clamp(min=1)


def loss_masked_fill_inputs(pred, target, visible):
    hidden = ~visible[..., None]
    d = pred.masked_fill(hidden, 0) - target.masked_fill(hidden, 0)
    return torch.einsum("bkc,bkc->", d, d) / visible.sum().clamp(min=1)


def loss_masked_fill_difference(pred, target, visible):
    d = (pred - target).masked_fill(~visible[..., None], 0)
    return d.square().sum() / visible.sum().clamp(min=1)


def loss_mse(pred, target, visible):
    if not visible.any():
        return pred[visible].sum()
    return 2 * F.mse_loss(pred[visible], target[visible])


def loss_mse_sum(pred, target, visible):
    return F.mse_loss(pred[visible], target[visible], reduction="sum") / max(1, int(visible.sum()))


def loss_loops(pred, target, visible):
    total, count = pred[visible].sum() * 0, 0
    for b in range(pred.shape[0]):
        for k in range(pred.shape[1]):
            if visible[b, k]:
                total = total + (pred[b, k, 0] - target[b, k, 0]) ** 2 + (pred[b, k, 1] - target[b, k, 1]) ** 2
                count += 1
    return total / max(count, 1)


def loss_nan_to_num(pred, target, visible):
    d = pred.nan_to_num() - target.nan_to_num()
    return ((d**2).sum(dim=-1) * visible).sum() / visible.sum().clamp(min=1)


def loss_indices(pred, target, visible):
    b, k = visible.nonzero(as_tuple=True)
    d = pred[b, k] - target[b, k]
    return (d * d).sum() / max(b.numel(), 1)


# PoseRegressor


class Flatten(nn.Module):
    """Flatten, one hidden layer, units of the image from its middle."""

    def __init__(self, backbone, num_keypoints, image_size):
        super().__init__()
        height, width = image_size
        self.backbone = backbone
        cells = (height // backbone.stride) * (width // backbone.stride)
        self.head = self.make_head(backbone.out_channels, cells, 2 * num_keypoints)
        self.register_buffer("size", torch.tensor([width, height], dtype=torch.float32))

    def make_head(self, channels, cells, outputs):
        return nn.Sequential(
            nn.Conv2d(channels, 32, 1), nn.ReLU(), nn.Flatten(),
            nn.Linear(32 * cells, 256), nn.ReLU(), nn.Linear(256, outputs),
        )  # fmt: skip

    def pixels(self, vector):
        return (vector + 0.5) * self.size

    def forward(self, images):
        return self.pixels(self.head(self.backbone(images)).unflatten(1, (-1, 2)))


class FlattenSigmoid(Flatten):
    def pixels(self, vector):
        return vector.sigmoid() * (self.size - 1)


class LinearOnly(Flatten):
    def make_head(self, channels, cells, outputs):
        return nn.Sequential(nn.Flatten(), nn.Linear(channels * cells, outputs))


class ZeroStart(LinearOnly):
    """Starts every image at the middle: the last layer begins at zero."""

    def make_head(self, channels, cells, outputs):
        head = super().make_head(channels, cells, outputs)
        nn.init.zeros_(head[-1].weight)
        nn.init.zeros_(head[-1].bias)
        return head


class GlobalAverageLinearPixels(Flatten):
    def make_head(self, channels, cells, outputs):
        return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, outputs))

    def pixels(self, vector):
        return vector


class TwoHeads(nn.Module):
    """One linear layer for x, one for y, and other names."""

    def __init__(self, net, n, hw):
        super().__init__()
        self.h, self.w = hw
        self.trunk = nn.Sequential(net, nn.Flatten())
        features = net.out_channels * (self.h // net.stride) * (self.w // net.stride)
        self.to_x, self.to_y = nn.Linear(features, n), nn.Linear(features, n)

    def forward(self, x):
        f = self.trunk(x)
        return torch.stack([self.to_x(f).sigmoid() * self.w, self.to_y(f).sigmoid() * self.h], dim=-1)


class MeasuredInInit(Flatten):
    """Finds the number of features by running the backbone once in __init__."""

    def __init__(self, backbone, num_keypoints, image_size):
        nn.Module.__init__(self)
        self.net = backbone
        with torch.no_grad():
            features = backbone(torch.zeros(1, 3, *image_size)).numel()
        self.fc1, self.fc2 = nn.Linear(features, 100), nn.Linear(100, num_keypoints * 2)
        self.scale = torch.tensor(image_size[::-1])

    def forward(self, images):
        hidden = F.leaky_relu(self.fc1(self.net(images).flatten(1)))
        return self.fc2(hidden).reshape(images.shape[0], -1, 2) * self.scale


class CopiedBackbone(Flatten):
    def __init__(self, backbone, num_keypoints, image_size):
        super().__init__(copy.deepcopy(backbone), num_keypoints, image_size)


OF_FLATTEN = {
    "FlattenTanh": {"pixels": "(vector.tanh() + 1) / 2 * self.size"},
    # Regresses pixels directly: slow to train, but right.
    "FlattenPixels": {"pixels": "vector"},
    "GlobalAveragePooling": {
        "make_head": (
            "nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 64), nn.ReLU(), "
            "nn.Linear(64, outputs))"
        )
    },
    "SpatialPooling": {
        "make_head": ("nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4 * channels, outputs))")
    },
    # Like DeepPose: two wide layers with dropout.
    "DeepWithDropout": {
        "make_head": (
            "nn.Sequential(nn.Flatten(), nn.Linear(channels * cells, 512), nn.ReLU(), nn.Dropout(0.5), "
            "nn.Linear(512, 512), nn.ReLU(), nn.Dropout(0.5), nn.Linear(512, outputs))"
        )
    },
    "LayerNormHead": {
        "make_head": (
            "nn.Sequential(nn.Flatten(), nn.Linear(channels * cells, 128), nn.LayerNorm(128), nn.GELU(), "
            "nn.Linear(128, outputs))"
        )
    },
    # Another convolution, then pooling: the head keeps some of where a feature was.
    "StridedConvolution": {
        "make_head": (
            "nn.Sequential(nn.Conv2d(channels, 32, 3, stride=2, padding=1), nn.ReLU(), "
            "nn.AdaptiveAvgPool2d((2, 2)), nn.Flatten(), nn.Linear(128, outputs))"
        )
    },
    "FunctionalDropout": {
        "forward": (
            "self.pixels(self.head(F.dropout(self.backbone(images), 0.2, training=self.training)).unflatten(1, "
            "(-1, 2)))"
        )
    },
}

OF_LINEAR = {
    "LinearPixels": {"pixels": "vector"},
    "LinearSigmoid": {"pixels": "vector.sigmoid() * self.size"},
    # The vector holds all x, then all y: a matter of taste.
    "XsThenYs": {"forward": "self.pixels(self.head(self.backbone(images)).view(len(images), 2, -1).transpose(1, 2))"},
}

OF_SIGMOID = {
    "GlobalMaxPooling": {
        "make_head": (
            "nn.Sequential(nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(channels, 128), nn.ReLU(), "
            "nn.Linear(128, outputs))"
        )
    },
    "BatchNormHead": {
        "make_head": (
            "nn.Sequential(nn.Conv2d(channels, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.Flatten(), "
            "nn.Linear(16 * cells, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Linear(128, outputs))"
        )
    },
}


class ClampInEval(Flatten):
    def forward(self, images):
        keypoints = super().forward(images)
        return keypoints if self.training else torch.minimum(keypoints.clamp(min=0), self.size - 1)


def _is_network(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, nn.Module) and value.__module__ == __name__


RIGHT_VARIANTS: dict[str, dict[str, object]] = {
    "mpjpe": answers("pred, target, visible", {**MPJPE, **styles("mpjpe_", globals())}, globals()),
    "pck": styles("pck_", globals()),
    "masked_l2_loss": styles("loss_", globals()),
    "PoseRegressor": {
        **{name: value for name, value in globals().items() if _is_network(value)},
        **networks(Flatten, OF_FLATTEN, globals()),
        **networks(FlattenSigmoid, OF_SIGMOID, globals()),
        **networks(LinearOnly, OF_LINEAR, globals()),
    },
}
REFERENCES = {question: next(iter(variants.values())) for question, variants in RIGHT_VARIANTS.items()}
