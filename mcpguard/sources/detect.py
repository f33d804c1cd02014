"""What a file is, told by its content; a name only chooses between reasons for leaving a file alone."""

from __future__ import annotations

import re

import msgspec

from mcpguard.core.jsontext import Decoded, JsonError, decode, decode_lines, duplicate_keys
from mcpguard.core.location import Route
from mcpguard.core.patterns import LazyPattern
from mcpguard.evidence import Json
from mcpguard.sources import answers, template_shapes
from mcpguard.sources.files import Source
from mcpguard.sources.reading import Reading, number_of

_LEADING = re.compile(rb"(?s)(?:\s++|//[^\r\n]*+|/\*.*?\*/)*+")
_OURS = LazyPattern(
    rb'"@odata\.context"|deploymentTemplate\.json|/subscriptions/|"Microsoft\.[A-Z]\w+/|"mcpServers"|"extensionBundle"'
    rb'|"customHandler"|"servers"\s*:\s*\{|"identifierUris"|"servicePrincipalType"|"requiredResourceAccess"'
    rb'|"mcpguard/v|"properties"\s*:\s*\{|"AppId"|"accessTokenAcceptedVersion"|"imageVersion"|"runtimeUri"|"tables"'
    rb'|"planned_values"|"terraform_version"'
)
_YAML_KEY = LazyPattern(rb"(?m)^(apiVersion|kind|servers|openapi|swagger|asyncapi)\s*:")
_LOOK_AT = 65536
_MAX_NESTED_LISTS = 3
_UNKNOWN_JSON = "JSON, but of no shape that mcpguard knows"
_TERRAFORM_JSON = "Terraform written as JSON is not read; scan the output of terraform show -json"
_UNKNOWN = "no format that mcpguard knows"
_HCL = (".tf", ".tfvars")


def take_file(source: Source) -> Reading:
    """Read one file of any format."""
    reading = Reading(source.path, source.data, note=source.note)
    if source.path.endswith((".bicep", ".bicepparam")):
        reading.kind = reading.text_format = "bicep"  # read when all files are: they name each other
        return reading
    data = source.data
    if source.path.endswith(_HCL):
        reading.text_format = "hcl"  # evaluated when all files are read
        return reading
    leading = _LEADING.match(data)
    first = data[leading.end() : leading.end() + 1] if leading else b""
    if data.lstrip()[:1] == b"<":
        _take_xml(reading)
    elif first in (b"{", b"["):
        _take_json(reading)
    else:
        _take_other(reading, source)
    return reading


def _take_other(reading: Reading, source: Source) -> None:
    from mcpguard.sources import manifests

    if manifests.is_manifest_text(source.data):
        manifests.take_yaml(reading)
        return
    from mcpguard.sources import yaml_files

    if _take_kubernetes(reading) or _take_table(reading):
        return
    if not (yaml_files.may_be_ours(source.data) and yaml_files.take_yaml(reading)):
        reading.skip(_reason(source))


def _take_kubernetes(reading: Reading) -> bool:
    if b"kind" not in reading.data:
        return False
    from mcpguard.sources import kubernetes

    if kubernetes.is_gateway_text(reading.data):
        kubernetes.take_yaml(reading)
        return True
    return False


def _take_table(reading: Reading) -> bool:
    if b"," not in reading.data[:4096]:
        return False
    from mcpguard.sources import query_results

    if query_results.is_csv(reading.data):
        query_results.take_csv(reading)
        return True
    return False


def _reason(source: Source) -> str:
    keys = set(_YAML_KEY.findall(source.data))
    if keys == {b"servers"}:
        return "YAML, but no manifest: apiVersion: mcpguard/v1 and kind: McpInventory are missing"
    if {b"apiVersion", b"kind"} <= keys:
        return "YAML, but no manifest"
    return _UNKNOWN


def _take_xml(reading: Reading) -> None:
    from mcpguard.sources import policies

    text = reading.data.decode("utf-8", "replace")
    if policies.is_policy(text):
        policies.take_policy(reading, text)
    else:
        reading.skip("XML, but no policy")


# -- JSON ------------------------------------------------------------------------------------------------------------


