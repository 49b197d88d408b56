"""Known wrong answers to exercise 1: ordinary code of ordinary mistakes, by the name that checks and feedback use.

Where several mistakes explain an answer, the first in order is named. Several wrong versions may make one mistake: its
name is what stands before the dot.
"""

from __future__ import annotations

from types import SimpleNamespace

import torch
import torch.nn.functional as F
from torch import nn

__all__ = ["KNOWN_WRONG"]


# mpjpe


def mpjpe_l1_distance(pred, target, visible):
    return (pred - target)[visible].pow(2).sqrt().sum(-1).mean()


def mpjpe_divides_by_all_joints(pred, target, visible):
    error = torch.linalg.vector_norm(pred - target, dim=-1)
    return torch.where(visible, error, torch.zeros_like(error)).mean()


def mpjpe_mean_per_image(pred, target, visible):
    error = torch.linalg.vector_norm(pred - target, dim=-1)
    return torch.stack([e[v].mean() for e, v in zip(error, visible, strict=True)]).mean()


def mpjpe_mean_per_image__nanmean(pred, target, visible):
    error = torch.linalg.vector_norm(pred - target, dim=-1)
    return torch.stack([e[v].mean() for e, v in zip(error, visible, strict=True)]).nanmean()


def mpjpe_root_mean_square(pred, target, visible):
    return (pred - target)[visible].square().sum(-1).mean().sqrt()


def mpjpe_mean_over_x_and_y(pred, target, visible):
    return (pred - target)[visible].abs().mean()


def mpjpe_norm_along_joints(pred, target, visible):
    difference = torch.where(visible[..., None], pred - target, torch.zeros_like(pred))
    return torch.linalg.vector_norm(difference, dim=1).mean()


def mpjpe_mask_inverted(pred, target, visible):
    return torch.linalg.vector_norm(pred - target, dim=-1)[~visible].mean()


def mpjpe_ignores_visibility(pred, target, visible):
    return torch.linalg.vector_norm(pred - target, dim=-1).mean()


def mpjpe_x_y_swapped(pred, target, visible):
    return torch.linalg.vector_norm(pred.flip(-1) - target, dim=-1)[visible].mean()


def mpjpe_no_root(pred, target, visible):
    return (pred - target)[visible].square().sum(-1).mean()


def mpjpe_sum_of_errors(pred, target, visible):
    return torch.linalg.vector_norm(pred - target, dim=-1)[visible].sum()


def mpjpe_one_norm_of_everything(pred, target, visible):
    return torch.dist(pred[visible], target[visible])


def mpjpe_expects_coco_flags(pred, target, visible):
    return torch.linalg.vector_norm(pred - target, dim=-1)[visible > 1].mean()


def mpjpe_reads_a_global(pred, target, visible):
    return torch.linalg.vector_norm(pred - target, dim=-1)[vis].mean()  # noqa: F821, the mistake


def mpjpe_nan_by_multiplication(pred, target, visible):
    error = torch.linalg.vector_norm(pred - target, dim=-1) * visible
    return error.sum() / visible.sum()


def mpjpe_zero_for_none(pred, target, visible):
    error = torch.linalg.vector_norm(pred - target, dim=-1)[visible]
    return error.sum() / visible.sum().clamp(min=1)


def mpjpe_changes_its_arguments(pred, target, visible):
    pred[~visible] = 0
    target[~visible] = 0
    return torch.linalg.vector_norm(pred - target, dim=-1).sum() / visible.sum()


def mpjpe_float32_only(pred, target, visible):
    return torch.linalg.vector_norm(pred.float() - target.float(), dim=-1)[visible].mean()


# pck


def _error(pred, target):
    return torch.linalg.vector_norm(pred - target, dim=-1)


def _limit(threshold):
    return threshold[:, None] if isinstance(threshold, torch.Tensor) and threshold.ndim else threshold


def pck_squared_distance(pred, target, visible, threshold):
    return ((pred - target).square().sum(-1) <= _limit(threshold))[visible].float().mean()


def pck_l1_distance(pred, target, visible, threshold):
    return ((pred - target).abs().sum(-1) <= _limit(threshold))[visible].float().mean()


def pck_x_and_y_each(pred, target, visible, threshold):
    return ((pred - target).abs().amax(-1) <= _limit(threshold))[visible].float().mean()


