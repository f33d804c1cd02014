"""The engine: rules found by walking, outcomes made, nothing lost when a rule crashes, triage in one place."""

import datetime
from pathlib import Path

import pytest

from mcpguard.core.errors import RuleError, UsageError
from mcpguard.core.facts import Known
from mcpguard.core.location import Location, Piece, TextRange
from mcpguard.engine.places import Places
from mcpguard.engine.registry import Rule, load, read_rule
from mcpguard.engine.run import fingerprint, run
from mcpguard.engine.triage import Selection, select_rules, triage
from mcpguard.evidence import EVERYTHING, Complete, Gap, GapReason, RawResource
from mcpguard.model.estate import Estate, Tie
from mcpguard.model.finding import Finding, Issue, Outcome, Target
from mcpguard.model.kinds.entra import Application
from mcpguard.model.kinds.mcp import Confidence

PAGE = """---
id: {id}
name: {name}
title: A thing
severity: high
risk: agent-sprawl
targets: [application]
reads: [application]
since: 0.1.0
---
## What it checks

Something.

## How to fix

Do it.
"""
CHECK = """
from mcpguard.sdk import *

def check(target, estate, options):
{body}
"""


def rule(folder: Path, body: str, rule_id: str = "MG999", name: str = "some-thing") -> Rule:
    home = folder / "family" / name.replace("-", "_")
    home.mkdir(parents=True)
    (home / "rule.md").write_text(PAGE.format(id=rule_id, name=name))
    (home / "check.py").write_text(CHECK.format(body="\n".join("    " + line for line in body.splitlines())))
    return read_rule(home / "rule.md")


def application(name: str) -> Application:
    return Application(
        id=f"/applications/{name}",
        key=f"/applications/{name}",
        name=name,
        at=Location("apps.json", ("value", 0)),
        format="graph",
        app_id=name,
        object_id=name,
        read=lambda member: Known(()),
        is_blueprint=False,
    )


def estate(*names: str, gaps: tuple[Gap, ...] = ()) -> Estate:
    when = datetime.datetime(2026, 11, 22, tzinfo=datetime.UTC)
    return tied(Estate([(application(name), "") for name in names], gaps=gaps, as_of=when))


def tied(found: Estate) -> Estate:
    """With every registration tied to a server: only those are judged."""
    found.ties.update((it.key, (Tie("", "server", "it says so"),)) for it in found.of(Application))
    return found


def outcomes(found: list[Finding]) -> list[Outcome]:
    return [finding.outcome for finding in found]


ISSUE = "Issue('bad', target.at)"


def test_directory_objects_that_belong_to_nothing_are_judged_for_auditors_only(tmp_path: Path) -> None:
    found = estate("one", "two")
    del found.ties["/applications/two"]
    judge = rule(tmp_path, f"yield {ISSUE}")
    assert [finding.target.name for finding in run([judge], found, {"persona": "regular"})] == ["one"]
    assert [finding.target.name for finding in run([judge], found, {"persona": "auditor"})] == ["one", "two"]


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("yield from ()", [Outcome.PASS]),
        (f"yield {ISSUE}", [Outcome.FAIL]),
        (f"yield {ISSUE}\nyield {ISSUE}", [Outcome.FAIL, Outcome.FAIL]),
        ("yield Unknown('a', 'b')", [Outcome.UNKNOWN]),
        (f"yield Unknown('a', 'b')\nyield {ISSUE}", [Outcome.FAIL]),
        (f"yield {ISSUE}\nknown(Unknown('a', 'b'))", [Outcome.FAIL]),
        ("known(Unknown('a', 'b'))\nyield", [Outcome.UNKNOWN]),
        ("raise NotApplicable('nothing here')\nyield", [Outcome.NOT_APPLICABLE]),
        ("yield Unknown('a', 'b')\nraise NotApplicable('x')", [Outcome.UNKNOWN]),
        ("1 / 0\nyield", [Outcome.ERROR]),
        (f"yield {ISSUE}\n1 / 0", [Outcome.ERROR, Outcome.FAIL]),
        ("yield 'no issue'", [Outcome.ERROR]),
    ],
)
def test_outcomes(tmp_path: Path, body: str, wanted: list[Outcome]) -> None:
    assert outcomes(run([rule(tmp_path, body)], estate("one"), {})) == wanted


def test_a_crash_harms_nothing_else_and_becomes_a_finding(tmp_path: Path) -> None:
    crashing = rule(tmp_path / "a", "1 / 0\nyield", "MG998", "crashing")
    fine = rule(tmp_path / "b", f"yield {ISSUE}", "MG999", "fine")
    crash_rule = load()["MG902"]
    found = run([crashing, crash_rule, fine], estate("one", "two"), {})
    assert [(f.rule, f.outcome) for f in found] == [
        ("MG998", Outcome.ERROR),
        ("MG998", Outcome.ERROR),
        ("MG999", Outcome.FAIL),
        ("MG999", Outcome.FAIL),
        ("MG902", Outcome.FAIL),
        ("MG902", Outcome.FAIL),
    ]
    assert "ZeroDivisionError" in found[-1].message and "crashing/check.py:" in found[-1].message


