"""Reports built by hand: a realistic one with every outcome, an empty one, and one full of hostile strings."""

from datetime import UTC, datetime

from mcpguard.core.facts import Unknown
from mcpguard.core.location import Location, Route
from mcpguard.evidence import Artifact, ArtifactStatus, ArtifactText, Gap, GapReason
from mcpguard.model.finding import Finding, Issue, Outcome, RuleMeta, Severity, Suppression, Target
from mcpguard.model.kinds.mcp import Confidence
from mcpguard.model.report import Coverage, ExpressionCount, Found, Report, Surface
from tests.report.material import (
    APIM_EXPORT,
    APPLICATION_ID,
    APPLICATIONS,
    CATALOG_ID,
    CATALOG_POLICY,
    MINIFIED,
    ORDERS_ID,
    POLICY_IN_JSON,
    SECRET,
    SERVICE_ID,
)

AS_OF = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
EXPORT = "export/contoso-apim.json"
POLICY = "policies/catalog api.xml"
GRAPH = "graph/applications.json"
TOOLS = "export/tools.min.json"
GONE = "export/gone.json"

_APP_POLICY: Route = ("resources", 1, "properties", "value")


def rule(id: str, name: str, title: str, severity: Severity, risk: str, *controls: str, fix: str = "") -> RuleMeta:
    fix = fix or f"Repair what {id} describes. Then scan again."
    summary = f"Checks for {title.lower()} on every entry path of an MCP server."
    return RuleMeta(
        id=id,
        name=name,
        title=title,
        severity=severity,
        risk=risk,
        targets=("mcp-server",),
        reads=("policy",),
        since="0.1.0",
        controls=controls,
        page=f"# {title}\n\n## What it checks\n\n{summary}\n\n## How to fix\n\n{fix}\n",
        family="gateway",
    )


FIX_TOKEN = """\
Delete the header before the request leaves, and let the gateway get a token of its own. Do it in `inbound`:

```xml
<set-header name="Authorization" exists-action="delete" />
<authentication-managed-identity resource="api://orders" />
```

1. Remove the `set-header` that copies the caller's token.
2. Add **one** of:
   - a managed identity, as above
   - an on-behalf-of exchange with `send-request`
3. Scan again.
"""

RULES = {
    meta.id: meta
    for meta in (
        rule("MG101", "missing-token-validation", "No token is validated", Severity.HIGH, "ingress-auth", "MCP07", "CWE-306"),
        rule(
            "MG108",
            "multi-tenant-token-accepted",
            "Tokens of any tenant are accepted",
            Severity.HIGH,
            "ingress-auth",
            "CWE-863",
        ),
        rule("MG113", "missing-rate-limit", "No rate limit", Severity.MEDIUM, "ingress-auth", "API4", "CWE-770"),
        rule(
            "MG120", "caller-selected-backend", "The caller chooses the backend", Severity.HIGH, "unsafe-external-tools", "API7"
        ),
        rule("MG122", "secret-in-gateway-config", "A secret stands in the gateway", Severity.HIGH, "ingress-auth", "CWE-798"),
        rule("MG124", "undiscoverable-authorization", "Clients cannot find where to sign in", Severity.LOW, "surface-mismatch"),
        rule("MG128", "unresolved-policy-part", "A part of the policy is missing", Severity.INFO, "surface-mismatch"),
        rule(
            "MG206", "buffered-response", "Responses are buffered", Severity.MEDIUM, "streaming-or-body-leak", "CWE-400", "SC-5"
        ),
        rule(
            "MG303",
            "token-sent-to-foreign-host",
            "The caller's token reaches a foreign host",
            Severity.CRITICAL,
            "token-passthrough",
            "MCP01",
            "ASI03",
            "API2",
            "CWE-441",
            "AML.T0012",
            "AC-4",
            "X-1",
            "CWE-345",
            "CWE-863",
            "CWE-200",
            fix=FIX_TOKEN,
        ),
        rule("MG505", "wildcard-redirect", "A redirect address is open", Severity.HIGH, "oauth-proxy-abuse", "CWE-601"),
        rule("MG710", "unowned-server", "A server has no owner", Severity.MEDIUM, "agent-sprawl", "MCP09"),
    )
}

SERVICE = Target(SERVICE_ID, "service", "contoso", "API Management contoso", Location(EXPORT))
ORDERS = Target(ORDERS_ID, "mcp-server", "orders-mcp", "MCP server Orders MCP", Location(EXPORT, ("resources", 0)))
CATALOG = Target(CATALOG_ID, "mcp-server", "catalog", "MCP server catalog", Location(POLICY))
APPLICATION = Target(APPLICATION_ID, "application", "orders-mcp", "Application orders-mcp", Location(GRAPH, ("value", 0)))
TOOL = Target("tool-41", "mcp-tool", "tool-41", "Tool tool-41", Location(TOOLS, (41,)))

TEXTS = {
    EXPORT: ArtifactText(APIM_EXPORT.encode(), "json", frozenset({SECRET})),
    POLICY: ArtifactText(CATALOG_POLICY.encode(), "text"),
    GRAPH: ArtifactText(APPLICATIONS.encode(), "json"),
    TOOLS: ArtifactText(MINIFIED.encode(), "json"),
}


