"""MG401: an MCP endpoint that asks for neither a key nor a token."""

from mcpguard.sdk import (
    Confidence,
    ContainerApp,
    Estate,
    Issue,
    Known,
    McpServer,
    NotApplicable,
    Options,
    PlatformAuth,
    Site,
    Unknown,
    Verdicts,
    known,
    least,
)


def check(target: Site | ContainerApp, estate: Estate, options: Options) -> Verdicts:
    server = estate.get(McpServer, f"{target.key}#mcp")
    if server is None:
        raise NotApplicable(f"nothing says that {target.title} hosts an MCP server")
    facing = target.internet_facing
    if isinstance(facing, Known) and not facing.value:
        return
    level = target.mcp_key_level if isinstance(target, Site) else Known("none")
    if isinstance(level, Known) and level.value not in ("anonymous", "none"):
        return
    auth = known(target.auth)
    if auth is not None:
        if file := known(auth.defined_elsewhere):
            yield Unknown(f"the file {file} that defines the authentication of {target.title}", "review it by hand", auth.at)
            return
        if known(auth.enabled):
            return  # whether it is enforced is for MG402
    keyless = known(level) == "anonymous"
    known(facing)
    note = " (its code may check tokens itself, which configuration does not show)" if target.runs_own_code else ""
    key = f" without a key ({_place(level)} anonymous) and" if keyless else ""
    wanted = "turn on platform authentication" + (" or set the level to System" if keyless else "")
    yield Issue(
        f"{target.title} answers MCP calls{key} without sign-in ({_off(auth)}); {wanted}{note}",
        auth.enabled.at if auth is not None and auth.enabled.at else target.at,
        related=(level.at.related("asks for no key"),) if keyless and level.at else (),
        confidence=least(server.confidence, Confidence.MEDIUM if note else Confidence.HIGH),
    )


def _place(level: Known[str] | Unknown) -> str:
    if level.at is None or not level.at.route:
        return "key level"
    return f"{level.at.artifact.rsplit('/', 1)[-1]}: {level.at.route[-1]}"


def _off(auth: PlatformAuth | None) -> str:
    if auth is None:
        return "it has no authentication settings"
    is_default = isinstance(auth.enabled, Known) and auth.enabled.defaulted
    return "platform.enabled is not set, so false" if is_default else "platform.enabled is false"
