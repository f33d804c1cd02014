"""MG127: side doors of a gateway that publishes MCP servers."""

from mcpguard.sdk import (
    Estate,
    Fact,
    Issue,
    Known,
    Location,
    ManagementSetting,
    McpServer,
    NotApplicable,
    Options,
    Product,
    Service,
    Subscription,
    Unknown,
    Verdicts,
)

_OLDEST = "2019-12-01"  # older versions hand secrets to readers (Azure Policy built-in on the minimum API version)
_TYPE = "microsoft.apimanagement/service/"


def check(service: Service, estate: Estate, options: Options) -> Verdicts:
    """Direct management, old versions of the management API, tracing, self-registration."""
    mcp_apis = {server.api for server in estate.under(service.key, McpServer)}
    if not mcp_apis:
        raise NotApplicable(f"{service.title} holds no MCP server")
    match service.min_api_version:
        case Known(value=version, at=at) if version < _OLDEST:
            seen = f"is {version}" if version else "is not set, so that every version is let in"
            yield Issue(
                f"{service.title} lets in old versions of the management API, which hand secrets to readers: minApiVersion "
                f"{seen}; set it to {_OLDEST} or later",
                at=at or service.at,
                key="minApiVersion",
            )
        case Known():
            pass
        case Unknown() as unknown:
            yield unknown
    yield from _switch(service, "tenant/access", "direct access to the management API, with a key of its own", estate)
    for product in estate.under(service.key, Product):
        if estate.product_apis.get(product.key, frozenset()) & mcp_apis and _may_be_free(product):
            yield from _signup(service, product, estate)
    found = estate.members(service, Subscription, f"{_TYPE}subscriptions", "subscriptions", "subscriptions")
    for subscription in found.items:
        match subscription.allow_tracing:
            case Known(value=True, at=at):
                what = f"traces of policies, with the headers of calls, for {subscription.title}"
                yield _issue(service, what, "allowTracing", at or subscription.at, subscription.name.lower())
            case Known():
                pass
            case Unknown() as unknown:
                yield unknown
    if found.missing is not None:
        yield found.missing


def _switch(service: Service, setting: str, what: str, estate: Estate) -> Verdicts:
    settings = [item for item in estate.under(service.key, ManagementSetting) if item.setting == setting]
    remedy = f"add the answer of: az rest --method get --url {service.id}/{setting}"
    missing: Fact[bool] = Unknown(f"the setting {setting} of {service.title}", remedy, service.at)
    match settings[0].enabled if settings else missing:
        case Known(value=True, at=at):
            yield _issue(service, what, f"{setting}.enabled", at or service.at, setting)
        case Known():
            pass
        case Unknown() as unknown:
            yield unknown


def _issue(service: Service, what: str, member: str, at: Location, key: str) -> Issue:
    return Issue(f"{service.title} offers {what} ({member} is true); switch it off", at=at, key=key)


def _may_be_free(product: Product) -> bool:
    """Whether anybody who signs up may get a key of it: not known to need approval, nor to be hidden."""
    needs_approval = isinstance(product.approval_required, Known) and product.approval_required.value
    hidden = isinstance(product.state, Known) and product.state.value.lower() != "published"
    return not needs_approval and not hidden


def _signup(service: Service, product: Product, estate: Estate) -> Verdicts:
    what = f"sign-up, and with it keys of {product.title}, which holds MCP servers and needs no approval"
    for verdict in _switch(service, "portalsettings/signup", what, estate):
        doubts = [fact for fact in (product.approval_required, product.state) if isinstance(fact, Unknown)]
        yield doubts[0] if doubts else verdict
