"""Networks for other programs, opened by readers that we did not write."""

import hashlib
import importlib.util
import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml

from autonuclei.annotate.preprocessing import normalize_image
from autonuclei.export.fiji_model import write_macro
from autonuclei.export.qupath_script import write_script
from autonuclei.train.description import ModelDescription
from model_examples import ExportedNetwork, export_examples

HAS_ONNX = all(importlib.util.find_spec(name) for name in ("onnx", "onnxruntime"))
needs_onnx = pytest.mark.skipif(not HAS_ONNX, reason="onnx and onnxruntime are not installed")
every_network = pytest.mark.parametrize("name", ["grid1", "grid2", "grid4", "mixed"])

# Attributes of the operations in TensorFlow 1.15.5, from its op_def_registry; what a node has
# beside them, TensorFlow 1.15 refuses to load.
TENSORFLOW_1_15 = {
    "Placeholder": {"dtype", "shape"},
    "Const": {"dtype", "value"},
    "Conv2D": {"T", "data_format", "dilations", "explicit_paddings", "padding", "strides",
               "use_cudnn_on_gpu"},
    "BiasAdd": {"T", "data_format"},
    "Relu": {"T"},
    "Sigmoid": {"T"},
    "MaxPool": {"T", "data_format", "ksize", "padding", "strides"},
    "ConcatV2": {"N", "T", "Tidx"},
    "DepthToSpace": {"T", "block_size", "data_format"},
    "Pad": {"T", "Tpaddings"},
}  # fmt: skip


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ExportedNetwork]:
    return export_examples(tmp_path_factory.mktemp("networks"), with_onnx=HAS_ONNX)


def compare(network: ExportedNetwork, output: np.ndarray) -> None:
    """Compare (rows, columns, 1 + rays) on the grid with what TensorFlow says."""
    assert output.dtype == np.float32
    np.testing.assert_allclose(output[..., 0], network.own["probability"], atol=1e-4)
    np.testing.assert_allclose(output[..., 1:], network.own["distances"], atol=1e-4)


@every_network
def test_fiji_gives_the_same_nuclei(networks: dict[str, ExportedNetwork], name: str) -> None:
    said = networks[name].said
    assert said["check"]["agrees"]
    assert said["check"]["n_nuclei"] == said["check"]["n_nuclei_exported"] > 3
    assert said["divisor"] == {"grid1": 8, "grid4": 32}.get(name, 16)
    # Ours is what can be, not what was seen.
    assert said["overlap"] <= said["reach"] < 1.3 * said["overlap"]


@every_network
def test_tensorflow_1_knows_every_operation(
    networks: dict[str, ExportedNetwork], name: str
) -> None:
    import tensorflow as tf

    with zipfile.ZipFile(networks[name].folder / "fiji.zip") as file:
        assert file.namelist() == ["saved_model.pb"]
        content = file.read("saved_model.pb")
    from tensorflow.core.protobuf import saved_model_pb2

    saved = saved_model_pb2.SavedModel.FromString(content)
    assert saved.saved_model_schema_version == 1
    (meta,) = saved.meta_graphs
    assert list(meta.meta_info_def.tags) == ["serve"]
    assert meta.graph_def.versions.producer <= 134  # that of TensorFlow 1.15
    assert not meta.graph_def.library.function
    for node in meta.graph_def.node:
        assert {*node.attr} <= TENSORFLOW_1_15[node.op], node.name
        for attribute in node.attr.values():  # a network of 16 bits is exported with 32
            if attribute.WhichOneof("value") == "type":
                assert attribute.type in (tf.float32.as_datatype_enum, tf.int32.as_datatype_enum)
    signature = meta.signature_def["serving_default"]
    ((given, image),) = signature.inputs.items()
    ((made, result),) = signature.outputs.items()
    assert (given, image.name, made, result.name) == ("input", "input:0", "output", "output:0")
    assert [size.size for size in image.tensor_shape.dim] == [-1, -1, -1, 1]
    assert [size.size for size in result.tensor_shape.dim] == [-1, -1, -1, 9]


