"""Native codecs against Pillow and lz4: the same pixels for good files, an error and no more for bad ones."""

import io

import numpy as np
import pytest
from PIL import Image

from tql import _engine

pytestmark = pytest.mark.skipif("jpeg" not in _engine.codecs(), reason="built without libjpeg-turbo")


def picture(height, width, channels=3):
    y, x = np.mgrid[0:height, 0:width]
    noise = np.random.default_rng(height * 1000 + width).normal(0, 10, (height, width, channels))
    smooth = np.stack(
        [x * 3.1 + y, 128 + 90 * np.sin(y / 5.0), 128 + 90 * np.cos(x / 7.0)][:channels], axis=-1
    )
    return np.clip(smooth + noise, 0, 255).astype(np.uint8)


def jpeg(pixels, **options):
    stream = io.BytesIO()
    Image.fromarray(pixels.squeeze() if pixels.shape[2] == 1 else pixels).save(stream, "JPEG", **options)
    return stream.getvalue()


def rows_of(codec, items, shapes, dtype="uint8"):
    sizes = np.array([len(item) for item in items], dtype=np.int64)
    return _engine.EncodedRows(
        codec,
        np.dtype(dtype),
        [b"".join(items)],
        np.zeros(len(items), dtype=np.int32),
        np.cumsum(sizes) - sizes,
        sizes,
        np.array(shapes, dtype=np.int64).reshape(len(items), -1),
    )


@pytest.fixture(scope="module")
def pool():
    pool = _engine.DecodePool(2)
    yield pool
    pool.close()


def decode(pool, data, shape):
    return pool.submit(rows_of("jpeg", [data], [shape])).wait(60)[0]


