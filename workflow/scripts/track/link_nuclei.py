"""Link the nuclei of a movie to tracks."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]):
    import json

    from autonuclei.io.files import write_beside
    from autonuclei.io.tables import add_columns, read_table
    from autonuclei.settings import TrackSettings
    from autonuclei.track.link import link_nuclei

    result = link_nuclei(
        read_table(snakemake.input.table),
        TrackSettings(**snakemake.params.settings),
        frame_interval_min=snakemake.params.frame_interval_min,
    )
    for table, path in (
        (result.tracks, snakemake.output.tracks),
        (result.lineages, snakemake.output.lineages),
    ):
        with write_beside(path) as partial:
            described = add_columns(table, snakemake.params.columns)
            described.to_csv(partial, index=False, float_format="%.7g")
    with write_beside(snakemake.output.used) as partial:
        partial.write_text(json.dumps(result.parameters, indent=1) + "\n")
