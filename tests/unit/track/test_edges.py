import numpy as np
import pandas as pd
import pytest

from autonuclei.track.edges import find_edges
from track_examples import list_links, make_example


def name_rows(tracks):
    return [
        (int(f), round(y), round(x))
        for f, y, x in zip(tracks["frame"], tracks["y_px"], tracks["x_px"], strict=True)
    ]


def test_links_of_the_example():
    tracks, _, _ = make_example()
    rows = name_rows(tracks)
    found = {(rows[a], rows[b]) for a, b in find_edges(tracks)}
    assert found == list_links()


def test_order_of_rows_does_not_matter():
    tracks, _, _ = make_example()
    shuffled = tracks.sample(frac=1, random_state=1)
    rows = name_rows(shuffled)
    assert {(rows[a], rows[b]) for a, b in find_edges(shuffled)} == list_links()


def test_table_comes_back_from_csv(tmp_path):
    tracks, _, _ = make_example()
    tracks.to_csv(tmp_path / "tracks.csv", index=False)
    back = pd.read_csv(tmp_path / "tracks.csv")
    pd.testing.assert_frame_equal(back, tracks, check_dtype=False)
    assert np.array_equal(find_edges(back), find_edges(tracks))


def test_empty_table_has_no_links():
    tracks, _, _ = make_example()
    assert find_edges(tracks.iloc[:0]).shape == (0, 2)


@pytest.mark.parametrize(
    ("column", "where", "value", "message"),
    [
        ("frame", ("track", 9), 0, "two nuclei in one frame"),
        ("parent", ("track", 9), 77, "named as a parent"),
        ("parent", ("track", 9), 4, "begins before"),
        ("lineage", ("track", 10), 3, "connected components"),
        ("lineage", ("track", 8), 9, "connected components"),
    ],
)
def test_contradictions_are_told(column, where, value, message):
    tracks, _, _ = make_example()
    tracks.loc[tracks[where[0]] == where[1], column] = value
    with pytest.raises(ValueError, match=message):
        find_edges(tracks)


def test_two_parents_are_told():
    tracks, _, _ = make_example()
    tracks.loc[np.flatnonzero(tracks["track"] == 9)[0], "parent"] = 1
    with pytest.raises(ValueError, match="two parents"):
        find_edges(tracks)
