"""Known wrong answers to exercise 1: ordinary code of ordinary mistakes, by the name that checks and feedback use.

Where several mistakes explain an answer, the first in order is named. Several wrong versions may make one mistake: its
name is what stands before the dot.
"""

from __future__ import annotations

from types import SimpleNamespace

import torch
import torch.nn.functional as F  # noqa: F401, for the tables
from torch import nn

from grading.known_wrong.table import answers, networks

__all__ = ["KNOWN_WRONG"]


# mpjpe


def mpjpe_reads_a_global(pred, target, visible):
    return torch.linalg.vector_norm(pred - target, dim=-1)[vis].mean()  # noqa: F821, the mistake


def mpjpe_changes_its_arguments(pred, target, visible):
    pred[~visible] = 0
    target[~visible] = 0
    return torch.linalg.vector_norm(pred - target, dim=-1).sum() / visible.sum()


MPJPE_GIVEN = {
    "error": "torch.linalg.vector_norm(pred - target, dim=-1)",
    "seen": "torch.where(visible[..., None], pred - target, torch.zeros_like(pred))",
}

MPJPE = {
    "l1_distance": "(pred - target)[visible].pow(2).sqrt().sum(-1).mean()",
    "divides_by_all_joints": "torch.where(visible, error, torch.zeros_like(error)).mean()",
    "mean_per_image": "torch.stack([e[v].mean() for e, v in zip(error, visible, strict=True)]).mean()",
    "mean_per_image.nanmean": "torch.stack([e[v].mean() for e, v in zip(error, visible, strict=True)]).nanmean()",
    "root_mean_square": "(pred - target)[visible].square().sum(-1).mean().sqrt()",
    "mean_over_x_and_y": "(pred - target)[visible].abs().mean()",
    "norm_along_joints": "torch.linalg.vector_norm(seen, dim=1).mean()",
    "mask_inverted": "error[~visible].mean()",
    "ignores_visibility": "error.mean()",
    "x_y_swapped": "torch.linalg.vector_norm(pred.flip(-1) - target, dim=-1)[visible].mean()",
    "no_root": "(pred - target)[visible].square().sum(-1).mean()",
    "sum_of_errors": "error[visible].sum()",
    "one_norm_of_everything": "torch.dist(pred[visible], target[visible])",
    "expects_coco_flags": "error[visible > 1].mean()",
    "reads_a_global": mpjpe_reads_a_global,
    "nan_by_multiplication": "(error * visible).sum() / visible.sum()",
    "zero_for_none": "error[visible].sum() / visible.sum().clamp(min=1)",
    "changes_its_arguments": mpjpe_changes_its_arguments,
    "float32_only": "torch.linalg.vector_norm(pred.float() - target.float(), dim=-1)[visible].mean()",
}


# pck


def _error(pred, target):
    return torch.linalg.vector_norm(pred - target, dim=-1)


def _limit(threshold):
    return threshold[:, None] if isinstance(threshold, torch.Tensor) and threshold.ndim else threshold


def pck_changes_its_arguments(pred, target, visible, threshold):
    pred -= target
    return (torch.linalg.vector_norm(pred, dim=-1) <= _limit(threshold))[visible].float().mean()


PCK_GIVEN = {
    "error": "_error(pred, target)",
    "limit": "_limit(threshold)",
    "near": "error <= limit",
    "seen": "torch.where(visible[..., None], pred - target, torch.zeros_like(pred))",
    "many": "isinstance(threshold, torch.Tensor)",
    "limits": "limit[..., None] if many else threshold",
}

PCK = {
    "squared_distance": "((pred - target).square().sum(-1) <= limit)[visible].float().mean()",
    "l1_distance": "((pred - target).abs().sum(-1) <= limit)[visible].float().mean()",
    "x_and_y_each": "((pred - target).abs().amax(-1) <= limit)[visible].float().mean()",
    "coordinates_counted": "((pred - target).abs() <= limits)[visible].float().mean()",
    "counts_the_wrong": "(error > limit)[visible].float().mean()",
    "percent": "100 * near[visible].float().mean()",
    "counts_instead_of_share": "near[visible].sum()",
    "divides_by_all_joints": "(near & visible).float().mean()",
    "ignores_visibility": "near.float().mean()",
    "mask_inverted": "near[~visible].float().mean()",
    "mean_per_image": "((near & visible).sum(1) / visible.sum(1)).mean()",
    "x_y_swapped": "(_error(pred.flip(-1), target) <= limit)[visible].float().mean()",
    "norm_along_joints": "(torch.linalg.vector_norm(seen, dim=1) <= limit).float().mean()",
    "hidden_counted_as_right": "(error.masked_fill(~visible, 0) <= limit).sum() / visible.sum()",
    "expects_coco_flags": "near[visible > 1].float().mean()",
    "strictly_below": "(error < limit)[visible].float().mean()",
    "threshold_along_joints": "(error <= threshold)[visible].float().mean()",
    "one_threshold_for_all.first": "(error <= (threshold.flatten()[0] if many else threshold))[visible].float().mean()",
    "one_threshold_for_all.mean": "(error <= (threshold.mean() if many else threshold))[visible].float().mean()",
    "one_threshold_for_all.number": "(error <= float(threshold))[visible].float().mean()",
    "zero_for_none": "(near & visible).sum() / visible.sum().clamp(min=1)",
    "changes_its_arguments": pck_changes_its_arguments,
}


