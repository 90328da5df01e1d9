"""Types of the compiled engine: vectorised execution of physical plans, sampling, row decoding.

It knows no storage format and no query language. Every call that computes releases the GIL.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Concatenate, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Buffer = Any  # an object with the buffer protocol
Offsets = NDArray[np.int64] | NDArray[np.int32]

class EngineError(Exception):
    """What went wrong, as data; the Python side turns it into an error of the package with its span.

    `args` is (code, message, row, span_start, span_end): `code` is one of "runtime", "shape", "value",
    "type", "memory", "internal", "cancelled"; `row` is -1 where no row is to blame; the span is (-1, -1)
    where none is known. Where a plan ran, the number of the node that did follows (-1: not known), and
    behind that of "memory" the bytes that would have been held, and the limit.
    """

# --- columns -----------------------------------------------------------------------------------------------

class Column:
    """An immutable column over n rows in Arrow's layout; keeps the arrays it was made from alive.

    `validity` is None or a bool array [n], False where the row is NULL. Nothing is copied if the arrays are
    C-contiguous and of native byte order. Raises ValueError for inconsistent offsets or shapes.
    """

    @staticmethod
    def dense(values: NDArray[Any], validity: NDArray[np.bool_] | None = None) -> Column:
        """Rows of one shape: `values` is [n, ...] numeric or bool; [n] gives scalars."""

    @staticmethod
    def ragged(
        values: NDArray[Any],
        offsets: NDArray[np.int64],
        shapes: NDArray[np.int64],
        validity: NDArray[np.bool_] | None = None,
    ) -> Column:
        """Rows of different shapes: flat `values`; `offsets` [n + 1] in elements; `shapes` [n, rank]."""

    @staticmethod
    def text(offsets: Offsets, data: Buffer, validity: NDArray[np.bool_] | None = None) -> Column:
        """UTF-8 strings: `offsets` [n + 1] in bytes into `data`. Of 32 bits they are taken as they are."""

    @staticmethod
    def dictionary(
        codes: NDArray[np.signedinteger[Any]], texts: Column, validity: NDArray[np.bool_] | None = None
    ) -> Column:
        """UTF-8 strings by number: row i is row codes[i] of `texts`, a text column without NULL.

        `codes` are int8, int16 or int32 [n]; those of rows that are not NULL must be in range. It is used
        like any text column; conditions on it are worked out once per text.
        """

    @staticmethod
    def text_list(
        row_offsets: Offsets,
        offsets: Offsets,
        data: Buffer,
        validity: NDArray[np.bool_] | None = None,
    ) -> Column:
        """Lists of strings: `row_offsets` [n + 1] in strings, `offsets` [strings + 1] in bytes."""

    @staticmethod
    def list(items: Column, row_offsets: Offsets, validity: NDArray[np.bool_] | None = None) -> Column:
        """Lists of values that may be NULL or differ in shape: `row_offsets` [n + 1] in rows of `items`."""

    def __len__(self) -> int: ...
    @property
    def element(self) -> str: ...
    @property
    def layout(self) -> Literal["dense", "ragged", "text", "text_list", "list", "dictionary"]: ...
    @property
    def rank(self) -> int:
        """Axes of one row; of a list column one more than its items have."""

    @property
    def values(self) -> NDArray[Any]:
        """dense: [n, ...]; ragged: flat elements; text: the bytes as uint8; dictionary: the codes. Read-only,
        no copy.

        Raises ValueError for a list column, which has `items` instead.
        """

    @property
    def items(self) -> Column | None:
        """What the rows of a list column are made of, the texts of a dictionary; None for other layouts."""

    @property
    def offsets(self) -> Offsets | None: ...
    @property
    def row_offsets(self) -> Offsets | None: ...
    @property
    def shapes(self) -> NDArray[np.int64]:
        """[n, rank]; of a list column [n, 1]: the number of items of each row."""

    @property
    def validity(self) -> NDArray[np.bool_] | None: ...
    @property
    def nbytes(self) -> int: ...
    def take(self, rows: NDArray[np.int64]) -> Column:
        """The rows at these positions, repeats allowed. Raises IndexError."""

    def slice(self, start: int, stop: int) -> Column:
        """Rows [start, stop) without a copy."""

    def plain(self) -> Column:
        """The same rows as a text column; only dictionary columns change."""

    def encode(self) -> Column | None:
        """The same texts as a dictionary column; None where they repeat too little, and for other layouts."""

    @staticmethod
    def concat(columns: Sequence[Column]) -> Column:
        """One behind the other; all of one element, layout and rank (dense of different shape: ragged)."""

# --- execution ---------------------------------------------------------------------------------------------

class Source(Protocol):
    """What the engine asks of storage. Called with the GIL held.

    One execution asks from two threads at a time: its own, and one that reads ahead unless the source is in
    memory. A made source asks from whatever thread reads from it.
    """

    @property
    def num_rows(self) -> int: ...
    def partitions(self, columns: Sequence[str]) -> Sequence[tuple[int, int]]:
        """Row ranges that are cheap to read together, ascending, covering all rows."""

    def read(self, column: str, facet: Literal["values", "shape"], start: int, stop: int) -> Column:
        """Rows [start, stop) of a column; facet "shape" gives an int64 column of shapes."""

    def take(self, column: str, facet: Literal["values", "shape"], rows: NDArray[np.int64]) -> Column:
        """Rows at these positions, in this order."""

    # May be left out (docs/plan-format.md): in_memory: bool; zones(column: str) -> Zones | None.

class Zones:
    """What is known of the values of one column in ranges of rows, shared by all who read it.

    A source hands them over from `zones(column)`; the engine adds what it finds out while it filters. Safe to
    use from several threads.
    """

    def from_row(self, row: int) -> Zones:
        """The same zones for a source whose row 0 is row `row` of this one."""

    def declare(
        self,
        bounds: NDArray[np.int64],
        minimum: NDArray[Any],
        maximum: NDArray[Any],
        nulls: NDArray[np.int64],
        has_nan: NDArray[np.bool_] | None = None,
    ) -> None:
        """What a format says: range i is rows [bounds[i], bounds[i + 1]), its values lie within [minimum[i],
        maximum[i]], nulls[i] of its rows are NULL, some are NaN if has_nan[i].

        Raises ValueError for arrays of other lengths or kinds, bounds that descend, counts out of range.
        """

    def measured(self) -> dict[str, NDArray[Any]]:
        """What the engine found out, zone by zone in ascending order: `start`, `stop` (rows), `nulls` int64,
        `has_nan` and `has_values` bool, the bounds `low` and `high` of what is neither NULL nor NaN (int64,
        uint64 or float64), and `members` uint64: bit i says whether low + i occurs, 0 that nothing is known.
        """

    def restore(
        self,
        *,
        start: NDArray[np.int64],
        stop: NDArray[np.int64],
        nulls: NDArray[np.int64],
        has_nan: NDArray[np.bool_],
        has_values: NDArray[np.bool_],
        low: NDArray[Any],
        high: NDArray[Any],
        members: NDArray[np.uint64],
    ) -> None:
        """Adds what `measured` gave for the same rows. Bounds must be of the kind that it gave.

        Raises ValueError for arrays of other lengths or kinds, zones without rows or of more than 65536, and
        counts out of range; nothing is added then.
        """

    @property
    def num_measured(self) -> int:
        """How many zones `measured` would give."""

    @property
    def declared(self) -> bool:
        """Whether a format has said something."""

    def covers(self, start: int, stop: int) -> bool:
        """Whether something is known of every row of [start, stop)."""

class ZoneMaps:
    """The zones of the columns of one source that never changes. Safe to use from several threads."""

    def __init__(self) -> None: ...
    def of(self, column: str) -> Zones: ...

class Selection:
    """Which rows, in which order: a range, a bitmap or an index list, whichever is cheapest."""

    @staticmethod
    def from_range(start: int, stop: int) -> Selection: ...
    @staticmethod
    def from_indices(indices: NDArray[np.int64], weights: NDArray[np.float64] | None = None) -> Selection: ...
    @staticmethod
    def from_mask(mask: NDArray[np.bool_]) -> Selection: ...
    def __len__(self) -> int: ...
    @property
    def kind(self) -> Literal["range", "bitmap", "indices"]: ...
    @property
    def indices(self) -> NDArray[np.int64]:
        """Row numbers [len] in order; made on first use, then kept. Read-only."""

    @property
    def weights(self) -> NDArray[np.float64] | None:
        """[len]: the weight of each selected row, where the plan sampled; made on first use, then kept."""

    @property
    def weighted(self) -> bool:
        """Whether there are weights. Makes nothing."""

    @property
    def repeats(self) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
        """Where the rows were drawn with replacement: the rows ascending, each once, and how often each is.

        Does not make `indices`. None for any other selection.
        """

    @property
    def ascending(self) -> bool:
        """Strictly ascending row numbers: no repeats, storage order."""

class Plan:
    """A physical plan, checked and compiled. Immutable; may be run many times, from many threads."""

    def __init__(self, plan: dict[str, Any]) -> None: ...

class MadeSource:
    """Rows that a plan made: pairs of a join, groups, parts of rows. A source like any other.

    Reads from the sources below it when it is asked, and keeps them alive. May be used from any thread.
    """

    @property
    def num_rows(self) -> int: ...
    def partitions(self, columns: Sequence[str]) -> list[tuple[int, int]]:
        """Even row ranges of bounded size. Raises EngineError for columns that it does not have."""

    def read(self, column: str, facet: Literal["values", "shape"], start: int, stop: int) -> Column:
        """Rows [start, stop). Raises EngineError, IndexError, and whatever a source below raises."""

    def take(self, column: str, facet: Literal["values", "shape"], rows: NDArray[np.int64]) -> Column:
        """Rows at these positions, in this order. Raises as `read` does."""

class Result:
    @property
    def selection(self) -> Selection: ...
    @property
    def source(self) -> str | MadeSource | None:
        """What `selection` counts rows of: the bound source (None), a named one (its key), or a made one."""

    @property
    def columns(self) -> dict[str, Column]:
        """The computed output columns, one row per selected row."""

    @property
    def statistics(self) -> list[dict[str, Any]]:
        """Per plan node: {"id", "rows_in", "rows_out", "nanoseconds", "bytes_read", "partitions_read",
        "peak_bytes"}, where the last is the most memory that the execution held while the node ran.

        Of a filter also "conjuncts", in the order of the plan: {"place", "rows_in", "rows_out",
        "nanoseconds"}, `place` being that in the order of evaluation as it was in the end; and "zones" if the
        source keeps zone maps: {"read", "skipped", "accepted"} blocks of rows.
        """

    @property
    def peak_bytes(self) -> int:
        """The most memory that the execution held at a time."""

class HostCall:
    """A call of a function of `execute`, for some rows. Valid until the function returns."""

    @property
    def span(self) -> tuple[int, int] | None:
        """Where the query calls it; None for a plan that does not say."""

    def row(self, number: int) -> int:
        """The number in the source of the call's row `number`, counted from 0."""

