"""``mcpguard collect`` and ``scan --live`` as a user meets them: real processes against the fake."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.collect.conftest import SERVICE, TOKEN, api, service
from tests.collect.fake import Fake

ROOT = Path(__file__).parents[2]
SECURE = ROOT / "fixtures" / "estates" / "secure"
CONTOSO = ROOT / "fixtures" / "estates" / "contoso"
BLOCK = "import sys\nclass No:\n def find_spec(self, name, *rest):\n  if name.split('.')[0] in ('azure', 'rich'): raise ModuleNotFoundError(name)\nsys.meta_path.insert(0, No())\n"


@pytest.fixture
def cloud(fake: Fake, tmp_path: Path) -> Path:
    path = tmp_path / "fake.toml"
    path.write_text(
        f'[endpoints]\narm = "{fake.url}/arm"\ngraph = "{fake.url}/graph"\nfoundry = "{fake.url}/foundry/{{account}}"\n'
        f'log_analytics = "{fake.url}/logs"\n'
        '[auth]\nmode = "static-token"\ntoken_env = "MY_TOKEN"\n'
    )
    return path


def environment(**more: str) -> dict[str, str]:
    found = {**os.environ, "NO_COLOR": "1", "PYTHONPATH": str(ROOT), "MY_TOKEN": TOKEN, **more}
    found.pop("MCPGUARD_DEBUG", None)
    return found


def mcpguard(*arguments: str | Path, cwd: Path = ROOT, **more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mcpguard", *map(str, arguments)]
    return subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=cwd, env=environment(**more), encoding="utf-8"
    )


def test_collect_then_scan(fake: Fake, cloud: Path, tmp_path: Path) -> None:
    fake.load(SECURE)
    result = mcpguard("collect", "--out", tmp_path / "estate", "--cloud", cloud)
    assert result.returncode == 0, result.stderr
    assert "microsoft.apimanagement/service/apis" in result.stdout
    assert "Not read" in result.stdout and "to close it:" in result.stdout and "Left out" in result.stdout
    digest = json.loads((tmp_path / "estate" / "manifest.json").read_text())["digest"]
    assert digest in result.stdout
    assert TOKEN not in result.stdout + result.stderr
    scanned = mcpguard("scan", tmp_path / "estate", "--verify", "--format", "json")
    assert scanned.returncode in (0, 1), scanned.stderr
    assert {surface["name"] for surface in json.loads(scanned.stdout)["surfaces"]} >= {
        "invoices-mcp",
        "tickets-mcp",
        "catalog-mcp",
    }


def test_telemetry(fake: Fake, cloud: Path, tmp_path: Path) -> None:
    fake.load(SECURE)
    fake.tables["2d7eeea9-3bca-4c16-9340-9202039daa56"] = {"AppRequests", "AppTraces"}
    result = mcpguard("collect", "--out", tmp_path / "estate", "--cloud", cloud, "--with-telemetry", "--telemetry-window", "2d")
    assert result.returncode == 0, result.stderr
    assert "evidence/query-result" in result.stdout and "no table AppDependencies" in result.stdout
    assert "(--with-telemetry)" not in result.stdout
    scope = json.loads((tmp_path / "estate" / "manifest.json").read_text())["scope"]
    assert (scope["telemetry"], scope["telemetryWindow"]) == (True, "2d")
    assert mcpguard("scan", tmp_path / "estate", "--verify", "--fail-on", "never").returncode == 0
    explained = mcpguard("collect", "--explain", "--cloud", cloud, "--with-telemetry").stdout
    assert f"POST {fake.url}/logs/v1/workspaces/{{customer id}}/query" in explained
    assert "needs the role Log Analytics Reader" in explained and "// mcp-latency: how long calls" in explained


def test_telemetry_without_its_extra_says_what_to_install(cloud: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        BLOCK.replace("name.split('.')[0] in ('azure', 'rich')", "name.startswith('azure.monitor')")
    )
    path = f"{tmp_path}{os.pathsep}{ROOT}"
    arguments = ("collect", "--out", "x", "--cloud", cloud, "--with-telemetry")
    result = mcpguard(*arguments, cwd=tmp_path, PYTHONPATH=path)
    assert result.returncode == 2
    assert "--with-telemetry needs packages" in result.stderr and "azure-monitor-query is missing" in result.stderr
    assert f"run: sh {ROOT}/.ci/venv telemetry" in result.stderr


def test_strict_and_quiet(fake: Fake, cloud: Path, tmp_path: Path) -> None:
    fake.add(service())
    result = mcpguard("collect", "--out", tmp_path / "estate", "--cloud", cloud, "--strict", "--quiet", "--no-graph")
    assert (result.returncode, result.stdout, result.stderr) == (3, "", "")


@pytest.mark.parametrize("name", ["estate.zip", "estate.tar.zst"])
def test_one_file(fake: Fake, cloud: Path, tmp_path: Path, name: str) -> None:
    fake.load(CONTOSO)
    result = mcpguard("collect", "--out", tmp_path / name, "--cloud", cloud)
    assert result.returncode == 0, result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == [name, "fake.toml"]
    assert json.loads(mcpguard("scan", tmp_path / name, "--verify", "--format", "json").stdout)["surfaces"]
    again = mcpguard("collect", "--out", tmp_path / name, "--cloud", cloud)
    assert again.returncode == 2 and "exists" in again.stderr


def test_live_equals_collect_and_scan(fake: Fake, cloud: Path, tmp_path: Path) -> None:
    fake.load(CONTOSO)
    mcpguard("collect", "--out", tmp_path / "estate", "--cloud", cloud, "--quiet")
    apart = json.loads(mcpguard("scan", tmp_path / "estate", "--format", "json").stdout)
    result = mcpguard("scan", "--live", "--cloud", cloud, "--format", "json", "--quiet")
    assert result.returncode == 1, result.stderr
    together = json.loads(result.stdout)
    assert together["findings"] == apart["findings"] and together["surfaces"] == apart["surfaces"]
    assert together["inputs"] == ["live"]


def test_live_together_with_files(fake: Fake, cloud: Path) -> None:
    fake.load(SECURE)
    result = mcpguard("scan", SECURE / "mcp-inventory.yaml", "--live", "--cloud", cloud, "--format", "json", "--quiet")
    paths = {artifact["path"] for artifact in json.loads(result.stdout)["coverage"]["artifacts"]}
    assert "live/manifest.json" in paths and any(path.endswith("mcp-inventory.yaml") for path in paths)


def test_explain_calls_nothing(fake: Fake, cloud: Path) -> None:
    result = mcpguard("collect", "--explain", "--cloud", cloud)
    assert result.returncode == 0 and not fake.seen
    assert "needs the role API Management Service Reader Role" in result.stdout
    assert "needs the permission Application.Read.All of Microsoft Graph" in result.stdout
    assert "appsettings/list" not in result.stdout
    assert "appsettings/list" in mcpguard("collect", "--explain", "--with-app-settings").stdout


@pytest.mark.parametrize("arguments", [("collect", "--out", "x"), ("scan", "--live")])
def test_without_the_extra_it_says_what_to_install(arguments: tuple[str, ...], cloud: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(BLOCK)
    path = f"{tmp_path}{os.pathsep}{ROOT}"
    result = mcpguard(*arguments, "--cloud", cloud, cwd=tmp_path, PYTHONPATH=path)
    assert result.returncode == 2
    assert "azure-core is missing" in result.stderr and f"run: sh {ROOT}/.ci/venv live" in result.stderr
    explained = mcpguard("collect", "--explain", cwd=tmp_path, PYTHONPATH=path)
    assert explained.returncode == 0, explained.stderr


def test_without_zstd_it_says_what_to_install_before_it_asks_anything(fake: Fake, cloud: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(BLOCK.replace("'azure', 'rich'", "'backports', 'compression'"))
    path = f"{tmp_path}{os.pathsep}{ROOT}"
    result = mcpguard("collect", "--out", "estate.tar.zst", "--cloud", cloud, cwd=tmp_path, PYTHONPATH=path)
    assert result.returncode == 2 and "backports.zstd is missing" in result.stderr and ".ci/venv zst" in result.stderr
    assert not fake.seen


def test_without_permission_it_says_which_role_to_ask_for(fake: Fake, cloud: Path, tmp_path: Path) -> None:
    fake.add(service())
    fake.fail(".", status=403, code="AuthorizationFailed")
    result = mcpguard("collect", "--out", tmp_path / "estate", "--cloud", cloud)
    assert result.returncode == 3
    assert "403 AuthorizationFailed" in result.stderr and "ask for the role Reader on the subscription" in result.stderr
    assert not (tmp_path / "estate").exists()


def test_without_a_token_it_says_how_to_sign_in(cloud: Path, tmp_path: Path) -> None:
    result = mcpguard("collect", "--out", tmp_path / "estate", "--cloud", cloud, MY_TOKEN="")
    assert result.returncode == 3 and "MY_TOKEN" in result.stderr
    result = mcpguard("collect", "--out", tmp_path / "estate", "--credential", "env", AZURE_CLIENT_ID="", AZURE_TENANT_ID="")
    assert result.returncode == 3 and "AZURE_TENANT_ID" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("collect",), "--out"),
        (("collect", "--out", "x", "--subscription", "nope"), "subscription id"),
        (("collect", "--out", "x", "--cloud", "nope"), "no cloud"),
        (("collect", "--out", "x", "--telemetry-window", "7d"), "--with-telemetry"),
        (("collect", "--out", "x", "--with-telemetry", "--telemetry-window", "7w"), "no window"),
        (("collect", "--out", "estate.zst"), "FILE.tar.zst"),
        (("scan", "--live", "--verify"), "--verify"),
        (("scan", "--subscription", "x"), "No such option"),
    ],
)
def test_mistakes(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    result = mcpguard(*arguments, cwd=tmp_path)
    assert result.returncode == 2 and said in result.stderr


def test_a_managed_identity_signs_in_with_azure_identity(fake: Fake, tmp_path: Path) -> None:
    """The real credential, against the endpoint that App Service gives to an app."""
    fake.add(service())
    token = {"access_token": TOKEN, "expires_on": str(int(time.time()) + 3600), "resource": "x", "token_type": "Bearer"}
    fake.fail("GET /msi", status=200, body=token)
    path = tmp_path / "fake.toml"
    path.write_text(f'[endpoints]\narm = "{fake.url}/arm"\ngraph = "{fake.url}/graph"\n')
    result = mcpguard(
        *("collect", "--out", tmp_path / "estate", "--cloud", path, "--credential", "managed-identity", "--no-graph"),
        IDENTITY_ENDPOINT=f"{fake.url}/msi",
        IDENTITY_HEADER="header",
    )
    assert result.returncode == 0, result.stderr
    asked = next(seen for seen in fake.seen if seen.path == "/msi")
    assert asked.query["resource"] == [f"{fake.url}/arm"]
    assert {seen.headers["Authorization"] for seen in fake.seen if seen.path.startswith("/arm")} == {f"Bearer {TOKEN}"}


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_ctrl_c_leaves_a_snapshot_that_resume_completes(fake: Fake, cloud: Path, tmp_path: Path) -> None:
    fake.add(service(), *(api(f"api-{number:03}") for number in range(150)))
    fake.latency = 0.03
    arguments = ["collect", "--out", str(tmp_path / "estate"), "--cloud", str(cloud), "--no-graph", "--concurrency", "4"]
    process = subprocess.Popen(
        [sys.executable, "-m", "mcpguard", *arguments],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 30
    while len(fake.seen) < 60 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "--resume" in out
    assert not json.loads((tmp_path / "estate" / "manifest.json").read_text())["finished"]
    assert mcpguard("scan", tmp_path / "estate", "--verify", "--fail-on", "never").returncode == 0
    result = mcpguard(*arguments, "--resume")
    assert result.returncode == 0, result.stderr
    lines = (tmp_path / "estate" / "resources" / "microsoft.apimanagement" / "service" / "apis.ndjson").read_text().splitlines()
    assert len(lines) == 150
    assert SERVICE in lines[0]


def test_plain_lines_of_progress(fake: Fake, cloud: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mcpguard.cli.progress import line_of
    from mcpguard.collect.meter import Progress

    look = Progress(1200, 3400, 10.0, (("API Management", 90, 30, 1), ("Hosts", 10, 0, 0)))
    assert line_of(look) == (
        "collecting: 1,200 requests (120/s), 3,400 resources, about 3 s left; API Management 90 of 120, Hosts 10 of 10"
    )


@pytest.mark.skipif(os.name == "nt", reason="terminals")
@pytest.mark.parametrize("quiet", [False, True])
def test_bars_on_a_terminal(fake: Fake, cloud: Path, tmp_path: Path, quiet: bool) -> None:
    import pty

    fake.add(service(), *(api(f"api-{number:03}") for number in range(40)))
    fake.latency = 0.02
    ours, theirs = pty.openpty()
    arguments = [
        "collect",
        "--out",
        str(tmp_path / "estate"),
        "--cloud",
        str(cloud),
        "--no-graph",
        *(["--quiet"] if quiet else []),
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "mcpguard", *arguments],
        cwd=ROOT,
        env=environment(TERM="xterm", COLUMNS="120"),
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # the end of a terminal
        while data := os.read(ours, 65536):
            shown += data
    os.close(ours)
    assert process.wait() == 0
    text = shown.decode()
    if quiet:
        assert text == ""
        return
    (last, *_) = [line for line in reversed(text.split("\n")) if "API Management" in line]
    done, total = map(int, re.search(r"(\d+)/(\d+)", last).groups())  # type: ignore[union-attr]
    assert done <= total and re.search(r"\d+/s", text) and "3 not read" in last and "0:00" in last
    assert "/100" not in text.split("API Management")[0]


def test_an_offline_scan_imports_nothing_of_it() -> None:
    code = (
        "import sys; from mcpguard.cli.main import run; "
        f"run(['scan', {str(SECURE)!r}, '--format', 'json']); "
        "print([m for m in sys.modules if m.split('.')[0] in ('azure', 'rich', 'requests', 'msal') or 'collect' in m.split('.')], file=sys.stderr)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, cwd=ROOT, env=environment()
    )
    assert result.stderr.strip().splitlines()[-1] == "[]"