SIZES = [(1, 1), (1, 9), (8, 8), (7, 17), (16, 16), (33, 65), (100, 31), (301, 407), (3, 30_000)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("options", [{"subsampling": s} for s in (0, 1, 2)] + [{"progressive": True}])
def test_the_pixels_are_those_of_pillow(pool, size, options):
    data = jpeg(picture(*size), quality=80, **options)
    expected = np.asarray(Image.open(io.BytesIO(data)))
    assert _engine.jpeg_shape(data) == expected.shape
    assert np.array_equal(decode(pool, data, expected.shape), expected)


@pytest.mark.parametrize("shape", [(19, 23), (19, 23, 1)])
def test_grey_images_have_two_axes_or_three(pool, shape):
    data = jpeg(picture(19, 23, 1), quality=90)
    expected = np.asarray(Image.open(io.BytesIO(data)))
    assert _engine.jpeg_shape(data) == (19, 23, 1)
    assert np.array_equal(decode(pool, data, shape), expected.reshape(shape))


def refused(pool, data, shape):
    with pytest.raises(_engine.EngineError) as caught:
        decode(pool, data, shape)
    code, message, row, _, _ = caught.value.args
    assert (code, row) == ("value", 0)
    return message


def test_an_image_of_another_shape_is_refused_before_decoding(pool):
    data = jpeg(picture(20, 30))
    assert refused(pool, data, (30, 20, 3)) == "image is 20 x 30 x 3 instead of 30 x 20 x 3"
    assert refused(pool, data, (20, 30)) == "image is 20 x 30 x 3 instead of 20 x 30 x 1"
    assert refused(pool, data, (1800,)) == "an image has 2 or 3 axes, not 1"


def test_four_components_are_left_to_others(pool):
    stream = io.BytesIO()
    Image.fromarray(picture(9, 9)).convert("CMYK").save(stream, "JPEG")
    assert _engine.jpeg_shape(stream.getvalue()) == (9, 9, 4)
    assert "4 components" in refused(pool, stream.getvalue(), (9, 9, 4))


def test_the_message_is_that_of_the_library(pool):
    data = jpeg(picture(64, 64))
    assert refused(pool, data[: len(data) // 2], (64, 64, 3)) == "Premature end of JPEG file"
    assert refused(pool, b"no image at all", (64, 64, 3)) == "Not a JPEG file: starts with 0x6e 0x6f"
    with pytest.raises(_engine.EngineError, match="Not a JPEG file"):
        _engine.jpeg_shape(b"\0\1\2\3")
    with pytest.raises(_engine.EngineError):
        _engine.jpeg_shape(b"")


@pytest.mark.parametrize("options", [{}, {"progressive": True}], ids=["baseline", "progressive"])
def test_a_file_cut_anywhere_is_an_error(pool, options):
    data = jpeg(picture(24, 24), **options)
    for length in range(len(data) - 2):
        refused(pool, data[:length], (24, 24, 3))


def test_flipped_bits_never_crash(pool):
    data = jpeg(picture(40, 40), quality=60)
    rng = np.random.default_rng(0)
    for _ in range(400):
        broken = bytearray(data)
        for position in rng.integers(0, len(data), rng.integers(1, 4)):
            broken[position] ^= 1 << int(rng.integers(0, 8))
        try:
            assert decode(pool, bytes(broken), (40, 40, 3)).shape == (40, 40, 3)
        except _engine.EngineError as error:
            assert error.args[0] == "value"


def test_an_image_decodes_the_same_whatever_was_decoded_before(pool):
    """A file without tables must not borrow those of the file before it."""
    data = jpeg(picture(16, 16), quality=30)
    start = data.index(b"\xff\xc4")  # the first Huffman table
    length = int.from_bytes(data[start + 2 : start + 4], "big")
    bare = data[:start] + data[start + 2 + length :]
    answers = set()
    for quality in (30, 95):
        decode(pool, jpeg(picture(16, 16), quality=quality, optimize=True), (16, 16, 3))
        try:
            answers.add(decode(pool, bare, (16, 16, 3)).tobytes())
        except _engine.EngineError as error:
            answers.add(error.args)
    assert len(answers) == 1


def test_lz4_blocks():
    block = pytest.importorskip("lz4.block")
    content = bytes(range(256)) * 40
    data = block.compress(content, store_size=False)
    assert _engine.lz4_decompress(data, len(content)).tobytes() == content
    assert _engine.lz4_decompress(memoryview(b"\0"), 0).tobytes() == b""
    for size in (len(content) - 1, len(content) + 1):
        with pytest.raises(_engine.EngineError, match="lz4 block"):
            _engine.lz4_decompress(data, size)
    with pytest.raises(_engine.EngineError, match="lz4 block"):
        _engine.lz4_decompress(data[:-5], len(content))
    with pytest.raises(_engine.EngineError, match="an lz4 block of 5 bytes cannot give"):
        _engine.lz4_decompress(b"\xff" * 5, 1 << 50)
    with pytest.raises(ValueError, match="size must not be negative"):
        _engine.lz4_decompress(data, -1)
    with pytest.raises(TypeError):
        _engine.lz4_decompress("text", 3)


@pytest.mark.parametrize("size", [1, 100, (1 << 21) - 1, 1 << 21, (5 << 20) + 3])
def test_damaged_lz4_blocks_are_errors_or_other_bytes(size):
    block = pytest.importorskip("lz4.block")
    rng = np.random.default_rng(size)
    content = rng.integers(0, 4, size, np.uint8).tobytes()
    data = block.compress(content, store_size=False)
    unpacked = _engine.lz4_decompress(data, size)
    assert unpacked.tobytes() == content and unpacked.flags.writeable
    for _ in range(20):
        with pytest.raises(_engine.EngineError, match="lz4 block"):
            _engine.lz4_decompress(data[: int(rng.integers(0, len(data)))], size)
        broken = bytearray(data)
        for position in rng.integers(0, len(data), 3):
            broken[position] ^= 1 << int(rng.integers(0, 8))
        try:
            assert len(_engine.lz4_decompress(broken, size)) == size
        except _engine.EngineError as error:
            assert error.args[0] == "value"
