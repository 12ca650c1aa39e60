"""Link the nuclei of a movie to tracks."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]):
    import json

    from autonuclei.io.files import write_beside
    from autonuclei.io.tables import add_columns, read_table
    from autonuclei.settings import TrackSettings
    from autonuclei.track.corrections import tabulate_links
    from autonuclei.track.link import link_nuclei

    nuclei = read_table(snakemake.input.table)
    interval = {"frame_interval_min": snakemake.params.frame_interval_min}
    if snakemake.input.get("links"):
        result = tabulate_links(nuclei, read_table(snakemake.input.links), **interval)
    else:
        settings = TrackSettings(**snakemake.params.settings)
        result = link_nuclei(nuclei, settings, **interval)
    for table, path in (
        (result.tracks, snakemake.output.tracks),
        (result.lineages, snakemake.output.lineages),
    ):
        with write_beside(path) as partial:
            described = add_columns(table, snakemake.params.columns)
            described.to_csv(partial, index=False, float_format="%.7g")
    with write_beside(snakemake.output.used) as partial:
        partial.write_text(json.dumps(result.parameters, indent=1) + "\n")
