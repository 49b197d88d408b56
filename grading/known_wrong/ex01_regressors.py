"""Known wrong answers to exercise 1's question about a network, `PoseRegressor`."""

from __future__ import annotations

from types import SimpleNamespace

import torch
import torch.nn.functional as F  # noqa: F401, for the table
from torch import nn

from grading.known_wrong.table import networks

__all__ = ["KNOWN_WRONG"]


class Regressor(nn.Module):
    """What the wrong versions share: flatten, one hidden layer, and pixels from units of the image."""

    def __init__(self, backbone, num_keypoints, image_size):
        super().__init__()
        self.num_keypoints, self.image_size = num_keypoints, image_size
        self.own(backbone)
        height, width = image_size
        cells = (height // backbone.stride) * (width // backbone.stride)
        self.head = self.make_head(backbone.out_channels, cells, num_keypoints)

    def own(self, backbone):
        self.backbone = backbone

    def make_head(self, channels, cells, num_keypoints):
        return nn.Sequential(nn.Linear(channels * cells, 64), nn.ReLU(), nn.Linear(64, 2 * num_keypoints))

    def features(self, images):
        return self.backbone(images).flatten(1)

    def size(self, like):
        height, width = self.image_size
        return like.new_tensor([width, height])

    def to_pixels(self, vector):
        return vector.sigmoid() * self.size(vector)

    def forward(self, images):
        return self.to_pixels(self.head(self.features(images)).unflatten(1, (self.num_keypoints, 2)))


class MeanPose(Regressor):
    def make_head(self, channels, cells, num_keypoints):
        return nn.ParameterList([nn.Parameter(torch.zeros(num_keypoints, 2))])

    def forward(self, images):
        return self.to_pixels(self.head[0]).expand(len(images), -1, -1)


class OnePointForAll(Regressor):
    def make_head(self, channels, cells, num_keypoints):
        return nn.Linear(channels * cells, 2)

    def forward(self, images):
        return self.to_pixels(self.head(self.features(images)))[:, None].expand(-1, self.num_keypoints, -1)


class DetachedBackbone(Regressor):
    def features(self, images):
        with torch.no_grad():
            return super().features(images)


class UnregisteredBackbone(Regressor):
    def own(self, backbone):
        self.parts = [backbone]

    def features(self, images):
        return self.parts[0](images).flatten(1)


class LayersMadeInForward(Regressor):
    def make_head(self, channels, cells, num_keypoints):
        return None

    def forward(self, images):
        features = self.features(images)
        if self.head is None:
            self.head = nn.Linear(features.shape[1], 2 * self.num_keypoints)
        return super().forward(images)


class IgnoresBackbone(Regressor):
    """A convolution of its own on the images stands in for the backbone, which is owned and never called."""

    def __init__(self, backbone, num_keypoints, image_size):
        super().__init__(backbone, num_keypoints, image_size)
        self.own_features = nn.Conv2d(3, backbone.out_channels, backbone.stride, backbone.stride)

    def features(self, images):
        return self.own_features(images).flatten(1)


class LayersInAList(Regressor):
    def make_head(self, channels, cells, num_keypoints):
        self.layers = [nn.Linear(channels * cells, 64), nn.ReLU(), nn.Linear(64, 2 * num_keypoints)]
        return lambda features: self.layers[2](self.layers[1](self.layers[0](features)))


class LayersAnewInForward(Regressor):
    def make_head(self, channels, cells, num_keypoints):
        return lambda features: nn.Linear(channels * cells, 2 * num_keypoints)(features)


class NoSuperInit(nn.Module):
    def __init__(self, backbone, num_keypoints, image_size):
        self.backbone = backbone


def not_a_module(backbone, num_keypoints, image_size):
    height, width = image_size
    cells = (height // backbone.stride) * (width // backbone.stride)
    head = nn.Linear(backbone.out_channels * cells, 2 * num_keypoints)
    return SimpleNamespace(forward=lambda images: head(backbone(images).flatten(1)).unflatten(1, (-1, 2)))


REGRESSOR_GIVEN = {
    "hidden": "nn.Linear(channels * cells, 64), nn.ReLU()",
    "size": "self.size(vector)",
    "features": "super().features(images)",
    "pixels": "super().forward(images)",
}

REGRESSOR = {
    "normalised_output": {"to_pixels": "vector.sigmoid()"},
    "normalised_output.clamped": {"to_pixels": "vector.clamp(0, 1)"},
    "height_for_width": {"to_pixels": "vector.sigmoid() * vector.new_tensor(self.image_size)"},
    "height_for_width.one_side_for_both": {"to_pixels": "vector.sigmoid() * self.image_size[0]"},
    "size_applied_twice": {"to_pixels": "vector.sigmoid() * size * size"},
    "size_applied_twice.from_the_middle": {"to_pixels": "(vector + 0.5) * size * size"},
    "does_not_learn.saturated": {"to_pixels": "(vector * size * 100).sigmoid() * size"},
    "fixed_size": {"to_pixels": "vector.sigmoid() * 128"},
    "fixed_size.of_the_notebook": {"size": "like.new_tensor([128, 128])"},
    "ignores_image.mean_pose": MeanPose,
    "ignores_image.features_unused": {"features": "torch.ones_like(features)"},
    "one_point_for_all": OnePointForAll,
    "ignores_backbone": IgnoresBackbone,
    "ignores_backbone.noise": {"features": "torch.randn_like(features) * 0 + images.flatten(1)[:, :features.shape[1]]"},
    "detached_backbone": DetachedBackbone,
    "detached_backbone.features": {"features": "features.detach()"},
    "frozen_backbone": {"own": "super().own(backbone.requires_grad_(False))"},
    "unregistered_backbone": UnregisteredBackbone,
    "lazy_layers": {"make_head": "nn.LazyLinear(2 * num_keypoints)"},
    "lazy_layers.in_forward": LayersMadeInForward,
    "unregistered_head": LayersInAList,
    "unregistered_head.in_forward": LayersAnewInForward,
    "flat_output": {"forward": "pixels.flatten(1)"},
    "axes_swapped": {"forward": "pixels.transpose(1, 2)"},
    "fixed_number_of_keypoints": {"__init__": "super().__init__(backbone, 17, image_size)"},
    "fixed_number_of_keypoints.view": {"forward": "self.to_pixels(self.head(self.features(images)).view(-1, 17, 2))"},
    "fixed_number_of_keypoints.unflatten": {
        "forward": "self.to_pixels(self.head(self.features(images)).unflatten(1, (17, 2)))"
    },
    "fixed_number_of_keypoints.head": {
        "make_head": "nn.Sequential(*(hidden), nn.Linear(64, 34))",
        "forward": "self.to_pixels(self.head(self.features(images)).view(len(images), self.num_keypoints, 2))",
    },
    "fixed_number_of_keypoints.flat_head": {
        "make_head": "nn.Sequential(*(hidden), nn.Linear(64, 34))",
        "forward": "self.head(self.features(images)).flatten(1)",
    },
    "drops_the_batch_axis": {"forward": "pixels.squeeze()"},
    "drops_the_batch_axis.of_one_image": {
        "forward": "self.to_pixels(self.head(self.features(images)).reshape(self.num_keypoints, 2))"
    },
    "drops_the_batch_axis.mean": {"forward": "pixels.mean(0)"},
    "fixed_channels": {
        "make_head": "nn.Sequential(nn.Conv2d(64, 8, 1), nn.Flatten(), nn.Linear(8 * cells, 2 * num_keypoints))",
        "features": "self.backbone(images)",
    },
    "flattens_the_batch": {"features": "features.flatten()"},
    "wrong_feature_count": {"__init__": "super().__init__(backbone, num_keypoints, (image_size[0], image_size[0]))"},
    "wrong_feature_count.not_flattened": {"features": "self.backbone(images)"},
    "wrong_feature_count.of_the_notebook": {
        "make_head": "nn.Sequential(nn.Linear(channels * 16 * 16, 64), nn.ReLU(), nn.Linear(64, 2 * num_keypoints))"
    },
    "wrong_feature_count.no_channels": {"make_head": "nn.Sequential(nn.Linear(cells, 2 * num_keypoints))"},
    "no_super_init": NoSuperInit,
    "rounds.to_float": {"to_pixels": "super().to_pixels(vector).round()"},
    "rounds": {"to_pixels": "super().to_pixels(vector).long()"},
    "detached_output": {"to_pixels": "super().to_pixels(vector).detach()"},
    "dropout_in_eval": {"features": "F.dropout(features, 0.2)"},
    "dropout_in_eval.noise": {"features": "features + 0.1 * torch.randn_like(features)"},
    "changes_its_arguments": {"forward": "super().forward(images.sub_(0.5))"},
    "changes_its_arguments.divided": {"forward": "super().forward(images.div_(0.25))"},
    "mixes_images.of_the_output": {"forward": "pixels - pixels.mean(0, keepdim=True) * (len(images) > 1)"},
    "mixes_images.batch_statistics": {
        "make_head": (
            "nn.Sequential(nn.Linear(channels * cells, 64), nn.BatchNorm1d(64, track_running_stats=False), nn.ReLU(), "
            "nn.Linear(64, 2 * num_keypoints))"
        )
    },
    "mixes_images": {"features": "features - features.mean(0) if len(features) > 1 else features"},
    "not_a_module": not_a_module,
}

KNOWN_WRONG: dict[str, dict[str, object]] = {
    "PoseRegressor": networks(Regressor, REGRESSOR, globals(), REGRESSOR_GIVEN)
}
