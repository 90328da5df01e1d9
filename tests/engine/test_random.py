"""The counter-based generator: published answers, and numbers that depend on seed, stream and index alone."""

import numpy as np
import pytest

from tql import _engine

ONES = 0xFFFFFFFF


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((ONES, ONES, ONES, ONES), (ONES, ONES), (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
    ids=["zeros", "ones", "digits of pi"],
)
def test_philox_gives_the_known_answers_of_random123(counter, key, expected):
    assert _engine.philox4x32(counter, key) == expected


def test_uniform_numbers_are_the_words_of_philox():
    seed, stream, n = 0x1234_5678_9ABC_DEF0, 7, 11
    expected = []
    for block in range(n // 2 + 1):
        words = _engine.philox4x32((block, 0, stream, 0), (seed & ONES, seed >> 32))
        expected += [words[1] << 32 | words[0], words[3] << 32 | words[2]]
    numbers = _engine.uniform(n, seed=seed, stream=stream)
    assert numbers.tolist() == [(bits >> 11) * 2.0**-53 for bits in expected[:n]]


def test_long_spans_are_the_words_of_philox_too():
    n = 1003
    words = [_engine.philox4x32((block, 0, 0, 0), (9, 0)) for block in range(n // 2 + 1)]
    pairs = [(w[1] << 32 | w[0], w[3] << 32 | w[2]) for w in words]
    expected = [(bits >> 11) * 2.0**-53 for pair in pairs for bits in pair]
    assert _engine.uniform(n, seed=9).tolist() == expected[:n]


def test_a_longer_sequence_begins_with_the_shorter_one():
    long = _engine.uniform(1001, seed=3)
    for n in (0, 1, 2, 999, 1000):
        assert np.array_equal(_engine.uniform(n, seed=3), long[:n])


def test_seeds_and_streams_give_unrelated_numbers():
    first = _engine.uniform(20_000, seed=1)
    for other in (_engine.uniform(20_000, seed=2), _engine.uniform(20_000, seed=1, stream=1)):
        assert abs(np.corrcoef(first, other)[0, 1]) < 0.03


def test_uniform_numbers_are_uniform():
    numbers = _engine.uniform(100_000, seed=11)
    assert numbers.dtype == np.float64
    assert numbers.min() >= 0
    assert numbers.max() < 1
    counts = np.bincount((numbers * 100).astype(int), minlength=100)
    assert ((counts - 1000.0) ** 2 / 1000).sum() < 160  # chi-square, 99 degrees of freedom


def test_seeds_of_any_size_and_sign_are_taken_modulo_two_to_the_64th():
    assert np.array_equal(_engine.uniform(4, seed=-1), _engine.uniform(4, seed=2**64 - 1))
    assert np.array_equal(_engine.uniform(4, seed=2**70 + 5), _engine.uniform(4, seed=5))


def test_a_negative_count_is_refused():
    with pytest.raises(ValueError, match="n must not be negative: -1"):
        _engine.uniform(-1, seed=0)
