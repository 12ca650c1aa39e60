import imageio_ffmpeg
import numpy as np
import pytest

from autonuclei.errors import InputError
from autonuclei.measure.steps import measure_steps
from autonuclei.measure.units import Units
from autonuclei.report.films import (
    FilmSource,
    choose_contrast,
    choose_size,
    choose_step,
    find_rims,
    format_time,
    name_place,
    pick_pixels,
    write_films,
    write_outline_film,
    write_track_film,
)
from track_examples import N_FRAMES, make_example

# imageio-ffmpeg leaves the pipes of its reader to be closed later.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

UNITS = Units(pixel_size_um=0.5, frame_interval_min=10.0)


def read_film(path):
    frames = imageio_ffmpeg.read_frames(str(path))
    facts = next(frames)
    width, height = facts["size"]
    pictures = [np.frombuffer(f, np.uint8).reshape(height, width, 3).astype(int) for f in frames]
    return facts, pictures


def enlarge(movie, factor=8):
    """Nuclei of some size, so that the chroma subsampling of the film does not hide colours."""
    return movie.repeat(factor, axis=1).repeat(factor, axis=2)


def find_colour(picture, colour, tolerance=70):
    return np.abs(picture - colour).max(axis=2) < tolerance


def write_outlines(path, **options):
    _, labels, raw = make_example()
    labels, raw = enlarge(labels), enlarge(raw)
    movie = FilmSource(lambda f: raw[f], N_FRAMES, UNITS, **options)
    return write_outline_film(path, movie, lambda f: labels[f]), labels


def test_outline_film_plays_in_browsers(tmp_path):
    path = tmp_path / "film.mp4"
    size, _ = write_outlines(path, width_px=1000, frames_per_second=5)
    facts, pictures = read_film(path)
    assert size == (480, 640), "not enlarged"
    assert facts["codec"] == "h264"
    assert facts["pix_fmt"].startswith("yuv420p")
    assert facts["fps"] == 5
    assert facts["size"] == (640, 480)
    assert len(pictures) == N_FRAMES
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat"), "the index is at the front"


def test_outlines_are_yellow_and_on_the_nuclei(tmp_path):
    path = tmp_path / "film.mp4"
    _, labels = write_outlines(path)
    _, pictures = read_film(path)
    for frame in range(N_FRAMES):
        rim = find_rims(labels[frame])
        yellow = (pictures[frame][..., 0] > 150) & (pictures[frame][..., 2] < 120)
        # Away from the writing.
        rim[:40, :160] = rim[400:, 400:] = False
        yellow[:40, :160] = yellow[400:, 400:] = False
        assert yellow[rim].mean() > 0.5
        near = np.pad(rim, 2)
        near = sum(near[y : y + 480, x : x + 640] for y in range(5) for x in range(5)) > 0
        assert yellow[~near].mean() < 1e-3


def test_film_is_downsized_to_even_sides(tmp_path):
    path = tmp_path / "film.mp4"
    size, _ = write_outlines(path, width_px=301)
    assert size == (224, 300)
    assert read_film(path)[0]["size"] == (300, 224)


@pytest.mark.parametrize(
    ("shape", "film_width", "expected"),
    [
        ((2048, 2048), 1024, (1024, 1024)),
        ((767, 769), 2000, (766, 768)),
        ((9230, 12900), 1280, (916, 1280)),
        ((1, 1), 100, (2, 2)),
    ],
)
def test_size(shape, film_width, expected):
    assert choose_size(*shape, film_width) == expected


