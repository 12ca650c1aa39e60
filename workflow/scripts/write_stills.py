"""Write the masks of stills, one file per image."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    import tifffile

    from autonuclei.files import write_beside
    from autonuclei.images import label_dtype, write_movie

    names = iter(snakemake.params.names)
    with write_beside(snakemake.output.labels) as folder:
        folder.mkdir()
        for path in snakemake.input.labels:
            with tifffile.TiffFile(path) as tiff:
                for page in tiff.pages:
                    labels = page.asarray()
                    write_movie(
                        folder / f"{next(names)}.tif",
                        [labels],
                        n_frames=1,
                        dtype=label_dtype(int(labels.max())),
                        pixel_size_um=snakemake.params.pixel_size_um,
                    )
    log.info("%d label images", len(snakemake.params.names))