HostFunction = Callable[Concatenate[HostCall, ...], Column]

def execute(
    plan: Plan,
    source: Source | None,
    *,
    sources: Mapping[str, Source] = ...,
    functions: Mapping[str, HostFunction] = ...,
    seed: int = 0,
    threads: int = 0,
    memory_limit: int | None = None,
) -> Result:
    """Run a plan. `source` is what a scan without a name reads, `sources` what the others read, by key.

    `functions` are what the kernel `registered` calls by name: with the call and one column per argument,
    over the same rows, and without arguments once per row; they return a column of the declared type with as
    many rows. They are called from several threads, each holding the GIL; what they raise is raised here.

    `threads` 0 means one per core. The answer does not depend on `threads`.

    `memory_limit`: bytes that may be held at a time for what grows with the data; EngineError("memory") where
    that is not enough. What a source's `read` hands out counts unless the source is `in_memory`.
    """

def kernel_names() -> list[str]:
    """Every kernel that a program may name."""

def safe_kernels() -> list[str]:
    """Those that can't end a query with an error, whatever the values of arguments of known rank."""

# --- memory ------------------------------------------------------------------------------------------------

def release_memory() -> int:
    """Gives the system back what is kept of large arrays that were freed; how many bytes that were."""

def empty_bytes(size: int) -> NDArray[np.uint8]:
    """An array of `size` bytes of any content, in memory that is kept for such arrays when it is freed.

    For large arrays of few sizes, as chunks are: the system's allocator splits such areas, and what is left
    of them stays. Arrays of many sizes would leave much that fits no other.
    """

