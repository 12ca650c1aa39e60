"""Count nuclei and sum up durations, image by image."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    from pathlib import Path

    import numpy as np

    from autonuclei.labels.measurement import read_table, write_table
    from autonuclei.report.counts import draw_counts, tabulate_counts
    from autonuclei.report.figures import save_figure

    def is_segmented(frame):
        """Stills that could not be read have no masks; a movie has all frames or none."""
        labels = folders[frame["sample"]]
        return not labels.is_dir() or (labels / f"{frame['name']}.tif").exists()

    folders = dict(zip(snakemake.params.samples, map(Path, snakemake.input.labels), strict=True))
    annotated = snakemake.input.get("objects")
    tables = [read_table(path) for path in snakemake.input.tables]
    counts = tabulate_counts(
        [frame | {"segmented": is_segmented(frame)} for frame in snakemake.params.frames],
        read_table(annotated, text=("sample", "verdict")) if annotated else None,
        dict(zip(snakemake.params.samples, tables, strict=True)),
        logs=Path(snakemake.log[0]).parents[1],
    )
    for stage in ("annotation", "prediction"):
        missing = int(np.isnan(counts[f"{stage}_s"]).sum())
        if missing:
            log.info("%s: no duration of %d of %d images", stage, missing, len(counts["frame"]))
    write_table(snakemake.output.table, counts)
    figure = draw_counts(counts, title=snakemake.wildcards.experiment)
    save_figure(figure, [snakemake.output.svg, snakemake.output.png])
