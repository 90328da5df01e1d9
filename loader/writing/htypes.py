"""What each htype asks of its values: dtype, rank, compressions; and what a new tensor starts with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from tql.loader.media import AUDIO_CODECS, MEDIA_CODECS, NIFTI_CODECS, VIDEO_CODECS
from tql.loader.sources.v3.meta import IMAGE_CODECS

Kind = Literal["array", "image", "labels", "polygon", "text", "json", "list", "tag"]

BYTES = ("lz4",)
PICTURES = (*IMAGE_CODECS, *BYTES)
CODECS = (*PICTURES, *MEDIA_CODECS)


@dataclass(frozen=True, slots=True)
class Htype:
    """One htype.

    Attributes:
        kind: how values become bytes.
        dtype: of the elements unless another is asked for, None where the first value decides.
        ranks: allowed numbers of axes of an item, empty for any.
        last: extent of the last axis, None for any.
        codecs: allowed compressions, of items or of chunks; those of `MEDIA_CODECS` of items only.
        default_codec: that of items where none is asked for.
        properties: what `tensor_info.json` starts with.
        defaults: fields of the meta that only this htype has.
    """

    kind: Kind
    dtype: str | None = None
    ranks: tuple[int, ...] = ()
    last: tuple[int, ...] = ()
    codecs: tuple[str, ...] = PICTURES
    default_codec: str | None = None
    properties: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    defaults: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def one_rank(self) -> int | None:
        """The number of axes of an item where the htype alone tells it."""
        return self.ranks[0] if len(self.ranks) == 1 else None


_NAMES: dict[str, Any] = {"class_names": []}
_COORDS: dict[str, Any] = {"coords": {}}
_VECTOR_INDEX: dict[str, Any] = {"vdb_indexes": []}
_KEYPOINTS: dict[str, Any] = {"keypoints": [], "connections": []}

HTYPES: dict[str, Htype] = {
    "generic": Htype("array"),
    "image": Htype("image", None, (2, 3), properties={"intrinsics": None}),
    "image.rgb": Htype("image", "uint8", (3,)),
    "image.gray": Htype("image", "uint8", (2, 3)),
    "class_label": Htype(
        "labels", "uint32", (1,), codecs=BYTES, properties=_NAMES, defaults={"_disable_temp_transform": False}
    ),
    "bbox": Htype("array", "float32", (2,), (4,), BYTES, properties=_COORDS),
    "bbox.3d": Htype("array", "float32", (2,), (8,), BYTES, properties=_COORDS),
    "embedding": Htype("array", "float32", (1,), codecs=BYTES, defaults=_VECTOR_INDEX),
    "binary_mask": Htype("image", "bool"),
    "segment_mask": Htype("labels", "uint32", properties=_NAMES),
    "instance_label": Htype("array", "uint32"),
    "keypoints_coco": Htype("array", "int32", (2,), codecs=BYTES, properties=_KEYPOINTS),
    "point": Htype("array", "int32", (2,), (2, 3), BYTES),
    "polygon": Htype("polygon", "float32", (3,), codecs=BYTES),
    "intrinsics": Htype("array", "float32"),
    "text": Htype("text", "str", codecs=BYTES, defaults=_VECTOR_INDEX),
    "json": Htype("json", "Any", codecs=BYTES),
    "list": Htype("list", "List", codecs=BYTES),
    "tag": Htype("tag", "List", codecs=BYTES),
    "video": Htype("array", "uint8", (4,), codecs=VIDEO_CODECS),
    "audio": Htype("array", "float64", (1, 2), codecs=AUDIO_CODECS),
    "dicom": Htype("array", None, (3, 4), codecs=("dcm",), default_codec="dcm"),
    "nifti": Htype("array", codecs=NIFTI_CODECS),
    "point_cloud": Htype("array", "float32", (2,), codecs=("las",)),
    "mesh": Htype("array", codecs=("ply", "stl"), default_codec="ply"),
}
