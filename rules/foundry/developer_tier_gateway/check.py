"""MG615: production tools behind a gateway for trying things out."""

from mcpguard.sdk import (
    Estate,
    Issue,
    Known,
    NotApplicable,
    Options,
    Service,
    Unknown,
    Verdicts,
    is_production,
    known,
    linked_accounts,
)

_SMALL = {"basicv2": "Basic v2", "developer": "Developer"}


def check(service: Service, estate: Estate, options: Options) -> Verdicts:
    """A service that an account is linked to."""
    accounts = linked_accounts(service.key, estate)
    if not accounts:
        raise NotApplicable(f"no account of Foundry is known to be linked to {service.title}")
    sku = known(service.sku)
    if sku.lower() not in _SMALL:
        return
    match is_production(service, accounts, estate):
        case Known(value=True, at=at):
            yield Issue(
                f"{service.title} is the gateway of Foundry tools in production and has tier {sku}, which is meant for "
                "development and tests; move it to Standard v2 or Premium v2",
                at=service.sku.at or service.at,
                related=(at.related("what says production"),) if at is not None else (),
                evidence=(("sku.name", sku),),
            )
        case Known():
            pass
        case Unknown() as unknown:
            yield unknown
