"""What would show a call of a server afterwards: diagnostics of the gateway, telemetry settings of the hosts."""

from __future__ import annotations

from collections.abc import Iterator

from mcpguard.core.facts import Known, Unknown
from mcpguard.inventory.entries import entry
from mcpguard.inventory.ways import hosts_behind
from mcpguard.model.estate import Estate
from mcpguard.model.kinds.hosting import Host, Site
from mcpguard.model.kinds.mcp import McpServer
from mcpguard.model.sheet import Entry
from mcpguard.model.telemetry import effective_diagnostics

_TELEMETRY_SETTINGS = ("applicationinsights_connection_string", "appinsights_instrumentationkey")


def evidence_entries(server: McpServer, estate: Estate) -> Iterator[Entry]:
    """Diagnostics in effect at the gateway, and what each host says of Application Insights."""
    if server.api:
        found = effective_diagnostics(server, estate)
        for diagnostic in found.items:
            shown = entry("gateway diagnostic", diagnostic.logger, lambda logger: logger.rsplit("/", 1)[-1] or "no logger")
            bodies = sorted(
                f"{payload.side} {payload.message}"
                for payload in diagnostic.payloads
                if isinstance(payload.bytes, Known) and payload.bytes.value > 0
            )
            note = f"logs bodies of {', '.join(bodies)}" if bodies else ""
            yield Entry("gateway diagnostic", f"{diagnostic.name} to {shown.text or 'a logger not read'}", diagnostic.at, note)
        if found.missing is not None:
            yield Entry("gateway diagnostic", "", found.missing.at, "", found.missing)
        elif not found.items:
            yield Entry("gateway diagnostic", "none", server.at)
    for host in hosts_behind(server, estate):
        yield from _of_host(host)


def _of_host(host: Host) -> Iterator[Entry]:
    if not isinstance(host, Site):
        return
    match host.app_settings:
        case Known(value=settings, at=at):
            names = [name for name in _TELEMETRY_SETTINGS if name in settings]
            yield Entry("Application Insights", "set" if names else "not set", at, host.title)
        case Unknown() as unknown:
            yield Entry("Application Insights", "", unknown.at, host.title, unknown)
