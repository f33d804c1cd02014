"""Configurations that are broken, endless, huge, or that reach for what is not theirs: said at the line, the rest judged."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mcpguard.evidence import ArtifactStatus, Unresolved
from tests.sources.conftest import Scan
from tests.sources.hcl.support import evaluate
from tests.sources.hcl.test_configurations import APIM, SERVICE

Scanner = Callable[..., Scan]
VALUE = """
resource "azurerm_api_management_named_value" "%s" {
  name                = "%s"
  display_name        = "x"
  api_management_name = "contoso-apim"
  value               = %s
}
"""


def value(expression: str, name: str = "x") -> str:
    return VALUE % (name, name, expression)


def value_of(found: Scan, name: str = "x") -> object:
    return found.resource(f"{SERVICE}/namedValues/{name}").body["properties"]["value"]


@pytest.mark.parametrize(
    ("broken", "line", "words"),
    [
        ('resource "a" "b" {\n  y = foo(\n}\n', 2, "resource a b"),
        ('resource "a" "b" {\n  y = "no end\n}\n', 2, "resource a b"),
        ("locals {\n  a = [1, 2\n  b = 3\n}\n", 2, "locals"),
        ("resource {\n  = 1\n}\n", 2, "syntax error"),
        ('resource "a" "b" {\n  x = 1 +\n  y = 2\n', 2, "resource a b"),
        ("]]]]\n", 1, "syntax error"),
        ('x "y" {\n  a = <<EOT\n  never ended\n}\n', 1, "syntax error"),
    ],
)
def test_a_mistake_is_named_and_what_follows_is_read(scan: Scanner, broken: str, line: int, words: str) -> None:
    found = scan({"main.tf": APIM + broken + value('"v"'), "other.tf": value('"w"', "other")})
    assert value_of(found, "other") == "w"
    artifact = found.artifact("main.tf")
    assert artifact.status is ArtifactStatus.PARTIAL
    assert "syntax error" in artifact.detail and words in artifact.detail
    first = APIM.count("\n")
    assert first < found.place(artifact.at).span.line <= first + broken.count("\n") + 1
    assert found.place(artifact.at).span.line <= first + line + 1
    if "EOT" not in broken:
        assert value_of(found) == "v"


def test_rings_of_locals_variables_and_modules(scan: Scanner) -> None:
    text = """