def copy_rows(
    source: Buffer, starts: NDArray[np.int64], rows: NDArray[np.uint8], slots: NDArray[np.int64]
) -> None:
    """Set rows[slots[i]] to the bytes of `source` from starts[i] on, for all i.

    Args:
        source: bytes.
        starts, slots: int64 [n].
        rows: [rows, bytes of a row], C-contiguous.

    Raises:
        IndexError: bytes outside of `source`, or no such row. Nothing is copied then.
    """

# --- sampling and order ------------------------------------------------------------------------------------

def sample_with_replacement(
    weights: NDArray[np.float64], size: int, *, seed: int, stream: int = 0, threads: int = 0
) -> NDArray[np.int64]:
    """`size` independent draws, row i with probability weights[i] / sum; rows of weight 0 never.

    Negative and NaN weights count as 0. Raises EngineError("value") for +inf, or if every weight is 0 and
    size > 0.
    """

def draw_with_replacement(
    weights: NDArray[np.float64], size: int, *, seed: int, stream: int = 0, threads: int = 0
) -> Selection:
    """The draws of `sample_with_replacement` with their weights; their order is worked out on demand."""

def sample_without_replacement(
    weights: NDArray[np.float64], size: int, *, seed: int, stream: int = 0, threads: int = 0
) -> NDArray[np.int64]:
    """min(size, rows of positive weight) rows in draw order, each draw proportional to what remains."""

