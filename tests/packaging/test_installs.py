"""The wheel, the sdist and an editable install each carry the whole rule set.

Nothing is downloaded: hatchling and the dependencies are those of the running environment, which
every throw-away environment sees through a .pth file.
"""

import json
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAPPED = "mcpguard/_rules/"

pytestmark = pytest.mark.packaging


def run(*command: str | Path, cwd: Path) -> str:
    # PYTHONPATH would let the checkout stand in for the installed package; pip's settings may name indexes.
    hidden = ("PYTHON", "PIP_")
    env = {key: value for key, value in os.environ.items() if not key.startswith(hidden)}
    env |= {"PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INDEX": "1"}
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def rule_files() -> set[str]:
    found = (path.relative_to(ROOT / "rules") for path in (ROOT / "rules").rglob("*") if path.is_file())
    return {path.as_posix() for path in found if "__pycache__" not in path.parts}


def rule_ids() -> set[str]:
    ids = set()
    for path in ROOT.glob("rules/*/*/rule.md"):
        match = re.search(r"^id:\s*[\"']?([^\s\"'#]+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert match, f"{path} has no id"
        ids.add(match[1])
    return ids


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "-d", out, cwd=ROOT)
    return {"wheel": next(out.glob("*.whl")), "sdist": next(out.glob("*.tar.gz")), "editable": ROOT}


def test_wheel_holds_the_package_and_every_rule(built: dict[str, Path]) -> None:
    names = zipfile.ZipFile(built["wheel"]).namelist()
    assert {name.removeprefix(MAPPED) for name in names if name.startswith(MAPPED)} == rule_files()
    assert {"mcpguard/py.typed", "mcpguard/version.py"} <= set(names)
    assert {f"mcpguard/data/{path.name}" for path in (ROOT / "mcpguard/data").iterdir()} <= set(names)
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"mcpguard"}
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_sdist_holds_what_a_rebuild_and_the_tests_need(built: dict[str, Path]) -> None:
    with tarfile.open(built["sdist"]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {f"rules/{name}" for name in rule_files()} <= names
    assert {"README.md", "LICENSE", "pyproject.toml", ".ci/constraints.txt", ".ci/test"} <= names
    assert {"mcpguard", "rules", "fixtures", "tests", "docs"} <= {name.split("/")[0] for name in names}


@pytest.mark.parametrize("kind", ["wheel", "sdist", "editable"])
def test_installed_command_lists_every_rule(kind: str, built: dict[str, Path], tmp_path: Path) -> None:
    env, empty = tmp_path / "env", tmp_path / "empty"
    empty.mkdir()
    run(sys.executable, "-m", "venv", "--without-pip", env, cwd=tmp_path)
    python = env / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(run(python, "-c", code, cwd=empty).strip())
    # Last in the path, so that the installed package comes before any copy over there; the .pth
    # files over there (this checkout's own editable install) are not followed.
    (site / "zz_dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")

    target = ["-e", built[kind]] if kind == "editable" else [built[kind]]
    options = ["--no-deps", "--no-build-isolation", "--ignore-installed", "-q"]
    run(sys.executable, "-m", "pip", "--python", python, "install", *options, *target, cwd=empty)

    code = "import mcpguard; print(mcpguard.__file__)"
    package = Path(run(python, "-c", code, cwd=empty).strip()).resolve()
    assert package.is_relative_to(ROOT if kind == "editable" else env.resolve())

    listed = json.loads(run(python, "-m", "mcpguard", "rules", "list", "--format", "json", cwd=empty))
    rules = listed["rules"] if isinstance(listed, dict) else listed
    assert sorted(rule["id"] for rule in rules) == sorted(rule_ids())
