"""Known wrong answers to exercise 2's questions about networks, `SoftargmaxPose` and `model`.

`KNOWN_WRONG` is without `model`: what wrong versions of a trained model show depends on weights and needs held-out
scenes.
"""

from __future__ import annotations

from types import SimpleNamespace

import torch
import torch.nn.functional as F  # noqa: F401, for the table
from torch import nn

from grading.known_wrong.table import networks

__all__ = ["KNOWN_WRONG", "WRONG_MODELS"]


def places(weights):
    """Return the mean x and y (B, K, 2) under weights (B, K, h, w) of sum 1."""
    xs, ys = torch.arange(weights.shape[3]).to(weights), torch.arange(weights.shape[2]).to(weights)
    return torch.stack([weights.sum(2) @ xs, weights.sum(3) @ ys], dim=-1)


def softmaxed(scores):
    return scores.flatten(2).softmax(-1).view_as(scores)


def soft_argmax(scores):
    return places(softmaxed(scores))


def of_sum(weights):
    return weights / weights.sum((2, 3), keepdim=True)


class Softargmax(nn.Module):
    """What the wrong versions share: a head of two convolutions, the soft argmax, and the way to the image."""

    def __init__(self, backbone, num_keypoints, image_size):
        super().__init__()
        self.stride, self.image_size, self.num_keypoints = backbone.stride, image_size, num_keypoints
        self.own(backbone)
        self.head = self.make_head(backbone.out_channels, num_keypoints)

    def own(self, backbone):
        self.backbone = backbone

    def make_head(self, channels, num_keypoints):
        return nn.Sequential(nn.Conv2d(channels, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, num_keypoints, 1))

    def features(self, images):
        return self.backbone(images)

    def scores(self, images):
        return self.head(self.features(images))

    def locate(self, scores):
        return soft_argmax(scores)

    def to_pixels(self, where, scores):
        return (where + 0.5) * self.stride - 0.5

    def forward(self, images):
        scores = self.scores(images)
        return self.to_pixels(self.locate(scores), scores), scores