def test_track_film_has_purple_centroids_and_coloured_tails(tmp_path):
    tracks, _, raw = make_example()
    raw = np.zeros_like(enlarge(raw))
    tracks[["y_px", "x_px"]] = tracks[["y_px", "x_px"]] * 8 + 3.5
    steps = measure_steps(tracks, units=UNITS)
    path = tmp_path / "film.mp4"
    movie = FilmSource(lambda f: raw[f], N_FRAMES, UNITS)
    write_track_film(path, movie, steps)
    _, pictures = read_film(path)
    for frame in range(N_FRAMES):
        for spot in tracks[tracks["frame"] == frame].itertuples():
            red, green, blue = pictures[frame][round(spot.y_px), round(spot.x_px)]
            assert blue > 150 and blue > red > green, (red, green, blue)
    # Track 9 moves right along row 403 from column 483 in frame 1; frame 0 shows no step.
    on_the_way = (403, 491)
    assert pictures[0][on_the_way].max() < 60
    assert pictures[1][on_the_way].max() > 100
    # The same step has gone when the tail is one frame long.
    write_track_film(path, movie, steps, tail_frames=1)
    assert read_film(path)[1][3][on_the_way].max() < 60


def test_slow_tails_are_blue_and_fast_ones_red(tmp_path):
    tracks, _, _ = make_example()
    tracks = tracks[tracks["track"].isin([1, 9]) & (tracks["frame"] < 2)].copy()
    tracks["y_px"] = [50.0, 50, 150, 150]
    tracks["x_px"] = [50.0, 350, 50, 60]
    steps = measure_steps(tracks, units=Units(None, None))
    black = np.zeros((240, 400), np.uint8)
    path = tmp_path / "film.mp4"
    write_track_film(path, FilmSource(lambda f: black, 2, Units(None, None)), steps)
    picture = read_film(path)[1][1]
    red, _, blue = picture[50, 200]
    assert red > blue + 50
    red, _, blue = picture[150, 54]
    assert blue > red + 50


@pytest.mark.parametrize("case", ["one frame", "no nuclei", "empty frame", "NaN", "unknown units"])
def test_poor_input(tmp_path, case):
    tracks, labels, raw = make_example()
    n_frames, units = N_FRAMES, UNITS
    if case == "one frame":
        n_frames = 1
        tracks = tracks[tracks["frame"] == 0]
    elif case == "no nuclei":
        tracks, labels, raw = tracks.iloc[:0], labels * 0, raw * 0
    elif case == "empty frame":
        labels[2], raw[2] = 0, 0
        tracks = tracks[tracks["lineage"] > 3]
    elif case == "NaN":
        raw = raw.astype(np.float32)
        labels[2], raw[2] = 0, np.nan
        raw[1, :4] = np.inf
    else:
        units = Units(None, None)
    steps = measure_steps(tracks, units=units)
    movie = FilmSource(lambda f: raw[f], n_frames, units)
    write_outline_film(tmp_path / "a.mp4", movie, lambda f: labels[f])
    write_track_film(tmp_path / "b.mp4", movie, steps)
    for name in ("a.mp4", "b.mp4"):
        assert len(read_film(tmp_path / name)[1]) == n_frames


def test_seventy_thousand_labels(tmp_path):
    labels = np.zeros((600, 600), np.float32)
    labels[:266, :266] = np.arange(1, 266**2 + 1).reshape(266, 266)
    raw = np.zeros((600, 600), np.uint16)
    write_outline_film(tmp_path / "a.mp4", FilmSource(lambda f: raw, 1, UNITS), lambda f: labels)
    picture = read_film(tmp_path / "a.mp4")[1][0]
    assert (picture[100:250, 100:250, 0] > 150).mean() > 0.9


def test_bad_movies_are_told(tmp_path):
    image = np.zeros((20, 30), np.uint8)
    nothing, movie = (FilmSource(lambda f: image, n_frames, UNITS) for n_frames in (0, 1))
    with pytest.raises(InputError, match="no frames"):
        write_outline_film(tmp_path / "a.mp4", nothing, lambda f: image)
    with pytest.raises(InputError, match=r"\(20, 30\), the label images \(30, 20\)"):
        write_outline_film(tmp_path / "a.mp4", movie, lambda f: image.T)
    tracks, _, _ = make_example()
    with pytest.raises(InputError, match="no frames"):
        write_track_film(tmp_path / "a.mp4", nothing, measure_steps(tracks, units=UNITS))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("exit_at", ["0", "100000", "the end"])
