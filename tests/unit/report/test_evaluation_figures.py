"""F1 of every image, and a name for each difference, on drawn squares."""

import numpy as np
import pandas as pd

from autonuclei.report.evaluation_figures import (
    FOUND,
    INVENTED,
    MERGED,
    MISSED,
    OFF,
    SPLIT,
    Comparison,
    Region,
    choose_regions,
    compare_nuclei,
    cut_out,
    draw_comparison,
    list_regions,
    plot_f1,
)
from autonuclei.report.style import save_figure
from shapes import draw_squares, photograph


def draw(rectangles):
    """Label image from (number, rows, columns)."""
    labels = np.zeros((60, 120), np.int32)
    for number, rows, columns in rectangles:
        labels[slice(*rows), slice(*columns)] = number
    return labels


TRUTH = draw(
    [
        (1, (0, 10), (0, 10)),  # found
        (2, (0, 10), (20, 30)),  # missed
        (3, (20, 30), (0, 10)),  # merged with 4
        (4, (20, 30), (10, 20)),
        (5, (20, 30), (40, 60)),  # split
        (7, (40, 50), (0, 10)),  # drawn much too small
        (8, (40, 50), (40, 50)),  # found, and the next one is swallowed by it
        (9, (40, 42), (50, 52)),
    ]
)
PREDICTED = draw(
    [
        (1, (0, 10), (1, 11)),
        (2, (0, 10), (60, 70)),  # not in the truth
        (3, (20, 30), (0, 20)),
        (4, (20, 30), (40, 50)),
        (5, (20, 30), (50, 60)),
        (6, (42, 47), (2, 6)),
        (12, (40, 50), (40, 52)),
    ]
)


def test_differences_are_named():
    result = compare_nuclei(TRUTH, PREDICTED)
    # Half of the area: a pair at IoU 0.5 that is nevertheless merged or split.
    assert result["of_true"] == {
        1: FOUND,
        2: MISSED,
        3: MERGED,
        4: MERGED,
        5: SPLIT,
        7: OFF,
        8: MERGED,
        9: MERGED,
    }
    assert result["of_predicted"] == {
        1: FOUND,
        2: INVENTED,
        3: MERGED,
        4: SPLIT,
        5: SPLIT,
        6: OFF,
        12: MERGED,
    }
    assert {(1, 1), (8, 12)} <= result["matched"]


def test_nothing_to_compare():
    empty = np.zeros((50, 50), np.int32)
    assert compare_nuclei(empty, empty) == {
        "of_true": {},
        "of_predicted": {},
        "matched": frozenset(),
    }
    square = draw_squares((50, 50), [(5, 5)], 10)
    assert compare_nuclei(square, empty)["of_true"] == {1: MISSED}
    assert compare_nuclei(empty, square)["of_predicted"] == {1: INVENTED}


def compare(truth, predicted):
    return Comparison(
        "a, frame 0",
        photograph(truth),
        truth,
        predicted,
        **compare_nuclei(truth, predicted),
    )


def test_regions_add_up_to_the_image():
    corners = [(20 * i + 5, 20 * k + 5) for i in range(10) for k in range(10)]
    truth = draw_squares((200, 200), corners, 10)
    predicted = np.where(truth <= 60, truth, 0)
    comparison = compare(truth, predicted)
    regions = list_regions(comparison, image=3)
    # Four boxes of 100 px; six of ten rows of nuclei are found, the sixth lies in the lower two.
    assert [(region.box, region.f1, region.n, region.image) for region in regions] == [
        ((0, 100, 0, 100), 1, 50, 3),
        ((0, 100, 100, 200), 1, 50, 3),
        ((100, 200, 0, 100), 10 / 30, 30, 3),
        ((100, 200, 100, 200), 10 / 30, 30, 3),
    ]


def test_worst_median_and_best():
    def make(f1, n, image=0):
        return Region(image, (0, 1, 0, 1), f1, n)

    regions = [make(0.5, 20), make(0.1, 2), make(1, 10), make(1, 30), make(0.9, 10), make(0.5, 9)]
    chosen = choose_regions(regions)
    assert {rank: (region.f1, region.n) for rank, region in chosen.items()} == {
        "worst": (0.5, 20),  # regions with too few nuclei do not count
        "median": (0.9, 10),
        "best": (1, 30),
    }
    assert list(choose_regions(regions[:2])) == ["worst"]
    alike = [make(0, 20, image) for image in range(3)]
    assert set(choose_regions(alike).values()) == set(alike)
    assert choose_regions([make(0.1, 2)]) == {"worst": make(0.1, 2)}
    assert choose_regions([]) == {}


def test_comparison_is_drawn(tmp_path):
    comparison = compare(TRUTH, PREDICTED)
    regions = choose_regions(list_regions(comparison))
    drawn = {rank: (cut_out(comparison, region), region) for rank, region in regions.items()}
    for shown, (row, end_row, column, end_column) in ((own, r.box) for own, r in drawn.values()):
        assert shown.image.shape == (end_row - row, end_column - column)
        np.testing.assert_array_equal(shown.truth, TRUTH[row:end_row, column:end_column])
        assert shown.truth.base is None, "the whole can be freed"
    figure = draw_comparison(drawn, n_images=1)
    assert len(figure.axes) == 4 * len(regions)
    assert figure.axes[0].get_ylabel().startswith("worst region: F1 0.")
    save_figure(figure, [tmp_path / "a.png"])
    save_figure(draw_comparison({}, n_images=0), [tmp_path / "b.png"])


def make_rows():
    rows = []
    for stage in ("annotation", "segmentation"):
        for sample, frame in (("a", 0), ("all", 3), ("all", -1)):
            for iou in (0.5, 0.7, 0.9):
                row = {"stage": stage, "sample": sample, "frame": frame}
                rows.append(row | {"iou": iou, "f1": 1.2 - iou})
    return pd.DataFrame(rows)


def test_f1_shows_every_image_and_all_of_them():
    """A sample may be called "all"; only the pooled line is thick and named."""
    axes = plot_f1(make_rows(), "nuclei").axes[0]
    assert len(axes.lines) == 6
    assert sorted(line.get_linewidth() for line in axes.lines) == [0.7] * 4 + [2.5] * 2
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert legend == ["annotation, all images", "segmentation, all images"]
    np.testing.assert_allclose(axes.lines[0].get_ydata(), [0.7, 0.5, 0.3])


def test_undefined_f1_leaves_a_gap():
    rows = make_rows()
    rows.loc[::3, "f1"] = np.nan
    for line in plot_f1(rows, "nuclei").axes[0].lines:
        assert np.isnan(line.get_ydata()).tolist() == [True, False, False]


def test_without_a_truth_f1_says_so():
    figure = plot_f1(make_rows()[:0], "nuclei")
    assert [text.get_text() for text in figure.axes[0].texts] == ["no ground truth given"]
