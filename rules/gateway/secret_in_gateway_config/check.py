"""MG122: a credential that everybody who may read the gateway's configuration can read too."""

from mcpguard.sdk import (
    CredentialSort,
    CredentialUse,
    Estate,
    Issue,
    Known,
    McpServer,
    NamedValue,
    Options,
    Unknown,
    Verdicts,
    computed_policies,
    credential_uses,
    named_value,
    stands_for_itself,
)

_WANTED = "keep it in Key Vault and refer to it as a secret named value"


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """Every place of a credential: what stands there, and what the named values in it are."""
    uses = credential_uses(server, estate)
    for use in uses.items:
        for verdict in _judge(server, use, estate):
            yield use.doubt if use.doubt is not None and isinstance(verdict, Issue) else verdict
    for policy in computed_policies(server, estate):
        if policy.template is not None and policy.template.keys:
            yield Issue(
                f"{server.title} runs the {policy.title}, into which a deployment template writes a key that it lists from a "
                f"resource, so that every reader of the policy reads the key; {_WANTED}",
                at=policy.text_at,
                related=(server.at.related("the MCP server that runs it"),),
                confidence=server.confidence,
            )
    if uses.missing is not None:
        yield uses.missing


def _judge(server: McpServer, use: CredentialUse, estate: Estate) -> Verdicts:
    if use.is_withheld:
        yield Unknown(
            f"whether {use.what} in {use.holder} is a literal: the extract says only that it was redacted, which some versions "
            "of apiops-cli also do to expressions",
            "scan the policy as the service holds it (az rest), or extract it with a current apiops-cli",
            use.at,
        )
    elif use.is_literal and use.sort is CredentialSort.UNSURE:
        yield Unknown(
            f"whether the literal in {use.what} of {use.holder} is a credential",
            "if it is one, make it a secret named value; if not, set the header in a policy",
            use.at,
        )
    elif use.is_literal or (use.template is not None and use.template.keys):
        how = "a literal" if use.is_literal else "a key that a template writes there"
        yield _issue(server, use, f"is {how}")
    elif use.template is not None:
        missing = f"whether {use.what} of {use.holder} is a literal, which a template computes"
        yield Unknown(missing, "scan the deployed resource (az rest) or a template with plain values", use.at)
    for name in dict.fromkeys(use.names):
        match named_value(server, name, use.at, estate):
            case NamedValue() as found:
                yield from _plain(server, use, found)
            case Unknown() as unknown:
                yield unknown
            case None:
                pass  # a reference to nothing: MG128


def _plain(server: McpServer, use: CredentialUse, found: NamedValue) -> Verdicts:
    """A named value that stands for a credential has to be secret, whatever its value."""
    match found.secret:
        case Unknown() as unknown:
            yield unknown
        case Known(value=False) if stands_for_itself(found):
            yield _issue(server, use, f"is the named value {{{{{found.display_name}}}}}, which is not secret", found)
        case Known():
            pass


def _issue(server: McpServer, use: CredentialUse, what: str, found: NamedValue | None = None) -> Issue:
    related = (server.at.related("the MCP server that uses it"),)
    return Issue(
        f"{server.title} keeps a credential where every reader of the configuration can read it: {use.what} in {use.holder} "
        f"{what}; {_WANTED}",
        at=use.at,
        related=related if found is None else (found.at.related("the named value"), *related),
        evidence=(("credential", use.what), ("holder", use.holder)),
        confidence=server.confidence,
        key=use.what if found is None else f"{use.what} {found.display_name.lower()}",
    )
