import numpy as np
import pandas as pd
import pytest
from geff import GeffMetadata
from geff.core_io import read_to_memory, write_arrays

from autonuclei.errors import InputError
from autonuclei.export.geff import write_geff
from autonuclei.io.geff_folder import read_geff
from autonuclei.io.trackmate_file import read_trackmate
from autonuclei.labels.measurement import measure_objects
from autonuclei.labels.outlines import trace_outlines
from autonuclei.track.changes import compare_corrections
from autonuclei.track.corrected_spots import correct_geff, correct_trackmate
from autonuclei.track.corrections import tabulate_links
from conftest import ROOT
from correction_examples import (
    INTERVAL,
    SHAPE,
    SIZE,
    Edit,
    find_links,
    make_movie,
    measure,
    write_xml,
)
from track_examples import N_FRAMES

FAKETRACKS = ROOT.parent / "shared" / "data" / "faketracks" / "FakeTracks.xml"


@pytest.fixture(scope="module")
def movie():
    return make_movie()


@pytest.fixture
def edit(movie, tmp_path):
    return Edit(write_xml(tmp_path / "ours.xml", *movie))


def give_back(edit, movie, tmp_path):
    """Save, read, and make tables and comparison; give the corrections, tracks and changes."""
    tracks, labels = movie
    file = read_trackmate(edit.save(tmp_path / "edited.xml"))
    found = correct_trackmate(file, tracks=tracks, labels=labels, n_frames=N_FRAMES, shape=SHAPE)
    return finish(found, movie)


def finish(found, movie):
    tracks, labels = movie
    images = np.stack([found[frame] for frame in range(N_FRAMES)])
    result = tabulate_links(measure(images), found.links, frame_interval_min=INTERVAL)
    keys = result.tracks[["frame", "label"]].sort_values(["frame", "label"], ignore_index=True)
    assert keys.equals(found.nuclei[["frame", "label"]])
    changes = compare_corrections(tracks, result.tracks, labels, images, frames=range(N_FRAMES))
    nuclei = changes.sample.set_index("what").loc["nuclei"]
    counted = found.nuclei["change"].value_counts()
    for change, name in (("kept", "unchanged"), ("edited", "edited"), ("added", "added")):
        assert counted.get(change, 0) == nuclei[name], change
    return found, images, result, changes.sample.set_index("what")


def find_row(tracks, frame):
    """The nucleus of the plain track in frames 0 to 3; with a hole in 1, in two pieces in 2."""
    near = (tracks["frame"] == 0) & (tracks["y_px"].round() == 50) & (tracks["x_px"].round() == 60)
    track = tracks.loc[near, "track"].iloc[0]
    return int(tracks.index[(tracks["track"] == track) & (tracks["frame"] == frame)][0])


def find_alone(tracks):
    """The last nucleus without a link."""
    size = tracks.groupby("lineage")["frame"].transform("size")
    return int(tracks.index[size == 1][-1])


def key(tracks, row):
    return tracks.loc[row, "frame"], tracks.loc[row, "label"]


def list_links(table):
    return set(table.itertuples(index=False, name=None))


def square(y, x, reach):
    """Corners of a square of whole pixels around a pixel."""
    low, high = -reach - 0.5, reach + 0.5
    return [(x + a, y + b) for a, b in ((low, low), (high, low), (high, high), (low, high))]


def test_untouched_all_comes_back(edit, movie, tmp_path):
    found, images, result, sample = give_back(edit, movie, tmp_path)
    tracks, labels = movie
    assert np.array_equal(images, labels)
    assert result.tracks.equals(tracks)
    assert list_links(found.links) == list_links(find_links(tracks))
    assert found.notes == []
    assert (found.nuclei["change"] == "kept").all()
    assert (sample["share_changed"] == 0).all()
    assert sample.loc["divisions", "before"] == 3


def test_nothing_at_all(movie, tmp_path):
    tracks, labels = movie
    empty = tracks.iloc[:0], labels * 0
    _, images, _, sample = give_back(
        Edit(write_xml(tmp_path / "none.xml", *empty)), empty, tmp_path
    )
    assert not images.any()
    assert sample["share_changed"].isna().all()


