"""MG104: token validation that only callers with a product's key meet."""

from mcpguard.sdk import (
    Estate,
    Issue,
    Known,
    McpServer,
    Options,
    Reach,
    ServerCall,
    Statement,
    Unknown,
    Verdicts,
    identifies_caller,
    judged_calls,
    met,
    reach,
    validated_only_by_products,
)


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """Validated in the context of every product, and nowhere else."""
    calls = list(judged_calls(server, estate))
    if not validated_only_by_products(calls):
        yield from _unread(calls)
        return
    outside = [call for call in calls if not call.path.product and call.path.doubt is None]
    inside = next(call for call in calls if call.path.product)
    found = next(found for found in met(inside.policy, identifies_caller) if isinstance(found, Statement))
    ways = tuple(dict.fromkeys(call.title for call in outside))
    yield Issue(
        f"{server.title} validates tokens only in the policies of its products, which a call skips {'; '.join(ways)}; move "
        f"the {found.name} to the API's policy",
        at=found.at,
        related=(server.at.related("the MCP server that is left without it"),),
        evidence=tuple(("entry path", way) for way in ways),
        confidence=server.confidence,
    )


def _unread(calls: list[ServerCall]) -> Verdicts:
    """What could still make it so: only where calls outside of products go unvalidated, as far as that is known."""
    facts = [(call, reach(call.policy, identifies_caller)) for call in calls]
    if any(fact is not None and fact != Known(Reach.NEVER) and not call.path.product for call, fact in facts):
        yield from (fact for call, fact in facts if isinstance(fact, Unknown) and not call.path.product)
    elif not any(fact == Known(Reach.NEVER) and call.path.product for call, fact in facts):
        yield from (fact for _, fact in facts if isinstance(fact, Unknown))
        yield from (call.path.doubt for call in calls if call.path.doubt is not None)
