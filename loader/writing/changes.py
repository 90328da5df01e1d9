"""What happened to a tensor and to the dataset since the last commit: the files that tools show changes from.

All integers in them are big-endian.
"""

from __future__ import annotations

import io
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
    """`dataset_diff`.

    Attributes:
        info_updated: whether the dataset's info changed.
        renamed: name of a tensor at the last commit to its name now.
        deleted: names at the last commit of tensors that were deleted.
    """

    info_updated: bool = False
    renamed: dict[str, str] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)

    def tensor_renamed(self, old: str, new: str) -> None:
        first = next((before for before, now in self.renamed.items() if now == old), old)
        self.renamed.pop(first, None)
        if first != new:
            self.renamed[first] = new

    def tensor_deleted(self, name: str) -> None:
        first = next((before for before, now in self.renamed.items() if now == name), name)
        self.renamed.pop(first, None)
        if first not in self.deleted:
            self.deleted.append(first)

    @property
    def any(self) -> bool:
        return self.info_updated or bool(self.renamed) or bool(self.deleted)

    def to_bytes(self) -> bytes:
        parts = [struct.pack(">?Q", self.info_updated, len(self.renamed))]
        for old, new in self.renamed.items():
            names = old.encode(), new.encode()
            parts += [struct.pack(">QQ", *map(len, names)), *names]
        parts.append(struct.pack(">Q", len(self.deleted)))
        for name in self.deleted:
            parts += [struct.pack(">Q", len(name.encode())), name.encode()]
        return b"".join(parts)


def parse_dataset_changes(data: bytes | None) -> DatasetChanges:
    """The changes that a `dataset_diff` tells; one that is missing or not understood tells nothing."""
    changes = DatasetChanges()
    stream = io.BytesIO(data or b"")
    try:
        (changes.info_updated,) = struct.unpack(">?", stream.read(1))
        for _ in range(_count(stream)):
            sizes = _count(stream), _count(stream)
            old, new = (stream.read(size).decode() for size in sizes)
            changes.renamed[old] = new
        for _ in range(_count(stream)):
            changes.deleted.append(stream.read(_count(stream)).decode())
    except (struct.error, ValueError, OverflowError):
        return DatasetChanges()
    return changes


def _count(stream: io.BytesIO) -> int:
    (count,) = struct.unpack(">Q", stream.read(8))
    if count > len(stream.getbuffer()):
        raise ValueError
    return int(count)
