"""Encodings, broken files and odd values: each says what is the matter and where, and the run goes on."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpguard.core.errors import NothingReadError
from mcpguard.evidence import ArtifactStatus, GapReason
from mcpguard.sources import read
from mcpguard.sources.encoding import NotText, Unicode, to_utf8
from tests.sources.conftest import SERVICE, Scan, api, policy, service

Scanner = Callable[..., Scan]
GOOD = {"good.json": service()}


def test_utf8_byte_order_mark_is_not_counted(scan: Scanner) -> None:
    found = scan({"api.json": b"\xef\xbb\xbf" + json.dumps(api("orders")).encode()})
    assert found.artifact("api.json").detail == ""
    assert found.start(found.only().origin) == (1, 1)
    assert found.evidence.texts["api.json"].data.startswith(b'{"id"')


@pytest.mark.parametrize(
    ("codec", "detail"),
    [
        ("utf-16", "converted from UTF-16"),
        ("utf-32", "converted from UTF-32"),
        ("utf-16-le", "converted from UTF-16 without a byte order mark"),
        ("utf-16-be", "converted from UTF-16 without a byte order mark"),
    ],
)
def test_other_unicode(scan: Scanner, codec: str, detail: str) -> None:
    found = scan({"api.json": json.dumps(api("orders", description="Größe 🚀"), ensure_ascii=False).encode(codec)})
    artifact = found.artifact("api.json")
    assert (artifact.status, artifact.detail) == (ArtifactStatus.READ, detail)
    assert found.only().body["properties"]["description"] == "Größe 🚀"
    quoted = found.place(found.only().origin.child("properties", "description"))
    assert quoted.excerpt[0][quoted.span.column - 1 : quoted.span.end_column - 1] == '"Größe 🚀"'


def test_powershell_writes_utf16_policies_too(scan: Scanner) -> None:
    found = scan({"policy.xml": "<policies>\r\n  <inbound />\r\n</policies>".encode("utf-16")})
    assert found.only().body["properties"]["value"] == "<policies>\r\n  <inbound />\r\n</policies>"


@pytest.mark.parametrize(
    ("content", "status", "detail"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", ArtifactStatus.SKIPPED, "binary file"),
        (b"\x00\x01" * 40, ArtifactStatus.SKIPPED, "binary file"),
        (b'{"id": "caf\xe9"}', ArtifactStatus.FAILED, "not UTF-8: byte 0xe9 at offset 11"),
        (b"\xff\xfea", ArtifactStatus.FAILED, "not UTF-16: truncated data"),
        (b"", ArtifactStatus.SKIPPED, "empty file"),
        (b" \r\n\t", ArtifactStatus.SKIPPED, "empty file"),
        (b"\xef\xbb\xbf \n", ArtifactStatus.SKIPPED, "empty file"),
        (b"null", ArtifactStatus.SKIPPED, "no format that mcpguard knows"),
        (b"[null]", ArtifactStatus.SKIPPED, "JSON, but of no shape that mcpguard knows"),
        (b"{}", ArtifactStatus.SKIPPED, "JSON, but of no shape that mcpguard knows"),
        (b'{"a": [1, {"b": "c"}]}', ArtifactStatus.SKIPPED, "JSON, but of no shape that mcpguard knows"),
        (b"[]", ArtifactStatus.SKIPPED, "an empty list, which does not say what it would have listed"),
        (b'{"value": [], "count": 0}', ArtifactStatus.SKIPPED, "an empty list, which does not say what it would have listed"),
        (b"[section]\nkey = 1\n", ArtifactStatus.SKIPPED, "starts like JSON, but is none"),
        (b"<html><body/></html>", ArtifactStatus.SKIPPED, "XML, but no policy"),
        (b"<!DOCTYPE html>\n<html></html>", ArtifactStatus.SKIPPED, "XML, but no policy"),
        (b"<retry/>", ArtifactStatus.SKIPPED, "XML, but no policy"),
        (b"print('hello')", ArtifactStatus.SKIPPED, "no format that mcpguard knows"),
        (b"apiVersion: v1\nkind: Pod\n", ArtifactStatus.SKIPPED, "YAML, but no manifest"),
        (b"openapi: 3.0.1\nservers:\n  - url: https://x\n", ArtifactStatus.SKIPPED, "no format that mcpguard knows"),
    ],
)
def test_what_is_left_alone_says_why(scan: Scanner, content: bytes, status: ArtifactStatus, detail: str) -> None:
    artifact = scan({**GOOD, "odd": content}).artifact("odd")
    assert (artifact.status, artifact.detail, artifact.resources) == (status, detail, 0)


def test_texts_of_no_format(scan: Scanner) -> None:
    artifact = scan({**GOOD, "README.md": "param location string\n"}).artifact("README.md")
    assert (artifact.status, artifact.detail) == (ArtifactStatus.SKIPPED, "no format that mcpguard knows")


def test_servers_without_a_head_are_no_manifest(scan: Scanner) -> None:
    detail = scan({**GOOD, "inventory.yaml": "servers:\n  - id: a\n"}).artifact("inventory.yaml").detail
    assert detail == "YAML, but no manifest: apiVersion: mcpguard/v1 and kind: McpInventory are missing"


def test_names_say_nothing(scan: Scanner) -> None:
    found = scan({"policy.xml": json.dumps(api("orders")), "host.json": "<policies/>", "notes.txt": service()})
    assert [resource.type for resource in found.evidence.resources] == [
        "microsoft.apimanagement/service",
        "microsoft.apimanagement/service/apis",
        "file/policy",
    ]


def test_broken_json_of_ours_fails_with_its_place(scan: Scanner) -> None:
    text = '{\n  "id": "/subscriptions/1/x",\n  "name": "größe",\n  "properties": {"a": 1,, "b": 2}\n}\n'
    found = scan({**GOOD, "apis.json": text})
    artifact = found.artifact("apis.json")
    assert artifact.status is ArtifactStatus.FAILED
    assert artifact.detail.startswith("line 4, column 25: ")
    assert found.evidence.texts["apis.json"].format == "text"
    place = found.place(artifact.at)
    assert (place.span.line, place.span.column, place.excerpt) == (4, 25, ('  "properties": {"a": 1,, "b": 2}',))


def test_several_values_in_one_file(scan: Scanner) -> None:
    text = json.dumps(api("a"), indent=1) + "\n" + json.dumps(api("b"), indent=1)
    artifact = scan({**GOOD, "apis.json": text}).artifact("apis.json")
    assert artifact.status is ArtifactStatus.FAILED
    assert artifact.detail.endswith("several JSON values in one file are read when each stands on a line of its own")


def test_broken_json_lines_fail_at_the_line(scan: Scanner) -> None:
    text = json.dumps(api("a")) + "\n" + '{"id": "/subscriptions/1/providers/Microsoft.Web/sites/x",\n'
    found = scan({**GOOD, "apis.json": text})
    artifact = found.artifact("apis.json")
    assert artifact.status is ArtifactStatus.FAILED
    assert found.start(artifact.at)[0] == 2


def test_deep_nesting_is_refused(scan: Scanner) -> None:
    found = scan({**GOOD, "deep.json": '{"properties": {"a":' + "[" * 100_000, "deep2.json": "[" * 3000 + "]" * 3000})
    assert found.artifact("deep.json").status is ArtifactStatus.FAILED
    assert found.artifact("deep2.json").status is ArtifactStatus.SKIPPED


def test_comments_and_trailing_commas(scan: Scanner) -> None:
    text = '// for VS Code\n{\n  "servers": {\n    /* ours */ "orders": {"url": "https://x/mcp",},\n  },\n}\n'
    found = scan({".vscode/mcp.json": text})
    assert found.evidence.texts[".vscode/mcp.json"].format == "jsonc"
    assert found.start(found.only().origin.child("servers", "orders", "url")) == (4, 34)


def test_duplicate_keys(scan: Scanner) -> None:
    text = f'{{\n "id": "{SERVICE}/apis/a",\n "type": "Microsoft.ApiManagement/service/apis",\n'
    text += ' "properties": {"path": "a", "subscriptionRequired": true, "subscriptionRequired": false}\n}'
    found = scan({"api.json": text})
    artifact = found.artifact("api.json")
    assert artifact.status is ArtifactStatus.PARTIAL
    assert artifact.detail == ("key subscriptionRequired occurs twice in one object at properties; the last one was used")
    assert found.start(artifact.at) == (4, 16)
    assert found.only().body["properties"]["subscriptionRequired"] is False


def test_properties_that_are_missing_null_or_of_a_wrong_type(scan: Scanner) -> None:
    bare = {**api("null"), "properties": None}
    text = {**api("text"), "properties": "none"}
    flat: dict[str, Any] = {
        "id": f"{SERVICE}/subscriptions/flat",
        "type": "Microsoft.ApiManagement/service/subscriptions",
        "displayName": "y",
        "scope": "/apis",
        "state": "active",
        "allowTracing": False,
    }
    found = scan({"apis.json": [api("good"), bare, text, flat]})
    artifact = found.artifact("apis.json")
    assert (artifact.status, artifact.resources) == (ArtifactStatus.PARTIAL, 4)
    gaps = {gap.scope.rpartition("/")[2]: gap for gap in found.evidence.gaps}
    assert gaps.keys() == {"null", "text", "flat"}
    assert all(gap.reason is GapReason.NOT_COLLECTED and gap.kinds <= {"api", "subscription"} for gap in gaps.values())
    assert "flattens" in gaps["flat"].detail
    assert found.start(gaps["null"].at)[0] == json.dumps([api("good")], indent=2).count("\n") + 1


def test_items_that_are_no_resources_are_named(scan: Scanner) -> None:
    found = scan({"apis.json": {"value": [api("a"), "text", None, 7, {"x": 1}]}})
    artifact = found.artifact("apis.json")
    assert (artifact.status, artifact.resources) == (ArtifactStatus.PARTIAL, 1)
    assert artifact.detail == "4 items of no known shape in a list (index 1, 2, 3, 4)"
    assert artifact.at is not None and artifact.at.route == ("value", 1)
    assert found.complete == set()


def test_resource_with_names_and_types_that_do_not_match(scan: Scanner) -> None:
    odd = {"type": "Microsoft.ApiManagement/service/apis", "name": "orders", "properties": {}}
    artifact = scan({**GOOD, "api.json": odd}).artifact("api.json")
    assert artifact.status is ArtifactStatus.PARTIAL
    assert "has no id" in artifact.detail


def test_error_answers(scan: Scanner) -> None:
    answer = {"error": {"code": "AuthorizationFailed", "message": "The client 'x' does not have authorization"}}
    artifact = scan({**GOOD, "policies.json": answer}).artifact("policies.json")
    assert (artifact.status, artifact.detail) == (
        ArtifactStatus.PARTIAL,
        "Azure answered AuthorizationFailed instead of a resource",
    )


def test_unclosed_expression_in_a_loose_policy(scan: Scanner) -> None:
    text = '<policies>\n  <inbound>\n    <set-variable name="a" value="@(context.Request" />\n  </inbound>\n</policies>\n'
    found = scan({"policy.xml": text})
    artifact = found.artifact("policy.xml")
    assert (artifact.status, artifact.resources) == (ArtifactStatus.PARTIAL, 1)
    assert artifact.detail == "an expression is not closed"
    assert found.start(artifact.at) == (3, 35)


def test_unclosed_expression_in_json(scan: Scanner) -> None:
    text = '<policies>\n  <inbound>\n    <set-variable name="a" value="@(context.Request" />\n  </inbound>\n</policies>\n'
    found = scan({"answer.json": {"value": [api("orders-mcp"), policy(text)]}})
    artifact = found.artifact("answer.json")
    assert artifact.status is ArtifactStatus.PARTIAL
    assert artifact.at is not None and artifact.at.route == ("value", 1, "properties", "value")
    place = found.place(artifact.at)
    assert place.inner is not None and (place.inner.line, place.inner.column) == (3, 35)
    line = found.evidence.texts["answer.json"].data.decode().splitlines()[place.span.line - 1]
    assert line[place.span.column - 1 :].startswith("@(context.Request")


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("<policies><inbound></policies>", "<inbound> is closed by </policies>"),
        ("<policies><inbound/>", "<policies> is never closed"),
        ("<!DOCTYPE x><policies/>", "a DOCTYPE has no place in a policy; it was skipped and nothing is expanded from it"),
        ("<policies><a b=c/></policies>", "not an attribute of <a"),
    ],
)
def test_problems_of_policies(scan: Scanner, text: str, detail: str) -> None:
    artifact = scan({"policy.xml": text}).artifact("policy.xml")
    assert artifact.status is ArtifactStatus.PARTIAL
    assert artifact.detail.startswith(detail)


def test_only_failures_is_nothing_read(scan: Scanner) -> None:
    with pytest.raises(NothingReadError, match=r"a\.json: line 1, column 17"):
        scan({"a.json": '{"mcpServers": {]'})


@given(st.binary(max_size=300))
def test_any_bytes_are_text_or_say_why(raw: bytes) -> None:
    match to_utf8(raw):
        case Unicode(data=data):
            data.decode("utf-8")
        case NotText(reason=reason):
            assert reason


@pytest.mark.parametrize(
    "hostile",
    [
        "<policies>" + "<a>" * 60_000,
        "<policies>" + '<a b="@(' * 20_000,
        "<policies>" + "eyJ" * 200_000,
        "<!--" * 100_000,
        '{"mcpServers": {"a": {"url": "https://x?' + "code=;" * 100_000 + '"}}}',
        "[" + '{"id": "/subscriptions/1/providers/Microsoft.Web/sites/' + "a/" * 100_000 + '"}]',
        "/*" * 200_000,
        "servers:\n" + "- " * 100_000,
        "kind: McpInventory\na: " + "[" * 100_000,
        "kind: McpInventory\na: &a [*a]\n",
    ],
)
def test_hostile_files_are_quick(tmp_path: Path, hostile: str) -> None:
    (tmp_path / "hostile").write_text(hostile)
    (tmp_path / "good.json").write_text('{"mcpServers": {}}')
    assert len(read([tmp_path]).artifacts) == 2
