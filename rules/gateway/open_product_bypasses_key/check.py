"""MG103: a key is asked for, and a product lets callers in without one."""

from mcpguard.sdk import (
    Api,
    Estate,
    Issue,
    Key,
    Known,
    McpServer,
    Options,
    Product,
    Reach,
    Unknown,
    Verdicts,
    compares_shared_key,
    identifies_caller,
    judged_calls,
    known,
    merged,
    reach,
    refusals_on_merit,
)


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """Keyless calls through open products have to be validated on every path."""
    yield from merged(_judge(server, estate))


def _judge(server: McpServer, estate: Estate) -> Verdicts:
    calls = [call for call in judged_calls(server, estate) if call.path.key is Key.NONE]
    found = [(call, reach(call.policy, identifies_caller)) for call in calls]
    weak = [(call, fact) for call, fact in found if fact is not None and fact != Known(Reach.ALWAYS)]
    api = estate.get(Api, server.api)
    if not weak or api is None or not known(api.subscription_required):
        return
    for call, fact in weak:
        product = estate.get(Product, call.path.product)
        by_hand = refusals_on_merit(call.policy.inbound)
        match fact:
            case Unknown() as unknown:
                yield unknown
            case _ if any(compares_shared_key(branch) for branch in by_hand):
                pass
            case _ if by_hand:
                missing = f"whether the hand-written check of {server.title} refuses callers without a key"
                yield Unknown(missing, "read the branch that answers 401 or 403", by_hand[0].at)
            case _ if call.path.doubt is not None or product is None:
                yield call.path.doubt or Unknown(f"whether a product opens {server.title}", "add the products", server.at)
            case _:
                often = "never" if fact == Known(Reach.NEVER) else "not always"
                asked = product.subscription_required
                yield Issue(
                    f"{server.title} asks for a key, but the open product {product.name} (subscriptionRequired: false) lets "
                    f"callers in without one, and their tokens are {often} validated; let the product ask for a subscription",
                    at=asked.at or product.at,
                    related=(server.at.related("the API that asks for a key"),),
                    evidence=(("product", product.name),),
                    confidence=server.confidence,
                    key=product.name,
                )
