"""The record that declares one function or operator, and the small vocabulary its fields are written in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tql.types import Type

Accepts = Literal[
    "value", "number", "numeric array", "text", "pattern", "axis", "condition",
    "array", "matrix", "json", "column", "row",
]  # fmt: skip
"""What an argument may be.

`value`: anything that can be computed with; `number`: numbers or bools, any shape; `numeric array`: the same,
at least one axis; `text`: text or a list of text; `pattern`: constant text; `axis`: a constant integer;
`condition`: anything WHERE takes; `array`: at least one axis; `matrix`: numbers or bools, two axes; `json`:
one document; `column`: the name of a column; `row`: a constant integer.
"""

Conversion = Literal[
    "none", "compare", "promote", "divide", "float", "count", "similar", "similar floats", "bits", "bool",
]  # fmt: skip
"""How the elements of the arguments are brought together before the kernel sees them.

`none`: as they are; `compare`: to a kind in which values compare exactly (language reference, section 6);
`promote`: section 3; `divide`: promoted, integers to float64; `float`: float32 stays, all else float64;
`count`: bool to int64, all else stays; `similar`: promoted, an array literal follows the other side's float
type; `similar floats`: the same, integers to float64; `bits`: integers, floats are cast to int64; `bool`:
elements count by truth.
"""

Nulls = Literal["null", "false", "never"]
"""What a NULL argument gives: NULL; the same as false; or the result is never NULL whatever comes in."""

Family = Literal[
    "comparison", "arithmetic", "logic", "text", "array", "reduction", "similarity", "json", "row", "plan"
]

ResultType = Callable[[Sequence[Type], Mapping[str, Any]], Type]
"""Argument types (after conversion) and constant options to the result type; `Nulls` adds `nullable`."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a function."""

    name: str
    accepts: Accepts = "value"
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Function:
    """One function or operator of the language, or one kernel that only the planner writes.

    Attributes:
        name: its name in a query, lower case; the symbol of an operator.
        kernel: name of the engine's kernel (docs/plan-format.md).
        parameters: in order; optional ones last.
        result: result type as a function of the argument types.
        help: one line for people.
        family: which file declares it.
        conversion: how the arguments are brought together.
        aliases: other names of the same function.
        more_kernels: further kernels that the binder or a rule picks by the types of the arguments.
        nulls: what NULL gives.
        nan: what NaN gives, one line, empty where no float can come in.
        deterministic: equal arguments always give an equal result.
        positional: the result depends on the row's place in the relation.
        fallible: a value can end the query with a run-time error.
        cost: relative cost per element, 1 for a comparison of two numbers.
        variadic: the last parameter may be repeated.
        spreads: a document counts as the list of its elements, a group as its values.
        section: of the language reference that states it; 0 for what no query can say.
        returns: what it gives, for people: the result type in words.
        example: a query that uses it.
        forms: how it is written, where `name(parameters)` is not how.
    """

    name: str
    kernel: str
    parameters: tuple[Parameter, ...]
    result: ResultType
    help: str
    family: Family
    conversion: Conversion = "none"
    aliases: tuple[str, ...] = ()
    more_kernels: tuple[str, ...] = ()
    nulls: Nulls = "null"
    nan: str = ""
    deterministic: bool = True
    positional: bool = False
    fallible: bool = False
    cost: float = 1.0
    variadic: bool = False
    spreads: bool = False
    section: int = 0
    returns: str = ""
    example: str = ""
    forms: tuple[str, ...] = ()

    @property
    def arity(self) -> tuple[int, int | None]:
        """Fewest and most arguments; None for any number."""
        fewest = sum(not p.optional for p in self.parameters)
        return fewest, None if self.variadic else len(self.parameters)

    @property
    def signature(self) -> str:
        """`name(x[, axis])`, or `a + b` for an operator."""
        names = [p.name for p in self.parameters]
        if not self.name[0].isalpha() and len(names) == 2:
            return f"{names[0]} {self.name} {names[1]}"
        required = ", ".join(p.name for p in self.parameters if not p.optional)
        optional = "".join(f"[, {p.name}]" for p in self.parameters if p.optional)
        return f"{self.name}({required}{optional}{', ...' if self.variadic else ''})"

    @property
    def signatures(self) -> tuple[str, ...]:
        """Every way to write it."""
        return self.forms or (self.signature,)
