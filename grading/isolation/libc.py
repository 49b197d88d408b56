"""Calls into the C library that Python has no name for."""

from __future__ import annotations

import ctypes
import os

__all__ = ["libc_call"]


def libc_call(name: str, *arguments: object) -> int:
    """Return what the C library's function returns; OSError with its errno if that is -1."""
    ctypes.set_errno(0)
    result: int = getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments)
    if result == -1:
        raise OSError(ctypes.get_errno(), f"{name}: {os.strerror(ctypes.get_errno())}")
    return result
