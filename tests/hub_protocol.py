"""What the Hugging Face Hub answers: the half of `hub_server` that knows the protocol."""

from __future__ import annotations

import functools
import hashlib
import json
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlsplit

LARGE = (".safetensors", ".bin", ".pt")
VISITOR, MEMBER = "hf_visitor", "hf_member"
"""Access tokens that the server knows: the second one's owner has accepted every licence."""
PIECE, LARGE_PIECE = 1024, 65_536
"""Bytes of a body that are sent at once: few where something is to happen between them."""


@dataclass
class Behaviour:
    """How requests for a file, or for everything in a repository, are treated; `times` counts down.

    Attributes:
        status, code, message: answered in place of the file.
        cut_after: bytes of the body after which the connection ends.
        seconds_per_piece: waited before each piece of 1024 bytes.
        content: sent in place of the file's own, under its old name and size.
        gate: waited for after the first `gate_after` bytes of the body.
        knows_ranges: whether a part of the file can be asked for.
        times: how often; None for always.
        on: "list" for requests about the repository, "resolve" for the first answer about a file, "bytes" for its
            body; "" for the first two if it is a refusal, and for the last if it is not.
    """

    status: int | None = None
    code: str = ""
    message: str = ""
    cut_after: int | None = None
    seconds_per_piece: float = 0.0
    content: bytes | None = None
    gate: threading.Event | None = None
    gate_after: int = 0
    knows_ranges: bool = True
    times: int | None = None
    on: str = ""

    def applies(self, kind: str) -> bool:
        usual = ("list", "resolve") if self.status else ("bytes",)
        return self.times != 0 and (kind == self.on if self.on else kind in usual)


@dataclass
class Repository:
    files: dict[str, bytes]
    is_gated: bool
    is_private: bool
    commit: str
    branches: set[str]


@dataclass(frozen=True)
class Request:
    """What arrived: path is decoded, start is that of a range, token as it was sent."""

    method: str
    path: str
    start: int
    token: str
    host: str


class Hub(Protocol):
    """What the protocol has to know about the server that speaks it."""

    url: str
    cdn: str
    page_size: int
    repositories: dict[str, Repository]

    def behaviour(self, repository: str, path: str | None, kind: str) -> Behaviour: ...

    def note(self, request: Request) -> None: ...

    def note_sent(self, repository: str, path: str, count: int) -> None: ...


class Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # Or every body waits until its headers have been acknowledged.

    def log_message(self, *arguments: object) -> None:
        """Stay silent."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        parts = [unquote(part) for part in url.path.strip("/").split("/")]
        host = self.headers.get("Host", "")
        self.hub.note(Request(self.command, "/".join(parts), self._start(), self._token(), host))
        with suppress(ConnectionError):
            if parts[:2] == ["api", "models"] and len(parts) >= 4:
                self._about("/".join(parts[2:4]), parts[4:], parse_qs(url.query))
            elif parts[0] == "cdn" and len(parts) >= 4:
                self._file("/".join(parts[1:3]), "/".join(parts[3:]), {})
            elif len(parts) >= 5 and parts[2] == "resolve":
                self._resolve("/".join(parts[:2]), parts[3], "/".join(parts[4:]))
            else:
                self._refuse(404, "", "Not found")

    def _about(self, name: str, rest: list[str], query: dict[str, list[str]]) -> None:
        """What a repository holds: as one object, or as a tree in pages."""
        repository = self._allowed(name, self.hub.behaviour(name, None, "list"))
        revision = rest[1] if len(rest) > 1 else "main"
        if repository is None:
            return
        if revision not in repository.branches | {repository.commit}:
            self._refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        elif rest[:1] == ["tree"]:
            self._tree(name, repository, query)
        else:
            with_sizes = query.get("blobs", ["false"])[0].lower() in ("true", "1")
            siblings = [_sibling(path, data, with_sizes) for path, data in repository.files.items()]
            self._json({"id": name, "modelId": name, "sha": repository.commit, "private": repository.is_private,
                        "gated": "auto" if repository.is_gated else False, "siblings": siblings})  # fmt: skip

    def _tree(self, name: str, repository: Repository, query: dict[str, list[str]]) -> None:
        first = int(query.get("cursor", ["0"])[0])
        entries = [_tree_entry(path, data) for path, data in repository.files.items()]
        headers = {}
        if first + self.hub.page_size < len(entries):
            rest = f"{self.hub.url}/api/models/{name}/tree/{repository.commit}"
            headers["Link"] = f'<{rest}?recursive=true&cursor={first + self.hub.page_size}>; rel="next"'
        self._json(entries[first : first + self.hub.page_size], headers)

    def _resolve(self, name: str, revision: str, path: str) -> None:
        repository = self._allowed(name, self.hub.behaviour(name, path, "resolve"), of_file=True)
        if repository is None:
            return
        if revision not in repository.branches | {repository.commit}:
            self._refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        elif path not in repository.files:
            self._refuse(404, "EntryNotFound", "Entry not found")
        elif path.endswith(LARGE):
            data = repository.files[path]
            self._answer(302, b"", {"Location": f"{self.hub.cdn}/{name}/{path}", "X-Repo-Commit": repository.commit,
                         "X-Linked-ETag": f'"{_sha256(data)}"', "X-Linked-Size": str(len(data))})  # fmt: skip
        else:
            self._file(name, path, {"X-Repo-Commit": repository.commit})

    def _file(self, name: str, path: str, headers: dict[str, str]) -> None:
        how = self.hub.behaviour(name, path, "bytes") if self.command == "GET" else Behaviour()
        if how.status:
            return self._refuse(how.status, how.code, how.message)
        right = self.hub.repositories[name].files[path]
        data = right if how.content is None else how.content
        start = self._start() if how.knows_ranges else 0
        if start and start >= len(data):
            return self._refuse(416, "", "Range not satisfiable")
        headers = {"ETag": f'"{_blob(path, right)}"', **headers}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        self._head(206 if start else 200, len(data) - start, headers)
        if self.command == "GET":
            self._body(name, path, data[start:], how)

    def _body(self, name: str, path: str, data: bytes, how: Behaviour) -> None:
        end = len(data) if how.cut_after is None else min(how.cut_after, len(data))
        size = PIECE if how.gate or how.seconds_per_piece else LARGE_PIECE
        for first in range(0, end, size):
            if how.gate is not None and first >= how.gate_after:
                how.gate.wait(300)
            time.sleep(how.seconds_per_piece)
            piece = data[first : min(first + size, end)]
            self.hub.note_sent(name, path, len(piece))  # Before: the client may be done a moment later.
            self.wfile.write(piece)
        if end < len(data):
            self.close_connection = True

    def _allowed(self, name: str, how: Behaviour, *, of_file: bool = False) -> Repository | None:
        """The repository, unless the answer is a refusal, which is then given."""
        token = self._token()
        repository = self.hub.repositories.get(name)
        if how.status:
            self._refuse(how.status, how.code, how.message)
        elif token and token not in (VISITOR, MEMBER):
            self._refuse(401, "", "Invalid credentials in Authorization header")
        elif repository is None or (repository.is_private and token != MEMBER):
            self._refuse(404 if token else 401, "RepoNotFound", "Repository not found")
        elif of_file and repository.is_gated and token != MEMBER:
            message = f"Access to model {name} is restricted."
            self._refuse(403 if token else 401, "GatedRepo", message)
        else:
            return repository
        return None

    def _token(self) -> str:
        return self.headers.get("Authorization", "").removeprefix("Bearer ")

    def _start(self) -> int:
        return int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])

    def _refuse(self, status: int, code: str, message: str) -> None:
        named = {"X-Error-Code": code, "X-Error-Message": message}
        self._answer(status, message.encode(), {k: v for k, v in named.items() if v})

    def _json(self, contents: object, headers: dict[str, str] | None = None) -> None:
        self._answer(200, json.dumps(contents).encode(), {"Content-Type": "application/json", **(headers or {})})

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self._head(status, len(body), headers)
        if self.command == "GET":
            self.wfile.write(body)

    def _head(self, status: int, length: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(length), **headers}.items():
            self.send_header(name, value)
        self.end_headers()


@functools.lru_cache(maxsize=1000)
def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@functools.lru_cache(maxsize=1000)
def git_name(data: bytes) -> str:
    return hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()


def _blob(path: str, data: bytes) -> str:
    return _sha256(data) if path.endswith(LARGE) else git_name(data)


def _sibling(path: str, data: bytes, with_sizes: bool) -> dict[str, object]:
    sibling: dict[str, object] = {"rfilename": path}
    if with_sizes:
        sibling |= {"size": len(data), "blobId": git_name(data)}
        if path.endswith(LARGE):
            sibling["lfs"] = {"sha256": _sha256(data), "size": len(data), "pointerSize": 134}
    return sibling


def _tree_entry(path: str, data: bytes) -> dict[str, object]:
    entry: dict[str, object] = {"type": "file", "path": path, "size": len(data), "oid": git_name(data)}
    if path.endswith(LARGE):
        entry["lfs"] = {"oid": _sha256(data), "size": len(data), "pointerSize": 134}
    return entry
