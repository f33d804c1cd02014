"""Which ip-filters narrow the network, and on which paths."""

import pytest

from mcpguard.core.facts import Known, Unknown
from mcpguard.policy.flow import Reach
from mcpguard.policy.network import filters_addresses
from tests.policy.test_effective import effective, inbound
from tests.policy.test_flow import FORWARD

ONE = '<ip-filter action="allow"><address>10.0.0.1</address></ip-filter>'


def answer(content: str) -> object:
    match filters_addresses(effective(FORWARD, None, inbound(content))):
        case Known(value=reach):
            return reach
        case Unknown():
            return "unknown"
        case None:
            return None


@pytest.mark.parametrize(
    ("entries", "wanted"),
    [
        ("<address>10.0.0.1</address>", Reach.ALWAYS),
        ('<address-range from="10.0.0.0" to="10.0.255.255" />', Reach.ALWAYS),
        ('<address-range from="0.0.0.0" to="255.255.255.255" />', Reach.NEVER),
        (
            '<address-range from="128.0.0.0" to="255.255.255.255" /><address-range from="0.0.0.0" to="127.255.255.255" />',
            Reach.NEVER,
        ),
        (
            '<address-range from="128.0.0.1" to="255.255.255.255" /><address-range from="0.0.0.0" to="127.255.255.255" />',
            Reach.ALWAYS,
        ),
        ('<address>10.0.0.1</address><address-range from="0.0.0.0" to="255.255.255.255" />', Reach.NEVER),
        ("<address>0.0.0.0/0</address>", Reach.NEVER),
        ("<address>0.0.0.0/1</address><address>128.0.0.0/1</address>", Reach.NEVER),
        ("<address>10.0.0.0/8</address>", Reach.ALWAYS),
        ("<address>2001:db8::1</address>", Reach.ALWAYS),
        ("", Reach.NEVER),
        ("<address>{{office}}</address>", "unknown"),
        ('<address>@((string)context.Variables["office"])</address>', "unknown"),
        ("{{addresses}}", "unknown"),
    ],
)
def test_which_addresses_narrow(entries: str, wanted: object) -> None:
    assert answer(f'<ip-filter action="allow">{entries}</ip-filter>') == wanted


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        ("", Reach.NEVER),
        (ONE.replace("allow", "forbid"), Reach.NEVER),
        (ONE.replace("allow", "@(true ? &quot;allow&quot; : &quot;forbid&quot;)"), "unknown"),
        (f'<choose><when condition="@(context.Request.Method == &quot;GET&quot;)">{ONE}</when></choose>', Reach.SOMETIMES),
        (f'<choose><when condition="@(true)">{ONE}</when></choose>', Reach.ALWAYS),
        (f'<return-response><set-status code="404" /></return-response>{ONE}', None),
        ('<include-fragment fragment-id="gone" />', "unknown"),
        (f'{ONE}<include-fragment fragment-id="gone" />', Reach.ALWAYS),
    ],
)
def test_on_which_paths(content: str, wanted: object) -> None:
    assert answer(content) == wanted


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        ('context.Request.IpAddress != "10.0.0.1"', "unknown"),
        ('context.Request.Headers.GetValueOrDefault("X-Azure-FDID", "") != "{{front-door}}"', "unknown"),
        ('context.Request.Headers.GetValueOrDefault("X-Tenant", "") != "a"', Reach.NEVER),
    ],
)
def test_checks_by_hand(condition: str, wanted: object) -> None:
    refusal = '<return-response><set-status code="403" reason="no" /></return-response>'
    assert answer(f'<choose><when condition="@({condition})">{refusal}</when></choose>') == wanted
