"""Show the nuclei of one frame of a sample."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    from autonuclei.io.files import write_beside
    from autonuclei.io.images import open_plane
    from autonuclei.io.label_store import LabelStore
    from autonuclei.io.tables import read_table
    from autonuclei.report.views import choose_frame, draw_view, make_view, write_view

    objects = read_table(snakemake.input.objects)
    planes, names = snakemake.params.planes, snakemake.params.names
    with LabelStore(snakemake.input.labels, names) as masks:
        # Stills that could not be segmented have no masks.
        frame = choose_frame(objects["frame"].to_numpy(), [i for i in planes if masks.has(i)])
        log.info("frame %d", frame)
        with open_plane(**planes[frame]) as image:
            view = make_view(
                image,
                masks.defer(frame),
                objects[objects["frame"] == frame],
                sample=snakemake.wildcards.sample,
                frame=frame,
                name=names[frame],
                pixel_size_um=snakemake.params.pixel_sizes[frame],
            )
    write_view(snakemake.output.view, view)
    with write_beside(snakemake.output.picture) as partial:
        draw_view(view).save(partial, quality=85)
