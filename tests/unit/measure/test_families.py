"""The tables on cycles and lineages of a movie, as they are written."""

from pathlib import Path

import numpy as np
import pytest

from autonuclei.io.tables import read_table
from autonuclei.measure.families import TABLES, measure_families, write_families
from lineage_examples import grow_lineages, make_lineage_tracks


@pytest.mark.parametrize("n_frames", [100, 5])
def test_all_tables_are_written(tmp_path: Path, n_frames: int) -> None:
    random = np.random.default_rng(3)
    tracks = make_lineage_tracks(grow_lineages(random, n_founders=4, n_frames=n_frames), random)
    tracks["GFP_core_mean"] = 5.0
    families = measure_families(
        tracks,
        frames=range(n_frames),
        pixel_size_um=None,
        frame_interval_min=20.0,
        channels=["GFP_core_mean"],
    )
    write_families(tmp_path, families, columns={"condition": "1E3"})
    for name in TABLES:
        table = read_table(tmp_path / f"{name}.csv")
        assert list(table) == [*getattr(families, name), "condition"]
        assert len(table) == len(getattr(families, name))
        assert set(table["condition"]) <= {"1E3"}
    trees = (tmp_path / "lineages.nwk").read_text().splitlines()
    assert len(trees) == tracks["lineage"].nunique()
    assert families.compared == ["duration_min", "birth_area_px", "birth_GFP_core_mean"]
    assert families.correlations["measure"].tolist() == families.compared
