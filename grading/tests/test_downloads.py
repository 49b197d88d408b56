"""What a name in a download of Moodle or Canvas says; each name is written as these systems write it."""

from __future__ import annotations

import unicodedata

import pytest

from grading.plugin.downloads import Download, canvas_name, moodle_name, read_name

MOODLE = {
    "Ada Lovelace_123456_assignsubmission_file/toy.ipynb": ("Ada Lovelace", "123456", "toy.ipynb"),
    "Ada Lovelace_123456_assignsubmission_file_/toy.ipynb": ("Ada Lovelace", "123456", "toy.ipynb"),
    "Ada Lovelace_123456_assignsubmission_file_toy.ipynb": ("Ada Lovelace", "123456", "toy.ipynb"),
    "CV-Exercise 1-77/Jörg Müller-Lüd_9_assignsubmission_file/a/b.ipynb": ("Jörg Müller-Lüd", "9", "a/b.ipynb"),
    "Zoë ONeill_8_assignsubmission_onlinetext/onlinetext.html": ("Zoë ONeill", "8", "onlinetext.html"),
    "Participant_8_assignsubmission_file_my_toy_2.ipynb": ("Participant", "8", "my_toy_2.ipynb"),
    "Default group_assignsubmission_file/toy.ipynb": ("Default group", "", "toy.ipynb"),
    "Eve_1_assignsubmission_file_Ada_2_assignsubmission_file_toy.ipynb": (
        "Eve", "1", "Ada_2_assignsubmission_file_toy.ipynb",
    ),
    "Eve_1_assignsubmission_file/lovelaceada_12_34_toy.ipynb": ("Eve", "1", "lovelaceada_12_34_toy.ipynb"),
}  # fmt: skip
CANVAS = {
    "lovelaceada_12345_67890_toy.ipynb": ("lovelaceada", "12345", "toy.ipynb", False, 67890),
    "lovelaceada_LATE_12345_67890_toy-2.ipynb": ("lovelaceada", "12345", "toy-2.ipynb", True, 67890),
    "submissions/müllerlüdjörg_9_10_toy.safetensors": ("müllerlüdjörg", "9", "toy.safetensors", False, 10),
    "anon_aB3dE_67890_toy.ipynb": ("", "anon_aB3dE", "toy.ipynb", False, 67890),
    "LATE_anon_aB3dE_67890_toy.ipynb": ("", "anon_aB3dE", "toy.ipynb", True, 67890),
    "eve_1_2_Ada_2_assignsubmission_file_toy.ipynb": ("eve", "1", "Ada_2_assignsubmission_file_toy.ipynb", False, 2),
}
NO_NAMES = (
    "toy.ipynb", "ada/toy.ipynb", "Ada Lovelace_123456_assignsubmission_file", "ada_12_toy.ipynb", "ada_12_text.html",
    "ws_2024_2025_cv/toy.ipynb", "lovelaceada_twelve_34_toy.ipynb", "_assignsubmission_file/toy.ipynb", "12_34_",
)  # fmt: skip


@pytest.mark.parametrize(("path", "said"), MOODLE.items())
def test_moodles_names(path, said):
    assert read_name(path) == Download("Moodle", *said)
    assert read_name(unicodedata.normalize("NFD", path)) == Download("Moodle", *said)  # as a Mac unpacks them


@pytest.mark.parametrize(("path", "said"), CANVAS.items())
def test_canvas_names(path, said):
    assert read_name(path) == Download("Canvas", *said)


@pytest.mark.parametrize("path", NO_NAMES)
def test_no_other_name_tells_a_student(path):
    assert read_name(path) is None


def test_a_name_that_fits_two_users_is_doubtful():
    found = read_name("x_777_555_9999_toy.ipynb")
    assert (found.number, found.file, found.doubtful) == ("777", "9999_toy.ipynb", True)
    assert not read_name("x_777_555_2toys.ipynb").doubtful


AGAIN = {
    "toy-2.ipynb": "toy.ipynb",
    "Toy-1.tar.gz": "Toy.tar.gz",
    "toy-3f2b8c1d-0000-4000-8000-123456789abc.ipynb": "toy.ipynb",
    "toy.ipynb": "toy.ipynb",
    "toy-a.ipynb": "toy-a.ipynb",
    "notes-2.ipynb": "notes-2.ipynb",
    "toy-2": "toy-2",
}


@pytest.mark.parametrize(("file", "called"), AGAIN.items())
def test_the_number_of_a_second_upload_is_no_part_of_the_exercises_file(file, called):
    assert Download("Canvas", "ada", "1", file).called("toy") == called
    assert Download("Moodle", "Ada", "1", file).called("toy") == file


def test_names_are_compared_as_the_systems_clean_them():
    assert moodle_name("Zoë  O'Neill") == "zoë oneill" == moodle_name(unicodedata.normalize("NFD", "ZOË ONeill"))
    assert canvas_name("Müller-Lüd", "Jörg") == "müllerlüdjörg" and canvas_name("O'Neill", "Zoë A.") == "oneillzoëa"
