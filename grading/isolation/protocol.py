"""Frames between the grader and a worker: a JSON header and raw tensors, sizes and types checked on arrival.

    frame := header length (4 bytes) | body length (8 bytes) | header (JSON) | body
    header := {"message": {...}, "tensors": [[dtype, shape], ...]}
    body := the tensors' bytes one after another, each from a multiple of 64 on

Nothing is allocated before its announced size is checked, every read and write has a deadline, and nothing is ever
unpickled.
"""

from __future__ import annotations

import json
import math
import socket
import struct
import time
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeAlias

import torch

from grading.errors import Crashed, ProtocolError, TimedOut
from helpers.checks.engine.values import DTYPES

__all__ = ["MAX_BODY", "MAX_HEADER", "Channel", "strict_json"]

PREFIX = struct.Struct("!IQ")
MAX_HEADER, MAX_BODY = 1 << 20, 64 << 20  # bytes
SHORTEST, LONGEST = 0.005, 1.0  # seconds between two looks at what is left
MAX_TENSORS, MAX_DIMS, MAX_ELEMENTS, ALIGNMENT = 1024, 8, 1 << 40, 64


Deadline: TypeAlias = float | Callable[[], float] | None
"""A time on `time.monotonic()`'s clock; what says how many seconds are left, at least; None for none."""


class Channel:
    """One end of a connected stream socket, sending and receiving frames."""

    def __init__(self, sock: socket.socket, max_header: int = MAX_HEADER, max_body: int = MAX_BODY) -> None:
        self.sock, self.max_header, self.max_body = sock, max_header, max_body

    def send(self, message: dict[str, Any], tensors: Sequence[torch.Tensor] = (), deadline: Deadline = None) -> None:
        """Send one frame.

        Raises:
            ProtocolError: if the frame is larger than the limits.
            TimedOut, Crashed: if the other end does not read in time, or is gone.
        """
        kinds = [[str(tensor.dtype).removeprefix("torch."), list(tensor.shape)] for tensor in tensors]
        header = json.dumps({"message": message, "tensors": kinds}, allow_nan=False).encode()
        body = b"".join(map(_padded, tensors))
        if len(header) > self.max_header or len(body) > self.max_body:
            raise ProtocolError(
                f"a frame of {len(header)} + {len(body)} bytes is over {self.max_header} + {self.max_body}"
            )
        left = memoryview(PREFIX.pack(len(header), len(body)) + header + body)
        while left:
            left = left[self._timed(deadline, lambda: self.sock.send(left)) :]  # noqa: B023 called at once

    def receive(self, deadline: Deadline = None) -> tuple[dict[str, Any], list[torch.Tensor]]:
        """Return the next frame's message and tensors.

        Raises:
            ProtocolError: if it is malformed or larger than the limits.
            TimedOut, Crashed: if it does not come in time, or the other end is gone.
        """
        header_size, body_size = PREFIX.unpack(self._read(PREFIX.size, deadline))
        if header_size > self.max_header or body_size > self.max_body:
            raise ProtocolError(
                f"a frame announces {header_size} + {body_size} bytes; "
                f"at most {self.max_header} + {self.max_body} are accepted"
            )
        header = strict_json(bytes(self._read(header_size, deadline)))
        if (
            not isinstance(header, dict)
            or set(header) != {"message", "tensors"}
            or not isinstance(header["message"], dict)
        ):
            raise ProtocolError("a frame's header is not an object of a message and tensors")
        kinds = _checked_kinds(header["tensors"], body_size)
        return header["message"], _tensors(kinds, self._read(body_size, deadline))

    def close(self) -> None:
        """Close this end."""
        self.sock.close()

    def _read(self, size: int, deadline: Deadline) -> bytearray:
        buffer = bytearray(size)
        view, have = memoryview(buffer), 0
        while have < size:
            got = self._timed(deadline, lambda: self.sock.recv_into(view[have:]))  # noqa: B023 called at once
            if got == 0:
                raise Crashed("the process ended")
            have += got
        return buffer

    def _timed(self, deadline: Deadline, action: Any) -> Any:
        while (left := _left(deadline)) is None or left > 0:
            try:
                self.sock.settimeout(None if left is None else min(max(left, SHORTEST), LONGEST))
                return action()
            except TimeoutError:  # of a process that waited for a processor meanwhile, more may be left
                continue
            except OSError as error:
                raise Crashed(f"the process ended ({error.strerror or error})") from None
        raise TimedOut("no answer in time")


def _left(deadline: Deadline) -> float | None:
    if deadline is None:
        return None
    return deadline() if callable(deadline) else deadline - time.monotonic()


def strict_json(text: bytes) -> Any:
    """Return what `text` says as JSON in UTF-8, without the NaN and infinities that Python adds.

    Raises:
        ProtocolError: if it is anything else, or nested too deeply.
    """
    try:
        return json.loads(text.decode(), parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"not strict JSON: {str(error)[:80]}") from None


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is not a finite number")
    return value


def _checked_kinds(kinds: Any, body_size: int) -> list[tuple[torch.dtype, list[int], int]]:
    """Return (dtype, shape, bytes) of each announced tensor, which together fill the body exactly."""
    if not isinstance(kinds, list) or len(kinds) > MAX_TENSORS:
        raise ProtocolError(f"tensors are announced as something other than a list of at most {MAX_TENSORS}")
    checked = []
    for kind in kinds:
        if not isinstance(kind, list) or len(kind) != 2 or not isinstance(kind[0], str) or kind[0] not in DTYPES:
            raise ProtocolError(f"a tensor is announced as {repr(kind)[:80]}, not as [dtype, shape]")
        dtype, shape = DTYPES[kind[0]], kind[1]
        if not isinstance(shape, list) or len(shape) > MAX_DIMS or any(type(n) is not int or n < 0 for n in shape):
            raise ProtocolError(f"a tensor's shape is announced as {repr(shape)[:80]}")
        if math.prod(n or 1 for n in shape) > MAX_ELEMENTS:  # an empty tensor may still claim any size
            raise ProtocolError("a tensor's shape is beyond any size")
        checked.append((dtype, shape, math.prod(shape) * dtype.itemsize))
    if (total := sum(_aligned(size) for *_, size in checked)) != body_size:
        raise ProtocolError(f"tensors of {total} bytes are announced in a body of {body_size}")
    return checked


def _tensors(kinds: list[tuple[torch.dtype, list[int], int]], body: bytearray) -> list[torch.Tensor]:
    tensors, start = [], 0
    for dtype, shape, size in kinds:
        if size == 0:
            tensors.append(torch.empty(shape, dtype=dtype))
        elif dtype is torch.bool:  # a byte other than 0 and 1 is no bool
            tensors.append(torch.frombuffer(body, dtype=torch.uint8, count=size, offset=start).ne(0).reshape(shape))
        else:
            count = size // dtype.itemsize
            tensors.append(torch.frombuffer(body, dtype=dtype, count=count, offset=start).reshape(shape))
        start += _aligned(size)
    return tensors


def _padded(tensor: torch.Tensor) -> bytes:
    plain = tensor.detach().cpu().contiguous().reshape(-1)
    data = plain.view(torch.uint8).numpy().tobytes() if plain.numel() else b""
    return data + bytes(_aligned(len(data)) - len(data))


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
