"""The look of all pictures of scores."""

from pathlib import Path
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from components.core.base.files import whole_file
from components.core.data.bootstrap import Values

STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 10.0,
    "axes.titlesize": 10.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.dpi": 150.0,
    "savefig.dpi": 150.0,
}
"""For `matplotlib.rc_context`."""

GRID = "#e5e5e5"
ZERO_LINE = "#888888"

_FEWEST_IN_BOX = 5  # the quartiles of fewer values are guesses


def save(figure: Figure, path: Path) -> None:
    """Write the whole figure or nothing; the suffix of `path` decides the format."""
    with whole_file(path) as partial:
        figure.savefig(partial)


def draw_distribution(
    panel: Axes, place: int, values: Values, colour: str, orientation: Literal["vertical", "horizontal"]
) -> None:
    """Draw the scores of one system at `place`: one dot per track, and a box where there are enough tracks."""
    if len(values) >= _FEWEST_IN_BOX:
        panel.boxplot(
            [values], positions=[place], widths=0.6, orientation=orientation, showfliers=False, patch_artist=True,
            boxprops={"facecolor": colour, "alpha": 0.3, "edgecolor": colour},
            medianprops={"color": colour, "linewidth": 2}, whiskerprops={"color": colour},
            capprops={"color": colour}, manage_ticks=False,
        )  # fmt: skip
    places = place + (np.linspace(-0.18, 0.18, len(values)) if len(values) > 1 else np.zeros(len(values)))
    x, y = (places, values) if orientation == "vertical" else (values, places)
    panel.plot(x, y, "o", color=colour, markersize=3, alpha=0.7, markeredgewidth=0)


def draw_grid(panel: Axes, axis: Literal["x", "y", "both"]) -> None:
    """Draw thin lines behind all else."""
    panel.grid(axis=axis, color=GRID, linewidth=0.6)
    panel.set_axisbelow(True)
