"""Choose the nuclei of a movie that make the best tracks."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    import numpy as np
    import tifffile

    from autonuclei.io.files import write_beside
    from autonuclei.io.hyperstack import label_dtype
    from autonuclei.io.label_store import open_pages, write_page
    from autonuclei.io.tables import concatenate_tables, read_table, write_table
    from autonuclei.settings import TrackSettings
    from autonuclei.track.choice import choose_nuclei, list_nuclei

    table = concatenate_tables([read_table(path) for path in snakemake.input.tables])
    choice = choose_nuclei(table, TrackSettings(**snakemake.params.settings))
    with (
        write_beside(snakemake.output.labels) as partial,
        tifffile.TiffWriter(partial, bigtiff=True) as tiff,
    ):
        pages = open_pages(snakemake.input.labels)
        for frame, page in zip(snakemake.params.names, pages, strict=True):
            own = choice[choice["frame"] == frame]
            numbers = np.zeros(int(own["label"].max()) + 1 if len(own) else 1, np.int32)
            numbers[own["label"]] = own["new_label"]
            write_page(tiff, numbers[page[:, :].astype(np.int32)], label_dtype(int(numbers.max())))
    nuclei = list_nuclei(choice)
    for way, number in nuclei["found_by"].value_counts().items():
        log.info("found by %s: %d", way, number)
    write_table(snakemake.output.nuclei, nuclei)
