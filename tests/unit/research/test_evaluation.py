"""`make evaluate`: layouts drawn small, figures worked out by hand, other people's results."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from ctc_metrics.scripts.evaluate import evaluate_sequence
from PIL import Image

from autonuclei.errors import InputError
from autonuclei.evaluate.masks import drop_at_border
from autonuclei.evaluate.tracks import evaluate_ctc_folders
from autonuclei.example.drawn_movies import draw_movie
from autonuclei.example.drawn_nuclei import MovieSettings
from autonuclei.export.ctc import read_ctc, write_ctc
from autonuclei.track.link import link_nuclei
from research.evaluation.__main__ import find_border
from research.evaluation.layouts import Recording, draw_runs, read_recordings, read_result
from research.evaluation.methods import link_by_laptrack
from research.evaluation.scores import score_masks, score_result

ROOT = Path(__file__).resolve().parents[3]
LOOK = MovieSettings(
    frames=12, height_px=160, width_px=160, nuclei=14, cycle_min=150, mitosis_min=20
)


def draw_square(corners: dict[int, tuple[int, int]], side: int = 10) -> np.ndarray:
    """Squares by number and first row and column, in an image of 40 x 60."""
    image = np.zeros((40, 60), np.uint16)
    for number, (row, column) in corners.items():
        image[row : row + side, column : column + side] = number
    return image


TRUTH = draw_square({1: (0, 0), 2: (20, 0), 3: (20, 30)})
# Of 1 a strip of eight columns (IoU 0.8), of 2 five (IoU 0.5 and not more than half), 3 missed, one
# invented.
FOUND = draw_square({5: (0, 0), 6: (20, 0), 8: (0, 40)})
FOUND[:10, 8:10] = FOUND[20:30, 5:10] = 0


def write_pairs(folder: Path) -> None:
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    tifffile.imwrite(folder / "images" / "a.tif", TRUTH)
    tifffile.imwrite(folder / "images" / "b.tif", TRUTH)
    tifffile.imwrite(folder / "masks" / "a.tif", TRUTH)


def read_only(recordings: list[Recording]) -> Recording:
    (recording,) = recordings
    return recording


@pytest.fixture(scope="module")
def movie(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn movie in the layout of the challenge, with silver masks of some frames only."""
    folder = tmp_path_factory.mktemp("drawn")
    drawn = draw_movie(LOOK, seed=3)
    for name in ("01", "01_GT/SEG", "01_ST/SEG", "01_GT/TRA"):
        (folder / name).mkdir(parents=True)
    for frame, (image, labels) in enumerate(zip(drawn.images, drawn.labels, strict=True)):
        tifffile.imwrite(folder / "01" / f"t{frame:03d}.tif", image)
        truth = labels.astype(np.uint16)
        tifffile.imwrite(folder / "01_GT/TRA" / f"man_track{frame:03d}.tif", truth)
        tifffile.imwrite(folder / "01_ST/SEG" / f"man_seg{frame:03d}.tif", truth)
        if frame in (2, 7):
            tifffile.imwrite(folder / "01_GT/SEG" / f"man_seg{frame:03d}.tif", truth)
    drawn.tracks[["label", "begin", "end", "parent"]].to_csv(
        folder / "01_GT/TRA/man_track.txt", sep=" ", header=False, index=False
    )
    return folder


def copy_result(movie: Path, folder: Path) -> None:
    """The truth as if a program had found it."""
    table, masks = read_ctc(movie / "01_GT")
    folder.mkdir()
    table.to_csv(folder / "res_track.txt", sep=" ", header=False, index=False)
    for frame, path in enumerate(masks):
        (folder / f"mask{frame:03d}.tif").write_bytes(path.read_bytes())


def test_masks_score_as_worked_out_by_hand() -> None:
    scores = score_masks({"a": lambda: TRUTH}, {"a": lambda: FOUND})
    # At 0.5 two of three are right, one is missed, one invented; at 0.8 only one is right.
    assert scores["F1 0.50"] == pytest.approx(2 / 3)
    assert scores["AP 0.50"] == pytest.approx(2 / 4)
    assert scores["AP 0.80"] == pytest.approx(1 / 5)
    assert scores["F1 0.90"] == scores["AP 0.85"] == 0
    # Once 1/2, six times 1/5 (0.55 to 0.80), then nothing.
    assert scores["mAP"] == pytest.approx((1 / 2 + 6 / 5) / 10)
    # SEG asks for more than half of the true nucleus.
    assert scores["SEG"] == pytest.approx(0.8 / 3)
    assert scores["IoU matched"] == pytest.approx((0.8 + 0.5) / 2)


