"""Which products hold an API, as far as that was read. Facts: facts/apim.md 1.6 and 2.1."""

from __future__ import annotations

from mcpguard.core.facts import Unknown
from mcpguard.model.estate import Estate, child_type
from mcpguard.model.kinds.gateway import Api, Product


def products_of(api: Api, estate: Estate) -> list[Product]:
    """The products that are known to hold an API. A product of the service may hold the API of a workspace."""
    return [
        product
        for home in dict.fromkeys((api.home, api.service))
        for product in estate.under(home, Product)
        if api.key in estate.product_apis.get(product.key, ())
    ]


def unread_products(api: Api, estate: Estate) -> tuple[Product, ...] | None:
    """The products that may hold an API besides those that do; None when there may be products that were not read at all."""
    if not estate.is_complete(api.home, child_type(api.home, "products")):
        return None
    return tuple(
        product
        for product in estate.under(api.home, Product)
        if api.key not in estate.product_apis.get(product.key, ())
        and not any(estate.is_complete(product.key, child_type(product.key, links)) for links in ("apis", "apilinks"))
    )


def unread_products_of(api: Api, estate: Estate) -> Unknown:
    """What is missing when :func:`unread_products` finds some, and how to get it."""
    links = "apiLinks" if api.workspace else "apis"
    return Unknown(
        f"the products that contain {api.title}, and their policies",
        f"add the answers of: az rest --method get --url {api.home}/products, and of …/products/<name>/{links} for each "
        "(or pass --complete)",
        api.at,
    )
