"""Linking on small tables with known answers, and on drawn movies with known tracks."""

import json
import logging
from collections.abc import Callable
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from laptrack import LapTrack
from skimage.measure import regionprops_table

from autonuclei.errors import InputError
from autonuclei.evaluate.tracks import evaluate_tracks
from autonuclei.example.drawn_movies import DrawnMovie, draw_movie
from autonuclei.example.drawn_nuclei import MovieSettings
from autonuclei.export.ctc import make_ctc_tracks
from autonuclei.export.frames import recolour_frames
from autonuclei.settings import TrackSettings
from autonuclei.track.link import link_nuclei

COLUMNS = ["frame", "label", "y_px", "x_px", "area_px", "mean_intensity"]
Change = Callable[[pd.Series, pd.Series], pd.Series]
RADIUS = 8.0
AREA = np.pi * RADIUS**2


def make_objects(rows: list[tuple[float, ...]]) -> pd.DataFrame:
    """Make an object table in px from frame, label, y, x and, if given, area and intensity.

    Areas that are not given differ a little by label: those of marks do not, see
    `test_marks_of_one_size_have_divisions`.
    """
    full = [(*row, *(AREA * (0.9 + 0.05 * (row[1] % 5)), 100.0)[len(row) - 4 :]) for row in rows]
    table = pd.DataFrame(full, columns=COLUMNS)
    return table.astype({"frame": int, "label": int}).assign(
        eccentricity=0.3, orientation_rad=0.0, touches_border=False
    )


def measure_movie(movie: DrawnMovie, pixel_size_um: float) -> pd.DataFrame:
    tables = []
    names = ("label", "centroid", "area", "mean_intensity", "eccentricity", "orientation")
    for frame, (image, labels) in enumerate(zip(movie.images, movie.labels, strict=True)):
        table = pd.DataFrame(regionprops_table(labels, image, properties=names))
        edge = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
        tables.append(table.assign(frame=frame, touches_border=table.label.isin(edge)))
    table = pd.concat(tables, ignore_index=True).rename(
        columns={
            "centroid-0": "y_px",
            "centroid-1": "x_px",
            "area": "area_px",
            "orientation": "orientation_rad",
        }
    )
    return table.assign(
        y_um=table.y_px * pixel_size_um,
        x_um=table.x_px * pixel_size_um,
        area_um2=table.area_px * pixel_size_um**2,
    )


@cache
def default_movie(seed: int) -> tuple[DrawnMovie, pd.DataFrame]:
    movie = draw_movie(MovieSettings(), seed)
    return movie, measure_movie(movie, MovieSettings().pixel_size_um)


def evaluate(movie: DrawnMovie, tracks: pd.DataFrame) -> dict[str, float | str]:
    new, table = make_ctc_tracks(tracks)
    labels = recolour_frames(
        tracks,
        values=new,
        labels=movie.labels,
        n_frames=len(movie.labels),
        dtype=np.uint16,
    )
    return evaluate_tracks(movie.tracks, movie.labels, table, labels)


def tracks_by_label(tracks: pd.DataFrame) -> dict[int, set[int]]:
    return {int(k): set(g) for k, g in tracks.groupby("label")["track"]}


def check_tables(objects: pd.DataFrame, tracks: pd.DataFrame, lineages: pd.DataFrame) -> None:
    """Check what must hold for every result."""
    assert len(tracks) == len(objects)
    assert not tracks.duplicated(["frame", "label"]).any()
    assert not tracks.duplicated(["track", "frame"]).any()
    assert tracks.equals(tracks.sort_values(["track", "frame"]).reset_index(drop=True))
    assert sorted(lineages.track) == sorted(tracks.track.unique())
    assert sorted(lineages.track) == list(range(1, len(lineages) + 1))
    assert lineages.n_spots.sum() == len(objects)
    by_track = lineages.set_index("track")
    for row in lineages.itertuples():
        assert row.daughters in (0, 2)
        assert np.isnan(row.division_score) == (row.daughters == 0)
        if row.parent:
            mother = by_track.loc[row.parent]
            assert mother.last_frame < row.first_frame
            assert mother.lineage == row.lineage
    founders = lineages[lineages.parent == 0]
    assert founders.lineage.is_unique and len(founders) == lineages.lineage.nunique()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_default_movie_from_true_masks(seed: int) -> None:
    movie, objects = default_movie(seed)
    result = link_nuclei(objects, frame_interval_min=5.0)
    check_tables(objects, result.tracks, result.lineages)
    values = evaluate(movie, result.tracks)
    assert float(values["TRA"]) >= 0.98
    assert float(values["LNK"]) >= 0.98
    assert float(values["division_f1_0"]) >= 0.9