def test_pooled_figures_are_not_the_means_over_images() -> None:
    half = draw_square({1: (0, 0)})
    truth = {"a": lambda: TRUTH, "b": lambda: half}
    scores = score_masks(truth, {"a": lambda: FOUND, "b": lambda: half})
    assert scores["AP 0.50"] == pytest.approx(3 / 5)
    assert scores["AP mean 0.50"] == pytest.approx((1 / 2 + 1) / 2)
    assert scores["F1 0.50"] == pytest.approx(2 * 3 / 8)
    assert scores["F1 mean 0.50"] == pytest.approx((2 / 3 + 1) / 2)
    assert scores["mAP mean"] == pytest.approx((0.17 + 1) / 2)


def test_nuclei_wholly_in_the_margin_do_not_count() -> None:
    labels = draw_square({1: (0, 0), 2: (0, 20), 3: (20, 30)}, side=8)
    assert np.unique(drop_at_border(labels, 8)).tolist() == [0, 3]
    kept = drop_at_border(labels, 7)
    assert (kept[labels == 2] == 2).all()
    assert drop_at_border(labels, 0) is labels


def test_tracks_within_the_margin_are_cut(tmp_path: Path) -> None:
    # 1 leaves the field in frame 1 and is back in frame 2; 2 is never in it.
    inside, outside = (20, 20), (0, 20)
    frames = [draw_square({1: place, 2: (0, 40)}, side=6) for place in (inside, outside, inside)]
    found = pd.DataFrame({"frame": [0, 1, 2] * 2, "track": [1] * 3 + [2] * 3, "parent": 0})
    found["label"] = found["track"]
    write_ctc(tmp_path / "found", found, labels=frames, n_frames=3)
    seen = [draw_square({1: inside}, side=6), draw_square({}), draw_square({9: inside}, side=6)]
    true = pd.DataFrame({"frame": [0, 2], "track": [1, 9], "parent": [0, 1], "label": [1, 9]})
    write_ctc(tmp_path / "truth", true, labels=seen, n_frames=3)
    values = evaluate_ctc_folders(tmp_path / "truth", tmp_path / "found", border_px=8)
    assert values["TRA"] == values["DET"] == values["LNK"] == 1
    assert (values["nuclei_found"], values["tracks_found"]) == (2, 2)
    assert evaluate_ctc_folders(tmp_path / "truth", tmp_path / "found")["DET"] < 1


def test_a_result_that_is_the_truth_is_right_everywhere(movie: Path, tmp_path: Path) -> None:
    recording = read_only(read_recordings(movie))
    copy_result(movie, tmp_path / "01_RES")
    scores = score_result(recording, read_result(tmp_path, recording))
    for name, value in scores.items():
        if not name.endswith(("images", "nuclei")) and not name.startswith("divisions"):
            assert value == 1, name
    assert (scores["gold images"], scores["silver images"]) == (2, LOOK.frames)
    assert scores["divisions_true"] == scores["divisions_right_0"] > 0


