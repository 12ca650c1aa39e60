"""The numbers of a summary, and which files it looks at."""

import math
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from autonuclei.io.tables import read_table, write_table
from autonuclei.report.results import write_samples
from autonuclei.report.summary import (
    MAX_PICTURES,
    MAX_VIEWS,
    list_files,
    list_pictures,
    render_summary,
)
from autonuclei.report.views import read_view, write_view
from summary_examples import make_experiment


def test_numbers_of_a_movie(tmp_path: Path) -> None:
    experiment, _ = make_experiment(tmp_path)
    (row,) = experiment.samples
    assert row["n_images"] == 3
    assert row["n_failed"] == 1
    assert row["n_training"] == 2
    assert row["n_nuclei"] == 9
    assert row["nuclei_per_image"] == 3
    assert row["median_area_px"] == 197  # pixels within 8 px of a centre
    assert row["median_diameter_um"] == pytest.approx(16 * row["pixel_size_um"], rel=0.02)
    assert (row["n_tracks"], row["n_divisions"]) == (3, 1)
    assert (row["median_speed"], row["speed_unit"]) == (2.5, "µm/min")
    assert (row["max_link_distance"], row["distance_unit"]) == (60, "µm")
    assert math.isnan(row["max_gap_distance"])
    assert math.isnan(row["frame_interval_min"])

    write_samples(tmp_path / "summary.csv", experiment)
    table = read_table(tmp_path / "summary.csv")
    assert table["n_nuclei"].tolist() == [9]
    assert table["frame_interval_min"].isna().all()
    assert list(table)[-1] == "condition"
    write_samples(tmp_path / "plain.csv", replace(experiment, columns={"film": {}}))
    assert (tmp_path / "plain.csv").read_text() == (
        (tmp_path / "summary.csv").read_text().replace(",condition", "").replace(",control", "")
    )


def test_nuclei_that_time_told_of_are_counted(tmp_path: Path) -> None:
    experiment, view = make_experiment(tmp_path)
    assert "predict.use_time" not in render_summary(experiment, [view])
    path = experiment.folder / "segmentation/film/objects.csv"
    found_by = ["network"] * 6 + ["image"] * 2 + ["merge"]
    write_table(path, read_table(path).assign(found_by=found_by))
    experiment = replace(experiment)  # which reads it anew
    (row,) = experiment.samples
    assert (row["n_by_image"], row["n_merged"]) == (2, 1)
    page = render_summary(experiment, [view])
    assert "Of the nuclei of film, 2 were passed over by the network" in page
    assert "and 1 were found in two pieces" in page


def test_nuclei_of_which_the_network_told_nothing_are_in_the_table(tmp_path: Path) -> None:
    experiment, view = make_experiment(tmp_path)
    shown = read_view(view)
    # Neither at the first row, which decides on the columns, nor at a later one.
    for index in (0, 1):
        nuclei = [nucleus | {"probability": 0.9} for nucleus in shown.nuclei]
        nuclei[index]["probability"] = None
        write_view(view, replace(shown, nuclei=nuclei))
        page = render_summary(experiment, [view])
        table = page.partition("Nuclei of film")[2].partition("</table>")[0]
        assert "Probability" in table
        assert table.count('data-order="-1e+300">undefined') == 1


def test_numbers_that_rest_on_bad_frames_say_so(tmp_path: Path) -> None:
    experiment, view = make_experiment(tmp_path)
    (row,) = experiment.samples
    assert (row["verdict"], row["weak"]) == ("look", "1 of 3 frames out of focus: 2")
    assert row["n_bad_images"] == 1
    assert row["nuclei_per_image_without"] == 4.5, "nine nuclei are in frame 0"
    assert row["median_speed_without"] == 1, "the step into frame 2 is left out"
    assert row["n_divisions_without"] == 0
    for page in (render_summary(experiment, [view]), render_summary(experiment, None)):
        assert page.count("<small>1 of 3 images in doubt</small>") == 3
        assert "<td>1 of 3 frames out of focus: 2</td>" in page
        assert "without bad frames" in page
        assert "<code>quality</code>" in page
    tracks, *_ = list_pictures(experiment)["How do they move?"]
    assert tracks["words"].endswith(" Rests also on 1 of 3 frames out of focus: 2.")
    none, _ = make_experiment(tmp_path / "none", verdict=None)
    assert none.samples[0]["weak"] == ""
    page = render_summary(none, None)
    assert "in doubt" not in page
    assert "without bad" not in page


