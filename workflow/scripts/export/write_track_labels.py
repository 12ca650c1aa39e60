"""Write the masks of a movie, each nucleus with the number of its track."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]):
    from autonuclei.export.track_labels import write_track_labels
    from autonuclei.io.label_store import DeferredLabels, LabelStore
    from autonuclei.io.tables import read_table

    movie = snakemake.params.movie
    with LabelStore(snakemake.input.labels) as masks:
        write_track_labels(
            snakemake.output.labels,
            read_table(snakemake.input.tracks),
            labels=DeferredLabels(masks),
            n_frames=movie["n_frames"],
            pixel_size_um=movie["pixel_size_um"],
            frame_interval_min=movie["frame_interval_min"],
        )
