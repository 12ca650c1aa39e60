"""Find what else could be nuclei in a stretch of a movie."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    import numpy as np
    import tifffile

    from autonuclei.io.files import write_beside
    from autonuclei.io.hyperstack import label_dtype
    from autonuclei.io.images import PlaneReader
    from autonuclei.io.label_store import open_pages, write_page
    from autonuclei.io.tables import concatenate_tables, read_table, write_table
    from autonuclei.segment.alternatives import TABLE_COLUMNS, measure_alternatives

    known = read_table(snakemake.input.probability)
    tables = []
    with (
        write_beside(snakemake.output.labels) as partial,
        tifffile.TiffWriter(partial, bigtiff=True) as tiff,
        PlaneReader() as read,
    ):
        pages = open_pages([snakemake.input.labels])
        for (frame, plane), page in zip(snakemake.params.planes.items(), pages, strict=True):
            labels = page[:, :].astype(np.int32)
            if labels.any():  # a frame without nuclei may be one that cannot be read
                probability = known.loc[known["frame"] == frame, "probability"].to_numpy(float)
                labels, table = measure_alternatives(
                    read(**plane),
                    labels,
                    probability,
                    frame=frame,
                    pixel_size_um=snakemake.params.pixel_size_um,
                )
                tables.append(table)
                log.info("frame %d: %d alternatives", frame, (~table["is_known"]).sum())
            write_page(tiff, labels, label_dtype(int(labels.max(initial=0))))
    write_table(snakemake.output.table, concatenate_tables(tables, TABLE_COLUMNS))