def in_policy(needle: str) -> Location:
    """The place of a piece of the policy that stands in a JSON string."""
    start = POLICY_IN_JSON.index(needle)
    return Location(EXPORT, _APP_POLICY).range(start, start + len(needle))


def in_xml(needle: str) -> Location:
    start = CATALOG_POLICY.index(needle)
    return Location(POLICY).range(start, start + len(needle))


def fail(id: str, target: Target, message: str, at: Location, **more: object) -> Finding:
    issue = Issue(message, at, **more)  # type: ignore[arg-type]
    return Finding(id, target, Outcome.FAIL, issue=issue, fingerprint=f"{id.lower()}{abs(hash_of(target.id, at)):08x}")


def hash_of(*parts: object) -> int:
    """A small stable hash; the engine's is another, and only stability matters here."""
    value = 7
    for character in repr(parts).replace(", pieces=()", ""):
        value = (value * 31 + ord(character)) % 0xFFFFFFFF
    return value


def unknown(id: str, target: Target, missing: str, remedy: str, at: Location | None = None) -> Finding:
    return Finding(id, target, Outcome.UNKNOWN, unknown=Unknown(missing, remedy, at), fingerprint=f"{id.lower()}u")


def passed(id: str, target: Target) -> Finding:
    return Finding(id, target, Outcome.PASS)


COPY = 'context.Request.Headers.GetValueOrDefault("Authorization","")'
FINDINGS = (
    fail(
        "MG303",
        ORDERS,
        "The caller's token is copied into the request to https://backend.partner.example, which is not a host of this "
        "estate; wanted: a token that the gateway got for that host.",
        in_policy('<set-header name="Authorization" exists-action="override">'),
        related=(Location(EXPORT, ("resources", 0, "properties", "path")).related("the API that the policy belongs to"),),
        flow=(
            in_policy(COPY).step("the caller's token is read from the request"),
            in_policy("<value>@(").step("it becomes the value of the header Authorization"),
            in_policy("</backend>").step("the request is forwarded with it"),
        ),
        evidence=(("entry path", "keyless"), ("receiving host", "backend.partner.example")),
    ),
    fail(
        "MG122",
        ORDERS,
        "The header x-functions-key is set to a literal value; wanted: a named value kept in Key Vault.",
        in_policy(f"<value>{SECRET}</value>"),
    ),
    fail(
        "MG108",
        CATALOG,
        "validate-jwt takes the signing keys of every tenant (common) and no issuer is asked for.",
        in_xml('url="https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration"'),
        evidence=(("openid-config", "common"),),
    ),
    fail(
        "MG120",
        CATALOG,
        "The backend's address is computed from the header x-tenant, which the caller sets.",
        in_xml('"@("https://" + context.Variables["照合"] + ".example.net")"'),
        related=(in_xml('<set-variable name="照合"').related("where the variable is set"),),
        confidence=Confidence.MEDIUM,
    ),
    fail(
        "MG206",
        CATALOG,
        'forward-request buffers the response (buffer-response="true"); wanted: "false" on a streaming server.',
        in_xml(CATALOG_POLICY[CATALOG_POLICY.index("<retry") : CATALOG_POLICY.index("</retry>") + 8]),
    ),
    fail(
        "MG505",
        APPLICATION,
        "The redirect address http://contoso.example/* is neither https nor exact.",
        Location(GRAPH, ("value", 0, "web", "redirectUris", 1)),
    ),
    fail(
        "MG124",
        TOOL,
        "The address https://tools.example/41 offers no protected resource metadata.",
        Location(TOOLS, (41, "url")),
        confidence=Confidence.LOW,
    ),
    fail("MG128", SERVICE, "The fragment check-token is included and does not exist.", Location(GONE, ("value", 3))),
    unknown(
        "MG101",
        CATALOG,
        "the value of the named value mcp-audience",
        "export named values (az apim nv list), or add them to the snapshot with mcpguard collect",
        in_xml("<validate-jwt"),
    ),
    unknown(
        "MG113", CATALOG, "the policies of product starter", "give the account the role API Management Service Reader Role"
    ),
    unknown("MG113", ORDERS, "the policies of product starter", "give the account the role API Management Service Reader Role"),
    passed("MG101", ORDERS),
    passed("MG120", ORDERS),
    passed("MG108", ORDERS),
    Finding("MG206", ORDERS, Outcome.NOT_APPLICABLE, detail="The server is native, so API Management decides on buffering."),
    Finding("MG710", SERVICE, Outcome.ERROR, detail="The rule raised KeyError: 'owner'."),
    Finding(
        "MG113",
        APPLICATION,
        Outcome.FAIL,
        issue=Issue("No rate limit stands before the application.", Location(GRAPH, ("value", 0, "appId"))),
        suppression=Suppression("manifest", "The front door limits calls.", "security@contoso.example", "2027-01-31"),
        fingerprint="mg113s",
    ),
)

