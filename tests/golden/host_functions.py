"""The functions that golden cases call as registered ones (section 17)."""

from __future__ import annotations

from typing import Any

from reference import HostFunction
from tql.types import Type


def _doubled(x: Any) -> Any:
    return x * 2


def _spread(values: Any) -> float:
    return float(values.max() - values.min()) if values.size else 0.0


def _shout(text: str) -> str:
    return text.upper() + "!"


def _is_round(number: Any) -> bool:
    return bool(number % 10 == 0)


def _joined(first: str, second: str) -> str:
    return first + "-" + second


def _broken(text: str) -> bool:
    raise ValueError(f"no opinion about {text}")


def _miscounted(text: str) -> str:
    return f"{len(text)} letters"


FUNCTIONS: dict[str, HostFunction] = {
    "doubled": HostFunction(_doubled, Type("int64")),
    "spread": HostFunction(_spread, Type("float64")),
    "shout": HostFunction(_shout, Type("text")),
    "is_round": HostFunction(_is_round, Type("bool")),
    "broken": HostFunction(_broken, Type("bool")),
    "miscounted": HostFunction(_miscounted, Type("int64")),
    "joined": HostFunction(_joined, Type("text")),
}
