"""Join the masks of a movie into one stack."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    import numpy as np
    import tifffile

    from autonuclei.io.hyperstack import label_dtype, write_image_movie
    from autonuclei.labels.measurement import read_table

    largest = max(
        int(read_table(path)["label"].max(initial=0)) for path in snakemake.input.probability
    )

    def read_pages():
        """The masks of all frames; an empty page where the sequence misses a frame."""
        frames, expected, shape = iter(snakemake.params.frames), 0, None
        for path in snakemake.input.labels:
            with tifffile.TiffFile(path) as tiff:
                for page in tiff.pages:
                    labels = page.asarray().astype(label_dtype(largest))
                    shape = labels.shape
                    for _ in range(next(frames) - expected):
                        yield np.zeros(shape, labels.dtype)
                        expected += 1
                    yield labels
                    expected += 1

    log.info("%d frames, at most %d nuclei in one", snakemake.params.frames[-1] + 1, largest)
    write_image_movie(
        snakemake.output.labels,
        read_pages(),
        n_frames=snakemake.params.frames[-1] + 1,
        pixel_size_um=snakemake.params.pixel_size_um,
        frame_interval_min=snakemake.params.frame_interval_min,
        compress=True,
    )
