"""Measure every channel in the nuclei of a sample and in rings around them."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    from contextlib import ExitStack

    from autonuclei.io.images import PlaneReader
    from autonuclei.io.label_store import LabelStore
    from autonuclei.io.tables import add_columns, concatenate_tables, write_table
    from autonuclei.labels.channel_names import list_all_columns
    from autonuclei.labels.channels import measure_channels
    from autonuclei.report.channel_figures import draw_levels
    from autonuclei.report.style import save_figure

    names = snakemake.params.channels
    tables = []
    with ExitStack() as stack:
        masks = stack.enter_context(LabelStore(snakemake.input.labels, snakemake.params.names))
        # Channels that are files of their own stay open beside each other.
        readers = {name: stack.enter_context(PlaneReader()) for name in names}
        if not snakemake.params.are_files:
            readers = dict.fromkeys(names, readers[names[0]])
        for frame, planes in snakemake.params.planes.items():
            if not masks.has(frame):  # a still that was skipped
                continue
            pixels = {}
            for name, plane in planes.items():
                image = readers[name](**plane)
                if not readers[name].problem:
                    pixels[name] = image
            tables.append(
                measure_channels(
                    masks.defer(frame),
                    pixels,
                    frame=frame,
                    ring_px=snakemake.params.rings_px[frame],
                    gap_px=snakemake.params.gap_px,
                    subtract_background=snakemake.params.subtract_background,
                )
            )
    table = concatenate_tables(tables).reindex(columns=list_all_columns(names))
    log.info("%d nuclei in %d frames, channels %s", len(table), len(tables), ", ".join(names))
    save_figure(draw_levels(table, names), [snakemake.output.svg, snakemake.output.png])
    write_table(snakemake.output.table, add_columns(table, snakemake.params.columns))
