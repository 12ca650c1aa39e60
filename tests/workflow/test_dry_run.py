"""The whole graph of jobs is known before the first one runs."""

import re
from pathlib import Path

import numpy as np
import tifffile

from autonuclei.example.data import write_example
from conftest import ROOT, draw_project, run_snakemake, save_still, save_truth, write_config

# What each movie brings along, once.
TRACKING = {
    "link_nuclei",
    "write_track_labels",
    "export_trackmate",
    "export_ctc",
    "export_geff",
    "measure_lineages",
    "measure_motility",
    "film_movie",
}
# Jobs of every frame that is annotated.
ANNOTATION = (
    "preprocess_image",
    "threshold_image",
    "split_nuclei",
    "measure_objects",
    "select_nuclei",
)
# Jobs of every experiment that is trained and annotated.
EXPERIMENT = (
    "gather_objects",
    "compute_accepted_range",
    "list_objects",
    "train_model",
    "choose_round",
    "plot_loss",
    "draw_annotation_overlay",
    "draw_annotation_steps",
    "draw_counts",
    "judge_quality",
    "write_provenance",
    "make_summary",
)


def plan(folder: Path, *arguments: str) -> dict[str, int]:
    run = run_snakemake(folder, "-n", "--quiet", "rules", *arguments)
    assert run.code == 0, run.all
    return run.jobs


def expect(**counts: int) -> dict[str, int]:
    return {name: count for name, count in counts.items() if count}


def test_shipped_sheet_waits_for_the_user(tmp_path: Path) -> None:
    (tmp_path / "config").symlink_to(ROOT / "config")
    run = run_snakemake(tmp_path, "-n")
    assert run.code != 0
    said = [line for line in run.all.splitlines() if "samples.tsv" in line]
    assert said == [
        "config/samples.tsv: has no rows yet. Add one line per movie or set of stills; "
        "config/README.md explains the columns."
    ]


def test_shipped_example(tmp_path: Path) -> None:
    """As `make demo` in a fresh clone; the numbers are meant to be read."""
    (tmp_path / "config").symlink_to(ROOT / "config")
    write_example(tmp_path / "example" / "data")
    run = run_snakemake(tmp_path, "-n", "--configfile", "config/example/config.yaml")
    assert run.code == 0, run.all
    assert "example/results/" in run.out
    assert not re.search(r"(?<!example/)\bresults/", run.out), "lies among a user's results"
    assert run.jobs == expect(
        # 3 stills and 6 frames to learn from; 1 still and some frames to compare
        **dict.fromkeys(ANNOTATION, 17),
        compose_training_pair=9,
        **dict.fromkeys(EXPERIMENT, 2),
        export_model=2,
        predict_stretch=3,
        find_alternatives=1,
        choose_nuclei=1,
        write_stills=2,
        join_movie=1,
        measure_nuclei=3,
        measure_quality=3,
        draw_segmentation=3,
        evaluate_masks=2,
        plot_f1=2,
        draw_comparison=2,
        **dict.fromkeys(TRACKING, 1),
        evaluate_tracks=1,
    )


def test_counts_follow_from_the_sheet(tmp_path: Path) -> None:
    for number in range(5):
        save_still(tmp_path / "a" / f"a{number}.tif", number)
        save_truth(tmp_path / "a" / "truth" / f"a{number}.tif", number)
        save_still(tmp_path / "b" / f"b{number}.tif", number)
    tifffile.imwrite(
        tmp_path / "film.tif",
        np.zeros((7, 96, 96), np.uint16),
        imagej=True,
        metadata={"axes": "TYX"},
    )
    megapixels = 96 * 96 / 1e6
    write_config(
        tmp_path,
        [
            # learns from 2 of 5 and compares all 5: 5 frames to annotate
            {
                "experiment": "one",
                "sample": "a",
                "images": "a/*.tif",
                "kind": "stills",
                "train": "2",
                "ground_truth": "a/truth/*.tif",
            },
            # only segmented
            {"experiment": "one", "sample": "b", "images": "b/*.tif", "kind": "stills"},
            # learns from 3 of 7 frames, without a ground truth
            {
                "experiment": "two",
                "sample": "film",
                "images": "film.tif",
                "kind": "movie",
                "train": "::3",
            },
        ],
        predict={"megapixels_per_job": 2.5 * megapixels},  # two images each
    )
    assert plan(tmp_path) == expect(
        **dict.fromkeys(ANNOTATION, 5 + 3),
        compose_training_pair=2 + 3,
        **dict.fromkeys(EXPERIMENT, 2),
        predict_stretch=3 + 3 + 4,
        find_alternatives=4,
        choose_nuclei=1,
        write_stills=2,
        join_movie=1,
        measure_nuclei=3,
        measure_quality=3,
        draw_segmentation=3,
        evaluate_masks=1,
        plot_f1=1,
        draw_comparison=1,
        **dict.fromkeys(TRACKING, 1),
    )


