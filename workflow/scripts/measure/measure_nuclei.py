"""Measure the segmented nuclei of a sample in its raw images."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    import pandas as pd

    from autonuclei.io.images import PlaneReader
    from autonuclei.io.label_store import LabelStore
    from autonuclei.io.tables import add_columns, concatenate_tables, read_table, write_table
    from autonuclei.labels.measurement import measure_objects
    from autonuclei.segment.planes import TEXT_COLUMNS, join_planes

    with LabelStore(snakemake.input.labels, snakemake.params.names) as masks, PlaneReader() as read:
        tables = [
            measure_objects(
                masks.defer(frame),
                read(**plane),
                frame=frame,
                pixel_size_um=snakemake.params.pixel_sizes_um[frame],
            )
            for frame, plane in snakemake.params.planes.items()
            if masks.has(frame)  # a still that was skipped has none
        ]
    objects = concatenate_tables(tables)
    # Not all nuclei have one: given and corrected ones do not come from a network.
    found = concatenate_tables([read_table(path) for path in snakemake.input.probability])
    places = pd.MultiIndex.from_frame(objects[["frame", "label"]])
    found = found.set_index(["frame", "label"]).reindex(places)
    objects["probability"] = found["probability"].to_numpy(float)
    if "found_by" in found:  # of movies whose nuclei are chosen by time
        objects["found_by"] = found["found_by"].fillna("").to_numpy()
    log.info("%d nuclei in %d frames", len(objects), len(tables))
    write_table(snakemake.output.table, add_columns(objects, snakemake.params.columns))
    planes = join_planes(
        [read_table(path, text=TEXT_COLUMNS) for path in snakemake.input.planes],
        snakemake.params.names,
    )
    write_table(snakemake.output.planes, add_columns(planes, snakemake.params.columns))
