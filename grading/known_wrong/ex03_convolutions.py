"""Known wrong answers to exercise 3's questions about convolutions and what transposes them."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from grading.known_wrong.table import answers

__all__ = ["KNOWN_WRONG"]


# convolution_matrix


def _matrix(kernel, input_size, stride=(1, 1), padding=(0, 0), dilation=1):
    """Return the matrix of a convolution: what it makes of each image that is 1 at one pixel."""
    height, width = input_size
    units = torch.eye(height * width, dtype=kernel.dtype).view(-1, 1, height, width)
    maps = F.conv2d(units, kernel[None, None], stride=stride, padding=padding, dilation=dilation)
    return maps.flatten(start_dim=1).T.contiguous()


def _of_larger(kernel, input_size, stride, by):
    """Return the matrix of an image that is larger by so many rows and columns, its columns as rows and columns."""
    size = [n + by for n in input_size]
    return _matrix(kernel, size, stride).view(-1, *size)


def _sizes(kernel, input_size, padding):
    """Return the padded size and the kernel's, for height and for width."""
    return [(n + 2 * padding, k) for n, k in zip(input_size, kernel.shape, strict=True)]


def _out_size(kernel, input_size, stride, padding):
    return [(n - k) // stride + 1 for n, k in _sizes(kernel, input_size, padding)]


def _placed(kernel, input_size, out_size, stride, padding, place):
    """Return a matrix filled entry by entry: `place(y, x)` is the column, None for none, of a pixel (y, x)."""
    C = kernel.new_zeros(out_size[0] * out_size[1], input_size[0] * input_size[1])
    for i, j in np.ndindex(*out_size):
        for u, v in np.ndindex(*kernel.shape):
            column = place(i * stride + u - padding, j * stride + v - padding)
            if column is not None:
                C[i * out_size[1] + j, column] += kernel[u, v]
    return C


def _round(input_size):
    height, width = input_size
    return lambda y, x: y % height * width + x % width


def _next_row(input_size):
    height, width = input_size
    return lambda y, x: y * width + x if 0 <= y * width + x < height * width else None


def _nearest(input_size):
    height, width = input_size
    return lambda y, x: min(max(y, 0), height - 1) * width + min(max(x, 0), width - 1)


def _inside(input_size):
    height, width = input_size
    return lambda y, x: y * width + x if 0 <= y < height and 0 <= x < width else None


def matrix_stride_ignored__in_the_places(kernel, input_size, stride=1, padding=0):
    (height, width), (out_h, out_w) = input_size, _out_size(kernel, input_size, stride, padding)
    C = _matrix(kernel, input_size, (1, 1), padding).view(
        *_out_size(kernel, input_size, 1, padding), height * width
    )  # the right number of rows, all from the upper left corner
    return C[:out_h, :out_w].reshape(out_h * out_w, -1)


def matrix_kernel_in_one_run(kernel, input_size, stride=1, padding=0):
    """Put the kernel's rows one right after the other into a row of the matrix."""
    (height, width), (out_h, out_w) = input_size, _out_size(kernel, input_size, stride, padding)
    C = kernel.new_zeros(out_h * out_w, height * width)
    for i, j in np.ndindex(out_h, out_w):
        start = (i * stride - padding) * width + j * stride - padding
        for offset, value in enumerate(kernel.flatten()):
            if 0 <= start + offset < height * width:
                C[i * out_w + j, start + offset] = value
    return C


def _looped(kernel, input_size, stride, padding, row, column, inside=None):
    """Return a matrix filled in four loops: `row(i, j)` and `column(y, x)` number pixels, all those that are inside."""
    (height, width), (out_h, out_w) = input_size, _out_size(kernel, input_size, stride, padding)
    C = kernel.new_zeros(out_h * out_w, height * width)
    for i, j, u, v in np.ndindex(out_h, out_w, *kernel.shape):
        y, x = i * stride + u - padding, j * stride + v - padding
        if inside(y, x) if inside else 0 <= y < height and 0 <= x < width:
            C[row(i, j), column(y, x)] = kernel[u, v]
    return C


def matrix_takes_squares__kernel(kernel, input_size, stride=1, padding=0):
    """Go through as many columns of the kernel as it has rows."""
    (height, width), size = input_size, kernel.shape[0]
    out_h, out_w = ((n + 2 * padding - size) // stride + 1 for n in input_size)
    C = kernel.new_zeros(max(out_h, 0) * max(out_w, 0), height * width)
    for i, j, u, v in np.ndindex(max(out_h, 0), max(out_w, 0), size, size):
        y, x = i * stride + u - padding, j * stride + v - padding
        if 0 <= y < height and 0 <= x < width:
            C[i * out_w + j, y * width + x] = kernel[u, v]
    return C


def matrix_takes_squares__both(kernel, input_size, stride=1, padding=0):
    """Make the result as wide as it is high, and the kernel too."""
    (height, width), size = input_size, len(kernel)
    out = max((height + 2 * padding - size) // stride + 1, 0)
    C = kernel.new_zeros(out * out, height * width)
    for i, j, u, v in np.ndindex(out, out, size, size):
        y, x = i * stride + u - padding, j * stride + v - padding
        if 0 <= y < height and 0 <= x < width:
            C[i * out + j, y * width + x] = kernel[u, v]
    return C


def matrix_stride_as_dilation__in_the_places(kernel, input_size, stride=1, padding=0):
    (height, width), (out_h, out_w) = input_size, _out_size(kernel, input_size, stride, padding)
    C = kernel.new_zeros(out_h * out_w, height * width)
    for i, j, u, v in np.ndindex(out_h, out_w, *kernel.shape):
        y, x = i + u * stride - padding, j + v * stride - padding
        if 0 <= y < height and 0 <= x < width:
            C[i * out_w + j, y * width + x] = kernel[u, v]
    return C


def matrix_takes_squares__three(kernel, input_size, stride=1, padding=0):
    (height, width), (out_h, out_w) = input_size, _out_size(kernel, input_size, stride, padding)
    C = kernel.new_zeros(out_h * out_w, height * width)
    for i, j, u, v in np.ndindex(out_h, out_w, 3, 3):
        y, x = i * stride + u - padding, j * stride + v - padding
        if 0 <= y < height and 0 <= x < width:
            C[i * out_w + j, y * width + x] = kernel[u, v]
    return C


def matrix_wraps_around__negative(kernel, input_size, stride=1, padding=0):
    """Look at no border: what is beyond counts from the end, or is no index at all."""
    (height, width), (out_h, out_w) = input_size, _out_size(kernel, input_size, stride, padding)
    C = kernel.new_zeros(out_h, out_w, height, width)
    for i, j, u, v in np.ndindex(out_h, out_w, *kernel.shape):
        C[i, j, i * stride + u - padding, j * stride + v - padding] = kernel[u, v]
    return C.view(out_h * out_w, -1)


def matrix_changes_its_arguments(kernel, input_size, stride=1, padding=0):
    kernel.copy_(kernel.flip(0, 1).clone())
    return _matrix(kernel.flip(0, 1), input_size, stride, padding)


MATRIX_GIVEN = {
    "height, width": "input_size",
    "padded": "[n + 2 * padding for n in input_size]",
    "out_size": "_out_size(kernel, input_size, stride, padding)",
    "rounded_up": "[-(-(n - k) // stride) + 1 for n, k in _sizes(kernel, input_size, padding)]",
    "last_window": "[n - 1 for n in rounded_up]",
    "short": "[max(n - 1, 0) for n in out_size]",
    "as_large": "[-(-n // stride) for n in input_size]",
    "by_width": "lambda y, x: y * width + x",
    "by_height": "lambda y, x: y * height + x",
    "by_out_w": "lambda i, j: i * out_size[1] + j",
    "by_out_h": "lambda i, j: i * out_size[0] + j",
    "above": "lambda y, x: min(y, x) >= 0",
    "below": "lambda y, x: y < height and x < width",
    "inside": "_inside(input_size)",
    "centred": "lambda y, x: inside(y - (kernel.shape[0] - 1) // 2, x - (kernel.shape[1] - 1) // 2)",
    "C": "_matrix(kernel, input_size, stride, padding)",
    "one": "torch.zeros(1, dtype=torch.int64)",
    "of_once_padded": "_of_larger(kernel, input_size, stride, padding)",
    "of_padded": "_of_larger(kernel, input_size, stride, 2 * padding)",
}

MATRIX = {
    "nothing_filled_in": "torch.zeros_like(C)",
    "flipped_kernel": "_matrix(kernel.flip(0, 1), input_size, stride, padding)",
    "flipped_kernel.rows_only": "_matrix(kernel.flip(0), input_size, stride, padding)",
    "flipped_kernel.columns_only": "_matrix(kernel.flip(1), input_size, stride, padding)",
    "transposed_kernel": "_matrix(kernel.T, input_size, stride, padding)",
    "transposed_kernel.values_only": "_matrix(kernel.T.reshape(kernel.shape), input_size, stride, padding)",
    "transposed_matrix": "C.T",
    "size_swapped": "_matrix(kernel, input_size[::-1], stride, padding)",
    "column_by_column": "C.view(*out_size, *input_size).permute(1, 0, 3, 2).reshape(C.shape)",
    "column_by_column.image": "C.view(len(C), *input_size).transpose(1, 2).reshape(len(C), -1)",
    "column_by_column.result": "C.view(*out_size, -1).transpose(0, 1).reshape(C.shape)",
    # Number pixels by the height.
    "numbered_by_height": "_looped(kernel, input_size, stride, padding, by_out_h, by_width)",
    "numbered_by_height.image": "_looped(kernel, input_size, stride, padding, by_out_w, by_height)",
    "numbered_by_height.both": "_looped(kernel, input_size, stride, padding, by_out_h, by_height)",
    "not_flattened": "C.view(*out_size, *input_size)",
    "stride_ignored": "_matrix(kernel, input_size, (1, 1), padding)",
    "stride_ignored.in_the_places": matrix_stride_ignored__in_the_places,
    "fixed_stride": "_matrix(kernel, input_size, (2, 2), padding)",
    "fixed_padding": "_matrix(kernel, input_size, stride, 1)",
    "fixed_padding.to_the_size": "_matrix(kernel, input_size, stride, [k // 2 for k in kernel.shape])",
    "stride_one_way": "_matrix(kernel, input_size, (stride, 1), padding)",
    "stride_one_way.columns": "_matrix(kernel, input_size, (1, stride), padding)",
    "stride_as_dilation": "_matrix(kernel, input_size, (1, 1), padding, dilation=stride)",
    "stride_as_dilation.in_the_places": matrix_stride_as_dilation__in_the_places,
    "padding_ignored": "_matrix(kernel, input_size, stride)",
    # Move the kernel the other way.
    "padding_sign": "_placed(kernel, input_size, out_size, stride, -padding, inside)",
    "padding_columns_kept": "_matrix(kernel, padded, stride)",
    # Pad below and on the right only, 2 p of it.
    "padding_one_side": "of_padded[:, :height, :width].flatten(1)",
    "padding_one_side.above": "of_padded[:, 2 * padding :, 2 * padding :].flatten(1)",
    "padding_one_side.counted_once": "of_once_padded[:, padding:, padding:].flatten(1)",
    "empty_slice": "of_padded[:, padding:-padding, padding:-padding].flatten(1)",
    "padding_one_side.rows_only": "_matrix(kernel, input_size, stride, (padding, 0))",
    "padding_one_side.columns_only": "_matrix(kernel, input_size, stride, (0, padding))",
    # Take the pixel beyond a border from the other side.
    "wraps_around": "_placed(kernel, input_size, out_size, stride, padding, _round(input_size))",
    "wraps_around.into_the_next_row": "_placed(kernel, input_size, out_size, stride, padding, _next_row(input_size))",
    "wraps_around.unasked": "_looped(kernel, input_size, stride, padding, by_out_w, by_width, lambda y, x: True)",
    "wraps_around.upper_side": "_looped(kernel, input_size, stride, padding, by_out_w, by_width, below)",
    "wraps_around.lower_side": "_looped(kernel, input_size, stride, padding, by_out_w, by_width, above)",
    "wraps_around.negative": matrix_wraps_around__negative,
    "wraps_around.nearest_pixel": "_placed(kernel, input_size, out_size, stride, padding, _nearest(input_size))",
    "size_rounded_up": "_placed(kernel, input_size, rounded_up, stride, padding, inside)",
    "one_row_short": "_placed(kernel, input_size, short, stride, padding, inside)",
    "one_row_short.last_window": "_placed(kernel, input_size, last_window, stride, padding, inside)",
    "result_as_large_as_the_image": "_placed(kernel, input_size, as_large, stride, padding, inside)",
    "result_as_large_as_the_image.centred": "_placed(kernel, input_size, as_large, stride, 0, centred)",
    "full_overlap": "_matrix(kernel, input_size, stride, [k - 1 for k in kernel.shape])",
    "kernel_in_one_run": matrix_kernel_in_one_run,
    "takes_squares": "_matrix(kernel, (height, height), stride, padding)",
    "takes_squares.of_width": "_matrix(kernel, (width, width), stride, padding)",
    "takes_squares.kernel": matrix_takes_squares__kernel,
    "takes_squares.both": matrix_takes_squares__both,
    "takes_squares.three": matrix_takes_squares__three,
    "one_kernel_for_all_rows": "C[:1].expand_as(C)",
    "float32_only": "_matrix(kernel.float(), input_size, stride, padding)",
    "float32_only.refused": "_matrix(kernel.float(), input_size, stride, padding).index_put((one, one), kernel[0, 0])",
    "float64_always": "C.double()",
    "changes_its_arguments": matrix_changes_its_arguments,
}


# transposed_convolution


def _large(image, kernel, stride=1, padding=0):
    return [(n - 1) * stride - 2 * padding + k for n, k in zip(image.shape, kernel.shape, strict=True)]


def _spread(image, kernel, stride=1, padding=0):
    """Return the transposed convolution."""
    return F.conv_transpose2d(image[None, None], kernel[None, None], stride=stride, padding=padding)[0, 0]


def _stuffed(image, kernel, stride, around, more=0):
    """Return the convolution of the image with zeros put between its pixels, `more` after the last, and around."""
    stuffed = image.new_zeros([(n - 1) * stride + 1 + more for n in image.shape])
    stuffed[::stride, ::stride] = image
    return _convolved(F.pad(stuffed, around), kernel.flip(0, 1))


def _padded_below(image, kernel, stride, padding):
    """Return the transposed convolution with output_padding, where it may have some."""
    more = int(stride > 1)
    return F.conv_transpose2d(image[None, None], kernel[None, None], None, stride, padding, output_padding=more)[0, 0]


def _convolved(image, kernel, stride=1, padding=0):
    return F.conv2d(image[None, None], kernel[None, None], stride=stride, padding=padding)[0, 0]


def _to_small(image, kernel, stride, padding):
    """Return the matrix of the convolution from the large map to the small one."""
    return _matrix(kernel, _large(image, kernel, stride, padding), stride, padding)


def _stamped(image, kernel, stride, padding, combine):
    """Return the kernel stamped at every pixel; `combine(there, stamp)` is what remains where stamps overlap."""
    canvas = image.new_zeros(_large(image, kernel, stride))
    kh, kw = kernel.shape
    for i, j in np.ndindex(*image.shape):
        window = canvas[i * stride : i * stride + kh, j * stride : j * stride + kw]
        window.copy_(combine(window, image[i, j] * kernel))
    return canvas[padding : len(canvas) - padding, padding : canvas.shape[1] - padding]


def _repeated(image, times):
    return image.repeat_interleave(times, dim=0).repeat_interleave(times, dim=1)


def spread_size_is_stride_times(image, kernel, stride=1, padding=0):
    """Zero-fill or cut to h * stride rows, w * stride columns."""
    result, (height, width) = image.new_zeros([n * stride for n in image.shape]), _large(image, kernel, stride, padding)
    common = tuple(slice(min(n, m)) for n, m in zip((height, width), result.shape, strict=True))
    result[common] = _spread(image, kernel, stride, padding)[common]
    return result


def spread_changes_its_arguments(image, kernel, stride=1, padding=0):
    kernel *= image.abs().amax()
    return _spread(image / image.abs().amax(), kernel, stride, padding)


TRANSPOSED_GIVEN = {
    "C": "_to_small(image, kernel, stride, padding)",
    "of_image": "_matrix(kernel, image.shape, stride, padding)",
    "large": "_large(image, kernel, stride, padding)",
    "spread": "_spread(image, kernel, stride, padding)",
    "larger": "_large(image, kernel, stride, -padding)",
    "whole": "_spread(image, kernel, stride)",
    "around": "[k - 1 - padding for k in kernel.shape[::-1] for _ in (0, 1)]",
    "all_around": "[n - 1 for k in kernel.shape[::-1] for n in (k, k)]",
    "times": "_spread(torch.ones_like(image), torch.ones_like(kernel), stride, padding)",
}

TRANSPOSED = {
    "nothing_filled_in": "torch.zeros_like(spread)",
    "inverse": "(torch.linalg.pinv(C) @ image.flatten()).view(large)",
    "inverse.least_squares": "torch.linalg.lstsq(C, image.reshape(-1, 1), driver='gelsd').solution.view(large)",
    # Take the image to be the large map: C I, where C^T I is asked for.
    "convolves": "_convolved(image, kernel, stride, padding)",
    "convolves.and_back": "(of_image.T @ (of_image @ image.flatten())).view(image.shape)",
    "convolves.not_transposed": "(C @ image.flatten()).view(large)",
    "convolves.from_the_image": "(of_image.T @ image.flatten()).view(image.shape)",
    "flipped_kernel": "_spread(image, kernel.flip(0, 1), stride, padding)",
    "flipped_kernel.rows_only": "_spread(image, kernel.flip(0), stride, padding)",
    "flipped_kernel.columns_only": "_spread(image, kernel.flip(1), stride, padding)",
    "flipped_kernel.zeros_put_between": "_stuffed(image, kernel.flip(0, 1), stride, around)",
    "flipped_kernel.full_convolution": "_convolved(F.pad(image, all_around), kernel, stride)",
    "transposed_kernel": "_spread(image, kernel.T, stride, padding)",
    "transposed_kernel.values_only": "_spread(image, kernel.T.reshape(kernel.shape), stride, padding)",
    "padding_enlarges": "F.pad(whole, (padding,) * 4)",
    "padding_enlarges.matrix": "(_matrix(kernel, larger, stride, padding).T @ image.flatten()).view(larger)",
    "padding_enlarges.the_image": "_spread(F.pad(image, (padding,) * 4), kernel, stride)",
    "padding_ignored": "whole",
    "padding_one_side": "whole[: large[0], : large[1]]",
    "padding_one_side.above": "whole[2 * padding :, 2 * padding :]",
    "padding_one_side.once": "whole[padding:, padding:]",
    "empty_slice": "whole[padding:-padding, padding:-padding]",
    "padding_one_side.once_below": "whole[: whole.shape[0] - padding, : whole.shape[1] - padding]",
    "stride_ignored": "_spread(image, kernel, 1, padding)",
    "padding_of_the_other": "_spread(image, kernel, stride, len(kernel) - 1 - padding)",
    "padding_of_the_other.both": "_spread(image, kernel, stride, [k - 1 - padding for k in kernel.shape])",
    "batch_axes_missing": "F.conv_transpose2d(image, kernel, stride=stride, padding=padding)",
    "batch_axes_missing.of_the_kernel": "F.conv_transpose2d(image[None, None], kernel, None, stride, padding)[0, 0]",
    "fixed_stride": "_spread(image, kernel, 2, padding)",
    "fixed_padding": "_spread(image, kernel, stride, 1)",
    "stride_one_way": "_spread(image, kernel, (stride, 1), padding)",
    "stride_one_way.columns": "_spread(image, kernel, (1, stride), padding)",
    "repeats_pixels": "_spread(_repeated(image, stride), kernel, 1, padding)",
    "repeats_pixels.enlarges_the_result": "_repeated(_spread(image, kernel, 1, padding), stride)",
    "size_is_stride_times": spread_size_is_stride_times,
    "one_too_many": "F.pad(spread, (0, 1, 0, 1))",
    # h * stride - 2 p + k rows: a whole stride after the last pixel, too.
    "one_too_many.by_the_stride": "F.pad(spread, (0, stride, 0, stride))",
    "one_too_many.stuffed": "_stuffed(image, kernel, stride, around, stride - 1)",
    "one_too_many.output_padding": "_padded_below(image, kernel, stride, padding)",
    "one_too_many.minus": "spread[:-1, :-1]",
    "overwrites_overlaps": "_stamped(image, kernel, stride, padding, lambda there, stamp: stamp)",
    "overwrites_overlaps.maximum": "_stamped(image, kernel, stride, padding, torch.maximum)",
    "overwrites_overlaps.mean": "spread / times.clamp(min=1)",
    "flat_result": "spread.flatten()",
    "batch_axes_left": "spread[None, None]",
    "size_swapped": "spread.T",
    "size_swapped.padding": "_stuffed(image, kernel, stride, [k - 1 - padding for k in kernel.shape for _ in (0, 1)])",
    "size_swapped.view": "spread.reshape(large[::-1])",
    "returns_the_matrix": "C.T",
    "takes_squares": "_spread(image, kernel[:, : len(kernel)], stride, padding)",
    "takes_squares.image": "_spread(image[:, : len(image)], kernel, stride, padding)",
    "float32_only": "_spread(image.float(), kernel.float(), stride, padding)",
    "float64_always": "spread.double()",
    "changes_its_arguments": spread_changes_its_arguments,
}


KNOWN_WRONG: dict[str, dict[str, object]] = {
    "convolution_matrix": answers("kernel, input_size, stride=1, padding=0", MATRIX, globals(), MATRIX_GIVEN),
    "transposed_convolution": answers("image, kernel, stride=1, padding=0", TRANSPOSED, globals(), TRANSPOSED_GIVEN),
}