@pytest.mark.parametrize("name", ["grid1", "grid2", "grid4"])
def test_tensorflow_1_itself(networks: dict[str, ExportedNetwork], name: str) -> None:
    """It needs Python 3.7: `pip install tensorflow==1.15.5 'protobuf<3.21' 'numpy<1.19'`."""
    python = os.environ.get("TENSORFLOW_1_PYTHON")
    if not python:
        pytest.skip("TENSORFLOW_1_PYTHON names no Python with TensorFlow 1.15")
    network = networks[name]
    code = """
import sys, tempfile, zipfile
import numpy as np, tensorflow as tf
assert tf.__version__.startswith("1."), tf.__version__
archive, image, result = sys.argv[1:]
folder = tempfile.mkdtemp()
zipfile.ZipFile(archive).extractall(folder)
with tf.Session(graph=tf.Graph()) as session:
    meta = tf.saved_model.loader.load(session, ["serve"], folder)
    signature = meta.signature_def["serving_default"]
    given = {signature.inputs["input"].name: np.load(image)[None, ..., None]}
    np.save(result, session.run(signature.outputs["output"].name, given)[0])
"""
    image = network.folder / "normalized.npy"
    result = network.folder / "tensorflow1.npy"
    np.save(image, normalize_image(network.image))
    files = [str(network.folder / "fiji.zip"), str(image), str(result)]
    subprocess.run([python, "-c", code, *files], check=True, capture_output=True)
    full = np.load(result)
    step = int(name[-1])
    compare(network, full[::step, ::step])
    # The plugin wants an image; between the points of the grid there is no centre.
    assert full.shape == (96, 128, 9)
    between = full[..., 0].copy()
    between[::step, ::step] = 0
    assert not between.any()
    np.testing.assert_array_equal(full[step - 1 :: step, step - 1 :: step, 1:],
                                  full[::step, ::step, 1:])  # fmt: skip


def test_network_with_other_layers_is_refused(networks: dict[str, ExportedNetwork]) -> None:
    said = (networks["grid1"].folder.parent / "refused.txt").read_text()
    assert said.startswith("export.models: the network has a layer that StarDist's own has not")
    assert "BatchNormalization" in said
    assert "\n" not in said


@needs_onnx
@every_network
def test_all_exports_are_checked(networks: dict[str, ExportedNetwork], name: str) -> None:
    network = networks[name]
    checks = network.said["checks"]
    ends = (".onnx", "_fiji.zip", "_bioimage.zip")
    assert [row["file"] for row in checks] == [f"{name}{end}" for end in ends]
    assert all(row["agrees"] and row["n_nuclei"] > 3 for row in checks)
    files = {path.name for path in (network.folder / "all").iterdir()}
    assert files == {
        "README.txt", "checks.csv", f"{name}.onnx", f"{name}_qupath.groovy",
        f"{name}_fiji.zip", f"{name}_fiji.ijm", f"{name}_bioimage.zip",
    }  # fmt: skip
    readme = (network.folder / "all" / "README.txt").read_text()
    assert all(file in readme for file in files - {"README.txt"})