def test_spots_deleted(edit, movie, tmp_path):
    tracks, _ = movie
    row = find_row(tracks, 1)
    alone = find_alone(tracks)
    edit.delete(row)
    edit.delete(alone)
    _, images, result, sample = give_back(edit, movie, tmp_path)
    for frame, label in (key(tracks, row), key(tracks, alone)):
        assert not (images[frame] == label).any()
    assert len(result.tracks) == len(tracks) - 2
    assert sample.loc["nuclei", "removed"] == 2
    assert sample.loc["nuclei", "unchanged"] == len(tracks) - 2
    n_cut = sum(row in link for link in Edit(tmp_path / "ours.xml").links)
    assert sample.loc["links", "removed"] == n_cut > 0


def test_a_circle_added_by_hand_and_linked(edit, movie, tmp_path):
    tracks, _ = movie
    before = find_alone(tracks)
    edit.add(5000, 4, 45.3, 70.2, 3.1, name="by hand")
    edit.link_all({*edit.links, (5000, before)})
    found, images, _, sample = give_back(edit, movie, tmp_path)
    new = found.nuclei[found.nuclei["id"] == 5000].iloc[0]
    assert new["change"] == "added"
    rows, _ = np.nonzero(images[4] == new["label"])
    yy, xx = np.mgrid[: SHAPE[0], : SHAPE[1]]
    assert len(rows) == (np.hypot(yy - 45.3, xx - 70.2) <= 3.1).sum()
    assert new["label"] > movie[1][4].max()
    frame, label = key(tracks, before)
    assert (4, new["label"], frame, label) in list_links(found.links)
    assert sample.loc["nuclei", "added"] == sample.loc["links", "added"] == 1


def test_moved_spots_take_their_outline_along(edit, movie, tmp_path):
    tracks, labels = movie
    row = find_row(tracks, 3)
    edit.move(row, 3, -2)
    _, images, _, sample = give_back(edit, movie, tmp_path)
    frame, label = key(tracks, row)
    expected = np.roll(labels[frame] == label, (3, -2), axis=(0, 1))
    assert np.array_equal(images[frame] == label, expected)
    assert sample.loc["nuclei", "edited"] == 1
    assert sample.loc["links", "added"] == sample.loc["links", "removed"] == 0


def test_outlines_edited(edit, movie, tmp_path):
    tracks, _ = movie
    row = find_row(tracks, 3)
    frame, label = key(tracks, row)
    y, x = tracks.loc[row, ["y_px", "x_px"]].round().astype(int)
    edit.draw(row, square(y, x, 4))
    _, images, _, sample = give_back(edit, movie, tmp_path)
    expected = np.zeros(SHAPE, bool)
    expected[y - 4 : y + 5, x - 4 : x + 5] = True
    assert np.array_equal(images[frame] == label, expected)
    assert sample.loc["nuclei", "edited"] == 1


def test_outlines_drawn_anew_over_the_same_pixels_are_untouched(edit, movie, tmp_path):
    """Labels with holes and pieces too keep all their pixels."""
    tracks, labels = movie
    for row in tracks.index:
        frame, label = key(tracks, row)
        corners = trace_outlines(labels[frame]).get_corners(label) - 0.5
        edit.draw(row, np.roll(corners, 3, axis=0)[::-1] + 0.1)
    found, images, _, _ = give_back(edit, movie, tmp_path)
    assert np.array_equal(images, labels)
    assert (found.nuclei["change"] == "kept").all()


def test_spots_made_anew_from_the_same_masks(edit, movie, tmp_path):
    """New IDs and no label, as the editor Labkit and a new detection in TrackMate make them."""
    tracks, labels = movie
    for row, element in edit.spots.items():
        element.set("ID", str(row + 3))
        del element.attrib["LABEL"]
    edit.link_all({(a + 3, b + 3) for a, b in edit.links})
    found, images, result, _ = give_back(edit, movie, tmp_path)
    assert np.array_equal(images, labels)
    assert result.tracks.equals(tracks)
    assert (found.nuclei["change"] == "kept").all()


