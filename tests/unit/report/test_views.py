"""What of a frame is shown, and where its outlines lie."""

from pathlib import Path

import numpy as np
import pytest

from autonuclei.labels.measurement import measure_objects
from autonuclei.report.views import (
    NUCLEUS_PX,
    SIDE_PX,
    choose_frame,
    choose_part,
    decode_picture,
    draw_view,
    make_view,
    read_view,
    write_view,
)
from shapes import draw_squares, photograph


@pytest.mark.parametrize(
    ("counts", "expected"),
    [([5, 1, 3], 2), ([4, 4, 4], 0), ([9, 1], 1), ([7], 0), ([0, 0, 6], 0)],
)
def test_the_frame_with_the_median_number_of_nuclei(counts: list[int], expected: int) -> None:
    frames = np.repeat(np.arange(len(counts)), counts)
    assert choose_frame(frames, list(range(len(counts)))) == expected


def test_frames_keep_their_numbers() -> None:
    assert choose_frame(np.array([3, 3, 3, 8, 9, 9]), [3, 8, 9]) == 9


@pytest.mark.parametrize(
    ("shape", "area", "shown", "scale"),
    [
        ((512, 512), 400.0, (512, 512), 1.0),
        ((2048, 1024), 1000.0, (2048, 1024), 0.5),
        # nuclei of 32 px stay 16 px wide: half the scale, the middle of the image
        ((8000, 6000), np.pi * 16**2, (2 * SIDE_PX, 2 * SIDE_PX), 0.5),
        # nuclei smaller than NUCLEUS_PX are not enlarged
        ((4000, 4000), 25.0, (SIDE_PX, SIDE_PX), 1.0),
        ((4096, 4096), float("nan"), (4096, 4096), 0.25),
    ],
)
def test_part_to_show(
    shape: tuple[int, int], area: float, shown: tuple[int, int], scale: float
) -> None:
    rows, columns, at = choose_part(shape, area)
    assert (rows.stop - rows.start, columns.stop - columns.start) == shown
    assert at == pytest.approx(scale)
    for part, side in zip((rows, columns), shape, strict=True):
        assert part.start == side - part.stop
    assert max(shown) * at <= SIDE_PX
    if np.isfinite(area) and at < 1:
        assert 2 * np.sqrt(area / np.pi) * at >= NUCLEUS_PX - 1e-9


def test_view_of_two_squares(tmp_path: Path) -> None:
    labels = draw_squares((64, 96), [(8, 10), (40, 70)], 12)
    objects = measure_objects(labels, photograph(labels), pixel_size_um=0.5)
    objects["track"] = np.array([7, 9])
    view = make_view(
        photograph(labels), labels, objects, sample="s", frame=3, name="s_3", pixel_size_um=0.5
    )
    assert (view.height, view.width, view.top, view.left, view.scale) == (64, 96, 0, 0, 1)
    assert view.n_in_frame == 2
    first, second = view.nuclei
    assert (first["label"], first["track"], first["area_px"], first["area_um2"]) == (1, 7, 144, 36)
    assert (second["y"], second["x"]) == (45.5, 75.5)
    # Pixel corners: the square covers rows 40 to 52 and columns 70 to 82.
    assert set(zip(second["outline_y"], second["outline_x"], strict=True)) == {
        (40, 70), (40, 82), (52, 82), (52, 70),
    }  # fmt: skip
    # The network's probability is unknown here, so nothing is told of it.
    assert "probability" not in first

    # That of one which time told of is unknown, those of the others are shown.
    objects["probability"] = np.array([np.nan, 0.75])
    view = make_view(
        photograph(labels), labels, objects, sample="s", frame=3, name="s_3", pixel_size_um=0.5
    )
    assert [nucleus["probability"] for nucleus in view.nuclei] == [None, 0.75]

    write_view(tmp_path / "view.json", view)
    assert read_view(tmp_path / "view.json") == view


def test_picture_has_the_outlines_where_the_nuclei_are() -> None:
    labels = draw_squares((64, 96), [(8, 10)], 12)
    objects = measure_objects(labels, photograph(labels))
    view = make_view(
        photograph(labels), labels, objects, sample="s", frame=0, name="s", pixel_size_um=None
    )
    grey = np.asarray(decode_picture(view), dtype=float)
    assert grey.shape == (64, 96)
    assert grey[labels > 0].mean() > 200 > 60 > grey[labels == 0].mean()
    picture = np.asarray(draw_view(view), dtype=int)
    factor = SIDE_PX // 96
    assert picture.shape == (64 * factor, 96 * factor, 3)
    yellow = picture[..., 0] - picture[..., 2] > 150
    rows, columns = np.nonzero(yellow)
    assert (rows.min() // factor, rows.max() // factor) == (8, 20)
    assert (columns.min() // factor, columns.max() // factor) == (10, 22)


def test_only_the_middle_of_a_mosaic() -> None:
    labels = draw_squares((3000, 3000), [(10, 10), (1500, 1400)], 14)
    objects = measure_objects(labels, photograph(labels))
    view = make_view(
        photograph(labels), labels, objects, sample="s", frame=0, name="s", pixel_size_um=None
    )
    assert (view.height, view.width) == (SIDE_PX, SIDE_PX)
    assert [nucleus["label"] for nucleus in view.nuclei] == [2]
    assert view.n_in_frame == 2
    assert min(view.nuclei[0]["outline_y"]) == 1500


def test_frame_without_a_nucleus() -> None:
    labels = np.zeros((64, 64), np.int32)
    flat = np.full((64, 64), 7, np.uint8)
    view = make_view(
        flat, labels, measure_objects(labels, flat), sample="s", frame=0, name="s",
        pixel_size_um=None,
    )  # fmt: skip
    assert view.nuclei == []
    assert draw_view(view).size == (SIDE_PX, SIDE_PX)
