"""MG111: a control of a broader scope, cut off."""

from mcpguard.sdk import (
    Cut,
    Demand,
    Estate,
    Issue,
    Known,
    McpServer,
    Options,
    Reach,
    ServerCall,
    Statement,
    Unknown,
    Verdict,
    Verdicts,
    cuts,
    identifies_caller,
    is_limit,
    judged_calls,
    merged,
    met,
    reach,
    unread_products,
)

_CONTROLS = (
    ("token validation", identifies_caller),
    ("address filter", lambda statement: statement.name == "ip-filter"),
    ("limit", is_limit),
)


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """What broader scopes hold and the call does not meet, for every inbound section without base."""
    yield from merged(_judge(server, estate))
    if (unread := unread_products(server, estate)) is not None:
        yield unread


def _judge(server: McpServer, estate: Estate) -> Verdicts:
    for call in judged_calls(server, estate):
        for cut in cuts(call, estate):
            if isinstance(cut, Unknown):
                yield cut
                continue
            for what, wanted in _CONTROLS:
                above = list(met(cut.broader, wanted))
                lost = next((found for found in above if isinstance(found, Statement)), None)
                match reach(call.policy, wanted):
                    case Known(value=Reach.NEVER) if lost is not None:
                        yield call.path.doubt or _lost(server, call, cut, what, lost)
                    case Known(value=Reach.NEVER):
                        yield from (found for found in above if isinstance(found, Unknown))
                    case Unknown() as unknown if above:
                        yield unknown
                    case _:
                        pass


def _demand(demand: Demand) -> str:
    state = f"; the service calls the policy {demand.state}" if demand.state else ""
    return f"{demand.restriction.name} asks for base here{state}"


def _lost(server: McpServer, call: ServerCall, cut: Cut, what: str, lost: Statement) -> Verdict:
    scope = f"{lost.origin.scope.value} {lost.origin.owner}".strip()
    return Issue(
        f"{server.title} loses the {what} ({lost.name}) of the {scope} policy, because the inbound section of "
        f"{cut.scoped.scope.value} {cut.scoped.owner} has no base; put base first in it",
        at=cut.at,
        related=(lost.at.related(f"the {what} that is cut off"),),
        evidence=(("entry path", call.title), *(("policy restriction", _demand(demand)) for demand in cut.demands)),
        confidence=server.confidence,
        key=what,
    )
