"""Functions that worker processes import by name, whatever way they are started."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np


def doubled(sample: dict[str, Any]) -> dict[str, Any]:
    return {"x": sample["x"] * 2, "noise": np.random.random()}


def failing(sample: dict[str, Any]) -> Any:
    raise LookupError(f"no {sample['x']}")


def failing_collate(samples: list[Any]) -> Any:
    raise ZeroDivisionError("collate")


def note_worker(number: int) -> None:
    Path(os.environ["TQL_TEST_NOTES"], str(number)).write_text(str(os.getpid()))


def failing_init(number: int) -> None:
    raise OSError(f"worker {number} can't be prepared")