def test_copied_spots_are_new(edit, movie, tmp_path):
    tracks, _ = movie
    row = find_row(tracks, 3)
    frame, label = key(tracks, row)
    copy = edit.add(7000, frame, tracks.loc[row, "y_px"] - 30, tracks.loc[row, "x_px"], 3)
    copy.set("LABEL", str(label))
    found, _, _, sample = give_back(edit, movie, tmp_path)
    assert found.nuclei.set_index("id").loc[7000, "change"] == "added"
    assert sample.loc["nuclei", "unchanged"] == len(tracks)


def test_links_cut_and_made_over_a_gap(edit, movie, tmp_path):
    tracks, _ = movie
    row = [find_row(tracks, frame) for frame in range(4)]
    links = edit.links - {(row[0], row[1]), (row[1], row[2])}
    edit.link_all({*links, (row[0], row[2])})
    found, _, result, sample = give_back(edit, movie, tmp_path)
    made = (*key(tracks, row[0]), *key(tracks, row[2]))
    assert made in list_links(found.links)
    assert (sample.loc["links", "added"], sample.loc["links", "removed"]) == (1, 2)
    assert result.parameters["gaps_closed"] == 3, "two were there before"
    assert (sample.loc["nuclei", ["edited", "added", "removed"]] == 0).all()


def test_tracks_joined(edit, movie, tmp_path):
    tracks, _ = movie
    end, start = find_row(tracks, 3), find_alone(tracks)
    edit.link_all({*edit.links, (end, start)})
    _, _, result, _ = give_back(edit, movie, tmp_path)
    table = result.tracks.set_index(["frame", "label"])["track"]
    assert table[key(tracks, end)] == table[key(tracks, start)]


def test_divisions_made_and_removed(edit, movie, tmp_path):
    tracks, _ = movie
    mother = find_row(tracks, 2)
    daughter = find_row(tracks, 3)
    edit.add(5000, 3, 45, 50, 3)
    divided = tracks.loc[tracks["parent"] > 0, "parent"].iloc[0]
    own = tracks.index[tracks["track"] == divided][-1]
    cut = next(link for link in sorted(edit.links) if link[0] == own)
    edit.link_all({*edit.links - {cut}, (mother, 5000)})
    _, _, result, sample = give_back(edit, movie, tmp_path)
    table = result.tracks.set_index(["frame", "label"])
    assert table.loc[key(tracks, daughter), "parent"] == table.loc[key(tracks, mother), "track"]
    assert (sample.loc["divisions", "added"], sample.loc["divisions", "removed"]) == (1, 1)
    lineages = result.lineages.set_index("track")
    assert lineages.loc[table.loc[key(tracks, mother), "track"], "daughters"] == 2


def test_three_daughters(edit, movie, tmp_path):
    tracks, _ = movie
    mother = find_row(tracks, 2)
    for i in range(2):
        edit.add(5000 + i, 3, 45, 45 + 8 * i, 3)
    edit.link_all({*edit.links, (mother, 5000), (mother, 5001)})
    _, _, result, _ = give_back(edit, movie, tmp_path)
    table = result.tracks.set_index(["frame", "label"])
    track = table.loc[key(tracks, mother), "track"]
    assert (result.lineages["parent"] == track).sum() == 3
    assert result.lineages.set_index("track").loc[track, "daughters"] == 3


def test_two_nuclei_that_become_one_are_refused(edit, movie, tmp_path):
    tracks, _ = movie
    to, other = find_row(tracks, 2), tracks.index[tracks["frame"] == 1]
    other = next(row for row in other if row != find_row(tracks, 1))
    edit.link_all({*edit.links, (other, to)})
    with pytest.raises(InputError) as refused:
        give_back(edit, movie, tmp_path)
    for row in (to, other, find_row(tracks, 1)):
        assert f"spot ID{row} (frame {tracks.loc[row, 'frame']})" in str(refused.value)


