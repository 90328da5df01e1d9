"""Coverage-guided fuzzing of the engine itself: `run_native.py plans|documents [SECONDS]`.

Builds the fuzzer with clang, whose libFuzzer sees every branch of the engine, under the address and
undefined-behaviour sanitizers. What was found worth keeping grows in build/fuzz/NAME; a finding is left
beside it as a file, and `run_native.py NAME FILE` runs just that. With TQL_FUZZ_SAY=1 the fuzzer of plans
says how each run ended.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pybind11

ROOT = Path(__file__).parent.parent.parent
BUILD = ROOT / "build" / "fuzz-engine"
FUZZERS = {"plans": "tql_fuzz_plan", "documents": "tql_fuzz_json"}
LIMITS = ("-timeout=20", "-max_len=8192", "-rss_limit_mb=4096")


def main(name: str, *more: str) -> int:
    """Runs until the time is over or something is found; its exit status."""
    compiler = os.environ.get("CLANGXX") or shutil.which("clang++")
    if compiler is None:
        print(f"no clang++, so the fuzzing of {name} is left out (Debian, Ubuntu: apt-get install clang)")
        return 0
    fuzzer = _built(compiler, FUZZERS[name])
    if more and not more[0].isdecimal():
        return subprocess.run([fuzzer, *LIMITS, *more]).returncode
    corpus = ROOT / "build" / "fuzz" / name
    corpus.mkdir(parents=True, exist_ok=True)
    seeds = corpus.with_name(f"{name}-seeds")
    subprocess.run([sys.executable, ROOT / "tests/fuzz/golden_seeds.py", name, seeds], check=True)
    seconds = more[0] if more else "180"
    options = [*LIMITS, f"-max_total_time={seconds}", f"-artifact_prefix={corpus}-", "-print_final_stats=1"]
    return subprocess.run([fuzzer, *options, corpus, seeds]).returncode


def _built(compiler: str, target: str) -> Path:
    """The fuzzer, built anew where the sources have changed."""
    cmake = str(Path(sys.executable).with_name("cmake"))
    ninja = Path(sys.executable).with_name("ninja")
    options = {
        "CMAKE_MAKE_PROGRAM": ninja,
        "CMAKE_CXX_COMPILER": compiler,
        "CMAKE_BUILD_TYPE": "RelWithDebInfo",
        "TQL_SANITIZE": "fuzzer-no-link,address,undefined",
        "TQL_FUZZ": "ON",
        "pybind11_DIR": pybind11.get_cmake_dir(),
        "Python_EXECUTABLE": sys.executable,
    }
    given = [f"-D{name}={value}" for name, value in options.items()]
    quiet = ["--log-level=WARNING"]
    subprocess.run([cmake, *quiet, "-S", ROOT, "-B", BUILD, "-G", "Ninja", *given], check=True)
    subprocess.run([cmake, "--build", BUILD, "--target", target], check=True)
    return BUILD / target


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
