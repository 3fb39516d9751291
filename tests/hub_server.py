"""A small server that speaks the protocol of the Hugging Face Hub, for the real client to talk to.

    with HubServer() as hub:
        hub.add("owner/name", {"config.json": b"{}", "model.safetensors": weights})
        hub.behave("owner/name", "model.safetensors", cut_after=1000, times=1)
        point_to(hub.url, tmp_path, monkeypatch)

Large files (by ending) are redirected to another host name, as the Hub does, where no access token may arrive.
"""

from __future__ import annotations

import hashlib
import threading
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hub_protocol import MEMBER, VISITOR, Behaviour, Handler, Repository, Request, git_name

__all__ = ["MEMBER", "VISITOR", "Behaviour", "HubServer", "Repository", "Request", "environment", "point_to"]


class HubServer:
    """Runs while its context does.

    Attributes:
        url: what HF_ENDPOINT has to be.
        page_size: entries of a tree listing that are sent at once.
    """

    def __init__(self) -> None:
        self.page_size = 1000
        self.repositories: dict[str, Repository] = {}
        self._behaviours: dict[tuple[str, str | None], list[Behaviour]] = {}
        self._requests: list[Request] = []
        self._sent: dict[str, int] = {}
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"hub": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.cdn = f"http://localhost:{self._server.server_port}/cdn"

    def __enter__(self) -> HubServer:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def add(
        self,
        repository: str,
        files: dict[str, bytes],
        *,
        gated: bool = False,
        private: bool = False,
        branch: str = "main",
    ) -> str:
        """Put files into a new repository, or a new commit into an old one; the name of the commit."""
        digest = hashlib.sha1("".join(path + git_name(files[path]) for path in sorted(files)).encode()).hexdigest()
        self.repositories[repository] = Repository(dict(files), gated, private, digest, {branch})
        return digest

    def behave(self, repository: str, path: str | None = None, **how: Any) -> None:
        """From now on, treat requests so; see `Behaviour`. The latest one that applies wins."""
        self._behaviours.setdefault((repository, path), []).append(Behaviour(**how))

    def calm(self) -> None:
        """Forget all behaviour, and what was counted."""
        with self._lock:
            self._behaviours.clear()
            self._requests.clear()
            self._sent.clear()

    @property
    def requests(self) -> list[Request]:
        """All that arrived since the start, or since `calm`."""
        return list(self._requests)

    def count(self, part: str = "", method: str = "") -> int:
        """Requests whose path contains this."""
        return sum(part in r.path and method in ("", r.method) for r in self.requests)

    def bytes_sent(self, repository: str, path: str) -> int:
        """Bytes of a file that went out, over all requests."""
        return self._sent.get(f"{repository}/{path}", 0)

    def behaviour(self, repository: str, path: str | None, kind: str) -> Behaviour:
        """What applies to a request; counts it."""
        with self._lock:
            for key in ((repository, path), (repository, None)):
                for how in reversed(self._behaviours.get(key, [])):
                    if how.applies(kind):
                        how.times = None if how.times is None else how.times - 1
                        return how
        return Behaviour()

    def note(self, request: Request) -> None:
        with self._lock:
            self._requests.append(request)

    def note_sent(self, repository: str, path: str, count: int) -> None:
        with self._lock:
            name = f"{repository}/{path}"
            self._sent[name] = self._sent.get(name, 0) + count


def environment(url: str, home: Path) -> dict[str, str]:
    """Variables with which a process talks to a server at `url` and keeps its cache below `home`."""
    return {
        "HF_ENDPOINT": url,
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "NO_PROXY": "127.0.0.1,localhost",
    }


def point_to(url: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the `huggingface_hub` of this process do so, which has read its environment long ago."""
    from huggingface_hub import constants
    from huggingface_hub.utils import close_session

    for name, value in environment(url, home).items():
        monkeypatch.setenv(name, value)
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_OFFLINE", "HF_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    values = {
        "ENDPOINT": url,
        "HUGGINGFACE_CO_URL_TEMPLATE": url + "/{repo_id}/resolve/{revision}/{filename}",
        "HF_HOME": str(home),
        "HF_HUB_CACHE": str(home / "hub"),
        "HF_TOKEN_PATH": str(home / "token"),
        "HF_STORED_TOKENS_PATH": str(home / "stored_tokens"),
        "HF_HUB_OFFLINE": False,
        "HF_HUB_DISABLE_XET": True,
    }
    for name, value in values.items():
        monkeypatch.setattr(constants, name, value)
    close_session()
