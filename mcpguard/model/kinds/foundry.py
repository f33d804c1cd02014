"""Microsoft Foundry: accounts, projects, connections, agents, toolboxes, and what ties them to a gateway.

Shapes: facts/foundry.md sections 1 to 3. Words of enumerations are kept as written unless a field says that it is folded: the
service knows more of them than any SDK.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from mcpguard.core.facts import Fact, Known, Members, Unknown
from mcpguard.core.location import Location
from mcpguard.evidence.redaction import is_credential_name
from mcpguard.model.kinds.entity import Entity
from mcpguard.model.kinds.mcp import Url

REMOTE_TOOL = "RemoteTool"
"""The category of connections to MCP servers."""
SECRET_AUTH = frozenset({"CustomKeys", "ApiKey", "PAT", "AccessKey", "AccountKey", "SAS", "UsernamePassword"})
"""Authentication types of connections in which everybody is the same shared secret (facts/foundry.md 1.4)."""
TOKEN_AUTH = frozenset({"UserEntraToken", "AgenticIdentityToken", "ProjectManagedIdentity"})
"""Authentication types in which Agent Service sends a token for the connection's ``audience``."""


_ACCOUNTS = "/providers/microsoft.cognitiveservices/accounts/"
CODE_DEFINITIONS = frozenset({"hosted", "external", "workflow"})
"""Definitions of agents whose tools are in code, in a workflow or elsewhere: no API lists them (facts/foundry.md 3)."""


def account_key(key: str) -> str:
    """Key of the account that something belongs to, from its own key; the key itself outside accounts."""
    head, provider, tail = key.partition(_ACCOUNTS)
    return head + provider + tail.split("/")[0]


def project_key(key: str) -> str:
    """Key of the project that something belongs to, from its own key; the key itself outside projects."""
    head, provider, tail = key.partition(_ACCOUNTS)
    return head + provider + "/".join(tail.split("/")[:3])


class AgentNetwork(msgspec.Struct, frozen=True):
    """One ``networkInjections`` entry: where traffic of agents leaves."""

    scenario: str
    """Lower case: ``agent`` or ``none``."""
    subnet: str
    managed: Fact[bool]
    """Whether Microsoft's managed network is used in place of a subnet."""
    at: Location


class FoundryAccount(Entity, frozen=True, kw_only=True):
    """An account of Cognitive Services that can hold projects (kind ``AIServices``)."""

    kind: ClassVar[str] = "foundry-account"
    label: ClassVar[str] = "Foundry account"

    tags: Fact[dict[str, str]]
    sub_domain: str
    """``customSubDomainName`` in lower case, else the account's name: its hosts begin with it."""
    manages_projects: Fact[bool]
    local_auth_disabled: Fact[bool]
    public_network_access: Fact[str]
    """``Enabled`` or ``Disabled``."""
    default_action: Fact[str]
    """``networkAcls.defaultAction``: what addresses that no rule names meet, ``Allow`` or ``Deny``."""
    networks: Fact[tuple[AgentNetwork, ...]]
    managed_isolation: Fact[str]
    """What Microsoft's managed network of the account lets out: ``AllowInternetOutbound``, ``AllowOnlyApprovedOutbound``."""
    outbound_restricted: Fact[bool]
    allowed_hosts: Fact[tuple[str, ...]]
    """``allowedFqdnList``: where a restricted account may connect to."""
    identity: Fact[str]
    """``identity.type``, ``None`` when there is none."""
    defender: Fact[str | None]
    """State in ``defenderForAISettings``, lower case; None when there is no such setting."""


class FoundryProject(Entity, frozen=True, kw_only=True):
    """A project of an account, or one that an ``azure.yaml`` declares."""

    kind: ClassVar[str] = "foundry-project"
    label: ClassVar[str] = "Foundry project"

    account: str
    """Key of the account; empty for a project of an ``azure.yaml``."""
    display_name: str
    tags: Fact[dict[str, str]]
    identity: Fact[str]
    is_default: Fact[bool]
    applications: Members[str]
    """Names of the agent applications that it publishes."""


class HeldSecret(msgspec.Struct, frozen=True):
    """One member of ``credentials``, a header or a variable that may hold a secret."""

    name: str
    """Of the header or member, as written."""
    value: Fact[str | None]
    """As written, or its mask; None when it is null, as in every answer of ARM. Unknown when a template computes it."""
    masked: bool
    """Whether a literal credential stood there, as a whole or behind a scheme."""
    at: Location

    @property
    def is_credential(self) -> bool:
        """Whether it brings a credential, by its value or by its name: ``Authorization``, ``x-api-key``."""
        return self.masked or is_credential_name(self.name)


