"""MG512: everybody in the tenant gets a token for the server, and nothing behind it asks who they are."""

from mcpguard.sdk import (
    TOKEN_VALIDATORS,
    Application,
    Estate,
    Fact,
    Issue,
    Known,
    McpServer,
    NotApplicable,
    Options,
    Reach,
    Statement,
    Unknown,
    Verdicts,
    host_behind,
    judged_calls,
    known,
    principal_of,
    reach,
    requires_claim,
    servers_of,
    value_or_none,
)

PERSONAL = ("roles", "groups", "wids", "oid", "sub", "upn", "preferred_username")


def check(target: Application, estate: Estate, options: Options) -> Verdicts:
    servers = [server for server in servers_of(target, estate) if server.api or server.host]
    if not servers:
        raise NotApplicable(f"{target.title} stands for no MCP server of a gateway or host")
    principal = principal_of(target.app_id, estate)
    if principal is None:
        yield Unknown(
            f"whether users must be assigned to {target.title}, whose service principal was not read",
            f"add the answer of: az ad sp show --id {target.app_id}",
            target.at,
        )
        return
    required = principal.assignment_required
    if known(required):
        return
    for server in servers:
        match _is_gated(server, target, estate):
            case Known(value=False):
                was = "not set, which means false" if isinstance(required, Known) and required.defaulted else "false"
                yield Issue(
                    f"appRoleAssignmentRequired of {principal.title} is {was}, and nothing in front of {server.title} asks "
                    "for a "
                    "role, group or person: every user of the tenant, guests included, may call it; require assignment",
                    required.at or principal.at,
                    key=server.key,
                )
            case Unknown() as unknown:
                yield unknown
            case Known():
                pass


def _is_gated(server: McpServer, target: Application, estate: Estate) -> Fact[bool]:
    """Whether a role, group or person is asked for on every way to a server."""
    if server.api:
        for call in judged_calls(server, estate):
            match reach(call.policy, _asks_for_person):
                case Known(value=found) if found is not Reach.ALWAYS:
                    return Known(False)
                case Unknown() as unknown:
                    return unknown
                case _:
                    pass
        return Known(True)
    host = host_behind(server, estate)
    if host is None:
        return Known(False)
    match host.auth:
        case Known(value=auth) if auth is not None:
            for allowed in (auth.allowed_groups, auth.claim_groups, auth.allowed_identities):
                match allowed:
                    case Known(value=(_, *_)):
                        return Known(True)
                    case Unknown() as unknown:
                        return unknown
                    case Known():
                        pass
        case Unknown() as unknown:
            return unknown
        case Known():
            pass
    return _by_code(server, target) if host.runs_own_code else Known(False)


def _by_code(server: McpServer, target: Application) -> Fact[bool]:
    """Code can ask for a role or group only when tokens carry one."""
    roles = value_or_none(target.app_roles)
    has_roles = roles is None or any("User" in role.member_types and role.is_enabled for role in roles)
    if not has_roles and value_or_none(target.group_claims) == "":
        return Known(False)
    return Unknown(
        f"whether the code of {server.title} refuses users without a role or group of {target.title}",
        "require assignment (az ad sp update --id <appId> --set appRoleAssignmentRequired=true), which settles it before "
        "the code",
        server.at,
    )


def _asks_for_person(statement: Statement) -> bool:
    return statement.name in TOKEN_VALIDATORS and requires_claim(statement, *PERSONAL)
