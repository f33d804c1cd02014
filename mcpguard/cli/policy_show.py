"""Choosing for ``policy show``: the API, the operation and the ways in that the user means."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mcpguard.core.errors import NothingReadError, UsageError
from mcpguard.core.facts import Unknown
from mcpguard.model.entry_paths import EntryPath, Key
from mcpguard.model.estate import Estate
from mcpguard.model.kinds.gateway import Api, Operation, Product, Service
from mcpguard.model.restrictions import Demand, demands
from mcpguard.policy.effective import EffectivePolicy, Either, Hole, Node, Statement
from mcpguard.report.policy_nodes import Show, Shown, Way, sections

_LISTED = 20


def choose(estate: Estate, api_name: str, operation_name: str, entry: str, service: str) -> Show:
    """The effective policies that were asked for; an empty word means that the user did not choose.

    Raises:
        NothingReadError: the input holds no API.
        UsageError: no API, operation, service or way in is called that, or more than one API is.
    """
    api = _api(estate, api_name, service)
    operation = _operation(estate, api, operation_name) if operation_name else None
    paths = _ways(estate, api, entry)
    return Show(
        api.name,
        api.id,
        api.display_name,
        _service_name(estate, api),
        operation.name if operation else "",
        f"{operation.method} {operation.url_template} ({operation.name})" if operation else "",
        tuple(_grouped(estate, api, paths, operation)),
    )


def _api(estate: Estate, name: str, service: str) -> Api:
    apis = estate.of(Api)
    if not apis:
        raise NothingReadError("the input holds no API", "name an export, a template or an extract of the service")
    if service:
        services = sorted({_service_name(estate, api) for api in apis})
        if service.lower() not in [*map(str.lower, services), *(api.service for api in apis)]:
            raise UsageError(f"no service is called {service!r}", _nearest(service, services))
        apis = tuple(api for api in apis if service.lower() in (_service_name(estate, api).lower(), api.service))
    wanted = name.lower()
    found = [api for api in apis if wanted in (api.name.lower(), api.key)]
    found = found or [api for api in apis if api.display_name.lower() == wanted]
    if not found:
        raise UsageError(f"no API is called {name!r}", _nearest(name, [api.name for api in apis]))
    if len({api.service for api in found}) > 1:
        holders = ", ".join(sorted({_service_name(estate, api) for api in found}))
        raise UsageError(f"several services hold an API {name!r}: {holders}", "choose one with --service NAME")
    if len(found) > 1:
        names = ", ".join(api.name for api in found)
        raise UsageError(f"{len(found)} APIs are called {name!r}: {names}", "choose one by its name: --api NAME")
    return found[0]


def _operation(estate: Estate, api: Api, name: str) -> Operation:
    operations = estate.under(api.key, Operation)
    wanted = " ".join(name.lower().split())
    found = [
        operation
        for operation in operations
        if wanted in (operation.name.lower(), operation.key, f"{operation.method} {operation.url_template}".lower())
    ]
    if not found:
        if not operations:
            raise UsageError(f"no operation of {api.title} was read", "add its list of operations to the input")
        raise UsageError(f"{api.title} has no operation {name!r}", _nearest(name, [o.name for o in operations]))
    return found[0]


def _ways(estate: Estate, api: Api, entry: str) -> tuple[EntryPath, ...]:
    paths = estate.entry_paths.of(api)
    if not entry:
        return paths
    word, _, product = entry.partition(":")
    if entry == "keyless":
        found = [path for path in paths if path.key is Key.NONE]
    elif entry == "service-key":
        found = [path for path in paths if path.key is Key.SERVICE]
    elif word == "product" and product:
        found = [path for path in paths if _product_name(estate, path).lower() == product.lower()]
        if not found:
            names = sorted({_product_name(estate, path) for path in paths} - {""})
            hint = _nearest(product, names) if names else "the input shows no product with this API"
            raise UsageError(f"{api.title} is in no product {product!r}", hint)
    else:
        raise UsageError(f"{entry!r} is no way in", "keyless, service-key or product:NAME")
    if not found:
        titles = "; ".join(path.title for path in paths)
        raise UsageError(f"{api.title} cannot be called that way ({entry})", f"the ways in are: {titles}")
    return tuple(found)


def _grouped(estate: Estate, api: Api, paths: Sequence[EntryPath], operation: Operation | None) -> Iterable[Shown]:
    """Ways with equal policies together, in the order of the first of each."""
    groups: dict[object, tuple[EffectivePolicy, list[EntryPath]]] = {}
    for path in paths:
        policy = estate.entry_paths.effective_policy(path, operation)
        signature = tuple(_signature(nodes) for _, nodes in sections(policy))
        groups.setdefault(signature, (policy, []))[1].append(path)
    for policy, members in groups.values():
        ways = tuple(_way(estate, path) for path in members)
        yield Shown(ways, policy, tuple(_demands(estate, api, members, operation)))


def _demands(estate: Estate, api: Api, paths: Sequence[EntryPath], operation: Operation | None) -> Iterable[Demand]:
    """The restrictions on the documents of some ways in, each once."""
    scopes = dict.fromkeys(scope for path in paths for scope in estate.entry_paths.scopes(api, path, operation))
    for key, scope in scopes:
        yield from demands(key, estate.policy_at(key, scope, api.at), estate)


def _signature(nodes: Sequence[Node]) -> tuple[object, ...]:
    """What tells two effective policies apart. Documents are read once, so an element is known by its identity."""
    out: list[object] = []
    for node in nodes:
        match node:
            case Statement():
                out.append((id(node.element), node.origin.scope, node.origin.owner, node.at, _signature(node.children)))
            case Hole(unknown=unknown):
                out.append(("hole", _words(unknown)))
            case Either(unknown=unknown, branches=branches):
                out.append(("either", _words(unknown), tuple(_signature(branch) for branch in branches)))
    return tuple(out)


def _words(unknown: Unknown) -> tuple[str, str]:
    return unknown.missing, unknown.remedy


def _way(estate: Estate, path: EntryPath) -> Way:
    return Way(path.key.value, _product_name(estate, path), path.title, path.doubt)


def _product_name(estate: Estate, path: EntryPath) -> str:
    product = estate.get(Product, path.product) if path.product else None
    return product.name if product else ""


def _service_name(estate: Estate, api: Api) -> str:
    service = estate.get(Service, api.service)
    return service.name if service else api.service.rpartition("/")[2]


def _nearest(word: str, names: Iterable[str]) -> str:
    import difflib

    by_lower = {name.lower(): name for name in sorted(names)}
    close = difflib.get_close_matches(word.lower(), by_lower, n=1)
    if close:
        return f"did you mean {by_lower[close[0]]!r}?"
    listed = list(by_lower.values())
    more = f" and {len(listed) - _LISTED} more" if len(listed) > _LISTED else ""
    return f"there are: {', '.join(listed[:_LISTED])}{more}"