class FoundryConnection(Entity, frozen=True, kw_only=True):
    """A connection of a project, an account or a classic hub."""

    kind: ClassVar[str] = "foundry-connection"
    label: ClassVar[str] = "Foundry connection"

    home: str
    """Key of the project, account or workspace that holds it; of the folder, for files that name none."""
    level: str
    """``project``, ``account``, ``workspace`` (a classic hub or project) or ``folder``."""
    category: Fact[str]
    """Folded: ``RemoteTool`` also where the data plane says ``RemoteTool_Preview``."""
    auth_type: Fact[str]
    """Folded: ``AgenticIdentityToken`` for ``agentic-identity`` and ``AgenticIdentityToken_Preview``; new words stay."""
    target: Fact[Url | None]
    audience: Fact[str | None]
    shared_to_all: Fact[bool]
    metadata: dict[str, str]
    credentials: tuple[HeldSecret, ...]
    created: Fact[str]
    """``systemData.createdAt``, as written."""
    authorization_url: Fact[str | None]
    labels: dict[str, str]
    """What ``raiToolLabels`` of the account say of it: ``confidentiality`` = ``low``."""

    @property
    def is_remote_tool(self) -> bool:
        """Whether it is known to lead to an MCP server."""
        return isinstance(self.category, Known) and self.category.value == REMOTE_TOOL

    @property
    def managed_sign_in(self) -> Fact[bool]:
        """Whether an app of Microsoft's own asks users for consent; the AI gateway does not take such tools."""
        match self.auth_type:
            case Known(value="OAuth2"):
                provider = self.metadata.get("oAuthProvider", "")
                if provider:
                    return Known(provider.lower() != "custom", self.at)
                return Unknown(f"metadata.oAuthProvider of {self.title}", "scan the connection as Azure answers it", self.at)
            case Known(at=at):
                return Known(False, at)
            case Unknown() as unknown:
                return unknown

    @property
    def is_declared(self) -> bool:
        """Whether a file of a repository declares it, rather than an answer of Azure."""
        return self.key.startswith("/foundry/") and self.format == "foundry"


class ToolFilter(msgspec.Struct, frozen=True):
    """Which tools of a server are meant: by name, or by the hint that the server gives of itself."""

    names: frozenset[str] = frozenset()
    read_only: bool | None = None
    """Tools whose ``readOnlyHint`` is this; None when the filter does not ask for it. Hints are the server's own word."""


class ToolApproval(msgspec.Struct, frozen=True):
    """``require_approval`` of an MCP tool (facts/foundry.md 3)."""

    default: str
    """``always``, ``never``, or empty when only lists speak: then what no list names is not documented."""
    always: ToolFilter
    never: ToolFilter
    at: Location
    is_set: bool = True
    """False when the member is absent, which means always."""

    def asks(self, tool: str, read_only: bool | None = None) -> Fact[bool]:
        """Whether a call of ``tool`` waits for an approval. ``read_only`` is the tool's own hint, None when it is not known.

        A name counts before a hint, and a hint before the default.
        """
        if tool in self.never.names:
            return Known(False, self.at)
        if tool in self.always.names:
            return Known(True, self.at)
        for filter_, asked in ((self.never, False), (self.always, True)):
            if filter_.read_only is None:
                continue
            if read_only is None:
                missing = f"the readOnlyHint of tool {tool}, by which require_approval picks it"
                return Unknown(missing, "name the tool in tool_names of always or never", self.at)
            if read_only is filter_.read_only:
                return Known(asked, self.at)
        if self.default:
            return Known(self.default == "always", self.at, "" if self.is_set else "Foundry asks always unless told otherwise")
        missing = f"whether tool {tool} waits for an approval, which require_approval does not name"
        return Unknown(missing, "name the tool in always or never; what holds for the rest is not documented", self.at)

    @property
    def never_asks(self) -> bool:
        """Whether no tool at all waits for an approval."""
        return self.default == "never"


class FoundryTool(msgspec.Struct, frozen=True):
    """One entry in ``tools`` of an agent or toolbox."""

    type: str
    """Folded: ``mcp``, ``openapi``, ``a2a``, ``code_interpreter``…"""
    label: str
    """``server_label``, else the name, else the type."""
    url: Fact[Url | None]
    """``server_url``, or ``base_url`` of an agent; the target of the connection counts before it (facts/foundry.md 1.5)."""
    connection: Fact[str]
    """``project_connection_id`` as written: a name or an id; empty when there is none."""
    connector: str
    tunnel: str
    allowed: Fact[ToolFilter | None]
    """``allowed_tools``; None when every tool of the server is."""
    approval: Fact[ToolApproval]
    headers: tuple[HeldSecret, ...]
    authorization: Location | None
    """Where a token stands as a literal in the tool itself."""
    templated: tuple[tuple[str, Location], ...]
    """Names in double braces within url and headers, which a request fills, and where."""
    card_credentials: Fact[bool]
    """``send_credentials_for_agent_card`` of an agent-to-agent tool."""
    at: Location

    @property
    def title(self) -> str:
        """What messages call it."""
        return f"{self.type} tool {self.label}" if self.label != self.type else f"tool {self.type}"


