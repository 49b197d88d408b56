"""Right answers to `SoftargmaxPose` in many styles: every one must pass every check."""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import nn

from grading.known_wrong.table import networks

__all__ = ["REFERENCE", "RIGHT_MODELS"]


def softargmax(scores, beta=1.0):
    batch, keypoints, height, width = scores.shape
    p = (beta * scores).view(batch, keypoints, -1).softmax(-1).view_as(scores)
    xs, ys = torch.arange(width).to(scores), torch.arange(height).to(scores)
    return torch.stack([torch.einsum("bkhw,w->bk", p, xs), torch.einsum("bkhw,h->bk", p, ys)], dim=-1)


class Plain(nn.Module):
    """The plainest: one 1 x 1 convolution."""

    def __init__(self, backbone, num_keypoints, image_size):
        super().__init__()
        self.backbone, self.stride, self.size = backbone, backbone.stride, image_size
        self.head = self.make_head(backbone.out_channels, num_keypoints)

    def make_head(self, channels, keypoints):
        return nn.Conv2d(channels, keypoints, 1)

    def locate(self, scores):
        return softargmax(scores)

    def to_image(self, where, scores):
        return (where + 0.5) * self.stride - 0.5

    def forward(self, images):
        scores = self.head(self.backbone(images))
        return self.to_image(self.locate(scores), scores), scores


class Deep(Plain):
    def make_head(self, channels, keypoints):
        return nn.Sequential(nn.Conv2d(channels, 64, 3, padding=1), nn.ReLU(), nn.Conv2d(64, keypoints, 1))


class ThroughUnits(Plain):
    def to_image(self, where, scores):
        height, width = self.size
        units = (where + 0.5) / where.new_tensor([scores.shape[3], scores.shape[2]])
        return units * where.new_tensor([width, height]) - 0.5


class LearnedBeta(Deep):
    """A learned inverse temperature, part of the scores that are returned."""

    def __init__(self, backbone, num_keypoints, image_size):
        super().__init__(backbone, num_keypoints, image_size)
        self.beta = nn.Parameter(torch.tensor(1.0))

    def forward(self, images):
        scores = self.beta * self.head(self.backbone(images))
        return self.to_image(self.locate(scores), scores), scores


class TanhScaled(Deep):
    """Scores in [-20, 20]: unusual, and it learns."""

    def forward(self, images):
        scores = 20 * torch.tanh(self.head(self.backbone(images)))
        return self.to_image(self.locate(scores), scores), scores


