import os

import pytest
import torch
from torch import nn

from helpers import load_weights, save_weights
from helpers.tests.full_disk import full_disk
from helpers.training.weights import read_tensors


def net(width=4):
    return nn.Sequential(nn.Linear(3, width), nn.BatchNorm1d(width))


def test_what_is_saved_is_loaded(tmp_path):
    first, second = net(), net()
    path = save_weights(first, tmp_path / "a.safetensors", metric="MPJPE", value=3.5)
    assert load_weights(second, path) is second
    own = second.state_dict()
    assert all(torch.equal(tensor, own[name]) for name, tensor in first.state_dict().items())
    assert read_tensors(path)[1] == {"metric": "MPJPE", "value": "3.5"} and list(tmp_path.iterdir()) == [path]


def test_shared_and_transposed_weights_are_saved_too(tmp_path):
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    model[1].weight = model[0].weight
    model[0].weight.data = model[0].weight.data.t()
    again = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    load_weights(again, save_weights(model, tmp_path / "a.safetensors"))
    assert torch.equal(again[0].weight, model[0].weight) and torch.equal(again[1].weight, model[0].weight)


def test_weights_of_another_shape_change_nothing_and_say_what_differs(tmp_path):
    path, other = save_weights(net(4), tmp_path / "a.safetensors"), net(5)
    before = other[0].weight.clone()
    with pytest.raises(ValueError, match=r"0.weight is \(4, 3\), the model's \(5, 3\).* and 2 more"):
        load_weights(other, path)
    assert torch.equal(other[0].weight, before)


def test_weights_of_other_names_are_listed(tmp_path):
    path = save_weights(nn.Sequential(nn.Linear(3, 4)), tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match="1.weight is missing"):
        load_weights(net(), path)
    with pytest.raises(ValueError, match="0.weight is unknown to the model"):
        load_weights(nn.ReLU(), path)


def test_a_missing_file_says_what_to_run(tmp_path):
    with pytest.raises(FileNotFoundError, match="no weights file .*Run the cell that trains"):
        load_weights(net(), tmp_path / "a.safetensors")


@pytest.mark.parametrize("content", [b"", b"hello", b"\xff" * 100], ids=["empty", "text", "huge-header"])
def test_a_damaged_file_is_said_to_be_one(tmp_path, content):
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="not a readable safetensors file"):
        load_weights(net(), path)


def test_a_pickle_is_refused_by_its_name_and_by_its_content(tmp_path):
    torch.save(net().state_dict(), tmp_path / "a.pt")
    with pytest.raises(ValueError, match="a pickle .* can run code"):
        load_weights(net(), tmp_path / "a.pt")
    os.rename(tmp_path / "a.pt", tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match="not a readable safetensors file"):
        load_weights(net(), tmp_path / "a.safetensors")


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(OSError, match="nowhere.* cannot be written"):
        save_weights(net(), tmp_path / "nowhere" / "a.safetensors")


def test_a_full_disk_leaves_the_old_file_and_says_so(tmp_path):
    path = save_weights(net(), tmp_path / "a.safetensors")
    before = path.read_bytes()
    with full_disk(), pytest.raises(OSError, match="a.safetensors cannot be written .* is the disk full"):
        save_weights(net(1000), path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]
