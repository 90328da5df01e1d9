"""Some thousand changed files of the format, under ASan the codecs too; `make fuzz` goes on from there."""

from __future__ import annotations

import random

from fuzz.format_files import cases, check, mutated


def test_unchanged_files_are_read() -> None:
    for number, case in enumerate(cases()):
        assert not check(number, case.folder.files[case.file]), (case.file, case.tensor)


def test_some_thousand_changes_are_no_findings() -> None:
    refused = 0
    for run in range(2000):
        rng = random.Random(run)
        number = rng.randrange(8 * len(cases()))
        case = cases()[number % len(cases())]
        refused += check(number, mutated(case.folder.files[case.file], rng))
    assert 500 < refused < 1900
