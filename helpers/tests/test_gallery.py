"""The gallery and the live curve in a real IPython kernel's shell, without a front end."""

import subprocess
import sys

from helpers.pictures.gallery import gallery_picture, people_gallery

KERNEL = """
import sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.kernel = object()  # what Jupyter's shell has and a terminal's has not
shown = []
shell.display_pub.publish = lambda data, metadata=None, **k: shown.append((data, k.get("update", False)))
"""


def in_kernel(code: str) -> str:
    run = subprocess.run([sys.executable, "-c", KERNEL + code], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_the_picture_names_its_knobs():
    picture = gallery_picture(people=2, size=(48, 48), occlusion=0.5)
    assert picture.alt == "people 2, occlusion 0.5: 8 rendered scenes with 16 people"


def test_outside_a_notebook_it_says_what_to_do(capsys, tmp_path, monkeypatch):
    people_gallery()
    told = capsys.readouterr().out.partition("; ")[2].removesuffix(" keeps its picture.\n")
    monkeypatch.chdir(tmp_path)
    exec(f"import helpers\n{told}", {})  # as a student would
    assert (tmp_path / "gallery.png").is_file()


def test_a_moved_slider_draws_the_picture_anew():
    out = in_kernel("""
import ipywidgets, helpers
from helpers import gallery
gallery.SCENES = 2
sliders = gallery._sliders()
gallery._sliders = lambda: sliders
helpers.people_gallery()
before = [data for data, update in shown if "text/html" in data]
sliders["people"].value = 2
after = [data["text/html"] for data, update in shown if update]
print(len(before), len(after), "people 2" in after[0], "2 rendered scenes with 4 people" in after[0])
""")
    assert out.split() == ["1", "1", "True", "True"]


def test_without_widgets_it_is_a_picture():
    out = in_kernel("""
sys.modules["ipywidgets"] = None
import helpers
from helpers import gallery
gallery.SCENES = 2
helpers.people_gallery()
print(sum("<img" in data.get("text/html", "") for data, _ in shown))
""")
    assert out.split()[-1] == "1" and "pip install ipywidgets" in out


def test_a_picture_shows_itself_once():
    out = in_kernel("""
from helpers import pictures
picture = pictures.bars({"a": 1})
picture._ipython_display_()  # what a cell does with its last line
pictures.bars({"b": 1}, show=False)
print(len(shown), "<img" in shown[0][0]["text/html"])
""")
    assert out.split() == ["1", "True"]


def test_curves_grow_in_one_place_while_training():
    out = in_kernel("""
from helpers import set_seed
from helpers.tests.test_training import Net, TRAIN, VAL, QUIET, fit
set_seed(0)
fit(Net(), TRAIN, VAL, **QUIET | {"progress": True}, epochs=3)
images = [update for data, update in shown if "curves of loss" in data.get("text/html", "")]
print(images)
""")
    assert out.strip().endswith("[False, True]")  # drawn after the second epoch, and at the end with all three


def test_one_epoch_is_no_curve():
    out = in_kernel("""
from helpers.tests.test_training import Net, TRAIN, VAL, QUIET, fit
history = fit(Net(), TRAIN, VAL, **QUIET | {"progress": True}, epochs=1)
print(len(history), sum("curves of loss" in data.get("text/html", "") for data, _ in shown))
""")
    assert out.strip().endswith("1 0")
