import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from autonuclei.export.trackmate_declarations import EDGE_FEATURES, TRACK_FEATURES
from autonuclei.export.trackmate_features import (
    compute_edge_features,
    compute_spot_features,
    compute_track_features,
)
from export_readers import read_trackmate

DATA = Path(
    os.environ.get("AUTONUCLEI_DATA", Path(__file__).resolve().parents[3].parent / "shared/data")
)
FAKETRACKS = DATA / "faketracks" / "FakeTracks.xml"
needs_faketracks = pytest.mark.skipif(not FAKETRACKS.is_file(), reason=f"{FAKETRACKS} is not there")


def test_ellipse_angle_runs_from_the_x_axis():
    # scikit-image: 0 along the rows axis (down), pi / 2 along the columns axis (right).
    orientation = np.array([np.pi / 2, 0.0, np.pi / 4, -np.pi / 4])
    table = pd.DataFrame(
        {
            "frame": 0,
            "label": 1,
            "track": 1,
            "y_px": 0.0,
            "x_px": 0.0,
            "area_px": 4.0,
            "orientation_rad": orientation,
            "major_axis_px": 6.0,
            "minor_axis_px": 3.0,
        }
    )
    values = compute_spot_features(table, pixel_size=0.5, interval=1.0)
    np.testing.assert_allclose(values["ELLIPSE_THETA"], [0, np.pi / 2, np.pi / 4, -np.pi / 4])
    assert values["ELLIPSE_MAJOR"].tolist() == [1.5] * 4
    assert values["ELLIPSE_ASPECTRATIO"].tolist() == [2] * 4


@needs_faketracks
def test_features_are_those_that_trackmate_computed():
    content = read_trackmate(FAKETRACKS)
    spots = content.spots
    row_of = pd.Series(np.arange(len(spots)), index=spots["ID"])
    edges = row_of[content.edges[["SPOT_SOURCE_ID", "SPOT_TARGET_ID"]].to_numpy().ravel()]
    edges = edges.to_numpy().reshape(-1, 2)
    track_ids = np.full(len(spots), -1)
    for end in range(2):
        track_ids[edges[:, end]] = content.edges["TRACK_ID"]
    table = compute_edge_features(spots, edges)
    for feature in EDGE_FEATURES:
        if not feature.startswith("SPOT_"):
            np.testing.assert_allclose(
                table[feature], content.edges[feature], rtol=1e-9, err_msg=feature
            )
    table = compute_track_features(spots, table, track_ids)
    for feature in TRACK_FEATURES:
        np.testing.assert_allclose(
            table[feature], content.tracks[feature], rtol=1e-9, err_msg=feature
        )
