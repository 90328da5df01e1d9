"""docs/language-tests.md: which cases show which section of the language reference."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

from golden.result_cases import read_cases
from golden.sections import SECTIONS

RESULTS = Path(__file__).parent / "results"
PAGE = Path(__file__).parents[2] / "docs" / "language-tests.md"

INTRO = """\
# The language and its tests

Every sentence of the language reference that states a behaviour has a case in `tests/golden/results`: a query
and its answer, worked out by hand. Each case is asked of the engine, and of a slow reference engine
(`tests/reference`) that is written from the language reference alone. `make golden` writes this page.

| section | about | cases | files |
|---|---|---:|---|
"""


def test_the_page_is_up_to_date() -> None:
    page = _page()
    if os.environ.get("TQL_GOLDEN") == "rewrite":
        PAGE.write_text(page, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page


def _page() -> str:
    files: dict[str, Counter[str]] = {section: Counter() for section in SECTIONS}
    for case in read_cases(RESULTS):
        files[case.section][case.place.partition(":")[0]] += 1
    rows = []
    for section, found in files.items():
        names = ", ".join(f"`{name}`" for name in found)
        rows.append(f"| {section} | {SECTIONS[section]} | {found.total()} | {names} |\n")
    return INTRO + "".join(rows) + f"\n{sum(found.total() for found in files.values())} cases in all.\n"
