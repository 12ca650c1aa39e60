"""Movies that are odd, from label images to every file that is made of their tracks."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from autonuclei.export.ctc import read_ctc, write_ctc
from autonuclei.export.geff import write_geff
from autonuclei.export.trackmate import write_trackmate
from autonuclei.export.trackmate_settings import MovieInfo
from autonuclei.io.hyperstack import write_image_movie
from autonuclei.io.tables import concatenate_tables
from autonuclei.labels.measurement import measure_objects
from autonuclei.measure.motility import Motility, measure_motility, write_motility
from autonuclei.report.films import FilmSource, write_outline_film, write_track_film
from autonuclei.report.motility_figures import draw_motility
from autonuclei.track.edges import find_edges
from autonuclei.track.link import LinkResult, link_nuclei
from export_readers import read_geff, read_trackmate
from shapes import draw_disks, photograph
from trackmate_validation import validate_trackmate

SIDE, N_FRAMES = 160, 6
# Twelve nuclei that rest, 40 px apart.
PLACES = [(20 + 40 * i, 20 + 40 * j) for i in range(4) for j in range(3)]


@dataclass(frozen=True)
class Movie:
    labels: list[np.ndarray]
    frames: list[int]  # the frame numbers that were recorded
    pixel_size_um: float | None = 0.5
    frame_interval_min: float | None = 10.0


def draw(shift: tuple[float, float] = (0, 0)) -> Movie:
    """Resting nuclei on a stage that goes by `shift` (rows, columns) a frame, from frame 3 on."""
    labels = []
    for frame in range(N_FRAMES):
        far = max(frame - 2, 0)
        places = [(y + far * shift[0], x + far * shift[1]) for y, x in PLACES]
        labels.append(draw_disks((SIDE, SIDE), places, 8))
    return Movie(labels, list(range(N_FRAMES)))


def take_one_frame(movie: Movie) -> Movie:
    return replace(movie, labels=movie.labels[:1], frames=[0])


def empty_the_middle(movie: Movie) -> Movie:
    labels = list(movie.labels)
    labels[3] = np.zeros_like(labels[3])
    return replace(movie, labels=labels)


def lose_a_frame(movie: Movie) -> Movie:
    """As a movie whose files are numbered 1, 2, 3, 5, 6: the frame stays, and is black."""
    return replace(empty_the_middle(movie), frames=[0, 1, 2, 4, 5])


def forget_units(movie: Movie) -> Movie:
    return replace(movie, pixel_size_um=None, frame_interval_min=None)


def empty_all(movie: Movie) -> Movie:
    return replace(movie, labels=[np.zeros_like(page) for page in movie.labels])


def make_everything(movie: Movie, folder: Path) -> tuple[LinkResult, Motility]:
    """Link, measure and write every file as the rules do; read each one back."""
    units = {
        "pixel_size_um": movie.pixel_size_um,
        "frame_interval_min": movie.frame_interval_min,
    }
    images = [photograph(page, seed=number) for number, page in enumerate(movie.labels)]
    tables = [
        measure_objects(page, images[k], frame=k, pixel_size_um=movie.pixel_size_um)
        for k, page in enumerate(movie.labels)
        if k in movie.frames
    ]
    objects = concatenate_tables(tables)
    result = link_nuclei(objects, frame_interval_min=movie.frame_interval_min)
    tracks, n_frames = result.tracks, len(movie.labels)
    edges = find_edges(tracks)

    motility = measure_motility(tracks, frames=movie.frames, image_shape=(SIDE, SIDE), **units)
    write_motility(folder / "motility", motility)
    assert len(draw_motility(folder / "motility", motility, image=images[-1])) == 16

    write_image_movie(folder / "m.tif", images, n_frames=n_frames, **units)
    info = MovieInfo("m.tif", SIDE, SIDE, n_frames, **units)
    write_trackmate(folder / "m.xml", tracks, movie=info, labels=movie.labels, log="odd")
    assert validate_trackmate(folder / "m.xml") == []
    content = read_trackmate(folder / "m.xml")
    assert (len(content.spots), len(content.edges)) == (len(tracks), len(edges))

    write_ctc(folder / "ctc", tracks, labels=movie.labels, n_frames=n_frames)
    assert len(read_ctc(folder / "ctc")[1]) == n_frames
    write_geff(folder / "g.geff", tracks, **units)
    nodes, links = read_geff(folder / "g.geff")
    assert (len(nodes), len(links)) == (len(tracks), len(edges))

    source = FilmSource(images.__getitem__, n_frames, motility.units, width_px=128)
    write_outline_film(folder / "outlines.mp4", source, movie.labels.__getitem__)
    write_track_film(folder / "tracks.mp4", source, motility.steps, tail_frames=5)
    assert min((folder / name).stat().st_size for name in ("outlines.mp4", "tracks.mp4")) > 500
    return result, motility


@pytest.mark.parametrize(
    ("make_odd", "n_tracks", "n_gaps"),
    [
        (take_one_frame, 12, 0),
        (empty_the_middle, 12, 12),
        (lose_a_frame, 12, 12),
        (forget_units, 12, 0),
        (empty_all, 0, 0),
    ],
)
def test_every_file_is_made(
    tmp_path: Path, make_odd: Callable[[Movie], Movie], n_tracks: int, n_gaps: int
) -> None:
    movie = make_odd(draw())
    result, motility = make_everything(movie, tmp_path)
    assert len(result.lineages) == n_tracks
    assert result.lineages["n_gaps"].sum() == n_gaps
    assert (result.lineages["daughters"] == 0).all()
    assert motility.frames["frame"].tolist() == movie.frames
    if make_odd is forget_units:
        assert "speed_px_per_frame" in motility.steps
        assert result.tracks["time_min"].isna().all()
    if make_odd in (empty_the_middle, lose_a_frame):
        assert result.parameters["frames_without_objects"] == [3]
        # The real time over the gap counts.
        after = motility.steps[motility.steps["frame"] == 4]
        assert (after["step_frames"] == 2).all() and (after["time_min"] == 40).all()


def test_stage_drift_is_in_no_speed(tmp_path: Path) -> None:
    movie = draw(shift=(-1, 5))
    result, motility = make_everything(movie, tmp_path)
    assert (result.lineages["n_spots"] == N_FRAMES).sum() >= 8  # others leave the field
    assert motility.drift["step_x_um"].tolist()[1:] == pytest.approx([0, 0, 2.5, 2.5, 2.5], abs=0.1)
    # Nuclei that the border cuts seem to move, as their visible part does.
    whole = set(motility.tracks.loc[motility.tracks["n_nuclei"] == N_FRAMES, "track"])
    cut = set(result.tracks.loc[result.tracks["touches_border"], "track"])
    speeds = motility.steps.loc[motility.steps["track"].isin(whole - cut), "speed_um_per_min"]
    assert len(whole - cut) >= 8
    assert speeds.max() < 0.01
