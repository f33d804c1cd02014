"""MG107: tokens accepted that were issued for something else."""

from mcpguard.sdk import (
    Estate,
    Issue,
    Known,
    McpServer,
    Options,
    Unknown,
    Verdicts,
    judged_calls,
    merged,
    named_audiences,
    registration_of_other_host,
    resource_of_audience,
    unread_products,
)


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """Every audience that a validator names, against resources that are known to be somebody else."""
    yield from merged(_judge(server, estate))
    if (unread := unread_products(server, estate)) is not None:
        yield unread


def _judge(server: McpServer, estate: Estate) -> Verdicts:
    for call in judged_calls(server, estate):
        for fact in named_audiences(call.policy):
            match fact:
                case Known(value=audience, at=at):
                    resource = resource_of_audience(audience)
                    other = resource.name if resource else registration_of_other_host(audience, server, estate)
                    if other:
                        yield call.path.doubt or Issue(
                            f"{server.title} accepts tokens that were issued for {other} (audience {audience}); accept its own "
                            "audience only",
                            at=at or server.at,
                            evidence=(("audience", audience), ("entry path", call.title)),
                            confidence=server.confidence,
                            key=audience,
                        )
                case Unknown():
                    yield fact
