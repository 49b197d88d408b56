"""Mutants of the reference answers that no check can kill, by question: after these changes an answer still does what
the task asks, each with the reason; * stands for anything, ? for any character ([ and ] would be read as a choice).

A change of an answer or of its checks may leave a mutant alive: make a case that kills it, or argue here why none can.
"""

from __future__ import annotations

__all__ = ["EQUIVALENT"]

ANOTHER_NETWORK = "another network, which does the same task"
NO_SIGN = "the difference is squared, or its size is taken: it has no sign"
ONE_ENTRY = "that axis has one entry, so nothing moves"
MILLIONTH = "a millionth of the value at most, as the divisor is 1 or more: within any tolerance of float32"
ONLY_ZEROS = "there are only zeros so far: nothing moves"
ONE_ROW_EACH = "one row each, and the mean or sum is taken over all of them: the axis that is kept changes nothing"
ANY_ORDER = "the same in another order, which nothing asks for"
IJ = "what torch does where nothing is said"

EQUIVALENT: dict[str, dict[str, str]] = {
    "mpjpe": {
        "-1 -> 1": "what is selected has shape (n, 2): its last axis is axis 1",
        "difference = * -> difference = torch.roll(*)": "x and y, or the keypoints, in another order: the mean is over "
        "all",
        "pred?visible? - target?visible? -> target?visible? - pred?visible?": NO_SIGN,
        "*.sum(dim=-1) -> *.sum(dim=-1, keepdim=True)": ONE_ROW_EACH,
    },
    "pck": {
        "torch.as_tensor(threshold, *) -> torch.as_tensor(threshold, device=error.device)": "a float32 threshold by "
        "float64 errors: the comparison promotes it, and a threshold in pixels has no digits beyond the seventh",
        "pred - target -> target - pred": NO_SIGN,
        "threshold = * -> threshold = torch.roll(*, 1, -1)": ONE_ENTRY,
    },
    "masked_l2_loss": {
        "apart = * -> apart = torch.roll(*)": "the keypoints in another order: they are summed",
        "pred - target -> target - pred": NO_SIGN,
        "apart.square().sum() / * -> apart.square().sum() / (* + 1e-06)": MILLIONTH,
    },
    "PoseRegressor": {
        "nn.Sequential(*) -> nn.Sequential(*)": "a layer less or two in another order, and the shapes still fit: "
        "another network, which learns as well",
        "nn.ReLU() -> nn.*": "another nonlinearity, or one linear layer made of two: one will do",
        "(vector.*) * self.size -> vector.*": "regresses pixels directly: a poor start, which earns a note, but right",
        "vector.* + 0.5 -> vector.*": "starts elsewhere",
        "0.5 -> 1.5": "starts elsewhere",
        "0.5 -> -0.5": "starts elsewhere",
        "?width, height? -> *": "a linear output learns any scale, so only the start is worse, which earns a note",
        "torch.tensor(*, dtype=torch.float32) -> torch.tensor(?width, height?)": "whole numbers promote to the float "
        "of the output",
        "vector = * -> vector = torch.roll(*, 1, -1)": "the outputs are numbered otherwise: they are learned",
        "return * -> return torch.roll(*)": "the outputs are numbered otherwise: they are learned, with any scale",
    },
    "gaussian_scoremaps": {
        "torch.arange(*) -> torch.arange(*, device=keypoints.device)": "whole numbers promote to the float of the "
        "keypoints that are subtracted",
        "-2 -> 2": "the tensor (B, K, W) has three axes: a new one before the last is a new axis 2",
        "xs - x -> x - xs": NO_SIGN,
        "ys - y -> y - ys": NO_SIGN,
    },
    "scoremap_loss": {
        "*.sum(dim=(1, 2, 3)) -> *.sum(dim=(1, 2, 3), keepdim=True)": ONE_ROW_EACH,
        "pred - target -> target - pred": NO_SIGN,
        "(1, 2, 3) -> (3, 2, 1)": "the axes of a sum, in any order",
    },
    "softargmax": {
        "1 -> 0": "as what beta is compared with, so that scores are multiplied by 1 as well",
        "scoremaps if beta == 1 else beta * scoremaps -> beta * scoremaps": "scores are multiplied by 1 as well",
    },
    "SoftargmaxPose": {
        "nn.Sequential(*) -> nn.Sequential(*)": "without the ReLU, or with it elsewhere: " + ANOTHER_NETWORK,
        "nn.ReLU() -> nn.*": ANOTHER_NETWORK,
        "scoremaps = * -> scoremaps = torch.roll(*)": "the maps are turned round by a pixel before anything is read "
        "from them: scores are what the network makes of an image, and it learns where",
        "*.float() -> self.head(self.backbone(images))": "maps are float32 already where nothing is made half as wide",
    },
    "lean_softargmax": {
        "beta -> ctx": "as what is compared with 1, so that scores are multiplied by 1 as well",
        "1 -> 0": "as what beta is compared with, so that scores are multiplied by 1 as well",
        "-2 -> 2": "the tensor (B, K, W) has three axes: a new one before the last is a new axis 2",
        "scoremaps if beta == 1 else beta * scoremaps -> beta * scoremaps": "scores are multiplied by 1 as well",
    },
    "mean_iou": {
        "pairs = * -> pairs = torch.roll(*)": "pixels in another order are counted all the same",
        "target.int() -> target": "int64 counts the same, and takes longer",
        "pred.int() -> pred": "int64 counts the same, and takes longer",
    },
    "convolution_matrix": {
        "2 -> 3": "as the number of margins of the padded image: it is cut out of more than is needed",
        "C = kernel.new_zeros(*) -> C = torch.roll(*)": ONLY_ZEROS,
        "rows, columns = * -> rows, columns = *torch.roll(*": "rows and columns of the result in another order, in "
        "which each still gets what is its own",
        "for ? in range(k?): -> for ? in list(range(k?))?::-1?:": ANY_ORDER,
    },
    "transposed_convolution": {
        "image -> kernel": "where dtype and device are asked for, which are the same",
        "1 -> 2": "as where flattening starts: the axis of the one channel stays, and its size is 1",
    },
    "unpool_with_indices": {
        "features -> indices": "as what the number of images and channels is read from: both have the same",
        "planes = features.new_zeros(*) -> planes = torch.roll(*)": ONLY_ZEROS,
    },
    "segmentation_loss": {"total / * -> total / (* + 1e-06)": MILLIONTH},
    "UpsampleDecoder": {"list(encoder_channels) -> encoder_channels": "kept for a sentence about bad input only"},
    "TransposedDecoder": {
        "list(encoder_channels) -> encoder_channels": "kept for a sentence about bad input only",
        "encoder_channels?0? -> encoder_channels?~0?": "another width of the last step: " + ANOTHER_NETWORK,
        "0 -> 1": "another width of the last step; as the first of two equal widths, the second",
        "0 -> -1": "another width of the last step: " + ANOTHER_NETWORK,
        "nn.Conv2d(channels, channels, *) -> nn.Conv2d(channels, channels, *)": "the same, or with a bias",
        "False -> True": "with a bias",
        "nn.ReLU() -> nn.Sigmoid()": "another nonlinearity",
        "(*nn.BatchNorm2d(channels), nn.ReLU()) -> (*)": "a nonlinearity elsewhere in the block, or no normalisation: "
        + ANOTHER_NETWORK,
        "nn.BatchNorm2d(channels) -> nn.Identity(channels)": "without normalisation: " + ANOTHER_NETWORK,
        "nn.Sequential(nn.ConvTranspose2d(*) -> nn.Sequential(nn.ConvTranspose2d(*)": "a block less: "
        + ANOTHER_NETWORK,
        "3 -> ?": "a kernel whose result is a pixel smaller or larger, and is fitted: " + ANOTHER_NETWORK,
        "1 -> 2": "a padding whose result is larger, and is fitted: " + ANOTHER_NETWORK,
        "1 -> 0": "no padding: a result that is smaller, and is fitted about its centre; what is left is in its place",
        "2 -> 3": "as the kernel's size, whose result is a pixel larger, and is fitted; as the stride it does not "
        "survive",
        "2 -> 1": "as the kernel's size: pixels between are 0 before the next convolution; as the stride it does not "
        "survive",
        "x = features?-1? -> x = torch.roll(*)": "a pixel beside, once: as far as the task lets a step be",
        "x = helpers.fit_to(*) -> x = torch.roll(*)": "a pixel beside, in every step: as far as the task lets each be",
        "return self.classify(x) -> return torch.roll(*)": "a pixel of the logits beside: as far as the task lets it",
    },
    "UNetDecoder": {
        "list(encoder_channels) -> encoder_channels": "kept for a sentence about bad input only",
        "nn.Sequential(nn.ConvTranspose2d(*) -> nn.*": "the last step with a block less or in another order: "
        + ANOTHER_NETWORK,
        "nn.Sequential(nn.Conv2d(*) -> nn.Sequential(nn.Conv2d(*), nn.ReLU()*)": "without normalisation, or after "
        "the nonlinearity: " + ANOTHER_NETWORK,
        "nn.BatchNorm2d(channels) -> nn.Identity(channels)": "without normalisation: " + ANOTHER_NETWORK,
        "nn.ConvTranspose2d(first, first, *) -> nn.ConvTranspose2d(first, first, *2)": "the same: two equal arguments "
        "swapped",
        "nn.Conv2d(in_channels, *, bias=False) -> nn.Conv2d(in_channels, channels, 3, padding=1)": "with a bias",
        "False -> True": "with a bias",
        "nn.ReLU() -> nn.Sigmoid()": "another nonlinearity",
        "?skip, x? -> ?x, skip?": "either order",
        "x = features?-1? -> x = torch.roll(*)": "a pixel beside, once: as far as the task lets a step be",
        "x = helpers.fit_to(*) -> x = torch.roll(*)": "a pixel beside, in every step: as far as the task lets each be",
        "x = join(*) -> x = torch.roll(*)": "a pixel beside, in every step: as far as the task lets each be",
        "return self.classify(*) -> return torch.roll(*)": "a pixel of the logits beside: as far as the task lets it",
    },
    "boxes_to_crops": {
        "torch.maximum(*) -> torch.maximum(*)": "the maximum is symmetric",
        "crop_? - 1 -> *": "another convention: crop and transform lie up to one crop pixel beside, as the task allows",
        "1 -> 2": "as what is taken from the crop's width or height: another convention, as above",
        "1 -> 0": "as what is taken from the crop's width or height: another convention, as above",
        "list(boxes_xyxy) -> boxes_xyxy": "it is a list",
        "* / * -> * / (* + 1e-06)": MILLIONTH,
        "zero = * -> zero = torch.roll(*)": ONLY_ZEROS,
        "(:, None, :) -> (:, None)": "what is left out is taken whole",
        "F.grid_sample(*, align_corners=False) -> F.grid_sample(*)": "the default",
    },
    "crops_to_image": {"(:, None, :) -> (:, None)": "what is left out is taken whole"},
    "find_peaks": {
        "top.numpy(force=True) -> top*": "differs on a GPU only, and checks run on the CPU",
        "-math.inf -> math.inf": "as what lies beyond the border: either has no tip; elsewhere it does not survive",
        "1 -> 2": "as the padding on the right and below: nobody looks farther than one pixel",
        "2 -> 3": "the tip is right to the 0.3 pixels that the task allows",
        "image, keypoint, y, x = * -> image, keypoint, y, x = torch.roll(*, 1, -1)": "peaks come in any order",
    },
    "part_affinity_fields": {
        "keypoints -> visible": "where images are counted: both are the same",
        "fields = keypoints.new_zeros(*) -> fields = torch.roll(*)": ONLY_ZEROS,
        "keypoints.new_zeros(*) -> keypoints.new_ones(*)": "every field is written as a whole",
        "for index, (a, b) in enumerate(limbs): -> for index, (a, b) in list(enumerate(limbs))?::-1?:": ANY_ORDER,
        "there = * -> there = torch.roll(*, 1, -1)": ONE_ENTRY,
        "length = * -> length = torch.roll(*, 1, -1)": ONE_ENTRY,
        "dx, dy = * -> dx, dy = *torch.roll(*": ONE_ENTRY,
        "end - start -> start - end": "as what the length is taken of; as the direction it does not survive",
        "dy * ux - dx * uy -> dx * uy - dy * ux": NO_SIGN,
        "total / * -> total / (* + 1e-06)": MILLIONTH,
    },
    "affinity_score": {
        "10 -> ?*": "as the default number of points: what any points of a segment see, ten or eleven see",
        "torch.linspace(*).to(vector) -> torch.linspace(*)*": "float32 shares promote to the float of the start, and "
        "are exact to 1e-7 of the segment; on a GPU they would stay on the CPU",
        "torch.linspace(0, 1, num_samples) -> torch.linspace(1, 0, num_samples)": "the same points from the other end",
        "share = * -> share = torch.roll(*)": "the same points in another order",
    },
    "match_limbs": {
        "0.0 -> -0.0": "the same",
        "scores?above?.tolist() -> scores?above?": "tensors of one number sort as numbers do",
    },
    "group_people": {
        "limbs -> fields": "both are of one length; elsewhere it does not survive",
        "found??, 2?.tolist() -> found??, 2?": "tensors of one number sort as numbers do",
        "affinity?clear?.tolist() -> affinity?clear?": "tensors of one number sort as numbers do",
        "ways.sort() -> *": "a link that was found later is followed first: where two lead to keypoints of one kind, "
        "the task leaves open which of them the person takes",
        "torch.linspace(0, 1, 10) -> torch.linspace(1, 0, 10)": "the same samples in another order",
        "10 -> 9": "another number of samples, which is free",
        "10 -> 11": "another number of samples, which is free",
        "affinity > 0.2 -> affinity >= 0.2": "what is clear begins somewhere between 0.05 and 0.5",
        "-2 -> 2": "fields have four axes: the last two are those from axis 2 on",
        "((limbs?limb??0?, i), *) -> ((limbs?limb??1?, j), *)": "a link leads both ways",
        "list(peaks) -> peaks": "it is a list",
        " for *, * in * ->  for *, * in list(*)?::-1?": "peaks of one score, people, or a person's keypoints in "
        "another order: the task asks for none",
        "n, k, i = * -> n, k, i = torch.roll(*, 1, -1)": ANY_ORDER,
        "result = candidates.new_zeros(*) -> result = torch.roll(*)": ONLY_ZEROS,
        "for share in torch.linspace(0, 1, 10): -> for share in list(torch.linspace(0, 1, 10))*": "one sample less, or "
        "all in another order: their number is free",
        "(*).round() -> (*).floor()": "half a pixel beside: a limb that is clear stays clear",
        "(*).round() -> (*).ceil()": "half a pixel beside: a limb that is clear stays clear",
        "* / vector.norm(dim=-1) -> * / (vector.norm(dim=-1) + 1e-06)": "a millionth of the affinity for a limb of a "
        "pixel, and of two peaks at one place 0 instead of NaN: neither is clear",
        "vector.norm(dim=-1) -> (vector + 1e-06).norm(dim=-1)": "as above",
    },
    "offset_targets": {
        "torch.meshgrid(*) -> torch.meshgrid(rows, columns)": IJ,
        "offsets = torch.zeros(*) -> offsets = torch.roll(*)": ONLY_ZEROS,
        "for * in *: -> for * in list(*)?::-1?:": ANY_ORDER,
        "mask?mask > 0?.unique() -> mask?mask > 0?": "the same person again and again: the same offsets, only slower",
        "centre = * -> centre = torch.roll(*, 1, -1)": ONE_ENTRY,
    },
    "group_pixels": {
        "return torch.zeros_like(*) -> return torch.roll(*)": ONLY_ZEROS,
        "torch.meshgrid(*) -> torch.meshgrid(rows, columns)": IJ,
        "(*).square().sum(dim=1) -> (*).square().mean(dim=1)": "half of the squared distance: the nearest stays",
        "aims - centres?* -> centres?* - aims": NO_SIGN,
    },
    "panoptic_quality": {
        "for * in *: -> for * in list(*)?::-1?:": ANY_ORDER,
        "zip(pred, target) -> zip(target, pred)": "a pair is one from either side: IoU and counts stay",
        "people, truths = * -> people, truths = *torch.roll(*": ANY_ORDER,
        "both / either -> both / (either + 1e-06)": MILLIONTH,
        "2 * total / segments -> 2 * total / (segments + 1e-06)": MILLIONTH,
    },
}
