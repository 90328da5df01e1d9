"""The error tree and its one renderer: what is wrong, where, and what was probably meant.

An error is data first (`message`, `span`, `hint`, `candidates`) and a text second; `str()` renders it, colour
is the command line's business.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from tql.span import Span

_MAX_LINE = 100  # a longer query line is cut around the caret
_MAX_SENTENCE = 600
_TAB = 4


class TQLError(Exception):
    """Base of every error that this package raises for a user's mistake.

    Attributes:
        message: one sentence: lower case, no full stop, values last.
        span: the offending piece of `query`, or None where no query text is involved.
        query: the query text that `span` points into.
        hint: what to do, or None.
        candidates: near names, best first.
        related: further independent errors of the same query.
        category: the kind of mistake, one word of the language reference.
    """

    category = "error"

    def __init__(
        self,
        message: str,
        *,
        span: Span | None = None,
        query: str | None = None,
        hint: str | None = None,
        candidates: Sequence[str] = (),
        related: Sequence[TQLError] = (),
    ) -> None:
        message = _shortened(message)
        super().__init__(message)
        self.message = message
        self.span = span
        self.query = query
        self.hint = None if hint is None else _shortened(hint)
        self.candidates = tuple(candidates)
        self.related = tuple(related)

    def __str__(self) -> str:
        return "\n".join([self.message, *render_context(self), *_render_related(self)])

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.__dict__.copy())


def _shortened(text: str) -> str:
    """A sentence that quotes a very long piece of the query, with the middle of it left out."""
    if len(text) <= _MAX_SENTENCE:
        return text
    return f"{text[: _MAX_SENTENCE // 2]}...{text[-_MAX_SENTENCE // 4 :]}"


def _rebuild(cls: type[TQLError], state: dict[str, object]) -> TQLError:
    error = cls.__new__(cls)
    Exception.__init__(error, state["message"])
    error.__dict__.update(state)
    return error


class QuerySyntaxError(TQLError, ValueError):
    """The text is not TQL."""

    category = "syntax"


class UnsupportedError(TQLError, NotImplementedError):
    """Grammatical, but not part of what can be run."""

    category = "unsupported"


class UnknownColumnError(TQLError, KeyError):
    """No column of that name."""

    category = "unknown_column"


class UnknownAliasError(TQLError, KeyError):
    """No source of that alias."""

    category = "unknown_alias"


class UnknownFunctionError(TQLError, KeyError):
    """No function of that name."""

    category = "unknown_function"


class SourceNotFoundError(TQLError, LookupError):
    """FROM names a source that does not exist, or there is none."""

    category = "source_not_found"


class AmbiguousColumnError(TQLError, ValueError):
    """A name that several sources have."""

    category = "ambiguous_column"


class DuplicateColumnError(TQLError, ValueError):
    """Two select items of one name."""

    category = "duplicate_column"


class AliasRequiredError(TQLError, ValueError):
    """A select item that has no natural name."""

    category = "alias_required"


class ArityError(TQLError, TypeError):
    """Wrong number of arguments."""

    category = "arity"


class QueryTypeError(TQLError, TypeError):
    """Operands of types that do not go together."""

    category = "type"


class ShapeError(TQLError, ValueError):
    """Arrays of shapes that do not go together."""

    category = "shape"


class QueryValueError(TQLError, ValueError):
    """A value outside of what is allowed: a class name, a negative LIMIT, weights that are all zero."""

    category = "value"


class ColumnsMismatchError(TQLError, ValueError):
    """Operands of a set operation with different columns."""

    category = "columns_mismatch"


class ParameterError(TQLError, ValueError):
    """Too many, too few or unusable parameter values."""

    category = "parameters"


class QueryRuntimeError(TQLError, ArithmeticError):
    """A value met while the query ran makes the answer undefined."""

    category = "runtime"


class RegisteredFunctionError(TQLError, TypeError):
    """A registered function gave something that is no value of its declared type."""

    category = "udf"


class MemoryLimitError(TQLError, MemoryError):
    """A query would hold more memory than its `memory_limit` allows."""

    category = "memory"


class ArgumentError(TQLError, ValueError):
    """An argument of a Python call or a command is unusable."""

    category = "argument"


class RowIndexError(TQLError, IndexError):
    """A row number outside of the rows that there are."""

    category = "argument"


class DatasetNotFoundError(TQLError, FileNotFoundError):
    """There is no dataset at that path."""

    category = "not_found"


class FormatError(TQLError, ValueError):
    """A file of a dataset is damaged, truncated or of an unknown form."""

    category = "format"


class DatasetExistsError(TQLError, FileExistsError):
    """There is something already where a dataset was to be made."""

    category = "exists"


class DatasetLockedError(TQLError, BlockingIOError):
    """Another process writes to the dataset."""

    category = "locked"


class ReadOnlyError(TQLError, AttributeError):
    """A dataset that was opened for reading was asked to change."""

    category = "read_only"


class StorageError(TQLError, OSError):
    """The file system refused: no space left, no permission, ..."""

    category = "storage"


class MissingDependencyError(TQLError, ImportError):
    """An optional package is needed for this and is not installed."""

    category = "dependency"


class WorkerError(TQLError, RuntimeError):
    """A worker process of a dataloader died, or raised what can't be brought to this process."""

    category = "worker"