def test_what_filters_hide_is_left_out_and_told(edit, movie, tmp_path):
    tracks, _ = movie
    shown = edit.model.find("FilteredTracks")
    shown.remove(shown[0])
    hidden_track = edit.model.find("AllTracks")[0]
    linked = {int(e.get(f"SPOT_{end}_ID")) for e in hidden_track for end in ("SOURCE", "TARGET")}
    alone = find_alone(tracks)
    edit.spots[alone].set("VISIBILITY", "0")
    found, _, _, sample = give_back(edit, movie, tmp_path)
    assert set(found.nuclei["id"]) == set(tracks.index) - linked - {alone}
    assert f"{len(linked) + 1} spots that filters hide" in found.notes[0]
    assert sample.loc["nuclei", "removed"] == len(linked) + 1


def test_who_wins_where_nuclei_overlap(edit, movie, tmp_path):
    tracks, labels = movie
    row = find_row(tracks, 3)
    frame, label = key(tracks, row)
    y, x = tracks.loc[row, ["y_px", "x_px"]].round().astype(int)
    edit.add(5000, frame, y, x - 5, 4)
    edit.draw(5000, square(y, x - 5, 4))
    edit.add(5001, frame, y, x - 9, 2)
    edit.draw(5001, square(y, x - 9, 1))
    found, images, _, _ = give_back(edit, movie, tmp_path)
    assert np.array_equal(images[frame] == label, labels[frame] == label)
    number = found.nuclei.set_index("id")["label"]
    assert (images[frame] == number[5001]).sum() == 9
    ours = (labels[frame] == label)[y - 4 : y + 5, x - 9 : x].sum()
    assert (images[frame] == number[5000]).sum() == 81 - ours - 6
    assert f"spot ID5000 (frame {frame}) loses {ours + 6} of 81 px" in found.notes[0]


def test_a_spot_wholly_on_another_is_refused(edit, movie, tmp_path):
    tracks, _ = movie
    row = find_row(tracks, 3)
    edit.add(5000, 3, *tracks.loc[row, ["y_px", "x_px"]], 1)
    with pytest.raises(InputError, match=r"spot ID5000 \(frame 3\) lies wholly on other nuclei"):
        give_back(edit, movie, tmp_path)


def test_spots_outside_of_the_image_are_told(edit, movie, tmp_path):
    tracks, _ = movie
    row = find_row(tracks, 3)
    edit.add(5000, 3, -20, 5, 3)
    edit.add(5001, 2, 2e6, 5, 3)
    edit.add(5002, 3, 5, SHAPE[1] + 1.0, 4)
    edit.move(row, 0, 500)
    found, images, _, sample = give_back(edit, movie, tmp_path)
    assert found.notes[0].startswith("3 outside of the image left out: ")
    assert sample.loc["nuclei", "removed"] == 1
    assert sample.loc["nuclei", "added"] == 1, "one is partly inside"
    assert not (images[3] == tracks.loc[row, "label"]).any()


def test_tiny_and_huge_circles(edit, movie, tmp_path):
    edit.add(5000, 5, 50.4, 50.4, 0.01)
    edit.add(5001, 2, 30, 30, 1e6)
    found, images, _, _ = give_back(edit, movie, tmp_path)
    label = found.nuclei.set_index("id")["label"]
    assert np.argwhere(images[5] == label[5000]).tolist() == [[50, 50]]
    assert (images[2] > 0).all()
    assert np.array_equal(images[2][movie[1][2] > 0], movie[1][2][movie[1][2] > 0])


def test_outlines_that_were_lost_are_no_edit(edit, movie, tmp_path):
    """TrackMate before version 7 knew no outlines."""
    for element in edit.spots.values():
        del element.attrib["ROI_N_POINTS"]
        element.text = None
    _, images, _, _ = give_back(edit, movie, tmp_path)
    assert np.array_equal(images, movie[1])


def test_files_of_another_movie_are_refused(edit, movie, tmp_path):
    tracks, labels = movie
    file = read_trackmate(edit.save(tmp_path / "edited.xml"))
    with pytest.raises(InputError, match="80 x 60 px and 6 frames, this one has 80 x 60 px and 7"):
        correct_trackmate(file, tracks=tracks, labels=labels, n_frames=7, shape=SHAPE)
    with pytest.raises(InputError, match="has shape"):
        correct_trackmate(file, tracks=tracks, labels=labels[:, 1:], n_frames=N_FRAMES, shape=SHAPE)
    with pytest.raises(InputError, match="is not in them"):
        correct_trackmate(file, tracks=tracks, labels=labels * 0, n_frames=N_FRAMES, shape=SHAPE)


