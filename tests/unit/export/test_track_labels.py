import numpy as np
import pytest
import tifffile

from autonuclei.errors import InputError
from autonuclei.export.track_labels import write_track_labels
from autonuclei.labels.numbers import replace_labels
from track_examples import N_FRAMES, make_example

UNITS = {"pixel_size_um": 0.5, "frame_interval_min": 10.0}


def test_every_nucleus_gets_the_number_of_its_track(tmp_path):
    tracks, labels, _ = make_example()
    path = tmp_path / "tracks.tif"
    dtype = write_track_labels(path, tracks, labels=labels, n_frames=N_FRAMES, **UNITS)
    assert dtype == np.uint16
    with tifffile.TiffFile(path) as tif:
        movie = tif.asarray()
        assert tif.series[0].axes == "TYX"
        assert tif.imagej_metadata["finterval"] == 10
        assert tif.imagej_metadata["unit"] == "um"
    assert np.array_equal(movie > 0, labels > 0)
    for row in tracks.itertuples():
        assert np.unique(movie[row.frame][labels[row.frame] == row.label]).tolist() == [row.track]


def test_more_than_65535_tracks_become_float(tmp_path):
    tracks, labels, _ = make_example()
    tracks["track"] += 70_000
    path = tmp_path / "tracks.tif"
    dtype = write_track_labels(path, tracks, labels=labels, n_frames=N_FRAMES, **UNITS)
    assert dtype == np.float32
    values = np.unique(tifffile.imread(path)).tolist()
    assert values == [0, *sorted(tracks["track"].unique().tolist())]


def test_seventy_thousand_labels_in_one_float_frame():
    n = 70_000
    labels = np.arange(n + 1, dtype=np.float32).reshape(1, -1)
    old = np.arange(1, n + 1)
    new = replace_labels(labels, old, old[::-1].copy(), dtype=np.float32)
    assert new[0, :3].tolist() == [0, n, n - 1]
    assert new[0, -1] == 1


def test_too_many_tracks_are_refused(tmp_path):
    tracks, labels, _ = make_example()
    tracks["track"] += 2**24
    with pytest.raises(InputError, match="16777216"):
        write_track_labels(tmp_path / "a.tif", tracks, labels=labels, n_frames=N_FRAMES, **UNITS)


@pytest.mark.parametrize("change", ["image", "table", "frames"])
def test_masks_of_another_movie_are_told(tmp_path, change):
    tracks, labels, _ = make_example()
    n_frames = N_FRAMES
    if change == "image":
        labels[2, 0, 0] = 999
    elif change == "table":
        tracks.loc[0, "label"] = 999
    else:
        n_frames = 4
    with pytest.raises(InputError, match=r"Use the (masks|movie) that"):
        write_track_labels(tmp_path / "a.tif", tracks, labels=labels, n_frames=n_frames, **UNITS)
    assert list(tmp_path.iterdir()) == []


def test_movie_without_nuclei(tmp_path):
    tracks, labels, _ = make_example()
    path = tmp_path / "a.tif"
    write_track_labels(path, tracks.iloc[:0], labels=labels * 0, n_frames=2, **UNITS)
    assert not tifffile.imread(path).any()
