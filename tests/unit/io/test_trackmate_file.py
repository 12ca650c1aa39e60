from pathlib import Path

import numpy as np
import pytest

from autonuclei.errors import InputError
from autonuclei.io.trackmate_file import read_trackmate
from conftest import ROOT
from correction_examples import Edit, make_movie, write_xml

FAKETRACKS = ROOT.parent / "shared" / "data" / "faketracks" / "FakeTracks.xml"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    tracks, labels = make_movie()
    return write_xml(tmp_path_factory.mktemp("ours") / "tracks.xml", tracks, labels), tracks


@pytest.mark.skipif(not FAKETRACKS.is_file(), reason="the file that TrackMate wrote is not there")
def test_a_file_that_trackmate_wrote():
    file = read_trackmate(FAKETRACKS)
    spots = file.spots
    assert (len(spots), len(file.links), spots["track"].max() + 1) == (107, 89, 7)
    assert (file.width, file.height, file.n_frames, file.pixel_size) == (128, 128, 50, 1.0)
    # By the file's own features: 74 + 10 spots in the two tracks that its filters leave, one
    # spot that its filter of spots hides, and ten in no track.
    assert spots["is_shown"].sum() == 107 - 1 - 12
    assert spots.loc[spots["is_shown"], "track"].value_counts().to_dict() == {0: 74, -1: 10, 4: 10}
    n_after = file.links["earlier"].value_counts()
    assert (n_after > 1).sum() == 2
    frame = spots["frame"].to_numpy()
    lapse = frame[file.links["later"]] - frame[file.links["earlier"]]
    assert sorted(lapse)[-2:] == [1, 2]
    assert (np.diff(file.offsets) > 0).all()
    first = spots[spots["id"] == 2004].index[0]
    assert file.get_outline(first)[0].tolist() == pytest.approx([67.0, 4.0])


# pycellin leaves the file open that it iterates over.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.skipif(not FAKETRACKS.is_file(), reason="the file that TrackMate wrote is not there")
def test_pycellin_reads_the_same():
    from pycellin.io.trackmate.loader import load_TrackMate_XML

    # It numbers spots without a track over the tracks, so it is given the tracks alone.
    model = load_TrackMate_XML(str(FAKETRACKS), keep_all_tracks=True)
    lineages = model.data.cell_data.values()
    places = {node: lineage.nodes[node] for lineage in lineages for node in lineage.nodes()}
    file = read_trackmate(FAKETRACKS)
    spots = file.spots
    ids = spots["id"].to_numpy()
    ours = set(zip(ids[file.links["earlier"]], ids[file.links["later"]], strict=True))
    assert {edge for lineage in lineages for edge in lineage.edges()} == ours
    linked = spots[spots["track"] >= 0].set_index("id")
    assert set(places) == set(linked.index)
    for node, values in places.items():
        row = linked.loc[node]
        assert (values["FRAME"], values["cell_name"]) == (row["frame"], row["name"])
        assert [values["cell_x"], values["cell_y"]] == [row["x_px"], row["y_px"]]
        assert values["RADIUS"] == row["radius_px"]
        assert values["VISIBILITY"] == 1


def test_our_file(written):
    path, tracks = written
    file = read_trackmate(path)
    spots = file.spots.sort_values("id", ignore_index=True)
    for name in ("frame", "label"):
        assert (spots[name] == tracks[name]).all()
    for name in ("y_px", "x_px"):
        assert np.allclose(spots[name], tracks[name], atol=1e-9)
    assert np.allclose(spots["radius_px"], np.sqrt(tracks["area_px"] / np.pi))
    assert spots["is_shown"].all()
    assert (spots["name"] == "ID" + spots["id"].astype(str)).all()


