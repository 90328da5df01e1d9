"""The byte-bounded cache: bounds, order of dropping, one computation per key."""

from __future__ import annotations

import threading
import time

from tql.loader.cache import ByteCache


def test_the_least_recently_used_entries_go_first() -> None:
    cache: ByteCache[str] = ByteCache(max_bytes=10, max_entries=100)
    for key in "abc":
        cache.get(key, lambda key=key: (key, 4))  # type: ignore[misc]
    assert cache.nbytes == 8
    made: list[str] = []
    cache.get("b", lambda: (made.append("b") or "b", 4))
    cache.get("a", lambda: (made.append("a") or "a", 4))
    assert made == ["a"]


def test_bounds_hold() -> None:
    cache: ByteCache[int] = ByteCache(max_bytes=100, max_entries=3)
    for key in range(50):
        cache.get(key, lambda: (0, 1))
        assert len(cache) <= 3
    cache.get("large", lambda: (0, 101))
    assert cache.nbytes <= 100


def test_threads_compute_a_key_once() -> None:
    cache: ByteCache[int] = ByteCache(max_bytes=100, max_entries=10)
    calls: list[int] = []

    def make() -> tuple[int, int]:
        calls.append(1)
        time.sleep(0.02)
        return 7, 1

    threads = [threading.Thread(target=lambda: cache.get("k", make)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1


def test_a_failure_is_not_kept() -> None:
    cache: ByteCache[int] = ByteCache(max_bytes=100, max_entries=10)

    def fail() -> tuple[int, int]:
        raise ValueError

    for _ in range(2):
        try:
            cache.get("k", fail)
        except ValueError:
            continue
        raise AssertionError
    assert cache.get("k", lambda: (1, 1)) == 1


def test_leases_take_the_place_of_the_own_bound_while_they_last() -> None:
    cache = ByteCache[str](100, 10)
    for key in "abc":
        cache.get(key, lambda: ("value", 30))
    small = cache.lease(40)
    assert cache.max_bytes == 40 and cache.nbytes == 30 and len(cache) == 1
    large = cache.lease(80)
    assert cache.max_bytes == 120
    for key in "def":
        cache.get(key, lambda: ("value", 30))
    assert cache.nbytes == 120
    large()
    assert cache.max_bytes == 40 and cache.nbytes == 30
    small()
    assert cache.max_bytes == 100


def test_room_is_made_before_a_value_is() -> None:
    cache = ByteCache[str](100, 10)
    for key in "abc":
        cache.get(key, lambda: ("value", 30))
    kept: list[int] = []
    cache.get("d", lambda: (kept.append(cache.nbytes) or "value", 30), 30)
    assert kept == [60] and cache.nbytes == 90
    assert [cache.holds(key) for key in "abcd"] == [False, True, True, True]
    cache.get("large", lambda: (kept.append(cache.nbytes) or "value", 300), 300)
    assert kept == [60, 0] and len(cache) == 0


def test_room_is_given_back_where_nothing_comes_of_it() -> None:
    cache = ByteCache[str](100, 10)

    def fail() -> tuple[str, int]:
        raise ValueError

    for _ in range(3):
        try:
            cache.get("k", fail, 90)
        except ValueError:
            continue
        raise AssertionError
    for key in "abc":
        cache.get(key, lambda: ("value", 30))
    assert cache.nbytes == 90
