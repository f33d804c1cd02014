"""Foundry's data plane into kinds: agents, toolboxes and their versions. Shapes: facts/foundry.md 3 (azure-ai-projects 2.10.0).

What ``collect`` wrote names its project. An answer that somebody saved does not, so files of one folder are one project, and
which one it is in Azure is known only where an id, an address or the folder's own name says so exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from mcpguard.core.facts import Fact, Known, Members, Unknown
from mcpguard.core.patterns import LazyPattern
from mcpguard.evidence import Json, RawResource, resource_key
from mcpguard.model.kinds.entity import Entity
from mcpguard.model.kinds.foundry import (
    CODE_DEFINITIONS,
    AgentVersion,
    FoundryAgent,
    FoundryTool,
    HeldSecret,
    Toolbox,
    ToolboxVersion,
    project_key,
)
from mcpguard.normalize.fields import absent_member, base_of, fact, last_segment, lookup, not_usable, parent_key, text
from mcpguard.normalize.foundry import ACCOUNT, FoundryIndex, held_secrets, sub_domain
from mcpguard.normalize.foundry_tools import read_tools

_FOLDED = {"containeragent": "hosted", "container_app": "hosted"}
_IN_PROJECT = LazyPattern(r"/providers/microsoft\.cognitiveservices/accounts/[^/]+/projects/[^/]+/connections/")
_ENDPOINT = LazyPattern(r"^https://([a-z0-9\-]+)\.services\.ai\.azure\.com/api/projects/([^/?#]+)")


class _Version(msgspec.Struct, frozen=True):
    """Where one version of an agent or toolbox stands: a resource of its own, or a part of its parent."""

    raw: RawResource
    steps: tuple[str | int, ...]
    """To the version's object within the body."""
    name: str

    def text(self, *steps: str) -> str:
        return text(self.raw, *self.steps, *steps)


def data_plane(index: FoundryIndex) -> Iterator[tuple[Entity, str]]:
    """Every agent and toolbox, each with the key of its project or folder."""
    agents = [_agent(*found) for found in _grouped(index, "agents")]
    toolboxes = [_toolbox(*found) for found in _grouped(index, "toolboxes")]
    homes = _Homes(index)
    for agent in agents:
        homes.learn(agent.home, [tool for version in agent.versions for tool in version.tools.items])
    for toolbox in toolboxes:
        homes.learn(toolbox.home, [tool for version in toolbox.versions for tool in version.tools.items])
    entities: list[FoundryAgent | Toolbox] = [*agents, *toolboxes]
    for entity in entities:
        project = homes.project_of(entity)
        yield msgspec.structs.replace(entity, project=project), project.value if isinstance(project, Known) else entity.home


def _grouped(index: FoundryIndex, collection: str) -> Iterator[tuple[str, RawResource | None, list[RawResource]]]:
    """Key, the resource itself as far as it was read, and its versions that were read by themselves."""
    alone = {raw.key: raw for raw in index.of(f"foundry/{collection}")}
    versions: dict[str, list[RawResource]] = {}
    for raw in index.of(f"foundry/{collection}/versions"):
        versions.setdefault(parent_key(raw.key), []).append(raw)
    for key in dict.fromkeys((*alone, *versions)):
        yield key, alone.get(key), versions.get(key, [])


def home_of(key: str) -> str:
    """Key of the project or folder below which something of the data plane was read."""
    return "/".join(key.split("/")[:3]) if key.startswith("/foundry/") else project_key(key)


def _versions(raw: RawResource | None, alone: Iterable[RawResource]) -> tuple[list[_Version], str]:
    """The versions that were read, by rising number, and the one that the resource calls its latest; empty if none."""
    found = {name: _Version(own, (), name) for own in alone if (name := _number(own.body.get("version")))}
    latest = ""
    if raw is not None:
        latest = _number(lookup(raw.body, ("versions", "latest", "version")))
        inner = lookup(raw.body, ("versions", "latest"))
        if latest and isinstance(inner, dict) and inner.keys() & {"definition", "tools"}:
            found.setdefault(latest, _Version(raw, ("versions", "latest"), latest))
    return sorted(found.values(), key=lambda version: (not version.name.isdigit(), version.name.zfill(12))), latest


