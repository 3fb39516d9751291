"""An environment that leads nowhere is named, and its passwords are not."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

import pytest
from hub_server import HubServer, environment, point_to
from hub_specs import REPOSITORY, WEIGHTS
from huggingface_hub import constants
from huggingface_hub.utils import close_session
from processes import start

from diffdemo.errors import DownloadError
from diffdemo.hub import client, settings
from diffdemo.hub.library import Library

SECRETS = ("jane", "s3cret")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://huggingface.co", "https://huggingface.co"),
        ("https://jane:s3cret@host:80/a", "https://host:80/a"),
        ("https://jane@host", "https://host"),
        ("https://jane:s3cr@et@host", "https://host"),
        ("https://jane:s3c/ret@host", "https://host"),
        ("jane:s3cret@host", "host"),
        ("https://jane:s3 cret@host", "https://host"),
        ("", ""),
    ],
)
def test_an_address_is_shown_without_its_login(address: str, shown: str) -> None:
    assert settings.shown(address) == shown


def test_logins_are_taken_out_of_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "jane:s3 cret@proxy")
    text = "GET 'https://jane:s3cret@host/a' by jane:s3 cret@proxy and http://plain/b failed"
    assert settings.without_logins(text) == "GET 'https://host/a' by proxy and http://plain/b failed"


WRONG = [
    ("HF_ENDPOINT", "huggingface.co"),
    ("HF_ENDPOINT", ""),
    ("HF_ENDPOINT", "http://"),
    ("HF_ENDPOINT", "http://[::1"),
    ("HF_ENDPOINT", "http://host:port"),
    ("HF_ENDPOINT", "http://host:99999"),
    ("HF_ENDPOINT", "http://jane:s3/cret@host"),
    ("HF_ENDPOINT", "ftp://jane:s3cret@host"),
    ("HF_ENDPOINT", "jane:s3cret@host"),
    ("HF_ENDPOINT", "http://ü..ä"),
    ("HF_HUB_DOWNLOAD_TIMEOUT", "soon"),
    ("HF_TOKEN", "hf_ü"),
    ("HF_TOKEN", "hf_a\x01b"),
    ("HTTP_PROXY", "foo://:bad"),
    ("HTTPS_PROXY", "http://a b c"),
    ("HTTPS_PROXY", "http://jane:s3cret@host:port"),
    ("ALL_PROXY", "socks4://jane:s3cret@host:1"),
    ("ALL_PROXY", "socks5://jane:s3cret@127.0.0.1:9"),
    ("all_proxy", "socks5h://127.0.0.1:9"),
    ("SSL_CERT_FILE", "/nothing/here"),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_what_is_wrong_in_the_environment_is_named(
    name: str, value: str, library: Library, hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setenv(name, value)
    found = settings.fault(value if name == "HF_ENDPOINT" else hub.url)
    assert found is not None
    assert name.upper() in found
    assert "lease" in found, "it says what to do"
    assert not any(part in found for part in SECRETS)
    monkeypatch.delenv(name)
    assert settings.fault(hub.url) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HF_TOKEN", "hf_abc\n"),
        ("HTTPS_PROXY", "proxy:8080"),
        ("HTTPS_PROXY", "http://jane:s3cret@proxy"),
        ("HF_HUB_ETAG_TIMEOUT", "30"),
        ("NO_PROXY", "*"),
    ],
)
def test_what_is_right_is_no_fault(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    assert settings.fault("https://jane:s3cret@hub.example:8080/mirror") is None


@pytest.mark.parametrize("name", ["ALL_PROXY", "HTTP_PROXY", "HF_TOKEN"])
def test_a_download_says_it(name: str, library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    value = {"ALL_PROXY": "socks5://127.0.0.1:9", "HTTP_PROXY": "foo://:bad", "HF_TOKEN": "hf_ü"}[name]
    monkeypatch.setenv(name, value)
    if name == "ALL_PROXY":
        monkeypatch.setitem(sys.modules, "socksio", None)
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    close_session()  # The next one reads the environment.
    for _ in range(2):
        with pytest.raises(DownloadError, match=name):
            list(library.download("pixels"))


@pytest.mark.parametrize(
    ("variable", "value"),
    [("HF_ENDPOINT", "http://jane:s3/cret@host"), ("HF_ENDPOINT", "http://h:99999"), ("HF_HUB_ETAG_TIMEOUT", "soon")],
)
def test_an_environment_that_the_client_cannot_even_be_imported_with(variable: str, value: str, tmp_path: Path) -> None:
    variables = os.environ | environment("http://127.0.0.1:9", tmp_path) | {variable: value}
    process = start("models", "--refresh", env=variables, anew=["diffdemo", "huggingface_hub"])
    out, err = process.communicate(timeout=300)
    assert (process.returncode, out) == (1, "")
    assert err.startswith(f"diffdemo: {variable} is ")
    assert err.count("\n") == 1
    assert not any(part in err for part in SECRETS)


FAILURES = {
    "gone": {"status": 404, "code": "RepoNotFound"},
    "unauthorised": {"status": 401},
    "forbidden": {"status": 403},
    "trouble": {"status": 503},
    "a pause": {"status": 429},
    "odd": {"status": 418},
    "cut": {"cut_after": 0, "on": "bytes"},
    "silent": {"seconds_per_piece": 1.0, "on": "bytes"},
    "others": {"content": b"{}", "on": "bytes"},
    "no entry": {"status": 404, "code": "EntryNotFound", "on": "resolve"},
}


@pytest.mark.parametrize("kind", [*FAILURES, "unreached", "not the Hub", "none"])
def test_no_failure_tells_a_password(
    kind: str,
    library: Library,
    hub: HubServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    point_to(hub.url.replace("://", "://jane:s3cret@"), tmp_path / "home", monkeypatch)
    monkeypatch.setattr("hub_protocol.Handler._token", lambda self: "")  # A login is none, and whose does not matter.
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.2)
    monkeypatch.setattr(client, "ANSWER_SECONDS", 0.5)
    caplog.set_level(logging.INFO)
    if kind in FAILURES:
        for path in (None, WEIGHTS):
            hub.behave(REPOSITORY, path, **FAILURES[kind])
    elif kind == "unreached":
        point_to("http://jane:s3cret@127.0.0.1:9", tmp_path / "home", monkeypatch)
    elif kind == "not the Hub":
        monkeypatch.setattr("hub_protocol.Handler._about", lambda self, *rest: self._answer(200, b"{}", {}))
    try:
        list(library.download("pixels"))
        text = ""
    except DownloadError as error:
        text = str(error)
    assert bool(text) == (kind != "none")
    assert "HTTP Request" in caplog.text or kind == "unreached", "there is something to look at"
    said = capfd.readouterr()
    for part in SECRETS:
        assert part not in text + caplog.text + said.out + said.err
