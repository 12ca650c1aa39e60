"""Movies and stills of two channels and two conditions, with given masks: from pixels to tables."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from conftest import run_snakemake, write_config
from shapes import GRID, draw_disks

# Grey values of the second channel: far from cells, in nuclei, around them.
FAR, INSIDE, AROUND = 100, {"control": 300, "drug": 500}, 200
RESULTS = Path("results") / "e"


def draw_channels(labels: np.ndarray, condition: str) -> np.ndarray:
    """Nuclei, and a reporter that is brighter in them than around them."""
    inside = labels > 0
    near = draw_disks(labels.shape, GRID, 13) > 0
    second = np.where(inside, INSIDE[condition], np.where(near, AROUND, FAR))
    return np.stack([np.where(inside, 2000, 100), second]).astype(np.uint16)


@pytest.fixture(scope="module")
def finished_conditions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("conditions")
    (folder / "raw").mkdir()
    labels = draw_disks((96, 96), GRID, 7).astype(np.uint16)
    for condition in INSIDE:
        film = np.stack([draw_channels(labels, condition)] * 3)
        metadata = {"axes": "TCYX", "Channel": {"Name": ["DAPI", "GFP 488"]}}
        metadata |= {"PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5}
        path = folder / "raw" / f"{condition}.ome.tif"
        tifffile.imwrite(path, film, ome=True, metadata=metadata)
        tifffile.imwrite(
            folder / "raw" / f"{condition}_masks.tif",
            np.stack([labels] * 3),
            photometric="minisblack",
        )
        for number, image in enumerate(draw_channels(labels, condition), start=1):
            tifffile.imwrite(folder / "raw" / f"{condition}_s1_w{number}.tif", image)
        tifffile.imwrite(folder / "raw" / f"{condition}_s1_labels.tif", labels)
    common = {"experiment": "e"}
    rows = [
        common | {
            "sample": f"{condition}_film", "images": f"raw/{condition}.ome.tif", "kind": "movie",
            "channel": "DAPI", "labels": f"raw/{condition}_masks.tif", "condition": condition,
            "replicate": "1", "well": well, "frame_interval_min": "10",
        }
        for condition, well in (("drug", "B02"), ("control", "B03"))
    ]  # fmt: skip
    rows += [
        common | {
            "sample": f"{condition}_fields", "images": f"raw/{condition}_s1_w{{channel}}.tif",
            "kind": "stills", "channel": "1", "labels": f"raw/{condition}_s1_labels.tif",
            "condition": condition, "replicate": "2", "well": well, "pixel_size_um": "0.5",
        }
        for condition, well in (("drug", "C02"), ("control", "C03"))
    ]  # fmt: skip
    write_config(folder, rows, channels={"ring_um": 2}, conditions={"control": "control"})
    run = run_snakemake(folder)
    assert run.code == 0, run.all
    return folder


@pytest.mark.parametrize(
    ("sample", "channel", "n_frames"),
    [("drug_film", "GFP_488", 3), ("drug_fields", "channel_2", 1)],
)
def test_levels_are_those_of_the_pixels(
    finished_conditions: Path, sample: str, channel: str, n_frames: int
) -> None:
    table = pd.read_csv(finished_conditions / RESULTS / f"segmentation/{sample}/channels.csv")
    assert len(table) == 9 * n_frames
    np.testing.assert_allclose(table[f"{channel}_core_mean"], INSIDE["drug"] - FAR)
    np.testing.assert_allclose(table[f"{channel}_ring_mean"], AROUND - FAR)
    np.testing.assert_allclose(table[f"{channel}_ring_ratio"], 4)
    assert list(table)[-3:] == ["well", "condition", "replicate"]
    objects = pd.read_csv(finished_conditions / RESULTS / f"segmentation/{sample}/objects.csv")
    pd.testing.assert_frame_equal(table[["frame", "label"]], objects[["frame", "label"]])


def test_traces_and_lineages_of_a_movie(finished_conditions: Path) -> None:
    folder = finished_conditions / RESULTS / "tracking" / "drug_film"
    traces = pd.read_csv(folder / "traces" / "traces.csv")
    assert set(traces["channel"]) == {"DAPI", "GFP_488"}
    assert len(traces) == 9 * 3 * 2
    assert traces["time_min"].max() == 20
    assert traces["since_birth_min"].isna().all()
    assert len((folder / "lineages" / "lineages.nwk").read_text().splitlines()) == 9
    assert pd.read_csv(folder / "lineages" / "summary.csv")["n_complete"].tolist() == [0]
    for name in ("lineages/trees", "lineages/trees_GFP_488", "traces/aligned"):
        assert (folder / f"{name}.png").stat().st_size > 1000
    assert not (finished_conditions / RESULTS / "tracking" / "drug_fields").exists()


def test_tables_of_an_experiment_load_in_a_line(finished_conditions: Path) -> None:
    folder = finished_conditions / RESULTS / "conditions"
    nuclei = pd.read_csv(folder / "nuclei.csv.gz")
    assert nuclei.groupby("sample").size().to_dict() == {
        "control_fields": 9, "control_film": 27, "drug_fields": 9, "drug_film": 27,
    }  # fmt: skip
    assert list(nuclei)[:4] == ["condition", "replicate", "well", "sample"]
    assert nuclei["track"].notna().sum() == 54
    # The same run gives the same bytes: no time of writing in it.
    assert (folder / "nuclei.csv.gz").read_bytes()[4:8] == b"\0\0\0\0"
    assert gzip.decompress((folder / "nuclei.csv.gz").read_bytes())
    assert len(pd.read_csv(folder / "tracks.csv")) == 18
    samples = pd.read_csv(folder / "samples.csv").set_index("sample")
    assert samples["n_images"].to_dict() == {
        "drug_film": 3, "control_film": 3, "drug_fields": 1, "control_fields": 1,
    }  # fmt: skip
    assert samples["nuclei_per_mm2"].tolist() == pytest.approx([9 / (48 * 48e-6)] * 4)
    wells = pd.read_csv(folder / "wells.csv")
    assert wells[["well", "row", "column"]].values.tolist() == [
        ["B02", 2, 2], ["B03", 2, 3], ["C02", 3, 2], ["C03", 3, 3],
    ]  # fmt: skip


def test_conditions_are_compared_with_the_control(finished_conditions: Path) -> None:
    folder = finished_conditions / RESULTS / "conditions"
    table = pd.read_csv(folder / "comparisons.csv").set_index("measure")
    assert set(table["control"]) == {"control"}
    level = table.loc["GFP_488_core_mean"]
    assert level["difference"] == pytest.approx(INSIDE["drug"] - INSIDE["control"])
    assert level["note"] == "a single replicate: no interval and no p-value"
    assert table.loc["area_um2", "n_replicates"] == 2
    for name in ("compared_area_um2", "plate_nuclei_per_mm2"):
        assert (folder / f"{name}.png").stat().st_size > 1000
    page = (finished_conditions / RESULTS / "summary.html").read_text()
    places = [page.index(f"<h3>{question}</h3>") for question in (
        "How many?", "How do they move?", "What do the channels do?", "Do conditions differ?",
    )]  # fmt: skip
    assert places == sorted(places)
    assert "When do they divide?" not in page, "no division was found"
    assert 'href="conditions/comparisons.csv"' in page
