"""The bytes behind a link: a local file, or what a web server sends, within a time and a size."""

from __future__ import annotations

import os
import stat
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from tql.errors import StorageError, UnsupportedError

_PIECE = 1 << 18


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Reads what links lead to.

    Args:
        base: the folder that relative paths start from.
        timeout: seconds that one file may take.
        max_bytes: size that one file may have.
    """

    base: Path
    timeout: float
    max_bytes: int

    def __call__(self, link: str) -> bytes:
        """The bytes of one file.

        Raises:
            StorageError: there is no such file, it is too large, or the server does not send it in time.
            UnsupportedError: for another place than a local file, http or https.
        """
        scheme, separator, rest = link.partition("://")
        if not separator:
            return self._local(link)
        if scheme == "file":
            return self._local(urllib.request.url2pathname(rest.removeprefix("localhost")))
        if scheme in ("http", "https"):
            return self._remote(link)
        raise UnsupportedError(f"links to {scheme} can't be followed: '{link}'")

    def _local(self, link: str) -> bytes:
        try:
            path = self.base / os.path.expanduser(link)
            if not stat.S_ISREG(path.stat().st_mode):
                raise StorageError(f"a link leads to what is no file: '{link}'")
            with open(path, "rb") as handle:
                data = handle.read(self.max_bytes + 1)
        except (OSError, ValueError) as error:
            if isinstance(error, StorageError):
                raise
            reason = (getattr(error, "strerror", None) or str(error)).lower()
            hint = f"relative paths start from '{self.base}'; base=... names another folder"
            raise StorageError(f"a link can't be followed, {reason}: '{link}'", hint=hint) from None
        return self._checked(data, link)

    def _remote(self, link: str) -> bytes:
        end, pieces, size = time.monotonic() + self.timeout, [], 0
        try:
            with _opener().open(link, timeout=self.timeout) as answer:
                while piece := answer.read1(_PIECE):
                    pieces.append(piece)
                    size += len(piece)
                    if size > self.max_bytes:
                        break
                    if time.monotonic() > end:
                        raise TimeoutError("timed out")
        except urllib.error.HTTPError as error:
            error.close()
            raise StorageError(f"the server answers {error.code} {error.reason}: '{link}'") from None
        except (OSError, HTTPException, ValueError) as error:
            reason = str(getattr(error, "reason", None) or error).lower()
            raise StorageError(f"a link can't be followed, {reason}: '{link}'") from None
        return self._checked(b"".join(pieces), link)

    def _checked(self, data: bytes, link: str) -> bytes:
        if len(data) > self.max_bytes:
            raise StorageError(f"a file is larger than {self.max_bytes} bytes: '{link}'")
        return data


def _opener() -> urllib.request.OpenerDirector:
    """For http and https alone: the standard one would follow a server to local files too."""
    opener = urllib.request.OpenerDirector()
    opener.addheaders = [("User-Agent", "tql")]
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener
