"""The gallery: rendered people, with a slider for each thing that makes a pose hard to see."""

from __future__ import annotations

from helpers import pictures
from helpers.notebook import in_notebook
from helpers.people import MAX_PEOPLE, SceneSettings, render_scene
from helpers.pictures.figure import Picture

SCENES = 8


def gallery_picture(
    seed: int = 0, people: int = 1, poses: bool = True, size: tuple[int, int] = (144, 144), **knobs
) -> Picture:
    """Return a grid of rendered scenes.

    Args:
        seed: which scenes.
        people: how many in each, 1 to 30.
        poses: draw the keypoints and limbs.
        knobs: crowding, occlusion, truncation, scale, appearance; see `helpers.people.SceneSettings`.
    """
    settings = SceneSettings(size=size, people=(people, people), **knobs)
    scenes = [render_scene(seed, index, settings) for index in range(SCENES)]
    words = ", ".join(f"{name} {value}" for name, value in {"people": people, **knobs}.items())
    return pictures.scene_grid(scenes, poses=poses, title=words, show=False)


def people_gallery() -> None:
    """Show rendered scenes and, where the notebook has widgets, the sliders that change them.

    The picture is ordinary output: it stays in the saved notebook, where sliders do not work.
    """
    if not in_notebook():
        print("The gallery shows itself in notebooks; gallery_picture().save('gallery.png') keeps its picture.")
        return
    from IPython.display import HTML, display

    try:
        sliders = _sliders()
    except ImportError:
        display(HTML(gallery_picture().html()))
        print("With ipywidgets (pip install ipywidgets) the gallery has sliders.")
        return

    def picture() -> HTML:
        return HTML(gallery_picture(**{name: slider.value for name, slider in sliders.items()}).html())

    _show_in_rows(list(sliders.values()))
    handle = display(picture(), display_id=True)
    for slider in sliders.values():
        slider.observe(lambda _: handle.update(picture()), names="value")


def _sliders() -> dict[str, object]:
    """Return one widget for each argument of `gallery_picture`, at the defaults of the exercises."""
    import ipywidgets

    default = SceneSettings()
    about = {"continuous_update": False, "style": {"description_width": "80px"}}

    def share(name: str) -> ipywidgets.FloatSlider:
        return ipywidgets.FloatSlider(value=getattr(default, name), min=0, max=1, step=0.05, description=name, **about)

    return {
        "people": ipywidgets.IntSlider(value=1, min=1, max=min(8, MAX_PEOPLE), description="people", **about),
        "crowding": share("crowding"),
        "occlusion": share("occlusion"),
        "truncation": share("truncation"),
        "scale": ipywidgets.FloatRangeSlider(
            value=default.scale, min=0.1, max=1.3, step=0.05, description="scale", **about
        ),
        "appearance": share("appearance"),
        "seed": ipywidgets.IntSlider(value=0, min=0, max=99, description="seed", **about),
        "poses": ipywidgets.Checkbox(value=True, description="poses"),
    }


def _show_in_rows(widgets: list, columns: int = 3) -> None:
    import ipywidgets
    from IPython.display import display

    rows = [widgets[i : i + columns] for i in range(0, len(widgets), columns)]
    display(ipywidgets.VBox([ipywidgets.HBox(row) for row in rows]))
