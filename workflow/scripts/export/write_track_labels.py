"""The masks of a movie, each nucleus with the number of its track."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]):
    import pandas as pd

    from autonuclei.export.track_labels import write_track_labels
    from autonuclei.io.images import read_label_page

    movie = snakemake.params.movie
    write_track_labels(
        snakemake.output.labels,
        pd.read_csv(snakemake.input.tracks),
        read_labels=lambda frame: read_label_page(snakemake.input.labels, frame),
        n_frames=movie["n_frames"],
        pixel_size_um=movie["pixel_size_um"],
        frame_interval_min=movie["frame_interval_min"],
    )