locals {
  a = local.b
  b = "x${local.a}"
}
variable "v" {
  default = var.v
}
module "m" {
  source = "./m"
  in     = module.m.out
}
"""
    inner = 'variable "in" {}\noutput "out" {\n  value = var.in\n}\nmodule "self" {\n  source = "../"\n}\n'
    found = scan(
        {"main.tf": APIM + text + value("local.a") + value("var.v", "v") + value("module.m.out", "m"), "m/main.tf": inner}
    )
    for name in ("x", "v", "m"):
        assert isinstance(value_of(found, name), Unresolved)
    assert found.artifact("main.tf").status is ArtifactStatus.PARTIAL
    assert "depends on itself" in found.artifact("main.tf").detail


def test_modules_that_only_call_each_other(scan: Scanner) -> None:
    ring = APIM + 'module "o" {\n  source = "../%s"\n}\n'
    found = scan({"a/main.tf": ring % "b", "b/main.tf": ring.replace("contoso-apim", "b-apim") % "a"})
    assert SERVICE in found.ids


def test_missing_files_are_named_at_their_line(scan: Scanner) -> None:
    found = scan({"main.tf": APIM + value('file("nothing.xml")') + value("1", "y")})
    [*_, last] = [value_of(found)]
    assert isinstance(last, Unresolved) and "not among those that were scanned" in last.reason
    assert value_of(found, "y") == "1"
    artifact = found.artifact("main.tf")
    assert artifact.status is ArtifactStatus.PARTIAL and "nothing.xml" in artifact.detail
    assert found.start(artifact.at)[0] == APIM.count("\n") + 6


@pytest.mark.parametrize(
    "path",
    [
        "../secret.txt",
        "a/../../secret.txt",
        "${path.module}/../secret.txt",
        "/etc/hostname",
        "~/secret.txt",
        "../../../../../../../../etc/hostname",
        "C:/secret.txt",
        "..\\\\secret.txt",
    ],
)
@pytest.mark.parametrize("function", ["file", "templatefile", "fileset", "filebase64"])
def test_nothing_outside_is_read(scan: Scanner, tmp_path: Path, path: str, function: str) -> None:
    (tmp_path / "secret.txt").write_text("outside-the-scan")
    (tmp_path / "secret.tf").write_text(APIM.replace("contoso", "outside"))
    more = {"file": "", "templatefile": ", {}", "fileset": ', "*"', "filebase64": ""}[function]
    call = f'{function}("{path}"{more})'
    found = scan({"main.tf": APIM + value(call if function != "fileset" else f'join(",", {call})')})
    assert isinstance(value_of(found), Unresolved)
    assert "outside-the-scan" not in repr(found.evidence)


def test_a_module_outside_is_not_followed(scan: Scanner, tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(APIM.replace("contoso", "outside"))
    found = scan({"main.tf": APIM + 'module "m" {\n  source = "../"\n}\n'})
    assert not [id_ for id_ in found.ids if "outside" in id_]
    [gap] = found.evidence.gaps
    assert "leaves the scanned folder" in gap.detail
    assert found.start(gap.at)[0] == APIM.count("\n") + 1


@pytest.mark.parametrize(
    "expression",
    [
        'replace(replace(replace(replace(local.x, "x", local.x), "x", local.x), "x", local.x), "x", local.x)',
        "range(1000000000)",
        "setproduct(range(1000), range(1000), range(1000))",
        'join("", [for a in range(1000) : join("", [for b in range(1000) : join("", [for c in range(1000) : "x"])])])',
        "[for a in range(1024) : [for b in range(1024) : [for c in range(1024) : 1]]]",
        'regex("(a+)+$", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab")',
        'replace(local.x, "/(x*)(x*)(x*)y/", "")',
        'format("%999999999s", "x")',
        'indent(100000, "\\n\\n\\n")',
        "1.0e999999999",
        'parseint("9999999999999999999999999999999999999999999999999999999999999999", 10)',
        "flatten(local.l7)",
        "jsonencode(local.l7)",
        'cidrsubnet("10.0.0.0/8", 99, 1)',
        'cidrhost("::/0", 5)',
        "(" * 70 + "1" + ")" * 70,
        'yamldecode("a: &a [1]\\nb: *a\\n")',
        'base64decode("////")',
        'substr("abc", -5, 99999999999)',
        "max()",
        "lookup()",
        "keys(5)",
    ],
)
def test_bombs_end(expression: str) -> None:
    start = time.monotonic()
    nested = "\n".join(f"  l{n} = [for i in range(10) : local.l{n - 1}]" for n in range(1, 8))
    found = evaluate(
        expression, more=f'locals {{\n  x = join("", [for i in range(1000) : "x"])\n  l0 = range(10)\n{nested}\n}}\n'
    )
    assert time.monotonic() - start < 10
    assert isinstance(found, Unresolved | str | int)


def test_too_much_work_is_said_and_the_rest_is_judged(scan: Scanner) -> None:
    heavy = "[for a in range(1000) : length([for b in range(1000) : upper(b)])][0]"
    files = {"a.tf": APIM + value('"v"'), "b.tf": value(heavy, "heavy"), "c.tf": value('"w"', "late")}
    start = time.monotonic()
    found = scan(files)
    assert time.monotonic() - start < 20
    assert SERVICE in found.ids
    assert any("takes more work than its size allows" in artifact.detail for artifact in found.evidence.artifacts)
    assert found.complete == set()


def test_templates_that_load_themselves_end(scan: Scanner) -> None:
    text = value('templatefile("t.tftpl", { n = 1 })')
    found = scan({"main.tf": APIM + text, "t.tftpl": 'x${templatefile("t.tftpl", { n = 1 })}'})
    assert isinstance(value_of(found), Unresolved)


@pytest.mark.parametrize("template", ["${", "%{ if x }", "%{ endif }", "${x", '${"', "%{ for }%{ endfor }", "${}", "${ } }"])
def test_broken_templates(scan: Scanner, template: str) -> None:
    found = scan({"main.tf": APIM + value('templatefile("t.tftpl", { x = true })'), "t.tftpl": f"a {template} b"})
    assert isinstance(value_of(found), Unresolved | str)


@pytest.mark.parametrize("depth", [100, 3000])
@pytest.mark.parametrize("pair", ["()", "[]", "{}", '""', "!!", "?:"])
def test_deep_nesting(scan: Scanner, depth: int, pair: str) -> None:
    opening, closing = {
        '""': ('"${', '}"'),
        "{}": ("{a=", "}"),
        "!!": ("!", ""),
        "?:": ("true ? ", " : 1"),
    }.get(pair, (pair[0], pair[1]))
    found = scan({"main.tf": APIM + value(opening * depth + "true" + closing * depth), "b.tf": value('"v"', "other")})
    assert value_of(found, "other") == "v"


def test_many_instances_are_bounded(scan: Scanner) -> None:
    many = 'resource "azurerm_api_management_api" "a" {\n  count = 100000\n  name = "a${count.index}"\n  api_management_name = "contoso-apim"\n}\n'
    found = scan({"main.tf": APIM + many})
    [gap] = found.evidence.gaps
    assert "more than 800" in gap.detail and gap.kinds == {"api"}


def test_a_secret_in_a_broken_file_is_not_quoted(scan: Scanner) -> None:
    key = "Zy9xWv8uTs7rQp6oNm5l"
    found = scan({"main.tf": APIM + f'resource "a" "b" {{\n  client_secret = "{key}"\n  y = (\n}}\n'})
    assert key in found.evidence.texts["main.tf"].secrets


def test_many_heavy_configurations_share_their_work(scan: Scanner) -> None:
    heavy = value("[for a in range(1000) : length([for b in range(1000) : upper(b)])][0]")
    start = time.monotonic()
    found = scan({f"c{number}/main.tf": APIM.replace("contoso", f"c{number}") + heavy for number in range(60)})
    assert time.monotonic() - start < 20
    assert sum("more work than its size allows" in artifact.detail for artifact in found.evidence.artifacts) == 60
