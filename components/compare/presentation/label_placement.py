"""Labels of points in a picture that overlap neither each other nor a point."""

from collections.abc import Iterator, Sequence

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox

_NEAR, _FAR = 7.0, 20.0  # points of type; a label farther away than _NEAR has a line to its point
_SIDES = (
    (1, 0, "left", "center"),
    (-1, 0, "right", "center"),
    (0, 1, "center", "bottom"),
    (0, -1, "center", "top"),
    (0.7, 0.7, "left", "bottom"),
    (0.7, -0.7, "left", "top"),
    (-0.7, 0.7, "right", "bottom"),
    (-0.7, -0.7, "right", "top"),
)
"""Places of a label around its point, the best first: direction, and the alignment of the text."""

Point = tuple[str, float, float]


def place_labels(panel: Axes, points: Sequence[Point], size: float = 8.5) -> None:
    """Write the label of every `(label, x, y)` beside its point; call it last, when the axes' limits are final.

    A label without any free place gets the last place tried, the farthest from its point.
    """
    canvas = FigureCanvasAgg(panel.figure)
    canvas.draw()
    taken = [_marker_box(panel, point) for point in points]
    inside = panel.get_window_extent()
    for point in sorted(points, key=lambda point: (-point[2], point[1])):
        for label in _try_places(panel, point, size):
            box = text_box(label, canvas.get_renderer()).padded(1.0)
            if _is_free(box, inside, taken):
                break
        taken.append(box)


def text_box(label: Annotation, renderer: RendererAgg) -> Bbox:
    """Return the box of a label's text in pixels, without the line to its point."""
    label.update_positions(renderer)
    return Text.get_window_extent(label, renderer)


def _try_places(panel: Axes, point: Point, size: float) -> Iterator[Annotation]:
    """Yield the label at one place after another; the last one that is taken stays in the picture."""
    text, x, y = point
    label = None
    for distance in (_NEAR, _FAR, 2 * _FAR):
        for across, up, horizontal, vertical in _SIDES:
            if label is not None:
                label.remove()
            label = panel.annotate(
                text, (x, y), (distance * across, distance * up), textcoords="offset points", fontsize=size,
                ha=horizontal, va=vertical, annotation_clip=False,
                arrowprops={"arrowstyle": "-", "color": "#999999", "linewidth": 0.6} if distance > _NEAR else None,
            )  # fmt: skip
            label.set_in_layout(False)
            yield label


def _marker_box(panel: Axes, point: Point) -> Bbox:
    """Return the box of a point's marker in pixels."""
    x, y = panel.transData.transform((point[1], point[2]))
    half = 3.5 * panel.figure.dpi / 72
    return Bbox.from_extents(x - half, y - half, x + half, y + half)


def _is_free(box: Bbox, inside: Bbox, taken: Sequence[Bbox]) -> bool:
    within = inside.x0 <= box.x0 and box.x1 <= inside.x1 and inside.y0 <= box.y0 and box.y1 <= inside.y1
    return within and not any(box.overlaps(other) for other in taken)