@pytest.mark.parametrize(
    ("scope", "kind", "body", "wanted"),
    [
        ("", "application", "yield from ()", Outcome.UNKNOWN),
        ("/applications/one", "application", "yield from ()", Outcome.UNKNOWN),
        ("/applications/other", "application", "yield from ()", Outcome.PASS),
        ("/applications/on", "application", "yield from ()", Outcome.PASS),
        ("", "policy", "yield from ()", Outcome.PASS),
        ("", "application", f"yield {ISSUE}", Outcome.FAIL),
        ("", "application", "raise NotApplicable('x')\nyield", Outcome.NOT_APPLICABLE),
    ],
)
def test_a_gap_over_what_a_rule_reads_lets_nothing_pass(
    tmp_path: Path, scope: str, kind: str, body: str, wanted: Outcome
) -> None:
    gap = Gap(scope, frozenset({kind}), GapReason.FORBIDDEN, "The owners were refused.", "ask for Directory.Read.All")
    (finding,) = run([rule(tmp_path, body)], estate("one", gaps=(gap,)), {})
    assert finding.outcome is wanted
    if wanted is Outcome.UNKNOWN:
        assert finding.unknown is not None and finding.unknown.remedy == "ask for Directory.Read.All"


def test_a_gap_at_an_api_covers_the_server_that_it_is(tmp_path: Path) -> None:
    """The key of a server is that of its API or host with a mark behind it."""
    gap = Gap("/applications/one", frozenset({"application"}), GapReason.UNSUPPORTED, "A condition.", "give the values")
    found = tied(Estate([(application("one#mcp"), "")], gaps=(gap,), as_of=estate().as_of))
    assert outcomes(run([rule(tmp_path, "yield from ()")], found, {})) == [Outcome.UNKNOWN]


def test_a_gap_that_could_be_anywhere_says_nothing_against_what_was_read_as_a_whole(tmp_path: Path) -> None:
    gap = Gap("", frozenset({"application"}), GapReason.UNSUPPORTED, "A nested deployment.", "scan it")
    whole = frozenset({Complete("/applications/one", EVERYTHING)})
    found = tied(Estate([(application("one"), "")], gaps=(gap,), complete=whole, as_of=estate().as_of))
    assert outcomes(run([rule(tmp_path, "yield from ()")], found, {})) == [Outcome.PASS]


@pytest.mark.parametrize(
    ("page", "message"),
    [
        (PAGE.replace("since: 0.1.0", "since: 0.1.0\nextra: 1"), "unknown field `extra`"),
        (PAGE.replace("risk: agent-sprawl", "risk: nonsense"), "is not a row of the register"),
        (PAGE.replace("severity: high", "severity: severe"), "Invalid enum value"),
        ("no front matter", "does not begin with front matter"),
        (PAGE.replace("name: {name}", "name: another"), "does not carry the name"),
    ],
)
def test_a_malformed_page_is_an_error(tmp_path: Path, page: str, message: str) -> None:
    home = tmp_path / "family" / "some_thing"
    home.mkdir(parents=True)
    (home / "rule.md").write_text(page.format(id="MG999", name="some-thing"))
    with pytest.raises(RuleError) as caught:
        read_rule(home / "rule.md")
    assert message in caught.value.message


def test_an_id_that_is_used_twice_is_an_error(tmp_path: Path) -> None:
    rule(tmp_path, "yield from ()", "MG101", "some-thing")
    with pytest.raises(RuleError, match="MG101 is used twice"):
        load([tmp_path])


def test_selection_by_id_name_family_and_risk() -> None:
    rules = load()
    assert [r.meta.id for r in select_rules(rules, Selection(select=("mg101",)))] == ["MG101"]
    assert [r.meta.id for r in select_rules(rules, Selection(select=("missing-token-validation",)))] == ["MG101"]
    family = {r.meta.id for r in select_rules(rules, Selection(select=("gateway",)))}
    assert {"MG101", "MG102", "MG116"} <= family
    assert "MG101" not in {r.meta.id for r in select_rules(rules, Selection(ignore=("ingress-auth",)))}
    with pytest.raises(UsageError) as caught:
        select_rules(rules, Selection(select=("missing-token-validatoin",)))
    assert "did you mean 'missing-token-validation'" in caught.value.message


def test_low_confidence_is_left_out_and_said(tmp_path: Path) -> None:
    body = "yield Issue('bad', target.at, confidence=Confidence.LOW)"
    found = run([rule(tmp_path, body)], estate("one"), {})
    (kept,) = triage(found, Selection())
    (left,) = triage(found, Selection(min_confidence=Confidence.MEDIUM))
    assert (kept.outcome, left.outcome) == (Outcome.FAIL, Outcome.NOT_APPLICABLE)
    assert "below the asked medium" in left.detail