def test_only_the_lowest_threshold_is_told(tmp_path: Path) -> None:
    experiment, _ = make_experiment(tmp_path)
    assert [(row["stage"], row["f1"]) for row in experiment.metrics] == [
        ("annotation", 0.88888),
        ("segmentation", 0.95),
    ]
    assert [row["frame"] for row in experiment.image_metrics] == [0, 1, 10]
    # Of frame 0 the network learned.
    page = render_summary(experiment, None)
    assert "image(s) with truth, 1 of them learned from</small>" in page
    assert "Of 1 of the 3 images the network learned: how well it does in others" in page


def test_a_truth_that_lies_beside_is_told_where_its_numbers_are(tmp_path: Path) -> None:
    experiment, _ = make_experiment(tmp_path)
    assert "in doubt, see there" not in render_summary(experiment, None)
    path = experiment.folder / "evaluation/metrics.csv"
    write_table(path, pd.read_csv(path).assign(truth_shift_px=17.0, f1=0.1))
    page = render_summary(replace(experiment), None)
    assert "image(s) with truth, 1 of them learned from; in doubt, see there" in page
    assert "<strong>In 3 of 3 images the true nuclei lie 17 px beside those found" in page


def test_a_copy_of_an_image_in_another_sample_is_told(tmp_path: Path) -> None:
    """By another file name, which the sample sheet does not tell."""
    experiment, _ = make_experiment(tmp_path)
    assert experiment.copies == []
    pixels = {"a": ["1", "2", "black"], "b": ["2", "3", "black"], "c": ["1", "4", "black"]}
    names = [f"segmentation/{sample}/planes.csv" for sample in pixels]
    for name, (sample, digests) in zip(names, pixels.items(), strict=True):
        # Of one file in two samples the sheet tells.
        file = "a.tif" if sample == "c" else f"{sample}.tif"
        planes = {"file": file, "sha256": digests, "minimum": [0, 0, 5], "maximum": [9, 9, 5]}
        write_table(experiment.folder / name, pd.DataFrame(planes))
    told = replace(experiment, planned=experiment.planned | set(names))
    (line,) = told.copies
    assert line.startswith("b: 1 image(s) have the pixels of images of a, to the last bit")
    assert line in render_summary(told, None)


def test_what_an_earlier_run_left_is_not_told(tmp_path: Path) -> None:
    experiment, view = make_experiment(tmp_path)
    (experiment.folder / "model").mkdir()
    assert "model" not in [path for _, paths in list_files(experiment) for path in paths]
    left = {name for name in experiment.planned if not name.startswith("evaluation/")}
    left -= {"quality/verdict.json", "tracking/film/motility"}
    less = replace(experiment, planned=frozenset(left))
    assert less.metrics == []
    titles = [p["title"] for shown in list_pictures(less).values() for p in shown]
    assert titles == ["Training"]
    page = render_summary(less, [view])
    assert "Against the truth" not in page
    assert "F1 at IoU" not in page
    assert "What is weak" not in page


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for key, value in attrs:
            if key == "id" and value:
                self.ids.append(value)
            if key in ("href", "src") and value and not value.startswith("data:"):
                self.targets.append(value)


def test_every_link_leads_somewhere(tmp_path: Path) -> None:
    experiment, view = make_experiment(tmp_path)
    links = _Links()
    links.feed(render_summary(experiment, [view]))
    within = {target[1:] for target in links.targets if target.startswith("#")}
    beside = {target for target in links.targets if not target.startswith("#")}
    assert within
    assert within <= set(links.ids)
    assert {"segmentation/film/objects.csv", "tracking/film/motility"} <= beside
    for target in beside:
        assert (experiment.folder / target).exists(), target


def test_only_some_samples_are_shown_large(tmp_path: Path) -> None:
    experiment, view = make_experiment(tmp_path)
    page = render_summary(experiment, [view] * (MAX_VIEWS + 2))
    assert page.count('class="viewer"') == MAX_VIEWS
    assert f"Of {MAX_VIEWS + 2} samples, the first {MAX_VIEWS} are shown" in page
    assert len(page) < 5e6


def test_of_a_long_table_the_page_has_the_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment, view = make_experiment(tmp_path)
    n_rows = render_summary(experiment, [view]).count("<tr>")
    assert "The first" not in render_summary(experiment, [view])
    monkeypatch.setattr("autonuclei.report.summary.MOST_ROWS", 2)
    page = render_summary(experiment, [view])
    assert "The first 2 of 3 rows" in page
    assert page.count("<tr>") < n_rows


