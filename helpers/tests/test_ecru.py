import pytest
import torch
import torch.nn.functional as F

from helpers import Ecru


def torchs(features, indices, output_size):
    """torch's own unpooling, whose size must be told."""
    return F.max_unpool2d(features, indices, 2, output_size=output_size)


@pytest.mark.parametrize("size", [(32, 48), (45, 31), (16, 17)], ids=str)
@pytest.mark.parametrize("batch", [1, 3])
def test_logits_have_the_size_of_the_images(size, batch):
    assert Ecru(5, torchs, width=4).eval()(torch.rand(batch, 3, *size)).shape == (batch, 5, *size)


def test_each_step_up_gets_the_indices_of_its_size():
    asked = []

    def noted(features, indices, output_size):
        asked.append((tuple(features.shape), indices.dtype, tuple(indices.shape), output_size))
        return torchs(features, indices, output_size)

    Ecru(5, noted, width=4).eval()(torch.rand(1, 3, 45, 31))
    sizes = [(45, 31), (22, 15), (11, 7), (5, 3), (2, 1)]
    assert asked == [
        ((1, 4 * 2**k, *sizes[k + 1]), torch.int64, (1, 4 * 2**k, *sizes[k + 1]), sizes[k]) for k in (3, 2, 1, 0)
    ]


def test_it_is_trained_through_the_unpooling():
    model = Ecru(5, torchs, width=4)
    model(torch.rand(2, 3, 32, 48)).square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.down[0].parameters() if p.ndim == 4)
    assert sum(p.numel() for p in Ecru(6, torchs).parameters()) < 5e5


def test_the_unpooling_makes_a_difference():
    """Where the values are put decides on the result: at index 0 of each plane, all of them, it is another."""
    torch.manual_seed(0)
    model, images = Ecru(5, torchs, width=4), torch.rand(2, 3, 32, 32)
    right = model(images)  # in training mode: before a batch norm has seen data it hides the deep stages in eval mode
    model.unpool = lambda features, indices, size: torchs(features, torch.zeros_like(indices), size)
    assert not torch.allclose(model(images), right, atol=1e-3)


def test_unpooling_is_asked_in_float32_where_training_is_less_precise():
    """A student's function is promised float32 or float64."""
    dtypes = []

    def noted(features, indices, output_size):
        dtypes.append(features.dtype)
        return torchs(features, indices, output_size)

    with torch.autocast("cpu", torch.bfloat16):
        assert Ecru(5, noted, width=4)(torch.rand(1, 3, 32, 32)).dtype == torch.bfloat16
    assert dtypes == [torch.float32] * 4


def test_what_cannot_be_used_is_refused():
    with pytest.raises(ValueError, match="num_classes is 0"):
        Ecru(0, torchs)
    with pytest.raises(TypeError, match="unpool is a str; expected a function"):
        Ecru(5, "max")
    with pytest.raises(ValueError, match="batch axis"):
        Ecru(5, torchs)(torch.rand(3, 32, 32))
    with pytest.raises(ValueError, match=r"15 x 32 pixels; each side needs 16 or more"):
        Ecru(5, torchs)(torch.rand(1, 3, 15, 32))
