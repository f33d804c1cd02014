"""The command line as a user meets it: real processes, exit statuses, what is said about bad input."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONTOSO = ROOT / "fixtures" / "estates" / "contoso"
SECURE = ROOT / "fixtures" / "estates" / "secure"


def mcpguard(*arguments: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "NO_COLOR": "1", "PYTHONPATH": str(ROOT)}
    environment.pop("MCPGUARD_DEBUG", None)
    command = [sys.executable, "-m", "mcpguard", *map(str, arguments)]
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=cwd, env=environment, encoding="utf-8")


def found(result: subprocess.CompletedProcess[str], outcome: str = "fail") -> set[tuple[str, str]]:
    report = json.loads(result.stdout)
    return {(f["ruleId"], f["resource"]["name"]) for f in report["findings"] if f["outcome"] == outcome}


def test_version_and_help() -> None:
    assert mcpguard("--version").stdout.startswith("mcpguard ")
    assert "scan" in mcpguard("--help").stdout
    assert "--fail-on" in mcpguard("scan", "--help").stdout
    unknown = mcpguard("scna")
    assert unknown.returncode == 2 and "did you mean 'scan'" in unknown.stderr


def test_contoso_has_the_findings_that_its_readme_promises() -> None:
    result = mcpguard("scan", CONTOSO, "--complete", "--format", "json")
    assert result.returncode == 1, result.stderr
    assert found(result) == {
        ("MG101", "docs-mcp"),
        ("MG101", "stock-mcp"),
        ("MG102", "stock-mcp"),
        ("MG115", "policies/mcp-session-limit.xml"),
        ("MG116", "stock-mcp"),
        ("MG119", "contoso-apim-prod"),
        ("MG124", "support-mcp"),
        ("MG201", "contoso-apim-prod"),
        ("MG202", "docs-mcp"),
        ("MG202", "stock-mcp"),
        ("MG202", "support-mcp"),
        ("MG205", "inventory mcp"),
        ("MG210", "support-mcp"),
        ("MG215", "policies/mcp-session-limit.xml"),
        ("MG301", "support-mcp"),
        ("MG303", "support-mcp"),
        ("MG401", "contoso-orders-mcp-func"),
        ("MG402", "contoso-tickets-mcp-func"),
        ("MG501", "Contoso Tickets MCP"),
        ("MG504", "Contoso Orders MCP host"),
        ("MG504", "Contoso Tickets MCP"),
        ("MG517", "Contoso Tickets MCP"),
        ("MG701", "delete-order"),
        ("MG701", "delete_order"),
        ("MG707", "docs-mcp"),
        ("MG707", "stock-mcp"),
    }


def test_every_finding_has_a_file_a_line_and_a_column() -> None:
    report = json.loads(mcpguard("scan", CONTOSO, "--complete", "--format", "json").stdout)
    for finding in report["findings"]:
        place = finding["location"]
        assert (CONTOSO / place["path"]).is_file()
        assert place["startLine"] >= 1 and place["startColumn"] >= 1


def test_the_secure_estate_is_silent() -> None:
    result = mcpguard("scan", SECURE, "--format", "json", "--strict", "--persona", "regular")
    assert found(result) == set() and found(result, "unknown") == set()


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["--fail-on", "critical"], 1),
        (["--fail-on", "never"], 0),
        (["--select", "MG205"], 1),
        (["--select", "MG205", "--fail-on", "critical"], 0),
        (["--select", "MG301, hosting", "--fail-on", "never"], 0),
        (["--select", "MG202", "--fail-on", "never", "--strict"], 3),
        (["--select", "nonsense"], 2),
        (["--format", "nonsense"], 2),
        (["--report", "report.nonsense"], 2),
        (["--report", "missing-folder/report.json"], 2),
    ],
)
def test_exit_status(arguments: list[str], status: int, tmp_path: Path) -> None:
    result = mcpguard("scan", CONTOSO, *arguments, cwd=tmp_path)
    assert result.returncode == status, result.stderr
    assert "Traceback" not in result.stderr


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """A folder with one good file, so that bad ones beside it can be seen to harm nothing."""
    shutil.copy(CONTOSO / "contoso-apim-edge.service.json", tmp_path / "service.json")
    return tmp_path


BROKEN_POLICY = json.dumps(
    {
        "id": "/subscriptions/0/resourceGroups/r/providers/Microsoft.ApiManagement/service/s/apis/a/policies/policy",
        "name": "policy",
        "type": "Microsoft.ApiManagement/service/apis/policies",
        "properties": {
            "format": "rawxml",
            "value": '<policies>\r\n<inbound>\r\n<set-header name="@(x">\r\n</inbound></policies>',
        },
    },
    indent=2,
)


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("broken.json", b'{\n  "id": "/subscriptions/x",\n  "type": }', "line 3, column 11"),
        (
            "keys.json",
            b'{"id": "/subscriptions/0/resourceGroups/r/providers/Microsoft.Web/sites/a", "name": "a", "type": "Microsoft.Web/sites", "properties": {"x": 1, "x": 2}}',
            "occurs twice",
        ),
        ("policy.json", BROKEN_POLICY.encode(), "an expression is not closed"),
        ("policy.xml", b'<policies><inbound><a b="@(c" /></inbound></policies>', "an expression is not closed"),
    ],
)
def test_bad_input_is_named_with_its_place_and_harms_nothing(good: Path, name: str, data: bytes, says: str) -> None:
    (good / name).write_bytes(data)
    result = mcpguard("scan", good, "--format", "json")
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    (finding,) = [f for f in report["findings"] if f["ruleId"] == "MG901"]
    assert name in finding["message"] and says in finding["message"]
    assert finding["location"]["path"] == name
    assert {a["path"]: a["status"] for a in report["coverage"]["artifacts"]}["service.json"] == "read"


@pytest.mark.parametrize(
    ("name", "data", "status"),
    [
        ("utf16.json", "utf-16", "read"),
        ("bom.json", "utf-8-sig", "read"),
        ("binary.json", None, "skipped"),
        ("empty.json", "empty", "skipped"),
    ],
)
def test_encodings(good: Path, name: str, data: str | None, status: str) -> None:
    text = (CONTOSO / "hosts/contoso-orders-mcp-func/site.json").read_text()
    content = b"\x00\x01\x02\xff" * 50 if data is None else b"" if data == "empty" else text.encode(data)
    (good / name).write_bytes(content)
    report = json.loads(mcpguard("scan", good, "--format", "json").stdout)
    assert {a["path"]: a["status"] for a in report["coverage"]["artifacts"]}[name] == status


def test_links_in_a_circle_and_large_files(good: Path) -> None:
    (good / "loop").symlink_to(good)
    (good / "large.json").write_bytes(b"[" + b" " * (2 * 2**20) + b"]")
    result = mcpguard("scan", good, "--format", "json", "--max-file-size", "1")
    assert result.returncode == 0, result.stderr
    (finding,) = [f for f in json.loads(result.stdout)["findings"] if f["ruleId"] == "MG901"]
    assert "large.json" in finding["message"] and "--max-file-size" in finding["message"]


@pytest.mark.parametrize("name", ["missing", "empty"])
def test_nothing_to_read(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    result = mcpguard("scan", tmp_path / name)
    assert result.returncode == (2 if name == "missing" else 3)
    assert name in result.stderr and "hint:" in result.stderr and "Traceback" not in result.stderr


def test_a_crashing_rule_is_status_4_and_harms_nothing(tmp_path: Path) -> None:
    home = tmp_path / "bad" / "bad_rule"
    home.mkdir(parents=True)
    (home / "rule.md").write_text(
        "---\nid: MG999\nname: bad-rule\ntitle: Bad\nseverity: low\nrisk: agent-sprawl\ntargets: [mcp-server]\nsince: 0.1.0\n---\n## What it checks\n\nx\n"
    )
    (home / "check.py").write_text("def check(target, estate, options):\n    raise KeyError('boom')\n    yield\n")
    result = mcpguard("scan", CONTOSO, "--rules", tmp_path, "--format", "json")
    assert result.returncode == 4
    assert {"MG902", "MG401", "MG301"} <= {rule for rule, _ in found(result)}


def test_a_broken_manifest_is_an_error_when_it_was_named_and_a_finding_when_it_was_found(good: Path) -> None:
    (good / "inventory.yaml").write_text(
        "apiVersion: mcpguard/v1\nkind: McpInventory\nservers:\n  - id: a\n    ownr: {name: x}\n"
    )
    named = mcpguard("scan", good / "service.json", "--manifest", good / "inventory.yaml")
    assert named.returncode == 2 and "did you mean 'owner'" in named.stderr
    report = json.loads(mcpguard("scan", good, "--format", "json").stdout)
    (finding,) = [f for f in report["findings"] if f["ruleId"] == "MG901"]
    assert finding["location"]["path"] == "inventory.yaml" and finding["location"]["startLine"] == 4


def test_several_paths_make_one_estate() -> None:
    together = mcpguard("scan", CONTOSO / "hosts", CONTOSO / "entra", "--complete", "--format", "json")
    assert ("MG517", "Contoso Tickets MCP") in found(together)


@pytest.mark.parametrize("format_", ["sarif", "json"])
def test_an_offline_scan_imports_nothing_heavy(format_: str) -> None:
    code = (
        "import sys; sys.argv = ['mcpguard', 'scan', sys.argv[1], '--format', sys.argv[2], '--complete']\n"
        "import os; os._exit = lambda status: None\n"
        "from mcpguard.__main__ import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'azure', 'msgraph', 'rich', 'jinja2', 'asyncio', 'dataclasses', 'http', 'ssl', 'socket', 'json'} & set(sys.modules)\n"
        "print('HEAVY', sorted(heavy), file=sys.stderr)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(CONTOSO), format_],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        encoding="utf-8",
    )
    assert "HEAVY []" in result.stderr, result.stderr


def test_calls_are_forwarded_where_nobody_wrote_a_global_policy(tmp_path: Path) -> None:
    """The platform's default global policy forwards (facts/apim.md 0.8): an absent one is no reason to pass anything."""
    service = "/subscriptions/0/resourceGroups/r/providers/Microsoft.ApiManagement/service/s"
    properties = {
        "type": "mcp",
        "path": "m",
        "protocols": ["https"],
        "serviceUrl": "https://m.example",
        "subscriptionRequired": False,
    }
    resources = [
        {
            "id": service,
            "name": "s",
            "type": "Microsoft.ApiManagement/service",
            "sku": {"name": "StandardV2"},
            "properties": {},
        },
        {"id": f"{service}/apis/m", "name": "m", "type": "Microsoft.ApiManagement/service/apis", "properties": properties},
    ]
    (tmp_path / "estate.json").write_text(json.dumps(resources))
    scanned = mcpguard("scan", tmp_path, "--complete", "--format", "json")
    assert {("MG101", "m"), ("MG102", "m"), ("MG113", "m")} <= found(scanned)
    # What the default's attributes are is not documented.
    assert ("MG206", "m") in found(scanned, "unknown")


