"""The example movie as a TrackMate file with its image beside it."""

from autonuclei.export.trackmate import write_trackmate
from autonuclei.export.trackmate_settings import LapSettings, MovieInfo
from autonuclei.io.hyperstack import write_image_movie
from track_examples import HEIGHT, N_FRAMES, WIDTH, make_example

LAP = LapSettings(12.0, 15.0, 14.0, 13.0, max_frame_gap=3)


def export_example(folder, *, pixel_size=0.5, interval=10.0, tracker=LAP, tracks=None):
    example, labels, raw = make_example()
    tracks = example if tracks is None else tracks
    write_image_movie(
        folder / "movie.tif",
        raw,
        n_frames=N_FRAMES,
        pixel_size_um=pixel_size,
        frame_interval_min=interval,
    )
    movie = MovieInfo("movie.tif", WIDTH, HEIGHT, N_FRAMES, pixel_size, interval)
    path = folder / "tracks.xml"
    counts = write_trackmate(
        path, tracks, movie=movie, labels=labels, tracker=tracker, log="a <&> b"
    )
    return path, tracks, labels, counts
