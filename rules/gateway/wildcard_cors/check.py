"""MG118: any web page may call the MCP server from a browser."""

from collections.abc import Iterator

from mcpguard.sdk import (
    EffectivePolicy,
    Estate,
    Issue,
    Known,
    Location,
    McpServer,
    Options,
    Statement,
    Unknown,
    Verdicts,
    first_cors,
    judged_calls,
    unread_products,
)


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """The cors policy that counts on every way in."""
    found: dict[Location, tuple[Statement, EffectivePolicy, list[str]]] = {}
    for call in judged_calls(server, estate):
        for cors in first_cors(call.policy):
            if isinstance(cors, Unknown):
                yield cors
                continue
            for place in _wildcards(cors, call.policy):
                if isinstance(place, Unknown):
                    yield place
                else:
                    found.setdefault(place, (cors, call.policy, []))[2].append(call.title)
    unread = unread_products(server, estate)
    if unread is not None:
        yield unread
    for place, (cors, policy, titles) in found.items():
        credentials = cors.element.attribute("allow-credentials")
        match policy.resolve(credentials) if credentials is not None else Known(""):
            case Known(value=text) if text.strip().lower() == "true":
                extra = ' together with allow-credentials="true"'
            case _:
                extra = ""
        yield Issue(
            f"{server.title} allows every origin (*{extra}), so any web page may call it from a visitor's browser; list the "
            "origins that need it, or remove cors",
            at=place,
            evidence=tuple(("entry path", title) for title in dict.fromkeys(titles)),
            confidence=server.confidence,
        )


def _wildcards(cors: Statement, policy: EffectivePolicy) -> Iterator[Location | Unknown]:
    origins = cors.element.find("allowed-origins")
    for origin in origins.elements if origins is not None else ():
        at = cors.value_at(origin.content)
        if origin.content.expressions:
            yield Unknown("an allowed origin, which an expression computes", "list the origins literally", at)
            continue
        match policy.resolve(origin.content):
            case Known(value=text) if text.strip() == "*":
                yield at
            case Known():
                pass
            case Unknown() as unknown:
                yield unknown
