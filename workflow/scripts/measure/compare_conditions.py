"""All samples of an experiment together: tidy tables, conditions against each other, plates."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    from pathlib import Path

    from autonuclei.io.files import write_beside
    from autonuclei.io.tables import read_table, write_table
    from autonuclei.measure.conditions import (
        average_replicates,
        compare_conditions,
        tabulate_wells,
    )
    from autonuclei.measure.experiment import (
        add_quality,
        count_images,
        gather_experiment,
        join_tracks,
        summarise_movie,
    )
    from autonuclei.report.condition_figures import draw_plates, draw_superplot
    from autonuclei.report.style import name_measure, save_figure

    samples = {sample["sample"]: sample for sample in snakemake.params.samples}
    given, params = snakemake.input, snakemake.params
    nuclei = {Path(path).parent.name: read_table(path) for path in (*given.objects, *given.tracks)}
    for path in given.channels:
        name = Path(path).parent.name
        levels = read_table(path).drop(columns=list(params.columns[name]))
        nuclei[name] = nuclei[name].merge(levels, on=["frame", "label"], validate="1:1")
    tracks, movies = {}, {}
    for motility, lineages in zip(
        map(Path, given.motility), map(Path, given.lineages), strict=True
    ):
        name = motility.parent.name
        tracks[name] = join_tracks(
            read_table(motility / "tracks.csv"), read_table(lineages / "cycles.csv")
        )
        movies[name] = summarise_movie(
            read_table(motility / "frames.csv"), read_table(lineages / "summary.csv")
        )
    counts = read_table(given.counts, text=("sample", "quality"))
    gathered = gather_experiment(
        count_images(
            counts,
            {name: sample["megapixels"] for name, sample in samples.items()},
            {name: sample["pixel_sizes_um"] for name, sample in samples.items()},
        ),
        add_quality(nuclei, counts),
        tracks,
        movies,
        params.columns,
        channels=list(dict.fromkeys(c for sample in samples.values() for c in sample["channels"])),
        own_channels=[sample["own_channel"] for sample in samples.values()],
    )
    measures = list(gathered.measures)
    tables = {name: getattr(gathered, name) for name in ("images", "tracks", "samples")}
    tables["replicates"] = average_replicates(gathered.samples, measures)
    comparisons = compare_conditions(tables["replicates"], measures, control=params.control)
    tables["comparisons"] = comparisons
    figures = {
        f"compared_{name}": draw_superplot(
            getattr(gathered, kind), name, label=name_measure(name), comparisons=comparisons,
            rows=kind,
        )
        for name, kind in gathered.measures.items()
        if len(tables["replicates"])
    }  # fmt: skip
    if "well" in gathered.samples:
        wells = tables["wells"] = tabulate_wells(gathered.samples, measures)
        figures |= {
            f"plate_{name}": draw_plates(wells, name, label=name_measure(name))
            for name in measures
            if len(wells)
        }
    log.info("%d measures, %d comparisons", len(measures), len(comparisons))
    with write_beside(snakemake.output.folder) as folder:
        folder.mkdir()
        write_table(folder / "nuclei.csv.gz", gathered.nuclei)
        for name, table in tables.items():
            if len(table):
                write_table(folder / f"{name}.csv", table)
        for name, figure in figures.items():
            save_figure(figure, [folder / f"{name}.{suffix}" for suffix in ("svg", "png")])
