"""The vocabulary: what is remarked on, and what is not. Source: facts/apim.md 2.4 and 2.5 unless a comment says otherwise."""

import subprocess
import sys
from pathlib import Path

import pytest

from mcpguard.policy.reader import read
from mcpguard.policy.vocabulary import CREDENTIAL_SETTERS, TOKEN_VALIDATORS, Default, check_vocabulary, default_of, policies
from mcpguard.policy.vocabulary_types import ElementRule, Need

ROOT = Path(__file__).parents[2]


def inbound(content: str) -> str:
    return f"<policies><inbound>{content}</inbound></policies>"


def in_section(section: str, content: str) -> str:
    return f"<policies><{section}>{content}</{section}></policies>"


def remarks(text: str, scope: str = "") -> list[tuple[str, str]]:
    return [(remark.severity, remark.message) for remark in check_vocabulary(read(text), scope)]


@pytest.mark.parametrize(
    "text",
    [
        inbound("<base/>"),
        inbound('<validate-jwt header-name="Authorization"><openid-config url="https://x"/><required-claims><claim name="a" match="ANY"><value>b</value></claim></required-claims></validate-jwt>'),
        # anything goes in bodies, also what looks like a policy
        inbound('<set-body template="liquid"><rate-limit foo="{{body.x}}"/><soap:Envelope/></set-body>'),
        inbound('<return-response><set-status code="200"/><set-body><html><p class="x"/></html></set-body></return-response>'),
        in_section("outbound", '<xsl-transform><xsl:stylesheet version="1.0"><x/></xsl:stylesheet></xsl-transform>'),
        # named values and placeholders may become any word, also in closed sets
        inbound('<ip-filter action="{{action}}"><address>{{ip}}</address></ip-filter>'),
        in_section("backend", '<forward-request buffer-response="${buffer}"/>'),
        # the words of a closed set are compared without case
        inbound('<send-request mode="New" response-variable-name="r"><set-url>x</set-url><set-method>GET</set-method><authentication-managed-identity resource="r"/></send-request>'),
        # an id may stand on any policy (azure-docs, api-management-error-handling-policies: PolicyId)
        inbound('<trace source="x" id="first"><message>m</message></trace>'),
        # a fragment belongs to no section
        '<fragment><validate-jwt header-name="a"/><forward-request/></fragment>',
        # nested policies of control flow stand in the section around them
        in_section("backend", '<retry condition="@(true)" count="2" interval="1"><choose><when condition="@(true)"><forward-request/></when><otherwise/></choose></retry>'),
        # what the reader could not read is its business, not the vocabulary's
        inbound('<rewrite-uri template="@(broken("/>'),
        # "none" is what Microsoft's own samples write (remote-mcp-apim-functions-python, token.policy.xml)
        inbound('<set-body template="none">x</set-body>'),
        # emit-metric may stand in the backend section (P:emit-metric, 2024-03-18)
        in_section("backend", '<emit-metric name="m"><dimension name="API ID"/></emit-metric>'),
        # numbers at the ends of their ranges, numbers that are not plain, numbers that nobody knows
        inbound('<rate-limit calls="1" renewal-period="300"/>'),
        inbound('<rate-limit-by-key calls="1" renewal-period="@(x)" counter-key="k"/>'),
        inbound('<rate-limit-by-key calls="1" renewal-period="{{period}}" counter-key="k"/>'),
        inbound('<quota-by-key calls="1" renewal-period="0" counter-key="k"/><quota-by-key calls="1" renewal-period="300" counter-key="k"/>'),
        in_section("backend", '<retry condition="@(true)" count="50" interval="1"><forward-request timeout-ms="100"/></retry>'),
        inbound('<llm-semantic-cache-lookup score-threshold="0.15" embeddings-backend-id="b" embeddings-backend-auth="system-assigned"><vary-by>@(context.Subscription.Id)</vary-by></llm-semantic-cache-lookup>'),
        # a placeholder of somebody's own (Azure-Samples/Apim-Samples, samples/inference-failover)
        in_section("backend", '<retry condition="@(true)" count="RETRY_COUNT" interval="0"><forward-request/></retry>'),
        # mode="copy" takes over what is not set, and so may a mode that is an expression
        inbound('<send-one-way-request mode="Copy"><set-url>x</set-url></send-one-way-request><send-one-way-request mode="copy"/>'),
        inbound('<send-one-way-request mode="@(x)"/>'),
        # a fragment or a placeholder may hold what is missing
        '<policies><inbound><cors>{{allowed}}</cors></inbound></policies>',
        '<http-data-source><http-request><include-fragment fragment-id="x"/></http-request></http-data-source>',
        # the message as the text of a trace is how older policies are written
        inbound('<trace source="x">On error</trace>'),
        # P:llm-content-safety (2026-03-23): in both sections, with windows for responses
        inbound('<llm-content-safety backend-id="b" shield-prompt="true" enforce-on-completions="true"><categories output-type="EightSeverityLevels"><category name="Hate" threshold="4"/></categories><blocklists><id>x</id></blocklists></llm-content-safety>'),
        in_section("outbound", '<llm-content-safety backend-id="b" window-size="1000" window-overlap-size="100"/>'),
        # P:validate-graphql-request
        inbound('<validate-graphql-request error-variable-name="e" max-size="102400" max-depth="4"><authorize><rule path="/__*" action="reject"/></authorize></validate-graphql-request>'),
        # P:http-data-source, P:publish-event
        '<http-data-source><http-request><set-method>POST</set-method><set-url>https://x</set-url><set-header name="a"><value>b</value></set-header><set-header name="c"><value>d</value></set-header><set-body template="liquid">{"n": {{body.n}}}</set-body></http-request><http-response><publish-event><targets><graphql-subscription id="onUserCreated"/></targets></publish-event></http-response></http-data-source>',
        # P:sql-data-source
        '<sql-data-source><connection-info><connection-string use-managed-identity="true">Server=x;</connection-string></connection-info><request single-result="true"><sql-statement>SELECT 1</sql-statement><parameters><parameter name="@familyId">@(context.GraphQL.Arguments["id"])</parameter></parameters></request><response/></sql-data-source>',
        # P:cosmosdb-data-source
        '<cosmosdb-data-source><connection-info><connection-string use-managed-identity="true">AccountEndpoint=x</connection-string><database-name>d</database-name><container-name>c</container-name></connection-info><write-request type="upsert" pre-trigger="validateInput"><partition-key data-type="string">x</partition-key><set-body template="liquid">{}</set-body></write-request></cosmosdb-data-source>',
        # P:publish-to-dapr, P:invoke-dapr-binding, P:set-backend-service-dapr
        inbound('<publish-to-dapr pubsub-name="orders" topic="new" response-variable-name="r" timeout="240" template="Liquid" content-type="application/json">@(context.Request.Body.As<string>())</publish-to-dapr>'),
        in_section("on-error", '<invoke-dapr-binding name="x" operation="create"><metadata><item key="source">api</item></metadata><data>@(1)</data></invoke-dapr-binding>'),
        inbound('<set-backend-service backend-id="dapr" dapr-app-id="echo" dapr-method="back" dapr-namespace="ns"/>'),
        # P:send-service-bus-message
        inbound('<send-service-bus-message queue-name="orders" client-id="c" namespace="n"><message-properties><message-property name="Customer">Contoso</message-property></message-properties><payload>@(1)</payload></send-service-bus-message>'),
        # P:json-to-xml, P:xml-to-json, P:jsonp, P:redirect-content-urls, P:cross-domain
        in_section("outbound", '<json-to-xml apply="always" consider-accept-header="false" parse-date="false" namespace-separator=":" namespace-prefix="xmlns" attribute-block-name="#attrs"/><xml-to-json kind="direct" apply="content-type-xml" always-array-child-elements="true"/><jsonp callback-parameter-name="cb"/><redirect-content-urls/><find-and-replace from="a" to=""/>'),
        inbound("<cross-domain><cross-domain-policy><allow-http-request-headers-from domain='*' headers='*'/></cross-domain-policy></cross-domain>"),
        # policy toolkit: CacheValueConfig, InvokeRequestConfig
        inbound('<cache-value key="k" variable-name="v" expires-after="10" refresh-after="5"><value><set-variable name="v" value="1"/></value></cache-value>'),
        inbound('<invoke-request url="https://x" method="POST"><header name="a" value="b"/><body>c</body></invoke-request>'),
        # the same policy in two branches is not twice in a section
        inbound('<choose><when condition="@(a)"><cors><allowed-origins><origin>x</origin></allowed-origins></cors></when><otherwise><cors><allowed-origins><origin>y</origin></allowed-origins></cors></otherwise></choose>'),
        "",
        "<html><body/></html>",
    ],
)  # fmt: skip
def test_nothing_is_said_of_what_is_valid(text: str) -> None:
    assert remarks(text) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (inbound('<authentication-managed-identity resource="r" ignore-errors="true"/>'), "unknown attribute 'ignore-errors' on authentication-managed-identity; did you mean 'ignore-error'?"),
        (inbound('<set-header name="a" zzz="b"/>'), "unknown attribute 'zzz' on set-header"),
        (inbound("<validate-azure-ad-token/>"), "validate-azure-ad-token lacks the attribute 'tenant-id', which it must have"),
        (inbound('<check-header name="a" failed-check-httpcode="401" failed-check-error-message="m"/>'), "check-header lacks the attribute 'ignore-case', which it must have"),
        (inbound("<forward-request/>"), "<forward-request> may not stand in the inbound section, only in backend"),
        (in_section("outbound", '<validate-jwt header-name="a"/>'), "<validate-jwt> may not stand in the outbound section, only in inbound"),
        (in_section("on-error", '<choose><when condition="@(true)"><cache-store duration="1"/></when></choose>'), "<cache-store> may not stand in the on-error section, only in outbound"),
        (in_section("backend", '<forward-request buffer-response="@(true)"/>'), "'buffer-response' of forward-request may not hold a policy expression"),
        (inbound('<rate-limit calls="@(5)" renewal-period="60"/>'), "'calls' of rate-limit may not hold a policy expression"),
        (inbound('<include-fragment fragment-id="@(x)"/>'), "'fragment-id' of include-fragment may not hold a policy expression"),
        (inbound('<set-header name="a" exists-action="replace"/>'), "'exists-action' of set-header is 'replace'; it takes 'override', 'skip', 'append' or 'delete'"),
        (inbound('<ip-filter action="deny"/>'), "'action' of ip-filter is 'deny'; it takes 'allow' or 'forbid'"),
        (inbound('<validate-jwt header-name="a"><audience>x</audience></validate-jwt>'), "<audience> may not stand in <validate-jwt>; did you mean 'audiences'?"),
        (inbound("<choose><set-body>x</set-body></choose>"), "<set-body> may not stand in <choose>: it takes <when> and <otherwise>"),
        (inbound("<choose><when/></choose>"), "when lacks the attribute 'condition', which it must have"),
        (inbound("<set-method><x/></set-method>"), "<x> may not stand in <set-method>: it takes no elements"),
        (inbound('<send-request mode="new" response-variable-name="r"><set-header nam="x"/></send-request>'), "unknown attribute 'nam' on set-header; did you mean 'name'?"),
        ("<policies><onerror/></policies>", "unknown section <onerror>; did you mean 'on-error'?"),
        ("<policies><cors/></policies>", "<cors> stands outside the sections inbound, backend, outbound and on-error"),
        # attributes that need or exclude one another
        (inbound('<validate-jwt require-scheme="Bearer"/>'), "validate-jwt lacks 'header-name', 'query-parameter-name' or 'token-value', one of which it must have"),
        (inbound("<set-backend-service/>"), "set-backend-service lacks 'base-url' or 'backend-id', one of which it must have"),
        (in_section("backend", '<forward-request timeout="1" timeout-ms="1000"/>'), "forward-request has 'timeout' and 'timeout-ms', of which it takes one"),
        (inbound('<quota renewal-period="60"/>'), "quota lacks 'calls' or 'bandwidth', one of which it must have"),
        (inbound('<quota-by-key renewal-period="600" counter-key="k"/>'), "quota-by-key lacks 'calls' or 'bandwidth', one of which it must have"),
        (inbound('<rate-limit calls="1" renewal-period="1"><api calls="1" renewal-period="1"/></rate-limit>'), "api lacks 'name' or 'id', one of which it must have"),
        (inbound('<llm-token-limit counter-key="k" token-quota="1" estimate-prompt-tokens="true"/>'), "llm-token-limit has 'token-quota' without 'token-quota-period'"),
        (inbound('<llm-token-limit counter-key="k" estimate-prompt-tokens="true"/>'), "llm-token-limit lacks 'tokens-per-minute' or 'token-quota', one of which it must have"),
        (inbound('<authentication-certificate thumbprint="a" certificate-id="b"/>'), "authentication-certificate has 'thumbprint' and 'certificate-id', of which it takes one"),
        (inbound('<validate-jwt header-name="a"><issuer-signing-keys><key n="x"/></issuer-signing-keys></validate-jwt>'), "key has 'n' without 'e'"),
        (inbound('<send-service-bus-message><payload>x</payload></send-service-bus-message>'), "send-service-bus-message lacks 'queue-name' or 'topic-name', one of which it must have"),
        # elements that have to be there, or may be there once
        (inbound("<choose><otherwise/></choose>"), "choose lacks <when>, which it must have"),
        (inbound('<choose><when condition="@(a)"/><otherwise/><otherwise/></choose>'), "<otherwise> may stand only once in <choose>"),
        (inbound('<ip-filter action="allow"/>'), "ip-filter lacks <address> or <address-range>, one of which it must have"),
        (inbound('<cors><allowed-origins/></cors>'), "allowed-origins lacks <origin>, which it must have"),
        (inbound('<send-request mode="new" response-variable-name="r"><set-method>GET</set-method></send-request>'), "send-request lacks <set-url>, which it must have"),
        ('<http-data-source><http-request><set-method>GET</set-method><set-method>PUT</set-method><set-url>x</set-url></http-request></http-data-source>', "<set-method> may stand only once in <http-request>"),
        ('<cosmosdb-data-source><read-request><id>1</id></read-request><query-request/></cosmosdb-data-source>', "cosmosdb-data-source has <query-request> and <read-request>, of which it takes one"),
        # P:rate-limit, "can be used only once per policy definition"
        (inbound('<rate-limit calls="1" renewal-period="1"/><rate-limit calls="2" renewal-period="2"/>'), "<rate-limit> may stand only once in a section"),
        (inbound('<http-data-source/>'), "<http-data-source> may stand only in the policy of a GraphQL resolver"),
        # numbers
        (inbound('<rate-limit calls="1" renewal-period="301"/>'), "'renewal-period' of rate-limit is '301'; it takes at most 300"),
        (inbound('<quota-by-key calls="1" renewal-period="299" counter-key="k"/>'), "'renewal-period' of quota-by-key is '299'; it takes 0 or at least 300"),
        (in_section("backend", '<retry condition="@(true)" count="0" interval="1"/>'), "'count' of retry is '0'; it takes 1 to 50"),
        (inbound('<publish-to-dapr topic="t" timeout="241"/>'), "'timeout' of publish-to-dapr is '241'; it takes 1 to 240"),
        (inbound('<llm-semantic-cache-lookup score-threshold="1.5" embeddings-backend-id="b" embeddings-backend-auth="x"/>'), "'score-threshold' of llm-semantic-cache-lookup is '1.5'; it takes 0 to 1"),
        # words
        (inbound('<validate-graphql-request max-size="1"><authorize><rule path="/a/b" action="deny"/></authorize></validate-graphql-request>'), "'action' of rule is 'deny'; it takes 'allow', 'remove', 'reject' or 'ignore'"),
        (in_section("outbound", '<xml-to-json kind="direct" apply="sometimes"/>'), "'apply' of xml-to-json is 'sometimes'; it takes 'always' or 'content-type-xml'"),
        # facts/apim.md 2.1 (FRG): no sections, no base, no other fragments
        ("<fragment><base/></fragment>", "<base> may not stand in a fragment"),
        ('<fragment><include-fragment fragment-id="x"/></fragment>', "a fragment may not include another fragment"),
    ],
)  # fmt: skip
def test_errors(text: str, message: str) -> None:
    assert ("error", message) in remarks(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (inbound('<frobnicate x="y"/>'), "<frobnicate> is not in the vocabulary of this version (as of 2026-11-22)"),
        (inbound('<log-to-eventhub logger-id="l" partition-id="0" partition-key="k">x</log-to-eventhub>'), "log-to-eventhub has 'partition-id' and 'partition-key', of which it takes one"),
        (inbound('<wait><set-variable name="a" value="b"/></wait>'), "<set-variable> stands in <wait>, for which the reference names only <send-request>, <cache-lookup-value> and <choose>"),
        (in_section("backend", "<forward-request/><forward-request/>"), "<forward-request> stands twice in this section; the reference allows it once"),
        # what only the toolkit describes may have more members
        (inbound('<invoke-request urll="x"/>'), "unknown attribute 'urll' on invoke-request; did you mean 'url'?"),
        (inbound("<invoke-request><headers/></invoke-request>"), "<headers> is not known as a part of <invoke-request>; did you mean 'header'?"),
        (inbound('<vaildate-jwt header-name="a"/>'), "<vaildate-jwt> is not in the vocabulary of this version (as of 2026-11-22); did you mean 'validate-jwt'?"),
        # the reference's own example does without it (P:llm-token-limit, "Token quota")
        (inbound('<llm-token-limit counter-key="k" token-quota="1" token-quota-period="Daily"/>'), "llm-token-limit lacks the attribute 'estimate-prompt-tokens', which the reference asks for"),
    ],
)  # fmt: skip
def test_notes(text: str, message: str) -> None:
    assert remarks(text) == [("note", message)]


