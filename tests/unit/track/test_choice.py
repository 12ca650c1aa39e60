"""Nuclei that one frame hides and the frames around it tell, in drawn scenes."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from autonuclei.segment.alternatives import (
    find_alternatives,
    find_touching,
    measure_alternatives,
)
from autonuclei.settings import TrackSettings
from autonuclei.track.choice import _find_condensed, choose_nuclei, list_nuclei
from autonuclei.track.costs import PossibleLinks

Array = npt.NDArray[Any]
# Each frame has some nuclei that stay, or there were no usual step and no usual change.
RESTING = [(25.0 + 50 * i, 25.0 + 50 * k) for i in range(4) for k in range(4)]
SHAPE = (200, 240)
Nucleus = tuple[float, float, float, float]  # row, column, radius, brightness
N_FRAMES = 14


def draw_frame(nuclei: Iterable[Nucleus], frame: int) -> tuple[Array, Array]:
    """Image, and label image of disks, of resting nuclei and of others, which come last."""
    rng = np.random.default_rng(frame)
    rows, columns = np.indices(SHAPE)
    light, labels = np.zeros(SHAPE), np.zeros(SHAPE, np.int32)
    steady = [(y + rng.normal(0, 0.5), x + rng.normal(0, 0.5), 9.0, 1000.0) for y, x in RESTING]
    for number, (y, x, radius, brightness) in enumerate([*steady, *nuclei], start=1):
        inside = (rows - y) ** 2 + (columns - x) ** 2 <= radius**2
        light[inside], labels[inside] = brightness, number
    image = 200 + light + rng.normal(0, 10, SHAPE)
    return image.astype(np.float32), labels


def choose(
    others: Sequence[Sequence[Nucleus]],
    is_found: Sequence[bool],
    settings: TrackSettings = TrackSettings(),  # noqa: B008
) -> pd.DataFrame:
    """What is chosen that is not a resting nucleus; by frame the others are drawn, or found too."""
    tables, truth = [], []
    for frame, (nuclei, found) in enumerate(zip(others, is_found, strict=True)):
        image, labels = draw_frame(nuclei, frame)
        known = np.where(labels <= len(RESTING), labels, labels if found else 0)
        probability = np.full(known.max(), 0.9)
        both, table = measure_alternatives(
            image, known, probability, frame=frame, pixel_size_um=None
        )
        tables.append(table)
        overlap = [(labels[both == label] > len(RESTING)).mean() for label in table["label"]]
        truth.append(table[["frame", "label"]].assign(is_other=np.array(overlap) > 0.5))
    chosen = choose_nuclei(pd.concat(tables, ignore_index=True), settings)
    chosen = chosen.merge(pd.concat(truth))
    kept = chosen[chosen["new_label"] > 0]
    # The resting ones stay as they are.
    resting = kept[~kept["is_other"]]
    assert (resting["found_by"] == "network").all()
    assert (resting.groupby("frame").size() == len(RESTING)).all()
    return kept[kept["is_other"]]


def test_a_nucleus_that_is_dim_in_one_frame_is_taken_there() -> None:
    others = [[(100.0, 215.0, 9.0, 300.0 if frame == 6 else 1000.0)] for frame in range(N_FRAMES)]
    kept = choose(others, [frame != 6 for frame in range(N_FRAMES)])
    assert kept["frame"].tolist() == list(range(N_FRAMES))
    assert kept.loc[kept["found_by"] == "image", "frame"].tolist() == [6]


def test_a_dim_nucleus_that_is_never_found_is_taken_in_all_frames() -> None:
    others = [[(100.0 + frame / 2, 215.0, 9.0, 80.0)] for frame in range(N_FRAMES)]
    kept = choose(others, [False] * N_FRAMES)
    assert kept["frame"].tolist() == list(range(N_FRAMES))
    assert (kept["found_by"] == "image").all()


@pytest.mark.parametrize("frames", [{5}, {2, 6, 10}, {4, 5, 6}])
def test_a_flickering_speck_is_not_taken(frames: set[int]) -> None:
    others = [[(100.0, 215.0, 6.0, 300.0)] if frame in frames else [] for frame in range(N_FRAMES)]
    assert choose(others, [False] * N_FRAMES).empty


def test_the_bright_plate_of_a_mother_is_taken() -> None:
    def look(frame: int) -> list[Nucleus]:
        if frame < 6:
            return [(100.0, 215.0, 9.0, 1000.0)]
        if frame == 6:
            return [(100.0, 215.0, 5.0, 3500.0)]
        return [(90.0, 215.0, 6.5, 1000.0), (110.0, 215.0, 6.5, 1000.0)]

    kept = choose([look(frame) for frame in range(N_FRAMES)], [f != 6 for f in range(N_FRAMES)])
    assert kept.loc[kept["found_by"] == "image", "frame"].tolist() == [6]


def test_dim_daughters_that_are_brighter_than_their_mother_are_taken() -> None:
    def look(frame: int) -> list[Nucleus]:
        if frame < 6:
            return [(100.0, 215.0, 9.0, 300.0)]
        distance, radius, brightness = (6, 4.0, 700.0) if frame == 6 else (22, 6.5, 350.0)
        return [(100.0 + side * distance, 215.0, radius, brightness) for side in (-1, 1)]

    kept = choose([look(frame) for frame in range(N_FRAMES)], [f != 6 for f in range(N_FRAMES)])
    assert kept.loc[kept["found_by"] == "image", "frame"].tolist() == [6, 6]


def test_beside_a_nucleus_that_is_no_brighter_than_its_background_nothing_is_bright() -> None:
    links = PossibleLinks(np.array([0, 1, 2]), np.array([3, 3, 4]), np.zeros(3))
    contrast = np.array([-1.0, 100.0, np.nan, 160.0, 160.0])
    is_new = np.array([False, False, False, True, True])
    assert _find_condensed(links, contrast, is_new).tolist() == [3]
    contrast[1] = 120.0
    assert _find_condensed(links, contrast, is_new).tolist() == []


def divide(first: int, apart: int, distance: float = 5.0) -> list[list[Nucleus]]:
    """A nucleus that is in two touching pieces from a frame on, and apart from another one on."""

    def look(frame: int) -> list[Nucleus]:
        if frame < first:
            return [(100.0, 215.0, 9.0, 1000.0)]
        gap = distance if frame < apart else 13.0
        return [(100.0 + side * gap, 215.0, 6.5, 1700.0) for side in (-1, 1)]

    return [look(frame) for frame in range(N_FRAMES)]


def test_pieces_of_a_nucleus_that_condenses_are_one() -> None:
    kept = choose(divide(5, 6), [True] * N_FRAMES)
    merged = kept[kept["found_by"] == "merge"]
    assert merged["frame"].tolist() == [5, 5]
    assert merged["new_label"].nunique() == 1
    assert (kept.groupby("frame")["new_label"].nunique() == [1] * 6 + [2] * (N_FRAMES - 6)).all()


@pytest.mark.parametrize(("first", "apart"), [(5, 5), (5, 11)])
def test_daughters_that_are_born_apart_or_stay_close_are_two(first: int, apart: int) -> None:
    kept = choose(divide(first, apart), [True] * N_FRAMES)
    assert (kept["found_by"] == "network").all()


def test_daughters_joined_by_a_bridge_are_two() -> None:
    kept = choose(divide(5, 6, distance=6.2), [True] * N_FRAMES)
    assert (kept["found_by"] == "network").all()


def test_pieces_stay_where_divisions_are_not_looked_for() -> None:
    kept = choose(divide(5, 6), [True] * N_FRAMES, TrackSettings(find_divisions=False))
    assert (kept["found_by"] == "network").all()


def cut_off(
    frames: Iterable[int], *, is_added: bool = False, brightness: float = 1000.0
) -> list[list[Nucleus]]:
    """A nucleus from which a piece is cut off in some frames, or to which one is added."""

    def look(frame: int) -> list[Nucleus]:
        if frame not in frames:
            return [(100.0, 215.0, 9.0, 1000.0)]
        larger = (100.0, 215.0, 9.0, 1000.0) if is_added else (97.5, 215.0, 7.5, 1000.0)
        return [larger, (110.5 if is_added else 106.5, 215.0, 5.5, brightness)]

    return [look(frame) for frame in range(N_FRAMES)]


@pytest.mark.parametrize("frames", [{6}, {5, 6, 7}, {3, 9}])
def test_a_piece_that_is_cut_off_for_a_moment_is_part_of_its_nucleus(frames: set[int]) -> None:
    kept = choose(cut_off(frames), [True] * N_FRAMES)
    assert set(kept.loc[kept["found_by"] == "merge", "frame"]) == frames
    assert (kept.groupby("frame")["new_label"].nunique() == 1).all()


@pytest.mark.parametrize("frames", [{5, 6, 7, 8}, range(6, N_FRAMES), range(3)])
def test_a_neighbour_that_stays_is_a_nucleus(frames: Iterable[int]) -> None:
    kept = choose(cut_off(frames), [True] * N_FRAMES)
    assert (kept["found_by"] == "network").all()


def test_a_speck_beside_a_whole_nucleus_is_no_piece_of_it() -> None:
    kept = choose(cut_off({6}, is_added=True), [True] * N_FRAMES)
    assert (kept["found_by"] == "network").all()


def test_a_piece_of_another_brightness_is_of_another_nucleus() -> None:
    kept = choose(cut_off({6}, brightness=2000.0), [True] * N_FRAMES)
    assert (kept["found_by"] == "network").all()


def test_new_numbers_have_no_gaps_and_the_list_has_each_once() -> None:
    tables = []
    for frame, nuclei in enumerate(divide(5, 6)):
        image, labels = draw_frame(nuclei, frame)
        tables.append(
            measure_alternatives(
                image, labels, np.linspace(0.5, 0.9, labels.max()), frame=frame, pixel_size_um=0.5
            )[1]
        )
    chosen = choose_nuclei(pd.concat(tables, ignore_index=True))
    nuclei = list_nuclei(chosen)
    for _, own in nuclei.groupby("frame"):
        assert own["label"].tolist() == list(range(1, len(own) + 1))
    merged = nuclei[nuclei["found_by"] == "merge"]
    assert merged["probability"].tolist() == [0.9]  # the larger one of its pieces


def test_known_nuclei_stay_as_they_are() -> None:
    image, labels = draw_frame([(100.0, 215.0, 9.0, 100.0)], 0)
    known = np.where(labels <= len(RESTING), labels, 0)
    both = find_alternatives(image, known)
    np.testing.assert_array_equal(np.where(both <= len(RESTING), both, 0), known)
    assert both.max() == len(RESTING) + 1
    found = both == len(RESTING) + 1
    assert (found & (labels == len(RESTING) + 1)).sum() > 0.8 * found.sum()


def test_a_frame_without_nuclei_has_no_alternatives() -> None:
    image, labels = draw_frame([], 0)
    assert not find_alternatives(image, np.zeros_like(labels)).any()


def test_a_movie_without_nuclei_stays_empty() -> None:
    image, labels = draw_frame([], 0)
    _, table = measure_alternatives(
        image, np.zeros_like(labels), np.zeros(0), frame=0, pixel_size_um=None
    )
    assert list_nuclei(choose_nuclei(table)).empty


def test_neighbours_are_told_by_the_longest_border() -> None:
    labels = np.zeros((8, 9), np.int32)
    labels[1:8, 1:3], labels[1:4, 3:5], labels[4:8, 3:5], labels[1:7, 7:9] = 1, 2, 3, 4
    touches, border = find_touching(labels)
    assert touches.tolist() == [3, 1, 1, 0]
    assert border.tolist() == [4, 3, 4, 0]
    assert find_touching(np.zeros((4, 4), np.int32))[0].tolist() == []