@pytest.mark.parametrize("border_px", [0, 30])
def test_tracks_score_as_by_the_library_alone(movie: Path, tmp_path: Path, border_px: int) -> None:
    """The same folders, read, matched and counted by the library from end to end."""
    table, masks = read_ctc(movie / "01_GT")
    images = [tifffile.imread(path) for path in masks]
    for image in images[5:]:
        image[image == image.max()] = 0
    images[3] = np.where(np.roll(images[3], 4, axis=0) > 0, np.roll(images[3], 4, axis=0), 0)
    seen = [(f, n) for f, image in enumerate(images) for n in np.unique(image[image > 0])]
    found = pd.DataFrame(seen, columns=["frame", "label"])
    found["track"] = found["label"]
    found["parent"] = found["label"].map(table.set_index("label")["parent"])
    found.loc[found["parent"] == found["parent"].max(), "parent"] = 0
    write_ctc(tmp_path / "found", found, labels=images, n_frames=len(images))
    ours = evaluate_ctc_folders(
        movie / "01_GT", tmp_path / "found", border_px=border_px, chota=True
    )
    if border_px:  # by hand: what is seen of the result, as a result of its own
        cleared = [drop_at_border(image, border_px) for image in images]
        seen = {(f, n) for f, image in enumerate(cleared) for n in np.unique(image[image > 0])}
        found = found[[pair in seen for pair in zip(found["frame"], found["label"], strict=True)]]
        found.loc[~found["parent"].isin(found["track"]), "parent"] = 0
        write_ctc(tmp_path / "found", found, labels=cleared, n_frames=len(images))
    theirs = evaluate_sequence(str(tmp_path / "found"), str(movie / "01_GT"), threads=1)
    assert 0 < theirs["TRA"] < 1
    for name in ("TRA", "DET", "LNK", "CT", "TF", "CHOTA"):
        assert ours[name] == pytest.approx(theirs[name], abs=1e-9), name
    for frames in range(4):
        assert ours[f"BC_{frames}"] == pytest.approx(theirs[f"BC({frames})"], abs=1e-9)


def test_seg_is_that_of_the_library(movie: Path, tmp_path: Path) -> None:
    copy_result(movie, tmp_path / "01_RES")
    path = tmp_path / "01_RES" / "mask002.tif"
    tifffile.imwrite(path, np.roll(tifffile.imread(path), 3, axis=1))
    recording = read_only(read_recordings(movie))
    scores = score_result(recording, read_result(tmp_path, recording))
    theirs = evaluate_sequence(
        str(tmp_path / "01_RES"), str(movie / "01_GT"), metrics=["SEG"], threads=1
    )
    assert scores["gold SEG"] == pytest.approx(theirs["SEG"], abs=1e-9)
    assert 0.3 < scores["gold SEG"] < 1


def test_images_with_masks_as_pairs(tmp_path: Path) -> None:
    write_pairs(tmp_path)
    recording = read_only(read_recordings(tmp_path))
    assert list(recording.images) == ["a"] and list(recording.training) == ["b"]
    assert (recording.truths["masks"]["a"]() == TRUTH).all()


def test_the_layout_of_bbbc039(tmp_path: Path) -> None:
    for name in ("images", "masks", "metadata"):
        (tmp_path / name).mkdir()
    # As there: two nuclei that do not touch have the same number, in the first of four channels.
    mask = np.zeros((40, 60, 4), np.uint8)
    mask[..., 0] = draw_square({1: (0, 0), 2: (0, 10)}) + draw_square({1: (20, 30)})
    mask[..., 3] = 255
    for name in ("x", "y"):
        tifffile.imwrite(tmp_path / "images" / f"{name}.tif", TRUTH)
        Image.fromarray(mask).save(tmp_path / "masks" / f"{name}.png")
    (tmp_path / "metadata/training.txt").write_text("x.png\n")
    (tmp_path / "metadata/test.txt").write_text("y.png\n")
    recording = read_only(read_recordings(tmp_path))
    assert list(recording.images) == ["y"] and list(recording.training) == ["x"]
    labels = recording.truths["masks"]["y"]()
    assert len({labels[0, 0], labels[0, 10], labels[25, 35]} - {0}) == 3
    (tmp_path / "metadata/test.txt").write_text("z.png\n")
    with pytest.raises(InputError, match=r"names z, which has no image"):
        read_recordings(tmp_path)


def test_run_lengths_go_down_the_columns(tmp_path: Path) -> None:
    # Rows 1 and 2 of column 0, row 0 of column 1.
    labels = draw_runs(["2 2", "4 1"], (3, 2))
    assert labels.tolist() == [[0, 2], [1, 0], [1, 0]]
    for wrong in ("2", "0 1", "6 2", "x y"):
        with pytest.raises(ValueError):
            draw_runs([wrong], (3, 2))
    (tmp_path / "images").mkdir()
    tifffile.imwrite(tmp_path / "images/a.tif", np.zeros((3, 2), np.uint8))
    (tmp_path / "solution.csv").write_text("ImageId,EncodedPixels\na,2 2\na,4 1\nelsewhere,1 1\n")
    recording = read_only(read_recordings(tmp_path))
    assert (recording.truths["masks"]["a"]() == labels).all()
    (tmp_path / "solution.csv").write_text("ImageId,EncodedPixels\na,9 9\n")
    with pytest.raises(InputError, match=r"solution\.csv: a\.tif: the run 9 9"):
        read_only(read_recordings(tmp_path)).truths["masks"]["a"]()


