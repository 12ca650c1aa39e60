"""Write the masks of stills, one file per image."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    import tifffile

    from autonuclei.io.files import write_beside
    from autonuclei.io.hyperstack import label_dtype, write_image_movie
    from autonuclei.labels.measurement import read_table

    passed_over = {
        frame for path in snakemake.input.problems for frame in read_table(path)["frame"].tolist()
    }
    names = [n for frame, n in snakemake.params.names.items() if frame not in passed_over]
    written = iter(names)
    with write_beside(snakemake.output.labels) as folder:
        folder.mkdir()
        for path in snakemake.input.labels:
            with tifffile.TiffFile(path) as tiff:
                for page in tiff.pages:
                    labels = page.asarray()
                    write_image_movie(
                        folder / f"{next(written)}.tif",
                        [labels.astype(label_dtype(int(labels.max())))],
                        n_frames=1,
                        pixel_size_um=snakemake.params.pixel_size_um,
                        frame_interval_min=None,
                        compress=True,
                    )
    log.info("%d label images", len(names))
