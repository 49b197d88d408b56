import pytest
import torch
from safetensors import safe_open

from helpers.models import backbones, efficientnet
from helpers.models.backbones import fine_backbone, small_backbone
from helpers.models.efficientnet import pretrainable_backbone
from helpers.people.poses import DATA
from tools.bake_backbone import chosen, notes_on
from tools.take_trunk import take_weights


@pytest.mark.parametrize(
    "make",
    [small_backbone, lambda: small_backbone(12), fine_backbone, pretrainable_backbone],
    ids=["small", "small-12", "fine", "lite0"],
)
@pytest.mark.parametrize(("batch", "height", "width"), [(1, 64, 96), (3, 32, 32)])
def test_the_map_has_the_channels_and_stride_that_it_tells(make, batch, height, width):
    backbone = make().eval()
    out = backbone(torch.rand(batch, 3, height, width))
    assert out.shape == (batch, backbone.out_channels, height // backbone.stride, width // backbone.stride)


def test_the_default_has_stride_8_and_trains_everywhere():
    backbone = small_backbone()
    backbone(torch.rand(2, 3, 32, 24)).sum().backward()
    assert backbone.stride == 8 and all(p.grad is not None for p in backbone.parameters())
    assert sum(p.numel() for p in backbone.parameters()) < 1e6


def test_the_fine_backbone_has_stride_4_and_trains_everywhere():
    backbone = fine_backbone()
    backbone(torch.rand(2, 3, 32, 48)).sum().backward()
    assert backbone.stride == 4 and all(p.grad is not None for p in backbone.parameters())
    with pytest.raises(ValueError, match="divisible by 16"):
        backbone(torch.rand(1, 3, 40, 48))


@pytest.mark.parametrize("make", [small_backbone, fine_backbone, pretrainable_backbone], ids=["small", "fine", "lite0"])
def test_what_are_no_images_is_refused(make):
    with pytest.raises(ValueError, match=r"shape \(3, 32, 32\).*batch axis"):
        make()(torch.rand(3, 32, 32))
    with pytest.raises(TypeError, match="uint8; expected float"):
        make()(torch.zeros(1, 3, 32, 32, dtype=torch.uint8))
    for few in (small_backbone, fine_backbone):
        with pytest.raises(ValueError, match="out_channels is 0"):
            few(0)


def test_lite0_pads_like_tensorflow():
    """Stride 2, kernel 3, size 4: one pixel of padding, at the end. Sums of [1 2 3] and [3 4 0] of a row 1 2 3 4."""
    conv = efficientnet.Conv(1, 1, (1, 3), (1, 2), bias=False)
    conv.weight.data.fill_(1)
    assert conv(torch.tensor([[[[1.0, 2, 3, 4]]]])).flatten().tolist() == [6, 7]
    assert conv(torch.tensor([[[[1.0, 2, 3]]]])).flatten().tolist() == [3, 5]  # odd: one pixel on either side


def test_lite0_takes_the_files_weights_in_their_order():
    net = efficientnet.efficientnet_lite0()
    tensors = {f"file.{name}": torch.full_like(tensor, 2) for name, tensor in net.state_dict().items()}
    take_weights(net, tensors | {"classifier": torch.ones(3)})
    assert all((tensor == 2).all() for tensor in net.state_dict().values())
    with pytest.raises(ValueError, match="other weights than EfficientNet-Lite0's, first at 0.weight"):
        take_weights(net, {"a": torch.zeros(1)})


def test_the_trunk_is_that_of_a_trained_network():
    """An edge stands out where ImageNet has taught to look: not where nothing was learned."""
    trained, fresh = pretrainable_backbone(True).eval(), pretrainable_backbone(False).eval()
    assert trained.name == fresh.name == "EfficientNet-Lite0"
    edges = torch.zeros(1, 3, 64, 64)
    edges[..., 32:] = 1
    assert not torch.allclose(trained(edges), fresh(edges), atol=0.1)
    assert all(p.dtype == torch.float32 for p in trained.parameters())


@pytest.mark.parametrize("name", ["efficientnet_lite0", "fine_backbone"])
def test_what_is_shipped_is_small_and_says_where_it_is_from(name):
    path = DATA / f"{name}.safetensors"
    with safe_open(path, "pt") as file:
        assert set(file.metadata()) & {"notice", "made_by"}
    assert path.stat().st_size < 2e6


def test_the_baked_backbone_can_be_baked_again():
    """Its file says with which seed and settings, and they are what the tool takes by itself."""
    with safe_open(DATA / "fine_backbone.safetensors", "pt") as file:
        notes = file.metadata()
    assert notes == {key: str(value) for key, value in notes_on(chosen([])).items()}


def test_the_baked_backbone_needs_its_own_shapes():
    assert torch.equal(*(next(fine_backbone(pretrained=True).parameters()) for _ in range(2)))
    with pytest.raises(ValueError, match="(?s)fine_backbone.safetensors do not fit, or are damaged: .*mix4"):
        fine_backbone(12, pretrained=True)


def test_a_missing_or_damaged_start_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr(backbones, "DATA", tmp_path)
    with pytest.raises(FileNotFoundError, match="efficientnet_lite0.safetensors is missing.*unpack its bundle again"):
        pretrainable_backbone(pretrained=True)
    (tmp_path / "fine_backbone.safetensors").write_bytes(b"half a fi")
    with pytest.raises(ValueError, match="do not fit, or are damaged"):
        fine_backbone(pretrained=True)