def test_what_the_camera_adds_changes_nothing() -> None:
    _, objects = default_movie(1)
    objects = objects.assign(background_intensity=300.0)
    shifted = objects.assign(
        mean_intensity=objects["mean_intensity"] + 2.0**15, background_intensity=300 + 2.0**15
    )
    one, other = link_nuclei(objects), link_nuclei(shifted)
    assert one.tracks["track"].tolist() == other.tracks["track"].tolist()


def add_offset(mean: pd.Series, frame: pd.Series) -> pd.Series:
    return mean + 32768.0


def normalise_frames(mean: pd.Series, frame: pd.Series) -> pd.Series:
    groups = mean.groupby(frame)
    return (mean - groups.transform("mean")) / groups.transform("std")


def saturate(mean: pd.Series, frame: pd.Series) -> pd.Series:
    return mean.clip(upper=1.1 * mean.median())


@pytest.mark.parametrize("change", [add_offset, normalise_frames, saturate])
def test_odd_intensities_without_a_background_cost_little(change: Change) -> None:
    movie, objects = default_movie(0)
    odd = objects.assign(mean_intensity=change(objects["mean_intensity"], objects["frame"]))
    values = evaluate(movie, link_nuclei(odd).tracks)
    assert float(values["LNK"]) >= 0.98
    assert float(values["division_f1_0"]) >= 0.9


def test_missing_and_split_nuclei_cost_little() -> None:
    movie, objects = default_movie(0)
    rng = np.random.default_rng(0)
    kept = objects[rng.random(len(objects)) > 0.02].reset_index(drop=True)
    result = link_nuclei(kept)
    check_tables(kept, result.tracks, result.lineages)
    assert result.lineages.n_gaps.sum() >= 5
    true = movie.tracks.set_index("label").parent
    mothers = true[true > 0].unique()
    found = result.lineages.loc[result.lineages.daughters == 2, "track"]
    label_of = result.tracks.groupby("track")["label"].last()
    right = set(label_of[found]) & set(mothers)
    assert len(right) >= 0.75 * len(mothers)
    assert len(right) >= 0.8 * len(found)


def test_px_and_um_give_the_same_tracks() -> None:
    _, objects = default_movie(1)
    blind = objects.assign(y_um=np.nan, x_um=np.nan, area_um2=np.nan)
    one, other = link_nuclei(objects), link_nuclei(blind)
    assert one.parameters["unit"] == "um" and other.parameters["unit"] == "px"
    assert one.tracks["track"].tolist() == other.tracks["track"].tolist()
    assert other.parameters["nucleus_diameter"] == pytest.approx(
        2 * one.parameters["nucleus_diameter"]
    )
    assert other.tracks["time_min"].isna().all()
    assert json.loads(json.dumps(one.parameters)) == one.parameters


def test_order_of_rows_does_not_matter() -> None:
    _, objects = default_movie(1)
    shuffled = objects.sample(frac=1, random_state=0)
    assert link_nuclei(shuffled).tracks.equals(link_nuclei(objects).tracks)


def test_only_positions_and_areas_are_needed() -> None:
    _, objects = default_movie(1)
    bare = objects[["frame", "label", "y_px", "x_px", "area_px"]]
    result = link_nuclei(bare)
    check_tables(bare, result.tracks, result.lineages)
    assert result.lineages.n_spots.median() >= 8


def test_no_divisions_when_switched_off() -> None:
    _, objects = default_movie(0)
    result = link_nuclei(objects, TrackSettings(find_divisions=False))
    assert (result.lineages.parent == 0).all()
    assert result.lineages.division_score.isna().all()


def test_agrees_with_laptrack_where_distance_decides() -> None:
    rng = np.random.default_rng(3)
    grid = np.stack(np.meshgrid(np.arange(5), np.arange(5)), -1).reshape(-1, 2) * 30.0 + 20
    walks = grid + np.cumsum(rng.normal(0, 1.5, (12, 25, 2)), axis=0)
    rows = [(f, k + 1, *walks[f, k]) for f in range(12) for k in range(25)]
    tracks = link_nuclei(make_objects(rows)).tracks
    tree = LapTrack(cutoff=15.0**2, gap_closing_cutoff=False).predict(list(walks))
    theirs = {(f, a, b) for (f, a), (_, b) in tree.edges()}
    spots = tracks.set_index(["frame", "label"])["track"]
    ours = {
        (f, a, b)
        for f in range(11)
        for a in range(25)
        for b in range(25)
        if spots[f, a + 1] == spots[f + 1, b + 1]
    }
    assert ours == theirs
    assert len(ours) == 11 * 25


