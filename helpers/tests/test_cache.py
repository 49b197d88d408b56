import pytest
import torch

from helpers.data import cache
from helpers.tests.full_disk import full_disk

TENSORS = {"images": torch.arange(24, dtype=torch.uint8).view(2, 3, 4), "keypoints": torch.rand(2, 5)}


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def test_what_is_stored_is_loaded(tmp_path):
    path = cache.store("people", "v1", TENSORS, [tmp_path])
    assert path == tmp_path / "people.safetensors" and same(cache.load("people", "v1", [tmp_path]), TENSORS)
    assert [p.name for p in tmp_path.iterdir()] == ["people.safetensors"]


def test_nothing_stored_is_none_without_a_word(tmp_path, capsys):
    assert cache.load("people", "v1", [tmp_path]) is None and capsys.readouterr().out == ""


def test_another_recipe_is_not_loaded(tmp_path, capsys):
    cache.store("people", "v1", TENSORS, [tmp_path])
    assert cache.load("people", "v2", [tmp_path]) is None and "another version" in capsys.readouterr().out


@pytest.mark.parametrize("harm", ["flip", "cut", "text", "empty", "folder"])
def test_a_damaged_file_is_passed_over_with_a_sentence(tmp_path, capsys, harm):
    path = cache.store("people", "v1", TENSORS, [tmp_path])
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    content = {"flip": bytes(data), "cut": bytes(data[:-8]), "text": b"hello", "empty": b"", "folder": None}[harm]
    path.unlink()
    path.mkdir() if content is None else path.write_bytes(content)
    assert cache.load("people", "v1", [tmp_path]) is None
    assert harm == "folder" or "made again" in capsys.readouterr().out
    if harm != "folder":
        cache.store("people", "v1", TENSORS, [tmp_path])
        assert same(cache.load("people", "v1", [tmp_path]), TENSORS)


def test_the_second_folder_serves_where_the_first_cannot_be_written(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    path = cache.store("people", "v1", TENSORS, [blocked / "cache", tmp_path / "home"])
    assert path.parent == tmp_path / "home" and same(cache.load("people", "v1", [blocked, tmp_path / "home"]), TENSORS)


def test_nowhere_to_write_is_a_sentence(tmp_path, capsys):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    assert cache.store("people", "v1", TENSORS, [blocked / "cache"]) is None
    assert "cannot be kept" in capsys.readouterr().out


def test_a_full_disk_is_a_sentence(tmp_path, capsys):
    with full_disk():
        assert cache.store("people", "v1", {"images": torch.zeros(1000)}, [tmp_path]) is None
    assert "cannot be kept" in capsys.readouterr().out and not list(tmp_path.iterdir())


def test_the_environment_variable_names_the_only_folder(tmp_path, monkeypatch):
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    assert cache.folders() == [tmp_path]
    monkeypatch.delenv(cache.VARIABLE)
    assert cache.folders()[0].parts[-2:] == ("data", "cache") and len(cache.folders()) == 2