def _number(value: Json) -> str:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


# -- agents ----------------------------------------------------------------------------------------------------------


def _agent(key: str, raw: RawResource | None, alone: list[RawResource]) -> FoundryAgent:
    found, latest = _versions(raw, alone)
    if raw is not None and not found and not latest:
        found = [_Version(raw, (), "")]
    versions = [_agent_version(version) for version in found]
    own = raw or found[-1].raw
    if latest and latest not in {version.name for version in found}:
        versions.append(_unread_version(own, latest))
    elif latest:
        versions.sort(key=lambda version: version.version == latest)
    missing = Unknown(f"the identity of agent {last_segment(key)}", "add the answer of GET /agents of the project", own.origin)
    return FoundryAgent(
        **{**base_of(own), "id": own.id if raw else parent_key(own.id), "key": key, "name": _name(own, key)},  # type: ignore[arg-type]
        home=home_of(key),
        project=missing,
        state=_state(raw, own),
        versions=tuple(versions),
        client_id=_identity(raw, own, "client_id", missing),
        principal_id=_identity(raw, own, "principal_id", missing),
    )


def _name(raw: RawResource, key: str) -> str:
    return text(raw, "name") or last_segment(key)


def _state(raw: RawResource | None, own: RawResource) -> Fact[str]:
    missing = absent_member(own, "state", "add the answer of GET /agents of the project")
    found = fact(raw, ("state",), str, missing) if raw is not None else missing
    return Known(found.value.lower(), found.at) if isinstance(found, Known) else found


def _identity(raw: RawResource | None, own: RawResource, name: str, missing: Unknown) -> Fact[str]:
    """Of the agent, else of the version that was read; an agent that shares its project's identity has none of its own."""
    places: tuple[tuple[RawResource | None, tuple[str, ...]], ...] = (
        (raw, ("instance_identity", name)),
        (raw, ("versions", "latest", "instance_identity", name)),
        (own, ("instance_identity", name)),
    )
    for holder, steps in places:
        if holder is not None and isinstance(value := lookup(holder.body, steps), str):
            return Known(value.lower(), holder.origin.child(*steps))
    if raw is not None and "versions" in raw.body:
        return Known("", raw.origin)
    return missing


def _unread_version(raw: RawResource, name: str) -> AgentVersion:
    missing = Unknown(
        f"version {name} of agent {_name(raw, raw.key)}", "add the answer of GET /agents/{name}/versions", raw.origin
    )
    return AgentVersion(name, missing, Members((), missing), (), (), frozenset(), {}, raw.origin)


def _agent_version(version: _Version) -> AgentVersion:
    raw = version.raw
    nested = (*version.steps, "definition")
    steps = nested if isinstance(lookup(raw.body, nested), dict) else version.steps
    definition = _definition(raw, steps)
    kind = definition.value if isinstance(definition, Known) else ""
    inputs = lookup(raw.body, (*steps, "structured_inputs"))
    metadata = lookup(raw.body, (*version.steps, "metadata"))
    return AgentVersion(
        version.name,
        definition,
        _tools_of(raw, steps, "workflow" if lookup(raw.body, (*steps, "conversation_engine")) else kind),
        tuple(_toolboxes(raw, steps)),
        tuple(_variables(raw, steps)),
        frozenset(map(str, inputs)) if isinstance(inputs, dict) else frozenset(),
        {str(key): value for key, value in metadata.items() if isinstance(value, str)} if isinstance(metadata, dict) else {},
        raw.origin.child(*version.steps),
    )


