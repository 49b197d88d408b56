"""The builder of photo packs: which people, what the photo site says, the crops and the archive."""

import csv
import datetime
import io
import json
import os
import re
import signal
import subprocess
import sys
import zipfile
from functools import partial

import numpy as np
import pytest
from PIL import Image

from helpers import files
from helpers.data.coco import coco_poses
from helpers.data.pack import photo_pack
from helpers.tests import small_sets
from helpers.tests.photo_packs import PAGES, built, licences_of, small_coco
from helpers.tests.photo_site import number_of, photo, photo_site, said
from helpers.tests.test_files import needs_mounts, wait_for
from tools.photo_pack.__main__ import main
from tools.photo_pack.crops import crops_of
from tools.photo_pack.pages import short
from tools.photo_pack.people import photos_of

TODAY = datetime.datetime.now(datetime.UTC).date().isoformat()
HTML = (200, {"Content-Type": "text/html"}, b"<!DOCTYPE html><title>Log in</title>")


def run(coco, out, site, *words):
    """Build a pack without a pause; return the exit status."""
    return main(["--coco", str(coco), "--out", str(out), "--site", site, "--pause", "0", "--size", "64", *words])


def table(out):
    """Return the rows of ATTRIBUTION.csv, as dictionaries."""
    with zipfile.ZipFile(out) as file:
        return list(csv.DictReader(io.StringIO(file.read("ATTRIBUTION.csv").decode("utf-8-sig"))))


def answering(coco, **other):
    """Return the site's answers for a COCO; `other` by the number of the photo, p3=..., stands instead of one."""
    licences = licences_of(coco)
    return lambda number: other.get(f"p{number - PAGES}") or said(photo(number, licences[number]))


# ---- which photos and people


def test_the_number_of_a_page_in_base_58():
    assert short(2362225867) == "4AK2sc" and short(2341623661) == "4yVr8K"  # as the photo site writes them
    assert all(number_of(short(number)) == number for number in (1, 57, 58, 3364, 6255196340, 10**12))


def test_only_photos_under_these_licences_that_lie_there_are_asked_for(tmp_path):
    coco = small_coco(tmp_path / "coco", 12, licences=(1, 2, 3, 4, 5, 6, 7, 8))
    assert {photo.licence for photo in photos_of(coco, [4, 7])} == {4, 7}
    (coco / "train2017" / "000000000003.jpg").unlink()  # licence 4
    with photo_site(answering(coco)) as (site, asked):
        assert run(coco, tmp_path / "photos.zip", site) == 0
    assert sorted(asked) == [PAGES + 6, PAGES + 11]


@pytest.mark.parametrize(
    ("licence", "why"),
    [(1, "no commercial use"), (2, "no commercial use"), (3, "no changed copies"), (6, "no changed copies"),
     (8, "in the United States only"), (0, "COCO has no licence 0"), (9, "COCO has no licence 9")],
)  # fmt: skip
def test_a_licence_that_allows_no_pack_is_refused_with_the_reason(tmp_path, capsys, licence, why):
    coco = small_coco(tmp_path / "coco", 2, licences=(licence,))
    with photo_site(answering(coco)) as (site, asked):
        assert run(coco, tmp_path / "photos.zip", site, "--licences", "4", str(licence)) == 1
    assert re.search(rf"licence {licence}.*{why}|{why}", capsys.readouterr().err) and asked == []
    assert not (tmp_path / "photos.zip").exists()


def annotation(**more):
    """One person of 12 keypoints in a box of 100 x 120."""
    places = [(30 + 5 * n, 40 + 6 * n, 2) for n in range(12)]
    return small_sets.person(1, 1, places, **({"bbox": [10, 20, 100, 120]} | more))


