"""Expressions that are right by construction: trees grown towards the type that is wanted at each place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from hypothesis import strategies as st

from property.generated_tables import CLASS_NAMES, STRINGS
from tql import ast
from tql.types import Type

_COMPARISONS: tuple[ast.BinaryOperator, ...] = ("=", "!=", "<", "<=", ">", ">=")
_PATTERNS = ("*", "a*", "?", "*b", "[a-b]*", "A?", "%a%", "", "\\*", "it's")
_NUMBERS: tuple[bool | int | float, ...] = (
    0, 1, 2, 3, 5, 100, 0.5, 1.5, 2.0, True, 255, 2**63, 2**64 - 1, -1, -3, -0.5,
)  # fmt: skip

T = TypeVar("T")
Options = Sequence[Callable[[], ast.Expr]]


class Grower:
    """Grows expressions over the columns of one relation."""

    def __init__(self, draw: st.DrawFn, columns: Mapping[str, Type]) -> None:
        self.draw = draw
        self.columns = columns

    def one_of(self, *options: T) -> T:
        return self.draw(st.sampled_from(options))

    def chance(self, one_in: int) -> bool:
        return self.draw(st.integers(1, one_in)) == 1

    def integer(self, low: int, high: int) -> int:
        return self.draw(st.integers(low, high))

    def has(self, wanted: Callable[[Type], bool]) -> bool:
        return any(wanted(type_) for type_ in self.columns.values())

    def name(self, wanted: Callable[[Type], bool]) -> ast.Name:
        return self.one_of(*(ast.Name(name) for name, type_ in self.columns.items() if wanted(type_)))

    # --- predicates ----------------------------------------------------------------------------------------

    def predicate(self, depth: int) -> ast.Expr:
        """One bool per row."""
        options: list[Callable[[], ast.Expr]] = [
            lambda: self.comparison(self.number(depth - 1), self.number(depth - 1)),
            lambda: ast.Between(self.number(depth - 1), self.number(0), self.number(0), self.chance(4)),
            lambda: ast.InList(self.number(depth - 1), self.number_items(), self.chance(4)),
            lambda: ast.IsNull(self.number(depth - 1), self.chance(2)),
            *self._predicates_of_text(),
            *self._predicates_of_labels(),
            *self._predicates_of_json(),
        ]
        if self.has(is_bool):
            options.append(lambda: self.name(is_bool))
        if depth > 0:
            options += [
                lambda: ast.Binary(self.one_of("and", "or"), self.predicate(depth - 1), self.predicate(0)),
                lambda: ast.Binary(self.one_of("and", "or"), self.predicate(0), self.predicate(depth - 1)),
                lambda: ast.Unary("not", self.predicate(depth - 1)),
                lambda: ast.Call(self.one_of("any", "all", "all_strict"), (self.flags(depth - 1),)),
                lambda: ast.Call(self.one_of("any", "all", "all_strict"), (self.flags(depth - 1),)),
                lambda: ast.Call("any", (self.array(depth - 1),)),
                lambda: ast.Call("contains", (self.array(depth - 1), self.number(0))),
                lambda: ast.Literal(self.one_of(True, False)),
            ]
        return self.one_of(*options)()

    def _predicates_of_text(self) -> Options:
        options: list[Callable[[], ast.Expr]] = []
        if self.has(is_text):
            options += [
                lambda: self.comparison(self.text(), self.text()),
                lambda: ast.Between(self.name(is_text), self.text(), self.text()),
                lambda: ast.InList(self.name(is_text), self.text_items(), self.chance(4)),
                lambda: ast.Like(self.name(is_text), self.pattern(), self.chance(3), self.chance(4)),
                lambda: ast.Call("contains", (self.name(is_text), self.text())),
                lambda: ast.IsNull(self.name(is_text)),
            ]
        if self.has(is_text_list):
            options.append(lambda: ast.Call("contains", (self.name(is_text_list), self.text())))
        return options

    def _predicates_of_labels(self) -> Options:
        options: list[Callable[[], ast.Expr]] = []
        if self.has(is_label):
            options += [
                lambda: self.comparison(self.name(is_label), self.class_name()),
                lambda: self.comparison(self.class_name(), self.name(is_label)),
                lambda: ast.InList(self.name(is_label), (self.class_name(), self.class_name())),
            ]
        if self.has(is_label_array):
            options.append(lambda: ast.Call("contains", (self.name(is_label_array), self.class_name())))
        return options

    def _predicates_of_json(self) -> Options:
        if not self.has(is_json):
            return ()
        scalar = self.one_of(self.number_literal, self.text_literal)
        return (
            lambda: self.comparison(self.path(), scalar()),
            lambda: self.comparison(self.path(), self.path()),
            lambda: ast.Call(self.one_of("any", "all"), (self.comparison(self.path(), scalar()),)),
            lambda: ast.Call("contains", (self.path(), scalar())),
            lambda: ast.Call("any", (ast.Binary("=", ast.Call("keys", (self.path(),)), self.key()),)),
            lambda: ast.InList(self.path(), (scalar(), self.number_literal()), self.chance(4)),
            lambda: ast.Like(self.path(), self.pattern(), self.chance(3), self.chance(4)),
            lambda: ast.IsNull(self.path(), self.chance(2)),
        )

    def path(self) -> ast.Expr:
        """A value inside of a document."""
        steps: list[ast.Expr] = [self.key()]
        if self.chance(2):
            steps.append(self.one_of(self.key, self.index)())
        document: ast.Expr = self.name(is_json)
        for step in steps[: self.integer(0, 2)]:
            document = ast.Subscript(document, (step,))
        return document

    def key(self) -> ast.Expr:
        return ast.Literal(self.one_of("a", "l", "o", "b"))

    def number_literal(self) -> ast.Expr:
        return signed(self.one_of(0, 1, 2, -1, 1.5, True))

    def comparison(self, left: ast.Expr, right: ast.Expr) -> ast.Expr:
        return ast.Binary(self.one_of(*_COMPARISONS), left, right)

    def flags(self, depth: int) -> ast.Expr:
        """An array of bools per row."""
        options: list[Callable[[], ast.Expr]] = [
            lambda: self.comparison(self.array(depth - 1), self.number(depth - 1)),
            lambda: ast.InList(self.array(depth - 1), self.number_items()),
            lambda: ast.Between(self.array(depth - 1), self.number(0), self.number(0)),
        ]
        if self.has(is_label_array):
            options.append(lambda: self.comparison(self.name(is_label_array), self.class_name()))
        if self.has(is_text_list):
            options.append(lambda: self.comparison(self.name(is_text_list), self.text()))
            options.append(lambda: ast.Like(self.name(is_text_list), self.pattern()))
        if self.has(is_bool_array):
            options.append(lambda: self.name(is_bool_array))
        if depth > 0:
            options += [
                lambda: self.comparison(self.array(depth - 1), self.array(depth - 1)),
                lambda: ast.Binary(self.one_of("and", "or"), self.flags(0), self.flags(0)),
                lambda: ast.Binary(self.one_of("and", "or"), self.flags(0), self.predicate(0)),
                lambda: ast.Unary("not", self.flags(depth - 1)),
                lambda: ast.Call("logical_and", (self.flags(0), self.flags(0))),
                lambda: ast.Call("logical_or", (self.flags(0), self.predicate(0))),
            ]
        if depth > 0 and self.has(is_matrix):
            options.append(lambda: ast.Call(self.one_of("any", "all"), (self.name(is_matrix), self.axis())))
        return self.one_of(*options)()

    # --- numbers and arrays --------------------------------------------------------------------------------

    def number(self, depth: int) -> ast.Expr:
        """One number or bool per row."""
        options: list[Callable[[], ast.Expr]] = [self.constant]
        if self.has(is_number):
            options += [lambda: self.name(is_number)] * 2
        if depth > 0 and self.has(is_json):
            options.append(lambda: ast.Binary(self.one_of("+", "-", "*"), self.path(), self.number_literal()))
            options.append(lambda: ast.Call(self.one_of("sum", "amax", "count"), (self.path(),)))
        if depth > 0:
            options += [
                lambda: ast.Binary(
                    self.one_of("+", "-", "*", "/"), self.number(depth - 1), self.number(depth - 1)
                ),
                lambda: ast.Binary("%", self.number(depth - 1), ast.Literal(self.one_of(2, 3, 1.5))),
                lambda: ast.Unary("-", self.number(depth - 1)),
                lambda: ast.Call(self.one_of("abs", "sqrt"), (self.number(depth - 1),)),
                lambda: ast.Call("row_number", ()),
                self.weight,
            ]
        if depth > 0 and self.has(is_array):
            options += [
                self.element,
                self.element,
                lambda: ast.Subscript(ast.Call("shape", (self.name(is_any_array),)), (self.index(),)),
                lambda: ast.Call(self.reduction(), (self.array(depth - 1),)),
                lambda: ast.Call(self.reduction(), (self.array(depth - 1),)),
                lambda: ast.Call(self.one_of("dot", "hamming_distance"), (self.name(is_array),) * 2),
            ]
        return self.one_of(*options)()

    def weight(self) -> ast.Expr:
        cases = [ast.WeightCase(self.predicate(0), self.constant()) for _ in range(self.integer(1, 3))]
        return ast.WeightCases(self.one_of("max_weight", "sum_weight"), tuple(cases))

    def reduction(self) -> str:
        return self.one_of("sum", "prod", "avg", "amin", "amax", "count", "l1_norm", "l2_norm", "linf_norm")

    def element(self) -> ast.Expr:
        """`x[i]`, `x[i, j]` or `x[i][j]`: one number."""
        name = self.name(is_array)
        indices = tuple(self.index() for _ in range(self.columns[name.name].rank or 0))
        if self.chance(2):
            return ast.Subscript(name, indices)
        result: ast.Expr = name
        for index in indices:
            result = ast.Subscript(result, (index,))
        return result

    def index(self) -> ast.Expr:
        use_column = "id" in self.columns and self.columns["id"].is_scalar and self.chance(6)
        return ast.Name("id") if use_column else signed(self.integer(-3, 3))

    def array(self, depth: int) -> ast.Expr:
        """An array of numbers per row."""
        if not self.has(is_array):
            return self.array_literal()
        options: list[Callable[[], ast.Expr]] = [lambda: self.name(is_array)]
        if depth > 0:
            options += [
                lambda: ast.Binary(self.one_of("+", "-", "*", "/"), self.array(depth - 1), self.number(0)),
                lambda: ast.Binary(self.one_of("+", "-", "*"), self.array(0), self.array(0)),
                lambda: ast.Unary("-", self.array(depth - 1)),
                lambda: ast.Call(self.one_of("abs", "sqrt"), (self.array(depth - 1),)),
                lambda: ast.Call("shape", (self.name(is_any_array),)),
                self.part,
                self.part,
                self.array_literal,
            ]
        if depth > 0 and self.has(is_list):
            options.append(lambda: self.gathered(self.name(is_list)))
        if depth > 0 and self.has(is_matrix):
            options.append(
                lambda: ast.Call(self.one_of("sum", "amax", "any"), (self.name(is_matrix), self.axis()))
            )
        return self.one_of(*options)()

    def part(self) -> ast.Expr:
        """`x[a:b]`, `x[i, a:b]`, `x[a:b, i]`: an array in the place of an array."""
        name = self.name(is_array)
        rank = self.columns[name.name].rank or 0
        items: list[ast.Expr | ast.Slice] = [self.slice()]
        if rank > 1:
            items.insert(self.integer(0, 1), self.one_of(self.index, self.slice)())
        return ast.Subscript(name, tuple(items))

    def gathered(self, name: ast.Name) -> ast.Expr:
        """Positions of elements, or the elements at those positions."""
        positions = ast.Call("nonzero", (name,))
        return ast.Subscript(name, (positions,)) if self.chance(2) else positions

    def axis(self) -> ast.Expr:
        return signed(self.one_of(-2, -1, 0, 1))

    def array_literal(self) -> ast.Expr:
        return ast.ArrayLiteral(tuple(ast.Literal(self.integer(0, 3)) for _ in range(self.integer(1, 3))))

    def slice(self) -> ast.Slice:
        start = None if self.chance(3) else signed(self.integer(-3, 3))
        stop = None if self.chance(3) else signed(self.integer(-3, 3))
        step = signed(self.one_of(-2, -1, 1, 2)) if self.chance(3) else None
        return ast.Slice(start, stop, step)

    def constant(self) -> ast.Expr:
        return signed(self.one_of(*_NUMBERS))

    def number_items(self) -> tuple[ast.Expr, ...]:
        return tuple(self.constant() for _ in range(self.integer(1, 4)))

    # --- text and labels -----------------------------------------------------------------------------------

    def text(self) -> ast.Expr:
        if self.has(is_text_list) and self.chance(4):
            return ast.Subscript(self.name(is_text_list), (self.index(),))
        return self.name(is_text) if self.has(is_text) and self.chance(3) else self.text_literal()

    def text_literal(self) -> ast.Expr:
        return ast.Literal(self.one_of(*STRINGS))

    def text_items(self) -> tuple[ast.Expr, ...]:
        return tuple(self.text_literal() for _ in range(self.integer(1, 3)))

    def pattern(self) -> ast.Expr:
        return ast.Literal(self.one_of(*_PATTERNS))

    def class_name(self) -> ast.Expr:
        return ast.Literal(self.one_of(*CLASS_NAMES))


def signed(value: bool | int | float) -> ast.Expr:
    """A literal, its sign as an operator as the grammar has it."""
    if not isinstance(value, bool) and value < 0:
        return ast.Unary("-", ast.Literal(-value))
    return ast.Literal(value)


def is_text(type_: Type) -> bool:
    return type_.element == "text" and type_.is_scalar


def is_text_list(type_: Type) -> bool:
    return type_.element == "text" and not type_.is_scalar


def is_label(type_: Type) -> bool:
    return type_.class_names is not None and type_.is_single


def is_label_array(type_: Type) -> bool:
    return type_.class_names is not None and not type_.is_single


def is_json(type_: Type) -> bool:
    return type_.element == "json" and type_.is_scalar


def is_number(type_: Type) -> bool:
    return type_.is_numeric and type_.is_single


def is_bool(type_: Type) -> bool:
    return type_.element == "bool" and type_.is_scalar


def is_any_array(type_: Type) -> bool:
    return not type_.is_scalar


def is_array(type_: Type) -> bool:
    return type_.is_numeric and not type_.is_scalar


def is_list(type_: Type) -> bool:
    return is_array(type_) and type_.rank == 1


def is_matrix(type_: Type) -> bool:
    return is_array(type_) and type_.rank == 2


def is_bool_array(type_: Type) -> bool:
    return type_.element == "bool" and not type_.is_scalar
