from tql.planner.expressions import Call, Column, Constant, Expression
from tql.schema import Schema


def shape_from_metadata(x: Call, schema: Schema) -> Expression:
    """Answer shape() without reading values.

        where shape(images)[0] > 100   ->   the same on the stored shapes: no image is decoded
        where shape(images)[0] > 100   ->   where 28 > 100     (all images are 28x28)

    Not where the storage keeps no shapes, nor for columns with NULLs, whose shape is NULL.
    """
    column = x.operands[0]
    if not isinstance(column, Column) or column.facet != "values" or column.type.nullable:
        return x
    if column.type.is_fixed:
        return Constant(x.type, column.type.shape or (), span=x.span)  # type: ignore[arg-type]
    if not schema[column.name].shape_in_metadata:
        return x
    return Column(x.type, column.name, "shape", span=x.span)
