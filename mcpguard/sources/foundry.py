"""Foundry projects: answers of the data plane (agents, toolboxes, connections), ``azure.yaml``, agent manifests, policies.

Shapes: facts/foundry.md 1.4, 3 and 3.1; azure.yaml: MicrosoftDocs/azure-ai-docs ``agents/concepts/azure-yaml-reference.md``.
What ARM answers (accounts, projects, connections, links, raiToolLabels) is in ARM shape already and comes through
:mod:`mcpguard.sources.arm`. Agents and toolboxes exist on the data plane only: they get the types ``foundry/agents``,
``foundry/agents/versions``, ``foundry/toolboxes``, ``foundry/toolboxes/versions``, ``foundry/connections``,
``foundry/projects``, ``foundry/skills`` and ``foundry/routines``. No answer names its project, so files of one folder count
as one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mcpguard.core.location import Route
from mcpguard.core.patterns import LazyPattern
from mcpguard.evidence import Gap, GapReason, Json, RawResource, Unresolved
from mcpguard.evidence.foundry_words import CATEGORIES, fold_auth_type, fold_category
from mcpguard.evidence.kinds import kind_of
from mcpguard.sources import masking
from mcpguard.sources.door import leaves
from mcpguard.sources.reading import Reading

FORMAT = "foundry"
ANSWERED = "foundry-data-plane"
"""The format of connections that the data plane answered: it leaves out some of what ARM says (evidence/formats.py)."""
CONNECTION_TYPES = frozenset(
    {
        "microsoft.cognitiveservices/accounts/connections",
        "microsoft.cognitiveservices/accounts/projects/connections",
        "microsoft.machinelearningservices/workspaces/connections",
    }
)
_OBJECTS = {
    "agent": "agents",
    "agent.version": "agents/versions",
    "toolbox": "toolboxes",
    "toolbox.version": "toolboxes/versions",
}
_DEFINITIONS = frozenset({"prompt", "hosted", "workflow", "external", "voice", "container_app", "containeragent"})
_HOSTS = {
    "azure.ai.project": "projects",
    "azure.ai.connection": "connections",
    "azure.ai.toolbox": "toolboxes",
    "azure.ai.agent": "agents",
    "azure.ai.skill": "skills",
    "azure.ai.routine": "routines",
}
_MANIFEST_KINDS = {"connection": "connections", "toolbox": "toolboxes"}
_CONNECTION_MEMBERS = (
    *("category", "target", "authType", "credentials", "metadata", "audience", "isSharedToAll", "authorizationUrl"),
    *("tokenUrl", "refreshUrl", "scopes", "isDefault"),
)
_MARK = LazyPattern(
    rb"""(?mi)^[ \t]*(?:-[ \t]+)?(?:host[ \t]*:[ \t]*["']?azure\.ai\.|server_label[ \t]*:|"""
    rb"""kind[ \t]*:[ \t]*["']?(?:connection|toolbox|hosted|prompt|containerAgent)\b)"""
)
_CONNECTIONS = LazyPattern(
    rb"(?i)microsoft\.(?:cognitiveservices/accounts|machinelearningservices/workspaces)/[a-z/]*connections"
)
_POLICY = "microsoft.authorization/policydefinitions"
_VARIABLE = re.compile(r"\$\{(?!\{)")


# -- connections of the data plane -----------------------------------------------------------------------------------


def is_connection(value: dict[str, Json]) -> bool:
    """Whether an object is a connection as the data plane answers it: its category is its type."""
    return isinstance(value.get("type"), str) and "target" in value and ("credentials" in value or "metadata" in value)


def take_connection(reading: Reading, value: dict[str, Json], route: Route, id: str = "", type: str = "") -> None:
    """Take it in ARM shape: the data plane names the category ``type`` and the authentication ``credentials.type``."""
    properties = {name: value[name] for name in _CONNECTION_MEMBERS if name in value}
    properties["category"] = fold_category(value["type"])
    credentials = value.get("credentials")
    if isinstance(credentials, dict) and isinstance(credentials.get("type"), str):
        properties["authType"] = fold_auth_type(credentials["type"])
        reading.moved[*route, "properties", "authType"] = (*route, "credentials", "type")
    reading.moved[*route, "properties"] = route
    reading.moved[*route, "properties", "category"] = (*route, "type")
    name = str(value.get("name") or "connection")
    id_ = id or _id(reading, "connections", name)
    body: dict[str, Json] = {"name": name, "properties": properties}
    reading.add(RawResource(id_, type or "foundry/connections", body, reading.at(*route), ANSWERED))
    reading.kind = FORMAT if reading.kind == ANSWERED else reading.kind


# -- agents and toolboxes of the data plane --------------------------------------------------------------------------


def take_answer(reading: Reading, value: dict[str, Json], route: Route) -> bool:
    """Take an agent, a toolbox, one of their versions, a connection or a list of them; False for anything else."""
    items = value.get("data")
    if isinstance(items, list) and ("has_more" in value or value.get("object") == "list"):
        return _take_list(reading, items, value, route)
    kind = _kind_of(value)
    if kind:
        _take_object(reading, value, kind, route)
    elif is_connection(value) and fold_category(value["type"]) in CATEGORIES:
        take_connection(reading, value, route)
    else:
        return False
    return True


def _take_list(reading: Reading, items: list[Json], value: dict[str, Json], route: Route) -> bool:
    kinds = [_kind_of(item) if isinstance(item, dict) else "" for item in items]
    if not any(kinds):
        return False
    for index, (item, kind) in enumerate(zip(items, kinds, strict=True)):
        if kind:
            _take_object(reading, item, kind, (*route, "data", index))
        else:
            reading.miss("an item of no known shape in a list of agents or toolboxes", reading.at(*route, "data", index))
    if value.get("has_more") is True:
        found = frozenset(kind_of(f"foundry/{kind}") for kind in kinds if kind)
        detail = f"{reading.path} holds only the first page of an answer"
        at = reading.at(*route, "has_more")
        remedy = "read the next pages too and scan them together"
        reading.gaps.append(Gap("", found, GapReason.INCOMPLETE_PAGE, detail, remedy, at))
    return True


def _kind_of(value: dict[str, Json]) -> str:
    """``agents``, ``toolboxes/versions``; empty for anything else."""
    if not isinstance(value.get("name"), str) or "properties" in value:
        return ""
    told = value.get("object")
    if isinstance(told, str) and told in _OBJECTS:
        return _OBJECTS[told]
    definition = value.get("definition")
    if isinstance(definition, dict) and str(definition.get("kind")).lower() in _DEFINITIONS:
        return "agents/versions" if "version" in value else "agents"
    if "default_version" in value:
        return "toolboxes"
    return "toolboxes/versions" if "version" in value and _has_tools(value) else ""


def _has_tools(value: dict[str, Json]) -> bool:
    tools = value.get("tools")
    return isinstance(tools, list) and any(isinstance(tool, dict) and isinstance(tool.get("type"), str) for tool in tools)


def _take_object(reading: Reading, value: dict[str, Json], kind: str, route: Route) -> None:
    collection, _, versions = kind.partition("/")
    id_ = _id(reading, collection, value["name"])
    if versions:
        id_ += f"/versions/{value.get('version') or 'latest'}"
    reading.add(RawResource(id_, f"foundry/{kind}", value, reading.at(*route), FORMAT))


def _id(reading: Reading, collection: str, name: str) -> str:
    """An id made of the file's folder, which stands for the project."""
    folder = reading.path.rpartition("/")[0].replace("/", "~") or "project"
    return f"/foundry/{folder}/{collection}/{name.replace('/', '~') or '~'}"


# -- definitions of Azure Policy in files of their own -----------------------------------------------------------------


def take_file(reading: Reading, value: dict[str, Json]) -> bool:
    """Take a file of a repository: a project, an agent's manifest or a policy definition; False for anything else."""
    return take_project(reading, value) or _take_policy(reading, value)


def _take_policy(reading: Reading, value: dict[str, Json]) -> bool:
    """Take a definition of Azure Policy that speaks of connections, as repositories keep it; False for anything else."""
    inner = value.get("properties")
    properties = inner if isinstance(inner, dict) else value
    rule = properties.get("policyRule")
    if not isinstance(rule, dict) or "if" not in rule or not _CONNECTIONS.search(reading.data):
        return False
    route: Route = ("properties",) if properties is inner else ()
    reading.moved[("properties",)] = route
    stem = reading.path.rpartition("/")[2].rpartition(".")[0]
    body = {"name": str(value.get("name") or stem), "properties": properties}
    reading.add(RawResource(f"file:{reading.path}", _POLICY, body, reading.at(), FORMAT))
    return True


# -- azure.yaml and manifests ----------------------------------------------------------------------------------------


def may_be_project(data: bytes) -> bool:
    """A quick test on the text of a YAML file."""
    return bool(_MARK.search(data))


def take_project(reading: Reading, value: dict[str, Json]) -> bool:
    """Take an ``azure.yaml``, an agent manifest, an ``agent.yaml`` or a toolbox file; False for anything else."""
    declared = list(_services(value)) or list(_manifest(value)) or list(_alone(reading, value))
    if declared:
        # The whole file is masked, also what belongs to no resource: the parameters of a manifest.
        whole = RawResource(f"file:{reading.path}", "foundry/file", value, reading.at(), FORMAT)
        reading.secrets |= masking.mask_body(whole)
    for collection, name, item, route in declared:
        _declare(reading, collection, name, item, route)
    return bool(declared)


_Declared = tuple[str, str, dict[str, Json], Route]


def _services(value: dict[str, Json]) -> Iterator[_Declared]:
    """The services of ``azure.yaml`` that Foundry hosts, and what older files keep in the ``config`` of an agent."""
    services = value.get("services")
    for key, service in services.items() if isinstance(services, dict) else ():
        host = service.get("host") if isinstance(service, dict) else None
        collection = _HOSTS.get(host) if isinstance(host, str) else None
        if collection is None:
            continue
        name = service.get("name")
        yield collection, name if isinstance(name, str) and name else str(key), service, ("services", key)
        config = service.get("config")
        if isinstance(config, dict):
            for member, kind in (
                ("toolboxes", "toolboxes"),
                ("connections", "connections"),
                ("toolConnections", "connections"),
            ):
                yield from _named(config.get(member), kind, ("services", key, "config", member))


def _manifest(value: dict[str, Json]) -> Iterator[_Declared]:
    """``agent.manifest.yaml``: a template of the agent, and the resources that it needs."""
    template, resources = value.get("template"), value.get("resources")
    if isinstance(template, dict) and str(template.get("kind")).lower() in _DEFINITIONS:
        name = template.get("name") or value.get("name")
        yield "agents", str(name or "agent"), template, ("template",)
    for index, resource in enumerate(resources if isinstance(resources, list) else ()):
        kind = _MANIFEST_KINDS.get(str(resource.get("kind"))) if isinstance(resource, dict) else None
        if kind and isinstance(resource.get("name"), str):
            yield kind, resource["name"], resource, ("resources", index)


def _alone(reading: Reading, value: dict[str, Json]) -> Iterator[_Declared]:
    """``agent.yaml``, and a file of tools as ``azd ai toolbox create --from-file`` takes it."""
    stem = reading.path.rpartition("/")[2].partition(".")[0]
    name = value.get("name")
    named = name if isinstance(name, str) and name else stem
    if str(value.get("kind")).lower() in _DEFINITIONS and value.keys() & {
        "model",
        "protocols",
        "tools",
        "instructions",
        "name",
    }:
        yield "agents", named, value, ()
    elif "services" not in value and "kind" not in value:
        tools = value.get("tools")
        if isinstance(tools, list) and any(isinstance(tool, dict) and tool.get("type") == "mcp" for tool in tools):
            yield "toolboxes", named, value, ()


def _named(items: Json, kind: str, route: Route) -> Iterator[_Declared]:
    for index, item in enumerate(items if isinstance(items, list) else ()):
        if isinstance(item, dict) and isinstance(item.get("name"), str):
            yield kind, item["name"], item, (*route, index)


def _declare(reading: Reading, collection: str, name: str, item: dict[str, Json], route: Route) -> None:
    """Take something that a file of the repository declares; what a variable gives is computed."""
    included = item.get("$ref")
    if isinstance(included, str):
        detail = f"{reading.path} takes {name} from {included[:80]}, which is not followed"
        remedy = "scan the answer of the data plane (GET /agents, /toolboxes, /connections of the project) as well"
        kinds = frozenset({kind_of(f"foundry/{collection}")})
        id_ = _id(reading, collection, name).lower()
        reading.gaps.append(Gap(id_, kinds, GapReason.NOT_COLLECTED, detail, remedy, reading.at(*route, "$ref")))
    body = item
    if collection == "connections":
        properties: dict[str, Json] = {member: item[member] for member in _CONNECTION_MEMBERS if member in item}
        for member, folded in (("category", fold_category), ("authType", fold_auth_type)):
            if isinstance(properties.get(member), str):
                properties[member] = folded(properties[member])
        body = {"name": name, "properties": properties}
        reading.moved[*route, "properties"] = route
    resource = RawResource(_id(reading, collection, name), f"foundry/{collection}", body, reading.at(*route), FORMAT)
    reading.add(resource)
    _compute(resource.body)


def _compute(holder: Json) -> None:
    """Put ``Unresolved`` where azd puts a variable in, in place; ``${{…}}`` is for the service and stays."""
    for current, key, value in leaves(holder):
        if isinstance(value, str) and _VARIABLE.search(value):
            current[key] = Unresolved(value)