COVERAGE = Coverage(
    artifacts=(
        Artifact(EXPORT, "arm-json", ArtifactStatus.READ, resources=2),
        Artifact(POLICY, "policy", ArtifactStatus.PARTIAL, "an expression is never closed", in_xml("<retry"), resources=1),
        Artifact(GRAPH, "graph", ArtifactStatus.READ, resources=1),
        Artifact(TOOLS, "arm-json", ArtifactStatus.READ, resources=60),
        Artifact("export/broken.json", "", ArtifactStatus.FAILED, "not JSON: expected ':'", Location("export/broken.json")),
        *(Artifact(f"docs/page-{number}.md", "", ArtifactStatus.SKIPPED, "no known format") for number in range(7)),
    ),
    gaps=(
        Gap(
            f"{SERVICE_ID.lower()}/products/starter",
            frozenset({"policy"}),
            GapReason.FORBIDDEN,
            "The policies of product starter could not be read (403).",
            "give the account the role API Management Service Reader Role",
            Location(EXPORT),
        ),
        Gap(
            "",
            frozenset({"mcp-tool", "mcp-server"}),
            GapReason.OLD_API_VERSION,
            "API Management answered with api-version 2022-08-01, which shows no MCP servers.",
            "export with api-version 2025-03-01-preview",
        ),
    ),
    expressions=ExpressionCount(seen=14, analysed=13),
    api_versions=(
        ("Microsoft.ApiManagement/service/apis", "2025-03-01-preview"),
        ("Microsoft.ApiManagement/service", "2022-08-01"),
    ),
    hidden_surface="api-version 2022-08-01 of Microsoft.ApiManagement/service cannot show MCP servers.",
    found=(
        Found("arm-json", "api", 2),
        Found("arm-json", "mcp-tool", 60),
        Found("graph", "application", 1),
        Found("policy", "policy", 1),
    ),
)

SURFACES = (
    Surface(
        ORDERS_ID, "mcp-server", "orders-mcp", "apim-rest-tools", "high", ("type is mcp",), Location(EXPORT, ("resources", 0))
    ),
    Surface(
        CATALOG_ID,
        "mcp-server",
        "catalog",
        "apim-inferred",
        "medium",
        ("the path ends in /mcp", "a policy reads Mcp-Session-Id"),
        Location(POLICY),
    ),
)


def sample() -> Report:
    """A run with every outcome, every kind of place and every kind of trouble."""
    return Report(
        findings=FINDINGS,
        rules=RULES,
        surfaces=SURFACES,
        coverage=COVERAGE,
        inputs=("export", "policies", "graph"),
        as_of=AS_OF,
        digest="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        version="0.1.0",
        fail_on=Severity.HIGH,
        texts=TEXTS,
    )


def empty() -> Report:
    """A run over files in which no MCP surface shows."""
    coverage = Coverage(
        artifacts=(Artifact("web/app.json", "arm-json", ArtifactStatus.READ, resources=3),),
        gaps=(),
        expressions=ExpressionCount(0, 0),
        api_versions=(("Microsoft.Web/sites", "2024-04-01"),),
        hidden_surface="Function apps were read without their function.json files.",
        found=(Found("arm-json", "site", 3),),
    )
    return Report((), RULES, (), coverage, ("web",), AS_OF, "0" * 64, "0.1.0", Severity.HIGH, {})


def hostile(text: str, name: str = "x.json") -> Report:
    """A run in which ``text`` stands wherever a string of the input can stand."""
    document = f"before {text} after"
    place = Location(name).range(7, 7 + len(text))
    target = Target(text, text, text, text, place)
    return Report(
        findings=(
            Finding(
                "MG303",
                target,
                Outcome.FAIL,
                issue=Issue(text, place, (place.related(text),), (place.step(text),), ((text, text),), Confidence.LOW),
                fingerprint="a",
            ),
            Finding("MG113", target, Outcome.FAIL, issue=Issue(text, Location(text)), fingerprint="b"),
            unknown("MG101", target, text, text),
            Finding("MG206", target, Outcome.NOT_APPLICABLE, detail=text),
            Finding("MG710", target, Outcome.ERROR, detail=text),
            Finding("MG124", target, Outcome.FAIL, issue=Issue(text, place), suppression=Suppression(text, text, text, text)),
        ),
        rules=RULES,
        surfaces=(Surface(text, text, text, text, text, (text,), place),),
        coverage=Coverage(
            artifacts=(
                Artifact(name, text, ArtifactStatus.READ),
                Artifact(text, text, ArtifactStatus.FAILED, text, Location(text)),
                Artifact(text, text, ArtifactStatus.PARTIAL, text),
                Artifact(text, text, ArtifactStatus.SKIPPED, text),
            ),
            gaps=(Gap(text, frozenset({text}), GapReason.UNPARSABLE, text, text, Location(text)),),
            expressions=ExpressionCount(1, 0),
            api_versions=((text, text),),
            hidden_surface=text,
            found=(Found(text, text, 1),),
        ),
        inputs=(text,),
        as_of=AS_OF,
        digest="0" * 64,
        version="0.1.0",
        fail_on=None,
        texts={name: ArtifactText(document.encode("utf-8", "replace"), "text")},
    )
