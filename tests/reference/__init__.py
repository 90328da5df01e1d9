"""The reference engine: TQL evaluated row by row over plain values, slow and obvious.

It is the specification that the compiler and the engine are tested against, so it is written from the
language reference alone and shares nothing with them but the syntax tree, the type names and the error
classes. Each module names the section it implements. Not covered: joins, GROUP BY and UNGROUP BY, search
indexes.
"""

from __future__ import annotations

from reference.relations import Sample
from reference.statements import ReferenceGapError, ReferenceResult, evaluate
from reference.table import Json, Table, Value

__all__ = ["Json", "ReferenceGapError", "ReferenceResult", "Sample", "Table", "Value", "evaluate"]
