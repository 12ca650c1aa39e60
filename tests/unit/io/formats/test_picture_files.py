"""PNG and JPEG of every kind: as shown, in their own depth, or refused."""

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from autonuclei.errors import InputError
from autonuclei.io.formats.pictures import PictureFile
from autonuclei.io.images import open_image, read_file_header, read_header, read_plane

Array = npt.NDArray[Any]


def number_planes(*shape: int, dtype: str = "uint16") -> Array:
    """A stack whose every pixel tells its plane and place."""
    return (np.arange(np.prod(shape)) % 251).reshape(shape).astype(dtype)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_grey_png(tmp_path: Path, dtype: str) -> None:
    image = number_planes(20, 30, dtype=dtype) * (200 if dtype == "uint16" else 1)
    Image.fromarray(image).save(tmp_path / "a.png")
    header = read_header(tmp_path / "a.png")
    assert (header.height, header.width, header.dtype, header.n_frames) == (20, 30, dtype, 1)
    plane = read_plane(tmp_path / "a.png")
    assert plane.dtype == dtype
    np.testing.assert_array_equal(plane, image)


def test_jpeg(tmp_path: Path) -> None:
    image = np.full((24, 32), 90, np.uint8)
    image[8:16, 8:24] = 200
    Image.fromarray(image).save(tmp_path / "a.JPG", quality=95)
    plane = read_plane(tmp_path / "a.JPG")
    assert plane.shape == image.shape
    assert plane.dtype == np.uint8
    assert np.abs(plane.astype(int) - image).max() < 12


def test_palette_and_alpha_png(tmp_path: Path) -> None:
    grey = number_planes(20, 30, dtype="uint8")
    Image.fromarray(grey).convert("LA").save(tmp_path / "alpha.png")
    np.testing.assert_array_equal(read_plane(tmp_path / "alpha.png"), grey)
    few, wheel = Image.fromarray(grey % 4), Image.fromarray(grey)
    few.putpalette([value for shade in (3, 80, 10, 255) for value in (shade,) * 3])
    few.save(tmp_path / "few.png")
    shades = np.array([3, 80, 10, 255], np.uint8)
    np.testing.assert_array_equal(read_plane(tmp_path / "few.png"), shades[grey % 4])
    colours = np.random.default_rng(0).integers(0, 256, (256, 3), dtype=np.uint8)
    wheel.putpalette(colours.tobytes())
    wheel.save(tmp_path / "wheel.png")
    assert read_header(tmp_path / "wheel.png").is_rgb
    green = read_plane(tmp_path / "wheel.png", channel="green")
    np.testing.assert_array_equal(green, colours[grey][..., 1])


def test_numbers_of_label_images_are_those_in_the_file(tmp_path: Path) -> None:
    path, labels = tmp_path / "a.png", number_planes(20, 30, dtype="uint8")
    picture = Image.fromarray(labels)
    picture.putpalette(np.random.default_rng(0).integers(0, 256, 768, dtype=np.uint8).tobytes())
    picture.save(path)
    with PictureFile(path, as_stored=True) as file:
        assert not file.header.images[0].is_rgb
        np.testing.assert_array_equal(file.read(0, frame=0, z=0, channel=0), labels)


def write_png(
    path: Path, image: Array, kind: int, bits: int, *, interlaced: bool, chunks: bytes = b""
) -> None:
    """A PNG of any kind of colours (0 grey, 2 RGB, 3 palette, 4 grey and opacity, 6 RGBA)."""

    def write_rows(part: Array) -> bytes:
        rows = b""
        for row in part:
            if bits >= 8:
                rows += b"\0" + row.astype(f">u{bits // 8}").tobytes()
            else:
                ones = np.unpackbits(row.reshape(-1, 1).astype(np.uint8), axis=1)[:, 8 - bits :]
                rows += b"\0" + np.packbits(ones).tobytes()
        return rows

    passes = ((0, 0, 1, 1),)
    if interlaced:
        passes = (
            (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
            (0, 1, 1, 2),
        )  # fmt: skip
    rows = b"".join(write_rows(image[y::dy, x::dx]) for x, y, dx, dy in passes)
    height, width = image.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, interlaced)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + write_chunk(b"IHDR", header) + chunks
        + write_chunk(b"IDAT", zlib.compress(rows)) + write_chunk(b"IEND", b"")
    )  # fmt: skip


