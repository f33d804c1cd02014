"""What no request may be: a write, a listing of secrets, or a call to a host that was not named. Held in the pipeline.

Reads by POST are named one by one. Paths that hand out keys, secrets, credentials or tokens are refused whatever the verb:
some of them are GETs (facts/hosting.md 7: ``functions/admin/token``).
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from mcpguard.collect.clouds import origin

_SECRETS = re.compile(
    r"(?i)/(?:list\w*(?:keys?|secrets?|value|sas|credentials|status|settings)|regenerate\w*|getssotoken|getadminkeys|publishxml|"
    r"getconnectionwithcredentials|publishingcredentials/\w+|addpassword|addkey|functions/admin/\w+|"
    r"(?:functions/[^/]+|host/default)/(?:\w*keys)(?:/[^/]+)?|config/\w+/list)/?$"
)
_APP_SETTINGS = re.compile(
    r"(?i)/subscriptions/[^/]+/resourcegroups/[^/]+/providers/microsoft\.web/sites/[^/]+(?:/slots/[^/]+)?/config/appsettings/list"
)
_QUERY = re.compile(r"(?i)/v1/workspaces/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/query")
_READS_BY_POST = re.compile(r"(?i)/providers/microsoft\.resourcegraph/resources|/v1\.0/\$batch")


class ForbiddenRequestError(Exception):
    """A request that this tool does not make. Reaching it is a bug, or an answer that tried to lead elsewhere."""


def check(
    method: str,
    url: str,
    allowed: frozenset[tuple[str, str, int]],
    prefixes: tuple[str, ...],
    *,
    app_settings: bool = False,
    queries: bool = False,
) -> None:
    """Let a request pass, or not.

    Args:
        method: the verb.
        url: the whole address.
        allowed: origins to which a token may go.
        prefixes: paths below which the endpoints lie; they are taken off before the path is looked at.
        app_settings: whether the user asked for app settings, which are read by POST.
        queries: whether the user asked for telemetry, which is queried by POST. Kusto cannot change anything there.

    Raises:
        ForbiddenRequestError: it is no read, hands out secrets, or goes elsewhere.
    """
    if origin(url) not in allowed:
        raise ForbiddenRequestError("a request to a host that was not named")
    path = urlsplit(url).path
    path = next((path[len(prefix) :] for prefix in prefixes if prefix and path.startswith(prefix + "/")), path)
    if "/../" in path or "/./" in path or "%2f" in path.lower() or "%2e%2e" in path.lower():
        raise ForbiddenRequestError(f"a path that is not plain: {path[:200]}")
    if method == "GET":
        if _SECRETS.search(path):
            raise ForbiddenRequestError(f"a listing of secrets: {path[:200]}")
    elif method == "POST":
        reads_settings = app_settings and _APP_SETTINGS.fullmatch(path)
        asks_telemetry = queries and _QUERY.fullmatch(path)
        if not (reads_settings or asks_telemetry or _READS_BY_POST.fullmatch(path)):
            raise ForbiddenRequestError(f"a POST that is no known read: {path[:200]}")
    else:
        raise ForbiddenRequestError(f"{method} is no read")