class DownAndUp(Deep):
    """An hourglass in small: pooled, and back to the size it came from."""

    def __init__(self, backbone, num_keypoints, image_size):
        super().__init__(backbone, num_keypoints, image_size)
        self.low = nn.Conv2d(num_keypoints, num_keypoints, 3, padding=1)

    def forward(self, images):
        scores = self.head(self.backbone(images))
        low = self.low(F.adaptive_avg_pool2d(scores, [-(-side // 2) for side in scores.shape[2:]]))
        scores = scores + F.interpolate(low, size=scores.shape[2:], mode="bilinear")
        return self.to_image(self.locate(scores), scores), scores


class LogSoftmax(Plain):
    """Normalised log-probabilities: scores up to a constant."""

    def forward(self, images):
        scores = self.head(self.backbone(images))
        scores = scores.flatten(2).log_softmax(-1).view_as(scores)
        return self.to_image(softargmax(scores), scores), scores


class ZeroStart(Deep):
    """Starts every keypoint at the middle: the last layer begins at zero."""

    def make_head(self, channels, keypoints):
        head = super().make_head(channels, keypoints)
        nn.init.zeros_(head[-1].weight)
        nn.init.zeros_(head[-1].bias)
        return head


class SmallStart(Deep):
    def make_head(self, channels, keypoints):
        head = super().make_head(channels, keypoints)
        nn.init.normal_(head[-1].weight, std=0.001)
        return head


class LoudStart(Deep):
    def make_head(self, channels, keypoints):
        head = super().make_head(channels, keypoints)
        nn.init.normal_(head[-1].weight, std=1.0)
        return head


class HeadPerKeypoint(Plain):
    def make_head(self, channels, keypoints):
        return nn.ModuleList(nn.Conv2d(channels, 1, 3, padding=1) for _ in range(keypoints))

    def forward(self, images):
        features = self.backbone(images)
        scores = torch.cat([head(features) for head in self.head], dim=1)
        return [self.to_image(self.locate(scores), scores), scores]


class WeightedGrid(nn.Module):
    """A grid of image places in a buffer, one weighted sum, other names."""

    def __init__(self, net, n, hw):
        super().__init__()
        s = net.stride
        rows, columns = hw[0] // s, hw[1] // s
        y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
        self.register_buffer("grid", (torch.stack([x, y], -1).flatten(0, 1) + 0.5) * s - 0.5)
        self.trunk = nn.Sequential(net, nn.Conv2d(net.out_channels, n, 1))

    def forward(self, x):
        maps = self.trunk(x)
        return maps.flatten(2).softmax(2) @ self.grid, maps


class CopiedBackbone(Plain):
    def __init__(self, backbone, num_keypoints, image_size):
        super().__init__(copy.deepcopy(backbone), num_keypoints, image_size)


class ClampInEval(Deep):
    def forward(self, images):
        where, scores = super().forward(images)
        height, width = self.size
        return (where if self.training else where.clamp(where.new_zeros(2), where.new_tensor([width, height]))), scores


OF_PLAIN = {
    "BatchNorm": {
        "make_head": (
            "nn.Sequential(nn.Conv2d(channels, 24, 3, padding=1, bias=False), nn.BatchNorm2d(24), "
            "nn.ReLU(inplace=True), nn.Conv2d(24, keypoints, 1))"
        )
    },
    "Dropout": {
        "make_head": (
            "nn.Sequential(nn.Conv2d(channels, 32, 1), nn.GELU(), nn.Dropout2d(0.3), "
            "nn.Conv2d(32, keypoints, 1, bias=False))"
        )
    },
    "GroupNorm": {
        "make_head": (
            "nn.Sequential(nn.Conv2d(channels, 32, 3, padding=1), nn.GroupNorm(4, 32), nn.SiLU(), "
            "nn.Conv2d(32, keypoints, 1))"
        )
    },
    "NeverPositive": {"make_head": "nn.Sequential(nn.Conv2d(channels, keypoints, 1), nn.LogSigmoid())"},
    # A fixed inverse temperature, part of the scores.
    "Sharp": {"make_head": "nn.Sequential(nn.Conv2d(channels, keypoints, 1), _Times(10.0))"},
    # The stride by the sizes of image and map, which is the same.
    "StrideOfTheMap": {"to_image": "(where + 0.5) * (self.size[1] / scores.shape[3]) - 0.5"},
    # The places of double precision.
    "InDouble": {"locate": "softargmax(scores.double()).to(scores.dtype)"},
}

OF_DEEP = {
    "VerySharp": {"forward": "_tied(self, 100 * self.head(self.backbone(images)))"},
    "Blurred": {"forward": "_tied(self, 0.1 * self.head(self.backbone(images)))"},
}


def _tied(model, scores):
    return model.to_image(model.locate(scores), scores), scores


class _Times(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, x):
        return self.factor * x


class Residual(Plain):
    """Two stages, keypoints and scores of the second."""

    def __init__(self, backbone, num_keypoints, image_size):
        super().__init__(backbone, num_keypoints, image_size)
        self.refine = nn.Conv2d(num_keypoints, num_keypoints, 3, padding=1)

    def forward(self, images):
        scores = self.head(self.backbone(images))
        scores = scores + self.refine(F.relu(scores))
        return self.to_image(self.locate(scores), scores), scores


RIGHT_MODELS: dict[str, object] = {
    name: value for name, value in globals().items()
    if isinstance(value, type) and issubclass(value, nn.Module) and value.__module__ == __name__ and name[0] != "_"
}  # fmt: skip
for base, rows in ((Plain, OF_PLAIN), (Deep, OF_DEEP)):
    RIGHT_MODELS.update(networks(base, rows, globals()))
RIGHT_VARIANTS = {"SoftargmaxPose": RIGHT_MODELS}
REFERENCE = Plain
