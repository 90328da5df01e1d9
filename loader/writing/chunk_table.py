"""The chunks of one tensor while it is written: filling the last one, rewriting those that are edited.

A chunk file is never changed: what is written anew gets a new random name, and the index, once it is
replaced, decides which files count. So neither a crash nor a reader of an older state meets half of a change.
"""

from __future__ import annotations

import math
import secrets
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from tql.loader.sources.v3.indexes import TileEntry
from tql.loader.storage.store import Parts
from tql.loader.writing.blocks import Block, join
from tql.loader.writing.encoding import Piece
from tql.loader.writing.tiling import Tiled

_MOST_ITEMS = 1 << 26  # of one chunk, whatever their size
_MOST_BYTES = (1 << 32) - (1 << 20)  # positions are 32 bits wide
_EDITED_BYTES = 64_000_000
_SMALL_BYTES = 2_000_000
_JOINED_AT_ONCE = 512


class OpenChunk:
    """A chunk that still takes items."""

    def __init__(self, block: Block | None = None) -> None:
        self._blocks = [block] if block is not None else []
        self._recent: list[Block] = []  # rows that come one by one are joined now and then: blocks are large
        self.count = 0 if block is None else len(block)
        self.size = 0 if block is None else len(block.data)

    def add(self, block: Block) -> None:
        self._recent.append(block)
        if len(self._recent) == _JOINED_AT_ONCE:
            self._blocks.append(join(self._recent))
            self._recent = []
        self.count += len(block)
        self.size += len(block.data)

    def own(self) -> None:
        """Copy what lies in arrays of the caller, which may change them."""
        self._recent = [
            replace(block, data=bytes(block.data)) if isinstance(block.data, memoryview) else block
            for block in self._recent
        ]

    def room(self, block: Block, target: int) -> int:
        """How many of the block's first items join within the target. A chunk takes at least one."""
        fitting = min(block.fitting(min(target, _MOST_BYTES) - self.size), _MOST_ITEMS - self.count)
        return max(fitting, 0 if self.count else 1)

    def block(self) -> Block:
        """All items."""
        if self._recent or len(self._blocks) != 1:
            self._blocks = [join([*self._blocks, *self._recent])]
            self._recent = []
        return self._blocks[0]

    def truncate(self, count: int) -> None:
        """Forget the items from `count` on."""
        if count < self.count:
            block = self.block().cut(0, count)
            self._blocks, self.count, self.size = [block], count, len(block.data)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A state of a table to come back to."""

    ids: list[int]
    last: list[int]
    tiles: dict[int, TileEntry]
    dropped: list[int]
    open: OpenChunk | None
    open_count: int
    saved_open: int | None
    edited: dict[int, Block]
    unsaved: dict[int, Parts]


@dataclass(slots=True)
class ChunkTable:
    """Which chunk holds which items, and the contents of those that are not on disk yet.

    Attributes:
        target: bytes of a data area at which a new chunk is begun.
        encode: a block to the parts of a chunk file.
        fetch: the stored chunk file of an id.
        load: its items, of which there are so many.
        keep: stores a chunk file under an id.
        reopen: whether the last chunk of an id may be continued.
        ids, last: as in the chunk index.
        tiles: item to its tiles.
        dropped: stored chunks that the index does not name any more.
    """

    target: int
    encode: Callable[[Block], Parts]
    fetch: Callable[[int], bytes]
    load: Callable[[int, int], Block]
    keep: Callable[[int, Parts], None]
    reopen: Callable[[int], bool]
    ids: list[int] = field(default_factory=list)
    last: list[int] = field(default_factory=list)
    tiles: dict[int, TileEntry] = field(default_factory=dict)
    dropped: list[int] = field(default_factory=list)
    _open: OpenChunk | None = None
    _edited: dict[int, Block] = field(default_factory=dict)
    _unsaved: dict[int, Parts] = field(default_factory=dict)
    _saved_open: int | None = None
    _known: set[int] = field(default_factory=set)
    _recent: tuple[int, Block] | None = None  # the chunk that `piece` read last

    def begin_with(self, ids: list[int], last: list[int]) -> None:
        """The chunks that are stored already."""
        self.ids, self.last = ids, last
        self._known.update(ids)

    def __len__(self) -> int:
        return self.last[-1] + 1 if self.last else 0

    # --- adding -------------------------------------------------------------------------------------------

    def append(self, pieces: Iterable[Piece]) -> None:
        """Add items behind the last one. Full chunks refer to their memory until they are saved."""
        for piece in pieces:
            if isinstance(piece, Tiled):
                self._close()
                self._add_tiles(piece, len(self))
            else:
                self._fill(piece)

    def _fill(self, block: Block) -> None:
        start = 0
        if self._open is None and self._can_reopen():
            self._reopen()
        while start < len(block):
            rest = block.cut(start, len(block))
            if self._open is None:
                self._open = OpenChunk()
                self._add_row(len(self) - 1)
            taken = self._open.room(rest, self.target)
            if taken == 0:
                self._close()
                continue
            self._rename_if_stored()
            self._open.add(rest.cut(0, taken))
            self.last[-1] += taken
            start += taken
        if self._open is not None:
            self._open.own()

    def _reopen(self) -> None:
        self._open = OpenChunk(self._content(len(self.ids) - 1))
        if self._edited.pop(self.ids[-1], None) is None:
            self._saved_open = self.ids[-1]

    def _rename_if_stored(self) -> None:
        """The open chunk is about to differ from the file of its name."""
        if self._saved_open is not None:
            self.dropped.append(self._saved_open)
            self.ids[-1] = self._new_id()
            self._saved_open = None

    def _add_tiles(self, piece: Tiled, item: int) -> None:
        self.tiles[item] = piece.entry
        for chunk in piece.chunks:
            self._add_row(item)
            self._unsaved[self.ids[-1]] = (chunk,)

    def _can_reopen(self) -> bool:
        if not self.ids or self.last[-1] in self.tiles or self.ids[-1] in self._unsaved:
            return False
        return self.ids[-1] in self._edited or self.reopen(self.ids[-1])

    def _close(self) -> None:
        if self._open is None:
            return
        if self._saved_open != self.ids[-1]:
            self._unsaved[self.ids[-1]] = self.encode(self._open.block())
        self._open = self._saved_open = None

    def _add_row(self, last: int) -> None:
        self.ids.append(self._new_id())
        self.last.append(last)

    def _new_id(self) -> int:
        while True:
            number = secrets.randbits(64)
            if number and number not in self._known:
                self._known.add(number)
                return number

    # --- editing ------------------------------------------------------------------------------------------

    def splice(self, start: int, stop: int, pieces: list[Piece]) -> None:
        """Put items in place of the items [start, stop)."""
        if start == len(self):
            self.append(pieces)
            return
        first_row = bisect_left(self.last, start)
        kept: list[Piece] = []
        if first_row < len(self.ids) and self._first(first_row) < start:
            kept.append(self._content(first_row).cut(0, start - self._first(first_row)))
        tail: list[Piece] = []
        end_row = len(self.ids)
        if stop < len(self):
            end_row = bisect_left(self.last, stop)
            begun = stop - self._first(end_row)
            if begun > 0:
                block = self._content(end_row)
                tail = [block.cut(begun, len(block))]
                end_row += 1
        added = sum(len(piece) if isinstance(piece, Block) else 1 for piece in pieces)
        shift = added - (stop - start)
        made = _merged([*kept, *pieces, *tail])
        if shift or any(item in self.tiles for item in range(start, stop)):
            first_row, end_row, made = self._with_neighbours(first_row, end_row, made)
        begin = self._first(first_row)
        self._forget(first_row, end_row)
        following = [(row_id, last + shift) for row_id, last in self._rows(end_row)]
        self._move_tiles(start, stop, shift)
        del self.ids[first_row:], self.last[first_row:]
        for piece in made:
            begin = self._insert(piece, begin)
        self.ids.extend(row_id for row_id, _ in following)
        self.last.extend(last for _, last in following)
        if sum(len(block.data) for block in self._edited.values()) > _EDITED_BYTES:
            self._settle()

    def _with_neighbours(
        self, first_row: int, end_row: int, pieces: list[Piece]
    ) -> tuple[int, int, list[Piece]]:
        """Where little is left of a chunk, the chunks beside it are joined to it if they are small enough."""
        if (
            sum(len(piece.data) if isinstance(piece, Block) else _SMALL_BYTES for piece in pieces)
            >= _SMALL_BYTES
        ):
            return first_row, end_row, pieces
        size = sum(len(piece.data) for piece in pieces if isinstance(piece, Block))
        for row, before in ((first_row - 1, True), (end_row, False)):
            if not 0 <= row < len(self.ids) or self.last[row] in self.tiles:
                continue
            block = self._content(row)
            if size + len(block.data) > self.target:
                continue
            size += len(block.data)
            pieces = _merged([block, *pieces] if before else [*pieces, block])
            first_row, end_row = (row, end_row) if before else (first_row, row + 1)
        return first_row, end_row, pieces

    def _insert(self, piece: Piece, item: int) -> int:
        """Rows for a piece at the end of the index as it is now; the item behind it."""
        if isinstance(piece, Tiled):
            self._add_tiles(piece, item)
            return item + 1
        limit = self.target if len(piece.data) > 2 * self.target else 2 * self.target
        start = 0
        while start < len(piece):
            rest = piece.cut(start, len(piece))
            taken = OpenChunk().room(rest, limit)
            self._add_row(item + start + taken - 1)
            self._edited[self.ids[-1]] = rest.cut(0, taken)
            start += taken
        return item + len(piece)

    def item(self, number: int) -> bytes:
        """The bytes of an item that is not tiled."""
        piece = self.piece(number)
        assert isinstance(piece, Block)
        return bytes(piece.data)

    def piece(self, number: int) -> Piece:
        """One item as it is stored."""
        row = bisect_left(self.last, number)
        if number in self.tiles:
            entry = self.tiles[number]
            rows = range(row, row + math.prod(entry.grid))
            return Tiled(entry, [self._file(self.ids[at]) for at in rows])
        if self._recent is None or self._recent[0] != self.ids[row] or not self._is_stored(self.ids[row]):
            self._recent = self.ids[row], self._content(row)
        within = number - self._first(row)
        return self._recent[1].cut(within, within + 1)

    def _file(self, row_id: int) -> bytes:
        parts = self._unsaved.get(row_id)
        return self.fetch(row_id) if parts is None else b"".join(parts)

    def _first(self, row: int) -> int:
        return self.last[row - 1] + 1 if row else 0

    def _rows(self, start: int) -> Iterator[tuple[int, int]]:
        return zip(self.ids[start:], self.last[start:], strict=True)

    def _content(self, row: int) -> Block:
        """The items of a chunk that is no tile."""
        row_id = self.ids[row]
        if self._open is not None and row == len(self.ids) - 1:
            return self._open.block()
        if row_id in self._edited:
            return self._edited[row_id]
        self.save()
        return self.load(row_id, self.last[row] + 1 - self._first(row))

    def _forget(self, first_row: int, end_row: int) -> None:
        """The chunks of these rows are replaced."""
        for row_id in self.ids[first_row:end_row]:
            if self._is_stored(row_id):
                self.dropped.append(row_id)
            self._edited.pop(row_id, None)
            self._unsaved.pop(row_id, None)
        if end_row == len(self.ids):
            self._open = self._saved_open = None

    def _is_stored(self, row_id: int) -> bool:
        if self._open is not None and row_id == self.ids[-1]:
            return self._saved_open == row_id
        return row_id not in self._edited and row_id not in self._unsaved

    def _move_tiles(self, start: int, stop: int, shift: int) -> None:
        moved = {item: entry for item, entry in self.tiles.items() if item < start}
        moved |= {item + shift: entry for item, entry in self.tiles.items() if item >= stop}
        self.tiles.clear()
        self.tiles.update(moved)

    # --- storing ------------------------------------------------------------------------------------------

    def save(self) -> None:
        """Store the chunks that are full; needed before the next ones, not for the index to be right."""
        for row_id in list(self._unsaved):
            self.keep(row_id, self._unsaved[row_id])
            del self._unsaved[row_id]

    def _settle(self) -> None:
        """Encode the chunks that were edited."""
        for row_id in list(self._edited):
            self._unsaved[row_id] = self.encode(self._edited.pop(row_id))
        self.save()

    def save_all(self) -> None:
        """Store everything. The last chunk goes on taking items, under another name then."""
        self._settle()
        if self._open is not None and self._saved_open != self.ids[-1]:
            self.keep(self.ids[-1], self.encode(self._open.block()))
            self._saved_open = self.ids[-1]

    # --- going back ---------------------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """The present state, to which `restore` returns as long as items are only appended."""
        count = self._open.count if self._open is not None else 0
        return Snapshot(
            self.ids.copy(),
            self.last.copy(),
            self.tiles.copy(),
            self.dropped.copy(),
            self._open,
            count,
            self._saved_open,
            self._edited.copy(),
            self._unsaved.copy(),
        )

    def restore(self, state: Snapshot) -> None:
        """Forget all that was appended since."""
        before = set(state.ids)
        made = [row_id for row_id in self.ids if row_id not in before and self._is_stored(row_id)]
        self.ids, self.last, self.tiles = state.ids, state.last, state.tiles
        self.dropped = state.dropped + made
        self._edited, self._unsaved = state.edited, state.unsaved
        self._open, self._saved_open = state.open, state.saved_open
        if self._open is not None:
            self._open.truncate(state.open_count)


def _merged(pieces: list[Piece]) -> list[Piece]:
    """Neighbouring blocks as one."""
    merged: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, Block) and merged and isinstance(merged[-1], Block):
            merged[-1] = join([merged[-1], piece])
        elif not isinstance(piece, Block) or len(piece):
            merged.append(piece)
    return merged
