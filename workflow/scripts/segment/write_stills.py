"""Write the masks of stills, one file per image, and list those that could not be read."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    from autonuclei.errors import InputError
    from autonuclei.io.files import write_beside
    from autonuclei.io.hyperstack import write_image_movie
    from autonuclei.io.label_store import open_pages
    from autonuclei.io.tables import add_columns, read_table, write_table
    from autonuclei.segment.planes import TEXT_COLUMNS, join_planes, list_problems

    names = snakemake.params.names
    planes = join_planes(
        [read_table(path, text=TEXT_COLUMNS) for path in snakemake.input.planes], names
    )
    skipped = list_problems(planes)
    if len(skipped) == len(names):
        raise InputError("\nERROR ".join(skipped["problem"]))
    left_out = set(skipped["frame"])
    frames = [frame for frame in names if frame not in left_out]
    with write_beside(snakemake.output.labels) as folder:
        folder.mkdir()
        for frame, labels in zip(frames, open_pages(snakemake.input.labels), strict=True):
            write_image_movie(
                folder / f"{names[frame]}.tif",
                [labels],
                n_frames=1,
                pixel_size_um=snakemake.params.pixel_sizes_um[frame],
                frame_interval_min=None,
                compress=True,
            )
    write_table(snakemake.output.skipped, add_columns(skipped, snakemake.params.columns))
    log.info("%d label images; %d image(s) skipped", len(frames), len(skipped))
