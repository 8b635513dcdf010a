"""How all pictures of scores look, and how they are stored."""

from pathlib import Path

from matplotlib.figure import Figure

from components.core.base.files import whole_file

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


def save(figure: Figure, path: Path) -> None:
    """Write a figure whole; the suffix decides the format."""
    with whole_file(path) as partial:
        figure.savefig(partial)
