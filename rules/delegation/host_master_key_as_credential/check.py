"""MG306: a key that opens a whole function app, where a key for its MCP endpoint would do."""

from mcpguard.sdk import (
    CredentialUse,
    Estate,
    HostKey,
    Issue,
    Location,
    McpServer,
    NamedValue,
    Options,
    TemplateValue,
    Unknown,
    Verdicts,
    computed_policies,
    credential_uses,
    named_value,
)

_TOO_MUCH = frozenset({HostKey.MASTER, HostKey.DEFAULT})


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """Every credential that the gateway shows: which key a template puts there, or whether that cannot be told."""
    uses = credential_uses(server, estate)
    for use in uses.items:
        for verdict in _judge(server, use, estate):
            yield use.doubt if use.doubt is not None and isinstance(verdict, Issue) else verdict
    for policy in computed_policies(server, estate):
        for key in _too_much(policy.template):
            yield _issue(server, f"the {policy.title}", key, policy.text_at, "written into the policy")
    if uses.missing is not None:
        yield uses.missing


def _judge(server: McpServer, use: CredentialUse, estate: Estate) -> Verdicts:
    if not use.names:
        for key in _too_much(use.template):
            yield _issue(server, use.holder, key, use.at, use.what)
        if use.is_host_key and not (use.template is not None and use.template.keys) and not use.is_callers:
            yield _unsure(use, f"{use.what} of {use.holder} holds")
    for name in dict.fromkeys(use.names):
        found = named_value(server, name, use.at, estate)
        template = found.template if isinstance(found, NamedValue) else None
        for key in _too_much(template):
            yield _issue(server, use.holder, key, use.at, f"{use.what}, from the named value {{{{{name}}}}}")
        if use.is_host_key and not (template is not None and template.keys) and found is not None:
            secret = found.key_vault.rpartition("/secrets/")[2] if isinstance(found, NamedValue) else ""
            where = f" (Key Vault secret {secret})" if secret else ""
            yield _unsure(use, f"the named value {{{{{name}}}}} in {use.holder} holds{where}")


def _too_much(template: TemplateValue | None) -> list[HostKey]:
    """The keys in what a template computes that open more than the MCP endpoint."""
    return [key for key in template.keys if key in _TOO_MUCH] if template is not None else []


def _unsure(use: CredentialUse, what: str) -> Unknown:
    remedy = (
        "compare it with: az functionapp keys list --name <app> --resource-group <group>; systemKeys.mcp_extension is the one "
        "to use, masterKey and functionKeys.default are not"
    )
    return Unknown(f"which key of the function app {what}", remedy, use.at)


def _issue(server: McpServer, holder: str, key: HostKey, at: Location, what: str) -> Issue:
    return Issue(
        f"{server.title} calls its function app with {key.value} ({what}, in {holder}), which opens every function of the app"
        f"{' and its administration' if key is HostKey.MASTER else ''}; use the system key mcp_extension, or a token of the "
        "gateway's managed identity",
        at=at,
        related=(server.at.related("the MCP server that uses it"),),
        evidence=(("key", key.value), ("holder", holder)),
        confidence=server.confidence,
        key=f"{key.name} {holder} {what}",
    )