def test_ordinary_policies_are_left_alone_until_the_user_says_otherwise(tmp_path: Path) -> None:
    """A repository full of ordinary policies gives no finding at all (docs/architecture.md, "MCP surfaces")."""
    service = "/subscriptions/0/resourceGroups/r/providers/Microsoft.ApiManagement/service/s"
    text = '<policies><inbound><base /><trace source=\'t\'>@(context.Request.Headers.GetValueOrDefault("Authorization", ""))</trace></inbound></policies>'
    (tmp_path / "loose.xml").write_text(text)
    (tmp_path / "part.xml").write_text(text.replace("policies>", "fragment>"))
    properties = {"path": "weather", "protocols": ["http"], "serviceUrl": "http://weather.example"}
    api = {"id": f"{service}/apis/weather", "name": "weather", "type": "Microsoft.ApiManagement/service/apis"}
    soap = {**api, "id": f"{service}/apis/soap", "name": "soap", "properties": {**properties, "type": "soap", "path": "soap"}}
    (tmp_path / "apis.json").write_text(json.dumps([{**api, "properties": properties}, soap]))
    assert found(mcpguard("scan", tmp_path, "--format", "json")) == set()
    assumed = mcpguard("scan", tmp_path, "--format", "json", "--assume-mcp")
    assert {("MG211", "loose.xml"), ("MG116", "weather")} <= found(assumed)
    assert {name for _, name in found(assumed)} == {"loose.xml", "weather"}
    surfaces = {surface["name"]: surface["reasons"] for surface in json.loads(assumed.stdout)["surfaces"]}
    assert surfaces == {"loose.xml": ["--assume-mcp says so"], "weather": ["--assume-mcp says so"]}


