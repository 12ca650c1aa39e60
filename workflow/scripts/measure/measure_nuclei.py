"""Measure the segmented nuclei of a sample in its raw images."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    from pathlib import Path

    import numpy as np

    from autonuclei.io.images import read_plane
    from autonuclei.io.tables import concatenate_tables, read_table, write_table
    from autonuclei.labels.measurement import OBJECT_COLUMNS, measure_objects

    found = concatenate_tables(
        [read_table(path) for path in snakemake.input.probability],
        ("frame", "label", "probability"),
    )
    passed_over = {
        frame for path in snakemake.input.problems for frame in read_table(path)["frame"].tolist()
    }
    tables = []
    for index, plane in zip(snakemake.params.frames, snakemake.params.planes, strict=True):
        if index in passed_over:
            continue
        name = snakemake.params.names[index]
        of_frame = found["frame"] == index
        labels = Path(snakemake.input.labels)
        labels, page = (labels / f"{name}.tif", 0) if labels.is_dir() else (labels, index)
        tables.append(
            measure_objects(
                np.asarray(read_plane(labels, frame=page)).astype(np.int32),
                read_plane(**plane),
                frame=index,
                pixel_size_um=snakemake.params.pixel_size_um,
                probability=dict(
                    zip(
                        found["label"][of_frame].tolist(),
                        found["probability"][of_frame].tolist(),
                        strict=True,
                    )
                ),
            )
        )
    objects = concatenate_tables(tables, OBJECT_COLUMNS)
    log.info("%d nuclei in %d frames", len(objects), len(tables))
    write_table(snakemake.output.table, objects)
