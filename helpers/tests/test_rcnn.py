import hashlib
import socket

import pytest
import torch
from torch import nn
from torchvision.models.detection import keypointrcnn_resnet50_fpn, maskrcnn_resnet50_fpn
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone

from helpers.models import rcnn
from helpers.models.rcnn import WeightsUnavailable, detected_people, find_people, load_keypoint_rcnn, load_mask_rcnn

FEW = {
    "min_size": 64,
    "max_size": 96,
    "rpn_pre_nms_top_n_test": 50,
    "rpn_post_nms_top_n_test": 4,
    "box_score_thresh": 0.0,
    "box_detections_per_img": 3,
}


@pytest.mark.parametrize(
    ("ours", "torchvisions"),
    [(rcnn.keypoint_rcnn, keypointrcnn_resnet50_fpn), (rcnn.mask_rcnn, maskrcnn_resnet50_fpn)],
    ids=["keypoint", "mask"],
)
def test_the_networks_are_those_that_torchvisions_weights_fit(ours, torchvisions):
    with torch.device("meta"):  # shapes without numbers
        mine = ours().state_dict()
        theirs = torchvisions(weights=None, weights_backbone=None).state_dict()
    counters = {name for name in theirs if name.endswith("num_batches_tracked")}  # frozen batch norms have none
    assert {n: t.shape for n, t in mine.items()} == {n: t.shape for n, t in theirs.items() if n not in counters}
    with torch.device("meta"):
        frozen = [module for module in ours().modules() if type(module).__name__ == "FrozenBatchNorm2d"]
    assert len(frozen) == 53 and all(module.eps == 0 for module in frozen)


@pytest.mark.parametrize(
    ("build", "part", "shape"),
    [(rcnn.keypoint_rcnn, "keypoints", (17, 3)), (rcnn.mask_rcnn, "masks", (40, 56))],
    ids=["keypoint", "mask"],
)
def test_people_have_the_shapes_of_the_course(monkeypatch, build, part, shape):
    light = resnet_fpn_backbone(backbone_name="resnet18", weights=None)  # the real one takes seconds to make
    monkeypatch.setattr(rcnn, "_backbone", lambda: light)
    torch.manual_seed(0)
    model = build(**FEW).eval()
    found = find_people(model, [torch.rand(3, 40, 56), torch.rand(3, 56, 40)], threshold=0.0)
    count = len(found[0]["scores"])
    assert len(found) == 2 and set(found[0]) == {"boxes", "scores", part}
    assert found[0]["boxes"].shape == (count, 4) and found[0][part].shape == (count, *shape)
    if part == "keypoints":
        assert count and ((found[0][part][..., 2] > 0) & (found[0][part][..., 2] <= 1)).all()


def output() -> dict[str, torch.Tensor]:
    """Four finds, as torchvision says them: a person, a dog, an unlikely person, a surer person."""
    heights = torch.tensor([[2.0, 30, -200], [9, 9, 9], [9, 9, 9], [2, 2, 2]])
    masks = torch.zeros(4, 1, 6, 8)
    masks[0, 0, 2, 3], masks[3, 0, :, :4] = 0.6, 0.4
    masks[3, 0, 1:3, 5] = 1.0
    return {
        "boxes": torch.arange(16.0).view(4, 4),
        "labels": torch.tensor([1, 18, 1, 1]),
        "scores": torch.tensor([0.8, 0.99, 0.5, 0.9]),
        "keypoints": torch.arange(36.0).view(4, 3, 3),
        "keypoints_scores": heights,
        "masks": masks,
    }


def test_only_people_above_the_threshold_stay_the_surest_first():
    people = detected_people(output(), threshold=0.5)
    assert people["scores"].tolist() == pytest.approx([0.9, 0.8])
    assert people["boxes"].tolist() == [[12, 13, 14, 15], [0, 1, 2, 3]]
    assert detected_people(output(), threshold=0.4)["scores"].tolist() == pytest.approx([0.9, 0.8, 0.5])


def test_a_keypoint_score_is_a_number_between_0_and_1():
    """Height 2 counts half, 30 wholly, -200 hardly; all times the person's score."""
    surest, person = detected_people(output(), threshold=0.5)["keypoints"]
    assert surest[:, 2].tolist() == pytest.approx([0.45] * 3)
    assert person[:, 2].tolist() == pytest.approx([0.4, 0.8, 0], abs=1e-4) and (person[:, 2] > 0).all()
    assert person[:, :2].tolist() == [[0, 1], [3, 4], [6, 7]]


def test_a_mask_is_where_it_is_more_likely_than_not():
    masks = detected_people(output(), threshold=0.5)["masks"]
    assert masks.dtype == torch.bool and masks.shape == (2, 6, 8)
    assert masks[0].nonzero().tolist() == [[1, 5], [2, 5]] and masks[1].nonzero().tolist() == [[2, 3]]