def _definition(raw: RawResource, steps: tuple[str | int, ...]) -> Fact[str]:
    remedy = "scan the agent's own file or the answer of GET /agents of the project as well"
    found = fact(raw, (*steps, "kind"), str, absent_member(raw, "kind", remedy))
    match found:
        case Known(value=value, at=at):
            return Known(_FOLDED.get(value.lower(), value.lower()), at)
        case Unknown():
            return found


def _tools_of(raw: RawResource, steps: tuple[str | int, ...], kind: str) -> Members[FoundryTool]:
    found = read_tools(raw, (*steps, "tools"))
    if kind in CODE_DEFINITIONS:
        missing = Unknown(
            f"the tools of {kind} agent {_name(raw, raw.key)}, which no API lists",
            "declare them in the manifest under the servers that it calls",
            raw.origin.child(*steps),
        )
        return Members(found.items, missing)
    if not kind and not found.items:
        missing = Unknown(
            f"the tools of agent {_name(raw, raw.key)}, whose kind was not read",
            "scan the agent's own file or the answer of GET /agents of the project as well",
            raw.origin.child(*steps),
        )
        return Members((), missing)
    return found


def _toolboxes(raw: RawResource, steps: tuple[str | int, ...]) -> Iterator[str]:
    """Names in ``toolboxes``, and in ``TOOLBOX_NAME``, by which a hosted agent finds its own (facts/foundry.md 3.1)."""
    listed = lookup(raw.body, (*steps, "toolboxes"))
    for item in listed if isinstance(listed, list) else []:
        name = item if isinstance(item, str) else lookup(item, ("name",))
        if isinstance(name, str):
            yield name
    for variable in _variables(raw, steps):
        if variable.name.upper() == "TOOLBOX_NAME" and isinstance(variable.value, Known) and variable.value.value:
            yield variable.value.value


def _variables(raw: RawResource, steps: tuple[str | int, ...]) -> Iterator[HeldSecret]:
    for name in ("environment_variables", "environmentVariables", "env"):
        yield from held_secrets(raw, (*steps, name))


# -- toolboxes -------------------------------------------------------------------------------------------------------


def _toolbox(key: str, raw: RawResource | None, alone: list[RawResource]) -> Toolbox:
    found, latest = _versions(raw, alone)
    own = raw or found[-1].raw
    # A file of a repository has the tools in itself; the service's own answers always name a default version.
    is_declared = raw is not None and "default_version" not in raw.body
    if raw is not None and is_declared and not found:
        found = [_Version(raw, (), "")]
    versions = [_toolbox_version(version) for version in found]
    remedy = "add the answer of GET /toolboxes of the project"
    default: Fact[str] = absent_member(own, "default_version", remedy)
    if is_declared:
        default = Known("", own.origin, "a toolbox that azd deploys serves its newest version")
    elif raw is not None:
        number = _number(raw.body.get("default_version")) or latest
        default = Known(number, raw.origin.child("default_version")) if number else default
    serving: Fact[ToolboxVersion] = default if isinstance(default, Unknown) else _unread_default(own, default.value)
    for version in versions:
        if isinstance(default, Known) and version.version == default.value:
            serving = Known(version, version.at)
    versions.sort(key=lambda version: isinstance(default, Known) and version.version == default.value)
    return Toolbox(
        **{**base_of(own), "id": own.id if raw else parent_key(own.id), "key": key, "name": _name(own, key)},  # type: ignore[arg-type]
        home=home_of(key),
        project=Unknown("its project", remedy, own.origin),
        default_version=default,
        versions=tuple(versions),
        default=serving,
    )


def _unread_default(raw: RawResource, number: str) -> Unknown:
    what = f"version {number} of toolbox {_name(raw, raw.key)}, which it serves"
    return Unknown(what, "add the answer of GET /toolboxes/{name}/versions", raw.origin)


