"""A short walk of each fuzz target over its seeds and simple mutations; `make fuzz` goes on from there."""

from __future__ import annotations

import pytest

from fuzz.targets import TARGETS, mutations


@pytest.mark.parametrize("name", TARGETS)
def test_the_seeds_are_no_findings(name: str) -> None:
    check, seeds = TARGETS[name]
    for data in seeds():
        check(data)


@pytest.mark.parametrize("name", TARGETS)
def test_some_hundred_mutations_are_no_findings(name: str) -> None:
    check, seeds = TARGETS[name]
    for data in mutations(seeds(), 400, seed=1):
        check(data)


def test_the_targets_tell_a_finding() -> None:
    check, _ = TARGETS["plans"]
    with pytest.raises(TypeError):
        check(None)  # type: ignore[arg-type]
