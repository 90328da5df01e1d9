"""Video, audio, point clouds, meshes and volumes: always their files, and their values with some package.

`v3_media.zip` was written by deeplake 3.9.52; `expected.npz` is what it reads.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

import tql
from tql.errors import FormatError, MissingDependencyError
from tql.loader.media import MediaError, decode_media, describe_media
from v3_fixtures import ARCHIVES

PACKAGES = {
    "wave": "av",
    "flac": "av",
    "video": "av",
    "las": "laspy",
    "nii": "nibabel",
    "nii_gz": "nibabel",
    "dicom": "pydicom",
}
STARTS = {"wave": b"RIFF", "flac": b"fLaC", "las": b"LASF", "nii_gz": b"\x1f\x8b"}


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("media")
    with zipfile.ZipFile(ARCHIVES.parent / "v3_media.zip") as archive:
        archive.extractall(folder)
    return folder


@pytest.mark.parametrize("name", ["wave", "las", "nii", "nii_gz", "dicom"])
def test_values_are_those_of_the_writing_package(media: Path, name: str) -> None:
    pytest.importorskip(PACKAGES[name])
    expected = np.load(media / "expected.npz")[name]
    (value,) = tql.load(media / "ds")[name]
    if name == "las":
        assert value.shape == (20, 15)
        value = value[:, :3]  # what deeplake shows: the coordinates
    assert value.dtype == expected.dtype
    np.testing.assert_array_equal(value, expected)


def test_a_video_has_all_frames_in_order(media: Path) -> None:
    """Deeplake loses the first frame, whose time is 0, and has a black one at the end."""
    pytest.importorskip("av")
    (video,) = tql.load(media / "ds")["video"]
    wanted = np.stack([np.full((24, 32, 3), [40 * i, 10, 200 - 30 * i]) for i in range(6)])
    assert np.abs(video.astype(int) - wanted).max() <= 12
    np.testing.assert_array_equal(video[1:], np.load(media / "expected.npz")["video"][:-1])


def test_channels_that_alternate_in_the_file(media: Path) -> None:
    pytest.importorskip("av")
    (sound,) = tql.load(media / "ds")["flac"]
    wave = np.sin(np.arange(800) / 20)
    np.testing.assert_allclose(sound / (1 << 15), np.stack([wave, -wave / 2], 1), atol=1e-3)


@pytest.mark.parametrize("name", PACKAGES)
def test_without_the_package_there_are_still_the_files(
    media: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, PACKAGES[name], None)
    ds = tql.load(media / "ds")
    with pytest.raises(MissingDependencyError) as caught:
        ds[name]
    assert f"needs the package {PACKAGES[name]}" in caught.value.message
    assert "pip install tql[media]" in str(caught.value)
    (batch,) = ds.dataloader().batch(1).numpy(decode_method={name: "tobytes"}, tensors=[name])
    assert batch[name][0].startswith(STARTS.get(name, b""))
    assert ds.query(f"select {name} where shape({name})[0] > 0").columns == (name,)


@pytest.mark.parametrize("name", PACKAGES)
def test_damaged_files_are_refused(media: Path, name: str, tmp_path: Path) -> None:
    pytest.importorskip(PACKAGES[name])
    ds = tql.load(media / "ds")
    data = ds.stored_bytes(name, 0)
    codec = ds.schema[name].encoding or ""
    shape = ds.schema.type_of(name).shape or ()
    known = tuple(extent or 0 for extent in shape)
    for cut in (0, 3, 20):
        with pytest.raises(MediaError):
            decode_media(data[:cut], codec, known)
    (chunk,) = (media / "ds" / name / "chunks").iterdir()
    whole = chunk.read_bytes()
    try:
        chunk.write_bytes(whole[: len(whole) - len(data)] + bytes(len(data)))
        with pytest.raises(FormatError, match="can't be decoded"):
            tql.load(media / "ds")[name]
    finally:
        chunk.write_bytes(whole)


PLY = (
    b"ply\nformat %s 1.0\nelement vertex 3\n"
    b"property float x\nproperty double y\nproperty uchar z\nend_header\n"
)
POINTS = [(0.5, 1.25, 3), (-1.0, 2.0, 255), (4.0, 0.0, 0)]


def test_meshes() -> None:
    text = PLY % b"ascii" + "".join(f"{x} {y} {z}\n" for x, y, z in POINTS).encode()
    files = [text]
    for form, order in ((b"binary_little_endian", "<"), (b"binary_big_endian", ">")):
        rows = np.array(POINTS, f"{order}f4,{order}f8,u1")
        files.append(PLY % form + rows.tobytes())
    for data in files:
        assert describe_media(data, "ply") == ((3, 3), np.float32)
        np.testing.assert_array_equal(decode_media(data, "ply", (3, 3)), POINTS)
        np.testing.assert_array_equal(decode_media(data, "ply", (3, 2)), np.array(POINTS)[:, :2])
        for shape in ((4, 3), (3, 4), (3,), (3, 0)):
            with pytest.raises(MediaError):
                decode_media(data, "ply", shape)
    with pytest.raises(MediaError):
        decode_media(files[1][:-1], "ply", (3, 3))
    for old, new in (
        (b"end_header", b"end"),
        (b"element vertex", b"element face"),
        (b"property float x", b"property list uchar int x"),
        (b"property float x", b"property quad x"),
        (b"format ascii", b"format morse"),
        (b"vertex 3", b"vertex -3"),
    ):
        with pytest.raises(MediaError, match="the ply file can't be read"):
            describe_media(files[0].replace(old, new), "ply")
        with pytest.raises(MediaError):
            decode_media(files[0].replace(old, new), "ply", (3, 3))
    corners = np.arange(18, dtype="<f4").reshape(2, 3, 3)
    stl = bytes(80) + (2).to_bytes(4, "little")
    stl += b"".join(bytes(12) + triangle.tobytes() + bytes(2) for triangle in corners)
    np.testing.assert_array_equal(decode_media(stl, "stl", (2, 3, 3)), corners)
    text = "solid x\n" + "".join(
        "facet normal 0 0 1\n outer loop\n"
        + "".join(f"  vertex {x} {y} {z:e}\n" for x, y, z in triangle)
        + " endloop\nendfacet\n"
        for triangle in corners
    )
    np.testing.assert_array_equal(decode_media(text.encode(), "stl", (2, 3, 3)), corners)
    assert describe_media(text.encode(), "stl") == describe_media(stl, "stl") == ((2, 3, 3), np.float32)
    for data, shape in ((stl, (3, 3, 3)), (stl[:-1], (2, 3, 3)), (b"solid", (2, 3, 3))):
        with pytest.raises(MediaError):
            decode_media(data, "stl", shape)
