"""The channels of a sample: how each is called, and where its planes are."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from autonuclei.io.formats.base import ImageHeader
from autonuclei.io.images import find_place

COLOURS = ("red", "green", "blue")


@dataclass(frozen=True)
class Channel:
    """A channel that all images of a sample have.

    Parameters
    ----------
    name
        As the file has it, or the value of `{channel}`; empty where it has none.
    key
        How `io.images.read_plane` is asked for it; None where the file has but one.
    files
        Where each channel is a file: for each file of the nuclei that of this channel. A file
        that is missing is not among them. None where the planes are in the file of the nuclei.
    """

    name: str
    key: str | None = None
    files: Mapping[str, str] | None = field(default=None, repr=False)


def list_channels(images: Sequence[ImageHeader], *, chosen: str | None) -> list[Channel]:
    """List the channels that all images of a sample have, as the first one orders them.

    Parameters
    ----------
    images
        At least one.
    chosen
        The channel of the nuclei, as in the sample sheet. A picture in colour whose channel is
        not chosen is a grey one and has one channel.
    """
    first = images[0]
    if first.is_rgb and first.n_channels == 1:
        if chosen is None or not all(image.is_rgb for image in images):
            return [Channel("", chosen)]
        return [Channel(name, name) for name in COLOURS]
    if first.n_channels == 1:
        return [Channel(first.channel_names[0] if first.channel_names else "", chosen)]
    names = first.channel_names or ("",) * first.n_channels
    keys = [
        name if name and find_place(name, names, len(names)) == place else str(place + 1)
        for place, name in enumerate(names)
    ]
    return [
        Channel(name, key)
        for name, key in zip(names, keys, strict=True)
        if all(find_place(key, i.channel_names, i.n_channels) is not None for i in images)
    ]


def list_file_channels(
    names: Iterable[str], own: str, partners: Mapping[str, Mapping[str, str]]
) -> list[Channel]:
    """List the channels of a sample where each is a file.

    Parameters
    ----------
    names
        All values of `{channel}`.
    own
        The one of the nuclei.
    partners
        For each other one, its file by the file of the nuclei.
    """
    return [
        Channel(name, files=None if name == own else partners[name])
        for name in names
        if name == own or partners.get(name)
    ]


def find_channel(channels: Sequence[Channel], wanted: str) -> int | None:
    """Place of a channel, given by its name or its number from 1; None if there is none."""
    names = [channel.name for channel in channels]
    if all(channel.files is None for channel in channels):
        return find_place(wanted, names, len(names))
    if wanted.isdecimal() and wanted not in names:  # w01 is asked for as 1
        same = [i for i, name in enumerate(names) if name.isdecimal() and int(name) == int(wanted)]
        return same[0] if len(same) == 1 else None
    return names.index(wanted) if wanted in names else None
