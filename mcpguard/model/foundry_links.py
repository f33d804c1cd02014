"""What accounts and projects of Foundry are linked to. A link shows what the portal shows; traffic does not follow it.

Facts: facts/foundry.md 2.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mcpguard.core.facts import Fact, Known, Unknown
from mcpguard.model.estate import Estate

if TYPE_CHECKING:
    from mcpguard.model.kinds.foundry import FoundryAccount, GatewayLink

_SERVICE = "/providers/microsoft.apimanagement/service/"
_LINKS = "microsoft.resources/links"


def linked_gateway(account: str, estate: Estate) -> Fact[str | None]:
    """Key of the API Management service that an account is linked to; None when it is known to have no link.

    A link shows that the AI gateway was switched on for the account. It does not show that traffic goes there.
    """
    for other, link in linked_to(account, estate):
        if _SERVICE in other and "/" not in other.partition(_SERVICE)[2]:
            return Known(other, link.at)
    return _unlinked(account, estate)


def product_link(project: str, estate: Estate) -> Fact[str | None]:
    """Key of the product that a project is linked to, which is how the portal marks it as enabled; None without a link."""
    for other, link in linked_to(project, estate):
        if link.source == project and _SERVICE in other and "/products/" in other:
            return Known(other, link.at)
    return _unlinked(project, estate)


def linked_to(key: str, estate: Estate) -> Sequence[tuple[str, GatewayLink]]:
    """What a resource is linked to, in either direction, with the link."""
    return estate.remember("ends of links", lambda: _ends(estate)).get(key, ())


def _ends(estate: Estate) -> dict[str, list[tuple[str, GatewayLink]]]:
    if not estate.named("gateway-link"):
        return {}  # and nothing of Foundry is loaded
    from mcpguard.model.kinds.foundry import GatewayLink

    found: dict[str, list[tuple[str, GatewayLink]]] = {}
    for link in estate.of(GatewayLink):
        if isinstance(link.target, Known):
            found.setdefault(link.source, []).append((link.target.value, link))
            found.setdefault(link.target.value, []).append((link.source, link))
    return found


def _unreadable_links(estate: Estate) -> dict[str, Unknown]:
    """By what a link is attached to, why its target cannot be told."""
    from mcpguard.model.kinds.foundry import GatewayLink

    return {link.source: link.target for link in estate.of(GatewayLink) if isinstance(link.target, Unknown)}


def _unlinked(scope: str, estate: Estate) -> Fact[str | None]:
    unreadable = estate.remember("links without a target", lambda: _unreadable_links(estate)).get(scope)
    if unreadable is not None:
        return unreadable
    if estate.is_complete(scope, _LINKS):
        return Known(None)
    url = f"{scope}/providers/Microsoft.Resources/links?api-version=2016-09-01"
    return Unknown(f"the gateway links of {scope.rpartition('/')[2]}", f"add the answer of: az rest --method get --url {url}")


def linked_accounts(service: str, estate: Estate) -> list[FoundryAccount]:
    """The accounts that were read and are linked to a service."""
    others = linked_to(service, estate)
    if not others:
        return []
    from mcpguard.model.kinds.foundry import FoundryAccount

    return [account for key, _ in others if (account := estate.get(FoundryAccount, key)) is not None]
