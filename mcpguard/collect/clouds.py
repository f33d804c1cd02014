"""The clouds: where each service answers, and for whom a token must be. Sovereign clouds or a file of endpoints.

Addresses: learn.microsoft.com/azure/azure-government/compare-azure-government-global-azure, learn.microsoft.com/azure/china/
resources-developer-guide, learn.microsoft.com/graph/deployments. Those of Foundry and Log Analytics outside the public cloud
are not verified; a file of endpoints overrides them.
"""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from mcpguard.core.errors import UsageError

ACCOUNT = "{account}"
"""Stands for the name of the Foundry account in its endpoint."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ENDPOINTS = ("arm", "graph", "foundry", "log_analytics", "authority")
_MODES = ("default", "static-token")
_HELP = "docs/collecting.md shows such a file"


class Cloud(msgspec.Struct, frozen=True):
    """Endpoints without a closing slash, and how to get tokens for them."""

    name: str
    arm: str
    graph: str
    foundry: str
    """With ``{account}`` where the name of the account stands, or a fixed address."""
    log_analytics: str
    authority: str
    foundry_audience: str = "https://ai.azure.com"
    token_env: str = ""
    """The environment variable that holds a token, for the mode ``static-token``; empty for signing in."""


_CLOUDS = {
    "public": Cloud(
        "public",
        "https://management.azure.com",
        "https://graph.microsoft.com",
        "https://{account}.services.ai.azure.com",
        "https://api.loganalytics.io",
        "https://login.microsoftonline.com",
    ),
    "usgov": Cloud(
        "usgov",
        "https://management.usgovcloudapi.net",
        "https://graph.microsoft.us",
        "https://{account}.services.ai.azure.us",
        "https://api.loganalytics.us",
        "https://login.microsoftonline.us",
        "https://ai.azure.us",
    ),
    "china": Cloud(
        "china",
        "https://management.chinacloudapi.cn",
        "https://microsoftgraph.chinacloudapi.cn",
        "https://{account}.services.ai.azure.cn",
        "https://api.loganalytics.azure.cn",
        "https://login.chinacloudapi.cn",
        "https://ai.azure.cn",
    ),
}
NAMES = tuple(_CLOUDS)


def cloud_of(text: str) -> Cloud:
    """The cloud of a name, or of a TOML file of endpoints.

    Raises:
        UsageError: neither a known name nor a file that can be used.
    """
    if text in _CLOUDS:
        return _CLOUDS[text]
    path = Path(text)
    if not path.is_file():
        raise UsageError(f"no cloud {text!r}", f"name one of {', '.join(NAMES)}, or a TOML file of endpoints; {_HELP}")
    return _read(path)


def _read(path: Path) -> Cloud:
    import tomllib

    try:
        with path.open("rb") as file:
            data = tomllib.load(file)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise UsageError(f"{path} is no TOML: {error}", _HELP) from None
    endpoints = _table(path, data, "endpoints", _ENDPOINTS)
    auth = _table(path, data, "auth", ("mode", "token_env"))
    if unknown := data.keys() - {"endpoints", "auth"}:
        raise UsageError(f"{path}: unknown table [{min(unknown)}]", "it may hold [endpoints] and [auth]")
    mode = auth.get("mode", "default")
    if mode not in _MODES:
        raise UsageError(f"{path}: no mode {mode!r} in [auth]", f"there are: {', '.join(_MODES)}")
    variable = auth.get("token_env", "")
    if (mode == "static-token") != bool(variable):
        raise UsageError(f'{path}: token_env goes with mode = "static-token", and only with it', _HELP)
    if variable and not _NAME.fullmatch(variable):
        raise UsageError(f"{path}: token_env is the name of an environment variable", _HELP)
    checked = {
        name: checked_endpoint(value, f"{path}: {name}", may_hold_account=name == "foundry")
        for name, value in endpoints.items()
    }
    return msgspec.structs.replace(_CLOUDS["public"], name=str(path), token_env=variable, **checked)


def _table(path: Path, data: dict[str, object], name: str, known: tuple[str, ...]) -> dict[str, str]:
    table = data.get(name, {})
    if not isinstance(table, dict):
        raise UsageError(f"{path}: [{name}] is no table", _HELP)
    for key, value in table.items():
        if key not in known:
            import difflib

            close = difflib.get_close_matches(key, known, n=1)
            raise UsageError(
                f"{path}: unknown key {key!r} in [{name}]",
                f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(known)}",
            )
        if not isinstance(value, str):
            raise UsageError(f"{path}: {key} in [{name}] is no text", _HELP)
    return table


def checked_endpoint(text: str, what: str, *, may_hold_account: bool = False) -> str:
    """An address to which tokens may be sent.

    Raises:
        UsageError: no ``https``, except for this very machine; or more than scheme, host, port and path.
    """
    if may_hold_account:
        # A name may only lengthen the host, never end it.
        checked_endpoint(text.replace(ACCOUNT, "account"), what)
        return text.rstrip("/")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise UsageError(f"{what} is no address: {text}", "such as https://management.azure.com") from None
    if not parts.hostname or parts.query or parts.fragment or parts.username or parts.password or port == 0:
        raise UsageError(f"{what} is no plain address: {text}", "such as https://management.azure.com")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise UsageError(f"{what} would send tokens in the clear: {text}", "http:// is for this machine only; use https://")
    return text.rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether a host is this very machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of an address, to compare; all empty for what is none."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "", "", 0
    return parts.scheme.lower(), (parts.hostname or "").lower(), port or {"https": 443, "http": 80}.get(parts.scheme.lower(), 0)