def read_json(reading: Reading, *, certain: bool = False) -> Decoded | list[Json] | None:
    """Decode a file as JSON or JSON lines. None: it is neither, and the reading says so.

    Text that is no JSON is given up with its place when it is ``certain`` to be meant as one of ours, or looks so;
    otherwise it is left alone.
    """
    try:
        decoded = decode(reading.data)
    except JsonError as error:
        values = _lines(reading, error, certain=certain)
        if values is None:
            return None
        reading.text_format = "jsonl"
        return values
    reading.text_format = "jsonc" if decoded.relaxed else "json"
    return decoded


def note_repeated_keys(reading: Reading, repeated: list[tuple[Route, str]]) -> None:
    """Note objects in which a key occurs twice, for files of a known shape."""
    for route, key in repeated:
        detail = f"key {key[:80]} occurs twice in one object at {_dotted(route)}; the last one was used"
        reading.miss(detail, reading.at(*route))


def _dotted(route: Route) -> str:
    return ".".join(map(str, route))[:200] or "the top level"


def _lines(reading: Reading, error: JsonError, *, certain: bool) -> list[Json] | None:
    """The values of JSON lines; None when the file is no JSON at all, and ``error`` or a better one is noted."""
    first, newline, _ = reading.data.lstrip().partition(b"\n")
    if newline:
        try:
            value = msgspec.json.decode(first)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            value = None
        if isinstance(value, dict | list):
            try:
                return [value for _, value in decode_lines(reading.data)]
            except JsonError as better:
                error = better
    if certain or _OURS.search(reading.data[:_LOOK_AT]):
        reading.fail_json(error)
    else:
        reading.skip("starts like JSON, but is none")
    return None


def _take_json(reading: Reading) -> None:
    found = read_json(reading, certain=_is_exported(reading.path))
    if found is None:
        return
    value: Json = found.value if isinstance(found, Decoded) else found
    # Before anything is taken: taking masks secrets in place, and then the text is no longer what was decoded.
    repeated = duplicate_keys(found) if isinstance(found, Decoded) else []
    if not _take(reading, value, ()):
        reading.skip(_TERRAFORM_JSON if reading.path.endswith(".tf.json") else _UNKNOWN_JSON)
    else:
        note_repeated_keys(reading, repeated)


def _is_exported(path: str) -> bool:
    """Whether a path is one that EntraExporter gives its files: ``…/<id>/<id>.json``."""
    parts = path.rsplit("/", 2)
    if len(parts) < 3 or f"{parts[1]}.json" != parts[2]:
        return False
    from mcpguard.sources import graph

    return graph.place_of(path).exporter


def take_value(reading: Reading, value: Json) -> bool:
    """Take whatever a decoded document is; False when it is of no known shape."""
    return _take(reading, value, ())


def _take(reading: Reading, value: Json, route: Route) -> bool:
    """Take whatever a value is; False when it is of no known shape."""
    if isinstance(value, list):
        return _take_list(reading, value, route)
    if not isinstance(value, dict):
        return False
    if answers.is_resource(value):
        answers.take_resource(reading, value, route)
        return True
    if isinstance(value.get("value"), list) and not isinstance(value.get("type"), str):
        return _take_page(reading, value, route)
    from mcpguard.sources import graph

    if graph.take_single(reading, value, route) or _take_file_shape(reading, value, route):
        return True
    if isinstance(value.get("data"), list) and value.keys() & {"total_records", "totalRecords", "count"}:
        first = len(reading.resources)
        taken = _take_items(reading, value["data"], (*route, "data"))
        answers.take_rows(reading, value, route, first)
        return taken
    if code := answers.error_code(value):
        reading.kind = answers.FORMAT
        reading.miss(f"Azure answered {code} instead of a resource", reading.at(*route, "error"))
        return True
    return False


def _take_list(reading: Reading, value: list[Json], route: Route) -> bool:
    first = len(reading.resources)
    if not value:
        if not _is_whole_relation(reading, 0, first):
            reading.skip("an empty list, which does not say what it would have listed")
        return True
    if not route and isinstance(value[0], dict) and ("TableName" in value[0] or "category" in value[0]):
        from mcpguard.sources import query_results

        if query_results.is_row(value[0]):
            query_results.take_rows(reading, value, route)
            return True
    if isinstance(value[0], dict) and "slotSetting" in value[0]:
        from mcpguard.sources import azure_cli

        if azure_cli.is_settings(value):
            azure_cli.take_settings(reading, value, route)
            return True
    taken = len(route) <= _MAX_NESTED_LISTS and _take_items(reading, value, route)
    if taken and not route and reading.resources[-1:] and reading.resources[-1].type.startswith("microsoft.graph/"):
        _is_whole_relation(reading, len(value), first)
    return taken