class StateError(TQLError, ValueError):
    """A saved state of a dataloader, or a pickled view, of a dataset that is another one now, or has changed;
    or a state of another query or order of rows.
    """

    category = "state"


class InternalError(TQLError, RuntimeError):
    """A mistake of this package, never of its user: please report it."""

    category = "internal"


class SampleWarning(UserWarning):
    """A draw without replacement gives fewer rows than asked: a row of weight 0 is never drawn."""


class RowWarning(UserWarning):
    """A row that can't be read was skipped or replaced, as the loader was told to."""


def render_context(error: TQLError) -> list[str]:
    """The lines below the message: place, the query line with the piece underlined, proposals."""
    lines: list[str] = []
    if error.span is not None and error.query is not None:
        row, column = error.span.line_and_column(error.query)
        lines.append(f"  line {row}, column {column}")
        lines.extend("  " + line for line in underline(error.query, error.span))
    indent = "  "
    if error.candidates and error.hint:
        lines.append(f"{indent}did you mean {_quoted(error.candidates)}? {error.hint}")
    elif error.candidates:
        lines.append(f"{indent}did you mean {_quoted(error.candidates)}?")
    elif error.hint:
        lines.append(f"{indent}{error.hint}")
    return lines


def underline(query: str, span: Span) -> list[str]:
    """The query line on which `span` starts and a line of carets under the piece.

    Widths are display widths, so wide characters and tabs do not shift the carets; a long line is cut.
    """
    line_start = query.rfind("\n", 0, span.start) + 1
    line_end = query.find("\n", span.start)
    line = query[line_start : line_end if line_end >= 0 else len(query)].rstrip("\r")
    first = min(span.start - line_start, len(line))
    last = min(max(span.end - line_start, first), len(line))

    left, right = 0, len(line)
    if len(line) > _MAX_LINE:
        left = max(0, min(first - _MAX_LINE // 2, len(line) - _MAX_LINE))
        right = min(len(line), left + _MAX_LINE)
        last = min(last, right)
    head = "..." if left > 0 else ""
    tail = "..." if right < len(line) else ""

    shown = head + _expand(line[left:right]) + tail
    pad = len(head) + _width(line[left:first])
    return [shown, " " * pad + "^" * max(1, _width(line[first:last]))]


def _render_related(error: TQLError) -> list[str]:
    lines: list[str] = []
    for other in error.related:
        lines.append(f"also {type(other).__name__}: {other.message}")
        lines.extend(render_context(other))
    return lines


def _quoted(names: Sequence[str]) -> str:
    return " or ".join(f"'{name}'" for name in names)


def _expand(text: str) -> str:
    return "".join(" " * _TAB if c == "\t" else c if c.isprintable() else " " for c in text)


def _width(text: str) -> int:
    return sum(_char_width(c) for c in text)


def _char_width(char: str) -> int:
    if char == "\t":
        return _TAB
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
