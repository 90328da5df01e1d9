"""Links are texts until they are followed; then their files are read, from disk or from a web server."""

from __future__ import annotations

import http.server
import pickle
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import tql
from tql.errors import ArgumentError, FormatError, StorageError, UnsupportedError
from tql.loader.fetching import Fetcher
from v3_fixtures import ARCHIVES, assert_rows_equal, unpack


@pytest.fixture
def links(tmp_path: Path) -> Path:
    return unpack("links", tmp_path)


def pixels(file: Path) -> np.ndarray:
    return np.asarray(Image.open(file))


def test_links_are_texts_until_they_are_followed(links: Path) -> None:
    ds = tql.load(links / "ds")
    assert str(ds.schema.type_of("link")) == "text"
    followed = ds.with_links(links)
    assert str(followed.schema.type_of("link")) == "uint8[,,]"
    images = [pixels(links / f"files/{number}.png") for number in range(4)]
    assert_rows_equal(list(followed["link"]), images[: len(ds)])
    assert_rows_equal(list(followed[[1, 0]]["link"]), [images[1], images[0]])
    assert_rows_equal(list(followed["clips"]), [images[:2], images[2:3]])
    assert followed.stored_bytes("link", 1) == (links / "files/1.png").read_bytes()
    assert_rows_equal(list(pickle.loads(pickle.dumps(followed))["link"]), images[: len(ds)])
    assert followed.query("select * where shape(link)[0] > 0").indices.tolist() == [0, 1]


def test_several_files_that_are_one_picture(tmp_path: Path) -> None:
    with zipfile.ZipFile(ARCHIVES.parent / "v3_forms.zip") as archive:
        archive.extractall(tmp_path)
    big = tql.load(tmp_path / "ds").with_links(tmp_path)["big"]
    rows = [
        np.concatenate([pixels(tmp_path / f"files/{i}{j}.png") for j in range(3)], axis=1) for i in range(2)
    ]
    assert_rows_equal(
        list(big), [np.concatenate(rows), pixels(tmp_path / "files/00.png"), np.zeros((0, 0, 0), np.uint8)]
    )


def test_what_is_not_there_or_no_picture(links: Path, tmp_path: Path) -> None:
    (links / "files/1.png").write_bytes(b"no picture")
    followed = tql.load(links / "ds").with_links(links)
    with pytest.raises(FormatError, match=r"'files/1\.png'"):
        followed["link"]
    (links / "files/1.png").unlink()
    with pytest.raises(StorageError) as caught:
        followed["link"]
    assert str(caught.value) == (
        "a link can't be followed, no such file or directory: 'files/1.png'\n"
        f"  relative paths start from '{links}'; base=... names another folder"
    )
    (links / "files/1.png").mkdir()
    with pytest.raises(StorageError, match="leads to what is no file"):
        followed["link"]
    with pytest.raises(ArgumentError, match="only Deep Lake v3 datasets have links"):
        tql.from_numpy({"a": np.arange(2)}).with_links()


class _Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:  # the name that the base class calls
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/file")
            self.end_headers()
        elif self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "file:///etc/hostname")
            self.end_headers()
        elif self.path in ("/file", "/slow"):
            self.send_response(200)
            self.end_headers()
            for _ in range(40):
                self.wfile.write(b"x" * 25)
                if self.path == "/slow":
                    time.sleep(0.05)
        else:
            self.send_error(404)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    served = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    thread = threading.Thread(target=served.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{served.server_port}"
    served.shutdown()
    thread.join()
    served.server_close()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def test_files_of_a_web_server(server: str, tmp_path: Path) -> None:
    fetch = Fetcher(tmp_path, 30, 1000)
    assert fetch(f"{server}/file") == fetch(f"{server}/moved") == b"x" * 1000
    with pytest.raises(StorageError, match="the server answers 404"):
        fetch(f"{server}/nothing")
    with pytest.raises(StorageError):
        fetch(f"{server}/away")
    with pytest.raises(StorageError, match="larger than 999 bytes"):
        Fetcher(tmp_path, 30, 999)(f"{server}/file")
    with pytest.raises(StorageError, match="timed out"):
        Fetcher(tmp_path, 0.3, 1000)(f"{server}/slow")
    with pytest.raises(StorageError, match="can't be followed"):
        fetch("http://127.0.0.1:1/file")


def test_files_of_the_disk(tmp_path: Path) -> None:
    (tmp_path / "a b").write_bytes(b"data")
    fetch = Fetcher(tmp_path, 30, 1000)
    assert fetch("a b") == fetch(str(tmp_path / "a b")) == fetch((tmp_path / "a b").as_uri()) == b"data"
    with pytest.raises(StorageError, match="larger than 3 bytes"):
        Fetcher(tmp_path, 30, 3)("a b")
    for link in ("\0", "nothing", "."):
        with pytest.raises(StorageError):
            fetch(link)
    with pytest.raises(UnsupportedError, match="links to s3 can't be followed: 's3://bucket/key'"):
        fetch("s3://bucket/key")
