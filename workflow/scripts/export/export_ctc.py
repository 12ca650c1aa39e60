"""Write the tracks of a movie in the layout of the Cell Tracking Challenge."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]):
    from autonuclei.export.ctc import write_ctc
    from autonuclei.io.label_store import DeferredLabels, LabelStore
    from autonuclei.io.tables import read_table

    with LabelStore(snakemake.input.labels) as masks:
        write_ctc(
            snakemake.output.folder,
            read_table(snakemake.input.tracks),
            labels=DeferredLabels(masks),
            n_frames=snakemake.params.movie["n_frames"],
        )
