"""Join the masks of a movie into one stack."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    import numpy as np

    from autonuclei.io.hyperstack import write_image_movie
    from autonuclei.io.label_store import find_dtype, open_pages

    names = snakemake.params.names
    n_frames = max(names) + 1
    dtype = find_dtype(snakemake.input.labels)

    def list_pages():
        """The masks of all frames; an empty page where the sequence misses a frame."""
        expected = 0
        for frame, labels in zip(names, open_pages(snakemake.input.labels), strict=True):
            for _ in range(expected, frame):
                yield np.broadcast_to(np.zeros((), dtype), labels.shape)
            yield labels.map(lambda part: part.astype(dtype), dtype)
            expected = frame + 1

    log.info("%d frames of type %s", n_frames, dtype)
    write_image_movie(
        snakemake.output.labels,
        list_pages(),
        n_frames=n_frames,
        pixel_size_um=snakemake.params.pixel_size_um,
        frame_interval_min=snakemake.params.frame_interval_min,
        compress=True,
    )
