"""Entry paths: the ways in which a call gets into an API, each with its own effective policy.

Facts (facts/apim.md 2.1): scopes are global, workspace, product, API and operation. Product policy applies only in a
product's context, that is with a key of the product, or keyless through an open product. API-scoped keys, all-APIs keys
and the built-in all-access key skip it. A keyless call goes through an open product that contains the API if there is
one, else through an API that needs no key, else it is refused.
"""

from __future__ import annotations

from enum import Enum

import msgspec

from mcpguard.core.facts import Known, Unknown, value_or_none
from mcpguard.model.estate import Estate
from mcpguard.model.kinds.gateway import Api, Operation, Product
from mcpguard.model.products import products_of, unread_products, unread_products_of
from mcpguard.policy.effective import EffectivePolicy, Scope, ScopedPolicy, fold


class Key(Enum):
    """What a caller has to present besides a token."""

    NONE = "none"
    SERVICE = "service"
    PRODUCT = "product"


class EntryPath(msgspec.Struct, frozen=True):
    """One way in."""

    api: str
    key: Key
    product: str
    """Key of the product in whose context the call runs; empty outside products."""
    title: str
    """The way in, in words, as part of a sentence: ``with a key of product starter``."""
    doubt: Unknown | None = None
    """Set when it is not known whether this way exists at all."""


class EntryPaths:
    """Entry paths and effective policies of an estate, worked out once."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._paths: dict[str, tuple[EntryPath, ...]] = {}
        self._policies: dict[tuple[str, str, str], EffectivePolicy] = {}
        self._folded: dict[tuple[str, ...], EffectivePolicy] = {}

    def of(self, api: Api) -> tuple[EntryPath, ...]:
        """Every way into an API, keyless first."""
        found = self._paths.get(api.key)
        if found is None:
            found = self._paths[api.key] = self._find(api)
        return found

    def _find(self, api: Api) -> tuple[EntryPath, ...]:
        products = products_of(api, self._estate)
        paths: list[EntryPath] = []
        closed: list[tuple[Product, Unknown | None]] = []
        is_open = False
        for product in products:
            match product.subscription_required:
                case Known(value=False):
                    is_open = True
                    title = f"without a key, through the open product {product.name}"
                    paths.append(EntryPath(api.key, Key.NONE, product.key, title))
                case Known():
                    closed.append((product, None))
                case Unknown() as unknown:
                    title = f"without a key, if product {product.name} is open"
                    paths.append(EntryPath(api.key, Key.NONE, product.key, title, unknown))
                    closed.append((product, unknown))
        missing = self._missing_products(api)
        if not is_open:
            match api.subscription_required:
                case Known(value=False):
                    paths.append(EntryPath(api.key, Key.NONE, "", "without a key"))
                case Known():
                    if missing is not None:
                        title = "without a key, if an open product contains it"
                        paths.append(EntryPath(api.key, Key.NONE, "", title, missing))
                case Unknown() as unknown:
                    paths.append(EntryPath(api.key, Key.NONE, "", "without a key, if it needs none", unknown))
        paths.append(EntryPath(api.key, Key.SERVICE, "", "with an API-scoped, all-APIs or all-access key"))
        paths.extend(
            EntryPath(api.key, Key.PRODUCT, product.key, f"with a key of product {product.name}", doubt)
            for product, doubt in closed
        )
        return tuple(paths)

    def _missing_products(self, api: Api) -> Unknown | None:
        """What is missing when an open product that was not read, or whose APIs were not, may hold the API."""
        unread = unread_products(api, self._estate)
        if unread is None or any(value_or_none(product.subscription_required) is not True for product in unread):
            return unread_products_of(api, self._estate)
        return None

    def effective_policy(self, path: EntryPath, operation: Operation | None = None) -> EffectivePolicy:
        """The policy that runs for a call on this way in, for one operation or for the API as a whole."""
        cache_key = (path.api, path.product, operation.key if operation else "")
        found = self._policies.get(cache_key)
        if found is None:
            found = self._policies[cache_key] = self._fold(path, operation)
        return found

    def _fold(self, path: EntryPath, operation: Operation | None) -> EffectivePolicy:
        estate = self._estate
        api = estate.get(Api, path.api)
        if api is None:
            raise KeyError(path.api)
        scopes = self.scopes(api, path, operation)
        found = [(key, estate.policy_at(key, scope, api.at)) for key, scope in scopes]
        # Scopes without a document change nothing: most operations of an API share one policy.
        found = [(key, policy) for key, policy in found if not _is_absent(policy)]
        documents = (api.home, *(key for key, _ in found))
        policy = self._folded.get(documents)
        if policy is None:
            policy = self._folded[documents] = self.fold_chain(api, [policy for _, policy in found])
        return policy

    def fold_chain(self, api: Api, chain: list[ScopedPolicy]) -> EffectivePolicy:
        """The policy that some documents of one API's service come to, broadest first."""
        names = self._estate.names(api.home)
        return fold(chain, names, self._estate.names(api.service) if api.workspace else None)

    def chain(self, api: Api, path: EntryPath, operation: Operation | None) -> list[ScopedPolicy]:
        """The documents that apply on this way in, broadest first."""
        return [self._estate.policy_at(key, scope, api.at) for key, scope in self.scopes(api, path, operation)]

    def scopes(self, api: Api, path: EntryPath, operation: Operation | None) -> list[tuple[str, Scope]]:
        """Keys of the scopes that apply on this way in, broadest first; each may have a document or not."""
        scopes = [
            (api.service, Scope.GLOBAL),
            (api.workspace, Scope.WORKSPACE),
            (path.product, Scope.PRODUCT),
            (api.key, Scope.API),
            (operation.key if operation is not None else "", Scope.OPERATION),
        ]
        return [(key, scope) for key, scope in scopes if key]


def _is_absent(policy: ScopedPolicy) -> bool:
    """Whether a scope is known to have no document."""
    match policy.document:
        case Known(value=None):
            return True
        case _:
            return False