@needs_onnx
@every_network
def test_onnx_in_onnx_runtime(networks: dict[str, ExportedNetwork], name: str) -> None:
    import onnx
    import onnxruntime

    network = networks[name]
    path = network.folder / "all" / f"{name}.onnx"
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    image = normalize_image(network.image)[None, None]
    (output,) = session.run(None, {"input": image})
    compare(network, output[0].transpose(1, 2, 0))
    divisor = network.said["divisor"]
    other = image[:, :, : 2 * divisor, :divisor].repeat(3, axis=0)
    (smaller,) = session.run(None, {"input": other})
    step = 96 // output.shape[2]
    assert smaller.shape == (3, 9, 2 * divisor // step, divisor // step)

    model = onnx.load(path)
    assert [(item.domain, item.version) for item in model.opset_import] == [("", 13)]
    assert all(item.data_type == onnx.TensorProto.FLOAT for item in model.graph.initializer)
    usage = json.loads({item.key: item.value for item in model.metadata_props}["stardist"])
    assert usage["grid"] == [step, step]
    assert usage["rays"] == 8
    assert (usage["probability_threshold"], usage["overlap_threshold"]) == (0.45, 0.3)
    assert usage["percentiles"] == [1, 99.8]
    assert usage["divisor"] == divisor
    assert usage["network_px_per_image_px"] == 1
    assert (usage["input_axes"], usage["output_axes"]) == ("bcyx", "bcyx")


@needs_onnx
@every_network
def test_onnx_in_opencv(networks: dict[str, ExportedNetwork], name: str) -> None:
    """As QuPath runs it."""
    cv2 = pytest.importorskip("cv2", reason="opencv-python-headless is not installed")
    network = networks[name]
    net = cv2.dnn.readNet(str(network.folder / "all" / f"{name}.onnx"))
    assert net.getUnconnectedOutLayersNames() == ("output",)
    image = normalize_image(network.image)
    for part in (image[:64, :64], image):  # tiles of several sizes, one after the other
        net.setInput(cv2.dnn.blobFromImage(part))
        output = net.forward("output")
    compare(network, output[0].transpose(1, 2, 0))


@needs_onnx
def test_package_of_bioimage_io(networks: dict[str, ExportedNetwork]) -> None:
    with zipfile.ZipFile(networks["grid2"].folder / "all" / "grid2_bioimage.zip") as file:
        content = {name: file.read(name) for name in file.namelist()}
    described = yaml.safe_load(content["rdf.yaml"])
    assert described["format_version"] == "0.5.12"
    listed = [
        *described["attachments"], *described["covers"], described["documentation"],
        described["weights"]["onnx"], described["inputs"][0]["test_tensor"],
        described["outputs"][0]["test_tensor"],
    ]  # fmt: skip
    assert {item["source"] for item in listed} | {"rdf.yaml"} == set(content)
    for item in listed:
        assert hashlib.sha256(content[item["source"]]).hexdigest() == item["sha256"]
    given = np.load(io.BytesIO(content["test_input.npy"]))
    made = np.load(io.BytesIO(content["test_output.npy"]))
    assert (given.shape, made.shape) == ((1, 1, 96, 128), (1, 96, 128, 1))
    n_nuclei = networks["grid2"].said["checks"][0]["n_nuclei"]
    assert sorted(np.unique(made)) == list(range(n_nuclei + 1))
    # The keys by which StarDist takes its model out of it.
    stardist = described["config"]["stardist"]
    assert stardist["weights"] in content
    assert stardist["thresholds"] == {"prob": 0.45, "nms": 0.3}
    size = described["inputs"][0]["axes"][2]["scale"]
    assert size == pytest.approx(0.65, abs=1e-7)
    assert all(int(n * size / size) == n for n in range(1, 5000))


@needs_onnx
@pytest.mark.parametrize(
    ("library", "code", "said"),
    [
        (
            "bioimageio.spec",
            "print(library.load_description(path).validation_summary.status)",
            "valid-format",
        ),
        ("bioimageio.core", "print(library.test_model(path).status)", "passed"),
    ],
)
def test_package_in_libraries_of_bioimage_io(
    networks: dict[str, ExportedNetwork], library: str, code: str, said: str
) -> None:
    """In Python of an environment of its own, if BIOIMAGEIO_PYTHON names it."""
    package = networks["grid2"].folder / "all" / "grid2_bioimage.zip"
    begin = f"import sys, {library} as library; path = sys.argv[1]; "
    python = os.environ.get("BIOIMAGEIO_PYTHON", sys.executable)
    if subprocess.run([python, "-c", f"import {library}"], capture_output=True).returncode:
        pytest.skip(f"{library} is not installed")
    done = subprocess.run(
        [python, "-c", begin + code, str(package)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == said, done.stderr


def test_scripts_have_the_numbers_of_the_model(tmp_path: Path) -> None:
    about = ModelDescription("hela.2", 32, (2, 2), 0.42, 0.31, 1.3, 0.65, 50)
    write_macro(tmp_path / "a.ijm", "hela.2_fiji.zip", about)
    macro = (tmp_path / "a.ijm").read_text()
    for said in (
        "scale = 1.3;", "'probThresh':'0.42'", "'nmsThresh':'0.31'", "'percentileBottom':'1.0'",
        "'percentileTop':'99.8'", '"hela.2_fiji.zip"', '"rolling=50"',
        # A point of the grid, in px.
        "'excludeBoundary':'2'",
    ):  # fmt: skip
        assert said in macro
    write_script(tmp_path / "a.groovy", "hela.2.onnx", about, reach=106)
    script = (tmp_path / "a.groovy").read_text()
    for said in (
        ".threshold(0.42)", ".percentiles(1.0, 99.8)", "double networkPixelUm = 0.5",
        "double scale = 1.3", 'modelName = "hela.2.onnx"', ".padding(112)", "50 px radius",
    ):  # fmt: skip
        assert said in script
    unknown = ModelDescription("a", 32, (2, 2), 0.42, 0.31)
    write_script(tmp_path / "b.groovy", "a.onnx", unknown, reach=106)
    assert "double networkPixelUm = Double.NaN" in (tmp_path / "b.groovy").read_text()
    for text in (macro, script):
        assert text.count("{") == text.count("}")
        assert text.count("(") == text.count(")")