def pck_coordinates_counted(pred, target, visible, threshold):
    near = (pred - target).abs() <= (_limit(threshold)[..., None] if isinstance(threshold, torch.Tensor) else threshold)
    return near[visible].float().mean()


def pck_counts_the_wrong(pred, target, visible, threshold):
    return (_error(pred, target) > _limit(threshold))[visible].float().mean()


def pck_percent(pred, target, visible, threshold):
    return 100 * (_error(pred, target) <= _limit(threshold))[visible].float().mean()


def pck_counts_instead_of_share(pred, target, visible, threshold):
    return (_error(pred, target) <= _limit(threshold))[visible].sum()


def pck_divides_by_all_joints(pred, target, visible, threshold):
    return ((_error(pred, target) <= _limit(threshold)) & visible).float().mean()


def pck_ignores_visibility(pred, target, visible, threshold):
    return (_error(pred, target) <= _limit(threshold)).float().mean()


def pck_mask_inverted(pred, target, visible, threshold):
    return (_error(pred, target) <= _limit(threshold))[~visible].float().mean()


def pck_mean_per_image(pred, target, visible, threshold):
    correct = (_error(pred, target) <= _limit(threshold)) & visible
    return (correct.sum(1) / visible.sum(1)).mean()


def pck_x_y_swapped(pred, target, visible, threshold):
    return (_error(pred.flip(-1), target) <= _limit(threshold))[visible].float().mean()


def pck_norm_along_joints(pred, target, visible, threshold):
    difference = torch.where(visible[..., None], pred - target, torch.zeros_like(pred))
    return (torch.linalg.vector_norm(difference, dim=1) <= _limit(threshold)).float().mean()


def pck_hidden_counted_as_right(pred, target, visible, threshold):
    error = _error(pred, target).masked_fill(~visible, 0)
    return (error <= _limit(threshold)).sum() / visible.sum()


def pck_expects_coco_flags(pred, target, visible, threshold):
    return (_error(pred, target) <= _limit(threshold))[visible > 1].float().mean()


def pck_strictly_below(pred, target, visible, threshold):
    return (_error(pred, target) < _limit(threshold))[visible].float().mean()


def pck_threshold_along_joints(pred, target, visible, threshold):
    return (_error(pred, target) <= threshold)[visible].float().mean()


def pck_one_threshold_for_all__first(pred, target, visible, threshold):
    first = threshold.flatten()[0] if isinstance(threshold, torch.Tensor) else threshold
    return (_error(pred, target) <= first)[visible].float().mean()


def pck_one_threshold_for_all__mean(pred, target, visible, threshold):
    mean = threshold.mean() if isinstance(threshold, torch.Tensor) else threshold
    return (_error(pred, target) <= mean)[visible].float().mean()


def pck_one_threshold_for_all__number(pred, target, visible, threshold):
    return (_error(pred, target) <= float(threshold))[visible].float().mean()


def pck_zero_for_none(pred, target, visible, threshold):
    correct = (_error(pred, target) <= _limit(threshold)) & visible
    return correct.sum() / visible.sum().clamp(min=1)


def pck_changes_its_arguments(pred, target, visible, threshold):
    pred -= target
    return (torch.linalg.vector_norm(pred, dim=-1) <= _limit(threshold))[visible].float().mean()


# masked_l2_loss


def _squared(pred, target, visible):
    return (pred[visible] - target[visible]).square().sum(-1)


def loss_sum_over_everything(pred, target, visible):
    return _squared(pred, target, visible).sum()


def loss_sum_over_keypoints(pred, target, visible):
    return _squared(pred, target, visible).sum() / len(pred)


def loss_not_squared(pred, target, visible):
    return _squared(pred, target, visible).sqrt().sum() / visible.sum().clamp(min=1)


def loss_root_of_the_mean(pred, target, visible):
    return (_squared(pred, target, visible).sum() / visible.sum().clamp(min=1)).sqrt()


def loss_mean_over_x_and_y(pred, target, visible):
    return (pred[visible] - target[visible]).square().sum() / (2 * visible.sum()).clamp(min=1)


def loss_divides_by_all_joints(pred, target, visible):
    return _squared(pred, target, visible).sum() / visible.numel()


