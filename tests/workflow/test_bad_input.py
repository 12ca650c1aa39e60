"""Bad input ends with one clear line that names the file, and costs no other result."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image

from autonuclei.io.tables import read_table
from conftest import Run, draw_project, find_one, run_snakemake, save_still, write_config
from shapes import GRID, draw_disks, photograph

UMLAUTS = "Bild 1 für Müller [DAPI], 20% *.tif"

# What the line of each bad image says.
BAD = {
    "truncated_data.tif": "damaged",
    "truncated_header.tif": "damaged",
    "spoiled_data.tif": "damaged",
    "zero_bytes.tif": "0 bytes",
    "text.tif": "damaged or not what its name says",
    "colour.png": "is a colour image",
    "nan.tif": "has 1 pixels that are NaN or infinite",
    "infinite.tif": "has 2 pixels that are NaN or infinite",
    "constant.tif": "all pixels have the value 7",
    "one_pixel.tif": "is 1 x 1 pixels",
    "labels.tif": "looks like a label image",
}
# Those whose header tells, before any job starts.
BAD_HEADERS = (
    "truncated_data.tif",
    "truncated_header.tif",
    "zero_bytes.tif",
    "text.tif",
    "one_pixel.tif",
)
GOOD = ("good.tif", "nothing.tif", UMLAUTS)


def draw_bad_images(folder: Path) -> None:
    folder.mkdir(parents=True)
    save_still(folder / "good.tif", 0)
    save_still(folder / UMLAUTS, 1)
    image = photograph(draw_disks((96, 96), GRID, 9), seed=2)
    tifffile.imwrite(folder / "nothing.tif", photograph(np.zeros((96, 96)), seed=3))
    save_still(folder / "whole.tif", 4)
    whole = (folder / "whole.tif").read_bytes()
    (folder / "whole.tif").unlink()
    (folder / "truncated_data.tif").write_bytes(whole[:-2000])
    (folder / "spoiled_data.tif").write_bytes(whole[:-3000] + bytes(3000))
    (folder / "truncated_header.tif").write_bytes(whole[:100])
    (folder / "zero_bytes.tif").touch()
    (folder / "text.tif").write_text("frame\tlabel\n1\t2\n")
    colour = np.zeros((96, 96, 3), np.uint8)
    colour[..., 2] = image // 10
    Image.fromarray(colour).save(folder / "colour.png")
    for name, places, value in (("nan", 1, np.nan), ("infinite", 2, -np.inf)):
        decimals = image.astype(np.float32)
        decimals[0, :places] = value
        tifffile.imwrite(folder / f"{name}.tif", decimals)
    tifffile.imwrite(folder / "constant.tif", np.full((96, 96), 7, np.uint8))
    tifffile.imwrite(folder / "one_pixel.tif", np.ones((1, 1), np.uint8))
    tifffile.imwrite(folder / "labels.tif", draw_disks((96, 96), GRID, 9).astype(np.uint16))


def test_headers_are_told_before_any_job_starts(tmp_path: Path) -> None:
    draw_bad_images(tmp_path / "raw")
    for number, width in enumerate((96, 96, 90)):
        tifffile.imwrite(tmp_path / f"t{number}.tif", np.zeros((96, width), np.uint16))
    tifffile.imwrite(tmp_path / "truth.tif", np.zeros((90, 96), np.uint16))
    usual = {"experiment": "e", "train": "1"}
    write_config(
        tmp_path,
        [
            usual | {"sample": "a", "images": "raw/*", "kind": "stills"},
            usual | {"sample": "b", "images": "t?.tif", "kind": "movie"},
            usual
            | {
                "sample": "c",
                "images": "raw/good.tif",
                "kind": "stills",
                "ground_truth": "truth.tif",
            },
        ],
    )
    run = run_snakemake(tmp_path)
    assert run.code != 0
    lines = run.all.splitlines()
    for name in BAD_HEADERS:
        assert BAD[name] in find_one(lines, f"raw/{name}: ")
    assert "is 90 x 96 pixels, but most frames of this movie are 96 x 96" in find_one(
        lines, "t2.tif: "
    )
    assert "its image raw/good.tif is 96 x 96" in find_one(lines, "truth.tif: is 96 x 90")
    assert f"{len(BAD_HEADERS) + 2} problem(s), nothing was started" in run.all
    assert "Traceback" not in run.all
    assert not (tmp_path / "results").exists()


@pytest.fixture(scope="module")
def skipped(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    """All bad images in one run that skips them, with a model from before."""
    folder = tmp_path_factory.mktemp("skipped")
    draw_bad_images(folder / "raw")
    write_config(
        folder,
        [{"experiment": "e", "kind": "stills", "sample": "stills", "images": "raw/*"}],
        models={"e": str(finished / "results/tiny/model")},
        skip_unreadable=True,
    )
    return folder, run_snakemake(folder)


def test_every_skipped_image_is_listed(skipped: tuple[Path, Run]) -> None:
    folder, run = skipped
    assert run.code == 0, run.all
    table = read_table(folder / "results/e/segmentation/stills/skipped.csv", text=("image",))
    assert list(table) == ["frame", "image", "problem"]
    order = sorted(path.name for path in (folder / "raw").iterdir())
    assert table["frame"].tolist() == [order.index(name) for name in order if name in BAD]
    assert table["image"].tolist() == [Path(name).stem for name in order if name in BAD]
    log = next((folder / "logs/e/segmentation/stills").glob("predict_*.log")).read_text()
    for name, said in BAD.items():
        problem = find_one(table["problem"].tolist(), f"raw/{name}: ")
        assert said in problem
        assert problem.endswith((".", ")"))
        assert f"raw/{name}: " in log
    # What the headers tell is told before any job starts.
    told = [line for line in run.all.splitlines() if "e/stills: skipped: raw/" in line]
    assert len(told) == len(BAD_HEADERS)
    assert (
        f"{len(BAD)} image(s) of stills could not be read"
        in (folder / "results/e/summary.html").read_text()
    )


def test_the_other_images_have_their_results(skipped: tuple[Path, Run]) -> None:
    folder, _ = skipped
    stills = folder / "results/e/segmentation/stills"
    assert {path.name for path in stills.glob("labels/*.tif")} == set(GOOD)
    objects = pd.read_csv(stills / "objects.csv")
    order = sorted(path.name for path in (folder / "raw").iterdir())
    # An image without a nucleus is no mistake: it has masks, and no nucleus in them.
    assert set(objects["frame"]) == {order.index(name) for name in ("good.tif", UMLAUTS)}
    assert tifffile.imread(stills / "labels" / "nothing.tif").max() == 0
    for name in ("good.tif", UMLAUTS):
        labels = tifffile.imread(stills / "labels" / name)
        rows = objects[objects["frame"] == order.index(name)]
        assert len(rows) == labels.max() > 0
    # One of the images is called nan.
    quality = read_table(
        folder / "results/e/quality/samples/stills/images.csv", text=("image",)
    ).set_index("image")
    failed = set(quality.index[quality["n_nuclei"].isna()])
    assert failed == {Path(name).stem for name in BAD}
    assert quality.loc["nothing", "n_nuclei"] == 0
    assert not list((folder / "results").rglob("*.partial*"))


def test_what_was_mended_is_done(skipped: tuple[Path, Run], tmp_path: Path) -> None:
    folder = shutil.copytree(skipped[0], tmp_path / "copy")
    for name in BAD:
        (folder / "raw" / name).unlink()
    table = "results/e/segmentation/stills/skipped.csv"
    run = run_snakemake(folder, table)
    assert run.code == 0, run.all
    assert (folder / table).read_text() == "frame,image,problem\n"


def test_unreadable_images_end_the_run_with_a_line_each(finished: Path, tmp_path: Path) -> None:
    """What the headers do not tell: the lines of all images that one job looks at."""
    draw_bad_images(tmp_path / "raw")
    for name in BAD_HEADERS:
        (tmp_path / "raw" / name).unlink()
    pages = np.full((3, 96, 96), np.nan, np.float32)
    tifffile.imwrite(tmp_path / "movie.tif", pages, photometric="minisblack")
    row = {"experiment": "e", "kind": "stills"}
    movie = row | {"sample": "movie", "images": "movie.tif", "kind": "movie"}
    misfit = row | {"experiment": "misfit", "sample": "s", "images": "raw/good.tif"}
    models = dict.fromkeys(("e", "misfit"), str(finished / "results/tiny/model"))
    write_config(
        tmp_path, [row | {"sample": "stills", "images": "raw/*"}, movie, misfit], models=models
    )
    run = run_snakemake(tmp_path, "--keep-going")
    assert run.code != 0
    bad = set(BAD) - set(BAD_HEADERS)
    for name in bad:
        assert BAD[name] in find_one(run.errors, f"raw/{name}: ")
    # A movie may have a frame without contrast, but none that cannot be used.
    assert len([line for line in run.errors if "movie.tif: " in line]) == 3
    assert len(run.errors) == len(bad) + 3
    assert "Traceback" not in run.all
    # Nothing is made of the rest of these samples; what has nothing to do with them goes on.
    assert not list((tmp_path / "results/e/segmentation").rglob("*.csv"))
    assert (tmp_path / "results/misfit/segmentation/s/objects.csv").exists()
    assert (tmp_path / "results/misfit/summary.html").exists()
    # Its end names what is missing, and a report shows the rest.
    (told,) = [line for line in run.out.splitlines() if line.startswith("e: ")]
    assert "of sample stills" in told
    assert "misfit: " not in run.out.split("Not finished.")[1]
    refused = run_snakemake(tmp_path, "--report", "report.html")
    assert refused.code != 0
    listed = run_snakemake(tmp_path, "results/unfinished.csv")
    assert "Not everything is made." in listed.out
    missing = read_table(tmp_path / "results/unfinished.csv", text=("sample",))
    assert set(missing["experiment"]) == {"e"}
    assert {"stills", "movie"} <= set(missing["sample"])
    report = run_snakemake(tmp_path, "finished", "--report", "report.html")
    assert report.code == 0, report.all
    page = (tmp_path / "report.html").read_text()
    assert "results/misfit/summary_short.html" in page
    assert "results/unfinished.csv" in page


def test_a_truth_that_does_not_fit(finished: Path, tmp_path: Path) -> None:
    """Its header tells it, unless it is replaced while the workflow runs."""
    save_still(tmp_path / "good.tif", 0)
    truth = tmp_path / "truth.tif"
    tifffile.imwrite(truth, np.zeros((96, 96), np.float32) + 0.5)
    write_config(
        tmp_path,
        [
            {
                "experiment": "e",
                "sample": "s",
                "images": "good.tif",
                "kind": "stills",
                "ground_truth": "truth.tif",
            }
        ],
        models={"e": str(finished / "results/tiny/model")},
    )
    run = run_snakemake(tmp_path, "--keep-going")
    assert run.code != 0
    assert "its values are no whole numbers" in find_one(run.errors, "truth.tif: ")
    assert (tmp_path / "results/e/segmentation/s/objects.csv").exists()
    assert not (tmp_path / "results/e/evaluation").exists()


def test_one_bad_image_does_not_stop_the_annotation_of_others(tmp_path: Path) -> None:
    draw_bad_images(tmp_path / "raw")
    for name in (*BAD_HEADERS, "infinite.tif"):  # which fails as its like does
        (tmp_path / "raw" / name).unlink()
    names = sorted(path.name for path in (tmp_path / "raw").iterdir())
    write_config(
        tmp_path,
        [{"experiment": "e", "sample": "s", "images": "raw/*", "kind": "stills", "train": "all"}],
    )
    tables = [f"results/e/annotation/s/{i:04d}/objects.csv" for i in range(len(names))]
    run = run_snakemake(tmp_path, "--keep-going", *tables)
    assert run.code != 0
    bad = set(names) & set(BAD)
    assert len(run.errors) == len(bad)
    for name in bad:
        assert BAD[name] in find_one(run.errors, f"raw/{name}: ")
    counts = {
        name: len(pd.read_csv(tmp_path / table))
        for name, table in zip(names, tables, strict=True)
        if (tmp_path / table).exists()
    }
    assert counts == {"good.tif": 9, "nothing.tif": 0, UMLAUTS: 9}


def test_training_without_any_nucleus(tmp_path: Path) -> None:
    for number in range(2):
        tifffile.imwrite(
            tmp_path / f"{number}.tif",
            photograph(np.zeros((96, 96)), seed=number),
            compression="zlib",
        )
    write_config(
        tmp_path,
        [{"experiment": "e", "sample": "s", "images": "?.tif", "kind": "stills", "train": "all"}],
    )
    run = run_snakemake(tmp_path, "results/e/model")
    assert run.code != 0
    assert len(run.errors) == 1
    assert "experiment e: none of the 2 training images has a nucleus" in run.errors[0]
    assert not (tmp_path / "results/e/model").exists()
    assert len(pd.read_csv(tmp_path / "results/e/annotation/s/0000/objects.csv")) == 0


def test_a_job_on_a_cluster_reads_the_sheet_for_itself(tmp_path: Path) -> None:
    """It must take the same images for unreadable as the run that sent it."""
    draw_bad_images(tmp_path / "raw")
    write_config(
        tmp_path,
        [{"experiment": "e", "sample": "s", "images": "raw/*", "kind": "stills", "train": "all"}],
        skip_unreadable=True,
    )
    names = sorted(path.name for path in (tmp_path / "raw").iterdir())
    frame = f"{names.index('good.tif'):04d}"
    job = f"preprocess_image:experiment=e,sample=s,frame={frame}"
    run = run_snakemake(tmp_path, "--mode", "subprocess", "--nolock", "--target-jobs", job)
    assert run.code == 0, run.all
    assert (tmp_path / f"results/e/annotation/s/{frame}/image.tif").exists()


def can_mount() -> bool:
    try:
        command = ["unshare", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]
        return subprocess.run(command, capture_output=True).returncode == 0
    except OSError:
        return False


@pytest.mark.skipif(not can_mount(), reason="needs leave to mount a small disk (unshare)")
def test_full_disk(tmp_path: Path) -> None:
    """Results and logs lie on a disk of 96 kB; the first image fits, the second does not."""
    rng = np.random.default_rng(0)
    for number, side in enumerate((64, 512)):
        image = rng.integers(0, 65535, (side, side)).astype(np.uint16)
        tifffile.imwrite(tmp_path / f"{number}.tif", image)
    write_config(
        tmp_path,
        [{"experiment": "e", "sample": "s", "images": "?.tif", "kind": "stills", "train": "all"}],
        pathvars={"results": "disk/results", "logs": "disk/logs"},
    )
    (tmp_path / "disk").mkdir()
    script = (
        'mount -t tmpfs -o size=96k none disk && "$@"; code=$?; '
        "find disk -type f -printf 'FILE %P\\n' >&2; exit $code"
    )
    targets = [f"disk/results/e/annotation/s/000{i}/image.tif" for i in range(2)]
    run = run_snakemake(
        tmp_path,
        "--keep-going",
        *targets,
        wrap=("unshare", "--map-root-user", "--mount", "sh", "-c", script, "sh"),
    )
    assert run.code != 0
    assert len(run.errors) == 1, run.all
    assert run.errors[0].startswith("ERROR disk/results/e/annotation/s/0001/image.tif: the disk is")
    files = [line for line in run.said.splitlines() if line.startswith("FILE ")]
    assert "FILE results/e/annotation/s/0000/image.tif" in files
    assert not [line for line in files if "0001/" in line and line.endswith(".tif")]


def test_an_error_is_seen_and_counts(tmp_path: Path) -> None:
    """One line on the terminal, in the log of the job, and an exit code that says so."""
    draw_project(tmp_path)
    tifffile.imwrite(tmp_path / "raw" / "field0.tif", np.full((96, 96), 5, np.uint16))
    run = run_snakemake(tmp_path, "results/tiny/annotation/fields/0000/image.tif")
    assert run.code == 1
    line = "ERROR raw/field0.tif: all pixels have the value 5."
    assert find_one(run.said.splitlines(), line)
    log = tmp_path / "logs/tiny/annotation/fields/0000/preprocess_image.log"
    assert line in log.read_text()
    assert str(log.relative_to(tmp_path)) in run.said
