"""Curves and bars: how a training went, how large errors are, how long methods take."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, cast

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from helpers.history import History
from helpers.pictures.colours import BLACK, SERIES, WHITE
from helpers.pictures.figure import Picture, finished, plot_axes, shows_itself

LEGEND: dict[str, Any] = {"fontsize": 8, "frameon": False}


@shows_itself
def curves(
    histories: History | Mapping[str, History], names: Sequence[str] | None = None, *, title: str = "", ylabel: str = ""
) -> Picture:
    """Return curves over the epochs; a circle marks the weights that were kept.

    Args:
        histories: one, or several by name to compare.
        names: what to draw in one plot, such as ["train MPJPE", "MPJPE"]; None draws the loss and, beside it, the first
            metric on training and validation images.
    """
    named = {"": histories} if isinstance(histories, History) else histories
    if not isinstance(named, Mapping) or not named or not all(isinstance(h, History) for h in named.values()):
        raise TypeError("curves takes a History, as fit returns it, or a dict of them by name.")
    metric = next(iter(named.values())).metric
    panels = [list(names)] if names else [["loss"], [f"train {metric}", metric]]
    titles = [""] if names else ["loss while training", f"{metric} after each epoch"]
    figure, axes = plot_axes(len(panels), width=4.5 * len(panels) + 1)
    for axis, panel, above in zip(axes, panels, titles, strict=True):
        _draw_curves(axis, named, panel, strict=names is not None)
        axis.set(xlabel="epoch", ylabel=ylabel if names else "", title=above)
        if len(axis.get_legend_handles_labels()[0]) > 1:
            axis.legend(**LEGEND)
    ended = {name: h for name, h in named.items() if h.best_epoch}
    best = (f"{name} best {metric} {h.best:.3g} in epoch {h.best_epoch} of {len(h)}" for name, h in ended.items())
    drawn = ", ".join(name for panel in panels for name in panel)
    return finished(figure, title, f"curves of {drawn}. {'; '.join(map(str.strip, best))}")


def _draw_curves(axis: Axes, named: Mapping[str, History], wanted: Sequence[str], strict: bool) -> None:
    """Draw the series `wanted` of every history; one that a history lacks is an error only if `strict`."""
    colours = itertools.cycle(SERIES)
    for prefix, history in named.items():
        for name in wanted:
            colour = next(colours)
            if not len(history) or not strict and name.startswith("train ") and not history.train:
                continue
            values = history.series(name)
            style = "--" if name.startswith("train ") else "-"
            label = f"{prefix} {name}".strip()
            axis.plot(range(1, len(values) + 1), values, style, color=colour, marker=".", label=label)
            if name == history.metric and history.best_epoch and history.best is not None:
                axis.plot(history.best_epoch, history.best, "o", ms=10, mfc="none", color=colour)
    axis.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True))
    if wanted == ["loss"] and all(0 < value for history in named.values() for value in history.loss):
        axis.set_yscale("log")
        axis.yaxis.set_major_formatter("{x:g}")
        axis.yaxis.set_minor_formatter("{x:.4g}")
        axis.tick_params(axis="y", which="minor", labelsize=7)
    else:
        low, high = axis.get_ylim()
        axis.set_ylim(min(0, low), high + 0.05 * abs(high))  # so that a first or only epoch is not cut in half


@shows_itself
def bars(values: Mapping[str, float | Mapping[str, float]], *, ylabel: str = "", title: str = "") -> Picture:
    """Return a bar for each value, such as the error of each keypoint.

    Args:
        values: label -> number; or series -> {label -> number}, whose bars stand side by side. NaN leaves a gap.
    """
    if not values:
        raise ValueError("values is empty; expected {label: number}.")
    grouped = all(isinstance(v, Mapping) for v in values.values())
    series = cast("Mapping[str, Mapping[str, float]]", values if grouped else {"": values})
    labels = list(dict.fromkeys(label for numbers in series.values() for label in numbers))
    figure, (axis,) = plot_axes(1, width=max(3.0, 0.42 * len(labels) + 1.5))
    width = 0.8 / len(series)
    for position, (name, numbers) in enumerate(series.items()):
        places = [i + (position - (len(series) - 1) / 2) * width for i in range(len(labels))]
        heights = [float(numbers.get(label, float("nan"))) for label in labels]
        axis.bar(places, heights, width, color=SERIES[position % len(SERIES)], label=name)
    slant: dict[str, Any] = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"} if len(labels) > 4 else {}
    axis.set_xticks(range(len(labels)), labels, fontsize=9, **slant)
    axis.set_ylabel(ylabel)
    if grouped:
        axis.legend(**LEGEND)
    texts = {name: ", ".join(f"{k} {float(v):.3g}" for k, v in numbers.items()) for name, numbers in series.items()}
    text = "; ".join(f"{name} {numbers}".lstrip() for name, numbers in texts.items())
    return finished(figure, title, f"bars of {ylabel or 'values'}: {text}")


@shows_itself
def run_times(times: Mapping[str, Mapping[str, Sequence[float]]], people: Sequence[int], *, title: str = "") -> Picture:
    """Return run times against the number of people, the parts of each method stacked on each other.

    Args:
        times: method -> part, in the order of the work -> milliseconds, one for each of `people`, rising numbers.
    """
    if not times or not all(times.values()):
        raise ValueError("times is empty; expected {method: {part: [milliseconds, ...]}}.")
    for method, parts in times.items():
        for part, values in parts.items():
            if len(values) != len(people):
                raise ValueError(f"{method}, {part} has {len(values)} times for {len(people)} numbers of people.")
    colour_of = dict(zip(dict.fromkeys(part for parts in times.values() for part in parts), itertools.cycle(SERIES)))
    figure, axes = plot_axes(len(times), width=4.2 * len(times) + 0.8)
    tops = [[sum(values) for values in zip(*parts.values(), strict=True)] for parts in times.values()]
    for axis, (method, parts), top in zip(axes, times.items(), tops, strict=True):
        colours = [colour_of[part] for part in parts]
        axis.stackplot(people, *parts.values(), colors=colours, labels=parts, edgecolor=WHITE, linewidth=0.8)
        axis.plot(people, top, color=BLACK, marker="o", ms=4, lw=1.2)
        axis.set(title=method, xlabel="people in the image", ylim=(0, 1.08 * max(map(max, tops))), xticks=list(people))
        axis.legend(fontsize=8, loc="upper left", framealpha=0.85, reverse=True)  # in the stack's order
    axes[0].set_ylabel("milliseconds per image")
    text = "; ".join(
        f"{method} takes {top[0]:.3g} ms with {people[0]} people and {top[-1]:.3g} ms with {people[-1]}"
        for method, top in zip(times, tops, strict=True)
    )
    return finished(figure, title, f"run time against the number of people: {text}")


@shows_itself
def lines(
    x: Sequence[float], values: Mapping[str, Sequence[float]], *, xlabel: str = "", ylabel: str = "", title: str = ""
) -> Picture:
    """Return one curve per method, such as average precision against the number of people.

    `values` have by name one number for each of `x`, which rises; NaN leaves a gap.
    """
    if not values:
        raise ValueError("values is empty; expected {name: [number, ...]}.")
    figure, (axis,) = plot_axes(1, width=5.5)
    for index, (name, numbers) in enumerate(values.items()):
        if len(numbers) != len(x):
            raise ValueError(f"{name} has {len(numbers)} values for {len(x)} places on the x axis.")
        axis.plot(x, numbers, color=SERIES[index % len(SERIES)], marker="os^Dv"[index % 5], label=name)
    axis.set(xlabel=xlabel, ylabel=ylabel, xticks=list(x))
    axis.set_ylim(bottom=min(0, axis.get_ylim()[0]))
    axis.legend(fontsize=9, frameon=False)
    said = "; ".join(f"{name}: {', '.join(f'{float(v):.3g}' for v in numbers)}" for name, numbers in values.items())
    return finished(figure, title, f"{ylabel} against {xlabel} {', '.join(f'{v:g}' for v in x)}: {said}")
