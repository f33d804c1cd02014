"""Budgets of the policy reader and of what builds on it, as ratios: `pytest tests/bench -s` prints them, with MB/s of this machine."""

import gc
import re
import sys
import time
from collections.abc import Callable

import pytest
from lxml import etree

from mcpguard.core.facts import Known
from mcpguard.core.location import Location
from mcpguard.policy.csharp import analyse
from mcpguard.policy.effective import Names, Scope, ScopedPolicy, fold
from mcpguard.policy.flow import reach
from mcpguard.policy.guards import validates_token
from mcpguard.policy.reader import read
from tests.bench.test_budgets import escaped, ratio, report

AT = Location("p.xml")
CODE = """    <set-body>@{
      var body = context.Request.Body.As<JObject>(preserveContent: true);
      var method = (string)body["method"] ?? "";
      if (method == "tools/call" && (string)body["params"]?["name"] != "search") {
        // only what the catalogue allows (see "tools")
        var names = new HashSet<string> { "a", "b", $"{context.Api.Id}-c" };
        if (!names.Contains((string)body["params"]["name"])) {
          return new JObject(new JProperty("error", new JObject(new JProperty("code", -32601)))).ToString();
        }
      }
      return body.ToString(Newtonsoft.Json.Formatting.None);
    }</set-body>
    <set-variable name="session" value="@(context.Request.Headers.GetValueOrDefault("Mcp-Session-Id", ""))" />
"""
POLICY = """<policies>
  <inbound>
    <base />
    <validate-azure-ad-token tenant-id="{{tenant-%(n)d}}" header-name="Authorization" failed-validation-httpcode="401">
      <client-application-ids><application-id>0000%(n)04d-1111-2222-3333-444444444444</application-id></client-application-ids>
      <audiences><audience>api://orders-%(n)d</audience></audiences>
      <required-claims><claim name="roles" match="any"><value>Orders.Read</value><value>Orders.Write</value></claim></required-claims>
    </validate-azure-ad-token>
    <set-variable name="session" value="@(context.Request.Headers.GetValueOrDefault("Mcp-Session-Id", "none-%(n)d"))" />
    <rate-limit-by-key calls="300" renewal-period="60" counter-key="@(context.Subscription?.Id ?? context.Request.IpAddress)" />
    <choose>
      <when condition="@(context.Request.Method == "POST" && context.Request.Body != null)">
        <set-header name="X-Caller" exists-action="override">
          <value>@(context.Request.Headers.GetValueOrDefault("X-Caller-%(n)d", ""))</value>
        </set-header>
      </when>
      <otherwise>
        <set-header name="Authorization" exists-action="delete" />
      </otherwise>
    </choose>
    <authentication-managed-identity resource="api://backend-%(n)d" output-token-variable-name="token" ignore-error="false" />
    <set-header name="Authorization" exists-action="override">
      <value>@("Bearer " + (string)context.Variables["token"])</value>
    </set-header>
    <set-backend-service backend-id="orders-%(n)d" />
  </inbound>
  <backend><forward-request timeout="120" buffer-response="false" /></backend>
  <outbound>
    <base />
    <set-header name="X-Powered-By" exists-action="delete" />
    <set-header name="X-Served-By" exists-action="override"><value>orders-%(n)d</value></set-header>
  </outbound>
  <on-error>
    <base />
    <set-header name="X-Failed-In" exists-action="override"><value>@(context.LastError.Section + " of %(n)d")</value></set-header>
    <trace source="orders-%(n)d"><message>failed</message></trace>
  </on-error>
</policies>
"""
GLOBAL = "<policies><inbound/><backend><forward-request/></backend><outbound/><on-error/></policies>"
OPERATIONS = 5


def seconds(function: Callable[[], object]) -> Callable[[], float]:
    """Processor time without the collector, as the command line runs."""

    def once() -> float:
        gc.collect()
        gc.disable()
        try:
            start = time.process_time()
            function()
            return time.process_time() - start
        finally:
            gc.enable()

    return once


@pytest.fixture(scope="module")
def thousand() -> list[str]:
    texts = [POLICY % {"n": number} for number in range(1000)]
    assert len(set(texts)) == 1000 and all(1_950 < len(text) < 2_150 for text in texts)
    return texts


def test_reading_dense_expressions() -> None:
    text = f"<policies><inbound>\n{CODE * (1_000_000 // len(CODE))}</inbound></policies>"
    document = read.__wrapped__(text)
    assert document.problems == () and sum(e.end - e.start for e in document.expressions()) > 0.8 * len(text)
    words = re.compile(r"\w+")
    reading = seconds(lambda: read.__wrapped__(text))
    # The floor is one pass of a regular expression that stops at every word: what any tokenizer in Python comes to at least.
    value = ratio(reading, seconds(lambda: [match.end() for match in words.finditer(text)]))
    sys.stdout.write(f"\nreader on dense expressions: {len(text) / min(reading() for _ in range(5)) / 1e6:.1f} MB/s (aim: 20)")
    report("reading dense expressions / finding their words", value, 2.3)


def test_reading_small_policies(thousand: list[str]) -> None:
    parsed = [escaped(text) for text in thousand]
    reading = seconds(lambda: [read.__wrapped__(text) for text in thousand])
    size = sum(map(len, thousand))
    sys.stdout.write(f"\nreader on policies of 2 kB: {size / min(reading() for _ in range(5)) / 1e6:.1f} MB/s")
    value = ratio(reading, seconds(lambda: [etree.fromstring(text) for text in parsed]))
    report("reading 1,000 policies / lxml parsing them", value, 11.5)


def test_judging_small_policies(thousand: list[str]) -> None:
    parsed = [escaped(text) for text in thousand]
    top = ScopedPolicy(Scope.GLOBAL, "", Known(read(GLOBAL)), AT)
    operations = [ScopedPolicy(Scope.OPERATION, f"o{number}", Known(None), AT) for number in range(OPERATIONS)]

    def judge() -> None:
        for text in thousand:
            api = ScopedPolicy(Scope.API, "a", Known(read.__wrapped__(text)), AT)
            for operation in operations:
                reach(fold([top, api, operation], Names({}, None, {}, complete_names=True)), validates_token)

    value = ratio(seconds(judge), seconds(lambda: [etree.fromstring(text) for text in parsed]))
    # The aim of 6 is not reached: reading alone is 9.3, as lxml builds its tree in C and does not look into expressions. Folding
    # and following come to 2.3 for each operation; they are done anew for each, as the estate does.
    report("reading, folding and following 1,000 policies of 5 operations / lxml parsing them (aim: 6)", value, 26)


def test_repeated_expressions_are_analysed_once() -> None:
    codes = [f'context.Request.Headers.GetValueOrDefault("X-Caller-{number}", "").Split(\' \')[1]' for number in range(2000)]

    def first() -> None:
        analyse.cache_clear()
        for code in codes:
            analyse(code, block=False)

    def again() -> None:
        for code in codes:
            analyse(code, block=False)

    first()
    value = ratio(seconds(again), seconds(first))
    assert analyse.cache_info().currsize == len(codes)
    report("analysing expressions again / the first time", value, 0.02)
