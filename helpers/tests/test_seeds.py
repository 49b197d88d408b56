import random

import numpy as np
import pytest
import torch

from helpers.seeds import set_seed


def draw():
    return random.random(), np.random.rand(), torch.rand(1).item()


def test_same_seed_gives_same_numbers_and_another_one_others():
    set_seed(3)
    first = draw()
    set_seed(3)
    assert draw() == first
    set_seed(4)
    assert all(a != b for a, b in zip(draw(), first, strict=True))


@pytest.mark.parametrize("seed", [-1, 1.5, "0", True, 2**32, None])
def test_what_is_no_seed_is_refused(seed):
    with pytest.raises(ValueError, match="expected a whole number"):
        set_seed(seed)
