"""The part of SARIF 2.1.0 that mcpguard writes, as types; fields at their default are left out."""

from __future__ import annotations

import msgspec


class Sarif(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Base of every SARIF object."""


class Message(Sarif, frozen=True):
    """Plain text, with an optional Markdown form where SARIF allows one."""

    text: str
    markdown: str | None = None


class Configuration(Sarif, frozen=True):
    """A rule's default configuration."""

    level: str


class Descriptor(Sarif, frozen=True):
    """A rule, or a kind of notification."""

    id: str
    name: str | None = None
    short_description: Message | None = None
    full_description: Message | None = None
    help: Message | None = None
    default_configuration: Configuration | None = None
    properties: dict[str, object] | None = None


class Driver(Sarif, frozen=True):
    """The tool."""

    name: str
    semantic_version: str
    rules: list[Descriptor]
    notifications: list[Descriptor]


class Tool(Sarif, frozen=True):
    """The tool without extensions."""

    driver: Driver


class Content(Sarif, frozen=True):
    """A piece of a file."""

    text: str


class Region(Sarif, frozen=True):
    """Lines and columns; columns count Unicode code points."""

    start_line: int
    start_column: int | None = None
    end_line: int | None = None
    end_column: int | None = None
    snippet: Content | None = None


class ArtifactLocation(Sarif, frozen=True):
    """A file, by a URI relative to a base that the consumer knows."""

    uri: str
    uri_base_id: str | None = None


class PhysicalLocation(Sarif, frozen=True):
    """A region of a file."""

    artifact_location: ArtifactLocation
    region: Region | None = None
    context_region: Region | None = None


class LogicalLocation(Sarif, frozen=True):
    """A resource."""

    name: str
    fully_qualified_name: str
    kind: str


class Location(Sarif, frozen=True):
    """A place; ``id`` is what links in a message refer to."""

    id: int | None = None
    physical_location: PhysicalLocation | None = None
    logical_locations: list[LogicalLocation] | None = None
    message: Message | None = None


class FlowLocation(Sarif, frozen=True):
    """One step of a flow."""

    location: Location


class ThreadFlow(Sarif, frozen=True):
    """The steps of a flow."""

    locations: list[FlowLocation]


class CodeFlow(Sarif, frozen=True):
    """A flow."""

    thread_flows: list[ThreadFlow]


class Result(Sarif, frozen=True, kw_only=True):
    """One finding."""

    rule_id: str
    rule_index: int
    level: str
    message: Message
    locations: list[Location]
    related_locations: list[Location] | None = None
    code_flows: list[CodeFlow] | None = None
    partial_fingerprints: dict[str, str]
    fingerprints: dict[str, str]
    properties: dict[str, object]


class Reference(Sarif, frozen=True):
    """A descriptor, by id."""

    id: str
    index: int | None = None


class Notification(Sarif, frozen=True, kw_only=True):
    """Something about the run rather than about the input."""

    descriptor: Reference
    associated_rule: Reference | None = None
    level: str
    message: Message
    locations: list[Location] | None = None


class Invocation(Sarif, frozen=True):
    """The run."""

    execution_successful: bool
    tool_execution_notifications: list[Notification] | None = None


class AutomationDetails(Sarif, frozen=True):
    """The category under which runs are kept apart."""

    id: str


class Run(Sarif, frozen=True):
    """One run of the tool."""

    tool: Tool
    automation_details: AutomationDetails
    invocations: list[Invocation]
    column_kind: str
    results: list[Result]
    properties: dict[str, object]


class Log(Sarif, frozen=True, kw_only=True):
    """The file."""

    schema: str = msgspec.field(name="$schema")
    version: str
    runs: list[Run]
