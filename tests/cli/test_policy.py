"""``mcpguard policy show`` and ``mcpguard policy check``, from the command line to what is printed."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema_rs
import pytest
from lxml import etree
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from mcpguard.cli.main import run
from tests.cli.policy_situations import SERVICE, SITUATIONS, Situation, i, v

ROOT = Path(__file__).parents[2]
CONTOSO = ROOT / "fixtures" / "estates" / "contoso"
SECURE = ROOT / "fixtures" / "estates" / "secure"
SCHEMA = json.loads((ROOT / "docs/schemas/policy-check.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema_rs.validator_for(SCHEMA)
SHOW_SCHEMA = json.loads((ROOT / "docs/schemas/policy-show.schema.json").read_text(encoding="utf-8"))
SHOW_VALIDATOR = jsonschema_rs.validator_for(SHOW_SCHEMA)


class Ran:
    def __init__(self, status: int, out: str, err: str) -> None:
        self.status = status
        self.out = out
        self.err = err

    @property
    def json(self) -> Any:
        """The output, held to the schema of its command: what ``show`` writes has policies, what ``check`` writes has items."""
        document = json.loads(self.out)
        (SHOW_VALIDATOR if "policies" in document else VALIDATOR).validate(document)
        return document


@pytest.fixture
def policy(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("MCPGUARD_DEBUG", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")

    def call(*arguments: object) -> Ran:
        capsys.readouterr()
        status = run(["policy", *map(str, arguments)])
        out, err = capsys.readouterr()
        return Ran(status, out, err)

    return call


def golden(snapshot: SnapshotAssertion, suffix: str) -> Any:
    class Extension(SingleFileSnapshotExtension):
        _write_mode = WriteMode.TEXT
        file_extension = suffix

    return snapshot.use_extension(Extension)


def put(folder: Path, situation: Situation) -> Path:
    (folder / "estate.json").write_text(situation.text(), encoding="utf-8")
    return folder / "estate.json"


# -- show: by hand ---------------------------------------------------------------------------------------------------


def shape(nodes: list[dict[str, Any]]) -> str:
    parts = []
    for node in nodes:
        if node["kind"] == "hole":
            assert node["missing"] and node["remedy"]
            parts.append("?")
        elif node["kind"] == "alternatives":
            assert node["missing"] and node["remedy"]
            parts.append("[" + "|".join(shape(branch) for branch in node["branches"]) + "]")
        else:
            assert node["place"]["path"] == "estate.json"
            assert node["isDefault"] or node["place"]["policyLine"] >= 1
            name = next((a["value"] for a in node["attributes"] if a["name"] == "name"), node["name"])
            inner = f"({shape(node['children'])})" if node["children"] else ""
            parts.append(f"{name}@{node['scope']}{inner}")
    return " ".join(parts)


def way(entry: dict[str, Any]) -> str:
    word = {"none": "keyless", "service": "service", "product": "product"}[entry["key"]]
    return word + (f":{entry['product']}" if entry["product"] else "") + ("?" if entry["doubt"] else "")


@pytest.mark.parametrize("name", SITUATIONS)
def test_computed_by_hand(name: str, policy: Any, tmp_path: Path) -> None:
    situation = SITUATIONS[name]
    ran = policy("show", put(tmp_path, situation), "--api", "a", "--format", "json", *situation.arguments)
    assert ran.status == 0, ran.err
    found = {" ".join(map(way, p["ways"])): shape(p["sections"][situation.section]) for p in ran.json["policies"]}
    assert found == situation.wanted


@pytest.mark.parametrize("name", SITUATIONS)
def test_situations_as_text(name: str, policy: Any, tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    situation = SITUATIONS[name]
    ran = policy("show", put(tmp_path, situation), "--api", "a", *situation.arguments)
    assert ran.out == golden(snapshot, "txt")


@pytest.mark.parametrize("name", SITUATIONS)
def test_situations_as_xml(name: str, policy: Any, tmp_path: Path) -> None:
    """Every one is well-formed, and holds the statements of the JSON output in the same order."""
    situation = SITUATIONS[name]
    path = put(tmp_path, situation)
    arguments = ["--api", "a", *situation.arguments, "--entry", "service-key"]
    ran = policy("show", path, *arguments, "--format", "xml")
    section = ElementTree.fromstring(ran.out).find(situation.section)
    assert section is not None
    wanted = policy("show", path, *arguments, "--format", "json").json["policies"][0]["sections"][situation.section]
    assert [
        e.get("name", e.tag) for e in section.iter() if e.tag not in (situation.section, "alternatives", "alternative")
    ] == re.findall(r"([\w-]+)@", shape(wanted))


def test_what_is_missing_and_how_to_get_it_is_said(policy: Any, tmp_path: Path) -> None:
    def text(name: str) -> str:
        situation = SITUATIONS[name]
        out: str = policy("show", put(tmp_path, situation), "--api", "a", *situation.arguments).out
        return " ".join(out.replace("│", " ").replace("#", " ").split())

    # facts/apim.md 1.9: secrets are never returned
    assert "{{region}} is westeurope" in text("named-value-known")
    assert "{{key}} is not known" in text("named-value-secret") and "westeurope" not in text("named-value-secret")
    assert "{{region}}, which does not exist in the service" in text("named-value-that-does-not-exist")
    assert "add the service's named values to the input" in text("named-value-not-read")
    assert "fragment audit, which does not exist in the service" in text("fragment-that-does-not-exist")
    assert f"az rest --method get --url {SERVICE.lower()}/policyFragments" in text("fragment-not-read")
    assert "what a policy without an <inbound> section inherits" in text("section-missing")
    assert "policies/policy?format=rawxml" in text("api-not-read")
    assert f"{SERVICE}/workspaces/w/policies/policy?format=rawxml" in text("workspace-not-read")
    # a name that means two things is not guessed
    assert "the workspace and the service both have one of that name" in text("workspace-values")
    assert "{{zone}} is 1" in text("workspace-values")
    assert (
        "policy restriction base-everywhere asks for <base />: the API policy of a has none in inbound; "
        "the service calls it NonCompliant" in text("restriction-not-kept")
    )
    assert "of-another" not in text("restriction-not-kept")
    # facts/apim.md 2.5: buffer-response is true by default
    assert 'buffer-response="true"' in text("backend") and 'timeout="300"' not in text("backend")


# -- show: on the estates --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format_", ["text", "json", "xml"])
@pytest.mark.parametrize("api", ["orders-mcp", "support-mcp", "stock-mcp", "docs-mcp", "orders", "inventory mcp"])
def test_contoso(api: str, format_: str, policy: Any, snapshot: SnapshotAssertion) -> None:
    entry = ["--entry", "service-key"] if format_ == "xml" else []
    ran = policy("show", CONTOSO, "--api", api, "--complete", "--format", format_, *entry)
    assert ran.status == 0, ran.err
    if format_ == "xml":
        ElementTree.fromstring(ran.out)
    assert format_ != "json" or ran.json["policies"]
    assert ran.out == golden(snapshot, {"text": "txt"}.get(format_, format_))


def test_contoso_operation(policy: Any, snapshot: SnapshotAssertion) -> None:
    by_name = policy("show", CONTOSO, "--api", "orders", "--operation", "create-order", "--complete")
    assert policy("show", CONTOSO, "--api", "Orders API", "--operation", "post /", "--complete").out == by_name.out
    assert by_name.out == golden(snapshot, "txt")


def test_contoso_without_the_word_complete(policy: Any, snapshot: SnapshotAssertion) -> None:
    assert policy("show", CONTOSO / "apim-prod", "--api", "docs-mcp").out == golden(snapshot, "txt")


# -- show: choosing --------------------------------------------------------------------------------------------------

TWO_PRODUCTS = Situation(
    {},
    products={"starter": (True, i("<base />" + v("p"))), "gold": (False, i("<base />" + v("q")))},
    api=i("<base />" + v("a")),
)


@pytest.mark.parametrize(
    ("entry", "ways"),
    [
        ("keyless", ["keyless:starter"]),
        ("service-key", ["service"]),
        ("product:gold", ["product:gold"]),
        ("product:Starter", ["keyless:starter"]),
    ],
)
def test_one_way_in(entry: str, ways: list[str], policy: Any, tmp_path: Path) -> None:
    ran = policy("show", put(tmp_path, TWO_PRODUCTS), "--api", "a", "--complete", "--entry", entry, "--format", "json")
    assert [way(w) for p in ran.json["policies"] for w in p["ways"]] == ways


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--api", "b-api"], "no API is called 'b-api'"),
        (["--api", "an-api"], "did you mean"),
        (["--api", "a", "--operation", "cal"], "did you mean 'call'?"),
        (["--api", "a", "--entry", "product:gould"], "did you mean 'gold'?"),
        (["--api", "a", "--entry", "key"], "keyless, service-key or product:NAME"),
        (["--api", "a", "--service", "t"], "no service is called 't'"),
        (["--api", "a", "--format", "xml"], "choose with --entry: keyless, service-key, product:NAME"),
        ([], "--api"),
    ],
)
def test_what_cannot_be_shown(arguments: list[str], says: str, policy: Any, tmp_path: Path) -> None:
    situation = Situation(
        {},
        products={"starter": (True, i(v("p"))), "gold": (False, i(v("q")))},
        api=i("<base />" + v("a")),
    )
    situation.resources.append(
        {
            "id": f"{SERVICE}/apis/an-apis",
            "name": "an-apis",
            "type": "Microsoft.ApiManagement/service/apis",
            "properties": {"path": "b"},
        }
    )
    ran = policy("show", put(tmp_path, situation), "--complete", *arguments)
    assert ran.status == 2 and ran.out == ""
    assert says in ran.err


def test_a_way_that_does_not_exist(policy: Any, tmp_path: Path) -> None:
    ran = policy("show", put(tmp_path, SITUATIONS["product-closed"]), "--api", "a", "--complete", "--entry", "keyless")
    assert ran.status == 2 and "with a key of product starter" in ran.err


def test_several_services(policy: Any, tmp_path: Path) -> None:
    text = put(tmp_path, SITUATIONS["base-first"]).read_text()
    (tmp_path / "other.json").write_text(text.replace("service/s", "service/t").replace('"name": "s"', '"name": "t"'))
    ran = policy("show", tmp_path, "--api", "a", "--complete")
    assert ran.status == 2 and "several services hold an API 'a': s, t" in ran.err and "--service" in ran.err
    assert "of service t" in policy("show", tmp_path, "--api", "a", "--complete", "--service", "T").out


def test_no_api_at_all(policy: Any, tmp_path: Path) -> None:
    (tmp_path / "p.xml").write_text(i(v("a")))
    assert policy("show", tmp_path, "--api", "a").status == 3


# -- show: safety ----------------------------------------------------------------------------------------------------

HOSTILE = (
    '<set-header name="a\x1b[31m" exists-action="override"><value>\x07\u202e@(context.Request.Headers["a"] == "<b>" && x --> y)</value></set-header>'
    '<set-body><soap:Envelope xmlns:soap="urn:x" a="1" a="2"><soap:Body><q:x>\x00]]></q:x></soap:Body></soap:Envelope></set-body>'
    '<set-variable name="v" value="@{\n      var a = 1;\n      return a < 2 ? "x" : "y";\n    }" />'
    "<!-- - -- -->"
)


@pytest.mark.parametrize("format_", ["text", "json", "xml"])
def test_nothing_that_a_terminal_acts_on(format_: str, policy: Any, tmp_path: Path) -> None:
    situation = Situation({}, api=i(HOSTILE))
    ran = policy("show", put(tmp_path, situation), "--api", "a", "--complete", "--format", format_)
    assert ran.status == 0, ran.err
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]" if format_ != "json" else "[\x00-\x08\x0b-\x1f]", ran.out)
    if format_ == "xml":
        (inbound,) = ElementTree.fromstring(ran.out).iter("inbound")
        assert [e.tag for e in inbound] == ["set-header", "set-body", "set-variable"]
        assert inbound[2].get("value") == '@{\n      var a = 1;\n      return a < 2 ? "x" : "y";\n    }'


@pytest.mark.parametrize(
    "content",
    [
        '<xmlns:a xmlns:xml="urn:x" xmlns:b="" b:c="1" xmlns:xmlns="y" />',
        '<p:q p:a="1" xmlns:p="urn:p"><p:r /><q:s /></p:q><p:t />',
        "<set-body><![CDATA[<a> ]]>]]&gt;</set-body><é ü='1' /><a.b-c:d />",
        '<set-variable name="a" value="&#10;&#9;&#xD800;&#1;&lt;" name="b" />',
        "@(1 < 2) {{x}} <!-- a -- b --->",
        '<choose><when condition="@(a',
    ],
)
def test_xml_is_well_formed_whatever_the_policy_holds(content: str, policy: Any, tmp_path: Path) -> None:
    path = put(tmp_path, Situation({}, api=i(content)))
    ran = policy("show", path, "--api", "a", "--complete", "--format", "xml")
    assert ran.status == 0, ran.err
    ElementTree.fromstring(ran.out)
    etree.fromstring(ran.out.encode())


def test_policies_that_were_exported_escaped(policy: Any, tmp_path: Path) -> None:
    """facts/apim.md 2.3: format xml is the escaped form of what rawxml gives as it is."""
    raw = '@(context.Request.Headers.GetValueOrDefault("a","") == "<b>" && true)'
    escaped = raw.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    for written in (raw, escaped):
        path = put(tmp_path, Situation({}, api=i(v("x", written))))
        (variable,) = ElementTree.fromstring(policy("show", path, "--api", "a", "--complete", "--format", "xml").out).iter(
            "set-variable"
        )
        assert variable.get("value") == raw
        assert written in policy("show", path, "--api", "a", "--complete").out


@pytest.mark.parametrize("format_", ["text", "json", "xml"])
def test_deep_and_long_policies(format_: str, policy: Any, tmp_path: Path) -> None:
    nest = '<choose><when condition="@(true)">' * 125, "</when></choose>" * 125
    long = "\n".join(v(f"n{number}") for number in range(2000))
    situation = Situation({}, top=i(nest[0] + v("x") + nest[1]), api=i(nest[0] + "<base />" + nest[1] + long))
    ran = policy("show", put(tmp_path, situation), "--api", "a", "--complete", "--format", format_)
    assert ran.status == 0, ran.err
    assert "n1999" in ran.out and '"x"' in ran.out


def test_no_secret_of_the_input_is_shown(policy: Any, tmp_path: Path) -> None:
    secret = "Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MA=="
    header = f'<set-header name="Authorization" exists-action="override"><value>Basic {secret}</value></set-header>'
    situation = Situation({}, api=i(header + '<set-hedaer name="x" />'), values={"region": "x"})
    path = put(tmp_path, situation)
    for format_ in ("text", "json", "xml"):
        ran = policy("show", path, "--api", "a", "--complete", "--format", format_)
        assert "Authorization" in ran.out and secret not in ran.out
    for format_ in ("text", "json"):
        ran = policy("check", path, "--format", format_)
        assert "set-hedaer" in ran.out and secret not in ran.out


# -- check -----------------------------------------------------------------------------------------------------------


def check(policy: Any, *paths: object) -> Ran:
    ran: Ran = policy("check", *paths, "--format", "json")
    return ran


@pytest.mark.parametrize("schema", [SCHEMA, SHOW_SCHEMA], ids=["check", "show"])
def test_the_schema_is_one_and_closed(schema: dict[str, Any]) -> None:
    jsonschema_rs.meta.validate(schema)
    stack: list[Any] = [schema]
    while stack:
        part = stack.pop()
        if isinstance(part, dict):
            assert "properties" not in part or "type" not in part or part["additionalProperties"] is False
            stack.extend(part.values())
        elif isinstance(part, list):
            stack.extend(part)


@pytest.mark.parametrize(
    ("route", "value"),
    [
        (("extra",), 1),
        (("operation",), "call"),
        (("policies",), []),
        (("policies", 0, "ways", 0, "key"), "any"),
        (("policies", 0, "sections", "inbound", 0, "kind"), "hole"),
        (("policies", 0, "sections", "inbound", 0, "place"), {}),
        (("policies", 0, "sections", "inbound", 0, "scope"), "resolver"),
        (("policies", 0, "sections", "inbound", 0, "namedValues", 0, "value"), None),
    ],
)
def test_the_schema_of_show_is_strict(route: tuple[Any, ...], value: Any, policy: Any, tmp_path: Path) -> None:
    situation = SITUATIONS["named-value-known"]
    document = policy("show", put(tmp_path, situation), "--api", "a", "--format", "json", *situation.arguments).json
    *steps, last = route
    part = document
    for step in steps:
        part = part[step]
    part[last] = value
    assert not SHOW_VALIDATOR.is_valid(document)


@pytest.mark.parametrize("name", SITUATIONS)
def test_situations_as_json_conform(name: str, policy: Any, tmp_path: Path) -> None:
    """Each as far as it was read, too: then there are holes, alternatives and doubts."""
    path = put(tmp_path, SITUATIONS[name])
    for more in ([], ["--complete"], ["--operation", "call"] if "operation" in name else []):
        assert policy("show", path, "--api", "a", "--format", "json", *more).json["policies"]


@pytest.mark.parametrize(("estate", "documents"), [(CONTOSO, 20), (SECURE, None)])
def test_the_estates_are_good(estate: Path, documents: int | None, policy: Any) -> None:
    ran = check(policy, estate)
    assert ran.status == 0
    assert ran.json["read"] == ran.json["documents"] == len(ran.json["items"]) and ran.json["failed"] == []
    assert documents in (None, ran.json["documents"])
    assert ran.json["expressions"]["seen"] == ran.json["expressions"]["analysed"] > 0


def test_counts_and_remarks_of_a_loose_file(policy: Any, tmp_path: Path) -> None:
    (tmp_path / "p.xml").write_text(
        '<policies>\n  <inbound>\n    <base />\n    <set-header nmae="a" name="@(context.Api.Id)">\n      <value>@(1 +)</value>\n    </set-header>\n  </inbound>\n</policies>\n'
    )
    ran = check(policy, tmp_path)
    assert ran.status == 1
    assert ran.json == {
        "documents": 1,
        "read": 1,
        "failed": [],
        "expressions": {
            "seen": 2,
            "analysed": 1,
            "failed": [{"path": "p.xml", "line": 5, "code": "@(1 +)", "why": "it does not parse as C#, or is too large"}],
        },
        "items": [
            {
                "path": "p.xml",
                "elements": 5,
                "attributes": 2,
                "expressions": 2,
                "remarks": [
                    {
                        "line": 4,
                        "column": 17,
                        "severity": "error",
                        "message": "unknown attribute 'nmae' on set-header",
                    }
                ],
            }
        ],
    }


def test_embedded_policies_have_the_line_of_the_file_and_of_the_policy(policy: Any, tmp_path: Path) -> None:
    situation = Situation(
        {}, api='<policies>\n<inbound>\n<set-header zzz="1" name="x" />\n<set-header name="@(x">\n</inbound></policies>'
    )
    path = put(tmp_path, situation)
    ran = check(policy, path)
    line = next(n for n, text in enumerate(path.read_text().splitlines(), 1) if "<policies>" in text)
    (failed,) = ran.json["failed"]
    assert (failed["path"], failed["line"], failed["policyLine"]) == ("estate.json", line, 4)
    assert "an expression is not closed" in failed["why"]
    (remark,) = ran.json["items"][0]["remarks"]
    assert (remark["line"], remark["policyLine"]) == (line, 3)
    assert ran.status == 1 and ran.json["read"] == 0


def test_policies_of_templates_and_extracts(policy: Any, tmp_path: Path) -> None:
    template = {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "resources": [
            {
                "type": "Microsoft.ApiManagement/service/apis/policies",
                "apiVersion": "2024-05-01",
                "name": "s/a/policy",
                "properties": {"format": "rawxml", "value": i("<base />")},
            },
            {
                "type": "Microsoft.ApiManagement/service/policies",
                "apiVersion": "2024-05-01",
                "name": "s/policy",
                "properties": {"format": "rawxml-link", "value": "https://example.com/policy.xml"},
            },
        ],
    }
    (tmp_path / "template.json").write_text(json.dumps(template))
    ran = check(policy, tmp_path)
    assert (ran.status, ran.json["documents"], ran.json["read"]) == (1, 2, 1)
    assert "which is a link" in ran.json["failed"][0]["why"]
    assert check(policy, CONTOSO / "contoso-apim-edge").json["documents"] >= 5


def test_the_scope_is_known_where_the_policy_is_attached(policy: Any, tmp_path: Path) -> None:
    """facts/apim.md 2.4: rate-limit stands at product, API and operation scope; a loose file may be any of them."""
    limit = i('<rate-limit calls="1" renewal-period="60" />')
    everywhere = Situation(
        {},
        top=limit,
        api=limit,
        operation=limit,
        products={"p": (True, limit)},
        fragments={"f": f"<fragment>{limit}</fragment>"},
    )
    (tmp_path / "loose.xml").write_text(limit)
    for parts in (("policy.xml",), ("apis", "a", "policy.xml"), ("products", "p", "policy.xml")):
        path = (tmp_path / "extract").joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(limit)
    for folder, kind in (("apis/a", "apiInformation"), ("products/p", "productInformation")):
        (tmp_path / "extract" / folder / f"{kind}.json").write_text('{"properties": {"displayName": "x", "path": "x"}}')
    put(tmp_path, everywhere)
    said = {
        (item["path"], remark["message"])
        for item in check(policy, tmp_path).json["items"]
        for remark in item["remarks"]
        if "scope" in remark["message"]
    }
    wanted = "<rate-limit> may not stand at global scope, only at product, API or operation"
    assert said == {("estate.json", wanted), ("extract/policy.xml", wanted)}


def test_policies_of_resolvers(policy: Any, tmp_path: Path) -> None:
    """Configured in a resolver, as a document of their own (policy reference: http-data-source)."""
    source = (
        "<http-data-source><http-request><set-method>GET</set-method><set-url>x</set-url></http-request></http-data-source>"
    )
    (tmp_path / "loose.xml").write_text(source)
    situation = Situation({})
    situation.resources.append(
        {
            "id": f"{SERVICE}/apis/a/resolvers/users/policies/policy",
            "name": "policy",
            "type": "Microsoft.ApiManagement/service/apis/resolvers/policies",
            "properties": {"format": "rawxml", "value": source.replace("set-url", "set-uri")},
        }
    )
    put(tmp_path, situation)
    ran = check(policy, tmp_path)
    said = {item["path"]: [remark["message"] for remark in item["remarks"]] for item in ran.json["items"]}
    assert said["loose.xml"] == [] and "did you mean 'set-url'?" in " ".join(said["estate.json"])


def test_a_note_alone_is_no_failure(policy: Any, tmp_path: Path) -> None:
    (tmp_path / "p.xml").write_text(i('<frobnicate x="y" />'))
    ran = check(policy, tmp_path)
    assert ran.status == 0 and ran.json["items"][0]["remarks"][0]["severity"] == "note"


def test_a_file_that_cannot_be_read_beside_good_ones(policy: Any, tmp_path: Path) -> None:
    (tmp_path / "good.xml").write_text(i("<base />"))
    (tmp_path / "bad.json").write_text('{"id": "/subscriptions/x",\n "type": }')
    (tmp_path / "README.md").write_text("nothing to see")
    ran = check(policy, tmp_path)
    assert ran.status == 1 and [entry["path"] for entry in ran.json["failed"]] == ["bad.json"]
    assert (ran.json["documents"], ran.json["read"]) == (2, 1)


def test_a_file_that_was_named_is_not_passed_over(policy: Any, tmp_path: Path) -> None:
    (tmp_path / "good.xml").write_text(i("<base />"))
    (tmp_path / "README.md").write_text("nothing to see")
    assert check(policy, tmp_path).status == 0
    ran = check(policy, tmp_path / "good.xml", tmp_path / "README.md")
    assert ran.status == 1 and "README.md" in ran.json["failed"][0]["path"]


@pytest.mark.parametrize(("name", "status"), [("missing", 2), ("empty", 3), ("no-policy", 3)])
def test_nothing_to_check(name: str, status: int, policy: Any, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "no-policy").mkdir()
    (tmp_path / "no-policy" / "host.json").write_text('{"version": "2.0"}')
    ran = policy("check", tmp_path / name)
    assert ran.status == status and ran.out == ""


def test_check_as_text(policy: Any, tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    (tmp_path / "a.xml").write_text(
        i('<authentication-managed-identity resource="r" ignore-errors="true" />\n<vaildate-jwt />')
    )
    (tmp_path / "b.xml").write_text('<policies>\n<inbound>\n<set-header name="@(x">\n</inbound></policies>')
    (tmp_path / "c.json").write_text(Situation({}, api=i("\n<forward-request />")).text())
    (tmp_path / "d.json").write_text('{"id": "/subscriptions/x",\n "type": }')
    ran = policy("check", tmp_path)
    assert ran.status == 1
    assert ran.out == golden(snapshot, "txt")


def test_check_is_safe_on_a_terminal(policy: Any, tmp_path: Path) -> None:
    (tmp_path / "p.xml").write_bytes(
        i('<set-header name="a" \x1b[31m="1" /><set-header naem="\x1b[2J" name="@(\x07" />').encode()
    )
    out = policy("check", tmp_path).out
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", out)


# -- both ------------------------------------------------------------------------------------------------------------


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys\nfrom mcpguard.cli.main import run\n"
        "run(['policy', 'check', sys.argv[1]])\n"
        "run(['policy', 'show', sys.argv[1], '--api', 'support-mcp', '--complete'])\n"
        "print(sorted({'jinja2', 'asyncio', 'yaml', 'lxml', 'ssl', 'xml.dom'} & set(sys.modules)), file=sys.stderr)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(CONTOSO / "apim-prod")], check=True, capture_output=True, text=True, cwd=ROOT
    )
    assert result.stderr.strip() == "[]"


def test_help_names_the_commands(policy: Any) -> None:
    assert "show" in policy("--help").out and "check" in policy("--help").out
    assert "--entry" in policy("show", "--help").out