RATE_LIMIT = inbound('<rate-limit calls="1" renewal-period="60"/>')


@pytest.mark.parametrize(
    ("text", "scope", "wanted"),
    [
        (RATE_LIMIT, "", []),
        (RATE_LIMIT, "API", []),
        (RATE_LIMIT, "global", [("error", "<rate-limit> may not stand at global scope, only at product, API or operation")]),
        (inbound('<choose><when condition="@(a)"><rate-limit calls="1" renewal-period="60"/></when></choose>'), "global", [("error", "<rate-limit> may not stand at global scope, only at product, API or operation")]),
        (inbound('<quota calls="1" renewal-period="0"/>'), "product", []),
        # the reference says product alone, facts/apim.md 2.4 the API too
        (inbound('<quota calls="1" renewal-period="0"/>'), "API", [("note", "the reference does not list API scope for <quota>, only product")]),
        (inbound('<quota calls="1" renewal-period="0"/>'), "global", [("error", "<quota> may not stand at global scope, only at product")]),
        (inbound("<cross-domain/>"), "API", [("error", "<cross-domain> may not stand at API scope, only at global")]),
        (inbound("<validate-odata-request/>"), "operation", [("error", "<validate-odata-request> may not stand at operation scope, only at global, workspace, product or API")]),
        (inbound('<llm-content-safety backend-id="b"/>'), "operation", [("note", "the reference does not list operation scope for <llm-content-safety>, only global, workspace, product or API")]),
        (inbound('<log-to-eventhub logger-id="l">x</log-to-eventhub>'), "workspace", [("note", "the reference does not list workspace scope for <log-to-eventhub>, only global, product, API or operation")]),
        # where a fragment is included is not known
        ('<fragment><rate-limit calls="1" renewal-period="60"/></fragment>', "global", []),
    ],
)  # fmt: skip
def test_scopes(text: str, scope: str, wanted: list[tuple[str, str]]) -> None:
    assert remarks(text, scope) == wanted


