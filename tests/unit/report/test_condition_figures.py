import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection

from autonuclei.measure.conditions import (
    average_replicates,
    average_samples,
    compare_conditions,
    estimate_mean,
    tabulate_wells,
)
from autonuclei.report.condition_figures import (
    MAX_DOTS,
    draw_plates,
    draw_superplot,
)
from autonuclei.report.style import save_figure


def make_nuclei(n_nuclei=50, n_replicates=3, conditions=("ctrl", "drug")):
    random = np.random.default_rng(0)
    names = [
        (condition, f"day {replicate}", f"{condition}{replicate}")
        for condition in conditions
        for replicate in range(n_replicates)
    ]
    table = pd.DataFrame(names, columns=["condition", "replicate", "sample"])
    table = table.loc[table.index.repeat(n_nuclei)].reset_index(drop=True)
    return table.assign(
        area=random.normal(100, 5, len(table)) + 10 * (table["condition"] == "drug")
    )


def compare(nuclei):
    samples = average_samples(nuclei, ["area"])
    return compare_conditions(average_replicates(samples, ["area"]), ["area"])


def read_labels(figure):
    axes = figure.axes[0]
    labels = [axes.get_xlabel(), axes.get_ylabel(), axes.get_title()]
    labels += [text.get_text() for text in (*axes.texts, *axes.get_xticklabels())]
    if axes.get_legend():
        labels += [text.get_text() for text in axes.get_legend().get_texts()]
    return " | ".join(label.replace("\n", " ") for label in labels)


def list_points(axes):
    """Places of the large points with an edge."""
    return [
        line.get_ydata()[0]
        for line in axes.lines
        if line.get_marker() in "os^" and len(line.get_ydata()) == 1
    ]


def test_dots_points_and_lines():
    nuclei = make_nuclei()
    figure = draw_superplot(nuclei, "area", label="Area (µm²)", comparisons=compare(nuclei))
    axes = figure.axes[0]
    dots = [own for own in axes.collections if isinstance(own, PathCollection)]
    assert sum(len(own.get_offsets()) for own in dots) == 300
    means = nuclei.groupby("sample", sort=False)["area"].mean()
    np.testing.assert_allclose(list_points(axes), means)
    labels = read_labels(figure)
    for text in (
        "3 replicates, 150 nuclei",
        "day 0",
        "day 2",
        "p = ",
        "Area (µm²)",
        "95 % interval",
    ):
        assert text in labels
    assert "difference to this one" in labels


def test_few_replicates_have_no_p_value_and_no_interval_of_the_mean():
    nuclei = make_nuclei(n_replicates=2)
    figure = draw_superplot(nuclei, "area", label="Area", comparisons=compare(nuclei))
    assert "no p-value" in read_labels(figure)
    assert not figure.axes[0].containers


def test_wells_and_samples_as_replicates_are_told():
    nuclei = make_nuclei().drop(columns="replicate")
    assert "(each sample is one)" in read_labels(draw_superplot(nuclei, "area", label="Area"))
    named = nuclei.assign(well=nuclei["sample"])
    assert "(each well is one)" in read_labels(draw_superplot(named, "area", label="Area"))


def test_what_is_not_drawn_is_told():
    nuclei = make_nuclei(n_nuclei=MAX_DOTS)
    nuclei.loc[0, "area"] = 1e6
    labels = read_labels(draw_superplot(nuclei, "area", label="Area", rows="tracks"))
    assert f"{6 * MAX_DOTS:,} tracks ({2 * MAX_DOTS:,} drawn, " in labels
    assert "outside the axis" in labels
    nothing = nuclei.assign(area=np.nan)
    assert "No condition has values" in read_labels(draw_superplot(nothing, "area", label="Area"))
    nothing = nuclei.assign(condition="")
    assert "No condition has values" in read_labels(draw_superplot(nothing, "area", label="Area"))


@pytest.mark.parametrize(
    ("wells", "shape"),
    [
        (["A01", "B03"], (2, 3)),
        (["H12"], (8, 12)),
        (["r09c01"], (16, 24)),
        (["AA1"], (32, 48)),
    ],
)
def test_wells_are_where_they_are_on_the_plate(wells, shape):
    samples = pd.DataFrame({"well": wells, "sample": wells, "n": np.arange(len(wells)) + 1.0})
    figure = draw_plates(tabulate_wells(samples, ["n"]), "n", label="Nuclei")
    axes = figure.axes[0]
    grid = axes.collections[0].get_array()
    assert grid.shape == shape
    assert grid.count() == len(wells)
    if wells[-1] == "B03":
        assert grid[1, 2] == 2
    assert axes.get_ylim()[0] > axes.get_ylim()[1], "row A is on top"


def test_plates_side_by_side_and_none():
    samples = pd.DataFrame(
        {"plate": list("PPQR"), "well": ["A1", "A2", "A1", "A1"], "n": [1.0, np.nan, 3, 3]}
    )
    figure = draw_plates(tabulate_wells(samples, ["n"]), "n", label="Nuclei")
    assert [axes.get_title() for axes in figure.axes[:3]] == [
        "P, 2 wells",
        "Q, 1 well",
        "R, 1 well",
    ]
    assert "-" in [text.get_text() for text in figure.axes[0].texts]
    nothing = tabulate_wells(samples.assign(well=""), ["n"])
    assert "No sample has a well" in read_labels(draw_plates(nothing, "n", label="Nuclei"))


def test_figures_are_written_the_same_twice(tmp_path):
    nuclei = make_nuclei(n_nuclei=MAX_DOTS)
    for name in ("a", "b"):
        figure = draw_superplot(nuclei, "area", label="Area", comparisons=compare(nuclei))
        save_figure(figure, [tmp_path / f"{name}.svg", tmp_path / f"{name}.png"])
    for suffix in ("svg", "png"):
        assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


def test_what_only_samples_have_is_drawn_without_dots_and_with_its_whole_interval():
    samples = pd.DataFrame(
        {
            "sample": list("abcdef"),
            "condition": ["control"] * 3 + ["drug"] * 3,
            "cycle": [110.0, 120, 110, 150, 160, 150],
        }
    )
    axes = draw_superplot(samples, "cycle", label="Cycle", rows="samples").axes[0]
    assert axes.get_title().startswith("Points: 6 samples\n")
    assert "3 samples" in axes.get_xticklabels()[0].get_text()
    assert not [drawn for drawn in axes.collections if isinstance(drawn, PathCollection)]
    low, high = axes.get_ylim()
    for values in ([110, 120, 110], [150, 160, 150]):
        _, bottom, top = estimate_mean(np.array(values, float))
        assert low < bottom
        assert top < high