def survey_weights(weights: NDArray[np.float64], *, threads: int = 0) -> tuple[int, int, int]:
    """How many weights are positive; the first row whose weight is negative, NaN or infinite; the first row
    of weight +inf. -1 where there is no such row.
    """

def permutation(n: int, *, seed: int, stream: int = 0, threads: int = 0) -> NDArray[np.int64]:
    """A uniformly random order of 0 .. n-1, a pure function of (n, seed, stream)."""

def uniform(n: int, *, seed: int, stream: int = 0) -> NDArray[np.float64]:
    """n numbers in [0, 1), number i a pure function of (seed, stream, i)."""

def philox4x32(counter: tuple[int, int, int, int], key: tuple[int, int]) -> tuple[int, int, int, int]:
    """One block of Philox-4x32-10, for the known-answer test."""

# --- codecs and row decoding -------------------------------------------------------------------------------

def codecs() -> dict[str, str]:
    """Native codecs of this build: name -> library and version, as {"jpeg": "libjpeg-turbo 2.1.5"}."""

def jpeg_shape(data: Buffer) -> tuple[int, int, int]:
    """(height, width, channels) from the header. Raises EngineError("value") with the codec's message."""

def lz4_decompress(data: Buffer, size: int) -> NDArray[np.uint8]:
    """One raw LZ4 block of exactly `size` decompressed bytes. Raises EngineError("value")."""

class StoredFiles:
    """Files by number, and what they were when they were opened."""

    def __init__(self) -> None: ...
    def set(self, number: int, path: bytes, size: int, modified: int, inode: int) -> None:
        """Say which file has a number.

        Args:
            number: at least 0.
            path: of the file.
            size, modified, inode: what it must be when it is read: bytes, ns since 1970, number.
        """

class StoredArea:
    """Parts of files that are read when a row in them is needed, by threads of a DecodePool or who needs it.

    May be a buffer of EncodedRows, and takes no more parts then. A file that can't be read, or is not what it
    was, is an error of the rows in it.
    """

    def __init__(self) -> None: ...
    def add(
        self,
        files: StoredFiles,
        numbers: NDArray[np.int64],
        offsets: NDArray[np.int64],
        sizes: NDArray[np.int64],
    ) -> NDArray[np.int64]:
        """Add bytes [offsets[i], offsets[i] + sizes[i]) of file numbers[i], for all i, in any order.

        Args:
            files: those that the numbers mean.
            numbers, offsets, sizes: int64 [parts].

        Returns:
            int64 [parts], where each lies in the area; equal ones lie in one place.

        Raises:
            ValueError: parts outside of the file; an area that rows have already.
        """

class RowMemory:
    """Memory for rows that are kept, used again for others when they are dropped."""

    def __init__(self) -> None: ...

