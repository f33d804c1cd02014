"""The only module that a rule imports.

A rule is one function ``check(target, estate, options) -> Iterator[Verdict]`` in ``rules/<family>/<name>/check.py``.
It yields an :class:`Issue` for what is wrong and an :class:`Unknown` for what it cannot tell; it may raise
:class:`NotApplicable` when there is nothing to judge, and :func:`known` raises ``Undetermined`` for it when a fact is
unknown. An issue wins over an unknown; yielding nothing is a PASS. Rules are pure: no I/O, no clock (``estate.as_of`` is
now), no globals.
"""

from collections.abc import Iterator, Mapping
from typing import TypeAlias

import msgspec

from mcpguard.core.facts import (
    Fact,
    Known,
    Members,
    NotApplicable,
    Undetermined,
    Unknown,
    known,
    transform,
    value_or_none,
)
from mcpguard.core.location import Location
from mcpguard.model.audiences import Audiences, host_audiences, host_behind, may_be_ours, validated_audiences
from mcpguard.model.entry_paths import EntryPath, Key
from mcpguard.model.estate import Classification, Declaration, Estate
from mcpguard.model.finding import Issue, RuleMeta
from mcpguard.model.kinds.entity import Entity
from mcpguard.model.kinds.entra import Application, Owner, ServicePrincipal
from mcpguard.model.kinds.gateway import Api, Backend, Diagnostic, Operation, PolicyText, Product, Service
from mcpguard.model.kinds.governance import ToolClass
from mcpguard.model.kinds.hosting import ContainerApp, Host, PlatformAuth, Site
from mcpguard.model.kinds.inputs import Crash, InputFile, Omission
from mcpguard.model.kinds.mcp import ClientEntry, Confidence, McpServer, McpTool, ServerSource, Url, least
from mcpguard.model.server_view import ServerCall, inbound_location, judged_calls
from mcpguard.policy.csharp import Analysis, Source, analyse
from mcpguard.policy.effective import EffectivePolicy, Statement
from mcpguard.policy.flow import Outcome, Reach, Run, reach, statements
from mcpguard.policy.guards import compares_shared_key, identifies_caller, refusals
from mcpguard.policy.headers import HeaderState, Holder, header_when_forwarded


def with_evidence(issue: Issue, evidence: tuple[tuple[str, str], ...]) -> Issue:
    """The same issue, resting on other evidence."""
    return msgspec.structs.replace(issue, evidence=evidence)


Verdict: TypeAlias = Issue | Unknown
Verdicts: TypeAlias = Iterator[Verdict]
Options: TypeAlias = Mapping[str, object]

__all__ = [
    "Analysis",
    "Api",
    "Application",
    "Audiences",
    "Backend",
    "Classification",
    "ClientEntry",
    "Confidence",
    "ContainerApp",
    "Crash",
    "Declaration",
    "Diagnostic",
    "EffectivePolicy",
    "Entity",
    "EntryPath",
    "Estate",
    "Fact",
    "HeaderState",
    "Holder",
    "Host",
    "InputFile",
    "Issue",
    "Key",
    "Known",
    "Location",
    "McpServer",
    "McpTool",
    "Members",
    "NotApplicable",
    "Omission",
    "Operation",
    "Options",
    "Outcome",
    "Owner",
    "PlatformAuth",
    "PolicyText",
    "Product",
    "Reach",
    "RuleMeta",
    "Run",
    "ServerCall",
    "ServerSource",
    "Service",
    "ServicePrincipal",
    "Site",
    "Source",
    "Statement",
    "ToolClass",
    "Undetermined",
    "Unknown",
    "Url",
    "Verdict",
    "Verdicts",
    "analyse",
    "compares_shared_key",
    "header_when_forwarded",
    "host_audiences",
    "host_behind",
    "identifies_caller",
    "inbound_location",
    "judged_calls",
    "known",
    "least",
    "may_be_ours",
    "reach",
    "refusals",
    "statements",
    "transform",
    "validated_audiences",
    "value_or_none",
    "with_evidence",
]