def test_fingerprints_know_neither_lines_nor_files_nor_order() -> None:
    issue = Issue("m", Location("f"), key="b")

    def of(rule_id: str, resource: str, index: int, artifact: str, *steps: str) -> str:
        at = Location(artifact, ("value", index))
        target = Target(resource, "application", "one", "app registration one", at)
        return fingerprint(rule_id, target, at.child(*steps), issue)

    first = of("MG1", "/Apps/One", 0, "a.json", "owners")
    assert first == of("MG1", "/apps/one", 7, "moved.json", "owners")
    assert first != of("MG2", "/apps/one", 0, "a.json", "owners")
    assert first != of("MG1", "/apps/one", 0, "a.json", "tags")
    assert first != of("MG1", "/apps/two", 0, "a.json", "owners")


API = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ApiManagement/service/a/apis/orders"


def resource(id: str, type: str, origin: Location, **texts: Location) -> RawResource:
    return RawResource(id, type, {}, origin, "arm-json", texts={f"properties.{name}": at for name, at in texts.items()})


def of_a_policy(api: Location, policy: Location, text: Location | None, at: Location) -> str:
    """The fingerprint of a finding of an API that stands in its policy."""
    texts = {"value": text} if text else {}
    known = [
        resource(API, "microsoft.apimanagement/service/apis", api),
        resource(f"{API}/policies/policy", "microsoft.apimanagement/service/apis/policies", policy, **texts),
    ]
    target = Target(API, "mcp-server", "orders", "orders", api)
    return fingerprint("MG1", target, at, Issue("m", at), Places(known))


def test_fingerprints_do_not_know_what_the_export_is_wrapped_in() -> None:
    listed, single = Location("apis.json", ("value", 4)), Location("policy.json")
    first = of_a_policy(listed, single, None, single.child("properties", "value").range(3, 9))
    in_a_list = Location("policies.json", ("value", 0))
    line, file = Location("apis.ndjson", (12, "body")), Location("policies/a/apis/orders/policy.xml")
    of_the_line = Location("policies.ndjson", (2, "body"))
    assert first == of_a_policy(single, in_a_list, None, in_a_list.child("properties", "value").range(1, 2))
    assert first == of_a_policy(line, of_the_line, file, file.range(40, 44))
    variable = Location("main.json", ("variables", "policy"), TextRange(0, 9))
    pieces = (Piece(0, 9, variable.artifact, variable.route, variable.within),)
    declared = Location("main.json", ("resources", 1))
    text = Location("main.json", ("resources", 1, "properties", "value"), pieces=pieces)
    assert first == of_a_policy(Location("main.json", ("resources", 0)), declared, text, text.range(2, 4))
    assert first != of_a_policy(listed, single, None, single.child("properties", "format"))
    assert first != of_a_policy(listed, single, None, listed.child("properties", "value"))


def test_a_finding_at_another_resource_is_not_one_at_the_target_itself() -> None:
    listed, single = Location("apis.json", ("value", 4)), Location("policy.json")
    assert of_a_policy(listed, single, None, single) != of_a_policy(listed, single, None, listed)


def test_the_fingerprint_of_a_policys_own_finding_is_that_of_the_text_in_a_file() -> None:
    def of(origin: Location, text: Location | None, at: Location) -> str:
        policy = resource(f"{API}/policies/policy", "microsoft.apimanagement/service/apis/policies", origin)
        if text:
            policy = RawResource(policy.id, policy.type, {}, origin, "arm-json", texts={"properties.value": text})
        target = Target(policy.id, "policy", "policy", "policy of orders", origin)
        return fingerprint("MG1", target, at, Issue("m", at), Places([policy]))

    inside, line, file = Location("p.json", ("value", 3)), Location("p.ndjson", (1, "body")), Location("p.xml")
    assert of(inside, None, inside.child("properties", "value").range(1, 2)) == of(line, file, file.range(7, 8))
    assert of(inside, None, inside) == of(line, file, line)


def test_a_text_that_several_resources_share_is_the_text_of_each() -> None:
    """In any order, and also when another one comes to share it."""
    shared = Location("main.json", ("variables", "policy"))
    ids = [f"{API}-{name}/policies/policy" for name in "abc"]
    known = [
        RawResource(
            id_, "t/policies", {}, Location("main.json", ("resources", i)), "arm-json", texts={"properties.value": shared}
        )
        for i, id_ in enumerate(ids)
    ]
    target = Target(ids[1], "policy", "b", "b", known[1].origin)

    def of(*resources: RawResource) -> str:
        return fingerprint("MG1", target, shared.range(0, 1), None, Places(resources))

    assert len({of(*known), of(*reversed(known)), of(known[1])}) == 1
