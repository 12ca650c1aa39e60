import re

import numpy as np
import pandas as pd
import pytest

from autonuclei.measure.lineages import tabulate_cycles
from autonuclei.measure.trees import find_largest_lineages, format_newick, layout_trees
from autonuclei.measure.units import Units
from lineage_examples import grow_lineages, make_lineage_tracks
from track_examples import make_example

FRAMES = Units()


@pytest.fixture
def cycles():
    tracks, _, _ = make_example()
    return tabulate_cycles(tracks, frames=range(6), units=FRAMES)


def read_newick(line):
    """A parser that refuses what is no Newick: parent and length by name."""
    assert line.endswith(";")
    parents, lengths = {}, {}
    open_forks, waiting = [], []
    text = line[:-1]
    while text:
        if text[0] == "(":
            open_forks.append(waiting)
            waiting, text = [], text[1:]
            continue
        if text[0] == ",":
            text = text[1:]
            continue
        inner = []
        if text[0] == ")":
            inner, waiting, text = waiting, open_forks.pop(), text[1:]
            assert inner
        name, length = re.match(r"([^(),:;]+):([-+.\de]+)", text).groups()
        text = text[len(name) + len(length) + 1 :]
        lengths[name] = float(length)
        parents |= dict.fromkeys(inner, name)
        waiting.append(name)
    assert not open_forks
    assert len(waiting) == 1
    return parents, lengths


def test_every_lineage_is_a_tree_in_a_line(cycles):
    lines = format_newick(cycles, units=FRAMES).splitlines()
    assert lines[0] == "((t4:1,t5:0)t2:2,t3:1)t1:2;"
    assert lines[3] == "t10:0;"
    assert len(lines) == cycles["lineage"].nunique()


def test_newick_read_back():
    random = np.random.default_rng(0)
    nuclei = grow_lineages(random, n_founders=5, n_frames=160)
    tracks = make_lineage_tracks(nuclei, random)
    cycles = tabulate_cycles(tracks, frames=range(160), units=Units(None, 2.5))
    parents, lengths = {}, {}
    for line in format_newick(cycles, units=Units(None, 2.5)).splitlines():
        own = read_newick(line)
        parents |= own[0]
        lengths |= own[1]
    known = cycles[cycles["parent"] > 0]
    assert parents == {
        f"t{track}": f"t{parent}"
        for track, parent in zip(known["track"], known["parent"], strict=True)
    }
    assert len(lengths) == len(cycles)
    complete = cycles[cycles["duration_min"].notna()]
    assert [lengths[f"t{track}"] for track in complete["track"]] == complete[
        "duration_min"
    ].tolist()


def test_lines_meet_and_do_not_cross(cycles):
    table = layout_trees(cycles, [1, 2], units=FRAMES).set_index("track")
    assert table["x"].to_dict() == {4: 0, 5: 1, 2: 0.5, 3: 2, 1: 1.25, 7: 4, 8: 5, 6: 4.5}
    assert table.loc[1, ["left_x", "right_x"]].tolist() == [0.5, 2]
    assert table.loc[[3, 4, 5, 7, 8], "left_x"].isna().all()
    for track, row in table.iterrows():
        if row["parent"]:
            assert row["from_frames"] == table.loc[row["parent"], "to_frames"], track
    minutes = layout_trees(cycles, [1], units=Units(None, 10.0))
    assert minutes["to_min"].max() == 50


def test_the_largest_lineages_come_first(cycles):
    assert find_largest_lineages(cycles, 3) == [1, 2, 3]
    assert find_largest_lineages(cycles, 99) == [1, 2, 3, 4, 5]
    assert find_largest_lineages(cycles.iloc[:0], 3) == []


def test_no_lineages(cycles):
    assert format_newick(cycles.iloc[:0], units=FRAMES) == ""
    empty = layout_trees(cycles, [], units=FRAMES)
    assert len(empty) == 0
    assert list(empty) == list(layout_trees(cycles, [1], units=FRAMES))


def test_a_tree_deeper_than_python_recurses():
    n = 3000
    rows = []
    for track in range(1, n, 2):
        parent = 0 if track == 1 else track - 2
        rows.append((track, 1, parent, track, 0))
        if parent:
            rows.append((track - 1, 1, parent, track, 0))
    columns = ["track", "lineage", "parent", "frame", "area_px"]
    tracks = pd.DataFrame(rows, columns=columns).assign(touches_border=False, area_px=1.0)
    cycles = tabulate_cycles(tracks, frames=range(n), units=FRAMES, channels=())
    parents, _ = read_newick(format_newick(cycles, units=FRAMES).strip())
    assert len(parents) == len(cycles) - 1
    assert len(layout_trees(cycles, [1], units=FRAMES)) == len(cycles)
