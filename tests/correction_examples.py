"""The example movie with nuclei that are hard to give back: a hole, two pieces, a border."""

import itertools
from xml.etree import ElementTree

import numpy as np
import pandas as pd

from autonuclei.export.trackmate import write_trackmate
from autonuclei.export.trackmate_settings import MovieInfo
from autonuclei.labels.measurement import measure_objects
from autonuclei.track.corrections import tabulate_links
from track_examples import HEIGHT, N_FRAMES, WIDTH, make_example

SHAPE = (HEIGHT, WIDTH)
SIZE, INTERVAL = 0.325, 10.0


def measure(labels):
    """The table of nuclei of a movie's label images."""
    tables = [
        measure_objects(
            np.asarray(labels[frame]).astype(np.int32),
            np.asarray(labels[frame]) * 3.0 + 7,
            frame=frame,
            pixel_size_um=SIZE,
        )
        for frame in range(N_FRAMES)
    ]
    return pd.concat(tables, ignore_index=True)


def make_movie():
    """Our results: the track table and the label images (frames, height, width)."""
    example, labels, _ = make_example()
    labels = labels.astype(np.int32)
    hole = example[(example["track"] == 9) & (example["frame"] == 1)].iloc[0]
    labels[1, round(hole["y_px"]), round(hole["x_px"])] = 0
    pieces = example[(example["track"] == 9) & (example["frame"] == 2)].iloc[0]
    labels[2, 51, 70:72] = pieces["label"]
    labels[1, 55:60, 75:80] = 40
    links = find_links(example)
    result = tabulate_links(measure(labels), links, frame_interval_min=INTERVAL)
    return result.tracks, labels


def find_links(tracks):
    """Links of a track table as a table, by a way of its own."""
    rows = []
    for _, track in tracks.groupby("track"):
        places = list(zip(track["frame"], track["label"], strict=True))
        rows += [(*a, *b) for a, b in itertools.pairwise(places)]
        parent = track["parent"].iloc[0]
        if parent:
            mother = tracks[tracks["track"] == parent].iloc[-1]
            rows.append((mother["frame"], mother["label"], *places[0]))
    columns = ["frame", "label", "next_frame", "next_label"]
    return pd.DataFrame(rows, columns=columns, dtype="int64").sort_values(
        columns, ignore_index=True
    )


def write_xml(path, tracks, labels):
    movie = MovieInfo("movie.tif", WIDTH, HEIGHT, N_FRAMES, SIZE, INTERVAL)
    write_trackmate(path, tracks, movie=movie, labels=labels)
    return path


class Edit:
    """A TrackMate file in the hands of a user; `save` writes it as TrackMate does.

    TrackMate keeps its spots and links in hash tables: their order changes, attributes too, links
    have new costs, and tracks are numbered anew.
    """

    def __init__(self, path):
        self.root = ElementTree.parse(path).getroot()
        self.model = self.root.find("Model")
        self.spots = {int(spot.get("ID")): spot for spot in self.model.iter("Spot")}

    @property
    def links(self):
        return {
            (int(edge.get("SPOT_SOURCE_ID")), int(edge.get("SPOT_TARGET_ID")))
            for edge in self.model.iter("Edge")
        }

    def delete(self, spot):
        for frame in self.model.iter("SpotsInFrame"):
            if self.spots[spot] in list(frame):
                frame.remove(self.spots[spot])
        del self.spots[spot]
        self.link_all({link for link in self.links if spot not in link})

    def add(self, spot, frame, y, x, radius, *, name=None, **features):
        values = {
            "ID": spot,
            "name": name or f"ID{spot}",
            "QUALITY": -1.0,
            "POSITION_X": x * SIZE,
            "POSITION_Y": y * SIZE,
            "POSITION_Z": 0.0,
            "POSITION_T": frame * INTERVAL,
            "FRAME": frame,
            "RADIUS": radius * SIZE,
            "VISIBILITY": 1,
            **features,
        }
        found = [f for f in self.model.iter("SpotsInFrame") if f.get("frame") == str(frame)]
        text = {key: str(value) for key, value in values.items()}
        self.spots[spot] = ElementTree.SubElement(found[0], "Spot", text)
        return self.spots[spot]

    def move(self, spot, dy, dx):
        for axis, step in (("Y", dy), ("X", dx)):
            value = float(self.spots[spot].get(f"POSITION_{axis}")) + step * SIZE
            self.spots[spot].set(f"POSITION_{axis}", repr(value))

    def draw(self, spot, corners):
        """Give a spot an outline; corners are x and y in px, pixel centres at whole numbers."""
        element = self.spots[spot]
        centre = [float(element.get(f"POSITION_{axis}")) for axis in "XY"]
        numbers = (np.asarray(corners, float) * SIZE - centre).ravel()
        element.set("ROI_N_POINTS", str(len(corners)))
        element.text = " ".join(map(repr, numbers.tolist()))

    def link_all(self, links):
        """Links become tracks as TrackMate saves them: one for each connected component."""
        tracks = self.model.find("AllTracks")
        shown = self.model.find("FilteredTracks")
        for element in (tracks, shown):
            for child in list(element):
                element.remove(child)
        groups = []
        for link in links:
            joined = [group for group in groups if set(link) & {s for e in group for s in e}]
            groups = [group for group in groups if group not in joined]
            groups.append({link}.union(*joined))
        for number, group in enumerate(groups):
            attributes = {"name": f"Track_{number + 90}", "TRACK_ID": str(number)}
            track = ElementTree.SubElement(tracks, "Track", attributes)
            for source, target in group:
                ends = {"SPOT_SOURCE_ID": str(source), "SPOT_TARGET_ID": str(target)}
                ElementTree.SubElement(track, "Edge", {"LINK_COST": "-1.0", **ends})
            ElementTree.SubElement(shown, "TrackID", {"TRACK_ID": str(number)})

    def save(self, path):
        random = np.random.default_rng(0)
        self.root.remove(self.root.find("Log"))
        for parent in [*self.model.iter("SpotsInFrame"), *self.model.iter("Track")]:
            children = list(parent)
            for child in children:
                parent.remove(child)
            for i in random.permutation(len(children)):
                items = list(children[i].attrib.items())
                children[i].attrib.clear()
                children[i].attrib.update([items[k] for k in random.permutation(len(items))])
                parent.append(children[i])
        self.model.find("AllSpots").set("nspots", str(len(self.spots)))
        ElementTree.ElementTree(self.root).write(path, encoding="UTF-8", xml_declaration=True)
        return path
