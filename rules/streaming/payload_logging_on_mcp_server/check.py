"""MG202: bodies of MCP calls in a log, without a declared reason."""

from mcpguard.sdk import (
    Estate,
    Issue,
    Known,
    Location,
    McpServer,
    NotApplicable,
    Options,
    Unknown,
    Verdicts,
    effective_diagnostics,
)


def check(server: McpServer, estate: Estate, options: Options) -> Verdicts:
    """The four places of every diagnostic in effect, unless the manifest says why."""
    if not server.api:
        raise NotApplicable(f"{server.title} is not published through API Management")
    declaration = estate.declaration(server)
    declared = declaration.server.payload_logging if declaration else None
    if declared is not None and declared.reason.strip() and declared.until >= estate.as_of.date():
        return
    in_effect = effective_diagnostics(server, estate)
    for diagnostic in in_effect.items:
        places: list[tuple[str, Location, int]] = []
        for payload in diagnostic.payloads:
            match payload.bytes:
                case Known(value=size, at=at) if size > 0:
                    places.append((f"{payload.side}.{payload.message}.body.bytes", at or diagnostic.at, size))
                case Known():
                    pass
                case Unknown() as unknown:
                    yield unknown
        if places:
            seen = ", ".join(f"{name} {size}" for name, _, size in places)
            expired = f" (the reason in the manifest held until {declared.until})" if declared else ""
            yield Issue(
                f"{server.title} has bodies of its calls logged by diagnostic {diagnostic.name}: {seen}; set them to 0, or "
                f"declare payloadLogging with a reason and an end in the manifest{expired}",
                at=places[0][1],
                related=(
                    server.at.related("the MCP server"),
                    *(at.related(f"{name} is {size}") for name, at, size in places[1:]),
                ),
                evidence=tuple((name, str(size)) for name, _, size in places),
                confidence=server.confidence,
                key=diagnostic.name.lower(),
            )
    if in_effect.missing is not None:
        yield in_effect.missing