def test_frames_behind_the_last_are_refused(edit, movie, tmp_path):
    for frame in edit.model.iter("SpotsInFrame"):
        if frame.get("frame") == "5":
            frame.set("frame", "6")
            for spot in frame:
                spot.set("FRAME", "6")
    with pytest.raises(InputError, match="is behind the last frame, 5"):
        give_back(edit, movie, tmp_path)


class Graph:
    """A GEFF folder in the hands of a user, who has the package `geff`."""

    def __init__(self, path, movie):
        write_geff(path, movie[0], pixel_size_um=SIZE, frame_interval_min=INTERVAL)
        content = read_to_memory(path)
        self.path = path
        self.metadata = GeffMetadata.read(path)
        self.ids = content["node_ids"]
        self.edges = content["edge_ids"]
        self.properties = {
            name: {"values": value["values"], "missing": value["missing"]}
            for name, value in content["node_props"].items()
        }

    def add(self, node, **values):
        self.ids = np.append(self.ids, np.uint64(node))
        for name, value in self.properties.items():
            known = values.pop(name, None)
            missing = value["missing"]
            if known is None or missing is not None:
                missing = np.zeros(len(self.ids) - 1, bool) if missing is None else missing
                value["missing"] = np.append(missing, known is None)
            filled = np.asarray([known or 0]).astype(value["values"].dtype)
            value["values"] = np.append(value["values"], filled)
        for name, known in values.items():
            column = np.zeros(len(self.ids))
            column[-1] = known
            self.properties[name] = {"values": column, "missing": column == 0}

    def delete(self, node):
        keep = self.ids != node
        self.ids = self.ids[keep]
        self.edges = self.edges[(self.edges != node).all(axis=1)]
        for value in self.properties.values():
            value["values"] = value["values"][keep]
            if value["missing"] is not None:
                value["missing"] = value["missing"][keep]

    def link(self, first, second):
        self.edges = np.vstack([self.edges, [[first, second]]]).astype(np.uint64)

    def save(self, path, **changes):
        metadata = GeffMetadata(
            directed=True,
            axes=changes.get("axes", self.metadata.axes),
            node_props_metadata={},
            edge_props_metadata={},
        )
        write_arrays(path, self.ids, self.properties, self.edges, {}, metadata)
        return path


@pytest.fixture
def graph(movie, tmp_path):
    return Graph(tmp_path / "ours.geff", movie)


def give_back_graph(graph, movie, tmp_path, **changes):
    tracks, labels = movie
    read = read_geff(graph.save(tmp_path / "edited.geff", **changes))
    found = correct_geff(read, tracks=tracks, labels=labels, n_frames=N_FRAMES, shape=SHAPE)
    return finish(found, movie)


def test_geff_untouched(graph, movie, tmp_path):
    tracks, labels = movie
    found, images, result, _ = give_back_graph(graph, movie, tmp_path)
    assert np.array_equal(images, labels)
    assert result.tracks.equals(tracks)
    assert found.notes == []


def test_geff_edited(graph, movie, tmp_path):
    tracks, labels = movie
    gone, moved, before = (find_row(tracks, frame) for frame in (1, 3, 0))
    graph.delete(gone)
    graph.properties["x"]["values"][graph.ids == moved] -= 2.9
    graph.add(900, t=1, y=45.0, x=50.0, radius=3.0)
    graph.link(before, 900)
    found, images, _, sample = give_back_graph(graph, movie, tmp_path)
    frame, label = key(tracks, moved)
    assert np.array_equal(images[frame] == label, np.roll(labels[frame] == label, -3, axis=1))
    new = found.nuclei.set_index("id").loc[900]
    assert (images[1] == new["label"]).sum() == 29
    assert (*key(tracks, before), 1, new["label"]) in list_links(found.links)
    assert sample.loc["nuclei", ["edited", "added", "removed"]].tolist() == [1, 1, 1]
    assert (sample.loc["links", "added"], sample.loc["links", "removed"]) == (1, 2)


