"""Where randomness begins."""

import random

import numpy as np
import torch


def set_seed(seed: int) -> None:
    """Start the random numbers of Python, NumPy and torch (every device) from `seed`.

    The same seed gives the same initial weights, the same order of images and the same augmentation. Results on a GPU
    or with another number of threads may still differ in the last digits: sums are taken in another order.

    Args:
        seed: a whole number in [0, 2**32).
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**32:
        raise ValueError(f"seed is {seed!r}; expected a whole number from 0 to 2**32 - 1, for example set_seed(0).")
    random.seed(int(seed))
    np.random.seed(int(seed))
    torch.manual_seed(int(seed))
