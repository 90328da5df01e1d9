"""The reference engine: TQL evaluated row by row over plain values, slow and obvious.

It is the specification that the compiler and the engine are tested against, so it is written from the language
reference alone and shares nothing with them but the syntax tree, the type names and the error classes. Each
module quotes the section it implements. Not covered: joins, GROUP BY and UNGROUP BY, search indexes.
"""

from __future__ import annotations

from reference.statements import ReferenceGap, ReferenceResult, Sample, evaluate
from reference.table import Json, Table, Value

__all__ = ["Json", "ReferenceGap", "ReferenceResult", "Sample", "Table", "Value", "evaluate"]