def test_a_remark_stands_where_it_belongs() -> None:
    text = inbound('<base/>\n<set-header nmae="a" name="b"/>')
    (remark,) = check_vocabulary(read(text))
    assert text[remark.start : remark.end] == 'nmae="a"'


@pytest.mark.parametrize(
    ("policy", "attribute", "value"),
    [
        # facts/apim.md 2.5
        ("forward-request", "buffer-response", "true"),
        ("forward-request", "timeout", "300"),
        ("validate-jwt", "require-signed-tokens", "true"),
        ("validate-client-certificate", "ignore-error", "false"),
        ("authentication-managed-identity", "ignore-error", "false"),
        # P:llm-content-safety (2026-03-23)
        ("llm-content-safety", "enforce-on-completions", "false"),
        ("llm-content-safety", "shield-prompt", "false"),
        ("xml-to-json", "consider-accept-header", "true"),
        ("validate-graphql-request", "max-depth", "6"),
    ],
)
def test_the_reference_defaults(policy: str, attribute: str, value: str) -> None:
    default = default_of(policy, attribute)
    assert default is not None and default.value == value and default.source.startswith(f"policy reference: {policy}")


def test_what_has_no_documented_default_has_none() -> None:
    # the text and the table of the reference disagree about cors
    for policy, attribute in [("cors", "terminate-unmatched-request"), ("cors", "nothing"), ("nothing", "x")]:
        assert default_of(policy, attribute) is None
    assert default_of("publish-to-dapr", "timeout") == Default("5", "policy reference: publish-to-dapr")