def test_what_was_read_is_told_in_both_pages(tmp_path: Path) -> None:
    experiment, view = make_experiment(tmp_path)
    whole = render_summary(experiment, [view])
    for page in (whole, render_summary(experiment, None)):
        order = [page.index(f'id="{name}"') for name in ("read", "weak", "samples")]
        assert order == sorted(order)
        assert "<td>6 planes = 3 time points x 2 channels</td>" in page
        assert "<td>0.5 (OME-XML PhysicalSizeX)</td>" in page
        assert "<li>film: left out: thumb.tif: a thumbnail</li>" in page
        assert "Z slices" not in page, "no sample has any"
    assert 'href="provenance/inputs.csv"' in whole
    many = replace(experiment, remarks=[f"film: line {i}" for i in range(12)])
    assert "and 2 more in <code>provenance/inputs.csv</code>" in render_summary(many, [view])


def test_findings_are_told_with_words(tmp_path: Path) -> None:
    experiment, view = make_experiment(tmp_path, verdict="unsuitable")
    page = render_summary(experiment, [view])
    assert "✖ Unsuitable" in page
    assert "<strong>What to do:</strong> Expose longer." in page
    assert "film 0, film 2" in page
    assert "Saturated pixels &lt;of nuclei&gt;" in page


def test_short_page_has_the_verdict_and_needs_nothing(tmp_path: Path) -> None:
    experiment, _ = make_experiment(tmp_path, verdict="unsuitable")
    page = render_summary(experiment, None)
    assert "✖ Unsuitable" in page
    assert "Expose longer." in page
    assert "TRA" in page
    links = _Links()
    links.feed(page)
    assert links.targets == []
    assert "<script" not in page
    assert len(page) < 50_000


def test_pictures_go_by_question_each_with_its_table(tmp_path: Path) -> None:
    experiment, view = make_experiment(tmp_path)
    names = ["tracking/film/lineages/trees.png", "tracking/film/traces/traces.png"]
    measures = [f"c{number}_core_mean" for number in range(MAX_PICTURES + 2)]
    names += [f"conditions/compared_{measure}.png" for measure in measures]
    for name in names:
        (experiment.folder / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (20, 10), "teal").save(experiment.folder / name)
    tables = {
        "tracking/film/lineages/cycles.csv": {"track": [1]},
        "conditions/samples.csv": {"sample": ["film"]} | dict.fromkeys(measures[::-1], 1.0),
        "conditions/comparisons.csv": {
            "measure": ["area_um2"], "condition": ["drug"], "control": ["DMSO"],
            "n_replicates": [3], "mean": [2.0], "mean_control": [1.0], "difference": [1.0],
            "difference_low": [0.5], "difference_high": [1.5], "p_holm": [0.0123], "note": [""],
        },
    }  # fmt: skip
    for name, table in tables.items():
        write_table(experiment.folder / name, pd.DataFrame(table))
    planned = {"tracking/film/lineages", "tracking/film/traces", "conditions"}
    whole = replace(experiment, planned=experiment.planned | planned)
    pictures = list_pictures(whole)
    assert list(pictures) == [
        "How do they move?", "When do they divide?", "What do the channels do?",
        "Do conditions differ?", "How was it made, and how well?",
    ]  # fmt: skip
    (trees,) = pictures["When do they divide?"]
    assert trees["table"] == "tracking/film/lineages/cycles.csv"
    assert pictures["What do the channels do?"][0]["table"] == "", "there is none"
    assert len(pictures["Do conditions differ?"]) == MAX_PICTURES
    compared = pictures["Do conditions differ?"][0]
    # In the order of the tables, not of the names.
    assert compared["title"] == f"c{MAX_PICTURES + 1} in the nucleus (grey values)"
    assert compared["words"].endswith(
        f"One of {MAX_PICTURES + 2} in the folder conditions. Rests also on 1 of 3 frames out of "
        "focus: 2."
    )
    page = render_summary(whole, [view])
    assert "against those of DMSO" in page
    assert "<td>Area of a nucleus (µm²)</td>" in page
    assert '<td class="number" data-order="0.0123">0.0123</td>' in page
    write_table(
        experiment.folder / "tracking/film/lineages.csv",
        pd.DataFrame({"track": [1], "daughters": [0]}),
    )
    none = replace(whole)
    assert "When do they divide?" not in list_pictures(none), "no division was found"