def test_a_film_that_is_not_finished_is_no_film(tmp_path, monkeypatch, exit_at):
    """As on a full disk: ffmpeg ends before all pictures came, or cannot write the last bytes."""
    program = tmp_path / "ffmpeg"
    read = "cat > /dev/null" if exit_at == "the end" else f"head -c {exit_at} > /dev/null"
    for_last = 'for last; do :; done; echo half > "$last"'
    program.write_text(f"#!/bin/sh\n{for_last}\n{read}\nexit 228\n")
    program.chmod(0o755)
    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", lambda: str(program))
    with pytest.raises(InputError, match=r"film\.mp4: this film could not be written to its end"):
        write_outlines(tmp_path / "film.mp4", width_px=1000)
    assert list(tmp_path.iterdir()) == [program]


def test_same_movie_gives_the_same_bytes(tmp_path):
    write_outlines(tmp_path / "a.mp4")
    write_outlines(tmp_path / "b.mp4")
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_both_films_in_one_go_are_those_written_alone(tmp_path):
    tracks, labels, raw = make_example()
    steps = measure_steps(tracks, units=UNITS)
    read = []
    movie = FilmSource(lambda f: read.append(f) or raw[f], N_FRAMES, UNITS)
    write_outline_film(tmp_path / "a.mp4", movie, lambda f: labels[f])
    write_track_film(tmp_path / "b.mp4", movie, steps)
    n_alone = len(read)
    both = tmp_path / "c.mp4", tmp_path / "d.mp4"
    write_films(*both, movie, read_labels=lambda f: labels[f], steps=steps)
    assert len(read) - n_alone == n_alone / 2
    for alone, path in zip(("a.mp4", "b.mp4"), both, strict=True):
        assert (tmp_path / alone).read_bytes() == path.read_bytes()


def test_long_movie_is_filmed_in_part_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("autonuclei.report.films.MOST_FRAMES", 3)
    assert [choose_step(n) for n in (1, 3, 4, 6, 7)] == [1, 1, 2, 2, 3]
    read, black = [], np.zeros((40, 200), np.uint8)
    movie = FilmSource(lambda f: black, 7, UNITS)
    write_outline_film(tmp_path / "a.mp4", movie, lambda f: read.append(f) or black)
    assert read == [0, 3, 6]
    pictures = read_film(tmp_path / "a.mp4")[1]
    assert len(pictures) == 3
    assert pictures[0][18:26, 4:60].max() > 150, "the note below the time"
    assert list(map(name_place, (2, 3, 4, 11, 21))) == ["2nd", "3rd", "4th", "11th", "21st"]


def test_small_label_image_has_the_labels_in_the_middle_of_its_pixels():
    labels = np.arange(40 * 30).reshape(40, 30)
    np.testing.assert_array_equal(pick_pixels(labels, (20, 10)), labels[1::2, 1::3])


def test_contrast_is_one_for_all_frames():
    frames = [np.full((10, 10), value, np.uint16) for value in (100, 200, 300)]
    assert choose_contrast(FilmSource(lambda f: frames[f], 3, UNITS)) == (100, 300)


@pytest.mark.parametrize(
    ("interval", "frame", "text"),
    [
        (10.0, 0, "0 h 00 min"),
        (10.0, 7, "1 h 10 min"),
        (0.5, 3, "0 h 01 min 30 s"),
        (None, 3, "frame 3"),
    ],
)
def test_time(interval, frame, text):
    assert format_time(frame, Units(None, interval)) == text


def test_rims():
    labels = np.array([[1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 2], [0, 0, 0, 2]])
    assert find_rims(labels).astype(int).tolist() == [
        [0, 0, 0, 0],
        [0, 0, 0, 1],
        [1, 1, 1, 1],
        [0, 0, 0, 1],
    ]
