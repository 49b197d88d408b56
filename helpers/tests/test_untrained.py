"""The check of a trained network builds and loads as grading does: no pretrained weights, the same limits and names."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import helpers.models.backbones as backbones
from helpers import load_weights, save_weights
from helpers.checks.engine.limits import WEIGHTS_MB
from helpers.checks.probes.untrained import built_untrained
from helpers.checks.probes.weights import WEIGHTS_HINTS, with_weights
from helpers.models.efficientnet import pretrainable_backbone


def net():
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))


@pytest.fixture
def offline(monkeypatch):
    """Let everything that looks up an address fail at once."""

    def fails(*arguments, **options):
        raise OSError("no network here")

    monkeypatch.setattr("socket.getaddrinfo", fails)


@pytest.mark.parametrize(
    "build",
    [
        lambda models: models.resnet18(weights="DEFAULT"),
        lambda models: models.resnet18(weights=models.ResNet18_Weights.IMAGENET1K_V1, progress=False),
        lambda models: torch.hub.load("pytorch/vision:v0.10.0", "resnet18", weights="DEFAULT", trust_repo=True),
        lambda models: models.segmentation.lraspp_mobilenet_v3_large(weights="DEFAULT"),
        lambda models: models.densenet121(weights="DEFAULT"),
        lambda models: pretrainable_backbone(pretrained=True),
    ],
    ids=["default", "enum", "hub", "segmentation", "densenet", "own"],
)
def test_a_pretrained_builder_builds_the_same_network_without_weights(offline, tmp_path, monkeypatch, build):
    from torchvision import models

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with built_untrained():
        names = build(models).state_dict()
    assert len(names) > 50
    with pytest.raises((OSError, RuntimeError)):
        models.resnet18(weights="DEFAULT")  # afterwards everything is as it was
    assert torch.load.__module__ == "torch.serialization"


def test_what_pretrained_weights_decide_about_the_network_is_kept(offline):
    from torchvision import models

    with built_untrained():
        assert models.segmentation.fcn_resnet50(weights="DEFAULT").aux_classifier is not None
        assert models.resnet18(weights="DEFAULT").fc.out_features == 1000


def test_code_that_would_be_downloaded_is_refused_in_the_notebook_too():
    with built_untrained(), pytest.raises(RuntimeError, match="not there in grading.*torchvision"):
        torch.hub.load("facebookresearch/dinov2", "dinov2_vits14")


@pytest.mark.parametrize("make", [pretrainable_backbone, backbones.fine_backbone])
def test_the_starts_that_the_course_brings_make_way_for_the_weights_file(tmp_path, make):
    trained = make(pretrained=False)
    path = save_weights(trained, tmp_path / "a.safetensors")
    found = with_weights(lambda: make(pretrained=True), str(path))
    assert all(torch.equal(a, b) for a, b in zip(found.parameters(), trained.parameters(), strict=True))


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module."])
def test_names_of_a_compiled_or_parallel_network_fit(tmp_path, prefix):
    from safetensors.torch import save_file

    trained = net()
    save_file({prefix + name: one for name, one in trained.state_dict().items()}, tmp_path / "a.safetensors")
    assert torch.equal(with_weights(net, str(tmp_path / "a.safetensors"))[0].weight, trained[0].weight)


def test_a_wrapped_network_takes_plain_names(tmp_path):
    path = save_weights(net(), tmp_path / "a.safetensors")
    assert isinstance(with_weights(lambda: nn.DataParallel(net()), str(path)), nn.Module)


def test_a_part_that_is_called_module_is_none_of_that(tmp_path):
    def build():
        made = nn.Module()
        made.a, made.module = nn.Linear(2, 3), nn.Module()
        made.module.a = nn.Linear(2, 4)
        return made

    path = save_weights(build(), tmp_path / "a.safetensors")
    assert with_weights(build, str(path)).module.a.out_features == 4


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "empty_weights"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 7\n", "pointer_weights"),
        (b"hello", "damaged_weights"),
        (bytes((WEIGHTS_MB << 20) + 1), "large_weights"),
    ],
    ids=["empty", "pointer", "damaged", "large"],
)
def test_each_file_that_is_none_has_its_own_hint(tmp_path, monkeypatch, content, problem):
    (tmp_path / "a.safetensors").write_bytes(content)
    assert with_weights(net, str(tmp_path / "a.safetensors"))["problem"] == problem and problem in WEIGHTS_HINTS
    if problem == "large_weights":  # the grader has a limit of its own
        monkeypatch.setenv("DEEP_LEARNING_LAB_GRADING", "1")
        assert with_weights(net, str(tmp_path / "a.safetensors"))["problem"] == "damaged_weights"


def test_another_networks_weights_are_said_to_be_that(tmp_path):
    save_file({}, tmp_path / "none.safetensors")
    assert with_weights(net, str(tmp_path / "none.safetensors"))["problem"] == "other_weights"
    path = save_weights(nn.Linear(2, 2), tmp_path / "a.safetensors")
    found = with_weights(net, str(path))
    assert found["problem"] == "other_weights" and "are of another model" in found["message"]
    with pytest.raises(ValueError, match="another model"):
        load_weights(net(), path)


def test_the_check_says_where_build_model_hands_out_one_network(capsys, tmp_path):
    from helpers.checks.networks.trained import PoseModel

    class OneGuess(nn.Module):
        def __init__(self):
            super().__init__()
            self.pose = nn.Parameter(torch.full((17, 2), 64.0))

        def forward(self, images):
            return self.pose.expand(len(images), -1, -1)

    class OfTwo(PoseModel):
        def validation(self):
            from helpers.data.rendered import rendered_people

            return rendered_people("test", 2, progress=False)

    trained, question = OneGuess(), OfTwo("ex01_pose_regression", ((21.0, 2),))
    path = str(save_weights(trained, tmp_path / "a.safetensors"))
    question.check(OneGuess, path)
    assert "note" not in capsys.readouterr().out
    question.check(lambda: trained, path)
    assert "gives one and the same network each time" in capsys.readouterr().out
