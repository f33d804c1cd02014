"""MG417: settings with which an MCP host's code or traffic can be got at."""

from mcpguard.sdk import (
    Estate,
    Issue,
    Known,
    McpServer,
    NotApplicable,
    Options,
    Site,
    Unknown,
    Verdicts,
    hosted_server,
)

_OLD = frozenset({"1.0", "1.1"})


def check(target: Site, estate: Estate, options: Options) -> Verdicts:
    server = hosted_server(target, estate)
    if server is None:
        raise NotApplicable(f"nothing says that {target.title} hosts an MCP server")
    for member, fact, is_weak, what, wanted in (
        ("minTlsVersion", target.tls, _is_old, "speaks old TLS", "1.2 or later"),
        ("scmMinTlsVersion", target.scm_tls, _is_old, "speaks old TLS where it is published", "1.2 or later"),
        ("ftpsState", target.ftps_state, _is_plain_ftp, "takes plain FTP", "Disabled or FtpsOnly"),
        ("remoteDebuggingEnabled", target.remote_debugging, _is_on, "has remote debugging on", "false"),
        ("allow of basicPublishingCredentialsPolicies/scm", target.publishing.scm, _is_on, "is published by password", "false"),
        (
            "allow of basicPublishingCredentialsPolicies/ftp",
            target.publishing.ftp,
            _is_on,
            "is published by FTP password",
            "false",
        ),
    ):
        match fact:
            case Known(value=value) if is_weak(value):
                yield _issue(target, server, member, fact, what, wanted)
            case Unknown() as unknown:
                yield unknown
            case _:
                pass


def _issue(target: Site, server: McpServer, member: str, fact: Known[str] | Known[bool], what: str, wanted: str) -> Issue:
    seen = str(fact.value).lower() if isinstance(fact.value, bool) else fact.value
    shown = f"not set, so {seen}" if fact.defaulted else seen
    return Issue(
        f"{target.title} {what} ({member} is {shown}); set it to {wanted}",
        fact.at or target.at,
        evidence=(("setting", member),),
        confidence=server.confidence,
        key=member,
    )


def _is_old(value: str | bool) -> bool:
    return value in _OLD


def _is_plain_ftp(value: str | bool) -> bool:
    return str(value).lower() == "allallowed"


def _is_on(value: str | bool) -> bool:
    return value is True
