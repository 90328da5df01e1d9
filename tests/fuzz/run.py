"""Coverage-guided fuzzing of a target that is Python: `run.py parser [SECONDS]`. The engine's: run_native.py.

Needs atheris. What was found worth keeping grows in build/fuzz/NAME; a crash is left beside it as a file, and
`run.py NAME FILE` runs just that.
"""

from __future__ import annotations

import sys
from pathlib import Path

try:
    import atheris  # type: ignore[import-not-found, unused-ignore]
except ImportError:
    print("no atheris here, so the fuzzing of the parser is left out")
    sys.exit()

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))

with atheris.instrument_imports(include=["tql"]):
    from fuzz.targets import TARGETS


def main(name: str, *more: str) -> None:
    """Runs until the time is over or something is found."""
    check, seeds = TARGETS[name]
    corpus = ROOT / "build" / "fuzz" / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds()):
        (corpus / f"seed-{number}").write_bytes(seed)
    limits = ["-timeout=20", "-max_len=8192", "-rss_limit_mb=4096"]
    options = [sys.argv[0], f"-artifact_prefix={corpus}-", *limits]
    if more and not more[0].isdecimal():
        atheris.Setup([*options, *more], check)
    else:
        seconds = more[0] if more else "180"
        atheris.Setup([*options, f"-max_total_time={seconds}", str(corpus)], check)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