def loss_ignores_visibility(pred, target, visible):
    return (pred - target).square().sum(-1).mean()


def loss_mse_of_everything(pred, target, visible):
    return F.mse_loss(pred, target)


def loss_mask_inverted(pred, target, visible):
    return _squared(pred, target, ~visible).sum() / (~visible).sum().clamp(min=1)


def loss_mean_per_image(pred, target, visible):
    squared = (pred - target).square().sum(-1)
    return torch.stack([s[v].sum() / v.sum().clamp(min=1) for s, v in zip(squared, visible, strict=True)]).mean()


def loss_l1_distance(pred, target, visible):
    return (pred[visible] - target[visible]).abs().sum() / visible.sum().clamp(min=1)


def loss_x_y_swapped(pred, target, visible):
    return _squared(pred.flip(-1), target, visible).sum() / visible.sum().clamp(min=1)


def loss_nan_by_multiplication(pred, target, visible):
    squared = (pred - target).square().sum(-1) * visible
    return squared.sum() / visible.sum().clamp(min=1)


def loss_nan_gradient(pred, target, visible):
    squared = (pred - target).square().sum(-1)
    return torch.where(visible, squared, torch.zeros_like(squared)).sum() / visible.sum().clamp(min=1)


def loss_nan_for_none(pred, target, visible):
    return _squared(pred, target, visible).mean()


def loss_loose_zero_for_none(pred, target, visible):
    if not visible.any():
        return torch.tensor(0.0)
    return _squared(pred, target, visible).mean()


def loss_not_attached(pred, target, visible):
    return torch.tensor(_squared(pred, target, visible).sum().item() / max(int(visible.sum()), 1))


def loss_needs_numpy(pred, target, visible):
    pred, target, visible = pred.numpy(), target.numpy(), visible.numpy()
    return torch.tensor(((pred - target)[visible] ** 2).sum(-1).mean())


def loss_expects_coco_flags(pred, target, visible):
    return _squared(pred, target, visible > 1).sum() / (visible > 1).sum().clamp(min=1)


def loss_float32_only(pred, target, visible):
    return _squared(pred.float(), target.float(), visible).sum() / visible.sum().clamp(min=1)


def loss_changes_its_arguments(pred, target, visible):
    target[~visible] = pred.detach()[~visible]
    return (pred - target).square().sum() / visible.sum().clamp(min=1)


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


class NormalisedOutput(Regressor):
    def to_pixels(self, vector):
        return vector.sigmoid()


class HeightForWidth(Regressor):
    def to_pixels(self, vector):
        return vector.sigmoid() * vector.new_tensor(self.image_size)


class OneSideForBoth(Regressor):
    def to_pixels(self, vector):
        return vector.sigmoid() * self.image_size[0]


class SizeAppliedTwice(Regressor):
    def to_pixels(self, vector):
        return vector.sigmoid() * self.size(vector) * self.size(vector)


class SizeAppliedTwiceFromTheMiddle(Regressor):
    def to_pixels(self, vector):
        return (vector + 0.5) * self.size(vector) * self.size(vector)


class SaturatedSigmoid(Regressor):
    def to_pixels(self, vector):
        return (vector * self.size(vector) * 100).sigmoid() * self.size(vector)


class ClampedToUnits(Regressor):
    def to_pixels(self, vector):
        return vector.clamp(0, 1)


class MeanPose(Regressor):
    def make_head(self, channels, cells, num_keypoints):
        return nn.ParameterList([nn.Parameter(torch.zeros(num_keypoints, 2))])

    def forward(self, images):
        return self.to_pixels(self.head[0]).expand(len(images), -1, -1)


class IgnoresFeatures(Regressor):
    def features(self, images):
        return torch.ones_like(self.backbone(images).flatten(1))


class OnePointForAll(Regressor):
    def make_head(self, channels, cells, num_keypoints):
        return nn.Linear(channels * cells, 2)

    def forward(self, images):
        return self.to_pixels(self.head(self.features(images)))[:, None].expand(-1, self.num_keypoints, -1)


class DetachedBackbone(Regressor):
    def features(self, images):
        with torch.no_grad():
            return super().features(images)


class FrozenBackbone(Regressor):
    def own(self, backbone):
        self.backbone = backbone.requires_grad_(False)


