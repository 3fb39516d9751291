"""What the environment says about the way to the Hub: what is wrong with it, and how to speak of it.

Addresses may hold a user name and a password (`https://name:secret@host`), which no message and no log may repeat.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies

WEB = ("http", "https")
SOCKS = ("socks5", "socks5h")
NUMBERS = ("HF_HUB_DOWNLOAD_TIMEOUT", "HF_HUB_ETAG_TIMEOUT")
"""Variables that `huggingface_hub` reads as whole numbers when it is imported."""
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
PROXIES = ("http", "https", "all")
TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")

# Up to the last @, since passwords are not always escaped; rather a part of the path too much than one of a password.
_LOGIN = re.compile(r"(?<=://)[^\s'\"<>]*@")


def without_logins(text: str) -> str:
    """A text whose addresses have lost their user names and passwords."""
    for address in (os.environ.get("HF_ENDPOINT", "").rstrip("/"), *_proxies().values()):
        if "@" in address:
            text = text.replace(address, shown(address))
    return _LOGIN.sub("", text)


def shown(address: str) -> str:
    """One address without user name and password, even if it is malformed."""
    login, _, rest = address.rpartition("@")
    scheme, separator, _ = login.partition("://")
    return scheme + separator + rest if separator else rest


def fault(endpoint: str) -> str | None:
    """What in the environment keeps everybody from the Hub, in words; None if nothing does."""
    return next(_faults(endpoint), None)


def keep_logins_out_of_logs(*names: str) -> None:
    """Let the loggers of these names tell addresses only without user names and passwords."""
    for name in names:
        logging.getLogger(name).addFilter(_strip)


def _faults(endpoint: str) -> Iterator[str]:
    if not _is_address(endpoint, WEB):
        yield (
            f"HF_ENDPOINT is '{shown(endpoint)}', which is no address of a server. Please unset it, or set it to one "
            "such as https://huggingface.co"
        )
    for name in NUMBERS:
        value = os.environ.get(name, "")
        if value and not value.strip().isdecimal():
            yield f"{name} is '{value}', which is no whole number of seconds. Please unset it, or correct it."
    for kind, address in _proxies().items():
        variable = f"{kind.upper()}_PROXY"
        if not _is_address(address if "://" in address else f"http://{address}", WEB + SOCKS):
            yield (
                f"{variable} is '{shown(address)}', which is no address of a proxy. Please unset it, or set it to one "
                "such as http://host:8080"
            )
        elif urlsplit(address).scheme in SOCKS and importlib.util.find_spec("socksio") is None:
            yield (
                f"{variable} names a SOCKS proxy, for which the package socksio is missing. Please install it "
                f"(pip install socksio), or unset {variable}."
            )
    for name in TOKENS:
        token = os.environ.get(name, "").strip()
        if not (token.isascii() and token.isprintable()):
            yield f"{name} holds characters that no access token has. Please set it to a valid one, or unset it."
    for name in CERTIFICATES:
        value = os.environ.get(name, "")
        if value and not Path(value).exists():
            yield f"{name} is '{value}', where there is nothing. Please unset it, or correct it."


def _proxies() -> dict[str, str]:
    return {kind: address for kind, address in getproxies().items() if kind in PROXIES and address}


def _is_address(text: str, schemes: tuple[str, ...]) -> bool:
    """Whether a text is an address of one of these schemes, with a host and, if at all, a possible port."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
        host.encode("idna")
    except ValueError:
        return False
    return parts.scheme.lower() in schemes and bool(host) and text.isprintable() and " " not in text


def _strip(record: logging.LogRecord) -> bool:
    record.msg, record.args = without_logins(record.getMessage()), None
    return True