def test_only_people_that_are_large_enough_with_eight_keypoints_come_in(tmp_path):
    many, few = [(30, 40, 2)] * 7 + [(31, 40, 1)], [(30, 40, 2)] * 7
    kinds = [
        annotation(), small_sets.person(2, 1, many, bbox=[0, 0, 96, 20]), small_sets.person(3, 1, few),
        annotation(bbox=[0, 0, 95, 95]), annotation(iscrowd=1), annotation(area=0.0),
        annotation(bbox=[170, 0, 120, 90]),  # of which 70 pixels are in the photo
    ]  # fmt: skip
    coco = small_coco(tmp_path / "coco", 1)
    path = coco / "annotations" / "person_keypoints_train2017.json"
    content = json.loads(path.read_text())
    people = [person | {"id": number} for number, person in enumerate(kinds)]
    path.write_text(json.dumps(content | {"annotations": people}))
    (found,) = photos_of(coco, [4])
    boxes = [box.flatten().tolist() for _, _, box in found.people]
    assert boxes == [[10, 20, 109, 139], [0, 0, 95, 19]]


def test_a_photo_is_in_one_split_and_val2017_never_for_training(tmp_path):
    coco = small_coco(small_coco(tmp_path / "coco", 200), 40, "val2017")
    found = photos_of(coco, [4])
    splits = {split: [one for one in found if one.split == split] for split in ("train", "val", "test")}
    assert {one.coco.folder.name for one in splits["train"]} == {"train2017"}
    assert 140 <= len(splits["train"]) <= 180 and min(len(splits["val"]), len(splits["test"])) >= 25
    assert len({one.page for one in found}) == 240 and [one.number for one in found] != sorted(
        one.number for one in found
    )


def test_a_larger_pack_holds_the_smaller_one(tmp_path):
    small = built(tmp_path / "a", "--people", "6")
    large = built(tmp_path / "b", "--people", "20")
    photos = [{row["COCO photo"]: row["source"] for row in table(out)} for out in (small, large)]
    assert photos[0].items() < photos[1].items()


@pytest.mark.parametrize(
    ("content", "problem"),
    [("{", "is damaged"), ("[]", "holds a list"), ('{"images": [], "annotations": []}', "has no categories"),
     (b"\xff\xfe{\x00", "is damaged"), (None, "has neither")],
)  # fmt: skip
def test_annotations_that_cannot_be_read_are_named(tmp_path, capsys, content, problem):
    coco = small_coco(tmp_path / "coco", 1)
    path = coco / "annotations" / "person_keypoints_train2017.json"
    path.unlink() if content is None else path.write_bytes(content.encode() if isinstance(content, str) else content)
    assert run(coco, tmp_path / "photos.zip", "http://127.0.0.1:9/") == 1
    said_there = capsys.readouterr().err
    assert problem in said_there and "person_keypoints_train2017.json" in said_there


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_annotations_with_a_mark_are_read(tmp_path, encoding):
    coco = small_coco(tmp_path / "coco", 3)
    path = coco / "annotations" / "person_keypoints_train2017.json"
    path.write_text(path.read_text(), encoding=encoding)
    assert len(photos_of(coco, [4])) == 3


NONSENSE = {
    "no box": {"bbox": None}, "half a box": {"bbox": [1, 2]}, "one keypoint": {"keypoints": [1, 2, 2]},
    "NaN": {"keypoints": [float("nan"), 1, 2] * 17}, "visibility of 7": {"keypoints": [1, 1, 7] * 17},
    "a word": {"area": "large"},
}  # fmt: skip


@pytest.mark.parametrize("harm", NONSENSE.values(), ids=NONSENSE)
def test_an_annotation_that_makes_no_sense_is_no_silent_loss(tmp_path, harm):
    coco = small_coco(tmp_path / "coco", 1)
    path = coco / "annotations" / "person_keypoints_train2017.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"annotations": [annotation(**harm)]}))
    with pytest.raises(ValueError, match=r"person_keypoints_train2017\.json: annotation 1 has "):
        photos_of(coco, [4])


# ---- crops


