"""Scores of tracks whose right values follow from the definitions."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from autonuclei.errors import InputError
from autonuclei.evaluate.tracks import evaluate_ctc_folders, evaluate_tracks, match_frame
from autonuclei.example.drawn_movies import draw_movie
from autonuclei.example.drawn_nuclei import MovieSettings
from autonuclei.export.ctc import write_ctc

COLUMNS = ["label", "begin", "end", "parent"]


def draw_squares(frames: list[dict[int, tuple[int, int]]]) -> list[np.ndarray]:
    """Draw 6 x 6 squares with the given labels at the given corners, one image per frame."""
    images = []
    for corners in frames:
        image = np.zeros((40, 40), np.uint16)
        for value, (row, column) in corners.items():
            image[row : row + 6, column : column + 6] = value
        images.append(image)
    return images


# Nucleus 1 divides into 2 and 3 after frame 1; nucleus 4 stays.
TRUTH = pd.DataFrame([(1, 0, 1, 0), (2, 2, 3, 1), (3, 2, 3, 1), (4, 0, 3, 0)], columns=COLUMNS)
IMAGES = draw_squares(
    [
        {1: (5, 10), 4: (30, 30)},
        {1: (5, 10), 4: (30, 30)},
        {2: (2, 10), 3: (9, 10), 4: (30, 30)},
        {2: (2, 10), 3: (9, 10), 4: (30, 30)},
    ]
)


def test_perfect_tracks_score_one() -> None:
    values = evaluate_tracks(TRUTH, IMAGES, TRUTH, IMAGES)
    for name in ("TRA", "DET", "LNK", "SEG", "division_f1_0", "division_f1_1"):
        assert values[name] == 1
    assert (values["divisions_true"], values["divisions_found"]) == (1, 1)
    assert (values["nuclei_true"], values["tracks_true"], values["frames"]) == (10, 4, 4)
    assert values["traccuracy_version"] and values["py_ctcmetrics_version"]


def test_missed_division_costs_its_links() -> None:
    # The mother goes on as one daughter, the other starts anew: of the 8 true links one is
    # missing (1.5) and one has the wrong meaning (1).
    found = pd.DataFrame([(1, 0, 3, 0), (3, 2, 3, 0), (4, 0, 3, 0)], columns=COLUMNS)
    images = [np.where(image == 2, 1, image).astype(np.uint16) for image in IMAGES]
    values = evaluate_tracks(TRUTH, IMAGES, found, images)
    assert values["LNK"] == pytest.approx(1 - 2.5 / (1.5 * 8))
    assert values["DET"] == values["SEG"] == 1
    assert values["division_recall_0"] == values["division_f1_0"] == 0
    assert np.isnan(values["division_precision_0"])
    assert (values["divisions_true"], values["divisions_found"]) == (1, 0)


def test_late_division_counts_within_the_frame_buffer() -> None:
    # In frame 2 the result still has one nucleus that covers daughter 2 only.
    found = pd.DataFrame([(1, 0, 2, 0), (2, 3, 3, 1), (3, 3, 3, 1), (4, 0, 3, 0)], columns=COLUMNS)
    images = [image.copy() for image in IMAGES]
    images[2][images[2] == 2] = 1
    images[2][images[2] == 3] = 0
    values = evaluate_tracks(TRUTH, IMAGES, found, images)
    assert values["divisions_right_0"] == 0
    assert values["divisions_right_1"] == 1
    assert values["division_f1_1"] == 1


def test_no_true_divisions_is_nan_not_zero() -> None:
    still = TRUTH.loc[TRUTH.label == 4]
    images = [np.where(image == 4, 4, 0).astype(np.uint16) for image in IMAGES]
    values = evaluate_tracks(still, images, still, images)
    assert np.isnan(values["division_f1_0"]) and np.isnan(values["division_recall_0"])
    assert values["TRA"] == values["LNK"] == 1


def test_one_frame_has_no_links_to_score() -> None:
    table = pd.DataFrame([(1, 0, 0, 0), (4, 0, 0, 0)], columns=COLUMNS)
    values = evaluate_tracks(table, IMAGES[:1], table, IMAGES[:1])
    assert np.isnan(values["LNK"])
    assert values["DET"] == 1


def test_empty_result_and_empty_frames() -> None:
    none = pd.DataFrame({name: pd.Series(dtype="int64") for name in COLUMNS})
    black = [np.zeros_like(image) for image in IMAGES]
    values = evaluate_tracks(TRUTH, IMAGES, none, black)
    assert values["TRA"] == values["DET"] == values["SEG"] == values["LNK"] == 0
    assert values["nuclei_found"] == 0
    values = evaluate_tracks(none, black, none, black)
    assert np.isnan(values["TRA"])


def test_a_mask_over_both_daughters_finds_neither() -> None:
    found = pd.DataFrame([(1, 0, 3, 0), (4, 0, 3, 0)], columns=COLUMNS)
    images = [image.copy() for image in IMAGES]
    for image in images[2:]:
        image[2:15, 10:16] = 1
    values = evaluate_tracks(TRUTH, IMAGES, found, images)
    assert values["divisions_found"] == 0
    assert values["DET"] == pytest.approx(1 - 2 * 5 / (10 * 10))  # two splits


def test_match_needs_more_than_half_of_the_true_mask() -> None:
    truth = np.array([[1, 1, 2, 2, 2]], np.uint16)
    result = np.array([[7, 0, 8, 8, 9]], np.uint16)
    assert match_frame(truth, result) == ([1, 2], [7, 8, 9], [2], [8], [2 / 3])


def test_gap_in_a_track_is_allowed() -> None:
    images = [image.copy() for image in IMAGES]
    images[1][images[1] == 4] = 0
    values = evaluate_tracks(TRUTH, IMAGES, TRUTH, images)
    assert values["DET"] == pytest.approx(1 - 10 / 100)
    assert values["division_f1_0"] == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"end": [1, 3, 3, 2]}, "track 4 goes from frame 0 to 2"),
        ({"parent": [0, 9, 1, 0]}, "parent 9 of track 2"),
        ({"label": [1, 2, 3, 5]}, "label 4"),
        ({"label": [1, 2, 2, 4]}, "listed twice"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(change: dict[str, list[int]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        evaluate_tracks(TRUTH, IMAGES, TRUTH.assign(**change), IMAGES)


def test_other_frames_or_sizes_are_refused() -> None:
    with pytest.raises(InputError, match="number of frames"):
        evaluate_tracks(TRUTH, IMAGES, TRUTH, IMAGES[:3])
    with pytest.raises(InputError, match="differ in size"):
        evaluate_tracks(TRUTH, IMAGES, TRUTH, [image[:20] for image in IMAGES])


def test_folders_in_the_challenge_layout(tmp_path: Path) -> None:
    spots = [(k, n) for k, image in enumerate(IMAGES) for n in np.unique(image[image > 0]).tolist()]
    tracks = pd.DataFrame(spots, columns=["frame", "label"])
    tracks["track"] = tracks["label"]
    tracks["parent"] = tracks["label"].map(TRUTH.set_index("label")["parent"])
    truth, result = tmp_path / "01_GT" / "TRA", tmp_path / "01_RES"
    truth.parent.mkdir()
    for folder in (truth, result):
        write_ctc(folder, tracks, labels=IMAGES, n_frames=len(IMAGES))
    assert evaluate_ctc_folders(truth.parent, result) == evaluate_tracks(
        TRUTH, IMAGES, TRUTH, IMAGES
    )


# Nucleus 1 leaves the upper part in frame 2 and is back in frame 3. Nucleus 2 divides there into 3
# and 4; nucleus 5 divides below into 6, which comes up at birth, and 7.
WALK = draw_squares(
    [
        {1: (5, 2), 2: (5, 12), 5: (25, 30)},
        {1: (5, 2), 2: (5, 12), 5: (25, 30)},
        {1: (25, 2), 3: (2, 12), 4: (9, 12), 6: (8, 30), 7: (30, 30)},
        {1: (5, 2), 3: (2, 12), 4: (9, 12), 6: (8, 30), 7: (30, 30)},
    ]
)
WALKERS = pd.DataFrame(
    [(1, 0, 3, 0), (2, 0, 1, 0), (3, 2, 3, 2), (4, 2, 3, 2), (5, 0, 1, 0), (6, 2, 3, 5),
     (7, 2, 3, 5)],
    columns=COLUMNS,
)  # fmt: skip


def test_part_of_the_truth_is_what_is_seen_there() -> None:
    upper = [image[:20] for image in WALK]
    seen = pd.DataFrame(
        [(1, 0, 1, 0), (2, 0, 1, 0), (3, 2, 3, 2), (4, 2, 3, 2), (6, 2, 3, 0), (8, 3, 3, 0)],
        columns=COLUMNS,
    )
    upper[3] = np.where(upper[3] == 1, 8, upper[3]).astype(np.uint16)
    values = evaluate_tracks(WALKERS, WALK, seen, upper, window=(0, 20, 0, 40))
    for name in ("TRA", "DET", "LNK", "SEG", "division_f1_0"):
        assert values[name] == 1
    assert (values["tracks_true"], values["divisions_true"]) == (6, 1)
    assert values["nuclei_true"] == 11
    # The whole truth is what is checked.
    with pytest.raises(InputError, match="track 1 goes from frame 0 to 2"):
        table = WALKERS.assign(end=[2, 1, 3, 3, 1, 3, 3])
        evaluate_tracks(table, WALK, seen, upper, window=(0, 20, 0, 40))


def test_a_mother_who_left_before_she_divided_is_not_known() -> None:
    """She was there in frame 0; her daughters are born below and come up."""
    images = draw_squares(
        [{1: (5, 5)}, {1: (25, 5)}, {2: (8, 2), 3: (8, 12)}, {2: (8, 2), 3: (8, 12)}]
    )
    truth = pd.DataFrame([(1, 0, 1, 0), (2, 2, 3, 1), (3, 2, 3, 1)], columns=COLUMNS)
    seen = pd.DataFrame([(1, 0, 0, 0), (2, 2, 3, 0), (3, 2, 3, 0)], columns=COLUMNS)
    upper = [image[:20] for image in images]
    values = evaluate_tracks(truth, images, seen, upper, window=(0, 20, 0, 40))
    assert values["TRA"] == values["LNK"] == 1
    assert values["divisions_true"] == 0


def test_drawn_movie_agrees_with_itself() -> None:
    movie = draw_movie(MovieSettings(frames=8, height_px=128, width_px=128, nuclei=10), seed=5)
    values = evaluate_tracks(movie.tracks, movie.labels, movie.tracks, movie.labels)
    assert values["TRA"] == values["SEG"] == 1