def test_an_unknown_layout_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no known layout. Looked for: .*01_GT.*masks/.*csv"):
        read_recordings(tmp_path)


def test_results_of_others(tmp_path: Path) -> None:
    write_pairs(tmp_path / "data")
    recording = read_only(read_recordings(tmp_path / "data"))
    (tmp_path / "cellpose").mkdir()
    tifffile.imwrite(tmp_path / "cellpose" / "a_cp_masks.tif", FOUND)
    tifffile.imwrite(tmp_path / "cellpose" / "ab.tif", TRUTH)
    scores = score_result(recording, read_result(tmp_path / "cellpose", recording))
    assert scores["masks F1 0.50"] == pytest.approx(2 / 3)
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match=r"none: no result for data. Looked for: data_RES"):
        read_result(tmp_path / "none", recording)
    with pytest.raises(InputError, match=r"a: has a truth, but no result \(1 of 1 images\)"):
        score_masks(recording.truths["masks"], {})


def test_laptrack_follows_nuclei_that_stay(movie: Path) -> None:
    rows = [(f, n, 10.0, 30.0 * n + f, 80) for f in range(3) for n in (1, 2)]
    table = pd.DataFrame(rows, columns=["frame", "label", "y_px", "x_px", "area_px"])
    table = table.assign(y_um=np.nan, x_um=np.nan, area_um2=np.nan)
    tracks = link_by_laptrack(table)
    assert (tracks["track"] == tracks["label"]).all() and len(tracks) == 6
    assert link_nuclei(table.drop(columns=["y_um", "x_um", "area_um2"])).tracks["track"].max() == 2


def test_the_margin_goes_by_the_name_of_the_data() -> None:
    assert find_border(Path("/x/Fluo-N2DL-HeLa")) == 25
    assert find_border(Path("/x/Fluo-N2DH-GOWT1")) == find_border(Path("PhC-C2DH-MSC")) == 50
    assert find_border(Path("/x/Fluo-N2DH-SIM+")) == find_border(Path("/x/mine")) == 0
    # Not by a part of a word, nor by folders above.
    assert find_border(Path("/home/michelangelo")) == find_border(Path("/HeLa/mine")) == 0


def run_evaluation(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "research.evaluation", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_movie_from_end_to_end(movie: Path, tmp_path: Path) -> None:
    copy_result(movie, tmp_path / "01_RES")
    arguments = ["--methods", "otsu", "linking", "laptrack", "--results", tmp_path]
    done = run_evaluation(movie, *arguments, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "out/evaluation.csv").set_index("method")
    assert list(table.index) == [tmp_path.name, "otsu", "linking", "laptrack"]
    assert table.loc[tmp_path.name, "TRA"] == table.loc[tmp_path.name, "silver mAP"] == 1
    assert (table.loc[["linking", "laptrack"], "DET"] == 1).all()
    assert (table.loc[["otsu", "linking"], "TRA"] > 0.8).all()
    assert table.loc["otsu", "cpu_s"] > 0
    # What was given as masks is not scored as masks.
    assert table["silver mAP"].isna().tolist() == [False, False, True, True]
    assert "| 01 | linking | 1.000 |" in (tmp_path / "out/evaluation.md").read_text()


def test_what_cannot_be_evaluated_is_one_line(movie: Path, tmp_path: Path) -> None:
    done = run_evaluation(movie, "--methods", "otsu", "--only", "07", "--out", tmp_path)
    assert done.returncode and done.stderr == "ERROR ONLY: there is no 07; there are 01.\n"
    done = run_evaluation(movie, "--out", tmp_path)
    assert done.stderr == "ERROR nothing to evaluate. Give METHODS or RESULTS.\n"
