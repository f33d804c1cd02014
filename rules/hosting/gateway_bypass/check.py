"""MG419: a host that answers others than the gateway in front of it."""

from mcpguard.sdk import (
    Admission,
    Ask,
    CallingIdentity,
    Confidence,
    ContainerApp,
    Estate,
    Fact,
    Front,
    Issue,
    Known,
    McpServer,
    NotApplicable,
    Opening,
    Options,
    Site,
    Unknown,
    Verdicts,
    WayIn,
    admission,
    calling_identity,
    calling_side,
    certificate_demand,
    direct_by_decision,
    fronts,
    is_weaker_slot,
    least,
    principal_of,
    ways_in,
)

_UNDECIDED = frozenset({Opening.FRONT_DOOR, Opening.LISTED})


def check(target: Site | ContainerApp, estate: Estate, options: Options) -> Verdicts:
    found = fronts(target, estate)
    if not found:
        raise NotApplicable(f"no gateway is known to lead to {target.title}")
    if reason := direct_by_decision(target, found, estate):
        raise NotApplicable(f"the manifest declares that {target.title} is called directly: {reason}")
    seen = list(ways_in(target, calling_side(found, estate)))
    if not seen:
        return
    ways = [way for way in seen if isinstance(way, WayIn) and way.opening not in _UNDECIDED]
    asked = admission(target, estate)
    passing = _passes(asked, found, estate)
    if isinstance(passing, tuple) and not passing[0]:
        return  # nobody but the gateway has a token that is let in
    if not ways:
        yield from (_undecided(target, way) if isinstance(way, WayIn) else way for way in seen)
        return
    if isinstance(asked, Unknown):
        yield asked
        return
    if isinstance(passing, Unknown):
        yield passing
        return
    _leave_to_others(target, asked.value, ways, estate)
    certificate = certificate_demand(target, estate)
    if target.runs_own_code and (isinstance(certificate, Unknown) or certificate.value == "required"):
        missing = f"whose client certificate the code of {target.title} lets in"
        yield certificate if isinstance(certificate, Unknown) else Unknown(missing, "review the code", certificate.at)
        return
    yield _issue(target, asked.value, ways, passing, found)


def _passes(asked: Fact[Admission], found: tuple[Front, ...], estate: Estate) -> tuple[str, Confidence] | Unknown:
    """Who besides the gateway gets past what the host asks, in words, and how sure that is; empty when nobody does."""
    if isinstance(asked, Unknown):
        return asked
    admitted = asked.value
    if admitted.ask is Ask.NOTHING:
        return "it asks callers for nothing", Confidence.HIGH
    if admitted.ask is Ask.KEY:
        return "it asks for a function key only, which whoever has may use", Confidence.MEDIUM
    gateway = calling_identity(found, estate)
    if admitted.clients is None and admitted.identities is None:
        return _assigned(admitted, gateway, estate)
    others, unsure = [], []
    for ids, own in ((admitted.clients, gateway.clients), (admitted.identities, gateway.principals)):
        if ids is None:
            continue
        if ids <= own:
            return "", Confidence.HIGH
        strangers = sorted(ids - own)
        certain = strangers if ids & own else [item for item in strangers if item in gateway.others]
        others += certain
        unsure += [item for item in strangers if item not in certain]
    if others:
        return (
            f"others than the gateway may sign in ({', '.join(others[:3])}{', …' if len(others) > 3 else ''})",
            Confidence.HIGH,
        )
    remedy = "let the gateway call with its managed identity, and admit that alone"
    return gateway.missing or Unknown(
        f"whether {', '.join(unsure[:3])}, whom sign-in admits, is the gateway", remedy, admitted.at
    )


def _assigned(admitted: Admission, gateway: CallingIdentity, estate: Estate) -> tuple[str, Confidence] | Unknown:
    """Who may sign in where only the registration itself may turn callers away."""
    principal = principal_of(admitted.registration, estate) if admitted.registration else None
    required = principal.assignment_required if principal is not None else None
    if principal is None or not isinstance(required, Known) or not required.value:
        who = "any application of the tenant" if admitted.registration else "whoever its identity provider knows"
        who = "every member of the admitted groups" if admitted.grouped else who
        return f"{who} may sign in", Confidence.HIGH if isinstance(required, Known) else Confidence.MEDIUM
    others = [grant for grant in principal.assigned.items if grant.principal_id not in gateway.principals]
    if gateway.missing is not None:
        return gateway.missing
    if others:
        shown = ", ".join(dict.fromkeys(grant.principal_id for grant in others[:3]))
        return f"others than the gateway are assigned to its registration ({shown})", Confidence.HIGH
    return principal.assigned.missing or ("", Confidence.HIGH)


def _leave_to_others(target: Site | ContainerApp, admitted: Admission, ways: list[WayIn], estate: Estate) -> None:
    """Where a rule with a narrower question fails for the same settings, this one is silent."""
    is_open = any(way.opening is Opening.EVERYBODY for way in ways)
    if admitted.ask is Ask.NOTHING and is_open and estate.get(McpServer, f"{target.key}#mcp") is not None:
        raise NotApplicable(f"{target.title} lets anybody in without a token, which is for MG401 to MG403")
    if isinstance(target, Site) and is_weaker_slot(target, estate):
        raise NotApplicable(f"{target.title} has weaker sign-in than its site, which is for MG427")


def _undecided(target: Site | ContainerApp, way: WayIn) -> Unknown:
    if way.opening is Opening.FRONT_DOOR:
        remedy = "look at the routes and rules of that profile, or let in the gateway's subnet or addresses instead"
        return Unknown(f"whether {way.what} into {target.title} comes from the gateway only", remedy, way.at)
    remedy = "compare them with the addresses of the gateway's network (its NAT gateway, firewall or proxy)"
    return Unknown(f"whether only the gateway calls {target.title} from {way.what}", remedy, way.at)


def _issue(
    target: Site | ContainerApp,
    admitted: Admission,
    ways: list[WayIn],
    passing: tuple[str, Confidence],
    found: tuple[Front, ...],
) -> Issue:
    front = found[0]
    way = next((way for way in ways if way.opening is Opening.EVERYBODY), ways[0])
    is_slot = isinstance(target, Site) and bool(target.slot_of)
    unsure = is_slot or (admitted.ask is Ask.NOTHING and target.runs_own_code)
    note = " (its code may check tokens itself)" if admitted.ask is Ask.NOTHING and target.runs_own_code else ""
    return Issue(
        f"{target.title} can be called around the gateway of {front.server.title}: {way.what}, and {passing[0]}{note}; let in "
        "only the gateway's subnet, its addresses or a private endpoint, or admit only the gateway's identity",
        way.at,
        related=(
            front.server.at.related(f"{front.server.title} leads to it: {front.how}"),
            admitted.at.related("what it asks callers for"),
        ),
        evidence=(("server", front.server.name), ("asks for", admitted.ask.value)),
        confidence=least(
            front.confidence,
            passing[1],
            Confidence.MEDIUM if unsure or way.opening is not Opening.EVERYBODY else Confidence.HIGH,
        ),
    )
