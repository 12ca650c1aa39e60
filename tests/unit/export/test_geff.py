import numpy as np
import pytest
from geff import GeffMetadata, validate_structure
from geff.core_io import read_to_memory
from geff.validate.data import ValidationConfig

from autonuclei.errors import InputError
from autonuclei.export.geff import write_geff
from export_readers import read_geff
from track_examples import list_links, make_example


def test_nodes_and_edges_come_back(tmp_path):
    tracks, _, _ = make_example()
    path = tmp_path / "tracks.geff"
    write_geff(path, tracks, pixel_size_um=0.5, frame_interval_min=10.0)
    nodes, edges = read_geff(path)
    assert nodes["id"].tolist() == list(range(len(tracks)))
    for name, column in [("t", "frame"), ("y", "y_px"), ("x", "x_px"), ("area_px", "area_px")]:
        assert np.array_equal(nodes[name], tracks[column]), name
    for name in ("label", "track", "lineage", "mean_intensity"):
        assert np.array_equal(nodes[name], tracks[name]), name
    assert "probability" not in nodes
    places = list(zip(nodes["t"], nodes["y"].round(), nodes["x"].round(), strict=True))
    assert {(places[a], places[b]) for a, b in edges} == list_links()


def test_the_package_finds_it_valid(tmp_path):
    tracks, _, _ = make_example()
    path = tmp_path / "tracks.geff"
    write_geff(path, tracks, pixel_size_um=0.5, frame_interval_min=10.0)
    validate_structure(path)
    read_to_memory(path, data_validation=ValidationConfig(graph=True, lineage=True, tracklet=True))
    metadata = GeffMetadata.read(path)
    assert metadata.directed
    assert metadata.track_node_props == {"tracklet": "track", "lineage": "lineage"}
    axes = [(a.name, a.type, a.unit, a.scale, a.scaled_unit) for a in metadata.axes]
    assert axes == [
        ("t", "time", "frame", 10.0, "minute"),
        ("y", "space", "pixel", 0.5, "micrometer"),
        ("x", "space", "pixel", 0.5, "micrometer"),
    ]
    assert metadata.node_props_metadata["area_px"].description == "Area in pixels"


def test_unknown_units_have_no_scale(tmp_path):
    tracks, _, _ = make_example()
    path = tmp_path / "tracks.geff"
    write_geff(path, tracks, pixel_size_um=None, frame_interval_min=None)
    assert [axis.scale for axis in GeffMetadata.read(path).axes] == [None, None, None]


def test_single_daughter_is_no_maximal_tracklet(tmp_path):
    tracks, _, _ = make_example()
    kept = tracks[~tracks["track"].isin([3])].reset_index(drop=True)
    path = tmp_path / "tracks.geff"
    write_geff(path, kept, pixel_size_um=None, frame_interval_min=None)
    assert GeffMetadata.read(path).track_node_props == {"lineage": "lineage"}
    assert len(read_geff(path)[1]) == len(list_links()) - 2


def test_no_nuclei_and_replacing(tmp_path):
    tracks, _, _ = make_example()
    path = tmp_path / "tracks.geff"
    write_geff(path, tracks, pixel_size_um=None, frame_interval_min=None)
    write_geff(path, tracks.iloc[:0], pixel_size_um=None, frame_interval_min=None)
    nodes, edges = read_geff(path)
    assert len(nodes) == len(edges) == 0


def test_other_folders_are_refused(tmp_path):
    with pytest.raises(InputError, match="not a valid GEFF file"):
        read_geff(tmp_path / "nothing")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="not a valid GEFF file"):
        read_geff(tmp_path / "folder")