def damage(written, tmp_path, old, new, count=1):
    text = Path(written[0]).read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "damaged.xml"
    path.write_text(text.replace(old, new, count), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('<Spot ID="3"', '<Spot ID="4"', "spot ID4 is listed twice"),
        ('<Spot ID="3"', '<Spot ID="3000"', "a link leads to spot ID3, which is not there"),
        ('<Spot ID="3"', '<Spot ID="1e400"', "ID of a spot is '1e400', which is not possible"),
        ('<Spot ID="3"', '<Spot ID="9999999999"', "not possible"),
        ('<Spot ID="3"', '<Spot ID="2.5"', "not a whole number"),
        ('<Spot ID="3"', '<Spot NR="3"', "a spot has no ID"),
        ('<SpotsInFrame frame="2"', '<SpotsInFrame frame="-2"', "not a whole number"),
        ('<SpotsInFrame frame="2"', '<SpotsInFrame frame="3"', "has another FRAME"),
        (' POSITION_X="', ' POSITION_X="x', "not possible"),
        (' POSITION_X="', ' POSITION_X="NaN" A="', "'NaN', which is not possible"),
        (' RADIUS="', ' RADIUS="-', "RADIUS of spot ID0 is below 0"),
        (' ROI_N_POINTS="', ' ROI_N_POINTS="99', "the outline of spot ID0 is damaged"),
        (' nslices="1"', ' nslices="3"', "several z slices"),
        (' pixelwidth="0.325"', ' pixelwidth="0.0"', "the pixel size is 0.0 by 0.325"),
        (' pixelwidth="0.325"', ' pixelwidth="0.5"', "the pixel size is 0.5 by 0.325"),
        ("<ImageData", "<ImageDatum", "has no ImageData"),
        ("</AllSpots>", "", "is not a whole XML file"),
        ('encoding="UTF-8"', 'encoding="UTN-8"', "is not a whole XML file"),
        ("<TrackMate version", "<Tracks version", "begins with <Tracks>, not with <TrackMate>"),
    ],
)
def test_damaged_files_end_in_one_line(written, tmp_path, old, new, reason):
    path = damage(written, tmp_path, old, new)
    with pytest.raises(InputError) as refused:
        read_trackmate(path)
    assert reason in str(refused.value)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_links_within_a_frame_are_refused(written, tmp_path):
    edit = Edit(written[0])
    tracks = written[1]
    pair = tracks.index[tracks["frame"] == 2][:2].tolist()
    edit.link_all({*edit.links, tuple(pair)})
    with pytest.raises(InputError, match="are linked and both in frame 2"):
        read_trackmate(edit.save(tmp_path / "edited.xml"))


def test_links_that_run_backwards_are_turned(written, tmp_path):
    edit = Edit(written[0])
    edit.link_all({(b, a) for a, b in edit.links})
    turned, straight = read_trackmate(edit.save(tmp_path / "e.xml")), read_trackmate(written[0])
    ids = [file.spots["id"].to_numpy() for file in (turned, straight)]
    pairs = [
        set(zip(i[f.links["earlier"]], i[f.links["later"]], strict=True))
        for i, f in zip(ids, (turned, straight), strict=True)
    ]
    assert pairs[0] == pairs[1]


@pytest.mark.parametrize("content", ["", "not xml", "<TrackMate>", "\x00\x01"])
def test_other_files_end_in_one_line(tmp_path, content):
    path = tmp_path / "file.xml"
    path.write_text(content)
    with pytest.raises(InputError) as refused:
        read_trackmate(path)
    assert "\n" not in str(refused.value)


def test_cut_files_end_in_one_line(written, tmp_path):
    data = Path(written[0]).read_bytes()
    path = tmp_path / "cut.xml"
    for part in (0.1, 0.5, 0.9, 0.99):
        path.write_bytes(data[: int(len(data) * part)])
        with pytest.raises(InputError, match="is not a whole XML file"):
            read_trackmate(path)


def test_missing_files_and_folders(tmp_path):
    for path in (tmp_path / "none.xml", tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            read_trackmate(path)


def test_entities_are_refused(written, tmp_path):
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><TrackMate version'
    path = damage(written, tmp_path, "<TrackMate version", bomb)
    with pytest.raises(InputError, match="document type"):
        read_trackmate(path)
    path.write_text('<!DOCTYPE x SYSTEM "file:///etc/passwd"><TrackMate/>')
    with pytest.raises(InputError, match="document type"):
        read_trackmate(path)


def test_a_file_without_spots(tmp_path):
    tracks, labels = make_movie()
    path = write_xml(tmp_path / "none.xml", tracks.iloc[:0], labels * 0)
    file = read_trackmate(path)
    assert len(file.spots) == len(file.links) == len(file.corners) == 0


def test_labels_of_others_are_no_error(written, tmp_path):
    for value in ("2.0", "-1", "NaN", "77777777777777777777", "2.5"):
        path = damage(written, tmp_path, ' LABEL="', f' LABEL="{value}" OLD="')
        labels = read_trackmate(path).spots["label"]
        assert labels[0] == (2 if value == "2.0" else -1)