def crowd(frames: int, shift: tuple[float, float] = (0.0, 0.0)) -> list[tuple[float, ...]]:
    """Nine nuclei far apart that hardly move; the stage goes by `shift` each frame."""
    rng = np.random.default_rng(0)
    return [
        (f, 3 * i + j + 1, 100 + 60 * i + f * shift[0] + e[0], 100 + 60 * j + f * shift[1] + e[1])
        for f in range(frames)
        for i in range(3)
        for j in range(3)
        for e in [rng.normal(0, 0.5, 2)]
    ]


def with_division(mother_grows: bool = False) -> list[tuple[float, ...]]:
    """Add a nucleus that condenses, brightens and divides after frame 4 to a still crowd."""
    rows = crowd(10)
    for f in range(10):
        if f < 3:
            rows.append((f, 50, 30.0, 30.0, AREA, 100.0))
        elif f < 5:
            rows.append((f, 50, 30.0, 30.0, 0.75 * AREA, 130.0))
        else:
            apart = 8.0 + 1.0 * min(f - 5, 3)
            size = (0.35 + 0.04 * (f - 5)) * AREA
            rows.append((f, 51, 30.0, 30.0 - apart, size, 140.0 - 10 * (f - 5)))
            rows.append((f, 52, 30.0, 30.0 + apart, size, 140.0 - 10 * (f - 5)))
    return rows


def test_a_plain_division_is_found_with_a_score() -> None:
    objects = make_objects(with_division())
    result = link_nuclei(objects, frame_interval_min=10.0)
    check_tables(objects, result.tracks, result.lineages)
    mother = result.lineages.query("daughters == 2")
    assert len(mother) == 1
    assert mother.last_frame.item() == 4
    assert mother.division_score.item() > 0.8
    by_label = result.tracks.groupby("label")["track"].first()
    assert set(result.lineages.query("parent > 0").track) == {by_label[51], by_label[52]}
    assert mother.track.item() == by_label[50]
    assert result.tracks.time_min.max() == 90


def test_a_division_that_the_border_cuts_is_found() -> None:
    """Area and shape of what is seen of a nucleus tell nothing."""
    rows = crowd(10)
    for f in range(10):
        if f < 5:
            rows.append((f, 50, 4.0, 160.0, 0.5 * AREA, 110.0 if f == 4 else 100.0))
        else:
            rows += [(f, 51 + k, 3.0, 151.0 + 18 * k, 0.25 * AREA, 100.0) for k in (0, 1)]
    objects = make_objects(rows)
    looks = ["touches_border", "eccentricity", "orientation_rad"]
    objects.loc[objects["label"] >= 50, looks] = [True, 0.9, np.pi / 2]
    mother = link_nuclei(objects).lineages.query("daughters == 2")
    assert mother["last_frame"].tolist() == [4]
    assert mother["division_score"].item() > 0.8


@pytest.mark.parametrize(("area", "is_one"), [(0.3, True), (0.05, False)])
def test_a_nucleus_that_jumps_as_it_condenses_stays_one(area: float, is_one: bool) -> None:
    """A cell rounds up for mitosis and takes the plate along, with all of its chromatin."""
    rows = crowd(10)
    rows += [(f, 50, 30.0, 30.0) for f in range(5)]
    rows += [(f, 51, 30.0, 46.0, area * AREA, 330.0) for f in range(5, 10)]
    objects = make_objects(rows).assign(background_intensity=0.0)
    objects["mean_intensity"] += 5.0 * (objects["label"] % 7)
    tracks = link_nuclei(objects).tracks
    both = tracks[tracks["label"] >= 50]
    assert (both["track"].nunique() == 1) == is_one


def test_a_nucleus_split_for_one_frame_has_not_divided() -> None:
    rows = crowd(10)
    for f in range(10):
        if f == 5:
            rows.append((f, 50, 30.0, 25.5, 0.5 * AREA, 101.0))
            rows.append((f, 51, 30.0, 34.5, 0.5 * AREA, 99.0))
        else:
            rows.append((f, 50, 30.0, 30.0, AREA, 100.0))
    result = link_nuclei(make_objects(rows))
    assert (result.lineages.daughters == 0).all()


def test_a_nucleus_that_enters_beside_another_is_no_daughter() -> None:
    rows = crowd(10)
    rows += [(f, 50, 30.0, 30.0) for f in range(10)]
    rows += [(f, 51, 30.0, 52.0) for f in range(5, 10)]
    result = link_nuclei(make_objects(rows))
    assert (result.lineages.daughters == 0).all()


