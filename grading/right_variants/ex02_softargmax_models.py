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


class Upsampled(Plain):
    """Maps twice as large, with their own stride."""

    def make_head(self, channels, keypoints):
        return nn.Sequential(
            nn.Conv2d(channels, 32, 3, padding=1), nn.ReLU(), nn.Upsample(scale_factor=2, mode="bilinear"),
            nn.Conv2d(32, keypoints, 3, padding=1),
        )  # fmt: skip

    def to_image(self, where, scores):
        return (where + 0.5) * (self.size[1] / scores.shape[3]) - 0.5


class NoHalfPixel(Plain):
    def to_image(self, where, scores):
        return where * self.stride


class CornersAligned(Plain):
    """The first pixel of the map lies on the first of the image, the last on the last."""

    def to_image(self, where, scores):
        height, width = self.size
        return where * where.new_tensor([(width - 1) / (scores.shape[3] - 1), (height - 1) / (scores.shape[2] - 1)])


class ThroughUnits(Plain):
    def to_image(self, where, scores):
        height, width = self.size
        units = (where + 0.5) / where.new_tensor([scores.shape[3], scores.shape[2]])
        return units * where.new_tensor([width, height]) - 0.5


class LearnedBeta(Deep):
    def __init__(self, backbone, num_keypoints, image_size):
        super().__init__(backbone, num_keypoints, image_size)
        self.beta = nn.Parameter(torch.tensor(1.0))

    def locate(self, scores):
        return softargmax(scores, self.beta)


class TanhWithBeta(Deep):
    """Scores in [-1, 1], made sharp by a large beta: unusual, and it learns."""

    def make_head(self, channels, keypoints):
        return nn.Sequential(*super().make_head(channels, keypoints), nn.Tanh())

    def locate(self, scores):
        return softargmax(scores, 20.0)


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
    # A fixed inverse temperature.
    "Sharp": {"locate": "softargmax(scores, 10.0)"},
}

OF_UPSAMPLED = {
    "Transposed": {
        "make_head": (
            "nn.Sequential(nn.ConvTranspose2d(channels, 24, 4, stride=2, padding=1), nn.LeakyReLU(), "
            "nn.Conv2d(24, keypoints, 1))"
        )
    },
    # Maps as large as the image.
    "SizeOfTheImage": {
        "make_head": (
            "nn.Sequential(nn.Conv2d(channels, keypoints, 1), nn.Upsample(scale_factor=self.stride, mode='bilinear'))"
        )
    },
}

OF_DEEP = {"VerySharp": {"locate": "softargmax(scores, 100.0)"}, "Blurred": {"locate": "softargmax(scores, 0.1)"}}


class LearnedLogBeta(LearnedBeta):
    def locate(self, scores):
        return softargmax(scores, self.beta.exp())


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
    if isinstance(value, type) and issubclass(value, nn.Module) and value.__module__ == __name__
}  # fmt: skip
for base, rows in ((Plain, OF_PLAIN), (Deep, OF_DEEP), (Upsampled, OF_UPSAMPLED)):
    RIGHT_MODELS.update(networks(base, rows, globals()))
RIGHT_VARIANTS = {"SoftargmaxPose": RIGHT_MODELS}
REFERENCE = Plain
