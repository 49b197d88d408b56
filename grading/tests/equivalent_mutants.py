"""Mutants of the reference answers that no check can kill, by question: after these changes an answer still does what
the task asks, each with the reason; * stands for anything.

A change of an answer or of its checks may leave a mutant alive: make a case that kills it, or argue here why none can.
"""

from __future__ import annotations

__all__ = ["EQUIVALENT"]

NO_BAD_INPUT = "a sentence about bad input, which no task asks for"
ANOTHER_NETWORK = "another network, which does the same task"
CPU_ONLY = "differs on a GPU only, and checks run on the CPU"

EQUIVALENT: dict[str, dict[str, str]] = {
    "mpjpe": {"-1 -> 1": "what is selected has shape (n, 2): its last axis is axis 1"},
    "pck": {
        "torch.as_tensor(threshold, *) -> torch.as_tensor(threshold, device=error.device)": "a float32 threshold by "
        "float64 errors: the comparison promotes it, and a threshold in pixels has no digits beyond the seventh",
        "torch.as_tensor(threshold, *) -> torch.as_tensor(threshold, dtype=error.dtype)": CPU_ONLY,
    },
    "masked_l2_loss": {
        "-1 -> 1": "what is selected has shape (n, 2): its last axis is axis 1",
        "*.square().sum(dim=-1) -> *.square()": "summed in the next line anyway, and the number of rows stays",
        "max(len(squared), 1) -> max(1, len(squared))": "max is symmetric",
    },
    "PoseRegressor": {
        "nn.Sequential(*) -> nn.Sequential(*)": "a layer less or two in another order, and the shapes still fit: "
        "another network, which learns as well",
        "nn.ReLU() -> nn.Sigmoid()": "another nonlinearity",
        "(vector.*) * self.size -> vector.*": "regresses pixels directly: a poor start, which earns a note, but right",
        "vector.* + 0.5 -> vector.*": "starts elsewhere",
        "0.5 -> 1.5": "starts elsewhere",
        "0.5 -> -0.5": "starts elsewhere",
        "(height, width) -> (width, height)": "a linear output learns any scale, so only the start is worse, which "
        "earns a note; the number of cells is the same product",
        "?width, height? -> ?height, width?": "a linear output learns any scale, so only the start is worse",
        "torch.tensor(*, dtype=torch.float32) -> torch.tensor(?width, height?)": "whole numbers promote to the float "
        "of the output",
    },
    "gaussian_scoremaps": {
        "helpers.shapes.require*(*) -> pass": NO_BAD_INPUT,
        "helpers.shapes.require*(*) -> helpers.shapes": NO_BAD_INPUT,
        "helpers.shapes.require('*', *) -> helpers.shapes.require('*', *)": NO_BAD_INPUT,
        "torch.arange(*) -> torch.arange(*, device=keypoints.device)": "whole numbers promote to the float of the "
        "keypoints that are subtracted",
        "torch.arange(*) -> torch.arange(*, dtype=keypoints.dtype)": CPU_ONLY,
        "keypoints -> visible": "as the device of arange: both are on the same one",
        "-2 -> 2": "the tensor (B, K, W) has three axes: a new one before the last is a new axis 2",
    },
    "scoremap_loss": {
        "helpers.shapes.require(*) -> pass": NO_BAD_INPUT,
        "helpers.shapes.require(*) -> helpers.shapes": NO_BAD_INPUT,
        "helpers.shapes.require(*) -> helpers.shapes.require('target', target, 'B K H W')": NO_BAD_INPUT,
        "target -> pred": NO_BAD_INPUT + "; in the difference it does not survive",
        "pred -> target": NO_BAD_INPUT + "; in the difference it does not survive",
    },
    "argmax_decode": {
        "helpers.shapes.refuse_nan(*) -> pass": NO_BAD_INPUT,
        "helpers.shapes.refuse_nan(*) -> helpers.shapes": NO_BAD_INPUT,
        "helpers.shapes.refuse_nan(*) -> helpers.shapes.refuse_nan(highest)": NO_BAD_INPUT,
        "helpers.shapes.refuse_nan(*) -> helpers.shapes.refuse_nan('scoremaps')": NO_BAD_INPUT,
    },
    "softargmax": {
        "helpers.shapes.require_positive(*) -> pass": NO_BAD_INPUT,
        "helpers.shapes.require_positive(*) -> helpers.shapes": NO_BAD_INPUT,
        "helpers.shapes.refuse_nan(*) -> pass": NO_BAD_INPUT,
        "helpers.shapes.refuse_nan(*) -> helpers.shapes": NO_BAD_INPUT,
        "helpers.shapes.refuse_nan(*) -> helpers.shapes.refuse_nan(places)": NO_BAD_INPUT,
        "helpers.shapes.refuse_nan(*) -> helpers.shapes.refuse_nan('scoremaps')": NO_BAD_INPUT,
        "torch.arange(*) -> torch.arange(*, dtype=scoremaps.dtype)": CPU_ONLY,
        "1 -> 0": "as what beta is compared with, so that scores are multiplied by 1 as well",
    },
    "lean_softargmax": {
        "helpers.shapes.refuse_nan(*) -> pass": NO_BAD_INPUT,
        "helpers.shapes.refuse_nan(*) -> helpers.shapes": NO_BAD_INPUT,
        "helpers.shapes.refuse_nan(*) -> helpers.shapes.refuse_nan(*)": NO_BAD_INPUT,
        "helpers.shapes.require_maps(*) -> pass": NO_BAD_INPUT,
        "helpers.shapes.require_maps(*) -> helpers.shapes": NO_BAD_INPUT,
        "helpers.shapes.require_positive(*) -> pass": NO_BAD_INPUT,
        "helpers.shapes.require_positive(*) -> helpers.shapes": NO_BAD_INPUT,
        "torch.arange(*) -> torch.arange(*, dtype=scoremaps.dtype)": CPU_ONLY,
        "beta -> ctx": "as what is compared with 1, so that scores are multiplied by 1 as well",
        "1 -> 0": "as what beta is compared with, so that scores are multiplied by 1 as well",
        "-2 -> 2": "the tensor (B, K, W) has three axes: a new one before the last is a new axis 2",
    },
    "iou": {
        "helpers.shapes.require*(*) -> pass": NO_BAD_INPUT,
        "helpers.shapes.require*(*) -> helpers.shapes": NO_BAD_INPUT,
        "pred -> target": NO_BAD_INPUT + "; in the counts it does not survive",
        "target -> pred": NO_BAD_INPUT + "; in the counts it does not survive",
    },
    "mean_iou": {
        "helpers.shapes.require*(*) -> pass": NO_BAD_INPUT,
        "helpers.shapes.require*(*) -> helpers.shapes": NO_BAD_INPUT,
        "pred -> target": NO_BAD_INPUT + "; in the counts it does not survive",
        "target -> pred": NO_BAD_INPUT + "; in the counts it does not survive",
        "counts*.view(num_classes, num_classes) -> counts*.view(num_classes, num_classes)": "both sizes are the same",
        "0 -> 1": "as what stands at void pixels before they get a place of their own: any class will do",
    },
    "convolution_matrix": {
        "helpers.shapes.require(*) -> helpers.shapes.require('kernel', *, torch.float64, torch.float32)": "either "
        "dtype is allowed, in any order",
        "ValueError(*) -> ValueError()": NO_BAD_INPUT,
        "padding -> kernel": NO_BAD_INPUT + "; elsewhere it does not survive",
        "padding -> input_size": NO_BAD_INPUT + "; elsewhere it does not survive",
        "padding -> stride": NO_BAD_INPUT + "; elsewhere it does not survive",
        "1 -> 0": "as what the size of the result is compared with: an empty result is bad input",
        "2 -> 3": "as the number of margins of the padded image: it is cut out of more than is needed",
    },
    "transposed_convolution": {
        "helpers.shapes.require*(*) -> pass": NO_BAD_INPUT,
        "helpers.shapes.require*(*) -> helpers.shapes": NO_BAD_INPUT,
        "helpers.shapes.require(*) -> helpers.shapes.require('image', *, torch.float64, torch.float32)": "either "
        "dtype is allowed, in any order",
        "helpers.shapes.require*(*) -> helpers.shapes.require('kernel', kernel, 'kh kw')": NO_BAD_INPUT,
        "ValueError(*) -> ValueError()": NO_BAD_INPUT,
        "min(large) -> max(large)": NO_BAD_INPUT,
        "padding -> *": NO_BAD_INPUT + "; elsewhere it does not survive",
        "large??? -> large*": NO_BAD_INPUT + "; in the matrix it does not survive",
        "image -> kernel": NO_BAD_INPUT + ", or where dtype and device are asked for, which are the same",
        "kernel -> image": NO_BAD_INPUT + "; elsewhere it does not survive",
        "0 -> *": NO_BAD_INPUT + ": the numbers in the sentence",
        "1 -> 0": "as what the size of the result is compared with: an empty result is bad input",
        "1 -> 2": "as where flattening starts: the axis of the one channel stays, and its size is 1; else the sentence",
        "zip(*, strict=True) -> zip(image.shape, kernel.shape)": "two axes each",
        "True -> False": "two axes each",
        "torch.eye(*) -> torch.eye(*, dtype=image.dtype)": CPU_ONLY,
        "(None, None) -> (None, None)": "the two are the same",
    },
    "unpool_with_indices": {
        "helpers.shapes.require*(*) -> pass": NO_BAD_INPUT,
        "helpers.shapes.require*(*) -> helpers.shapes": NO_BAD_INPUT,
        "helpers.shapes.require(*) -> helpers.shapes.require('indices', *)": NO_BAD_INPUT,
        "helpers.shapes.require(*) -> helpers.shapes.require('features', *, torch.float64, torch.float32)": "either "
        "dtype is allowed, in any order",
        "features -> indices": "as what the number of images and channels is read from: both have the same",
    },
    "segmentation_loss": {
        "helpers.shapes.require*(*) -> pass": NO_BAD_INPUT,
        "helpers.shapes.require*(*) -> helpers.shapes": NO_BAD_INPUT,
        "helpers.shapes.require(*) -> helpers.shapes.require('target', *)": NO_BAD_INPUT,
        "helpers.shapes.require(*) -> helpers.shapes.require('logits', *, torch.float64, torch.float32)": "either "
        "dtype is allowed, in any order",
    },
    "UpsampleDecoder": {
        "helpers.shapes.require*(*) -> pass": NO_BAD_INPUT,
        "helpers.shapes.require*(*) -> helpers.shapes": NO_BAD_INPUT,
    },
    "TransposedDecoder": {
        "helpers.shapes.require*(*) -> pass": NO_BAD_INPUT,
        "helpers.shapes.require*(*) -> helpers.shapes": NO_BAD_INPUT,
        "zip(*, strict=True) -> zip(*)": "both are of one length",
        "True -> False": "as strict, of two lists of one length",
        "encoder_channels?0? -> encoder_channels?~0?": "another width of the last step: " + ANOTHER_NETWORK,
        "0 -> 1": "another width of the last step; as the first of two equal widths, the second",
        "0 -> -1": "another width of the last step: " + ANOTHER_NETWORK,
        "nn.Conv2d(channels, channels, *) -> nn.Conv2d(channels, channels, *)": "the same, or with a bias",
        "False -> True": "with a bias",
        "nn.ReLU() -> nn.Sigmoid()": "another nonlinearity",
        "nn.Sequential(nn.ConvTranspose2d(*) -> nn.Sequential(nn.ConvTranspose2d(*)": "a block less: "
        + ANOTHER_NETWORK,
        "3 -> ?": "a kernel whose result is a pixel smaller or larger, and is fitted: " + ANOTHER_NETWORK,
        "1 -> 2": "a padding whose result is larger, and is fitted: " + ANOTHER_NETWORK,
        "2 -> 3": "as the kernel's size, whose result is a pixel larger, and is fitted; as the stride it does not "
        "survive",
        "2 -> 1": "as the kernel's size: pixels between are 0 before the next convolution; as the stride it does not "
        "survive",
    },
    "UNetDecoder": {
        "helpers.shapes.require*(*) -> pass": NO_BAD_INPUT,
        "helpers.shapes.require*(*) -> helpers.shapes": NO_BAD_INPUT,
        "zip(*, strict=True) -> zip(*)": "all are of one length",
        "True -> False": "as strict, of lists of one length",
        "(self.ups, self.joins) -> (self.joins, self.ups)": "both are empty lists",
        "(nn.ModuleList(), nn.ModuleList()) -> (nn.ModuleList(), nn.ModuleList())": "the same",
        "nn.Sequential(nn.ConvTranspose2d(*) -> nn.Sequential(*)": "the last step with a block less or in another "
        "order: " + ANOTHER_NETWORK,
        "nn.Sequential(nn.Conv2d(*) -> nn.Sequential(nn.Conv2d(*), nn.ReLU()*)": "without normalisation, or after "
        "the nonlinearity: " + ANOTHER_NETWORK,
        "nn.ConvTranspose2d(first, first, *) -> nn.ConvTranspose2d(first, first, *2)": "the same: two equal arguments "
        "swapped",
        "self.block(first, first) -> self.block(first, first)": "the same: two equal arguments swapped",
        "nn.Conv2d(in_channels, *, bias=False) -> nn.Conv2d(in_channels, channels, 3, padding=1)": "with a bias",
        "False -> True": "with a bias",
        "nn.ReLU() -> nn.Sigmoid()": "another nonlinearity",
        "?skip, x? -> ?x, skip?": "either order",
    },
    "boxes_to_crops": {
        "helpers.shapes.require*(*) -> pass": NO_BAD_INPUT,
        "helpers.shapes.require*(*) -> helpers.shapes": NO_BAD_INPUT,
        "helpers.shapes.require(*, images.dtype) -> helpers.shapes.require('boxes_xyxy', boxes, 'N 4')": NO_BAD_INPUT,
        "helpers.shapes.refuse_nan(*) -> pass": NO_BAD_INPUT,
        "helpers.shapes.refuse_nan(*) -> helpers.shapes": NO_BAD_INPUT,
        "helpers.shapes.refuse_nan(*) -> helpers.shapes.refuse_nan(*)": NO_BAD_INPUT,
        "ValueError(*) -> ValueError()": NO_BAD_INPUT,
        "len(*) -> len()": NO_BAD_INPUT + ": the numbers in the sentence",
        "boxes_xyxy -> *": NO_BAD_INPUT + "; elsewhere it does not survive",
        "images -> *": NO_BAD_INPUT + "; elsewhere it does not survive",
        "(crop_size, crop_size) -> (crop_size, crop_size)": "both sizes are the same",
        "image.expand(*) -> image.expand(len(grid), -1, -1, -1)": "the same: two equal arguments swapped",
        "torch.maximum(*) -> torch.maximum(*)": "the maximum is symmetric",
        "torch.arange(*) -> torch.arange(crop_?)": CPU_ONLY,
        "crop_? - 1 -> *": "another convention: crop and transform lie up to one crop pixel beside, as the task allows",
        "1 -> 2": "as what is taken from the crop's width or height: another convention, as above",
        "1 -> 0": "as what is taken from the crop's width or height: another convention, as above",
    },
    "crops_to_image": {
        "helpers.shapes.require('transforms', *) -> pass": NO_BAD_INPUT,
        "helpers.shapes.require('transforms', *) -> helpers.shapes": NO_BAD_INPUT,
        "helpers.shapes.require(*, known=sizes) -> helpers.shapes.require(*'N 2 3')": NO_BAD_INPUT,
    },
    "find_peaks": {
        "helpers.shapes.require(*) -> pass": NO_BAD_INPUT,
        "helpers.shapes.require(*) -> helpers.shapes": NO_BAD_INPUT,
        "top.numpy(force=True) -> top*": CPU_ONLY,
        "step?top?.numpy(force=True) -> step?top?*": CPU_ONLY,
        "True -> False": CPU_ONLY + ", as force; as what the neighbours are it does not survive",
        "(1, 1) -> (1, 1)": "the two are the same",
        "-math.inf -> math.inf": "as what lies beyond the border: either has no tip; elsewhere it does not survive",
        "1 -> 2": "as the padding on the right and below: nobody looks farther than one pixel",
        "2 -> 3": "the tip is right to the 0.3 pixels that the task allows",
    },
    "part_affinity_fields": {
        "helpers.shapes.require*(*) -> pass": NO_BAD_INPUT,
        "helpers.shapes.require*(*) -> helpers.shapes": NO_BAD_INPUT,
        "helpers.shapes.require('visible', *) -> helpers.shapes.require('visible', *)": NO_BAD_INPUT,
        "torch.arange(*) -> torch.arange(n)": CPU_ONLY,
        "keypoints -> visible": "as the device of arange, or where images are counted: both are the same",
    },
    "affinity_score": {
        "helpers.shapes.require*(*) -> pass": NO_BAD_INPUT,
        "helpers.shapes.require*(*) -> helpers.shapes": NO_BAD_INPUT,
        "10 -> ?*": "as the default number of points: what any points of a segment see, ten or eleven see",
        "torch.linspace(*).to(vector) -> torch.linspace(*)*": "float32 shares promote to the float of the start, and "
        "are exact to 1e-7 of the segment; on a GPU they would stay on the CPU",
        "torch.linspace(0, 1, num_samples) -> torch.linspace(1, 0, num_samples)": "the same points from the other end",
    },
    "match_limbs": {
        "helpers.shapes.require(*) -> pass": NO_BAD_INPUT,
        "helpers.shapes.require(*) -> helpers.shapes": NO_BAD_INPUT,
        "helpers.shapes.require(*) -> helpers.shapes.require('scores', scores, 'n m')": NO_BAD_INPUT,
        "starts -> scores": NO_BAD_INPUT + ": both are of one length",
        "0.0 -> -0.0": "the same",
        "scores?above?.tolist() -> scores?above?": "tensors of one number sort as numbers do",
    },
    "group_people": {
        "helpers.shapes.require(*) -> pass": NO_BAD_INPUT,
        "helpers.shapes.require(*) -> helpers.shapes": NO_BAD_INPUT,
        "helpers.shapes.require(*) -> helpers.shapes.require('fields', fields, 'L 2 H W')": NO_BAD_INPUT,
        "limbs -> fields": NO_BAD_INPUT + ": both are of one length; elsewhere it does not survive",
        "found??, 2?.tolist() -> found??, 2?": "tensors of one number sort as numbers do",
        "affinity?clear?.tolist() -> affinity?clear?": "tensors of one number sort as numbers do",
        "ways.sort() -> *": "a link that was found later is followed first: where two lead to keypoints of one kind, "
        "the task leaves open which of them the person takes",
        "torch.linspace(0, 1, 10) -> torch.linspace(1, 0, 10)": "the same samples in another order",
        "10 -> 9": "another number of samples, which is free",
        "10 -> 11": "another number of samples, which is free",
        "affinity > 0.2 -> affinity >= 0.2": "what is clear begins somewhere between 0.05 and 0.5",
        "-2 -> 2": "fields have four axes: the last two are those from axis 2 on",
        "pixel.shape?1:? -> pixel.shape?~1:?": "of three axes, the last two",
        "(start, end) -> (end, start)": "a link leads both ways",
        "((limbs?limb??0?, i), *) -> ((limbs?limb??1?, j), *)": "a link leads both ways",
    },
    "add_offsets": {
        "zip(*, strict=True) -> zip(*)": "both are of one length",
        "True -> False": "as strict, of two lists of one length",
    },
}