def test_the_tables_hold_together() -> None:
    known = policies()
    assert known.keys() >= TOKEN_VALIDATORS | CREDENTIAL_SETTERS
    for rule in known.values():
        assert rule.source and rule.scopes and not rule.scopes & rule.doubtful
        assert bool(rule.sections) is (rule.scopes != {"resolver"})
        stack = [rule.element]
        while stack:
            element = stack.pop()
            names = [attribute.name for attribute in element.attributes]
            assert len(names) == len(set(names)), element.name
            children = [part if isinstance(part, str) else part.name for part in element.elements]
            assert len(children) == len(set(children)), element.name
            assert {name for group in element.groups for name in group.names} <= set(names)
            assert {name for group in element.parts for name in group.names} | set(element.once) <= set(children)
            for attribute in element.attributes:
                assert attribute.need is Need.OPTIONAL or not attribute.default or attribute.name.startswith("vary-by-")
                assert not attribute.values or attribute.default in ("", *attribute.values)
            for part in element.elements:
                if isinstance(part, ElementRule):
                    stack.append(part)
                else:
                    assert part in known


# The index of the policy reference (P:api-management-policies) with the copies of 2024-03 and 2026.
INDEX = """
    rate-limit rate-limit-by-key quota quota-by-key limit-concurrency check-header get-authorization-context ip-filter
    validate-azure-ad-token validate-jwt validate-client-certificate authentication-basic authentication-certificate
    authentication-managed-identity validate-content validate-graphql-request validate-odata-request validate-parameters
    validate-headers validate-status-code forward-request set-backend-service proxy cache-lookup cache-store
    cache-lookup-value cache-store-value cache-remove-value azure-openai-semantic-cache-lookup
    azure-openai-semantic-cache-store azure-openai-token-limit azure-openai-emit-token-metric llm-semantic-cache-lookup
    llm-semantic-cache-store llm-token-limit llm-emit-token-metric llm-content-safety set-method set-status set-variable
    set-body set-header set-query-parameter rewrite-uri json-to-xml xml-to-json find-and-replace redirect-content-urls
    xsl-transform return-response mock-response cross-domain cors jsonp send-request send-one-way-request log-to-eventhub
    send-service-bus-message publish-to-dapr invoke-dapr-binding trace emit-metric sql-data-source cosmosdb-data-source
    http-data-source publish-event choose include-fragment retry wait
"""


def test_every_policy_of_the_reference_is_there() -> None:
    assert policies().keys() >= set(INDEX.split())


def test_the_secure_and_the_broken_estate_use_no_unknown_word() -> None:
    for path in (ROOT / "fixtures").rglob("*.xml"):
        assert [r for r in check_vocabulary(read(path.read_text(encoding="utf-8"))) if r.severity == "error"] == [], path


def test_a_deep_document_and_many_unknown_words_are_no_trouble() -> None:
    depth = '<choose><when condition="@(true)">' * 1000 + "</when></choose>" * 1000
    check_vocabulary(read(inbound(depth)))
    assert len(remarks(inbound("<x/>" * 500))) == 500
    many = remarks(inbound("<x/>" * 600 + '<set-header nmae="x" name="y"/>'))
    assert len(many) == 501 and many[-1] == ("error", "101 more remarks from here on are left out")


def test_the_tables_are_not_loaded_with_the_words() -> None:
    code = (
        "import sys, mcpguard.policy.vocabulary; print([m for m in sys.modules if m.startswith('mcpguard.policy.vocabulary_')])"
    )
    result = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT)
    assert result.stdout.strip() == "[]"
