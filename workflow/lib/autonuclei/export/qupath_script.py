"""A Groovy script that runs the ONNX file of a network in QuPath's StarDist extension.

The extension reads ONNX by OpenCV, which QuPath has, without any other extension.
"""

import os

from autonuclei.io.files import write_beside
from autonuclei.train.description import PERCENTILES, ModelDescription


def write_script(
    path: str | os.PathLike[str], model_name: str, description: ModelDescription, *, reach: int
) -> None:
    """Write the script.

    Parameters
    ----------
    path
        The script; the ONNX file lies beside it.
    model_name
        File name of the ONNX file.
    description
        Gives threshold, percentiles, scale and pixel size.
    reach
        Of the network in its pixels (`LayerList.reach`), so that tiles overlap by that.
    """
    low, high = PERCENTILES
    size = description.network_pixel_um
    text = _SCRIPT.format(
        experiment=description.name,
        steps="".join(f" *   - {step}\n" for step in description.list_steps()),
        model_name=model_name,
        scale=description.scale,
        size_um="Double.NaN" if size is None else f"{size:.6g}",
        low=low,
        high=high,
        probability=description.probability_threshold,
        overlap=description.overlap_threshold,
        padding=-(-reach // 16) * 16,
    )
    with write_beside(path) as partial:
        partial.write_text(text, encoding="utf-8")


_SCRIPT = """\
/*
 * Finds nuclei in the selected objects with the StarDist network of {experiment}.
 * Needs QuPath 0.4 or later with its StarDist extension. What the network wants of an image:
{steps}\
 * QuPath does not use the overlap threshold of the model ({overlap:.6g}): it cuts overlapping
 * nuclei, and drops those that lose half.
 */
import qupath.ext.stardist.StarDist2D
import qupath.lib.scripting.QP

// The model: give its full path if it does not lie beside this script or in QuPath's user folder.
def modelName = "{model_name}"
// Number of the channel with the nuclei, from 0.
def channel = 0
// Micrometres per pixel of the network; NaN: unknown.
double networkPixelUm = {size_um}
// Pixels of the network per pixel of the images that it was trained on.
double scale = {scale:.6g}

def script = this.class.protectionDomain?.codeSource?.location?.path
def beside = new File(script == null ? "." : new File(script).getParent() ?: ".", modelName)
def modelPath = beside.exists() ? beside.getAbsolutePath() : modelName

def imageData = QP.getCurrentImageData()
def calibration = imageData.getServer().getPixelCalibration()
// By the pixel size where both are known, since other images may have another one.
double pixelSize = calibration.hasPixelSizeMicrons() && !Double.isNaN(networkPixelUm)
    ? networkPixelUm
    : calibration.getAveragedPixelSize().doubleValue() / scale

def stardist = StarDist2D
    .builder(modelPath)
    .channels(channel)
    .preprocess(
        StarDist2D.imageNormalizationBuilder()
            .maxDimension(4096)
            .percentiles({low}, {high})
            .build()
    )
    .threshold({probability:.6g})
    .pixelSize(pixelSize)
    .padding({padding})
    .simplify(0)
    .includeProbability(true)
    .measureShape()
    .measureIntensity()
    .build()

def parents = QP.getSelectedObjects()
if (parents.isEmpty()) {{
    QP.createFullImageAnnotation(true)
    parents = QP.getSelectedObjects()
}}
stardist.detectObjects(imageData, parents)
stardist.close()
println "Nuclei: " + QP.getDetectionObjects().size()
"""