class UnregisteredBackbone(Regressor):
    def own(self, backbone):
        self.parts = [backbone]

    def features(self, images):
        return self.parts[0](images).flatten(1)


class LazyLayers(Regressor):
    def make_head(self, channels, cells, num_keypoints):
        return nn.LazyLinear(2 * num_keypoints)


class LayersMadeInForward(Regressor):
    def make_head(self, channels, cells, num_keypoints):
        return None

    def forward(self, images):
        features = self.features(images)
        if self.head is None:
            self.head = nn.Linear(features.shape[1], 2 * self.num_keypoints)
        return super().forward(images)


class FlatOutput(Regressor):
    def forward(self, images):
        return super().forward(images).flatten(1)


class AxesSwapped(Regressor):
    def forward(self, images):
        return super().forward(images).transpose(1, 2)


class SeventeenKeypoints(Regressor):
    def __init__(self, backbone, num_keypoints, image_size):
        super().__init__(backbone, 17, image_size)


class DropsTheBatchAxis(Regressor):
    def forward(self, images):
        return super().forward(images).squeeze()


class SquareImages(Regressor):
    def __init__(self, backbone, num_keypoints, image_size):
        super().__init__(backbone, num_keypoints, (image_size[0], image_size[0]))


class NoSuperInit(nn.Module):
    def __init__(self, backbone, num_keypoints, image_size):
        self.backbone = backbone


class Rounds(Regressor):
    def to_pixels(self, vector):
        return super().to_pixels(vector).round()


class WholeNumbers(Regressor):
    def to_pixels(self, vector):
        return super().to_pixels(vector).long()


class DetachedOutput(Regressor):
    def to_pixels(self, vector):
        return super().to_pixels(vector).detach()


class DropoutInEval(Regressor):
    def features(self, images):
        return F.dropout(super().features(images), 0.2)


class MixesImages(Regressor):
    def features(self, images):
        features = super().features(images)
        return features - features.mean(0) if len(features) > 1 else features


def not_a_module(backbone, num_keypoints, image_size):
    height, width = image_size
    head = nn.Linear(
        backbone.out_channels * (height // backbone.stride) * (width // backbone.stride), 2 * num_keypoints
    )
    return SimpleNamespace(forward=lambda images: head(backbone(images).flatten(1)).unflatten(1, (-1, 2)))


def _named(prefix: str) -> dict[str, object]:
    """Return the functions `prefix_mistake` and `prefix_mistake__variant` as `mistake` and `mistake.variant`."""
    names = [name for name in globals() if name.startswith(prefix)]
    return {name.removeprefix(prefix).replace("__", "."): globals()[name] for name in names}


KNOWN_WRONG: dict[str, dict[str, object]] = {
    "mpjpe": _named("mpjpe_"),
    "pck": _named("pck_"),
    "masked_l2_loss": _named("loss_"),
    "PoseRegressor": {
        "normalised_output": NormalisedOutput,
        "normalised_output.clamped": ClampedToUnits,
        "height_for_width": HeightForWidth,
        "height_for_width.one_side_for_both": OneSideForBoth,
        "size_applied_twice": SizeAppliedTwice,
        "size_applied_twice.from_the_middle": SizeAppliedTwiceFromTheMiddle,
        "does_not_learn.saturated": SaturatedSigmoid,
        "ignores_image.mean_pose": MeanPose,
        "ignores_image.features_unused": IgnoresFeatures,
        "one_point_for_all": OnePointForAll,
        "detached_backbone": DetachedBackbone,
        "frozen_backbone": FrozenBackbone,
        "unregistered_backbone": UnregisteredBackbone,
        "lazy_layers": LazyLayers,
        "lazy_layers.in_forward": LayersMadeInForward,
        "flat_output": FlatOutput,
        "axes_swapped": AxesSwapped,
        "fixed_number_of_keypoints": SeventeenKeypoints,
        "drops_the_batch_axis": DropsTheBatchAxis,
        "wrong_feature_count": SquareImages,
        "no_super_init": NoSuperInit,
        "rounds.to_float": Rounds,
        "rounds": WholeNumbers,
        "detached_output": DetachedOutput,
        "dropout_in_eval": DropoutInEval,
        "mixes_images": MixesImages,
        "not_a_module": not_a_module,
    },
}
