"""The only module that a rule imports.

A rule is one function ``check(target, estate, options) -> Iterator[Verdict]`` in ``rules/<family>/<name>/check.py``.
It yields an :class:`Issue` for what is wrong and an :class:`Unknown` for what it cannot tell; it may raise
:class:`NotApplicable` when there is nothing to judge, and :func:`known` raises ``Undetermined`` for it when a fact is
unknown. An issue wins over an unknown; yielding nothing is a PASS. Rules are pure: no I/O, no clock (``estate.as_of`` is
now), no globals.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, TypeAlias

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
from mcpguard.model.addresses import inventory_entries
from mcpguard.model.audiences import (
    Audiences,
    host_audiences,
    host_behind,
    may_be_ours,
    named_audiences,
    registration_of_other_host,
    validated_audiences,
)
from mcpguard.model.credentials import (
    CredentialSort,
    CredentialUse,
    computed_policies,
    credential_uses,
    named_value,
    stands_for_itself,
)
from mcpguard.model.entry_paths import EntryPath, Key
from mcpguard.model.estate import Classification, Declaration, Estate, child_type, home_key, service_key
from mcpguard.model.finding import Issue, RuleMeta, merged
from mcpguard.model.flow_view import gather_flows
from mcpguard.model.in_effect import (
    StatementInEffect,
    backends_in_effect,
    default_unread,
    mcp_calls,
    statements_in_effect,
    unread_products,
)
from mcpguard.model.key_paths import Leak, keys_sent_abroad
from mcpguard.model.kinds.entity import Entity
from mcpguard.model.kinds.entra import Application, Owner, ServicePrincipal
from mcpguard.model.kinds.gateway import (
    Api,
    Backend,
    Diagnostic,
    GatewayApi,
    GatewayHostname,
    LoggedHeader,
    ManagementSetting,
    NamedValue,
    Operation,
    PolicyText,
    Product,
    SelfHostedGateway,
    Service,
    Subscription,
)
from mcpguard.model.kinds.governance import ToolClass
from mcpguard.model.kinds.hosting import ContainerApp, Host, PlatformAuth, Site
from mcpguard.model.kinds.inputs import Crash, InputFile, Omission
from mcpguard.model.kinds.mcp import (
    ClientEntry,
    Confidence,
    InventoryEntry,
    McpGateway,
    McpServer,
    McpTool,
    ServerSource,
    Url,
    least,
)
from mcpguard.model.kinds.oauth import OAuthProxy, OAuthRole
from mcpguard.model.limits import counts_by_callers_choice, counts_by_subscription, is_limit, limits_met
from mcpguard.model.metadata import host_publishes_metadata, metadata_operation
from mcpguard.model.policy_reach import policies_in_reach
from mcpguard.model.restrictions import Demand
from mcpguard.model.server_view import (
    Cut,
    ServerCall,
    backing_calls,
    bypasses_key,
    calls_in_effect,
    cuts,
    inbound_location,
    judged_calls,
    tool_classes,
    validated_only_by_products,
)
from mcpguard.model.telemetry import effective_diagnostics
from mcpguard.model.template_keys import HostKey, TemplateValue
from mcpguard.model.token_paths import Passing, backend_sets_authorization, host_at, is_approved, tokens_passed_on
from mcpguard.policy.bodies import BodyState, request_body_when_forwarded
from mcpguard.policy.cors import first_cors
from mcpguard.policy.csharp import Analysis, Source, analyse
from mcpguard.policy.dataflow import follow
from mcpguard.policy.effective import EffectivePolicy, Scope, Section, Statement
from mcpguard.policy.endpoints import Endpoint
from mcpguard.policy.expressions import Condition, Use, expressions_of
from mcpguard.policy.flow import Outcome, Reach, Run, reach, statements
from mcpguard.policy.guards import (
    checks_claim_by_hand,
    compares_shared_key,
    identifies_caller,
    looks_for_header_only,
    met,
    met_too_early,
    plain,
    presence_checks,
    refusals,
    refusals_on_merit,
    requires_claim,
    validates_token,
    weak_validators,
)
from mcpguard.policy.headers import HeaderState, Holder, header_when_forwarded, last_writer
from mcpguard.policy.labels import Flow, FlowReport, Label, SinkKind
from mcpguard.policy.mcp_headers import TrustedHeader, trusted_mcp_headers
from mcpguard.policy.references import references
from mcpguard.policy.trials.exchanges import FailOpen, exchanges_failing_open
from mcpguard.policy.trials.tool_checks import ToolCheck, tool_checks
from mcpguard.policy.vocabulary import CREDENTIAL_SETTERS, Default, default_of

if TYPE_CHECKING:
    from mcpguard.model.kubernetes_gateway import serving_gateway
    from mcpguard.model.oauth_consent import ConsentCookie, ConsentDecision, consent_cookies, consent_decisions
    from mcpguard.model.oauth_proxy import Check, StepRun, all_runs, judged, step_runs
    from mcpguard.model.oauth_redirects import CodeUse, Redirection, code_uses, redirections
    from mcpguard.model.oauth_tokens import Issuance, Registration, SessionSecret, issuances, registrations, session_secrets
    from mcpguard.policy.network import filters_addresses

_LATE = {
    "filters_addresses": "mcpguard.policy.network",
    "serving_gateway": "mcpguard.model.kubernetes_gateway",
    **dict.fromkeys(
        ("ConsentCookie", "ConsentDecision", "consent_cookies", "consent_decisions"), "mcpguard.model.oauth_consent"
    ),
    **dict.fromkeys(("Check", "StepRun", "all_runs", "judged", "step_runs"), "mcpguard.model.oauth_proxy"),
    **dict.fromkeys(("CodeUse", "Redirection", "code_uses", "redirections"), "mcpguard.model.oauth_redirects"),
    **dict.fromkeys(
        ("Issuance", "Registration", "SessionSecret", "issuances", "registrations", "session_secrets"),
        "mcpguard.model.oauth_tokens",
    ),
}
"""Names that only a few rules ask for, and where they live: what is behind them is loaded for those rules."""


def __getattr__(name: str) -> object:
    module = _LATE.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(module), name)


Verdict: TypeAlias = Issue | Unknown
Verdicts: TypeAlias = Iterator[Verdict]
Options: TypeAlias = Mapping[str, object]

__all__ = [
    "CREDENTIAL_SETTERS",
    "Analysis",
    "Api",
    "Application",
    "Audiences",
    "Backend",
    "BodyState",
    "Check",
    "Classification",
    "ClientEntry",
    "CodeUse",
    "Condition",
    "Confidence",
    "ConsentCookie",
    "ConsentDecision",
    "ContainerApp",
    "Crash",
    "CredentialSort",
    "CredentialUse",
    "Cut",
    "Declaration",
    "Default",
    "Demand",
    "Diagnostic",
    "EffectivePolicy",
    "Endpoint",
    "Entity",
    "EntryPath",
    "Estate",
    "Fact",
    "FailOpen",
    "Flow",
    "FlowReport",
    "GatewayApi",
    "GatewayHostname",
    "HeaderState",
    "Holder",
    "Host",
    "HostKey",
    "InputFile",
    "InventoryEntry",
    "Issuance",
    "Issue",
    "Key",
    "Known",
    "Label",
    "Leak",
    "Location",
    "LoggedHeader",
    "ManagementSetting",
    "McpGateway",
    "McpServer",
    "McpTool",
    "Members",
    "NamedValue",
    "NotApplicable",
    "OAuthProxy",
    "OAuthRole",
    "Omission",
    "Operation",
    "Options",
    "Outcome",
    "Owner",
    "Passing",
    "PlatformAuth",
    "PolicyText",
    "Product",
    "Reach",
    "Redirection",
    "Registration",
    "RuleMeta",
    "Run",
    "Scope",
    "Section",
    "SelfHostedGateway",
    "ServerCall",
    "ServerSource",
    "Service",
    "ServicePrincipal",
    "SessionSecret",
    "SinkKind",
    "Site",
    "Source",
    "Statement",
    "StatementInEffect",
    "StepRun",
    "Subscription",
    "TemplateValue",
    "ToolCheck",
    "ToolClass",
    "TrustedHeader",
    "Undetermined",
    "Unknown",
    "Url",
    "Use",
    "Verdict",
    "Verdicts",
    "all_runs",
    "analyse",
    "backend_sets_authorization",
    "backends_in_effect",
    "backing_calls",
    "bypasses_key",
    "calls_in_effect",
    "checks_claim_by_hand",
    "child_type",
    "code_uses",
    "compares_shared_key",
    "computed_policies",
    "consent_cookies",
    "consent_decisions",
    "counts_by_callers_choice",
    "counts_by_subscription",
    "credential_uses",
    "cuts",
    "default_of",
    "default_unread",
    "effective_diagnostics",
    "exchanges_failing_open",
    "expressions_of",
    "filters_addresses",
    "first_cors",
    "follow",
    "gather_flows",
    "header_when_forwarded",
    "home_key",
    "host_at",
    "host_audiences",
    "host_behind",
    "host_publishes_metadata",
    "identifies_caller",
    "inbound_location",
    "inventory_entries",
    "is_approved",
    "is_limit",
    "issuances",
    "judged",
    "judged_calls",
    "keys_sent_abroad",
    "known",
    "last_writer",
    "least",
    "limits_met",
    "looks_for_header_only",
    "may_be_ours",
    "mcp_calls",
    "merged",
    "met",
    "met_too_early",
    "metadata_operation",
    "named_audiences",
    "named_value",
    "plain",
    "policies_in_reach",
    "presence_checks",
    "reach",
    "redirections",
    "references",
    "refusals",
    "refusals_on_merit",
    "registration_of_other_host",
    "registrations",
    "request_body_when_forwarded",
    "requires_claim",
    "service_key",
    "serving_gateway",
    "session_secrets",
    "stands_for_itself",
    "statements",
    "statements_in_effect",
    "step_runs",
    "tokens_passed_on",
    "tool_checks",
    "tool_classes",
    "transform",
    "trusted_mcp_headers",
    "unread_products",
    "validated_audiences",
    "validated_only_by_products",
    "validates_token",
    "value_or_none",
    "weak_validators",
]