def _toolbox_version(version: _Version) -> ToolboxVersion:
    raw, steps = version.raw, version.steps
    tools = read_tools(raw, (*steps, "tools"))
    by_name = read_tools(raw, (*steps, "connections"), connections=True)
    if isinstance(lookup(raw.body, (*steps, "$ref")), str) and not tools.items:
        tools = Members(
            (), Unknown(f"the tools of toolbox {_name(raw, raw.key)}", "scan the file that it includes", raw.origin)
        )
    return ToolboxVersion(
        version.name,
        Members((*tools.items, *by_name.items), tools.missing or by_name.missing),
        _guardrail(raw, steps),
        raw.origin.child(*steps),
    )


def _guardrail(raw: RawResource, steps: tuple[str | int, ...]) -> Fact[bool]:
    at = (*steps, "policies")
    value = lookup(raw.body, at)
    if isinstance(value, list):  # azure.yaml: [{type: rai_policy, …}]
        return Known(any(lookup(item, ("type",)) == "rai_policy" for item in value), raw.origin.child(*at))
    inner = lookup(value, ("rai_config",))
    if value is None or (isinstance(value, dict) and (inner is None or isinstance(inner, dict))):
        return Known(bool(inner), raw.origin.child(*at) if value is not None else raw.origin.child(*steps))
    return not_usable(raw, at, value, "an object")


# -- which project a folder is ---------------------------------------------------------------------------------------


class _Homes:
    """What says to which project in Azure the files of a folder belong."""

    def __init__(self, index: FoundryIndex) -> None:
        self._claims: dict[str, dict[str, str]] = {}
        self._projects: dict[str, list[str]] = {}
        for raw in index.of(f"{ACCOUNT}/projects"):
            self._projects.setdefault(last_segment(raw.key), []).append(raw.key)
        self._accounts = {sub_domain(raw): raw.key for raw in index.of(ACCOUNT)}
        for raw in index.of(f"{ACCOUNT}/projects/connections"):
            if raw.format == "foundry-data-plane":
                self._claim(_folder(raw), parent_key(raw.key), "a connection that was read beside it names it")
        for raw in index.of("foundry/projects"):
            self._address(home_of(raw.key), text(raw, "endpoint"))

    def learn(self, home: str, tools: Iterable[FoundryTool]) -> None:
        """Take note of what the tools of an agent or toolbox say."""
        for tool in tools:
            match tool.connection:
                case Known(value=id_) if _IN_PROJECT.search(id_.lower()):
                    project = project_key(resource_key(id_))
                    self._claim(home, project, "the id of a connection names it")
                case _:
                    pass
            match tool.url:
                case Known(value=url) if url is not None:
                    self._address(home, url.text)
                case _:
                    pass

    def _address(self, home: str, address: str) -> None:
        """An address of the project's own toolboxes names the project."""
        match = _ENDPOINT.search(address.lower())
        if match is not None and match[1] in self._accounts:
            project = f"{self._accounts[match[1]]}/projects/{match[2]}"
            self._claim(home, project, "the address of its endpoint names it")

    def _claim(self, home: str, project: str, why: str) -> None:
        self._claims.setdefault(home, {}).setdefault(project, why)

    def project_of(self, entity: FoundryAgent | Toolbox) -> Fact[str]:
        """The key of the project in Azure, or why it is not known."""
        home = entity.home
        if not home.startswith("/foundry/"):
            return Known(home, entity.at)
        folder = last_segment(home).rpartition("~")[2]
        claims: Mapping[str, str] = self._claims.get(home, {})
        named = self._projects.get(folder, [])
        if not claims and len(named) == 1:
            return Known(named[0], entity.at)
        if len(claims) == 1:
            return Known(next(iter(claims)), entity.at)
        why = "files beside it name several" if claims else f"several are called {folder}" if named else "nothing names it"
        return Unknown(
            f"the project in Azure to which {entity.title} belongs ({why})",
            "name the folder like the project, or collect with mcpguard collect, which keeps projects apart",
            entity.at,
        )


def _folder(raw: RawResource) -> str:
    """The key that files beside this one stand for; see :mod:`mcpguard.sources.foundry`."""
    return "/foundry/" + (raw.origin.artifact.rpartition("/")[0].replace("/", "~") or "project").lower()
