"""Did you mean: the names nearest to what was typed, best first."""

from __future__ import annotations

from collections.abc import Iterable

_MOST = 3


def near_names(typed: str, names: Iterable[str]) -> tuple[str, ...]:
    """At most three of `names` that `typed` may stand for.

    A name that differs in case only comes first and alone. Then names by edit distance (insertions,
    deletions, substitutions, swaps of neighbours), up to a third of the length, then names that begin with
    what was typed.
    """
    names = list(dict.fromkeys(names))
    folded = typed.casefold()
    same = [name for name in names if name.casefold() == folded]
    if same:
        return tuple(same[:_MOST])
    most = max(1, (len(folded) + 1) // 3)
    ranked: list[tuple[int, int, str]] = []
    for index, name in enumerate(names):
        candidate = name.casefold()
        distance = edit_distance(folded, candidate, most)
        if (
            distance is None
            and len(folded) >= 2
            and (candidate.startswith(folded) or folded.startswith(candidate))
        ):
            distance = most + 1
        if distance is not None:
            ranked.append((distance, index, name))
    return tuple(name for _, _, name in sorted(ranked)[:_MOST])


def edit_distance(left: str, right: str, most: int) -> int | None:
    """Edits that turn one text into the other, a swap of neighbours counting one; None if more than `most`.

    The optimal string alignment distance, one row at a time (Navarro, A guided tour to approximate string
    matching, 2001, section 3).
    """
    if abs(len(left) - len(right)) > most:
        return None
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        above, before_above, row = row, before, [i]
        for j, b in enumerate(right, 1):
            cost = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and b == left[i - 2]:
                cost = min(cost, before_above[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return None
        before = above
    return row[-1] if row[-1] <= most else None


def listing(names: Iterable[str], most: int = 8) -> str:
    """`a, b, c`, cut after `most` names with a count of the rest."""
    names = list(names)
    shown = ", ".join(names[:most])
    return f"{shown}, ... ({len(names)} in all)" if len(names) > most else shown