def test_one_missed_frame_is_a_gap_and_two_are_not() -> None:
    rows = [r for r in crowd(10) if not (r[1] == 1 and r[0] == 4)]
    result = link_nuclei(make_objects(rows))
    assert len(result.lineages) == 9
    assert result.lineages.n_gaps.tolist().count(1) == 1
    assert result.parameters["gaps_closed"] == 1
    rows = [r for r in crowd(10) if not (r[1] == 1 and r[0] in (4, 5))]
    assert len(link_nuclei(make_objects(rows)).lineages) == 10
    closed = link_nuclei(make_objects(rows), TrackSettings(max_frame_gap=3))
    assert len(closed.lineages) == 9


def test_empty_frame_in_the_middle_is_told(caplog: pytest.LogCaptureFixture) -> None:
    rows = [r for r in crowd(9) if r[0] != 4]
    with caplog.at_level(logging.WARNING):
        result = link_nuclei(make_objects(rows))
    assert result.parameters["frames_without_objects"] == [4]
    assert "No objects in frame(s) 4" in caplog.text
    assert len(result.lineages) == 9
    assert (result.lineages.n_gaps == 1).all()
    strict = link_nuclei(make_objects(rows), TrackSettings(max_frame_gap=1))
    assert len(strict.lineages) == 18


@pytest.mark.parametrize("shift", [(0.0, 0.0), (9.0, -4.0), (25.0, 12.0)])
def test_stage_drift_is_found_and_taken_out(shift: tuple[float, float]) -> None:
    result = link_nuclei(make_objects(crowd(8, shift)))
    assert len(result.lineages) == 9
    assert all(len(found) == 1 for found in tracks_by_label(result.tracks).values())
    np.testing.assert_allclose(
        result.parameters["stage_drift"][-1], np.multiply(shift, 7), atol=1.5
    )


def test_one_frame_and_no_objects() -> None:
    one = make_objects(crowd(1))
    result = link_nuclei(one, frame_interval_min=5.0)
    check_tables(one, result.tracks, result.lineages)
    assert (result.lineages.n_spots == 1).all() and len(result.lineages) == 9
    none = one.iloc[:0]
    result = link_nuclei(none)
    assert result.tracks.empty and result.lineages.empty
    assert {"track", "lineage", "parent", "time_min"} <= set(result.tracks)
    assert {"track", "division_score", "daughters"} <= set(result.lineages)


def test_seventy_thousand_labels_in_one_frame() -> None:
    side = 265
    y, x = np.divmod(np.arange(side * side), side)
    frames = [
        pd.DataFrame(
            {"label": np.arange(1, side * side + 1), "y_px": y * 20.0 + f, "x_px": x * 20.0}
        )
        for f in (0, 1)
    ]
    objects = pd.concat([t.assign(frame=f, area_px=100.0) for f, t in enumerate(frames)])
    result = link_nuclei(objects)
    assert len(result.lineages) == side * side
    assert (result.lineages.n_spots == 2).all()


@given(
    st.lists(
        st.tuples(
            st.integers(0, 5),
            st.floats(0, 60, width=32),
            st.floats(0, 60, width=32),
            st.floats(10, 200, width=32),
        ),
        max_size=40,
    )
)
@settings(max_examples=40, deadline=None)
def test_any_table_gives_consistent_tracks(rows: list[tuple[int, float, float, float]]) -> None:
    table = [(f, k + 1, y, x, area, 50.0) for k, (f, y, x, area) in enumerate(rows)]
    objects = make_objects(table)
    result = link_nuclei(objects)
    if rows:
        check_tables(objects, result.tracks, result.lineages)


def test_limits_are_kept() -> None:
    rows = [(f, 1, 50.0, 50.0 + 6.0 * f) for f in range(5)]
    rows += [(f, 2, 150.0, 50.0) for f in range(5)]
    free = link_nuclei(make_objects(rows))
    assert len(free.lineages) == 2
    tight = link_nuclei(
        make_objects(rows), TrackSettings(max_link_distance=3.0, max_gap_distance=3.0)
    )
    assert len(tight.lineages) == 6
    assert tight.parameters["max_link_distance"] == 3.0


def make_runner(missed: int | None = None) -> pd.DataFrame:
    """25 nuclei that rest, 50 px apart, and one that runs between them by 40 px a frame."""
    rng = np.random.default_rng(0)
    rows: list[tuple[float, ...]] = []
    for frame in range(8):
        places = 60 + 50.0 * np.stack(np.mgrid[:5, :5], axis=-1).reshape(-1, 2)
        places = places + rng.normal(0, 0.4, places.shape)
        rows += [(frame, k + 1, y, x) for k, (y, x) in enumerate(places)]
        if frame != missed:
            rows.append((frame, 26, 85.0, 20.0 + 40 * frame))
    return make_objects(rows)


