"""A large image is predicted in blocks, each a job: the masks of one piece."""

from pathlib import Path

import numpy as np
import tifffile
import yaml

from autonuclei.io.label_store import LabelStore
from autonuclei.io.tables import read_table
from autonuclei.segment.prediction import predict_nuclei
from autonuclei.train.networks import load_network
from conftest import run_snakemake
from shapes import draw_disks, photograph


def test_blocks_of_a_large_image(finished_copy: Path) -> None:
    """Nuclei lie on all borders of blocks; with the model of a run before."""
    centres = [(y + (x // 3) % 7, x) for y in range(11, 240, 33) for x in range(9, 310, 31)]
    image = photograph(draw_disks((240, 310), centres, 9), seed=3)
    path = finished_copy / "raw" / "mosaic.tif"
    tifffile.imwrite(path, image, tile=(64, 64), compression="zlib")
    sheet = finished_copy / "config" / "samples.tsv"
    header = sheet.read_text().splitlines()[0].split("\t")
    row = {"experiment": "tiny", "sample": "mosaic", "images": "raw/mosaic.tif", "kind": "stills"}
    line = "\t".join(row.get(name, "") for name in header)
    sheet.write_text(sheet.read_text() + line + "\n")
    config = finished_copy / "config" / "config.yaml"
    settings = yaml.safe_load(config.read_text()) | {"preprocess": {"block_px": 160}}
    config.write_text(yaml.safe_dump(settings))
    folder = finished_copy / "results" / "tiny" / "segmentation" / "mosaic"

    run = run_snakemake(finished_copy, "results/tiny/segmentation/mosaic/labels")
    assert run.code == 0, run.all
    assert run.jobs["find_polygons"] == 4
    assert "train_model" not in run.jobs
    assert not (folder / "blocks" / "0000" / "image.json").exists()

    network, _ = load_network(finished_copy / "results" / "tiny" / "model", device="cpu", threads=1)
    expected, probability = predict_nuclei(network, image)
    assert len(probability) > 0.7 * len(centres)
    with LabelStore(folder / "labels", {0: "mosaic"}) as store:
        labels = store.read(0)
    # Nearly equal probabilities may change places: numbers, but no pixels.
    assert np.array_equal(labels > 0, expected > 0)
    pairs = np.unique(np.stack([labels[labels > 0], expected[labels > 0]]), axis=1)
    assert pairs.shape[1] == labels.max() == expected.max()
    table = read_table(folder / "stretches" / "0000-0000.csv")
    assert table["label"].tolist() == list(range(1, labels.max() + 1))
    known = probability[pairs[1] - 1][np.argsort(pairs[0])]
    np.testing.assert_allclose(table["probability"], known, atol=1e-5)
    planes = read_table(folder / "stretches" / "0000-0000.planes.csv")
    assert planes["maximum"].tolist() == [image.max()]
