"""Entry paths: the ways in which a call gets into an API, each with its own effective policy.

Facts (facts/apim.md 2.1): product policy applies only in a product's context, that is with a key of the product, or
keyless through an open product. API-scoped keys, all-APIs keys and the built-in all-access key skip it. A keyless call
goes through an open product that contains the API if there is one, else through an API that needs no key, else it
is refused.
"""

from enum import Enum

import msgspec

from mcpguard.core.facts import Known, Unknown
from mcpguard.model.estate import Estate
from mcpguard.model.kinds.gateway import Api, Operation, Product, Service
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

    def of(self, api: Api) -> tuple[EntryPath, ...]:
        """Every way into an API, keyless first."""
        found = self._paths.get(api.key)
        if found is None:
            found = self._paths[api.key] = self._find(api)
        return found

    def _find(self, api: Api) -> tuple[EntryPath, ...]:
        products = self._products(api)
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

    def _products(self, api: Api) -> list[Product]:
        return [
            product
            for product in self._estate.under(api.service, Product)
            if api.key in self._estate.product_apis.get(product.key, ())
        ]

    def _missing_products(self, api: Api) -> Unknown | None:
        estate = self._estate
        service = estate.get(Service, api.service)
        if estate.is_complete(api.service, "microsoft.apimanagement/service/products"):
            unlisted = [
                product
                for product in estate.under(api.service, Product)
                if not estate.is_complete(product.key, "microsoft.apimanagement/service/products/apis")
                and isinstance(product.subscription_required, Known)
                and product.subscription_required.value is False
            ]
            if not unlisted:
                return None
        title = service.title if service else "the service"
        return Unknown(
            f"which products of {title} contain {api.title}",
            f"add the answers of: az rest --method get --url {api.service}/products, and of …/products/<name>/apis for each "
            "(or pass --complete)",
            api.at,
        )

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
        return self.fold_chain(api, self.chain(api, path, operation))

    def fold_chain(self, api: Api, chain: list[ScopedPolicy]) -> EffectivePolicy:
        """The policy that some documents of one API's service come to, broadest first."""
        fragments, fragments_missing = self._estate.fragments(api.service)
        values, complete_values = self._estate.named_values(api.service)
        return fold(chain, fragments, fragments_missing, values, complete_values)

    def chain(self, api: Api, path: EntryPath, operation: Operation | None) -> list[ScopedPolicy]:
        """The documents that apply on this way in, broadest first."""
        estate = self._estate
        service = estate.get(Service, api.service)
        chain: list[ScopedPolicy] = []
        if service is not None:
            chain.append(estate.policy_at(service, Scope.GLOBAL))
        else:
            unknown = Unknown(
                "the service and its global policy",
                f"add the answer of: az rest --method get --url {api.service}, and of …/policies/policy?format=rawxml",
                api.at,
            )
            chain.append(ScopedPolicy(Scope.GLOBAL, "", unknown, api.at))
        if path.product:
            product = estate.get(Product, path.product)
            if product is not None:
                chain.append(estate.policy_at(product, Scope.PRODUCT))
        chain.append(estate.policy_at(api, Scope.API))
        if operation is not None:
            chain.append(estate.policy_at(operation, Scope.OPERATION))
        return chain
