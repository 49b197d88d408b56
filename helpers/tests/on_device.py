"""Models, losses, targets, augmentations, sets and metrics on the make-believe GPU: as on the CPU, without a look.

`test_on_device.py` runs this file in a process of its own.
"""

import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import helpers
from helpers.data import augment, rendered
from helpers.metrics.boxes import box_f1, box_precision, box_recall
from helpers.metrics.indirect import class_agreement, mean_error
from helpers.models import bottom_up, detection, scoremaps, top_down
from helpers.models.efficientnet import efficientnet_lite0
from helpers.tests import make_believe
from helpers.tests.steps import Steps, on_the_device
from helpers.tests.stick_people import stick_people
from helpers.training import loop
from helpers.training.speed import Precision, pick_device

GPU = "gpu"
POSES = stick_people(12, (32, 48))
CROWD = rendered.rendered_crowds("val", 4, cache=False, progress=False)
MASKS = rendered.rendered_segmentation("val", 4, cache=False, progress=False)


def fields_of(keypoints, visible, limbs, size, width):
    """Return fields of the right shape; what they hold does not matter here."""
    return keypoints.new_ones(len(keypoints), len(limbs), 2, *size)


MAPS = bottom_up.with_maps(CROWD, fields_of, progress=False)


@pytest.fixture(autouse=True)
def seen():
    with make_believe.accelerator() as seen:
        yield seen


def near(tree):
    """Return a tree of tensors on the CPU."""
    if isinstance(tree, dict):
        return {name: near(part) for name, part in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [near(part) for part in tree]
    return tree.detach().cpu() if isinstance(tree, torch.Tensor) else tree


def there(tree):
    """Return a tree of tensors on the device, and nothing that was sent counted."""
    return {name: part.to(GPU) for name, part in tree.items()} if isinstance(tree, dict) else tree.to(GPU)


def alike(a, b):
    a, b = near(a), near(b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(alike(a[name], b[name]) for name in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(alike, a, b))
    return torch.allclose(a, b, rtol=1e-4, atol=1e-5, equal_nan=True) if isinstance(a, torch.Tensor) else a == b


# The device itself.


def test_tensors_of_both_devices_do_not_meet():
    x = torch.ones(3).to(GPU)
    assert (x + 1).device.type == GPU and (x + torch.tensor(1.0)).device.type == GPU  # a number travels along
    for wrong in (lambda: x + torch.ones(3), lambda: F.linear(torch.ones(1, 3), x[None]), lambda: torch.ones(3)[x > 0]):
        with pytest.raises(RuntimeError, match="same device"):
            wrong()
    with pytest.raises(TypeError, match="numpy"):
        np.asarray(x)


LOOKS = {
    "item": lambda x: x.sum().item(),
    "if": lambda x: bool((x > 0).all()),
    "mask": lambda x: x[x > 0],
    "mask put": lambda x: x.__setitem__(x > 0, torch.ones(3, device=GPU)),
    "nonzero": lambda x: x.nonzero(),
    "equal": lambda x: torch.equal(x, x),
    "tolist": lambda x: x.tolist(),
    "cpu": lambda x: x.cpu(),
    "inverse": lambda x: torch.linalg.inv(torch.eye(2, device=GPU)),
    "bincount": lambda x: x.long().bincount(),
}


@pytest.mark.parametrize("name", LOOKS)
def test_a_look_is_counted_once_with_its_line(name, seen):
    x = torch.ones(3).to(GPU)
    LOOKS[name](x)
    assert sum(seen.looks.values()) == 1 and "on_device.py" in next(iter(seen.looks))


def test_work_on_the_device_is_no_look(seen):
    x = torch.ones(4, 3, device=GPU)
    x[:2] += torch.where(x[:2] > 0, x[:2].flip(-1), 0)
    x.sort().values.cumsum(0).clamp_(max=2).gather(1, torch.zeros(4, 1, dtype=torch.long, device=GPU))
    assert seen.totals() == {"looks": 0, "sent": 0, "brought": 0, "waits": 0}


def test_copies_are_counted_and_those_that_wait(seen):
    x = torch.ones(3, device=GPU)
    torch.ones(3).to(GPU)
    torch.tensor(1.0, device=GPU)
    x[[2, 0]]
    torch.where(x > 0, x, torch.tensor(1.0))  # torch sends that number by itself; it takes 1.0 along
    torch.where(x > 0, x, 1.0)
    assert seen.totals() == {"looks": 0, "sent": 4, "brought": 0, "waits": 4}
    torch.ones(3).pin_memory().to(GPU, non_blocking=True)
    torch.ones(3, device=GPU).to("cpu", non_blocking=True)
    assert seen.totals() == {"looks": 0, "sent": 5, "brought": 1, "waits": 4}


@pytest.mark.parametrize("how", [{"fused": True}, {"foreach": True}, {"foreach": False}], ids=str)
def test_steps_there_are_steps_here(how, seen):
    """Convolution, batch norm, grid_sample, autograd and AdamW: the weights after three steps."""
    trained = []
    for place in ("cpu", GPU):
        torch.manual_seed(0)
        net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Conv2d(4, 2, 1)).to(place)
        optimizer = torch.optim.AdamW(net.parameters(), 1e-2, **how)
        images, grid = torch.rand(2, 3, 8, 8).to(place), 2 * torch.rand(2, 5, 5, 2).to(place) - 1
        before = seen.totals()
        for _ in range(3):
            loss = F.grid_sample(net(images), grid, align_corners=False).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        looks = seen.totals()["looks"] - before["looks"]
        assert not looks or how == {"foreach": False}
        trained.append(net.state_dict())
    assert alike(*trained)


# Models and losses.

IMAGES = torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(0))