def one_photo(folder, pixels, *people):
    """Return the photo, as the builder finds it, of a COCO of one photo with these people."""
    coco = small_coco(folder / "coco", 1)
    path = coco / "annotations" / "person_keypoints_train2017.json"
    content = json.loads(path.read_text()) | {"annotations": list(people)}
    height, width = pixels.shape[:2]
    content["images"][0] |= {"height": height, "width": width, "file_name": "x.png"}
    path.write_text(json.dumps(content))
    Image.fromarray(pixels).save(coco / "train2017" / "x.png")
    (found,) = photos_of(coco, [4])
    return found


def test_a_keypoint_is_in_the_exact_place(tmp_path):
    """A box of 120 x 40 pixels from (30, 40): a window of 150 about (90, 60), its corner (15, -15); 128 / 150 as large.

    The pixel (30, 40) has its centre at (30.5, 40.5) in edges: (15.5, 55.5) * 128 / 150 - 0.5.
    """
    pixels = np.zeros((120, 200, 3), np.uint8)
    pixels[40:60, 90:110] = 255
    places = [(30, 40, 2), (99.5, 49.5, 2), *[(60, 50, 2)] * 15]
    (crop,) = crops_of(one_photo(tmp_path, pixels, small_sets.person(1, 1, places, bbox=[30, 40, 120, 40])), 128)
    assert crop.keypoints[0].tolist() == pytest.approx([15.5 * 128 / 150 - 0.5, 55.5 * 128 / 150 - 0.5])
    assert crop.box_xyxy.tolist() == pytest.approx([12.7267, 46.86, 114.2733, 80.14], abs=1e-4)
    image = np.asarray(Image.open(io.BytesIO(crop.jpeg)).convert("L")).astype(float)
    light = np.argwhere(image > 128)[:, ::-1]
    assert light.mean(0).tolist() == pytest.approx(crop.keypoints[1].tolist(), abs=0.5)


def test_keypoints_outside_of_the_crop_are_unknown(tmp_path):
    places = [(90, 60, 2), (90, 60, 1), (0, 0, 0), (14, 60, 2), (166, 60, 2), *[(90, 60, 2)] * 12]
    person = small_sets.person(1, 1, places, bbox=[30, 40, 120, 40])
    (crop,) = crops_of(one_photo(tmp_path, np.zeros((120, 200, 3), np.uint8), person), 128)
    assert crop.visibility.tolist() == [2, 1, 0, 0, 0] + [2] * 12 and not crop.keypoints[2:5].any()


def test_crops_are_those_that_exercises_train_on(tmp_path):
    """The pack holds what `coco_poses` cuts out of the same photos, but for JPEG and a hundredth of a pixel."""
    coco, out = small_coco(tmp_path / "coco", 30), tmp_path / "photos.zip"
    with photo_site(answering(coco)) as (site, _):
        assert run(coco, out, site) == 0
    pack, whole = photo_pack(out, split="train"), coco_poses(coco, "train", (64, 64), progress=False)
    with zipfile.ZipFile(out) as file:
        numbers = json.loads(file.read("train.json"))["photos"]
    rows = [2 * number - 2 + k % 2 for k, number in enumerate(numbers)]  # two people a photo, by its number
    assert len(pack) > 30 and (pack.keypoints - whole.keypoints[rows]).abs().max() < 0.006
    assert (pack.visibility == whole.visibility[rows]).all()
    assert (pack.boxes_xyxy - whole.boxes_xyxy[rows]).abs().max() < 0.006
    assert (pack.images.float() - whole.images[rows].float()).abs().mean() < 3