def test_the_catalogue_and_the_pages() -> None:
    rules = json.loads(mcpguard("rules", "list", "--format", "json").stdout)
    assert {"MG101", "MG205", "MG401", "MG902"} <= {rule["id"] for rule in rules}
    page = mcpguard("explain", "mg101").stdout
    assert "## How to fix" in page and "## Examples" not in page
    assert "## Examples" in mcpguard("explain", "missing-token-validation", "--examples").stdout
    assert mcpguard("explain", "MG000").returncode == 2


def test_no_secret_of_the_input_leaves(good: Path) -> None:
    secret = "Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MA=="
    policy = f'<policies><inbound><set-header name="Authorization" exists-action="override"><value>{secret}</value></set-header></inbound></policies>'
    service = "/subscriptions/0/resourceGroups/r/providers/Microsoft.ApiManagement/service/s"
    resources = [
        {
            "id": service,
            "name": "s",
            "type": "Microsoft.ApiManagement/service",
            "sku": {"name": "StandardV2"},
            "properties": {},
        },
        {
            "id": f"{service}/apis/a",
            "name": "a",
            "type": "Microsoft.ApiManagement/service/apis",
            "properties": {
                "type": "mcp",
                "path": "a",
                "protocols": ["http"],
                "serviceUrl": f"http://x.example/mcp?code={secret}",
            },
        },
        {
            "id": f"{service}/apis/a/policies/policy",
            "name": "policy",
            "type": "Microsoft.ApiManagement/service/apis/policies",
            "properties": {"format": "rawxml", "value": policy},
        },
    ]
    (good / "estate.json").write_text(json.dumps(resources))
    for format_ in ("text", "json", "sarif", "markdown", "html"):
        result = mcpguard("scan", good, "--format", format_, "--show-passes")
        assert "MG116" in result.stdout
        assert secret not in result.stdout and secret not in result.stderr
