import shutil

import numpy as np
import pytest
import tifffile

from autonuclei.errors import InputError
from autonuclei.export.ctc import read_ctc, write_ctc
from export_readers import read_ctc_links
from track_examples import HEIGHT, N_FRAMES, WIDTH, list_links, make_example


@pytest.fixture
def exported(tmp_path):
    tracks, labels, _ = make_example()
    folder = tmp_path / "ctc"
    table = write_ctc(folder, tracks, labels=labels, n_frames=N_FRAMES)
    return folder, tracks, labels, table


def test_lines_of_the_track_file(exported):
    folder, _, _, table = exported
    lines = (folder / "res_track.txt").read_text().splitlines()
    assert lines == [
        "1 0 1 0",
        "2 2 3 1",
        "3 2 3 1",
        "4 4 5 2",
        "5 4 4 2",
        "6 0 0 0",
        "7 3 3 12",
        "8 3 3 12",
        "9 0 3 0",
        "10 1 1 0",
        "11 5 5 0",
        "12 2 2 6",
        "13 5 5 8",
    ]
    assert read_ctc(folder)[0].equals(table)


def test_masks_hold_the_same_nuclei(exported):
    folder, tracks, labels, _ = exported
    _, masks = read_ctc(folder)
    assert [mask.name for mask in masks] == [f"mask{i:03d}.tif" for i in range(N_FRAMES)]
    later_part = {(6, 2): 12, (8, 5): 13}
    for row in tracks.itertuples():
        mask = tifffile.imread(masks[row.frame])
        assert mask.dtype == np.uint16
        expected = later_part.get((row.track, row.frame), row.track)
        assert np.unique(mask[labels[row.frame] == row.label]).tolist() == [expected]
        assert np.array_equal(mask > 0, labels[row.frame] > 0)


def test_links_come_back(exported):
    folder, _, _, _ = exported
    places = {}
    for frame, mask in enumerate(read_ctc(folder)[1]):
        image = tifffile.imread(mask)
        for label in np.unique(image[image > 0]).tolist():
            y, x = np.nonzero(image == label)
            places[frame, label] = (frame, round(y.mean()), round(x.mean()))
    assert {(places[a], places[b]) for a, b in read_ctc_links(folder)} == list_links()


def test_the_tools_of_the_challenge_read_the_folder_as_it_is(exported):
    from ctc_metrics.metrics import valid
    from ctc_metrics.scripts.evaluate import evaluate_sequence
    from traccuracy.loaders import load_ctc_data

    folder, _, _, table = exported
    _, masks = read_ctc(folder)
    in_frames = [np.unique(image[image > 0]).tolist() for image in map(tifffile.imread, masks)]
    assert valid([str(mask) for mask in masks], table.to_numpy(), in_frames) == 1
    truth = folder.parent / "GT" / "TRA"
    truth.mkdir(parents=True)
    (truth / "man_track.txt").write_text((folder / "res_track.txt").read_text())
    for frame, mask in enumerate(masks):
        (truth / f"man_track{frame:03d}.tif").write_bytes(mask.read_bytes())
    scores = evaluate_sequence(str(folder), str(truth.parent), ["TRA", "LNK", "DET"], threads=1)
    assert (scores["TRA"], scores["LNK"], scores["DET"]) == (1, 1, 1)
    graph = load_ctc_data(str(folder), name="ours")
    assert graph.graph.number_of_edges() == len(list_links())
    assert graph.segmentation.shape == (N_FRAMES, HEIGHT, WIDTH)


def test_truth_and_results_of_the_challenge_are_read(exported, tmp_path):
    folder, _, _, table = exported
    for place, track_file, mask_name in (
        (tmp_path / "01_GT" / "TRA", "man_track", "man_track{}.tif"),
        (tmp_path / "01_RES", "res_track", "mask{}.TIFF"),
    ):
        place.mkdir(parents=True)
        shutil.copy(folder / "res_track.txt", place / f"{track_file}.txt")
        for mask in folder.glob("*.tif"):
            shutil.copy(mask, place / mask_name.format(mask.stem.removeprefix("mask")))
        (place / "other7.tif").touch()
    truth, result = read_ctc(tmp_path / "01_GT"), read_ctc(tmp_path / "01_RES")
    assert truth[0].equals(table) and result[0].equals(table)
    assert [mask.name for mask in truth[1]] == [f"man_track{i:03d}.tif" for i in range(N_FRAMES)]
    assert [mask.name for mask in result[1]] == [f"mask{i:03d}.TIFF" for i in range(N_FRAMES)]


def test_more_than_65535_labels_are_32_bit(tmp_path):
    tracks, labels, _ = make_example()
    for column in ("track", "parent"):
        tracks.loc[tracks[column] > 0, column] += 70_000
    write_ctc(tmp_path / "a", tracks, labels=labels, n_frames=N_FRAMES)
    mask = tifffile.imread(tmp_path / "a" / "mask000.tif")
    assert mask.dtype == np.uint32
    assert mask.max() == 70_009


def test_no_nuclei_at_all(tmp_path):
    tracks, labels, _ = make_example()
    write_ctc(tmp_path / "a", tracks.iloc[:0], labels=labels * 0, n_frames=1)
    table, masks = read_ctc(tmp_path / "a")
    assert (len(table), len(masks)) == (0, 1)
    assert list(read_ctc_links(tmp_path / "a")) == []


def test_older_folder_is_replaced(exported):
    folder, tracks, labels, _ = exported
    one = tracks[tracks["frame"] == 0].reset_index(drop=True)
    write_ctc(folder, one, labels=labels, n_frames=1)
    assert sorted(file.name for file in folder.iterdir()) == ["mask000.tif", "res_track.txt"]


def test_bad_folders_are_told(exported):
    folder, _, _, _ = exported
    (folder / "mask002.tif").unlink()
    with pytest.raises(InputError, match="mask of frame 2 is missing"):
        read_ctc(folder)
    (folder / "res_track.txt").write_text("1 0 2\n")
    with pytest.raises(InputError, match=r"line 1 is '1 0 2'"):
        read_ctc(folder)
    (folder / "res_track.txt").write_text("1 0 2 0\n2 0 2 \u00b5\n", encoding="utf-8")
    with pytest.raises(InputError, match="line 2 is"):
        read_ctc(folder)
    (folder / "res_track.txt").unlink()
    with pytest.raises(InputError, match=r"neither res_track\.txt nor man_track\.txt"):
        read_ctc(folder)


def test_what_is_there_twice_is_refused(exported):
    folder, _, _, _ = exported
    shutil.copy(folder / "mask001.tif", folder / "man_track001.tif")
    with pytest.raises(InputError, match=r"man_track001\.tif and mask001\.tif are both the mask"):
        read_ctc(folder)
    shutil.copy(folder / "res_track.txt", folder / "man_track.txt")
    with pytest.raises(InputError, match=r"res_track\.txt and man_track\.txt are both in it"):
        read_ctc(folder)


def test_a_folder_with_the_file_of_a_ground_truth_beside_masks_is_read(exported):
    folder, _, _, table = exported
    (folder / "res_track.txt").rename(folder / "man_track.txt")
    found, masks = read_ctc(folder)
    assert found.equals(table)
    assert len(masks) == N_FRAMES
