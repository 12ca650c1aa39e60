"""Checking TrackMate files.

The rules were found by running TrackMate's own reader (version 8.1) over many variants of a
file; `validate_trackmate` holds each of them.
"""

import math
import os
import re
from pathlib import Path
from xml.etree import ElementTree

import tifffile

from autonuclei.errors import InputError
from export_readers import parse_trackmate

DIMENSIONS = {
    "NONE",
    "QUALITY",
    "COST",
    "INTENSITY",
    "INTENSITY_SQUARED",
    "POSITION",
    "VELOCITY",
    "LENGTH",
    "AREA",
    "TIME",
    "ANGLE",
    "RATE",
    "ANGLE_RATE",
    "STRING",
}
# Those that come with TrackMate and its extensions in Fiji.
DETECTORS = {
    "MANUAL_DETECTOR",
    "LOG_DETECTOR",
    "DOG_DETECTOR",
    "HESSIAN_DETECTOR",
    "THRESHOLD_DETECTOR",
    "MASK_DETECTOR",
    "LABEL_IMAGE_DETECTOR",
    "BLOCK_LOG_DETECTOR",
    "DOWNSAMPLE_LOG_DETECTOR",
    "STARDIST_DETECTOR",
    "STARDIST_CUSTOM_DETECTOR",
    "CELLPOSE_DETECTOR",
    "ILASTIK_DETECTOR",
    "MORPHOLIBJ_DETECTOR",
    "WEKA_DETECTOR",
    "YOLO_DETECTOR",
}
TRACKERS = {
    "MANUAL_TRACKER",
    "SPARSE_LAP_TRACKER",
    "SIMPLE_SPARSE_LAP_TRACKER",
    "KALMAN_TRACKER",
    "ADVANCED_KALMAN_TRACKER",
    "NEAREST_NEIGHBOR_TRACKER",
    "OVERLAP_TRACKER",
    "TRACKASTRA_TRACKER",
}
# Which settings the reader wants of the detectors and trackers that this package writes.
DETECTOR_PARAMETERS = {
    "LABEL_IMAGE_DETECTOR": ("TARGET_CHANNEL", "SIMPLIFY_CONTOURS"),
    "MANUAL_DETECTOR": ("RADIUS",),
}
LAP_PARAMETERS = {
    "TrackerSettings": ("CUTOFF_PERCENTILE", "ALTERNATIVE_LINKING_COST_FACTOR", "BLOCKING_VALUE"),
    "Linking": ("LINKING_MAX_DISTANCE",),
    "GapClosing": ("ALLOW_GAP_CLOSING", "GAP_CLOSING_MAX_DISTANCE", "MAX_FRAME_GAP"),
    "TrackSplitting": ("ALLOW_TRACK_SPLITTING", "SPLITTING_MAX_DISTANCE"),
    "TrackMerging": ("ALLOW_TRACK_MERGING", "MERGING_MAX_DISTANCE"),
}
# The children that the format has, in their order.
CHILD_ORDER = {
    "TrackMate": ("Log", "Model", "Settings", "GUIState", "DisplaySettings"),
    "Model": ("FeatureDeclarations", "AllSpots", "AllTracks", "FilteredTracks"),
    "FeatureDeclarations": ("SpotFeatures", "EdgeFeatures", "TrackFeatures"),
    "Settings": (
        "ImageData",
        "BasicSettings",
        "DetectorSettings",
        "InitialSpotFilter",
        "SpotFilterCollection",
        "TrackerSettings",
        "TrackFilterCollection",
        "AnalyzerCollection",
    ),
    "AnalyzerCollection": ("SpotAnalyzers", "EdgeAnalyzers", "TrackAnalyzers"),
}
CRASHING_IF_ABSENT = {
    "TrackMate": {"Model"},
    "Model": {"AllSpots", "AllTracks", "FilteredTracks"},
    "Settings": {
        "ImageData",
        "InitialSpotFilter",
        "SpotFilterCollection",
        "TrackFilterCollection",
    },
}
NOT_OK_IF_ABSENT = {
    "TrackMate": {"GUIState", "DisplaySettings"},
    "Model": {"FeatureDeclarations"},
    "FeatureDeclarations": {"SpotFeatures", "EdgeFeatures", "TrackFeatures"},
    "Settings": {"DetectorSettings", "TrackerSettings", "AnalyzerCollection"},
    "AnalyzerCollection": {"SpotAnalyzers", "EdgeAnalyzers", "TrackAnalyzers"},
}
# Without these the reader puts a spot in the wrong place or size and says nothing.
SPOT_NEEDS = ("POSITION_X", "POSITION_Y", "POSITION_Z", "POSITION_T", "RADIUS", "QUALITY")
JAVA_NUMBER = re.compile(r"\s*[+-]?(NaN|Infinity|(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?[fFdD]?)\s*")
PLAIN_NUMBERS = re.compile(r"(-?\d+\.\d+(\s+|\Z))*+")
LARGEST = 2**31 - 1  # of Java's int
WHOLE_NUMBER = re.compile(r"[+-]?\d+")
MORPHOLOGY = {
    "Spot fit 2D ellipse": ("ELLIPSE_",),
    "Spot 2D shape descriptors": ("AREA", "PERIMETER", "CIRCULARITY", "SOLIDITY", "SHAPE_INDEX"),
}