def argmax(scores):
    index = scores.flatten(2).argmax(-1)
    return torch.stack([index % scores.shape[3], index // scores.shape[3]], dim=-1).to(scores)


class SoftmaxOfSums(Softargmax):
    def locate(self, scores):
        x, y = scores.sum(2).softmax(-1), scores.sum(3).softmax(-1)
        return torch.stack([x @ torch.arange(x.shape[-1]).float(), y @ torch.arange(y.shape[-1]).float()], dim=-1)


class BatchNormReluOnScores(Softargmax):
    def make_head(self, channels, num_keypoints):
        return nn.Sequential(nn.Conv2d(channels, num_keypoints, 1), nn.BatchNorm2d(num_keypoints), nn.ReLU())


class OneMapForAll(Softargmax):
    def make_head(self, channels, num_keypoints):
        return nn.Conv2d(channels, 1, 1)

    def scores(self, images):
        return super().scores(images).expand(-1, self.num_keypoints, -1, -1)


class OtherMaps(Softargmax):
    """Returns the maps of the first stage, keypoints of the second."""

    def __init__(self, backbone, num_keypoints, image_size):
        super().__init__(backbone, num_keypoints, image_size)
        self.second = nn.Conv2d(num_keypoints, num_keypoints, 3, padding=1)

    def forward(self, images):
        scores = self.scores(images)
        return self.to_pixels(soft_argmax(self.second(scores)), scores), scores


class DetachedBackbone(Softargmax):
    def features(self, images):
        with torch.no_grad():
            return self.backbone(images)


class UnregisteredBackbone(Softargmax):
    def own(self, backbone):
        self.parts = [backbone]

    def features(self, images):
        return self.parts[0](images)


class LayersMadeInForward(Softargmax):
    def make_head(self, channels, num_keypoints):
        return None

    def scores(self, images):
        features = self.features(images)
        if self.head is None:
            self.head = nn.Conv2d(features.shape[1], self.num_keypoints, 1)
        return self.head(features)


class IgnoresBackbone(Softargmax):
    """Convolves the images itself; the backbone is owned and never called."""

    def make_head(self, channels, num_keypoints):
        return nn.Conv2d(3, num_keypoints, self.stride, self.stride)

    def features(self, images):
        return images


class LayersInAList(Softargmax):
    def make_head(self, channels, num_keypoints):
        self.layers = [nn.Conv2d(channels, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, num_keypoints, 1)]

    def scores(self, images):
        scores = self.features(images)
        for layer in self.layers:
            scores = layer(scores)
        return scores


class FlattenedHead(Softargmax):
    """A linear layer over the whole map, built for a square one."""

    def __init__(self, backbone, num_keypoints, image_size):
        super().__init__(backbone, num_keypoints, image_size)
        side = image_size[0] // backbone.stride
        self.linear = nn.Linear(backbone.out_channels * side * side, num_keypoints * side * side)

    def scores(self, images):
        side = self.image_size[0] // self.stride
        return self.linear(self.features(images).flatten(1)).view(len(images), -1, side, side)


class FlattenedTogether(FlattenedHead):
    def scores(self, images):
        side = self.image_size[0] // self.stride
        return self.linear(self.features(images).flatten()).view(len(images), -1, side, side)


class BatchStatistics(Softargmax):
    def make_head(self, channels, num_keypoints):
        return nn.Sequential(
            nn.Conv2d(channels, 16, 3, padding=1), nn.BatchNorm2d(16, track_running_stats=False), nn.ReLU(),
            nn.Conv2d(16, num_keypoints, 1),
        )  # fmt: skip


class NoSuperInit(nn.Module):
    def __init__(self, backbone, num_keypoints, image_size):
        self.backbone = backbone


class NeedsSoftargmax(Softargmax):
    """Calls a `softargmax` that is not written yet."""

    def locate(self, scores):
        raise NotImplementedError


class NoSuchName(Softargmax):
    def locate(self, scores):
        return spatial_softargmax(scores)  # noqa: F821, the mistake


def not_a_module(backbone, num_keypoints, image_size):
    return SimpleNamespace(forward=Softargmax(backbone, num_keypoints, image_size).forward)


NETWORKS_GIVEN = {
    "height, width": "scores.shape[2:]",
    "sides": "where.new_tensor([width, height])",
    "image_height, image_width": "self.image_size",
    "image_sides": "where.new_tensor([image_width, image_height])",
    "keypoints, maps": "super().forward(images)",
    "features": "super().features(images)",
    "raw": "super().scores(images)",
    "own": "self.scores(images)",
    "located": "self.to_pixels(soft_argmax(own), own)",
    "in_pixels": "super().to_pixels(where, scores)",
    "index": "soft_argmax(scores)[..., 1] * scores.shape[3] + soft_argmax(scores)[..., 0]",
    "over_x": "places(scores.softmax(dim=3) / height)",
    "over_y": "places(scores.softmax(dim=2) / width)",
}

NETWORKS = {
    # From map to image.
    "map_pixels": {"to_pixels": "where"},
    "divided_by_stride": {"to_pixels": "(where + 0.5) / self.stride - 0.5"},
    "normalised_output": {"to_pixels": "where / sides"},
    "normalised_output.both_sides": {"to_pixels": "2 * where / (sides - 1) - 1"},
    "height_for_width": {"to_pixels": "where / sides * where.new_tensor(self.image_size)"},
    "height_for_width.less_one": {"to_pixels": "where / (sides - 1) * (where.new_tensor(self.image_size) - 1)"},
    "height_for_width.one_side_for_both": {"to_pixels": "where / sides * self.image_size[0]"},
    "height_for_width.rows_for_columns": {"to_pixels": "where / sides.flip(0) * image_sides"},
    "half_pixel_forgotten": {"to_pixels": "where * self.stride"},
    "half_pixel_left": {"to_pixels": "(where + 0.5) * self.stride"},
    "half_pixel_left.half_of_the_stride": {"to_pixels": "where * self.stride + self.stride // 2"},
    "corners_aligned": {"to_pixels": "where / (sides - 1) * (image_sides - 1)"},
    "corners_aligned.to_the_size": {"to_pixels": "where / (sides - 1) * image_sides"},
    "corners_aligned.units_of_the_last": {"to_pixels": "(where + 0.5) / sides * (image_sides - 1)"},
    "corners_aligned.minus_one_to_one": {"to_pixels": "(2 * where / (sides - 1) - 1 + 1) / 2 * (image_sides - 1)"},
    "offset": {"to_pixels": "(where + 2) * self.stride"},
    "offset.from_one": {"to_pixels": "(where + 1) * self.stride"},
    "offset.no_half_before": {"to_pixels": "where * self.stride - 0.5"},
    "offset.plus_half_behind": {"to_pixels": "(where + 0.5) * self.stride + 0.5"},
    "offset.minus_before": {"to_pixels": "(where - 0.5) * self.stride + 0.5"},
    # Takes half of the image for half of a pixel.
    "offset.half_of_the_image": {"to_pixels": "where * self.stride - image_sides / 2"},
    "fixed_stride": {"to_pixels": "(where + 0.5) * 8 - 0.5"},
    "fixed_stride.of_four": {"to_pixels": "where * 4"},
    "fixed_stride.of_the_size": {"to_pixels": "(where + 0.5) / sides * 128 - 0.5"},
    "other_scale": {"to_pixels": "1.1 * in_pixels"},
    "other_scale.stride_twice": {"to_pixels": "in_pixels * self.stride"},
    "other_mapping": {"to_pixels": "torch.stack([in_pixels[..., 0], where[..., 1]], dim=-1)"},
    # Maps of another size than the backbone's.
    "finer_maps": {"scores": "F.interpolate(raw, scale_factor=2, mode='bilinear')"},
    "finer_maps.of_the_image": {
        "scores": "F.interpolate(raw, size=self.image_size, mode='bilinear')",
        "to_pixels": "where",
    },
    "finer_maps.with_their_stride": {
        "scores": "F.interpolate(raw, scale_factor=2, mode='bilinear')",
        "to_pixels": "(where + 0.5) * (self.stride / 2) - 0.5",
    },
    "finer_maps.transposed_convolution": {
        "make_head": "nn.ConvTranspose2d(channels, num_keypoints, 4, stride=2, padding=1)",
        "to_pixels": "(where + 0.5) * (image_sides / sides) - 0.5",
    },
    "missing_padding": {
        "make_head": "nn.Sequential(nn.Conv2d(channels, 32, 3), nn.ReLU(), nn.Conv2d(32, num_keypoints, 1))"
    },
    "map_size": {"make_head": "nn.Conv2d(channels, num_keypoints, 3, stride=2, padding=1)"},
    "map_size.fixed": {"scores": "F.interpolate(raw, size=(6, 16))"},
    # Another inverse temperature than that of the scores returned.
    "other_beta": {"locate": "soft_argmax(10.0 * scores)"},
    "other_beta.small": {"locate": "soft_argmax(0.1 * scores)"},
    "other_beta.hundred": {"locate": "soft_argmax(100.0 * scores)"},
    "other_beta.slightly": {"locate": "soft_argmax(1.05 * scores)"},
    "other_beta.returned_before": {"forward": "located, 2 * own"},
    # From scores to places.
    "x_y_swapped": {"locate": "super().locate(scores).flip(-1)"},
    "axes_mixed": {"locate": "soft_argmax(scores.reshape(*scores.shape[:2], width, height))"},
    "hard_argmax": {"locate": "argmax(scores)"},
    "softmax_over_one_axis": {"locate": "over_x"},
    "softmax_over_one_axis.each_its_own": {"locate": "torch.stack([over_x[..., 0], over_y[..., 1]], dim=-1)"},
    "softmax_over_one_axis.of_sums": SoftmaxOfSums,
    "softmax_over_one_axis.over_keypoints": {"locate": "places(of_sum(scores.softmax(dim=1)))"},
    "softmaxed_maps": {"forward": "located, softmaxed(own)"},
    "softmaxed_maps.twice": {"scores": "softmaxed(raw)"},
    "other_maps": OtherMaps,
    "other_maps.sigmoid_on_returned": {"forward": "located, own.sigmoid()"},
    "rounds": {"to_pixels": "in_pixels.long()"},
    "rounds.to_float": {"to_pixels": "in_pixels.round()"},
    "relu_on_scores": {"scores": "raw.relu()"},
    "relu_on_scores.after_batch_norm": BatchNormReluOnScores,
    "sigmoid_on_scores": {"scores": "raw.sigmoid()"},
    # Divides by the largest score: no peak can stand out.
    "does_not_learn.scaled_away": {"scores": "raw / raw.abs().amax((2, 3), keepdim=True).clamp(min=1e-6)"},
    # A temperature so high that all keypoints stay in the middle.
    "does_not_learn.clamped": {"scores": "raw.clamp(-1, 1)"},
    "flat_index": {"locate": "torch.stack([index % width, index // width], dim=-1)"},
    "flat_index.with_fraction": {"locate": "torch.stack([index % width, index / width], dim=-1)"},
    "softmaxed_maps.peak_of_one": {"forward": "located, softmaxed(own) / softmaxed(own).amax((2, 3), keepdim=True)"},
    "softmaxed_maps.exponentials": {"forward": "located, own.exp()"},
    "axes_mixed.view": {"locate": "soft_argmax(scores.transpose(2, 3).reshape(scores.shape))"},
    "ignores_backbone": IgnoresBackbone,
    "unregistered_head": LayersInAList,
    "changes_its_arguments": {"forward": "super().forward(images.sub_(0.5))"},
    "fixed_channels": {"make_head": "nn.Conv2d(64, num_keypoints, 1)"},
    "maps_transposed": {"forward": "keypoints, maps.transpose(2, 3)"},
    "wrong_feature_count": FlattenedHead,
    "flattens_the_batch": FlattenedTogether,
    # What is returned.
    "keypoints_only": {"forward": "keypoints"},
    "scores_only": {"forward": "maps"},
    "pair_swapped": {"forward": "maps, keypoints"},
    "not_a_pair.dict": {"forward": "{'keypoints': keypoints, 'scoremaps': maps}"},
    "not_a_pair.three": {"forward": "keypoints, maps, self.backbone(images)"},
    "score_shape.flat": {"forward": "keypoints, maps.flatten(2)"},
    "score_shape.features": {"forward": "keypoints, self.backbone(images)"},
    "flat_output": {"to_pixels": "in_pixels.flatten(1)"},
    "axes_swapped": {"to_pixels": "in_pixels.transpose(1, 2)"},
    "fixed_number_of_keypoints": {"__init__": "super().__init__(backbone, 17, image_size)"},
    "drops_the_batch_axis": {"to_pixels": "in_pixels.squeeze()"},
    "drops_the_batch_axis.of_scores": {"forward": "keypoints, maps.squeeze()"},
    # exp without the softmax's care.
    "not_finite": {"locate": "places(of_sum((1000 * scores).exp()))"},
    # What is trained.
    "detached_backbone": DetachedBackbone,
    "frozen_backbone": {"own": "super().own(backbone.requires_grad_(False))"},
    "unregistered_backbone": UnregisteredBackbone,
    "detached_output": {"locate": "soft_argmax(scores.detach())"},
    "detached_scores": {"forward": "keypoints, maps.detach()"},
    "lazy_layers": {"make_head": "nn.LazyConv2d(num_keypoints, 1)"},
    "lazy_layers.in_forward": LayersMadeInForward,
    # One map for each keypoint, learned, whatever the image.
    "ignores_image": {"scores": "super().scores(torch.ones_like(images)) * 1.0"},
    "ignores_image.features_unused": {"features": "torch.ones_like(self.backbone(images))"},
    "one_point_for_all": OneMapForAll,
    # In eval mode.
    "dropout_in_eval": {"features": "F.dropout(features, 0.2)"},
    "mixes_images": {"features": "features - features.mean(0) if len(features) > 1 else features"},
    "mixes_images.batch_statistics": BatchStatistics,
    "no_super_init": NoSuperInit,
    "needs_softargmax": NeedsSoftargmax,
    "NameError": NoSuchName,
    "not_a_module": not_a_module,
}

KNOWN_WRONG: dict[str, dict[str, object]] = {
    "SoftargmaxPose": networks(Softargmax, NETWORKS, globals(), NETWORKS_GIVEN)
}


# build_model: {mistake: build_model}, for tests that have weights and scenes at hand.


class OneGuess(nn.Module):
    """Answers every image with the same pose, in the middle, and empty maps."""

    def __init__(self):
        super().__init__()
        self.pose = nn.Parameter(torch.full((17, 2), 64.0))

    def forward(self, images):
        return self.pose.expand(len(images), -1, -1), images.new_zeros(len(images), 17, 16, 16)


GUESSES = {
    "too_far": OneGuess,
    "pair_swapped": {"forward": "maps, keypoints"},
    "type": {"forward": "{'keypoints': keypoints}"},
    "not_finite": {"forward": "keypoints * float('nan'), maps"},
    "not_a_module": lambda: 3,
}

WRONG_MODELS: dict[str, object] = networks(OneGuess, GUESSES, globals(), {"keypoints, maps": "super().forward(images)"})
