"""Write the tracks of a movie in the layout of the Cell Tracking Challenge."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]):
    import pandas as pd

    from autonuclei.export.ctc import write_ctc
    from autonuclei.io.images import read_label_page

    write_ctc(
        snakemake.output.folder,
        pd.read_csv(snakemake.input.tracks),
        read_labels=lambda frame: read_label_page(snakemake.input.labels, frame),
        n_frames=snakemake.params.movie["n_frames"],
    )