def test_a_large_image_has_a_mosaic(tmp_path: Path) -> None:
    draw_project(tmp_path)
    row = {"experiment": "e", "kind": "stills"}
    rows = [
        row | {"sample": "s", "images": "raw/field*.tif", "train": "all"},
        row | {"sample": "t", "images": "other.tif"},
    ]
    jobs = []
    for side in (3999, 4000):  # from 16 megapixels on
        image = np.zeros((side, 4000), np.uint8)
        tifffile.imwrite(tmp_path / "other.tif", image, compression="zlib")
        write_config(tmp_path, rows)
        jobs.append(plan(tmp_path))
    assert jobs[1] == jobs[0] | {"draw_mosaic": 1}


def test_masks_take_the_place_of_the_annotation(tmp_path: Path) -> None:
    draw_project(tmp_path)
    row = {
        "experiment": "e",
        "sample": "s",
        "images": "raw/field*.tif",
        "kind": "stills",
        "masks": "truth/*.tif",
    }
    rest = dict.fromkeys(
        (
            "train_model",
            "choose_round",
            "plot_loss",
            "predict_stretch",
            "write_stills",
            "measure_nuclei",
            "draw_counts",
            "measure_quality",
            "judge_quality",
            "draw_segmentation",
            "write_provenance",
            "make_summary",
        ),
        1,
    )
    both = dict.fromkeys(("preprocess_image", "import_masks", "compose_training_pair"), 2)
    write_config(tmp_path, [row])
    assert plan(tmp_path) == both | rest
    # The column `train` chooses among the frames that have masks.
    write_config(tmp_path, [row | {"train": "0:1"}])
    assert plan(tmp_path) == dict.fromkeys(both | rest, 1)


def test_rounds_of_self_training(tmp_path: Path) -> None:
    draw_project(tmp_path)
    row = {"experiment": "e", "sample": "s", "images": "raw/field*.tif", "kind": "stills"}
    given = row | {"experiment": "given", "masks": "truth/*.tif"}
    megapixels = 96 * 96 / 1e6
    pages = {"predict": {"megapixels_per_job": 2.5 * megapixels}}
    write_config(tmp_path, [row | {"train": "all"}, given], self_training={"rounds": 2}, **pages)
    jobs = plan(tmp_path)
    assert jobs["predict_training_frames"] == 2 * 2  # three frames, at most two in a job
    assert jobs["check_annotation"] == 2 * 3
    assert jobs["list_changes"] == 2
    # Given masks need no second annotation, so that experiment is trained once.
    assert jobs["train_model"] == 3 + 1
    assert jobs["measure_criterion"] == 3
    assert jobs["choose_round"] == 2


def test_without_anything_to_learn_from(tmp_path: Path) -> None:
    draw_project(tmp_path)
    row = {"experiment": "e", "sample": "s", "images": "raw/field*.tif", "kind": "stills"}
    write_config(tmp_path, [row], models={"f": "nowhere"})
    run = run_snakemake(tmp_path, "-n")
    assert run.code != 0
    for said in (
        "config/samples.tsv: 2 problem(s)",
        "experiment 'e': no frame is selected for training",
        "models: there is no experiment 'f'",
    ):
        assert said in run.all
    assert "Traceback" not in run.all


def test_range_of_diameters_the_wrong_way_round(tmp_path: Path) -> None:
    draw_project(tmp_path)
    row = {"experiment": "e", "sample": "s", "images": "raw/field*.tif", "kind": "stills"}
    row |= {"train": "all"}
    write_config(tmp_path, [row], train={"diameter_px": [32, 18]})
    run = run_snakemake(tmp_path, "-n")
    assert run.code != 0
    assert "train.diameter_px: [32, 18]; give the least first." in run.all
    assert "Traceback" not in run.all


def test_model_that_is_none(tmp_path: Path) -> None:
    draw_project(tmp_path)
    (tmp_path / "model").mkdir()
    row = {"experiment": "e", "sample": "s", "images": "raw/field*.tif", "kind": "stills"}
    write_config(tmp_path, [row], models={"e": "model"})
    run = run_snakemake(tmp_path, "-n")
    assert run.code != 0
    assert "model: is not a folder of a trained StarDist model" in run.all


def test_all_mistakes_in_the_configuration_together(tmp_path: Path) -> None:
    draw_project(tmp_path)
    write_config(tmp_path, [], seeds=1, train={"epochs": 0}, preprocess={"values": "9bit"})
    run = run_snakemake(tmp_path, "-n")
    assert run.code != 0
    for said in (
        "configuration: 3 problem(s)",
        "'seeds' is not known here",
        "'train.epochs' must be at least 1",
        "'preprocess.values' must be one of keep, 8bit",
    ):
        assert said in run.all
    assert "Traceback" not in run.all