def test_a_photo_that_is_not_that_of_the_labels_is_left_out_with_a_sentence(tmp_path, capsys):
    coco = small_coco(tmp_path / "coco", 3)
    Image.fromarray(np.zeros((240, 200, 3), np.uint8)).save(coco / "train2017" / "000000000001.jpg")
    (coco / "train2017" / "000000000002.jpg").write_bytes(b"no photo")
    with photo_site(answering(coco)) as (site, _):
        assert run(coco, tmp_path / "photos.zip", site) == 0
    done = capsys.readouterr()
    assert re.search(r"000000000001\.jpg .* It is left out", done.err) and "000000000002.jpg is damaged" in done.err
    assert "left out: 2 damaged" in done.out and [row["COCO photo"] for row in table(tmp_path / "photos.zip")] == ["3"]


# ---- the photo site


def test_what_the_page_says_stands_in_the_table(tmp_path):
    coco = small_coco(tmp_path / "coco", 2, licences=(4, 7))
    with photo_site(answering(coco)) as (site, _):
        assert run(coco, tmp_path / "photos.zip", site) == 0
    rows = {row["COCO photo"]: row for row in table(tmp_path / "photos.zip")}
    one, two = (photo_pack(tmp_path / "photos.zip", split=rows[n]["crops"].split("/")[0]) for n in ("1", "2"))
    assert len(one) >= 2 and len(two) >= 2
    assert rows["1"] == {
        "crops": rows["1"]["crops"], "author": f"Author {(PAGES + 1) % 7}", "title": f"photo {PAGES + 1}",
        "source": f"https://www.flickr.com/photos/someone/{PAGES + 1}/", "licence": "No known copyright restrictions",
        "licence text": "https://www.flickr.com/commons/usage/", "looked up": TODAY, "COCO photo": "1",
        "change": "cut out around one person, 64 x 64 pixels, JPEG of quality 90",
    }  # fmt: skip
    assert rows["2"]["licence"] == "CC BY 2.0" and re.fullmatch(r"(\w+/\d{5}\.jpg ?){2}", rows["2"]["crops"])


def test_photos_that_are_gone_or_under_another_licence_are_dropped(tmp_path, capsys):
    coco = small_coco(tmp_path / "coco", 8)
    other = {
        "p1": (404, {}, b"Not Found"),
        "p2": (410, {}, b""),
        "p3": said(photo(PAGES + 3, 0)),
        "p4": said(photo(PAGES + 4, 2)),
    }
    with photo_site(answering(coco, **other)) as (site, _):
        assert run(coco, tmp_path / "photos.zip", site) == 0
    assert {row["COCO photo"] for row in table(tmp_path / "photos.zip")} == {"5", "6", "7", "8"}
    assert "left out: " in (out := capsys.readouterr().out) and "2 gone" in out and "2 under another licence now" in out


STRANGE = {
    "a login": HTML,
    "no JSON": said("x")[:2] + (b"{",),
    "a list": said([]),
    "another photo": said(photo(17, 4)),
    "no author": said(photo(PAGES + 1, 4, author_name=" ")),
    "no licence": said({key: value for key, value in photo(PAGES + 1, 4).items() if key != "license_id"}),
    "a licence of words": said(photo(PAGES + 1, "CC BY")),
    "a page elsewhere": said(photo(PAGES + 1, 4, web_page=f"javascript:{PAGES + 1}")),
    "private": (401, {}, b"Unauthorized"),
    "a block": (403, {}, b"Forbidden"),
    "a circle": (302, {"Location": f"/services/oembed/?url=https://flic.kr/p/{short(PAGES + 1)}"}, b""),
    "nowhere": (302, {"Location": "http://"}, b""),
    "an application": (302, {"Location": "flickr://photo"}, b""),
    "endless": (200, {}, b"[" + b"0," * 2_000_000),
}


@pytest.mark.parametrize("answer", STRANGE.values(), ids=STRANGE)
def test_an_answer_that_tells_of_no_photo_drops_it_and_is_asked_again_next_time(tmp_path, capsys, answer):
    coco = small_coco(tmp_path / "coco", 3)
    with photo_site(answering(coco, p1=answer)) as (site, asked):
        assert run(coco, tmp_path / "photos.zip", site) == 0
        assert "1 without a clear answer" in capsys.readouterr().out and len(table(tmp_path / "photos.zip")) == 2
    with photo_site(answering(coco)) as (site, asked):
        assert run(coco, tmp_path / "photos.zip", site) == 0
        assert asked == [PAGES + 1] and len(table(tmp_path / "photos.zip")) == 3