def test_geff_that_cannot_be_right(graph, movie, tmp_path):
    tracks, _ = movie
    graph.add(900, t=1, y=45.0, x=50.0)
    with pytest.raises(InputError, match=r"of 1 new node\(s\) the size is not known: 900"):
        give_back_graph(graph, movie, tmp_path)
    graph.delete(900)
    other = next(r for r in tracks.index[tracks["frame"] == 1] if r != find_row(tracks, 1))
    graph.link(other, find_row(tracks, 2))
    with pytest.raises(InputError, match=rf"node {other} \(frame 1\)"):
        give_back_graph(graph, movie, tmp_path / "b")
    graph.add(901, t=1, y=45.0, x=50.0, label=tracks.loc[other, "label"])
    with pytest.raises(InputError, match=f"nodes {other}, 901 all have label"):
        give_back_graph(graph, movie, tmp_path / "c")
    first, second = tracks.index[tracks["frame"] == 1][:2]
    graph.link(first, second)
    with pytest.raises(InputError, match="are linked and both in frame 1"):
        give_back_graph(graph, movie, tmp_path / "d")


def test_geff_with_other_axes_is_refused(graph, movie, tmp_path):
    axes = [axis.model_copy() for axis in graph.metadata.axes]
    axes[1].unit = "micrometer"
    with pytest.raises(InputError, match="axis y is in micrometer"):
        give_back_graph(graph, movie, tmp_path, axes=axes)
    with pytest.raises(InputError, match="its axes are t, y"):
        give_back_graph(graph, movie, tmp_path / "b", axes=graph.metadata.axes[:2])
    graph.properties["t"]["values"] = graph.properties["t"]["values"] + 0.5
    with pytest.raises(InputError, match=r"t of node 0 is 0\.5"):
        give_back_graph(graph, movie, tmp_path / "c")


def test_geff_that_is_damaged_ends_in_one_line(graph, tmp_path):
    with pytest.raises(InputError, match="cannot be read as GEFF"):
        read_geff(tmp_path / "nothing")
    path = graph.save(tmp_path / "cut.geff")
    for chunk in (path / "edges").rglob("*"):
        if chunk.is_file() and not chunk.name.startswith((".z", "zarr")):
            chunk.write_bytes(chunk.read_bytes()[:3])
    with pytest.raises(InputError) as refused:
        read_geff(path)
    assert "\n" not in str(refused.value)


@pytest.mark.skipif(not FAKETRACKS.is_file(), reason="the file that TrackMate wrote is not there")
def test_a_file_that_trackmate_wrote(movie):
    """All of its nuclei are new to us."""
    file = read_trackmate(FAKETRACKS)
    labels = np.zeros((50, 128, 128), np.int32)
    found = correct_trackmate(
        file, tracks=movie[0].iloc[:0], labels=labels, n_frames=50, shape=(128, 128)
    )
    assert len(found.nuclei) == 107 - 1 - 12
    assert (found.nuclei["change"] == "added").all()
    images = [found[frame] for frame in range(50)]
    nuclei = pd.concat(
        [measure_objects(page, page, frame=frame) for frame, page in enumerate(images)],
        ignore_index=True,
    )
    result = tabulate_links(nuclei, found.links)
    assert result.parameters["divisions"] == 2
    assert result.parameters["gaps_closed"] == 1
    # Lineages of 74 and 10 nuclei, and ten nuclei alone.
    sizes = sorted(result.tracks["lineage"].value_counts())
    assert sizes == [1] * 10 + [10, 74]
    # Where TrackMate says that they are, and of its size: its outlines run through pixels.
    spots = file.spots.set_index("id").loc[found.nuclei["id"]]
    given = found.nuclei.merge(nuclei, on=["frame", "label"])
    assert (
        np.hypot(
            given["y_px"].to_numpy() - spots["y_px"].to_numpy(),
            given["x_px"].to_numpy() - spots["x_px"].to_numpy(),
        ).max()
        < 1.0
    )
    area = np.pi * spots["radius_px"].to_numpy() ** 2
    assert np.median(given["area_px"].to_numpy() / area) == pytest.approx(1, abs=0.05)