def validate_trackmate(path: str | os.PathLike[str]) -> list[str]:
    """Check a TrackMate file against everything that TrackMate's reader is known to need.

    Each problem begins with what it does: "crash" (the reader fails), "not ok" (it reads but
    reports an error) or "silent" (it reads something else than what was meant). A problem
    that many spots or edges share is told once, with the first place and the number.

    Returns
    -------
    list of str
        Empty for a good file.

    Raises
    ------
    InputError
        The file is absent, or its root is not TrackMate.
    """
    check = _Check(Path(path))
    try:
        for event, element in parse_trackmate(path):
            if event == "start":
                check.open(element)
            else:
                check.close(element)
    except InputError as error:
        if "as XML" not in str(error):
            raise
        return [f"crash: the file is not XML: {error}"]
    check.finish()
    return [
        text if count == 1 else f"{text} ({count} times)" for text, count in check.problems.values()
    ]


class _Check:
    """The state of one pass over a file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: dict[str, tuple[str, int]] = {}
        self.children: list[list[str]] = []
        self.frame: int | None = None
        self.spot_frames: dict[int, int | None] = {}
        # Of each frame the time of its first spot.
        self.times: dict[int, float] = {}
        # TrackMate writes VISIBILITY 0 on spots that its user filtered out.
        self.hidden: set[int] = set()
        self.morphology: set[str] = set()
        self.analyzers: set[str] = set()
        self.edges: set[tuple[int, int]] = set()
        self.track_id: int | None = None
        self.track_ids: list[int | None] = []
        self.filtered: list[str | None] = []
        # Union-find over spots, and the spots of each track.
        self.root: dict[int, int] = {}
        self.track_of_spot: dict[int, int] = {}
        self.track_spots: list[set[int]] = []
        self.lap: dict[str, dict[str, str]] = {}

    def add(self, kind: str, key: str, text: str) -> None:
        first, count = self.problems.get(key, (f"{kind}: {text}", 0))
        self.problems[key] = (first, count + 1)

    def open(self, element: ElementTree.Element) -> None:
        tag, attributes = element.tag, element.attrib
        if self.children:
            self.children[-1].append(tag)
        self.children.append([])
        if tag == "TrackMate" and "version" not in attributes:
            self.add("crash", "version", "TrackMate has no version")
        elif tag == "SpotsInFrame":
            self.frame = self.read_int(attributes.get("frame"))
            if self.frame is None:
                self.add(
                    "silent",
                    "spots in frame",
                    "SpotsInFrame has no whole number as frame, so its spots fall into frame 0",
                )
        elif tag == "Track":
            self.open_track(attributes)

    def close(self, element: ElementTree.Element) -> None:
        tag, attributes = element.tag, element.attrib
        children = self.children.pop()
        self.check_children(tag, children)
        if tag == "Spot":
            self.check_spot(element)
        elif tag == "Edge":
            self.check_edge(attributes)
        elif tag == "Feature":
            self.check_feature(attributes)
        elif tag == "TrackID":
            self.filtered.append(attributes.get("TRACK_ID"))
        elif tag == "Analyzer":
            self.analyzers.add(attributes.get("key", ""))
        elif tag == "ImageData":
            self.check_image(attributes)
        elif tag == "DetectorSettings":
            self.check_detector(attributes)
        elif tag in LAP_PARAMETERS:
            self.collect_tracker(tag, attributes)
        if tag == "Track":
            self.track_id = None

    def check_children(self, tag: str, children: list[str]) -> None:
        for kind, absent in (("crash", CRASHING_IF_ABSENT), ("not ok", NOT_OK_IF_ABSENT)):
            for child in sorted(absent.get(tag, set()) - set(children)):
                self.add(kind, f"absent {tag} {child}", f"{tag} has no {child}")
        if tag in CHILD_ORDER:
            known = [
                CHILD_ORDER[tag].index(child) for child in children if child in CHILD_ORDER[tag]
            ]
            if known != sorted(known):
                self.add("silent", f"order {tag}", f"the parts of {tag} are not in their order")

    def check_feature(self, attributes: dict[str, str]) -> None:
        name = attributes.get("feature", "without a name")
        for attribute in ("feature", "name", "shortname", "isint"):
            if attribute not in attributes:
                self.add("not ok", f"feature {attribute}", f"the feature {name} has no {attribute}")
        if attributes.get("dimension") not in DIMENSIONS:
            self.add(
                "crash",
                "dimension",
                f"the feature {name} has the dimension {attributes.get('dimension')}, "
                "which TrackMate does not know",
            )

    def check_spot(self, element: ElementTree.Element) -> None:
        attributes = element.attrib
        spot_id = self.read_int(attributes.get("ID"))
        name = f"spot {attributes.get('ID')}"
        if spot_id is None:
            self.add("silent", "spot id", f"{name} has no whole number as ID")
        elif spot_id in self.spot_frames:
            self.add("not ok", "double spot", f"{name} is there twice")
        for attribute, value in attributes.items():
            if attribute != "name" and not JAVA_NUMBER.fullmatch(value):
                self.add(
                    "crash",
                    f"number {attribute}",
                    f"{name} has {attribute}={value!r}, which Java does not read as a number",
                )
        if "VISIBILITY" not in attributes:
            self.add("crash", "visibility", f"{name} has no VISIBILITY")
        elif spot_id is not None and not re.fullmatch(r"1(\.0)?", attributes["VISIBILITY"]):
            self.hidden.add(spot_id)
        if "FRAME" not in attributes:
            self.add("crash", "frame", f"{name} has no FRAME")
        for attribute in SPOT_NEEDS:
            if attribute not in attributes:
                self.add("silent", attribute, f"{name} has no {attribute}")
        frame = self.read_int(attributes.get("FRAME", "").removesuffix(".0"))
        if frame is not None and self.frame is not None and frame != self.frame:
            self.add(
                "silent",
                "frame differs",
                f"{name} has FRAME {frame} but lies in frame {self.frame}",
            )
        self.check_time(name, frame, attributes.get("POSITION_T", ""))
        self.morphology |= {
            key
            for key, features in MORPHOLOGY.items()
            if any(a.startswith(features) for a in attributes)
        }
        if spot_id is not None:
            self.spot_frames[spot_id] = frame
        if "ROI_N_POINTS" in attributes:
            self.check_outline(name, attributes["ROI_N_POINTS"], element.text or "")

    def check_time(self, name: str, frame: int | None, text: str) -> None:
        if frame is None or not JAVA_NUMBER.fullmatch(text):
            return
        time = float(text.strip().rstrip("fFdD"))
        first = self.times.setdefault(frame, time)
        if not math.isclose(time, first, rel_tol=1e-5, abs_tol=1e-9):
            self.add(
                "silent",
                "times differ",
                f"{name} has POSITION_T {time:g}, another spot of frame {frame} {first:g}",
            )

    def check_outline(self, name: str, n_points: str, text: str) -> None:
        n = self.read_int(n_points)
        if n is None or n <= 2:
            return
        if text[:1].isspace():
            self.add("crash", "outline space", f"the outline of {name} starts with white space")
        numbers = text.split()
        if len(numbers) < 2 * n:
            self.add(
                "crash",
                "outline length",
                f"the outline of {name} has {len(numbers)} numbers for {n} points",
            )
        # The slow look at each number only where one look at the text leaves a doubt.
        if not PLAIN_NUMBERS.fullmatch(text) and not all(map(JAVA_NUMBER.fullmatch, numbers)):
            self.add("crash", "outline number", f"the outline of {name} holds what is not a number")
            return
        for axis in (0, 1):
            side = [float(number.rstrip("fFdD")) for number in numbers[axis : 2 * n : 2]]
            if side and (min(side) > 0 or max(side) < 0):
                self.add(
                    "silent",
                    "outline place",
                    f"the outline of {name} lies beside it: it is not relative to its centre",
                )
                return

    def open_track(self, attributes: dict[str, str]) -> None:
        self.track_id = self.read_int(attributes.get("TRACK_ID"))
        if self.track_id is None:
            self.add("not ok", "track id", "a Track has no whole number as TRACK_ID")
        elif self.track_id in self.track_ids:
            self.add("silent", "double track", f"the track {self.track_id} is there twice")
        # TrackMate sorts tracks by the digits of their names, read as one Java int.
        name = attributes.get("name", "Unnamed")
        digits = re.sub("[^0-9]", "", name)
        if not digits or int(digits) > LARGEST:
            self.add("crash", "track name", f"the track name {name!r} holds no number for Java")
        self.track_ids.append(self.track_id)
        self.track_spots.append(set())

    def check_edge(self, attributes: dict[str, str]) -> None:
        ends = []
        for attribute in ("SPOT_SOURCE_ID", "SPOT_TARGET_ID"):
            value = attributes.get(attribute)
            end = self.read_int(value)
            if end is None:
                self.add(
                    "silent", attribute, f"an edge has {attribute}={value!r}, not a whole number"
                )
                return
            if end not in self.spot_frames:
                self.add("not ok", "unknown spot", f"an edge goes to the unknown spot {end}")
                return
            ends.append(end)
        source, target = ends
        pair = (min(source, target), max(source, target))
        if pair in self.edges:
            self.add("not ok", "double edge", f"the edge {source} to {target} is there twice")
        if source == target:
            self.add("not ok", "loop", f"an edge goes from spot {source} to itself")
        self.edges.add(pair)
        earlier, later = self.spot_frames[source], self.spot_frames[target]
        if earlier is not None and later is not None and earlier >= later:
            self.add(
                "silent",
                "backwards",
                f"the edge {source} to {target} goes from frame {earlier} to frame {later}",
            )
        for end in ends:
            if end in self.hidden:
                self.add("crash", "hidden", f"spot {end} is in a track but has no VISIBILITY of 1")
        number = len(self.track_ids) - 1
        for end in ends:
            other = self.track_of_spot.setdefault(end, number)
            if other != number:
                self.add(
                    "silent",
                    "split lineage",
                    f"spot {end} is in two tracks: one lineage must be one Track",
                )
        if self.track_spots:
            self.track_spots[-1].update(ends)
        self.root[self.find_root(source)] = self.find_root(target)

    def find_root(self, spot: int) -> int:
        root = spot
        while self.root.setdefault(root, root) != root:
            root = self.root[root]
        while self.root[spot] != root:
            self.root[spot], spot = root, self.root[spot]
        return root

    def check_image(self, attributes: dict[str, str]) -> None:
        sizes = (
            "width",
            "height",
            "nslices",
            "nframes",
            "pixelwidth",
            "pixelheight",
            "timeinterval",
        )
        missing = [name for name in sizes if name not in attributes]
        if missing:
            self.add("silent", "image sizes", f"ImageData has no {', '.join(missing)}")
        else:
            self.check_frames(attributes)
        filename = attributes.get("filename", "")
        candidates = [
            Path(attributes.get("folder", "")) / filename,
            self.path.parent / filename,
        ]
        image = next((file for file in candidates if filename and file.is_file()), None)
        if image is None:
            self.add("not ok", "image", f"the image {filename or '(no name)'} is not found")
        elif not missing:
            self.check_image_file(image, attributes)

    def check_frames(self, attributes: dict[str, str]) -> None:
        number, interval = attributes["nframes"], attributes["timeinterval"]
        last = max(self.times, default=-1)
        if WHOLE_NUMBER.fullmatch(number) and last >= int(number):
            self.add("silent", "last frame", f"there are spots in frame {last} of {number} frames")
        if not JAVA_NUMBER.fullmatch(interval):
            return
        for frame, time in self.times.items():
            expected = frame * float(interval.strip().rstrip("fFdD"))
            if not math.isclose(time, expected, rel_tol=1e-5, abs_tol=1e-9):
                self.add(
                    "silent",
                    "time",
                    f"POSITION_T is {time:g} in frame {frame}, by the interval of the movie it"
                    f" should be {expected:g}",
                )

    def check_image_file(self, image: Path, attributes: dict[str, str]) -> None:
        try:
            with tifffile.TiffFile(image) as tif:
                metadata = tif.imagej_metadata
                height, width = tif.pages.first.shape[:2]
                tag = tif.pages.first.tags.get("XResolution")
                resolution = tag.value if tag is not None else (1, 1)
        except tifffile.TiffFileError:
            return  # Another format: ImageJ decides what it holds.
        if metadata is None:
            self.add("silent", "image format", f"{image.name} is not an ImageJ hyperstack")
            return
        facts = {
            "width": float(width),
            "height": float(height),
            "nslices": float(metadata.get("slices", 1)),
            "nframes": float(metadata.get("frames", 1)),
            "timeinterval": float(metadata.get("finterval", 0)),
        }
        if metadata.get("unit") is not None and resolution[0]:
            facts["pixelwidth"] = resolution[1] / resolution[0]
        for name, fact in facts.items():
            try:
                written = float(attributes[name])
            except ValueError:
                written = math.nan
            if not math.isclose(written, fact, rel_tol=1e-5):
                self.add(
                    "silent",
                    f"image {name}",
                    f"ImageData says {name} {attributes[name]}, {image.name} says {fact:g}",
                )

    def check_detector(self, attributes: dict[str, str]) -> None:
        name = attributes.get("DETECTOR_NAME")
        if name not in DETECTORS:
            self.add("not ok", "detector", f"the detector {name} is unknown")
        for parameter in DETECTOR_PARAMETERS.get(name or "", ()):
            if parameter not in attributes:
                self.add("not ok", f"detector {parameter}", f"the detector has no {parameter}")

    def collect_tracker(self, tag: str, attributes: dict[str, str]) -> None:
        self.lap[tag] = dict(attributes)
        if tag != "TrackerSettings":
            return
        name = attributes.get("TRACKER_NAME")
        if name not in TRACKERS:
            self.add("not ok", "tracker", f"the tracker {name} is unknown")
        if name in ("SPARSE_LAP_TRACKER", "SIMPLE_SPARSE_LAP_TRACKER"):
            for part, parameters in LAP_PARAMETERS.items():
                for parameter in parameters:
                    if parameter not in self.lap.get(part, {}):
                        self.add(
                            "not ok", f"tracker {parameter}", f"the tracker has no {parameter}"
                        )

    def finish(self) -> None:
        for value in self.filtered:
            track_id = self.read_int(value)
            if track_id is None or track_id not in self.track_ids:
                self.add("not ok", "filtered", f"FilteredTracks names the unknown track {value}")
        for track_id, spots in zip(self.track_ids, self.track_spots, strict=True):
            if len({self.find_root(spot) for spot in spots}) > 1:
                self.add(
                    "silent",
                    "joined lineages",
                    f"the track {track_id} holds spots that are not connected",
                )
        for analyzer in sorted(self.morphology - self.analyzers):
            self.add(
                "silent",
                f"analyzer {analyzer}",
                f"the spots have features of the analyzer {analyzer!r}, which is not listed",
            )

    @staticmethod
    def read_int(value: str | None) -> int | None:
        if value is None or not WHOLE_NUMBER.fullmatch(value):
            return None
        return int(value) if abs(int(value)) <= LARGEST else None
