"""What runs again after a change, and what does not."""

from collections.abc import Callable
from pathlib import Path

import pytest
import tifffile
import yaml

from conftest import ROOT, Run, run_snakemake

# Everything that follows from new masks of the sample `fields`.
AFTER_FIELDS = {
    "write_stills",
    "measure_nuclei",
    "measure_quality",
    "judge_quality",
    "draw_segmentation",
    "evaluate_masks",
    "plot_f1",
    "draw_comparison",
    "draw_counts",
    "write_provenance",
    "make_summary",
}
# The figures of the annotation, from all annotated objects of the experiment.
ANNOTATION_FIGURES = {"draw_annotation_overlay", "draw_annotation_steps"}
TRACKING = {
    "link_nuclei",
    "write_track_labels",
    "export_trackmate",
    "export_ctc",
    "export_geff",
    "measure_motility",
    "film_movie",
}


def plan(folder: Path, **options: Path) -> Run:
    run = run_snakemake(folder, "-n", "--quiet", "rules", **options)
    assert run.code == 0, run.all
    return run


def test_second_run_does_nothing(finished_copy: Path) -> None:
    assert "Nothing to be done" in plan(finished_copy).all


def test_a_changed_image_that_is_only_segmented(finished_copy: Path) -> None:
    path = finished_copy / "raw" / "film.tif"
    stack = tifffile.imread(path)
    stack[0, 0, 0] += 1
    tifffile.imwrite(path, stack, imagej=True, metadata={"axes": "TYX"}, resolution=(2, 2))
    jobs = plan(finished_copy).jobs
    assert set(jobs) == TRACKING | {
        "predict_stretch",
        "join_movie",
        "measure_nuclei",
        "draw_counts",
        "measure_quality",
        "judge_quality",
        "draw_segmentation",
        "write_provenance",
        "make_summary",
    }
    assert jobs["measure_nuclei"] == jobs["predict_stretch"] == 1


def test_a_changed_image_to_compare_with(finished_copy: Path) -> None:
    """Field 2 is annotated, but not learned from."""
    path = finished_copy / "raw" / "field2.tif"
    image = tifffile.imread(path)
    tifffile.imwrite(path, image + 1)
    jobs = plan(finished_copy).jobs
    steps = {
        "preprocess_image",
        "threshold_image",
        "split_nuclei",
        "measure_objects",
        "select_nuclei",
        "list_objects",
    }
    assert set(jobs) == {"predict_stretch"} | AFTER_FIELDS | steps | ANNOTATION_FIGURES
    assert all(count == 1 for count in jobs.values())


def test_a_changed_image_to_learn_from(finished_copy: Path) -> None:
    path = finished_copy / "raw" / "field0.tif"
    tifffile.imwrite(path, tifffile.imread(path) + 1)
    jobs = plan(finished_copy).jobs
    assert jobs["train_model"] == jobs["compute_accepted_range"] == 1
    assert jobs["preprocess_image"] == 1
    assert jobs["compose_training_pair"] == 2  # the other one lost its temporary files
    assert jobs["predict_stretch"] == 2


def test_a_changed_ground_truth(finished_copy: Path) -> None:
    path = finished_copy / "truth" / "field0.tif"
    tifffile.imwrite(path, tifffile.imread(path) * 2)
    assert set(plan(finished_copy).jobs) == {
        "evaluate_masks",
        "plot_f1",
        "draw_comparison",
        "write_provenance",
        "make_summary",
    }


def test_a_changed_setting(finished_copy: Path) -> None:
    path = finished_copy / "config" / "config.yaml"
    settings = yaml.safe_load(path.read_text())
    settings["evaluate"]["iou_thresholds"] = [0.6]
    path.write_text(yaml.safe_dump(settings))
    assert set(plan(finished_copy).jobs) == {
        "evaluate_masks",
        "plot_f1",
        "draw_comparison",
        "write_provenance",
        "make_summary",
    }


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        (
            "figures",
            {"plot_loss", "plot_f1", "draw_counts", "draw_comparison", "judge_quality"}
            | ANNOTATION_FIGURES,
        ),
        ("selection", None),
        ("hyperstack", {"write_stills", "join_movie"}),
    ],
)
def test_an_edited_module_runs_again_what_uses_it(
    finished_copy: Path,
    copy_workflow: Callable[[], Path],
    module: str,
    expected: set[str] | None,
) -> None:
    checkout = copy_workflow()
    path = checkout / "workflow" / "scripts" / "autonuclei" / f"{module}.py"
    path.write_text(path.read_text() + "\n# edited\n")
    jobs = set(plan(finished_copy, snakefile=checkout / "Snakefile").jobs)
    assert "write_provenance" in jobs  # which names the state of the whole package
    if expected is None:  # selection comes before the training, and nothing before selection
        assert {"compute_accepted_range", "select_nuclei", "train_model", "predict_stretch"} <= jobs
    elif module == "hyperstack":
        assert expected <= jobs
        assert not jobs & {"train_model", "preprocess_image", "compute_accepted_range"}
    else:
        assert jobs == expected | {"write_provenance", "make_summary"}


def test_an_edited_script_runs_again(
    finished_copy: Path, copy_workflow: Callable[[], Path]
) -> None:
    checkout = copy_workflow()
    path = checkout / "workflow" / "scripts" / "report" / "plot_loss.py"
    path.write_text(path.read_text() + "\n# edited\n")
    assert set(plan(finished_copy, snakefile=checkout / "Snakefile").jobs) == {
        "plot_loss",
        "make_summary",
    }


def test_a_lost_result_is_made_again(finished_copy: Path) -> None:
    (finished_copy / "results/tiny/training/loss.svg").unlink()
    assert set(plan(finished_copy).jobs) == {"plot_loss", "make_summary"}
    run = run_snakemake(finished_copy)
    assert run.code == 0, run.all
    assert (finished_copy / "results/tiny/training/loss.svg").exists()
    assert "Nothing to be done" in plan(finished_copy).all


def test_profile_is_the_one_of_the_workflow() -> None:
    profile = yaml.safe_load((ROOT / "profiles" / "default" / "config.yaml").read_text())
    assert profile["scheduler-ilp-solver"] == "PULP_CBC_CMD"
    # It would overrule the scheduler of profiles/slurm.
    assert "scheduler" not in profile
    assert "params" in profile["rerun-triggers"]
