"""What happened to a tensor and to the dataset since the last commit: the files that tools show changes from.

All integers in them are big-endian.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field


@dataclass(slots=True)
class TensorChanges:
    """`commit_diff` of one tensor.

    Attributes:
        created, info_updated, data_transformed, cleared: flags.
        first, end: rows that were added, [first, end).
        rows_updated: numbers of rows that were replaced.
        rows_removed: numbers of rows that were taken out, as they were counted at that time, with their ids.
        had_rows, had_tiles: the index files exist.
    """

    created: bool = False
    info_updated: bool = False
    data_transformed: bool = False
    cleared: bool = False
    first: int = 0
    end: int = 0
    rows_updated: set[int] = field(default_factory=set)
    rows_removed: list[int] = field(default_factory=list)
    removed_ids: list[int] = field(default_factory=list)
    had_rows: bool = False
    had_tiles: bool = False

    def added(self, length: int, rows: int) -> None:
        if self.first == self.end:
            self.first = self.end = length
        self.end += rows
        self.had_rows = True

    def updated(self, row: int) -> None:
        if not self.first <= row < self.end:
            self.rows_updated.add(row)

    def removed(self, row: int, sample_id: int | None) -> None:
        if self.first <= row < self.end:
            self.end -= 1
        else:
            self.rows_removed.append(row)
            if sample_id is not None:
                self.removed_ids.append(sample_id)
            if self.first != self.end:
                self.first, self.end = self.first - 1, self.end - 1
        self.rows_updated = {other - (other > row) for other in self.rows_updated if other != row}

    @property
    def any(self) -> bool:
        flags = self.created or self.info_updated or self.data_transformed or self.cleared
        return flags or self.first != self.end or bool(self.rows_updated) or bool(self.rows_removed)

    def to_bytes(self) -> bytes:
        updated = sorted(self.rows_updated)
        return b"".join(
            [
                struct.pack(">???", self.created, self.info_updated, self.data_transformed),
                struct.pack(f">QQQ{len(updated)}Q", self.first, self.end, len(updated), *updated),
                struct.pack(">?Q", self.cleared, len(self.rows_removed)),
                struct.pack(f">{len(self.rows_removed)}Q", *self.rows_removed),
                struct.pack(f">{len(self.removed_ids)}Q", *self.removed_ids),
            ]
        )


def parse_changes(data: bytes | None) -> TensorChanges:
    """The changes that a `commit_diff` tells; one that is missing or not understood tells nothing."""
    changes = TensorChanges()
    if data is None:
        return changes
    try:
        changes.created, changes.info_updated, changes.data_transformed = struct.unpack_from(">???", data)
        changes.first, changes.end, count = struct.unpack_from(">QQQ", data, 3)
        changes.rows_updated = set(struct.unpack_from(f">{min(count, len(data))}Q", data, 27))
        at = 27 + 8 * count
        if at < len(data):
            changes.cleared, count = struct.unpack_from(">?Q", data, at)
            changes.rows_removed = list(struct.unpack_from(f">{min(count, len(data))}Q", data, at + 9))
            rest = data[at + 9 + 8 * count :]
            changes.removed_ids = list(struct.unpack(f">{len(rest) // 8}Q", rest[: len(rest) // 8 * 8]))
    except struct.error:
        return TensorChanges()
    return changes


@dataclass(slots=True)
class DatasetChanges:
    """`dataset_diff`: whether the dataset's info changed, tensors that were renamed or deleted."""

    info_updated: bool = False
    rest: bytes = bytes(16)  # what other programs wrote about renamed and deleted tensors

    def to_bytes(self) -> bytes:
        return struct.pack(">?", self.info_updated) + self.rest


def parse_dataset_changes(data: bytes | None) -> DatasetChanges:
    if data is None or len(data) < 17:
        return DatasetChanges()
    return DatasetChanges(bool(data[0]), bytes(data[1:]))
