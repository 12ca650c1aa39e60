"""Link the nuclei of a movie to tracks."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]):
    import json

    import pandas as pd

    from autonuclei.io.files import write_beside
    from autonuclei.track.linking import LinkSettings, link_objects

    result = link_objects(
        pd.read_csv(snakemake.input.table),
        settings=LinkSettings(**snakemake.params.settings),
        interval_min=snakemake.params.frame_interval_min,
    )
    for table, path in (
        (result.tracks, snakemake.output.tracks),
        (result.lineages, snakemake.output.lineages),
    ):
        with write_beside(path) as partial:
            table.to_csv(partial, index=False, float_format="%.7g")
    with write_beside(snakemake.output.used) as partial:
        partial.write_text(json.dumps(result.used, indent=1) + "\n")
