"""What is read of Foundry: accounts, projects, connections, links; agents and toolboxes. Facts: facts/foundry.md 1 to 3.

Connections come from the control plane, which never answers their credentials. The data plane's own way to read one with
credentials is a POST that the guard refuses.
"""

from __future__ import annotations

from mcpguard.collect.reads import Item, Needs, Read, Shape

VERSIONS = ("2025-10-01-preview", "2025-09-01", "2025-06-01")
READER = Needs("Reader", "the Foundry account", "Microsoft.CognitiveServices/accounts/*/read")
DATA = Needs(
    "Foundry User (formerly Azure AI User)",
    "the Foundry project",
    "Microsoft.CognitiveServices/accounts/AIServices/agents/read",
)
DEFINITIONS = Needs("Reader", "the subscription", "Microsoft.Authorization/policyDefinitions/read")
_DATA_VERSIONS = ("v1",)
_PAGES = "limit=100&order=asc"
"""The data plane answers 20 items unless asked for more, 100 at most; the next page begins ``after`` the last id (PY-proj)."""
FEATURES = "WorkflowAgents=V1Preview,ExternalAgents=V1Preview,VoiceAgents=V1Preview,Toolboxes=V1Preview"
"""``Foundry-Features``: without it a list may leave out what is in preview."""
_ACCOUNT = "microsoft.cognitiveservices/accounts"
_LINKS_VERSIONS = ("2016-09-01",)


def is_foundry(item: Item) -> bool:
    """Whether an account is one that holds projects; other kinds of Cognitive Services have nothing to do with agents."""
    return item.text("kind").lower() == "aiservices"


def _links() -> Read:
    return Read("links", "microsoft.resources/links", "providers/Microsoft.Resources/links", READER, _LINKS_VERSIONS)


def _data(name: str, type_: str, path: str, *below: Read) -> Read:
    return Read(name, type_, path, DATA, _DATA_VERSIONS, query=_PAGES, below=below)


_PROJECTS = Read(
    "projects",
    f"{_ACCOUNT}/projects",
    "projects",
    READER,
    VERSIONS,
    below=(
        Read("connections", f"{_ACCOUNT}/projects/connections", "connections", READER, VERSIONS),
        Read("capability-hosts", f"{_ACCOUNT}/projects/capabilityhosts", "capabilityHosts", READER, VERSIONS),
        _links(),
        _data("agents", "foundry/agents", "agents", _data("versions", "foundry/agents/versions", "versions")),
        _data(
            "toolboxes",
            "foundry/toolboxes",
            "toolboxes",
            _data("versions", "foundry/toolboxes/versions", "versions"),
        ),
    ),
)
IN_ACCOUNT = (
    _PROJECTS,
    Read("connections", f"{_ACCOUNT}/connections", "connections", READER, VERSIONS),
    Read("capability-hosts", f"{_ACCOUNT}/capabilityhosts", "capabilityHosts", READER, VERSIONS),
    Read("defender", f"{_ACCOUNT}/defenderforaisettings", "defenderForAISettings", READER, VERSIONS),
    _links(),
)


def concerns_connections(item: Item) -> bool:
    """Whether a policy definition speaks of Foundry's connections."""
    return "microsoft.cognitiveservices/accounts" in str(item.body).lower() and "connections" in str(item.body).lower()


POLICY_DEFINITIONS = Read(
    "policy-definitions",
    "microsoft.authorization/policydefinitions",
    "providers/Microsoft.Authorization/policyDefinitions",
    DEFINITIONS,
    ("2023-04-01", "2021-06-01"),
    Shape.LIST,
    "$filter=policyType eq 'Custom'",
    keep=concerns_connections,
)
