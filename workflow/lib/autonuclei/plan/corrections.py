"""What the sheet gives in the place of our results: edited masks, or tracks edited elsewhere."""

from dataclasses import dataclass
from pathlib import Path

from autonuclei.errors import InputError
from autonuclei.export.ctc import TRACK_FILES

MASKS, TRACKMATE, GEFF, CTC = "masks", "TrackMate", "GEFF", "Cell Tracking Challenge"


@dataclass(frozen=True)
class Correction:
    """What the user edited.

    Attributes
    ----------
    kind
        `MASKS`, `TRACKMATE`, `GEFF` or `CTC`.
    path
        The TrackMate file, or the folder; of masks what the sheet says.
    files
        All that it is read from.
    stamp
        Differs when one of them was replaced.
    """

    kind: str
    path: str
    files: tuple[str, ...]
    stamp: str | None

    @property
    def has_links(self) -> bool:
        """Whether it says which nuclei belong together; else they are linked anew."""
        return self.kind != MASKS


def recognise_correction(path: str) -> str:
    """Say what kind of correction a path is, by its name and the files in it.

    Raises
    ------
    InputError
        It should be a TrackMate file or GEFF folder, and is not there.
    """
    place = Path(path)
    if place.suffix.lower() in (".xml", ".geff") and not place.exists():
        raise InputError(f"{path}: no such file or folder. Correct the path.")
    if place.suffix.lower() == ".xml":
        return TRACKMATE
    if any(_names_geff(place / name) for name in ("zarr.json", ".zattrs")):
        return GEFF
    if find_track_file(place) is not None:
        return CTC
    return MASKS


def list_correction_files(path: str, kind: str) -> list[str]:
    """The files, or the one folder, that a correction other than masks is read from."""
    if kind != CTC:
        return [path]
    found = find_track_file(Path(path))
    folder = Path(path) if found is None else found.parent
    return sorted(str(file) for file in folder.iterdir() if file.suffix in (".txt", ".tif"))


def find_track_file(folder: Path) -> Path | None:
    """The file of tracks of a Cell Tracking Challenge folder, or of its folder TRA."""
    places = [inner / name for inner in (folder / "TRA", folder) for name in TRACK_FILES]
    return next((place for place in places if place.is_file()), None)


def _names_geff(file: Path) -> bool:
    return file.is_file() and '"geff"' in file.read_text(encoding="utf-8", errors="replace")
