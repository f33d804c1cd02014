"""Decisions by Mcp-Name and Mcp-Method, with and without a look into the body."""

import pytest

from mcpguard.core.facts import Unknown
from mcpguard.policy.mcp_headers import TrustedHeader, trusted_mcp_headers
from tests.policy.test_effective import effective

NAME = 'context.Request.Headers.GetValueOrDefault("Mcp-Name", "")'
BODY = '(string)context.Request.Body.As<JObject>(preserveContent: true).SelectToken("params.name")'
REFUSE = '<return-response><set-status code="403"/></return-response>'
CHECK = '<check-header name="Mcp-Method"><value>tools/list</value></check-header>'


def when(condition: str, then: str = REFUSE) -> str:
    return f"<choose><when condition='@({condition})'>{then}</when></choose>"


def judged(inbound: str) -> list[TrustedHeader | Unknown]:
    text = f"<policies><inbound>{inbound}</inbound><backend><forward-request/></backend></policies>"
    return list(trusted_mcp_headers(effective(text)))


@pytest.mark.parametrize(
    ("inbound", "header"),
    [
        (CHECK, "Mcp-Method"),
        (when(f'{NAME} == "pay"'), "Mcp-Name"),
        (when(f'{NAME} == "pay"', '<set-backend-service backend-id="b"/>'), "Mcp-Name"),
        (f"<set-variable name='n' value='@({NAME})'/>" + when('(string)context.Variables["n"] == "pay"'), "Mcp-Name"),
        (f"<set-variable name='pays' value='@({NAME} == \"pay\")'/>" + when('(bool)context.Variables["pays"]'), "Mcp-Name"),
        # a comparison that nobody acts on, one after which the header is asked for in a branch of its own, and a late write
        (when(f"{NAME} != {BODY}", "<set-variable name='odd' value='yes'/>") + CHECK, "Mcp-Method"),
        (when("somebody", when(f"{NAME} != {BODY}")) + CHECK, "Mcp-Method"),
        (CHECK + '<set-header name="Mcp-Method"><value>x</value></set-header>', "Mcp-Method"),
        ('<set-header name="Mcp-Method" exists-action="skip"><value>x</value></set-header>' + CHECK, "Mcp-Method"),
    ],
)
def test_trusted(inbound: str, header: str) -> None:
    (found,) = judged(inbound)
    assert isinstance(found, TrustedHeader)
    assert (found.header, found.is_pinned) == (header, False)


@pytest.mark.parametrize(
    "inbound",
    [
        "",
        '<check-header name="Mcp-Method"/>',
        when(f'{NAME} == "pay"', "<set-variable name='a' value='b'/>"),
        when(f"{NAME} != {BODY}") + CHECK,
        CHECK + when(f"{NAME} != {BODY}"),
        f"<set-variable name='same' value='@({NAME} == {BODY})'/>" + when('!(bool)context.Variables["same"]') + CHECK,
        '<set-header name="Mcp-Method"><value>tools/list</value></set-header>' + CHECK,
        CHECK + "<return-response/>",
        when(f'{BODY} == "pay"'),
    ],
)
def test_not_trusted(inbound: str) -> None:
    assert judged(inbound) == []


def test_pinned_to_a_revision_that_compares() -> None:
    def pin(*values: str) -> str:
        return f'<check-header name="MCP-Protocol-Version">{"".join(f"<value>{v}</value>" for v in values)}</check-header>'

    assert [found.is_pinned for found in judged(pin("2026-07-28") + CHECK) if isinstance(found, TrustedHeader)] == [True]
    assert [
        found.is_pinned for found in judged(pin("2025-11-25", "2026-07-28") + CHECK) if isinstance(found, TrustedHeader)
    ] == [False]
    assert [found.is_pinned for found in judged(when("x", pin("2026-07-28")) + CHECK) if isinstance(found, TrustedHeader)] == [
        False
    ]


def test_what_cannot_be_told() -> None:
    (found,) = judged(CHECK + '<include-fragment fragment-id="gone"/>')
    assert isinstance(found, Unknown)
    (found,) = judged(when(f"not csharp {NAME}"))
    assert isinstance(found, Unknown)


def test_a_file_by_itself_forwards() -> None:
    policy = effective(f"<policies><inbound>{CHECK}</inbound><backend><base/></backend></policies>")
    assert list(trusted_mcp_headers(policy)) == []
    assert len(list(trusted_mcp_headers(policy, is_alone=True))) == 1