class AgentVersion(msgspec.Struct, frozen=True):
    """One version of an agent."""

    version: str
    """Empty for an agent that a file of a repository declares."""
    definition: Fact[str]
    """``definition.kind`` folded: ``prompt``, ``hosted``, ``workflow``, ``external``, ``voice``."""
    tools: Members[FoundryTool]
    """The declared ones; :attr:`Members.missing` says so where code brings tools that no API shows."""
    toolboxes: tuple[str, ...]
    """Names of the toolboxes that the definition names."""
    variables: tuple[HeldSecret, ...]
    """Environment of a hosted agent."""
    inputs: frozenset[str]
    """Names in ``structured_inputs``, which a request may set."""
    metadata: dict[str, str]
    at: Location


class FoundryAgent(Entity, frozen=True, kw_only=True):
    """An agent with its versions."""

    kind: ClassVar[str] = "foundry-agent"
    label: ClassVar[str] = "Foundry agent"

    home: str
    """Key below which it was read: a project's, or that of a folder of files."""
    project: Fact[str]
    """Key of its project in Azure."""
    state: Fact[str]
    """``enabled`` or ``disabled``."""
    versions: tuple[AgentVersion, ...]
    """Those that were read, the latest last."""
    client_id: Fact[str]
    """Application id of its own identity, lower case; empty when it has none."""
    principal_id: Fact[str]

    @property
    def latest(self) -> AgentVersion:
        """The version that callers get who name none."""
        return self.versions[-1]

    @property
    def tools(self) -> Members[FoundryTool]:
        """The tools of the latest version."""
        return self.latest.tools

    @property
    def runs_code(self) -> bool:
        """Whether its tools are in code, a workflow or another place that no API shows."""
        return isinstance(self.latest.definition, Known) and self.latest.definition.value in CODE_DEFINITIONS


class ToolboxVersion(msgspec.Struct, frozen=True):
    """One version of a toolbox; versions never change."""

    version: str
    tools: Members[FoundryTool]
    guardrail: Fact[bool]
    """Whether ``policies.rai_config`` names a guardrail."""
    at: Location


class Toolbox(Entity, frozen=True, kw_only=True):
    """A toolbox: one MCP endpoint in front of several tools. Its ``require_approval`` binds nobody (facts/foundry.md 3)."""

    kind: ClassVar[str] = "foundry-toolbox"
    label: ClassVar[str] = "Foundry toolbox"

    home: str
    project: Fact[str]
    default_version: Fact[str]
    """Empty for a toolbox that a file of a repository declares."""
    versions: tuple[ToolboxVersion, ...]
    """Those that were read, the default last."""
    default: Fact[ToolboxVersion]
    """The version that consumers get."""


class GatewayLink(Entity, frozen=True, kw_only=True):
    """A ``Microsoft.Resources/links`` object. The portal shows that things belong together; traffic does not follow it."""

    kind: ClassVar[str] = "gateway-link"
    label: ClassVar[str] = "link"

    source: str
    """Key of what it is attached to."""
    target: Fact[str]
    """Key of what it points to."""


class PolicyTest(msgspec.Struct, frozen=True):
    """A condition on one field in the rule of an Azure Policy definition."""

    field: str
    """Lower case: ``type``, an alias. Empty for conditions on values and counts."""
    operator: str
    """Lower case, as written: ``equals``, ``in``, ``notin``…"""
    values: Fact[tuple[str, ...]]
    """Lower case; unknown where a parameter without a default gives them."""
    at: Location


class PolicyGroup(msgspec.Struct, frozen=True):
    """``allOf``, ``anyOf`` or ``not`` over conditions."""

    operator: str
    """``allof``, ``anyof`` or ``not``."""
    parts: tuple[PolicyTest | PolicyGroup, ...]
    at: Location


class ToolPolicy(Entity, frozen=True, kw_only=True):
    """A definition of Azure Policy that speaks of Foundry's connections."""

    kind: ClassVar[str] = "tool-policy"
    label: ClassVar[str] = "Azure Policy definition"

    display_name: str
    effect: Fact[str]
    """Lower case; of a parameter, its default."""
    rule: Fact[PolicyTest | PolicyGroup]
    """What ``if`` says."""