@pytest.mark.parametrize(
    ("longest", "n_tracks"), [(None, 33), (30.0, 33), (41.0, 26), (60.0, 26), (200.0, 26)]
)
def test_a_longer_way_may_be_given(longest: float | None, n_tracks: int) -> None:
    result = link_nuclei(make_runner(), TrackSettings(max_link_distance=longest))
    assert len(result.lineages) == n_tracks
    assert (result.lineages["daughters"] == 0).all()
    used = result.parameters
    assert used["max_link_distance"] == (longest or pytest.approx(24))  # 1.5 diameters
    # Of the movie in two frames, or twice the way that is given.
    assert used["max_gap_distance"] == (longest * 2 if longest else pytest.approx(24 * 2**0.5))


@pytest.mark.parametrize(
    ("link", "gap", "n_tracks"),
    [(60.0, None, 26), (60.0, 70.0, 27), (60.0, 90.0, 26), (None, 90.0, 28), (None, None, 32)],
)
def test_a_longer_way_over_gaps_may_be_given(
    link: float | None, gap: float | None, n_tracks: int
) -> None:
    settings = TrackSettings(max_link_distance=link, max_gap_distance=gap)
    result = link_nuclei(make_runner(missed=4), settings)
    assert len(result.lineages) == n_tracks


def test_a_longer_way_to_daughters_may_be_given() -> None:
    rows: list[tuple[float, ...]] = []
    for frame in range(12):
        rows += [(frame, k, 60.0 + 90 * (k // 4), 60.0 + 90 * (k % 4)) for k in range(1, 16)]
        after = frame - 6
        if after < 0:
            rows.append((frame, 20, 200.0, 200.0, AREA, 140.0 if after == -1 else 100.0))
        else:
            area = AREA * (0.5 + 0.03 * after)
            rows += [
                (frame, 21 + k, 200.0, 200 + side * 30.0, area) for k, side in ((0, -1), (1, 1))
            ]
    for longest, n_divisions in ((None, 0), (29.0, 0), (40.0, 1)):
        result = link_nuclei(make_objects(rows), TrackSettings(max_division_distance=longest))
        assert result.parameters["divisions"] == n_divisions
    assert result.parameters["max_division_distance"] == 40


@pytest.mark.parametrize("area_px", [9.0, 900.0])
def test_marks_of_one_size_have_divisions(area_px: float) -> None:
    """Marks at the centres of nuclei: their size tells nothing, and must not deny divisions."""
    movie, table = default_movie(1)
    n_true = (movie.tracks["parent"] > 0).sum() // 2
    marks = table.assign(area_px=area_px, area_um2=area_px / 4, eccentricity=0.0)
    result = link_nuclei(marks)
    assert 0.8 * n_true <= result.parameters["divisions"] <= 1.1 * n_true
    # The nuclei are 24 px wide, that is 12 um.
    assert result.parameters["nucleus_diameter"] == pytest.approx(12, rel=0.25)


def test_a_longer_way_harms_no_usual_movie() -> None:
    _, table = default_movie(1)
    usual = link_nuclei(table).tracks
    longer = link_nuclei(table, TrackSettings(max_link_distance=60.0)).tracks
    pd.testing.assert_frame_equal(usual, longer)


def test_what_is_not_looked_for_has_no_longest_way() -> None:
    used = link_nuclei(
        make_runner(), TrackSettings(find_divisions=False, max_frame_gap=1)
    ).parameters
    assert used["max_division_distance"] is None
    assert used["max_gap_distance"] is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": 1}, "listed twice"),
        ({"y_px": np.nan}, "is empty in some rows"),
    ],
)
def test_broken_tables_are_refused(change: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        link_nuclei(make_objects(crowd(2)).assign(**change))


def test_missing_columns_and_bad_settings_are_refused() -> None:
    objects = make_objects(crowd(2))
    with pytest.raises(InputError, match="area_px"):
        link_nuclei(objects.drop(columns="area_px"))
    with pytest.raises(InputError, match="max_frame_gap"):
        link_nuclei(objects, TrackSettings(max_frame_gap=0))
    with pytest.raises(InputError, match="max_link_distance"):
        link_nuclei(objects, TrackSettings(max_link_distance=-1.0))
    with pytest.raises(InputError, match="min_division_score"):
        link_nuclei(objects, TrackSettings(min_division_score=2.0))
    with pytest.raises(InputError, match="frame_interval_min"):
        link_nuclei(objects, frame_interval_min=0.0)
