"""A disk that is full for a while: no file may grow beyond some bytes."""

import contextlib
import resource
from collections.abc import Iterator


@contextlib.contextmanager
def full_disk(left: int = 500) -> Iterator[None]:
    """Let no file of this process grow beyond `left` bytes within the `with` block."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (left, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
