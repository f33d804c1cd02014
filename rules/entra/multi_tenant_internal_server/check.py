"""MG511: a server of the organization's own that hands out tokens to other organizations."""

from mcpguard.sdk import (
    Application,
    Confidence,
    Estate,
    Issue,
    NotApplicable,
    Options,
    Unknown,
    Verdicts,
    known,
    pins_tenant,
    servers_of,
    value_or_none,
)

OWN_TENANT = "AzureADMyOrg"
WHO = {
    "AzureADMultipleOrgs": "users of any organization",
    "AzureADandPersonalMicrosoftAccount": "users of any organization and personal accounts",
    "PersonalMicrosoftAccount": "personal accounts",
}


def check(target: Application, estate: Estate, options: Options) -> Verdicts:
    servers = servers_of(target, estate)
    if not servers:
        raise NotApplicable(f"{target.title} stands for no MCP server")
    audience = known(target.sign_in_audience)
    if audience == OWN_TENANT:
        return
    declarations = [declaration for server in servers if (declaration := estate.declaration(server)) is not None]
    if any(declaration.server.data_classification.lower() == "public" for declaration in declarations):
        raise NotApplicable(f"the manifest declares {servers[0].title} with the data classification public")
    at = target.sign_in_audience.at or target.at
    if value_or_none(target.publisher):
        yield Unknown(
            f"whether {servers[0].title} is meant for other organizations, as the verified publisher of {target.title} "
            "suggests",
            "declare it in the manifest with dataClassification: public, or set signInAudience to AzureADMyOrg",
            at,
        )
        return
    is_pinned = all(pins_tenant(server, estate) for server in servers)
    only = "; only the check of the issuer keeps them out" if is_pinned else ""
    yield Issue(
        f"signInAudience of {target.title} ({target.app_id}) is {audience}, so {WHO.get(audience, 'others')} can get "
        "tokens for "
        f"{servers[0].title}{only}; set it to {OWN_TENANT}",
        at,
        confidence=Confidence.MEDIUM if is_pinned else Confidence.HIGH,
    )