def test_nobody_found_is_empty():
    people = detected_people(output(), threshold=0.95)
    shapes = {name: tuple(tensor.shape) for name, tensor in people.items()}
    assert shapes == {"boxes": (0, 4), "scores": (0,), "keypoints": (0, 3, 3), "masks": (0, 6, 8)}


def test_what_is_no_image_is_refused():
    with pytest.raises(ValueError, match=r"images\[0\] has shape \(32, 32\)"):
        find_people(nn.Identity(), torch.rand(3, 32, 32))
    with pytest.raises(TypeError, match="uint8; expected float32"):
        find_people(nn.Identity(), torch.zeros(1, 3, 32, 32, dtype=torch.uint8))


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Networks of one layer, so that files are small, and an empty cache of torch; gives the folder of the files."""
    monkeypatch.setattr(rcnn, "keypoint_rcnn", lambda **_: nn.Linear(2, 3))
    monkeypatch.setattr(rcnn, "mask_rcnn", lambda **_: nn.Linear(2, 3))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "torch" / "hub" / "checkpoints"


def weights_file(folder, layer=None) -> str:
    """Write weights into `folder`, and return the name of the file, which ends with its checksum."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.save((layer or nn.Linear(2, 3)).state_dict(), folder / "new.pth")
    name = f"net-{hashlib.sha256((folder / 'new.pth').read_bytes()).hexdigest()[:8]}.pth"
    (folder / "new.pth").rename(folder / name)
    return name


def load_from(monkeypatch, load, url: str) -> nn.Module:
    """Load what lies at another address than PyTorch's."""
    monkeypatch.setattr(rcnn, "KEYPOINT_RCNN", url)
    monkeypatch.setattr(rcnn, "MASK_RCNN", url)
    return load()


LOADERS = pytest.mark.parametrize("load", [load_keypoint_rcnn, load_mask_rcnn], ids=["keypoint", "mask"])


@LOADERS
def test_weights_are_downloaded_once(small, monkeypatch, server, load):
    address, folder = server
    layer = nn.Linear(2, 3)
    name, patience = weights_file(folder, layer), socket.getdefaulttimeout()
    model = load_from(monkeypatch, load, f"{address}/{name}")
    assert torch.equal(model.weight, layer.weight) and not model.training
    assert [path.name for path in small.iterdir()] == [name]
    (folder / name).unlink()
    assert (
        torch.equal(load_from(monkeypatch, load, f"{address}/{name}").bias, layer.bias)
        and socket.getdefaulttimeout() == patience
    )


@LOADERS
def test_a_file_with_another_checksum_is_not_kept(small, monkeypatch, server, load):
    address, folder = server
    (folder / weights_file(folder)).rename(folder / "net-01234567.pth")
    with pytest.raises(WeightsUnavailable, match="COCO weights are not on this machine .*invalid hash value"):
        load_from(monkeypatch, load, f"{address}/net-01234567.pth")
    assert list(small.iterdir()) == []


def test_a_damaged_file_in_the_cache_is_named(small, monkeypatch):
    name = weights_file(small)
    (small / name).write_bytes((small / name).read_bytes()[:-9])
    with pytest.raises(WeightsUnavailable, match=f"(?s){name} is damaged .*Delete it"):
        load_from(monkeypatch, load_mask_rcnn, f"http://127.0.0.1:9/{name}")


@pytest.mark.parametrize("content", [b"hello", b""], ids=["text", "empty"])
def test_a_file_that_holds_no_weights_is_refused(small, monkeypatch, content):
    small.mkdir(parents=True)
    name = f"net-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    (small / name).write_bytes(content)
    with pytest.raises(WeightsUnavailable, match=f"(?s){name} is damaged .*Delete it"):
        load_from(monkeypatch, load_mask_rcnn, f"http://127.0.0.1:9/{name}")


@pytest.mark.parametrize(
    "layer", [nn.Linear(4, 3), nn.Conv2d(1, 1, 1), nn.BatchNorm1d(3)], ids=["size", "axes", "names"]
)
def test_weights_of_another_network_are_refused(small, monkeypatch, layer):
    name = weights_file(small, layer)
    with pytest.raises(WeightsUnavailable, match="other weights than Keypoint R-CNN's: .*for Linear"):
        load_from(monkeypatch, load_keypoint_rcnn, f"http://127.0.0.1:9/{name}")


@LOADERS
def test_without_a_network_it_is_said_what_to_do(small, monkeypatch, load):
    def refuse(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with pytest.raises(
        WeightsUnavailable, match=r"Connect to a network .*or put https://.*rcnn_resnet50_fpn_coco-.*pth"
    ):
        load()
    assert list(small.iterdir()) == []
