"""Show the nuclei of one frame of a sample."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    from pathlib import Path

    import numpy as np

    from autonuclei.io.files import write_beside
    from autonuclei.io.images import read_plane
    from autonuclei.labels.measurement import read_table
    from autonuclei.report.views import choose_frame, draw_outlines, make_view, write_view

    objects = read_table(snakemake.input.objects)
    labels = Path(snakemake.input.labels)
    planes, names = snakemake.params.planes, snakemake.params.names

    def locate_labels(index):
        return (labels / f"{names[index]}.tif", 0) if labels.is_dir() else (labels, index)

    # Stills that could not be segmented have no masks.
    there = [index for index in planes if locate_labels(index)[0].is_file()]
    frame = choose_frame(objects["frame"], there)
    log.info("frame %d", frame)
    path, page = locate_labels(frame)
    view = make_view(
        read_plane(**planes[frame]),
        np.asarray(read_plane(path, frame=page)).astype(np.uint32),
        {name: column[objects["frame"] == frame] for name, column in objects.items()},
        sample=snakemake.wildcards.sample,
        frame=frame,
        name=names[frame],
        pixel_size_um=snakemake.params.pixel_size_um,
    )
    write_view(snakemake.output.view, view)
    with write_beside(snakemake.output.picture) as partial:
        draw_outlines(view).save(partial, quality=85)
