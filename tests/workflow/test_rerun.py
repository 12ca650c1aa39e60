"""What runs again after a change, and what does not."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import yaml

from autonuclei.io.files import IN_USE, lock_folder
from autonuclei.io.written import find_cut_files
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
    "measure_lineages",
    "measure_motility",
    "film_movie",
}


def plan(folder: Path, **options: Any) -> Run:
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
        "find_alternatives",
        "choose_nuclei",
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


def replace_by_older(path: Path, image: np.ndarray, **options: Any) -> None:
    """As `cp -p` and `rsync -a` do; no time of a file says that it is new."""
    before = path.stat().st_mtime
    tifffile.imwrite(path, image, **options)
    os.utime(path, (before - 1e6, before - 1e6))


def test_an_image_replaced_by_an_older_one(finished_copy: Path) -> None:
    """Of the same size as the one before; all that follows from it is made again."""
    path = finished_copy / "raw" / "field2.tif"
    replace_by_older(path, tifffile.imread(path) + 1, compression="zlib")
    jobs = plan(finished_copy).jobs
    steps = {"preprocess_image", "threshold_image", "split_nuclei", "measure_objects"}
    steps |= {"select_nuclei", "list_objects"}
    assert set(jobs) == {"predict_stretch"} | AFTER_FIELDS | steps | ANNOTATION_FIGURES
    assert all(count == 1 for count in jobs.values())


def test_a_movie_replaced_by_an_older_one(finished_copy: Path) -> None:
    path = finished_copy / "raw" / "film.tif"
    options = {"imagej": True, "metadata": {"axes": "TYX"}, "resolution": (2, 2)}
    replace_by_older(path, tifffile.imread(path), **options)
    jobs = plan(finished_copy).jobs
    assert {
        "predict_stretch",
        "join_movie",
        "measure_nuclei",
        "write_provenance",
    } | TRACKING <= set(jobs)
    assert not {"train_model", "preprocess_image", "write_stills"} & set(jobs)


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
    settings["film"]["tail_frames"] = 3
    path.write_text(yaml.safe_dump(settings))
    assert set(plan(finished_copy).jobs) == {"film_movie", "write_provenance", "make_summary"}


def edit_package(checkout: Path, module: str, text: str) -> dict[str, str]:
    """Add a line to a module of a copied checkout; gives what makes Python take that copy."""
    package = checkout / "workflow" / "lib"
    path = package / "autonuclei" / f"{module}.py"
    path.write_text(path.read_text() + text)
    return {"PYTHONPATH": str(package)}


@pytest.mark.parametrize(
    ("module", "expected", "untouched"),
    [
        (
            "report/style",
            {"plot_loss", "plot_f1", "draw_counts", "draw_comparison", "judge_quality"}
            | ANNOTATION_FIGURES,
            {"train_model", "measure_nuclei", "link_nuclei", "evaluate_masks"},
        ),
        # It comes before the training, and nothing before it.
        (
            "annotate/selection",
            {"compute_accepted_range", "select_nuclei", "train_model", "predict_stretch"},
            {"preprocess_image", "threshold_image"},
        ),
        (
            "io/hyperstack",
            {"write_stills", "join_movie"},
            {"train_model", "preprocess_image", "compute_accepted_range"},
        ),
        ("settings", set(), {"train_model", "preprocess_image", "measure_nuclei"}),
    ],
)
def test_an_edited_module_runs_again_what_uses_it(
    finished_copy: Path,
    copy_workflow: Callable[[], Path],
    module: str,
    expected: set[str],
    untouched: set[str],
) -> None:
    checkout = copy_workflow()
    environment = edit_package(checkout, module, "\nEDITED = True\n")
    run = plan(finished_copy, snakefile=checkout / "Snakefile", environment=environment)
    jobs = set(run.jobs)
    assert "write_provenance" in jobs  # which names the state of the whole package
    assert expected <= jobs
    assert not jobs & untouched


def test_an_edited_comment_runs_nothing_again(
    finished_copy: Path, copy_workflow: Callable[[], Path]
) -> None:
    checkout = copy_workflow()
    environment = edit_package(checkout, "io/images", "\n# edited\n")
    run = plan(finished_copy, snakefile=checkout / "Snakefile", environment=environment)
    assert "Nothing to be done" in run.all


def test_a_package_that_is_not_that_of_the_checkout_is_refused(
    finished_copy: Path, copy_workflow: Callable[[], Path]
) -> None:
    checkout = copy_workflow()
    edit_package(checkout, "errors", "\nEDITED = True\n")
    run = run_snakemake(finished_copy, "-n", snakefile=checkout / "Snakefile")
    assert run.code != 0
    assert f"The package in {checkout}/workflow/lib/autonuclei is not the one that" in run.all
    assert "Traceback" not in run.all


def test_another_version_of_the_package_is_refused(
    finished_copy: Path, copy_workflow: Callable[[], Path]
) -> None:
    checkout = copy_workflow()
    package = checkout / "workflow" / "lib"
    path = package / "autonuclei" / "__init__.py"
    path.write_text(path.read_text().replace("__version__ = ", "__version__ = '0.0.1'  # "))
    run = run_snakemake(
        finished_copy,
        "-n",
        snakefile=checkout / "Snakefile",
        environment={"PYTHONPATH": str(package)},
    )
    assert run.code != 0
    assert f"but 0.0.1 is installed in {package}/autonuclei. Install the one of this" in run.all


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


@pytest.mark.parametrize("share", [0, 0.5])
def test_every_file_that_was_cut_short_is_found(
    finished_copy: Path, monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    monkeypatch.chdir(finished_copy)
    cut = {path for path in Path("results").rglob("*") if path.is_file() and path.stat().st_size}
    cut.remove(Path("results", IN_USE))
    for path in cut:
        os.truncate(path, int(share * path.stat().st_size))
    found = {one.path for one in find_cut_files("logs")}
    assert not [path for path in cut if not found & {path, *path.parents}]


def test_a_result_that_was_cut_short_is_set_aside_and_made_again(finished_copy: Path) -> None:
    results = finished_copy / "results" / "tiny"
    figure = results / "training" / "loss.svg"
    whole = figure.read_bytes()
    os.truncate(figure, len(whole) // 2)
    (kept,) = (results / "segmentation" / "film" / "stretches").glob("0000-0002.csv")
    os.truncate(kept, 0)
    said = plan(finished_copy).all
    for path in (figure, kept):
        assert f"{path.relative_to(finished_copy)}: is cut short, it has " in said
    assert figure.exists()  # a dry run changes nothing
    with lock(finished_copy / "results"):
        refused = run_snakemake(finished_copy)
    assert refused.code == 1
    assert "results: another run writes its results here (2" in refused.all
    assert figure.exists()
    run = run_snakemake(finished_copy)
    assert run.code == 0, run.all
    assert figure.read_bytes() == whole
    assert figure.with_name("loss.svg.cut_short").exists()
    assert kept.with_name(f"{kept.name}.cut_short").exists()
    assert not kept.exists()  # nobody needs it now
    assert "Nothing to be done" in plan(finished_copy).all
    assert "is cut short" not in plan(finished_copy).all


@contextlib.contextmanager
def lock(folder: Path) -> Iterator[None]:
    """As a run of another checkout has it."""
    held = lock_folder(folder, (folder / IN_USE).read_text())
    assert held is not None
    try:
        yield
    finally:
        os.close(held)


def test_checkpoints_stay_until_their_training_is_done(finished_copy: Path) -> None:
    """Also while something else is made: a training that was killed goes on from its own."""
    rounds = finished_copy / "results" / "tiny" / "rounds"
    (rounds / "1").mkdir()
    for number in ("0", "1"):
        (rounds / number / "checkpoint.npz").touch()
    (finished_copy / "results" / "tiny" / "training" / "loss.svg").unlink()
    run = run_snakemake(finished_copy, "--", "results/tiny/training/loss.svg")
    assert run.code == 0, run.all
    assert [path.parent.name for path in rounds.glob("*/checkpoint.npz")] == ["1"]


def test_profile_is_the_one_of_the_workflow() -> None:
    profile = yaml.safe_load((ROOT / "profiles" / "default" / "config.yaml").read_text())
    assert profile["scheduler-ilp-solver"] == "PULP_CBC_CMD"
    # It would overrule the scheduler of profiles/slurm.
    assert "scheduler" not in profile
    assert "params" in profile["rerun-triggers"]
