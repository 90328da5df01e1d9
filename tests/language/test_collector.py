"""The garbage collector's rest: only for long texts, and over when the last one is done."""

from __future__ import annotations

import gc

import pytest

from tql.collector import LONG, at_rest

LONG_TEXT = "x" * LONG


def test_a_short_text_leaves_the_collector_on() -> None:
    with at_rest("select *"):
        assert gc.isenabled()


def test_a_long_text_turns_it_off_until_the_last_one_ends() -> None:
    with at_rest(LONG_TEXT):
        with at_rest(LONG_TEXT):
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_an_error_turns_it_on_again() -> None:
    with pytest.raises(ValueError, match="mistake"), at_rest(LONG_TEXT):
        raise ValueError("mistake")
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with at_rest(LONG_TEXT):
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