# masked_l2_loss


def _squared(pred, target, visible):
    return (pred[visible] - target[visible]).square().sum(-1)


def loss_mean_per_image(pred, target, visible):
    squared = (pred - target).square().sum(-1)
    return torch.stack([s[v].sum() / v.sum().clamp(min=1) for s, v in zip(squared, visible, strict=True)]).mean()


def loss_changes_its_arguments(pred, target, visible):
    target[~visible] = pred.detach()[~visible]
    return (pred - target).square().sum() / visible.sum().clamp(min=1)


LOSS_GIVEN = {
    "squared": "_squared(pred, target, visible)",
    "each": "(pred - target).square().sum(-1)",
    "count": "visible.sum().clamp(min=1)",
}

LOSS = {
    "sum_over_everything": "squared.sum()",
    "sum_over_keypoints": "squared.sum() / len(pred)",
    "not_squared": "squared.sqrt().sum() / count",
    "root_of_the_mean": "(squared.sum() / count).sqrt()",
    "mean_over_x_and_y": "(pred[visible] - target[visible]).square().sum() / (2 * visible.sum()).clamp(min=1)",
    "divides_by_all_joints": "squared.sum() / visible.numel()",
    "ignores_visibility": "each.mean()",
    "mse_of_everything": "F.mse_loss(pred, target)",
    "mask_inverted": "_squared(pred, target, ~visible).sum() / (~visible).sum().clamp(min=1)",
    "mean_per_image": loss_mean_per_image,
    "l1_distance": "(pred[visible] - target[visible]).abs().sum() / count",
    "x_y_swapped": "_squared(pred.flip(-1), target, visible).sum() / count",
    "nan_by_multiplication": "(each * visible).sum() / count",
    "nan_gradient": "torch.where(visible, each, torch.zeros_like(each)).sum() / count",
    "nan_for_none": "squared.mean()",
    "loose_zero_for_none": "squared.mean() if visible.any() else torch.tensor(0.0)",
    "not_attached": "torch.tensor(squared.sum().item() / max(int(visible.sum()), 1))",
    "needs_numpy": "torch.tensor(((pred.numpy() - target.numpy())[visible.numpy()] ** 2).sum(-1).mean())",
    "expects_coco_flags": "_squared(pred, target, visible > 1).sum() / (visible > 1).sum().clamp(min=1)",
    "float32_only": "_squared(pred.float(), target.float(), visible).sum() / count",
    "changes_its_arguments": loss_changes_its_arguments,
}


# PoseRegressor


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


class NoSuperInit(nn.Module):
    def __init__(self, backbone, num_keypoints, image_size):
        self.backbone = backbone


def not_a_module(backbone, num_keypoints, image_size):
    height, width = image_size
    cells = (height // backbone.stride) * (width // backbone.stride)
    head = nn.Linear(backbone.out_channels * cells, 2 * num_keypoints)
    return SimpleNamespace(forward=lambda images: head(backbone(images).flatten(1)).unflatten(1, (-1, 2)))


REGRESSOR_GIVEN = {
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
    "ignores_image.mean_pose": MeanPose,
    "ignores_image.features_unused": {"features": "torch.ones_like(features)"},
    "one_point_for_all": OnePointForAll,
    "detached_backbone": DetachedBackbone,
    "frozen_backbone": {"own": "super().own(backbone.requires_grad_(False))"},
    "unregistered_backbone": UnregisteredBackbone,
    "lazy_layers": {"make_head": "nn.LazyLinear(2 * num_keypoints)"},
    "lazy_layers.in_forward": LayersMadeInForward,
    "flat_output": {"forward": "pixels.flatten(1)"},
    "axes_swapped": {"forward": "pixels.transpose(1, 2)"},
    "fixed_number_of_keypoints": {"__init__": "super().__init__(backbone, 17, image_size)"},
    "drops_the_batch_axis": {"forward": "pixels.squeeze()"},
    "wrong_feature_count": {"__init__": "super().__init__(backbone, num_keypoints, (image_size[0], image_size[0]))"},
    "no_super_init": NoSuperInit,
    "rounds.to_float": {"to_pixels": "super().to_pixels(vector).round()"},
    "rounds": {"to_pixels": "super().to_pixels(vector).long()"},
    "detached_output": {"to_pixels": "super().to_pixels(vector).detach()"},
    "dropout_in_eval": {"features": "F.dropout(features, 0.2)"},
    "mixes_images": {"features": "features - features.mean(0) if len(features) > 1 else features"},
    "not_a_module": not_a_module,
}

KNOWN_WRONG: dict[str, dict[str, object]] = {
    "mpjpe": answers("pred, target, visible", MPJPE, globals(), MPJPE_GIVEN),
    "pck": answers("pred, target, visible, threshold", PCK, globals(), PCK_GIVEN),
    "masked_l2_loss": answers("pred, target, visible", LOSS, globals(), LOSS_GIVEN),
    "PoseRegressor": networks(Regressor, REGRESSOR, globals(), REGRESSOR_GIVEN),
}
