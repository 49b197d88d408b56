"""Known wrong answers to exercise 2's questions about networks, `SoftargmaxPose` and `model`.

`grading/known_wrong/ex02_softargmax.py` takes them over: `KNOWN_WRONG = {..., **ex02_softargmax_models.KNOWN_WRONG}`,
without `model`: what wrong versions of a trained model show depends on weights and needs held-out scenes.
"""

from __future__ import annotations

from types import SimpleNamespace

import torch
import torch.nn.functional as F
from torch import nn

__all__ = ["KNOWN_WRONG", "WRONG_MODELS"]


def places(weights):
    """Return the mean x and y (B, K, 2) under weights (B, K, h, w) of sum 1."""
    xs, ys = torch.arange(weights.shape[3]).to(weights), torch.arange(weights.shape[2]).to(weights)
    return torch.stack([weights.sum(2) @ xs, weights.sum(3) @ ys], dim=-1)


def softargmax(scores, beta=1.0):
    return places((beta * scores).flatten(2).softmax(-1).view_as(scores))


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
        return softargmax(scores)

    def to_pixels(self, where, scores):
        return (where + 0.5) * self.stride - 0.5

    def forward(self, images):
        scores = self.scores(images)
        return self.to_pixels(self.locate(scores), scores), scores


# From map to image.


class MapPixels(Softargmax):
    def to_pixels(self, where, scores):
        return where


class DividedByStride(Softargmax):
    def to_pixels(self, where, scores):
        return (where + 0.5) / self.stride - 0.5


class Normalised(Softargmax):
    def to_pixels(self, where, scores):
        return where / where.new_tensor([scores.shape[3], scores.shape[2]])


class NormalisedToBothSides(Softargmax):
    def to_pixels(self, where, scores):
        return 2 * where / where.new_tensor([scores.shape[3] - 1, scores.shape[2] - 1]) - 1


class HeightForWidth(Softargmax):
    def to_pixels(self, where, scores):
        return where / where.new_tensor([scores.shape[3], scores.shape[2]]) * where.new_tensor(self.image_size)


class HeightForWidthLessOne(Softargmax):
    def to_pixels(self, where, scores):
        units = where / where.new_tensor([scores.shape[3] - 1, scores.shape[2] - 1])
        return units * (where.new_tensor(self.image_size) - 1)


class OneSideForBoth(Softargmax):
    def to_pixels(self, where, scores):
        return where / where.new_tensor([scores.shape[3], scores.shape[2]]) * self.image_size[0]


class RowsForColumns(Softargmax):
    def to_pixels(self, where, scores):
        height, width = self.image_size
        return where / where.new_tensor(scores.shape[2:]) * where.new_tensor([width, height])


class Offset(Softargmax):
    def to_pixels(self, where, scores):
        return (where + 2) * self.stride


class HalfPixelInTheWrongUnit(Softargmax):
    """Takes half of the image for half of a pixel."""

    def to_pixels(self, where, scores):
        height, width = self.image_size
        return where * self.stride - where.new_tensor([width / 2, height / 2])


class StrideOfOtherMaps(Softargmax):
    def scores(self, images):
        return F.interpolate(super().scores(images), scale_factor=2, mode="bilinear")


class StrideTwice(Softargmax):
    def to_pixels(self, where, scores):
        return ((where + 0.5) * self.stride - 0.5) * self.stride


# From scores to places.


class Swapped(Softargmax):
    def locate(self, scores):
        return super().locate(scores).flip(-1)


class AxesMixed(Softargmax):
    def locate(self, scores):
        return softargmax(scores.reshape(*scores.shape[:2], scores.shape[3], scores.shape[2]))


