"""Counts and durations, image by image."""

import numpy as np
import pytest

from autonuclei.annotate.selection import ACCEPTED, TOO_SMALL
from autonuclei.report.counts import MOST_BARS, STEPS, draw_counts, read_seconds, tabulate_counts
from autonuclei.report.figures import save_figure

HEADER = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time"
OBJECTS = {
    "sample": np.array(["a", "a", "a", "b"]),
    "frame": np.array([0, 0, 2, 0]),
    "verdict": np.array([ACCEPTED, TOO_SMALL, ACCEPTED, ACCEPTED]),
}
PREDICTED = {"a": {"frame": np.array([0, 0, 0, 1, 2])}, "b": {"frame": np.array([], int)}}


def write_seconds(path, seconds):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{HEADER}\n{seconds}\t0:00:01\t1\t1\t1\t1\t0\t0\t0\t1\n")


def list_frames():
    frames = []
    for sample, n, annotated in (("a", 3, {0, 1}), ("b", 1, set())):
        for index in range(n):
            frame = {"sample": sample, "frame": index, "annotated": index in annotated}
            frames.append(frame | {"segmented": True, "stretch": (0, n - 1), "n_stretch": n})
    return frames


def test_seconds_of_a_job(tmp_path):
    write_seconds(tmp_path / "a.tsv", 1.5)
    assert read_seconds(tmp_path / "a.tsv") == 1.5
    assert np.isnan(read_seconds(tmp_path / "b.tsv"))
    (tmp_path / "c.tsv").write_text(HEADER + "\n")
    assert np.isnan(read_seconds(tmp_path / "c.tsv"))


def test_counts_and_durations(tmp_path):
    for number, step in enumerate(STEPS, start=1):
        write_seconds(tmp_path / "annotation/a/0000" / f"{step}.tsv", number)
        if step != "compose_training_pair":
            write_seconds(tmp_path / "annotation/a/0001" / f"{step}.tsv", 2)
    write_seconds(tmp_path / "segmentation/a/predict_0000-0002.tsv", 6)
    table = tabulate_counts(list_frames(), OBJECTS, PREDICTED, logs=tmp_path)
    nan = np.nan
    expected = {
        "objects": [2, 0, nan, nan],
        "accepted": [1, 0, nan, nan],
        "predicted": [3, 1, 1, 0],
        "annotation_s": [21, 10, nan, nan],
        "annotation_s_per_nucleus": [21, nan, nan, nan],
        "prediction_s": [2, 2, 2, nan],
        "prediction_s_per_nucleus": [2 / 3, 2, 2, nan],
        "split_nuclei_s": [3, 2, nan, nan],
    }
    for name, values in expected.items():
        np.testing.assert_array_equal(table[name], values, err_msg=name)
    assert table["sample"].tolist() == ["a", "a", "a", "b"]


def test_one_missing_duration_leaves_the_sum_undefined(tmp_path):
    for step in STEPS[1:]:
        write_seconds(tmp_path / "annotation/a/0000" / f"{step}.tsv", 1)
    table = tabulate_counts(list_frames(), OBJECTS, PREDICTED, logs=tmp_path)
    assert np.isnan(table["annotation_s"]).all()


def test_image_that_was_passed_over_has_no_number(tmp_path):
    frames = [frame | {"segmented": False} for frame in list_frames()]
    table = tabulate_counts(frames, None, PREDICTED, logs=tmp_path)
    for name in ("objects", "accepted", "predicted"):
        assert np.isnan(table[name]).all()


def make_table(n, timed=True):
    seconds = np.full(n, 0.5 if timed else np.nan)
    return {
        "sample": np.array(["a"] * n),
        "frame": np.arange(n),
        "objects": np.arange(n) + 3.0,
        "accepted": np.full(n, 2.0),
        "predicted": np.arange(n) + 2.0,
        "annotation_s": 6 * seconds,
    } | {f"{step}_s": seconds for step in STEPS}


@pytest.mark.parametrize("n", [1, 3, MOST_BARS + 1])
def test_bars_or_lines_by_the_number_of_images(tmp_path, n):
    figure = draw_counts(make_table(n), title="nuclei")
    top, bottom = figure.axes
    assert len(top.patches) == (3 * n if n <= MOST_BARS else 0)
    assert len(bottom.patches) == len(STEPS) * n
    assert (
        bottom.get_title() == "Annotation: 3 s per image (median), 1.5e+03 ms per accepted nucleus"
    )
    save_figure(figure, [tmp_path / "a.png", tmp_path / "a.svg"])


def test_missing_durations_are_told(tmp_path):
    figure = draw_counts(make_table(2, timed=False), title="nuclei")
    assert "No durations" in figure.axes[1].texts[0].get_text()
    unknown = make_table(2, timed=False) | {"objects": np.full(2, np.nan)}
    unknown |= {"accepted": np.full(2, np.nan), "predicted": np.zeros(2)}
    save_figure(draw_counts(unknown, title="nothing found"), [tmp_path / "a.png"])
