"""MG429: sign-in that authsettingsV2 does not describe."""

from mcpguard.sdk import ContainerApp, Estate, Issue, NotApplicable, Options, PlatformAuth, Site, Verdicts, hosted_server, known


def check(target: Site | ContainerApp, estate: Estate, options: Options) -> Verdicts:
    server = hosted_server(target, estate)
    if server is None:
        raise NotApplicable(f"nothing says that {target.title} hosts an MCP server")
    auth = known(target.auth)
    if not isinstance(auth, PlatformAuth):
        return
    place = known(auth.defined_elsewhere)
    if auth.version == "v1":
        what, at = "by version 1 settings (config/authsettings), which know no allowed applications", auth.enabled.at
    elif place:
        what, at = f"by the file {place} of the app, which Azure Resource Manager does not show", auth.defined_elsewhere.at
    else:
        return
    yield Issue(
        f"Sign-in of {target.title} is defined {what}; move it into authsettingsV2, where it can be reviewed",
        at or auth.at,
        evidence=(("where", "version 1" if auth.version == "v1" else "file"),),
        confidence=server.confidence,
    )