def argmax(scores):
    index = scores.flatten(2).argmax(-1)
    return torch.stack([index % scores.shape[3], index // scores.shape[3]], dim=-1).to(scores)


class HardArgmax(Softargmax):
    def locate(self, scores):
        return argmax(scores)


class RowsOnly(Softargmax):
    def locate(self, scores):
        weights = scores.softmax(dim=-1)
        return places(weights / scores.shape[2])


class RowsForXColumnsForY(Softargmax):
    def locate(self, scores):
        x, _ = places(scores.softmax(dim=3) / scores.shape[2]).unbind(-1)
        _, y = places(scores.softmax(dim=2) / scores.shape[3]).unbind(-1)
        return torch.stack([x, y], dim=-1)


class SoftmaxOfSums(Softargmax):
    def locate(self, scores):
        x, y = scores.sum(2).softmax(-1), scores.sum(3).softmax(-1)
        return torch.stack([x @ torch.arange(x.shape[-1]).float(), y @ torch.arange(y.shape[-1]).float()], dim=-1)


class OverKeypoints(Softargmax):
    def locate(self, scores):
        weights = scores.softmax(dim=1)
        return places(weights / weights.sum((2, 3), keepdim=True))


class SoftmaxedMaps(Softargmax):
    def forward(self, images):
        scores = self.scores(images)
        return self.to_pixels(softargmax(scores), scores), scores.flatten(2).softmax(-1).view_as(scores)


class SoftmaxTwice(Softargmax):
    def scores(self, images):
        scores = super().scores(images)
        return scores.flatten(2).softmax(-1).view_as(scores)


class OtherMaps(Softargmax):
    """Returns the maps of the first stage, keypoints of the second."""

    def __init__(self, backbone, num_keypoints, image_size):
        super().__init__(backbone, num_keypoints, image_size)
        self.second = nn.Conv2d(num_keypoints, num_keypoints, 3, padding=1)

    def forward(self, images):
        scores = self.scores(images)
        return self.to_pixels(softargmax(self.second(scores)), scores), scores


class SigmoidOnReturned(Softargmax):
    def forward(self, images):
        scores = self.scores(images)
        return self.to_pixels(softargmax(scores), scores), scores.sigmoid()


class Rounds(Softargmax):
    def to_pixels(self, where, scores):
        return super().to_pixels(where, scores).round()


class WholeNumbers(Softargmax):
    def to_pixels(self, where, scores):
        return super().to_pixels(where, scores).long()


class ReluOnScores(Softargmax):
    def scores(self, images):
        return super().scores(images).relu()


class BatchNormReluOnScores(Softargmax):
    def make_head(self, channels, num_keypoints):
        return nn.Sequential(nn.Conv2d(channels, num_keypoints, 1), nn.BatchNorm2d(num_keypoints), nn.ReLU())


class SigmoidOnScores(Softargmax):
    def scores(self, images):
        return super().scores(images).sigmoid()


class ScaledAway(Softargmax):
    """Divides by the largest score: no peak can stand out."""

    def scores(self, images):
        scores = super().scores(images)
        return scores / scores.abs().amax((2, 3), keepdim=True).clamp(min=1e-6)


class ReadsBetaBackwards(Softargmax):
    """A temperature so high that all keypoints stay in the middle."""

    def scores(self, images):
        return super().scores(images).clamp(-1, 1)


class TransposedMaps(Softargmax):
    def forward(self, images):
        where, scores = super().forward(images)
        return where, scores.transpose(2, 3)


# What is returned.


class KeypointsOnly(Softargmax):
    def forward(self, images):
        return super().forward(images)[0]


class ScoresOnly(Softargmax):
    def forward(self, images):
        return super().forward(images)[1]


class PairSwapped(Softargmax):
    def forward(self, images):
        return super().forward(images)[::-1]


class Dictionary(Softargmax):
    def forward(self, images):
        keypoints, scores = super().forward(images)
        return {"keypoints": keypoints, "scoremaps": scores}


class ThreeThings(Softargmax):
    def forward(self, images):
        return *super().forward(images), self.backbone(images)


class FlatMaps(Softargmax):
    def forward(self, images):
        keypoints, scores = super().forward(images)
        return keypoints, scores.flatten(2)


class FeaturesForScores(Softargmax):
    def forward(self, images):
        return super().forward(images)[0], self.backbone(images)


class FlatOutput(Softargmax):
    def to_pixels(self, where, scores):
        return super().to_pixels(where, scores).flatten(1)


class AxesSwapped(Softargmax):
    def to_pixels(self, where, scores):
        return super().to_pixels(where, scores).transpose(1, 2)


class SeventeenKeypoints(Softargmax):
    def __init__(self, backbone, num_keypoints, image_size):
        super().__init__(backbone, 17, image_size)


class DropsTheBatchAxis(Softargmax):
    def to_pixels(self, where, scores):
        return super().to_pixels(where, scores).squeeze()


class ScoresDropTheBatchAxis(Softargmax):
    def forward(self, images):
        keypoints, scores = super().forward(images)
        return keypoints, scores.squeeze()


class NotFinite(Softargmax):
    """exp without the softmax's care."""

    def locate(self, scores):
        weights = (1000 * scores).exp()
        return places(weights / weights.sum((2, 3), keepdim=True))


# What is trained.


class DetachedBackbone(Softargmax):
    def features(self, images):
        with torch.no_grad():
            return self.backbone(images)


class FrozenBackbone(Softargmax):
    def own(self, backbone):
        self.backbone = backbone.requires_grad_(False)


class UnregisteredBackbone(Softargmax):
    def own(self, backbone):
        self.parts = [backbone]

    def features(self, images):
        return self.parts[0](images)


class DetachedOutput(Softargmax):
    def locate(self, scores):
        return softargmax(scores.detach())


class DetachedScores(Softargmax):
    def forward(self, images):
        keypoints, scores = super().forward(images)
        return keypoints, scores.detach()


class LazyLayers(Softargmax):
    def make_head(self, channels, num_keypoints):
        return nn.LazyConv2d(num_keypoints, 1)


class LayersMadeInForward(Softargmax):
    def make_head(self, channels, num_keypoints):
        return None

    def scores(self, images):
        features = self.features(images)
        if self.head is None:
            self.head = nn.Conv2d(features.shape[1], self.num_keypoints, 1)
        return self.head(features)


class FixedMaps(Softargmax):
    """One map for each keypoint, learned, whatever the image."""

    def scores(self, images):
        return super().scores(torch.ones_like(images)) * 1.0


class IgnoresFeatures(Softargmax):
    def features(self, images):
        return torch.ones_like(self.backbone(images))


class OneMapForAll(Softargmax):
    def make_head(self, channels, num_keypoints):
        return nn.Conv2d(channels, 1, 1)

    def scores(self, images):
        return super().scores(images).expand(-1, self.num_keypoints, -1, -1)


class FlattenedHead(Softargmax):
    """A linear layer over the whole map, built for a square one."""

    def __init__(self, backbone, num_keypoints, image_size):
        super().__init__(backbone, num_keypoints, image_size)
        side = image_size[0] // backbone.stride
        self.linear = nn.Linear(backbone.out_channels * side * side, num_keypoints * side * side)

    def scores(self, images):
        side = self.image_size[0] // self.stride
        return self.linear(self.features(images).flatten(1)).view(len(images), -1, side, side)


# In eval mode.


class DropoutInEval(Softargmax):
    def features(self, images):
        return F.dropout(super().features(images), 0.2)


class MixesImages(Softargmax):
    def features(self, images):
        features = super().features(images)
        return features - features.mean(0) if len(features) > 1 else features


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
        return soft_argmax(scores)  # noqa: F821, the mistake


def not_a_module(backbone, num_keypoints, image_size):
    return SimpleNamespace(forward=Softargmax(backbone, num_keypoints, image_size).forward)


KNOWN_WRONG: dict[str, dict[str, object]] = {
    "SoftargmaxPose": {
        "map_pixels": MapPixels,
        "divided_by_stride": DividedByStride,
        "normalised_output": Normalised,
        "normalised_output.both_sides": NormalisedToBothSides,
        "height_for_width": HeightForWidth,
        "height_for_width.less_one": HeightForWidthLessOne,
        "height_for_width.one_side_for_both": OneSideForBoth,
        "height_for_width.rows_for_columns": RowsForColumns,
        "offset": Offset,
        "offset.half_of_the_image": HalfPixelInTheWrongUnit,
        "stride_of_other_maps": StrideOfOtherMaps,
        "other_mapping.stride_twice": StrideTwice,
        "x_y_swapped": Swapped,
        "axes_mixed": AxesMixed,
        "hard_argmax": HardArgmax,
        "softmax_over_one_axis": RowsOnly,
        "softmax_over_one_axis.each_its_own": RowsForXColumnsForY,
        "softmax_over_one_axis.of_sums": SoftmaxOfSums,
        "softmax_over_one_axis.over_keypoints": OverKeypoints,
        "softmaxed_maps": SoftmaxedMaps,
        "softmaxed_maps.twice": SoftmaxTwice,
        "other_maps": OtherMaps,
        "other_maps.sigmoid_on_returned": SigmoidOnReturned,
        "rounds": WholeNumbers,
        "rounds.to_float": Rounds,
        "relu_on_scores": ReluOnScores,
        "relu_on_scores.after_batch_norm": BatchNormReluOnScores,
        "sigmoid_on_scores": SigmoidOnScores,
        "does_not_learn.scaled_away": ScaledAway,
        "does_not_learn.clamped": ReadsBetaBackwards,
        "maps_transposed": TransposedMaps,
        "wrong_feature_count": FlattenedHead,
        "keypoints_only": KeypointsOnly,
        "scores_only": ScoresOnly,
        "pair_swapped": PairSwapped,
        "not_a_pair.dict": Dictionary,
        "not_a_pair.three": ThreeThings,
        "score_shape.flat": FlatMaps,
        "score_shape.features": FeaturesForScores,
        "flat_output": FlatOutput,
        "axes_swapped": AxesSwapped,
        "fixed_number_of_keypoints": SeventeenKeypoints,
        "drops_the_batch_axis": DropsTheBatchAxis,
        "drops_the_batch_axis.of_scores": ScoresDropTheBatchAxis,
        "not_finite": NotFinite,
        "detached_backbone": DetachedBackbone,
        "frozen_backbone": FrozenBackbone,
        "unregistered_backbone": UnregisteredBackbone,
        "detached_output": DetachedOutput,
        "detached_scores": DetachedScores,
        "lazy_layers": LazyLayers,
        "lazy_layers.in_forward": LayersMadeInForward,
        "ignores_image": FixedMaps,
        "ignores_image.features_unused": IgnoresFeatures,
        "one_point_for_all": OneMapForAll,
        "dropout_in_eval": DropoutInEval,
        "mixes_images": MixesImages,
        "mixes_images.batch_statistics": BatchStatistics,
        "no_super_init": NoSuperInit,
        "needs_softargmax": NeedsSoftargmax,
        "NameError": NoSuchName,
        "not_a_module": not_a_module,
    }
}


# build_model: {mistake: build_model}, for tests that have weights and scenes at hand.


class OneGuess(nn.Module):
    """Answers every image with the same pose, in the middle, and empty maps."""

    def __init__(self):
        super().__init__()
        self.pose = nn.Parameter(torch.full((17, 2), 64.0))

    def forward(self, images):
        return self.pose.expand(len(images), -1, -1), images.new_zeros(len(images), 17, 16, 16)


class GuessSwapped(OneGuess):
    def forward(self, images):
        return super().forward(images)[::-1]


class GuessInADict(OneGuess):
    def forward(self, images):
        return {"keypoints": super().forward(images)[0]}


class GuessOfNan(OneGuess):
    def forward(self, images):
        keypoints, scores = super().forward(images)
        return keypoints * float("nan"), scores


WRONG_MODELS: dict[str, object] = {
    "too_far": OneGuess,
    "pair_swapped": GuessSwapped,
    "type": GuessInADict,
    "not_finite": GuessOfNan,
    "not_a_module": lambda: 3,
}
