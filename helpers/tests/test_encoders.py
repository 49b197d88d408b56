import pytest
import torch
from torch import nn

from helpers import Segmenter, SmallEncoder, small_encoder
from helpers.models.encoders import pad_or_crop


class Nearest(nn.Module):
    """The plainest decoder: the first map, each pixel four times."""

    def forward(self, features):
        return features[0].repeat_interleave(2, -1).repeat_interleave(2, -2)


@pytest.mark.parametrize("channels", [(5, 6, 7), (8, 4, 8, 16), (4, 4, 8, 8, 8)], ids=len)
@pytest.mark.parametrize(("batch", "height", "width"), [(1, 64, 96), (3, 32, 32)])
def test_the_maps_have_the_channels_and_strides_that_it_tells(channels, batch, height, width):
    encoder = SmallEncoder(channels).eval()
    maps = encoder(torch.rand(batch, 3, height, width))
    assert encoder.out_channels == list(channels) and encoder.stride == [2, 4, 8, 16, 32][: len(channels)]
    assert [tuple(m.shape) for m in maps] == [
        (batch, c, height // s, width // s) for c, s in zip(channels, encoder.stride, strict=True)
    ]


def test_odd_sizes_are_rounded_up():
    """45 rows become 23, 12, 6 and 3; 31 columns 16, 8, 4 and 2."""
    maps = small_encoder().eval()(torch.rand(1, 3, 45, 31))
    assert [tuple(m.shape[2:]) for m in maps] == [(23, 16), (12, 8), (6, 4), (3, 2)]


def test_the_default_has_four_stages_and_trains_everywhere():
    encoder = small_encoder()
    encoder(torch.rand(2, 3, 32, 48))[-1].sum().backward()  # the deepest map alone reaches every weight
    assert encoder.stride == [2, 4, 8, 16] and all(p.grad is not None for p in encoder.parameters())
    assert sum(p.numel() for p in encoder.parameters()) < 5e5


def test_what_are_no_images_or_channels_is_refused():
    with pytest.raises(ValueError, match=r"shape \(3, 32, 32\).*batch axis"):
        small_encoder()(torch.rand(3, 32, 32))
    with pytest.raises(TypeError, match="uint8; expected float"):
        small_encoder()(torch.zeros(1, 3, 32, 32, dtype=torch.uint8))
    for channels in ((), (8, 0)):
        with pytest.raises(ValueError, match="out_channels is"):
            SmallEncoder(channels)


@pytest.mark.parametrize("size", [(32, 48), (45, 31), (1, 2)], ids=str)
def test_logits_have_the_size_of_the_images(size):
    model = Segmenter(SmallEncoder((6, 8)), Nearest()).eval()
    assert model(torch.rand(2, 3, *size)).shape == (2, 6, *size)


def test_the_last_row_and_column_are_cut_off():
    """Of an image of 3 x 5 the first map has 2 x 3 pixels, the logits 4 x 6: the first 3 x 5 are left."""
    model = Segmenter(SmallEncoder((4,)), Nearest()).eval()
    images = torch.rand(1, 3, 3, 5)
    assert torch.equal(model(images), Nearest()(model.encoder(images))[:, :, :3, :5])


def test_encoder_and_decoder_are_parts_that_are_trained():
    model = Segmenter(small_encoder(), nn.Identity())
    assert set(dict(model.named_children())) == {"encoder", "decoder"}
    assert len(list(model.parameters())) == len(list(model.encoder.parameters())) > 0


def test_a_decoder_of_another_size_is_refused():
    class Deepest(nn.Module):
        def forward(self, features):
            return features[-1]

    with pytest.raises(ValueError, match=r"returned \(1, 8, 8, 8\) for features of 16 x 16 .* \(B, C, 32, 32\)"):
        Segmenter(SmallEncoder((4, 8)), Deepest())(torch.rand(1, 3, 32, 32))
    with pytest.raises(ValueError, match="returned a list"):
        Segmenter(SmallEncoder((4, 8)), nn.Identity())(torch.rand(1, 3, 32, 32))
    with pytest.raises(TypeError, match="decoder is a type; .*call the class"):
        Segmenter(small_encoder(), Nearest)


@pytest.mark.parametrize(
    ("before", "size", "after"),
    [
        pytest.param([1.0, 2, 3], 2, [2, 3], id="one-too-many"),
        pytest.param([1.0, 2, 3, 4], 2, [2, 3], id="two-too-many"),
        pytest.param([1.0, 2], 3, [1, 2, 0], id="one-missing"),
        pytest.param([1.0, 2], 4, [0, 1, 2, 0], id="two-missing"),
        pytest.param([1.0, 2], 2, [1, 2], id="fits"),
    ],
)
def test_rows_and_columns_are_fitted_about_the_centre(before, size, after):
    row = torch.tensor(before).view(1, 1, 1, -1)
    assert pad_or_crop(row, (1, size)).flatten().tolist() == after
    assert pad_or_crop(row.transpose(2, 3), (size, 1)).flatten().tolist() == after


def test_gradients_flow_and_both_axes_are_their_own():
    maps = torch.randn(2, 3, 5, 8, requires_grad=True)
    fitted = pad_or_crop(maps, (6, 7))
    assert fitted.shape == (2, 3, 6, 7)
    fitted.sum().backward()
    assert maps.grad[..., 0].eq(0).all() and maps.grad[..., 1:].eq(1).all()


def test_what_is_no_size_or_no_map_is_refused():
    with pytest.raises(ValueError, match=r"size is \(0, 4\); expected \(H, W\)"):
        pad_or_crop(torch.zeros(1, 1, 2, 2), (0, 4))
    with pytest.raises(ValueError, match=r"maps has shape \(2, 2\); expected \(B, C, H, W\)"):
        pad_or_crop(torch.zeros(2, 2), (4, 4))
