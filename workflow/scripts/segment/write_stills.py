"""Write the masks of stills, one file per image, and list the images that were skipped."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    from autonuclei.errors import InputError
    from autonuclei.io.files import write_beside
    from autonuclei.io.hyperstack import write_image_movie
    from autonuclei.io.label_store import read_pages
    from autonuclei.io.tables import concatenate_tables, read_table, write_table

    names = snakemake.params.names
    skipped = concatenate_tables(
        [read_table(path, text=["problem"]) for path in snakemake.input.skipped]
    )
    skipped.insert(1, "image", [names[frame] for frame in skipped["frame"]])
    if len(skipped) == len(names):
        raise InputError("\nERROR ".join(skipped["problem"]))
    left_out = set(skipped["frame"])
    frames = [frame for frame in names if frame not in left_out]
    with write_beside(snakemake.output.labels) as folder:
        folder.mkdir()
        for frame, labels in zip(frames, read_pages(snakemake.input.labels), strict=True):
            write_image_movie(
                folder / f"{names[frame]}.tif",
                [labels],
                n_frames=1,
                pixel_size_um=snakemake.params.pixel_size_um,
                frame_interval_min=None,
                compress=True,
            )
    write_table(snakemake.output.skipped, skipped)
    log.info("%d label images; %d image(s) skipped", len(frames), len(skipped))