def write_chunk(name: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(name + content))
    )


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize(
    ("kind", "samples", "bits"),
    [
        (0, 1, 1), (0, 1, 2), (0, 1, 4), (0, 1, 8), (0, 1, 16), (2, 3, 8), (2, 3, 16), (3, 1, 1),
        (3, 1, 2), (3, 1, 4), (3, 1, 8), (4, 2, 8), (4, 2, 16), (6, 4, 8), (6, 4, 16),
    ],
)  # fmt: skip
def test_every_kind_of_png(
    tmp_path: Path, kind: int, samples: int, bits: int, interlaced: bool
) -> None:
    rng = np.random.default_rng(0)
    path = tmp_path / "a.png"
    image = rng.integers(0, 2**bits, (19, 27, samples))
    palette = rng.integers(0, 256, (2**bits, 3)) if kind == 3 else None
    chunks = b"" if palette is None else write_chunk(b"PLTE", palette.astype(np.uint8).tobytes())
    write_png(path, image, kind, bits, interlaced=interlaced, chunks=chunks)
    expected = image if palette is None else palette[image[..., 0]]
    if kind in (0, 4):
        scale = 255 // (2**bits - 1) if bits in (2, 4) else 1
        expected = image[..., 0] * scale
    with open_image(path) as file:
        plane = file.read(0, frame=0, z=0, channel=0)
        header = file.header.images[0]
    assert header.is_rgb == (kind in (2, 3, 6))
    assert (
        plane.dtype
        == header.dtype
        == {1: "bool", 16: "uint16"}.get(bits if kind != 3 else 8, "uint8")
    )
    np.testing.assert_array_equal(plane, expected)


def test_animated_png_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    chunk = write_chunk(b"acTL", struct.pack(">II", 3, 0))
    write_png(path, number_planes(20, 30), 0, 8, interlaced=False, chunks=chunk)
    with pytest.raises(InputError, match="is an animated PNG"):
        read_header(path)


def test_resolution_of_print_is_no_pixel_size(tmp_path: Path) -> None:
    for name in ("a.png", "a.jpg"):
        path = tmp_path / name
        Image.fromarray(number_planes(20, 30, dtype="uint8")).save(path, dpi=(72, 72))
        header = read_file_header(path)
        assert header.images[0].pixel_size_um is None
        assert "dots per inch are a resolution of print" in header.notes[0]


def test_orientation_of_a_photograph_is_told(tmp_path: Path) -> None:
    path, exif = tmp_path / "a.jpg", Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(number_planes(20, 30, dtype="uint8")).save(path, exif=exif)
    assert read_plane(path).shape == (20, 30)
    assert "Orientation (6) is not applied" in read_file_header(path).notes[-1]


@pytest.mark.parametrize("mode", ["RGB", "CMYK"])
def test_colours_of_jpeg(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "a.jpg"
    colour = np.zeros((32, 32, 3), np.uint8)
    colour[8:24, 8:24, 1] = 200
    Image.fromarray(colour).convert(mode).save(path, quality=95)
    green = read_plane(path, channel="green")
    assert np.abs(green[10:22, 10:22].astype(int) - 200).max() < 12
    assert read_plane(path, channel="red")[:6].max() < 12


def test_rare_jpeg_is_not_called_damaged(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(number_planes(20, 30, dtype="uint8")).save(path)
    content = path.read_bytes()
    start = content.index(b"\xff\xc0")
    for place, value in ((start + 1, 0xC3), (start + 4, 12)):  # lossless, 12 bits
        changed = bytearray(content)
        changed[place] = value
        path.write_bytes(changed)
        with pytest.raises(InputError, match="lossless or 12-bit"):
            read_header(path)


def test_a_picture_is_known_by_its_content(tmp_path: Path) -> None:
    image = number_planes(20, 30, dtype="uint8")
    Image.fromarray(image).save(tmp_path / "a.jpg", "PNG")
    np.testing.assert_array_equal(read_plane(tmp_path / "a.jpg"), image)


def test_pictures_beyond_the_limit_of_pillow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = number_planes(200, 300, dtype="uint8")
    Image.fromarray(image).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    np.testing.assert_array_equal(read_plane(tmp_path / "a.png"), image)
    assert Image.MAX_IMAGE_PIXELS == 1000
    content = bytearray((tmp_path / "a.png").read_bytes())
    content[16:29] = struct.pack(">IIBBBBB", 2**20, 2**20, 8, 0, 0, 0, 0)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(InputError, match=r"claims .* more than the file can hold"):
        read_header(tmp_path / "a.png")
