"""Video, audio, medical and 3D files: what their headers say, and their values (extra `tql[media]`)."""

from tql.loader.media.files import (
    AUDIO_CODECS,
    MEDIA_CODECS,
    NIFTI_CODECS,
    VIDEO_CODECS,
    MediaError,
    decode_media,
    describe_media,
)

__all__ = [
    "AUDIO_CODECS",
    "MEDIA_CODECS",
    "NIFTI_CODECS",
    "VIDEO_CODECS",
    "MediaError",
    "decode_media",
    "describe_media",
]
