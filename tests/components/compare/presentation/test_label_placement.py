"""Labels in pictures cover neither each other nor a point while there is room."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from components.compare.presentation.label_placement import place_labels, text_box


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10_000))
def test_labels_are_apart_and_inside(seed: int) -> None:
    random = np.random.default_rng(seed)
    points = [(f"System {number}", *random.uniform(0, 10, 2)) for number in range(14)]
    figure = Figure(figsize=(8.0, 5.0))
    panel = figure.subplots()
    panel.plot([x for _, x, _ in points], [y for *_, y in points], "o")
    place_labels(panel, points)
    renderer = FigureCanvasAgg(figure).get_renderer()
    labels = [child for child in panel.texts if isinstance(child, Annotation)]
    assert sorted(label.get_text() for label in labels) == sorted(name for name, *_ in points)
    boxes = [text_box(label, renderer) for label in labels]
    assert not any(box.contains(*panel.transData.transform(point[1:])) for box in boxes for point in points)
    assert not any(one.overlaps(other) for number, one in enumerate(boxes) for other in boxes[:number])
    inside = panel.get_window_extent()
    assert all(inside.x0 <= box.x0 and box.x1 <= inside.x1 for box in boxes)