def test_a_redirect_is_followed_and_to_a_login_it_is_no_answer(tmp_path, capsys):
    coco = small_coco(tmp_path / "coco", 3)
    normal = answering(coco)
    to_login = (302, {"Location": "/login"}, b"")
    with photo_site(lambda number: HTML if number is None else to_login if number == PAGES + 1 else normal(number)) as (
        site, asked,
    ):  # fmt: skip
        assert run(coco, tmp_path / "photos.zip", site) == 0
    assert None in asked and "1 without a clear answer" in capsys.readouterr().out


@pytest.mark.parametrize("answer", [HTML, (404, {}, b"no such service"), (403, {}, b"")], ids=["login", "404", "403"])
def test_a_site_that_tells_of_no_photo_at_all_ends_it_and_nothing_is_believed(tmp_path, capsys, answer):
    coco = small_coco(tmp_path / "coco", 30)
    with photo_site(lambda number: answer) as (site, asked):
        assert run(coco, tmp_path / "photos.zip", site) == 1 and len(asked) == 10
    assert re.search(r"does not answer as expected: 10 answers in a row.*right address", capsys.readouterr().err)
    with photo_site(answering(coco)) as (site, asked):
        assert run(coco, tmp_path / "photos.zip", site) == 0 and len(asked) == 30


@pytest.mark.parametrize("answer", [(500, {}, b""), (503, {}, b""), (429, {}, b""), (None, {}, b"")], ids=str)
def test_a_site_that_is_busy_is_asked_again_and_a_dead_one_is_a_sentence(tmp_path, capsys, answer):
    coco = small_coco(tmp_path / "coco", 3)
    times, normal = [], answering(coco)

    def busy(number):
        times.append(number)
        return answer if len(times) in (2, 3) else normal(number)

    with photo_site(busy) as (site, _):
        assert run(coco, tmp_path / "photos.zip", site) == 0
    assert len(table(tmp_path / "photos.zip")) == 3 and len(times) == 5 and times[1] == times[2] == times[3]
    (tmp_path / "photos.zip.pages.jsonl").unlink()
    with photo_site(lambda number: answer) as (site, asked):
        assert run(coco, tmp_path / "other.zip", site) == 1 and len(asked) == 4
    assert re.search(
        r"does not answer \(.*\)\. Check the network.*kept in .*other\.zip\.pages\.jsonl", capsys.readouterr().err
    )
    assert not (tmp_path / "other.zip").exists()


def test_no_network_is_a_sentence(tmp_path, capsys):
    coco = small_coco(tmp_path / "coco", 1)
    assert run(coco, tmp_path / "photos.zip", "http://127.0.0.1:9/") == 1
    assert "does not answer (ConnectionError). Check the network" in capsys.readouterr().err


TEXTS = [
    ("two\nlines\r\nand\ttabs", "two lines and tabs"),
    ('=HYPERLINK("http://x","y")', '\'=HYPERLINK("http://x","y")'),
    ("+49 @home", "'+49 @home"),
    ('Äpfel, "Birnen"; 林檎 🍎', 'Äpfel, "Birnen"; 林檎 🍎'),
    ("\u202e\u202dbees\u202c\x00\ufeff", "bees"),
    ("", "(without a title)"),
    ("<script>alert(1)</script>", "<script>alert(1)</script>"),
    ("\ud800 half a sign", "half a sign"),
]


