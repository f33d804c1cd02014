"""Modules of registries. They are not read; what the Azure Verified Modules that carry our resources declare stands in
``modules/``, in Bicep of our own by the names of their parameters, and a finding points to the parameter in the caller's file.

What any other module declares is a gap of the kinds that it can declare: one resource type for ``avm/res/…``, none for
``avm/utl/…``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from mcpguard.core.location import Location, Route
from mcpguard.evidence import Json
from mcpguard.sources.arm.template import Linked, Unfollowed
from mcpguard.sources.bicep.symbols import Symbol
from mcpguard.sources.bicep.syntax import (
    ArrayLiteral,
    Constant,
    Expression,
    Invocation,
    Item,
    Member,
    Name,
    ObjectLiteral,
    Operation,
    Spread,
)
from mcpguard.sources.bicep.template import File

STAND_IN = "$module"
"""The step of a route below which stands what a module of a registry declares."""
_PREFIXES = ("br:", "br/", "ts:", "ts/")
_MODULE = re.compile(r"(?:br/public:|br:mcr\.microsoft\.com/bicep/)(avm/(?:res|ptn|utl)/[^:@]+)")
_KNOWN = {
    "avm/res/api-management/service": "api-management-service",
    "avm/res/app/container-app": "app-container-app",
    "avm/res/cognitive-services/account": "cognitive-services-account",
    "avm/res/web/site": "web-site",
}
_OWN = "br:mcpguard/"
_NAMES = """
    additionalLocations allowedFqdnList apiVersionSets authorizationServers availabilityZones caches certificates
    clientAffinityEnabled commitmentPlans containerSize customerManagedKey dailyMemoryTimeQuota deployments
    diagnosticSettings e2eEncryptionEnabled enableDeveloperPortal enableTelemetry enabled extensions hostNameBindings
    hostNameSslStates hyperV identityProviders keyVaultAccessIdentityResourceId lock logsConfiguration
    notificationSenderEmail privateEndpoints publicIpAddressResourceId redundancyMode reserved restore roleAssignments
    scmSiteAlsoStopped storageAccountRequired volumes activeRevisionsMode appInsightResourceId
    storageAccountResourceId storageAccountUseIdentityAuthentication networkInjections revisionSuffix
    stickySessionsAffinity traffic vnetContentShareEnabled vnetImagePullEnabled vnetRouteAllEnabled
"""
_WITHOUT_EFFECT = frozenset(_NAMES.split())
"""Parameters of those modules that say nothing of what is judged."""


def is_registry(path: str) -> bool:
    """Whether a module is one of a registry or a template spec."""
    return path.startswith(_PREFIXES)


def follow(path: str, at: Location) -> Linked:
    """What stands in for a module.

    Raises:
        Unfollowed: nothing does.
    """
    file = _file(path)
    if file is not None:
        return Linked(file.template, at.child("properties", STAND_IN), lambda scope: None, is_stand_in=True)
    match = _MODULE.match(path)
    name = match[1] if match else ""
    if name.startswith("avm/utl/"):
        raise Unfollowed("it declares no resources", frozenset())
    kinds = frozenset({name.removeprefix("avm/res/")}) if name.startswith("avm/res/") else None
    raise Unfollowed(f"{path[:120]} is a module of a registry, which is not read", kinds)


def unmapped(path: str, given: Json) -> list[str]:
    """Parameters that are given to a module that something stands in for, and that it does not know."""
    file = _file(path)
    if file is None or not isinstance(given, dict):
        return []
    known = {declaration.name for declaration in file.of("param")}
    return sorted(name for name in given if name not in known and name not in _WITHOUT_EFFECT)


def _file(path: str) -> File | None:
    match = _MODULE.match(path)
    name = path.removeprefix(_OWN) if path.startswith(_OWN) else _KNOWN.get(match[1]) if match else None
    return _stand_in(name) if name is not None else None


@lru_cache(maxsize=16)
def _stand_in(name: str) -> File | None:
    source = Path(__file__).with_name("modules") / f"{name}.bicep"
    return File(name, source.read_text(encoding="utf-8")) if source.is_file() else None


# -- where what a module declares comes from -----------------------------------------------------------------------------


def arguments_of(path: str, route: Route) -> Iterator[Route]:
    """Routes below the parameters of a module that may give what stands at a route of what it declares, the likeliest first."""
    file = _file(path)
    if file is None or len(route) < 2:
        return
    symbol = file.symbols.all.get(str(route[1]))
    if symbol is None:
        return
    rest, turn = route[2:], -1
    if rest[:1] == ("$turn",):
        turn, rest = int(rest[1]), rest[2:]
    if rest[:2] == ("properties", STAND_IN):
        # What a module within the module declares, by its parameters.
        given = symbol.body.find("params")
        for inner in arguments_of(symbol.type, rest[2:]):
            if given is not None:
                yield from _origins(given.value, inner, symbol, turn, file)
        return
    yield from _origins(symbol.body, rest, symbol, turn, file)
    if symbol.declaration.loop is not None:
        yield from _origins(symbol.declaration.loop.collection, (turn,), symbol, turn, file)


def _origins(expression: Expression, rest: Route, symbol: Symbol, turn: int, file: File) -> Iterator[Route]:
    """The parameters, and what lies below them, that an expression and ``rest`` below it come from."""
    match expression:
        case ObjectLiteral():
            member = expression.find(str(rest[0])) if rest else None
            if member is not None:
                yield from _origins(member.value, rest[1:], symbol, turn, file)
        case ArrayLiteral(items=items) if rest and isinstance(rest[0], int) and rest[0] < len(items):
            item = items[rest[0]]
            if not isinstance(item, Spread):
                yield from _origins(item, rest[1:], symbol, turn, file)
        case Name(name=name):
            loop = symbol.declaration.loop
            if loop is not None and name == loop.item:
                yield from _origins(loop.collection, (turn, *rest), symbol, turn, file)
            elif file.symbols.kinds.get(name) == "param":
                yield (name, *rest)
        case Member(base=base, name=name):
            yield from _origins(base, (name, *rest), symbol, turn, file)
        case Item(base=base, index=Constant(value=str() | int() as key)):
            yield from _origins(base, (key, *rest), symbol, turn, file)
        case Operation(operator="??" | "?:", operands=operands):
            for operand in operands:
                yield from _origins(operand, rest, symbol, turn, file)
        case Invocation(arguments=arguments):
            for argument in arguments:
                yield from _origins(argument, rest, symbol, turn, file)
        case _:
            return
