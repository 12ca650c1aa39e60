"""How much the user changed, and how that moved the numbers."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    from autonuclei.io.label_store import LabelStore
    from autonuclei.io.tables import add_columns, read_table, write_table
    from autonuclei.measure.key_numbers import compare_numbers, summarise_numbers
    from autonuclei.measure.motility import measure_motility
    from autonuclei.track.changes import compare_corrections, compare_masks

    params, movie = snakemake.params, snakemake.params.movie

    def summarise(nuclei):
        if not params.is_movie:
            return summarise_numbers(nuclei)
        motility = measure_motility(
            nuclei,
            frames=sorted(movie["planes"]),
            image_shape=movie["shape"],
            pixel_size_um=movie["pixel_size_um"],
            frame_interval_min=movie["frame_interval_min"],
            remove_drift=params.motility["remove_drift"],
        )
        return summarise_numbers(nuclei, motility)

    before, after = map(read_table, (snakemake.input.nuclei_before, snakemake.input.nuclei))
    with (
        LabelStore(snakemake.input.labels_before, params.names) as ours,
        LabelStore(snakemake.input.labels, params.names) as corrected,
    ):
        frames = [frame for frame in params.names if ours.has(frame) and corrected.has(frame)]
        if params.is_movie:
            changes = compare_corrections(before, after, ours, corrected, frames=frames)
        else:
            changes = compare_masks(ours, corrected, frames=frames)
    log.info("\n%s", changes.sample.to_string())
    numbers = compare_numbers(summarise(before), summarise(after))
    for table, path in (
        (changes.sample, snakemake.output.table),
        (changes.frames, snakemake.output.frames),
        (numbers, snakemake.output.numbers),
    ):
        write_table(path, add_columns(table, params.columns))