class EncodedRows:
    """Where the stored bytes of n rows of one column lie, and what they decode to.

    Row i is bytes [offsets[i], offsets[i] + sizes[i]) of buffers[buffer_index[i]] and decodes to an array of
    shape shapes[i] and this dtype. Checked on construction: every span inside its buffer, raw sizes equal to
    the product of the shape; raises ValueError. Keeps the buffers alive, copies nothing.
    """

    def __init__(
        self,
        codec: Literal["raw", "jpeg", "lz4"],
        dtype: np.dtype[Any],
        buffers: Sequence[Buffer | StoredArea],
        buffer_index: NDArray[np.int32],
        offsets: NDArray[np.int64],
        sizes: NDArray[np.int64],
        shapes: NDArray[np.int64],
    ) -> None: ...
    def __len__(self) -> int: ...
    @property
    def codec(self) -> str: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...
    @property
    def shapes(self) -> NDArray[np.int64]: ...
    @property
    def uniform_shape(self) -> tuple[int, ...] | None:
        """The one shape of all rows, None where they differ or there is no row."""

    def row_bytes(self, row: int) -> bytes:
        """The stored bytes of one row.

        Raises:
            EngineError: they can't be read.
        """

    def take(self, rows: NDArray[np.int64]) -> EncodedRows: ...
    def keep(self, rows: NDArray[np.int64], memory: RowMemory) -> list[KeptRow]:
        """These rows, each with a copy of its stored bytes in `memory`, for later batches."""

    @staticmethod
    def adopt(array: NDArray[Any] | list[NDArray[Any]]) -> EncodedRows:
        """Rows that are decoded already: an array [n, *shape], or n arrays of one dtype with as many axes.

        All are C-contiguous, and nobody else holds them: the first `submit` hands out what was given.
        """

    @staticmethod
    def join(
        rows: EncodedRows | None, slots: NDArray[np.int64], kept: Sequence[KeptRow]
    ) -> EncodedRows | None:
        """A row for each slot: row slots[i] of `rows` where that is not negative, else kept[-1 - slots[i]].

        None if they differ in codec or rank. Raises IndexError for a slot out of range.
        """

class FixedRows:
    """Where n rows of one shape and dtype lie in memory, one behind the other in a few buffers.

    Buffer i holds rows firsts[i], firsts[i] + 1, ... to its end. Keeps the buffers alive, copies nothing.
    """

    def __init__(
        self,
        dtype: np.dtype[Any],
        shape: Sequence[int],
        buffers: Sequence[Buffer],
        firsts: NDArray[np.int64],
        rows: NDArray[np.int64],
    ) -> None:
        """The rows of these numbers, int64 [n], in any order, repeats allowed.

        Raises ValueError for buffers that do not ascend or hold part of a row, for a shape without a value,
        and for a dtype that is no number; IndexError for a row that is in no buffer.
        """

    def __len__(self) -> int: ...
    @staticmethod
    def ranges_with(lasts: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Which ranges of rows hold some of these rows: int64, ascending.

        Range i ends with row lasts[i] and begins behind the one before, the first one with row 0. Raises
        IndexError for a row that is in none.
        """

class KeptRow:
    """A row that several batches have: the first of them decodes it, the others copy it.

    They must all do the same to it: decode it, or run one program with one seed.
    """

class DecodePool:
    """Worker threads that decode rows into NumPy arrays; submitted work runs in order, without the GIL.

    After a fork the child's pool starts its own threads on first use. `close()` joins them; idempotent.
    """

    def __init__(self, threads: int = 0) -> None: ...
    @property
    def threads(self) -> int: ...
    def submit(self, rows: EncodedRows | FixedRows) -> DecodeTicket:
        """Raises EngineError: "value" if this build lacks the codec, "cancelled" after `close()`."""

    def submit_images(
        self, rows: EncodedRows, program: ImageProgram, seed: int, epoch: int, places: NDArray[np.int64]
    ) -> DecodeTicket:
        """The images that the program makes of these rows, uint8 of rank 2 or 3.

        `places` are where the rows stand in the epoch, for the random numbers: a row that comes twice looks
        different each time. Raises EngineError("shape", message, row) for an image that the steps can't be
        applied to, and what `submit` raises.
        """

    def close(self) -> None: ...

class ImageProgram:
    """Steps that make images into rows of a batch: uint8 (height, width[, channels]), or float32 (channels,
    height, width).

    `steps` are pairs of a step's name and its arguments, as `tql.transforms` gives them. Step i draws the
    random numbers of step `first_number` + i. Raises ValueError for steps that make no sense.
    """

    def __init__(self, steps: Sequence[tuple[str, dict[str, Any]]], first_number: int = 0) -> None: ...
    @property
    def floats(self) -> bool: ...

class DecodeTicket:
    """A batch being decoded."""

    def wait(self, timeout: float | None = None) -> NDArray[Any] | list[NDArray[Any]]:
        """The rows: one array [n, *shape] where all shapes are equal, else a list of n arrays.

        Raises EngineError("value", message, row) for the first row, counted within the batch, that can't be
        decoded, EngineError("cancelled") if the pool was closed or the process forked, and TimeoutError.
        """

    def done(self) -> bool: ...
