"""The vocabulary: what is remarked on, and what is not. Source: facts/apim.md 2.4 and 2.5 unless a comment says otherwise."""

import subprocess
import sys
from pathlib import Path

import pytest

from mcpguard.policy.reader import read
from mcpguard.policy.vocabulary import CREDENTIAL_SETTERS, TOKEN_VALIDATORS, check_vocabulary, policies
from mcpguard.policy.vocabulary_types import ElementRule

ROOT = Path(__file__).parents[2]


def inbound(content: str) -> str:
    return f"<policies><inbound>{content}</inbound></policies>"


def in_section(section: str, content: str) -> str:
    return f"<policies><{section}>{content}</{section}></policies>"


def remarks(text: str) -> list[tuple[str, str]]:
    return [(remark.severity, remark.message) for remark in check_vocabulary(read(text))]


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
        inbound('<send-request mode="New" response-variable-name="r"><set-url>x</set-url><authentication-managed-identity resource="r"/></send-request>'),
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
        (inbound('<publish-event x="y"/>'), "<publish-event> is not in the vocabulary of this version (as of 2026-11-22)"),
        (inbound('<vaildate-jwt header-name="a"/>'), "<vaildate-jwt> is not in the vocabulary of this version (as of 2026-11-22); did you mean 'validate-jwt'?"),
        # the reference's own example does without it (P:llm-token-limit, "Token quota")
        (inbound('<llm-token-limit counter-key="k" token-quota="1" token-quota-period="Daily"/>'), "llm-token-limit lacks the attribute 'estimate-prompt-tokens', which the reference asks for"),
    ],
)  # fmt: skip
def test_notes(text: str, message: str) -> None:
    assert remarks(text) == [("note", message)]


def test_a_remark_stands_where_it_belongs() -> None:
    text = inbound('<base/>\n<set-header nmae="a" name="b"/>')
    (remark,) = check_vocabulary(read(text))
    assert text[remark.start : remark.end] == 'nmae="a"'


def test_the_reference_defaults() -> None:
    # facts/apim.md 2.5: forward-request, validate-jwt, validate-client-certificate
    def default(policy: str, attribute: str) -> str:
        rule = policies()[policy].element.attribute(attribute)
        assert rule is not None
        return rule.default

    assert default("forward-request", "buffer-response") == "true"
    assert default("forward-request", "timeout") == "300"
    assert default("validate-jwt", "require-signed-tokens") == "true"
    assert default("validate-client-certificate", "ignore-error") == "false"
    assert default("authentication-managed-identity", "ignore-error") == "false"


def test_the_tables_hold_together() -> None:
    known = policies()
    assert known.keys() >= TOKEN_VALIDATORS | CREDENTIAL_SETTERS
    for rule in known.values():
        assert rule.sections and rule.source
        stack = [rule.element]
        while stack:
            element = stack.pop()
            names = [attribute.name for attribute in element.attributes]
            assert len(names) == len(set(names)), element.name
            for part in element.elements:
                if isinstance(part, ElementRule):
                    stack.append(part)
                else:
                    assert part in known


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
