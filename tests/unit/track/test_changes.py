import numpy as np
import pytest

from autonuclei.errors import InputError
from autonuclei.track.changes import compare_corrections
from autonuclei.track.corrections import list_some, tabulate_links
from correction_examples import INTERVAL, find_links, make_movie, measure
from track_examples import N_FRAMES


@pytest.fixture(scope="module")
def movie():
    return make_movie()


def test_frames_say_where(movie):
    tracks, labels = movie
    edited = labels.copy()
    alone = edited[1, 57, 77]
    edited[1][edited[1] == alone] = 0
    edited[4, 40:45, 40:45] = 90
    edited[3, 0:2, 0:2] = edited[3, 51, 64]
    links = find_links(tracks)
    last = links[links["next_frame"] == 3].iloc[0]
    links = links[~(links == last).all(axis=1)]
    result = tabulate_links(measure(edited), links, frame_interval_min=INTERVAL)
    table = compare_corrections(tracks, result.tracks, labels, edited, frames=range(N_FRAMES))
    frames = table.frames.set_index("frame")
    assert frames["nuclei_removed"].tolist() == [0, 1, 0, 0, 0, 0]
    assert frames["nuclei_edited"].tolist() == [0, 0, 0, 1, 0, 0]
    assert frames["nuclei_added"].tolist() == [0, 0, 0, 0, 1, 0]
    assert frames["links_removed"].tolist() == [0, 0, 0, 1, 0, 0]
    assert frames["links_before"].sum() == len(links) + 1
    assert frames["divisions_before"].sum() == 3
    by_hand = {frame: len(np.unique(labels[frame])) - 1 for frame in range(N_FRAMES)}
    assert frames["nuclei_before"].to_dict() == by_hand
    assert (
        frames["nuclei_before"]
        == frames["nuclei_unchanged"] + frames["nuclei_edited"] + frames["nuclei_removed"]
    ).all()


def test_a_division_with_another_daughter_is_another_division(movie):
    tracks, labels = movie
    links = find_links(tracks)
    mothers = links[links.duplicated(["frame", "label"], keep=False)]
    one = mothers.iloc[0]
    end = links["next_frame"].max()
    free = tracks[(tracks["frame"] == end) & (tracks["parent"] == 0)]
    free = free[~free["label"].isin(links.loc[links["next_frame"] == end, "next_label"])].iloc[0]
    links = links[~(links == one).all(axis=1)]
    links.loc[len(links) + 5] = [one["frame"], one["label"], free["frame"], free["label"]]
    result = tabulate_links(measure(labels), links, frame_interval_min=INTERVAL)
    table = compare_corrections(tracks, result.tracks, labels, labels, frames=range(N_FRAMES))
    sample = table.sample.set_index("what")
    assert sample.loc["divisions", ["before", "after", "added", "removed"]].tolist() == [3, 3, 1, 1]
    assert sample.loc["divisions", "share_changed"] == pytest.approx(0.5)


def test_links_to_what_is_not_there(movie):
    tracks, labels = movie
    links = find_links(tracks)
    nuclei = measure(labels)
    wrong = links.copy()
    wrong.loc[0, "next_label"] = 777
    with pytest.raises(InputError, match=r"nucleus 777 of frame \d is not among the nuclei"):
        tabulate_links(nuclei, wrong)
    wrong.loc[0, ["next_frame", "next_label"]] = links.loc[1, ["next_frame", "next_label"]]
    with pytest.raises(InputError, match="two lead to nucleus"):
        tabulate_links(nuclei, wrong)


def test_tables_are_those_of_linking(movie):
    from autonuclei.track.link import link_nuclei

    _, labels = movie
    linked = link_nuclei(measure(labels), frame_interval_min=INTERVAL)
    result = tabulate_links(measure(labels), find_links(linked.tracks), frame_interval_min=INTERVAL)
    assert result.tracks.equals(linked.tracks)
    columns = [name for name in linked.lineages if name != "division_score"]
    assert result.lineages[columns].equals(linked.lineages[columns])
    assert result.lineages.dtypes.equals(linked.lineages.dtypes)


def test_no_nuclei(movie):
    result = tabulate_links(measure(movie[1] * 0), find_links(movie[0]).iloc[:0])
    assert len(result.tracks) == len(result.lineages) == 0
    assert result.parameters["frames_without_objects"] == []


def test_lists_name_a_few():
    assert list_some([1, 2, 3]) == "1, 2, 3"
    assert list_some([1, 2, 3, 4, 5]) == "1, 2, 3 and 2 more"