@pytest.mark.parametrize(("text", "cell"), TEXTS, ids=[repr(text) for text, _ in TEXTS])
def test_odd_titles_and_names_are_one_cell_of_one_line(tmp_path, text, cell):
    coco = small_coco(tmp_path / "coco", 1)
    answer = said(photo(PAGES + 1, 4, title=text, author_name=text or "x"))
    with photo_site(lambda number: answer) as (site, _):
        assert run(coco, tmp_path / "photos.zip", site) == 0
    (row,) = table(tmp_path / "photos.zip")
    assert row["title"] == cell and row["author"] == (cell if text else "x")
    with zipfile.ZipFile(tmp_path / "photos.zip") as file:
        assert len(file.read("ATTRIBUTION.csv").splitlines()) == 2


def test_the_site_is_asked_one_at_a_time_with_a_pause(tmp_path):
    import time

    coco, times = small_coco(tmp_path / "coco", 4), []
    normal = answering(coco)

    def timed(number):
        times.append(time.monotonic())
        return normal(number)

    with photo_site(timed) as (site, _):
        assert run(coco, tmp_path / "photos.zip", site, "--pause", "0.2") == 0
    assert np.diff(times).min() >= 0.19


def test_no_page_is_asked_for_twice(tmp_path):
    coco, out = small_coco(tmp_path / "coco", 6), tmp_path / "photos.zip"
    with photo_site(answering(coco, p4=(404, {}, b""))) as (site, asked):
        assert run(coco, out, site, "--people", "4") == 0
        first = len(asked)
        assert run(coco, out, site) == 0
        assert first < 6 and len(asked) == len(set(asked)) == 6


def test_an_interrupted_build_goes_on_where_it_was(tmp_path):
    coco, out = small_coco(tmp_path / "coco", 12), tmp_path / "photos.zip"
    with photo_site(answering(coco)) as (site, asked):
        words = ["--coco", str(coco), "--out", str(out), "--site", site, "--size", "64", "--pause"]
        line = [sys.executable, "-m", "tools.photo_pack", *words]
        heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # who runs tests in the background ignores it
        running = subprocess.Popen([*line, "0.3"], cwd=files.ROOT, stderr=subprocess.PIPE, text=True, preexec_fn=heard)
        try:
            wait_for(lambda: len(asked) > 3, 300)  # importing torch takes its time on a busy machine
        finally:
            running.send_signal(signal.SIGINT)
            said_there = running.communicate(timeout=60)[1]
        assert running.returncode == 1 and "Interrupted. What was looked up is kept in" in said_there
        assert not out.exists() and 3 <= len(asked) < 12
        with (tmp_path / "photos.zip.pages.jsonl").open("a") as file:
            file.write('{"number": 17, "looked')  # a build that was killed in the middle of a line
        assert main([*words, "0"]) == 0
        assert len(asked) <= 13 and len(set(asked)) == 12  # at most one was on its way
    assert len(table(out)) == 12
    assert all(line.startswith('{"number"') for line in (tmp_path / "photos.zip.pages.jsonl").read_text().splitlines())


# ---- the archive