def _is_whole_relation(reading: Reading, count: int, first: int) -> bool:
    from mcpguard.sources import graph

    return graph.take_bare_list(reading, count, first)


def _take_file_shape(reading: Reading, value: dict[str, Json], route: Route) -> bool:
    from mcpguard.sources import (  # answers of az rest never come here
        azure_cli,
        foundry,
        hosts,
        kubernetes,
        manifests,
        mcp_clients,
        mcp_gateway,
        query_results,
        registry_entries,
        terraform,
    )

    if mcp_gateway.take(reading, value, route):
        pass
    elif not route and kubernetes.is_object(value) and not manifests.is_manifest(value):
        kubernetes.take_objects(reading, [(value, route)])
    elif query_results.is_result(value):
        query_results.take_result(reading, value, route)
    elif not route and query_results.is_line(value):
        query_results.take_rows(reading, [value], ())
    elif template_shapes.is_template(value):
        _put_by(reading, value, route)
    elif isinstance(value.get("template"), dict) and template_shapes.is_template(value["template"]):
        _put_by(reading, value["template"], (*route, "template"))
        if value.get("error"):
            reading.miss("Azure could not export all resources", reading.at(*route, "error"))
    elif template_shapes.is_parameters(value):
        reading.parameters = value if not route else None
        reading.skip("parameters of a template; scan the template")
    elif not route and manifests.is_manifest(value):
        manifests.take_manifest(reading, value)
    elif not route and hosts.take_file(reading, value):
        pass
    elif registry_entries.is_entry(value):
        registry_entries.take_entry(reading, value, route)
    elif not route and (entries := registry_entries.entries_in(value)):
        for entry, place in entries:
            registry_entries.take_entry(reading, entry, place)
    elif azure_cli.is_platform_auth(value):
        azure_cli.take_platform_auth(reading, value, route)
    elif foundry.take_answer(reading, value, route) or (not route and foundry.take_file(reading, value)):
        pass
    elif not route and (client := mcp_clients.find_client(value)):
        mcp_clients.take_client(reading, *client)
    elif "format_version" in value and terraform.is_terraform(value):
        terraform.take_terraform(reading, value, route)
    elif terraform.is_raw_state(value):
        reading.skip("a state file of Terraform itself; scan the output of terraform show -json")
    else:
        return False
    return True


def _put_by(reading: Reading, template: dict[str, Json], route: Route) -> None:
    """A template is evaluated when all files are read: its parameters may stand in another one."""
    reading.kind = reading.kind or template_shapes.TEMPLATE
    reading.templates.append((template, route))


def _take_page(reading: Reading, value: dict[str, Json], route: Route) -> bool:
    """Take a list answer of ARM or Graph."""
    if "@odata.context" in value:
        from mcpguard.sources import graph

        if graph.take_answer(reading, value, route):
            return True
    first = len(reading.resources)
    version = answers.api_version_of(value.get("nextLink"))
    if not value["value"]:
        return _take_list(reading, [], route)
    if not _take_items(reading, value["value"], (*route, "value"), version):
        return False
    if all(resource.format == answers.FORMAT for resource in reading.resources[first:]):
        answers.take_page(reading, value, route, first)
    else:
        from mcpguard.sources import graph

        graph.take_page(reading, value, graph.context_of(value), route, first)
    return True


def _take_items(reading: Reading, items: list[Json], route: Route, api_version: str = "") -> bool:
    """Take each item of a list; the ones of no known shape are named when others are known."""
    unknown: list[int] = []
    for index, item in enumerate(items):
        place = (*route, index)
        if isinstance(item, dict) and answers.is_resource(item):
            answers.take_resource(reading, item, place, api_version)
        elif not _take(reading, item, place):
            unknown.append(index)
    if unknown and len(unknown) < len(items):
        named = ", ".join(map(str, unknown[:5])) + (" …" if len(unknown) > 5 else "")
        what = number_of(len(unknown), "item")
        reading.miss(f"{what} of no known shape in a list (index {named})", reading.at(*route, unknown[0]))
    return len(unknown) < len(items)
