"""The reference engine: TQL evaluated row by row over plain values, slow and obvious.

It is the specification that the compiler and the engine are tested against, so it is written from the
language reference alone and shares nothing with them but the syntax tree, the type names and the error
classes. Each module names the section it implements. It leaves open what RANDOM gives, and a draw below the
top of a query where more than one draw is possible.
"""

from __future__ import annotations

from reference.relations import Sample
from reference.scope import HostFunction
from reference.sources import ReferenceGapError
from reference.statements import ReferenceResult, evaluate
from reference.table import Json, Nested, Table, Value

__all__ = [
    "HostFunction", "Json", "Nested", "ReferenceGapError", "ReferenceResult", "Sample", "Table", "Value",
    "evaluate",
]  # fmt: skip