def test_the_same_photos_and_pages_give_the_same_bytes(tmp_path):
    coco, pages = small_coco(small_coco(tmp_path / "coco", 6), 3, "val2017"), tmp_path / "pages.jsonl"
    for out in ("a.zip", "b.zip"):
        with photo_site(answering(coco)) as (site, asked):
            assert run(coco, tmp_path / out, site, "--pages", str(pages)) == 0
    assert asked == [] and (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    line = (tmp_path / "b.zip.sha256").read_text()
    assert line == f"{files.checksum(tmp_path / 'b.zip')}  b.zip\n"
    assert subprocess.run(["sha256sum", "-c", "b.zip.sha256"], cwd=tmp_path, capture_output=True).returncode == 0


def test_the_pack_says_what_it_is(tmp_path):
    coco = small_coco(tmp_path / "coco", 4, licences=(4, 5))
    with photo_site(answering(coco)) as (site, _):
        assert run(coco, tmp_path / "without.zip", site) == 0
        assert run(coco, tmp_path / "with.zip", site, "--licences", "4", "5", "7") == 0
    texts = [zipfile.ZipFile(tmp_path / name).read("README.txt").decode() for name in ("without.zip", "with.zip")]
    assert "4 people of 2 photos" in texts[0] and "8 people of 4 photos" in texts[1]
    assert "themselves under CC BY-SA 2.0" not in texts[0] and "themselves under CC BY-SA 2.0" in texts[1]
    assert all("CC BY 2.0 (https://creativecommons.org/licenses/by/2.0/)" in text for text in texts)


def test_as_many_people_as_asked_for_and_no_photo_of_nobody(tmp_path, capsys):
    coco, out = small_coco(tmp_path / "coco", 6), tmp_path / "photos.zip"
    with photo_site(answering(coco)) as (site, asked):
        assert run(coco, out, site, "--people", "5") == 0 and len(asked) == 3
    assert "5 people of 3 photos" in capsys.readouterr().out and len(table(out)) == 3
    with zipfile.ZipFile(out) as file:
        assert sum(name.endswith(".jpg") for name in file.namelist()) == 5


def test_a_pack_that_is_there_stays_where_none_can_be_built(tmp_path, capsys):
    coco, out = small_coco(tmp_path / "coco", 2), tmp_path / "photos.zip"
    out.write_text("the old one")
    gone = {f"p{number}": (404, {}, b"") for number in (1, 2)}
    with photo_site(answering(coco, **gone)) as (site, _):
        assert run(coco, out, site) == 1
    assert (
        "none of 2 photos may come into a pack: 2 gone" in capsys.readouterr().err and out.read_text() == "the old one"
    )


@needs_mounts
def test_a_full_disk_is_a_sentence_and_leaves_no_half_pack(tmp_path):
    coco, pages, small = small_coco(tmp_path / "coco", 12), tmp_path / "pages.jsonl", tmp_path / "small"
    small.mkdir()
    with photo_site(answering(coco)) as (site, _):
        words = ["--coco", coco, "--out", small / "photos.zip", "--site", site, "--pause", "0", "--pages", pages]
        line = " ".join(map(str, [sys.executable, "-m", "tools.photo_pack", *words]))
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", f"mount -t tmpfs -o size=20k none {small} && {line}; ls -A {small}"],
            cwd=files.ROOT, capture_output=True, text=True, timeout=120,
            env={**os.environ, "PYTHONPATH": str(files.ROOT)},
        )  # fmt: skip
    assert "No pack was built: [Errno 28] No space left on device" in done.stderr and "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("words", [["--people", "0"], ["--size", "8"], ["--size", "5000"], ["--pause", "-1"]], ids=str)
def test_what_makes_no_sense_is_refused_at_once(tmp_path, words):
    with pytest.raises(SystemExit):
        run(tmp_path, tmp_path / "photos.zip", "http://127.0.0.1:9/", *words)


# ---- the samples of COCO


@pytest.mark.parametrize(("sample", "people"), [("coco-mini", 17), ("tiny-coco", 8)])
def test_the_samples_of_coco_make_a_pack(tmp_path, sample, people):
    coco = small_sets.SHARED / sample
    if not coco.is_dir():
        pytest.skip(f"no COCO sample in {coco}")
    with photo_site(lambda number: said(photo(number, licences[number]))) as (site, _):
        licences = licences_of(coco)
        assert main(["--coco", str(coco), "--out", str(tmp_path / "p.zip"), "--site", site, "--pause", "0"]) == 0
    sets = [photo_pack(tmp_path / "p.zip", split=split) for split in ("train", "val", "test")]
    assert sum(map(len, sets)) == people and 4_000 < (tmp_path / "p.zip").stat().st_size / people < 10_000
    above = [data.keypoints[:, 5:7, 1].mean() < data.keypoints[:, 11:13, 1].mean() for data in sets]
    assert all(above)  # shoulders above hips