def unpooled(features, indices, size):
    planes = features.new_zeros(*features.shape[:2], size[0] * size[1])
    return planes.scatter(2, indices.flatten(2), features.flatten(2)).view(*features.shape[:2], *size)


class Lastly(nn.Module):
    """A decoder that looks at the deepest map alone."""

    def __init__(self, channels):
        super().__init__()
        self.classify = nn.Conv2d(channels, 3, 1)

    def forward(self, features):
        size = [2 * side for side in features[0].shape[-2:]]
        return F.interpolate(self.classify(features[-1]), size=size, mode="bilinear")


MODELS = {
    "SmallBackbone": helpers.small_backbone,
    "FineBackbone": helpers.fine_backbone,
    "SmallEncoder": helpers.small_encoder,
    "EfficientNet-Lite0": efficientnet_lite0,
    "StackedHourglass": lambda: scoremaps.StackedHourglass(5),
    "PersonDetector": helpers.PersonDetector,
    "BottomUp": lambda: helpers.BottomUp(helpers.fine_backbone(), None, None),
    "Segmenter": lambda: helpers.Segmenter(helpers.small_encoder(), Lastly(96)),
    "Ecru": lambda: helpers.Ecru(4, unpooled),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_answers_there_as_here(name, seen):
    torch.manual_seed(0)
    model = MODELS[name]().train()
    images = IMAGES if name != "StackedHourglass" else IMAGES[..., :64]
    with torch.no_grad():
        here = model.eval()(images)
    model, images = model.to(GPU), images.to(GPU)
    before = seen.totals()
    output = model(images)
    parts = output.values() if isinstance(output, dict) else output if isinstance(output, (list, tuple)) else [output]
    sum(part.square().mean() for part in parts).backward()
    assert seen.totals() == before and alike(here, output)
    assert all(p.grad is None or p.grad.device.type == GPU for p in model.parameters())


def detector_output(batch):
    torch.manual_seed(1)
    maps = torch.randn(len(batch["images"]), 5, 12, 16)
    return {"centres": maps[:, :1], "sizes": maps[:, 1:3] / 4, "offsets": maps[:, 3:]}


def map_output(batch):
    torch.manual_seed(1)
    return {name: torch.randn(batch[name].shape) for name in ("scoremaps", "fields", "offsets")}


def pose_output(batch):
    torch.manual_seed(1)
    return batch["keypoints"] + torch.randn(batch["keypoints"].shape), torch.randn(len(batch["images"]), 17, 8, 12)


LOSSES = {
    "detection_loss": (detection.detection_loss, CROWD, detector_output),
    "field_loss": (bottom_up.field_loss, MAPS, map_output),
    "pose_loss": (top_down.pose_loss, POSES, pose_output),
    "map_cross_entropy": (lambda o, b: scoremaps.map_cross_entropy(o, b["images"]), POSES, lambda b: b["images"] * 3),
    "map_divergence": (lambda o, b: scoremaps.map_divergence(o, b["images"]), POSES, lambda b: b["images"] * 3),
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_the_same_there_without_a_look(name, seen):
    loss, data, output_for = LOSSES[name]
    batch = data.batch()
    output = output_for(batch)
    here = loss(output, batch)
    far = [part.to(GPU) for part in output] if isinstance(output, tuple) else there(output)
    batch = there(batch)
    before = seen.totals()
    value = loss(far, batch)
    assert seen.totals() == before and alike(here, value) and here.isfinite()


# Augmentation and targets.

AUGMENTED = {
    "pose": (augment.pose(POSES.skeleton), POSES),
    "segmentation": (augment.segmentation(warped=0.5), MASKS),
    "maps": (augment.maps(MAPS.skeleton), MAPS),
    "detection": (detection.augment(), CROWD),
}


@pytest.mark.parametrize("name", AUGMENTED)
def test_augmentation_there_is_that_here_with_two_copies_at_most(name, seen):
    change, data = AUGMENTED[name]
    batch = data.batch()
    far = there(batch)
    for seed in range(2):  # at first, constants are sent
        torch.manual_seed(seed)
        here = change(batch)
        torch.manual_seed(seed)
        before = seen.totals()
        changed = change(far)
    now = seen.totals()
    assert now["looks"] == before["looks"] and now["waits"] == before["waits"]
    assert now["sent"] - before["sent"] <= 2 and alike(here, changed)
    assert alike(far, data.batch())  # what it was given stays


def test_targets_are_drawn_there(seen):
    keypoints, visible = CROWD.keypoints / 4, CROWD.visible
    for draw in (bottom_up.target_heatmaps, bottom_up.offsets_to):
        here, far = draw(keypoints, visible, (24, 32)), (keypoints.to(GPU), visible.to(GPU))
        before = seen.totals()
        drawn = draw(*far, (24, 32))
        assert seen.totals() == before and alike(here, drawn)


# Sets and metrics.


def crops(images, boxes, size):
    """Stands in for the exercise's: each crop is the corner of its image."""
    counts = torch.tensor([len(b) for b in boxes])
    cut = images[..., : size[0], : size[1]].repeat_interleave(counts.to(images.device), dim=0)
    return cut, torch.eye(2, 3, device=images.device).expand(len(cut), 2, 3)


@pytest.mark.parametrize("data", [POSES, MASKS, CROWD, MAPS], ids=lambda data: type(data).__name__)
def test_a_set_moves_and_its_batches_are_made_there(data, seen):
    far = data.to(GPU)
    fields = {field.name: getattr(far, field.name) for field in dataclasses.fields(far)}
    assert all(part.device.type == GPU for part in fields.values() if isinstance(part, torch.Tensor))
    assert far.images.dtype is torch.uint8 and len(far) == len(data)
    before = seen.totals()
    made = list(helpers.batches(far, 3, GPU, shuffle=True, generator=torch.Generator().manual_seed(0)))
    here = list(helpers.batches(data, 3, shuffle=True, generator=torch.Generator().manual_seed(0)))
    assert alike(here, made) and made[0]["images"].device.type == GPU
    assert seen.totals()["sent"] - before["sent"] == 1  # the order of the epoch
    assert alike(far[[1, 0]].images, data[[1, 0]].images) and repr(far) == repr(data)


def test_what_sets_tell_there_is_what_they_tell_here():
    assert alike(POSES.to(GPU).mean_pose(), POSES.mean_pose())
    assert MASKS.to(GPU).class_shares() == MASKS.class_shares()
    far, here = (top_down.person_crops(data, crops, (64, 48), shaken=0.1) for data in (CROWD.to(GPU), CROWD))
    assert alike(far.images, here.images) and alike(far.keypoints, here.keypoints)
    far = bottom_up.with_maps(CROWD.to(GPU), fields_of, progress=False)
    assert alike(far.targets["scoremaps"], MAPS.targets["scoremaps"])
    torso = POSES.skeleton.torso_length
    assert alike(torso(POSES.keypoints.to(GPU), POSES.visible.to(GPU)), torso(POSES.keypoints, POSES.visible))


def test_metrics_count_there_as_here():
    """With tensors of the device, and what was found there."""
    boxes = [(b + 3, torch.linspace(1, 0.5, len(b))) for b in CROWD.boxes_xyxy]
    far = [(b.to(GPU), s.to(GPU)) for b, s in boxes]
    for metric in (box_recall, box_precision, box_f1):
        assert metric(far, CROWD.to(GPU)) == metric(boxes, CROWD) > 0
    people = [F.pad(k + 1, (0, 1), value=1.0) for k in CROWD.keypoints]
    far = [one.to(GPU) for one in people]
    assert helpers.average_precision(far, CROWD.to(GPU)) == helpers.average_precision(people, CROWD)
    pose = POSES.keypoints + 1, POSES.keypoints, POSES.visible
    assert alike(mean_error(*(part.to(GPU) for part in pose)), mean_error(*pose))
    masks = MASKS.masks.long().roll(2, -1) % 6, MASKS.masks.long()
    for metric in (class_agreement, helpers.boundary_score):
        assert metric(*(part.to(GPU) for part in masks), 6) == pytest.approx(metric(*masks, 6))
    output = detector_output(CROWD.batch())
    for far, here in zip(detection.detections(there(output), 0.9), detection.detections(output, 0.9), strict=True):
        assert alike(far, here)
    assert detection.box_f1_metric(there(output), there(CROWD.batch())) == detection.box_f1_metric(
        output, CROWD.batch()
    )
    scores = torch.randn(2, 17, 8, 12)
    assert alike(top_down.certainty(scores.to(GPU)), top_down.certainty(scores))


# Training.


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 4, 8, stride=8), nn.Linear(4 * 4 * 6, 34)

    def forward(self, images):
        return 16 + self.head(self.conv(images).flatten(1)).view(-1, 17, 2)


def loss(output, batch):
    apart = (output - batch["keypoints"]).abs().sum(-1)
    return torch.where(batch["visible"], apart, 0).sum() / batch["visible"].sum()


def trained(**options):
    torch.manual_seed(0)
    net = Net()
    usual = {"loss": loss, "metrics": {"loss": loss}, "epochs": 2, "batch_size": 4, "progress": False}
    return net, helpers.fit(net, POSES, POSES[:4], **usual | options)


def test_fit_there_is_fit_here_and_the_model_comes_home(tmp_path):
    with on_the_device(100):
        assert helpers.predict(Net(), POSES).device.type == "cpu"
    here, history = trained(device="cpu")
    far, there_too = trained(device=GPU, save_to=tmp_path / "net.safetensors")
    assert alike(here.state_dict(), far.state_dict()) and {p.device.type for p in far.parameters()} == {"cpu"}
    assert history.val["loss"] == pytest.approx(there_too.val["loss"], rel=1e-4)
    assert alike(helpers.load_weights(Net(), tmp_path / "net.safetensors").state_dict(), far.state_dict())


def test_no_step_looks(seen, monkeypatch):
    monkeypatch.setattr(loop, "LOOK_EVERY", float("inf"))  # the look that is allowed twice a second
    with Steps(seen) as steps:
        trained(device=GPU, augment=augment.pose(POSES.skeleton), epochs=6)
    report = steps.report()
    assert report["steps"] == 18 and not any(report["looks"].values()) and not any(report["waits"].values())
    assert sum(report["sent"].values()) <= 2 + 1 / 3  # and the order of each epoch, of three steps here


def test_a_scaled_loss_is_not_looked_at_either(seen):
    with Steps(seen) as steps:
        here, far = (trained(device=place, precision=Precision("float16")) for place in ("cpu", GPU))
    assert not any(steps.report()["looks"].values()) and far[1].loss[-1] == pytest.approx(here[1].loss[-1], rel=0.05)


def test_a_loss_that_is_not_finite_is_found(monkeypatch):
    with pytest.raises(FloatingPointError, match="loss is nan"):
        trained(device=GPU, loss=lambda o, b: loss(o, b) * float("nan"))


def test_a_metric_that_knows_the_cpu_alone_is_called_there():
    _, history = trained(device=GPU, metrics={"numpy": lambda o, b: np.abs(o.numpy() - b["keypoints"].numpy()).max()})
    assert len(history.val["numpy"]) == 2 and history.val["numpy"][0] > 0
    with pytest.raises(TypeError, match="broken"):
        trained(device=GPU, metrics={"broken": lambda o, b: [].nothing if o is None else int("x") if o is b else None})


def test_threads_of_the_cpu_are_left_alone_while_a_gpu_trains():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        counts = []
        trained(device=GPU, max_seconds=60, augment=lambda batch: counts.append(torch.get_num_threads()) or batch)
        assert set(counts) == {2}
    finally:
        torch.set_num_threads(before)


def test_a_set_of_ones_own_trains_from_where_it_is():
    class Own:
        images, name, image_size = POSES.images, "own", POSES.image_size

        def __len__(self):
            return len(POSES)

        def __getitem__(self, index):
            return self

        def batch(self, index=slice(None), device="cpu"):
            return POSES.batch(index, device)

    torch.manual_seed(0)
    net = Net()
    options = {"loss": loss, "metrics": {"loss": loss}, "epochs": 1, "batch_size": 4, "progress": False}
    assert len(helpers.fit(net, Own(), Own(), device=GPU, **options)) == 1


def test_the_device_can_be_asked_for():
    assert pick_device(GPU).type == GPU
