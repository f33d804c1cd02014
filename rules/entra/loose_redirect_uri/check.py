"""MG520: redirect URIs that send codes to the wrong place."""

from urllib.parse import urlsplit

from mcpguard.sdk import (
    Application,
    Confidence,
    Estate,
    Issue,
    Options,
    RedirectUri,
    Url,
    Verdicts,
    host_at,
    known,
)

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
# Public tunnels and their domains, from their vendors' pages, November 2026.
_TUNNELS = (
    *(".devtunnels.ms", ".ngrok.io", ".ngrok.app", ".ngrok.dev", ".ngrok-free.app", ".ngrok-free.dev", ".trycloudflare.com"),
    *(".loca.lt", ".localtunnel.me", ".serveo.net", ".localhost.run", ".lhr.life", ".pinggy.link", ".tunnelmole.net"),
)
_AZURE_NAMES = (".azurewebsites.net", ".azurecontainerapps.io")


def check(target: Application, estate: Estate, options: Options) -> Verdicts:
    platforms: dict[str, RedirectUri] = {}
    for uri in known(target.redirect_uris):
        elsewhere = platforms.setdefault(_same(uri.uri), uri)
        trouble, wanted = _trouble(uri, estate)
        unsure = "no path" in trouble
        if not trouble and elsewhere.platform != uri.platform:
            unsure = elsewhere.uri != uri.uri
            form = f" as {elsewhere.uri}, of which Entra ignores the port" if unsure else ""
            trouble, wanted = f"also stands on the platform {elsewhere.platform}{form}", "keep it on one platform"
        if trouble:
            yield Issue(
                f"{target.title} has the redirect URI {uri.uri} ({uri.platform}), which {trouble}; {wanted}",
                uri.at,
                evidence=(("redirect URI", uri.uri), ("platform", uri.platform)),
                confidence=Confidence.MEDIUM if unsure else Confidence.HIGH,
            )


def _trouble(uri: RedirectUri, estate: Estate) -> tuple[str, str]:
    """What is wrong with a URI, as a clause, and what is wanted; empty when nothing is."""
    try:
        parts = urlsplit(uri.uri)
        host = (parts.hostname or "").lower()
    except ValueError:
        return "is no address", "remove it"
    exact = "write the exact callback address"
    if "*" in uri.uri:
        return "holds a wildcard", exact
    if parts.scheme.lower() not in ("http", "https") or host in _LOOPBACK:
        return "", ""
    if parts.scheme.lower() == "http":
        return "is not HTTPS", "use https://"
    if host.endswith(_TUNNELS):
        return "leads through a public tunnel, whose name others can take", "remove it"
    if host.endswith(_AZURE_NAMES) and estate.is_whole("/") and host_at(_url(uri, host), estate) is None:
        return "names a host that the estate does not have, so that others can take the name", "remove it"
    if parts.path in ("", "/") and not parts.query and uri.platform != "spa":
        return "has no path, so that every page of the host may receive codes", exact
    return "", ""


def _url(uri: RedirectUri, host: str) -> Url:
    return Url(uri.uri, "https", host, "", uri.at)


def _same(uri: str) -> str:
    """The form in which URIs are compared: without the port of a loopback address."""
    try:
        parts = urlsplit(uri)
        if (parts.hostname or "").lower() in _LOOPBACK:
            return f"{parts.scheme}://{parts.hostname}{parts.path}?{parts.query}"
    except ValueError:
        pass
    return uri
