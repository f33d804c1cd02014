"""Budgets as ratios against a floor measured in the same run: `pytest tests/bench -s` prints them.

Each figure is the median over interleaved runs, so that a machine that slows down slows both sides.
"""

import compileall
import gc
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from lxml import etree

from mcpguard.cli.pipeline import Settings, scan
from mcpguard.policy.reader import read
from mcpguard.sources import policy_secrets
from mcpguard.sources.arm.files import take_templates
from mcpguard.sources.detect import take_file
from mcpguard.sources.files import Source
from tests.bench.bicep_repository import write_repository
from tests.bench.estates import write
from tests.bench.templates import write_template

ROOT = Path(__file__).parents[2]
PASS = [sys.executable, "-c", "pass"]
ROUNDS = 9


class Envelope(msgspec.Struct):
    id: str
    name: str
    type: str
    properties: dict[str, object] = {}


class Page(msgspec.Struct):
    value: list[Envelope]


def run(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=False, capture_output=True)
    return time.perf_counter() - start


def timed(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def ratio(one: Callable[[], float], other: Callable[[], float], rounds: int = ROUNDS) -> float:
    one(), other()
    return statistics.median(one() / other() for _ in range(rounds))


def report(name: str, value: float, budget: float) -> None:
    sys.stdout.write(f"\n{name}: {value:.2f} (budget {budget})\n")
    assert value <= budget


# What the launcher does that an installer writes, minus what only development environments have: typing_extensions is not
# among mcpguard's dependencies, and importing it makes msgspec twice as slow to start.
LAUNCH = (
    "import sys; sys.modules['typing_extensions'] = None; sys.argv[0] = 'mcpguard'; from mcpguard.__main__ import main; main()"
)


def mcpguard(*arguments: str) -> list[str]:
    return [sys.executable, "-c", LAUNCH, *arguments]


@pytest.fixture(scope="session", autouse=True)
def compiled() -> None:
    """Installers compile what they install; a checkout may not be compiled yet."""
    for folder in ("mcpguard", "rules"):
        compileall.compile_dir(ROOT / folder, quiet=2)


def test_version_costs_little_more_than_bare_python() -> None:
    report("--version / python -c pass", ratio(lambda: run(mcpguard("--version")), lambda: run(PASS), 31), 1.3)


def test_one_megabyte_to_sarif(tmp_path: Path) -> None:
    size = write(tmp_path / "estate", apis=60, operations=7)
    assert 900_000 < size < 1_250_000
    command = mcpguard("scan", str(tmp_path / "estate"), "--format", "sarif", "--complete")
    # The aim is 8 and is not reached. Importing click and msgspec alone is 4.4 times bare Python. With 16 rules the whole was
    # 8.4, with 55 it was 11 and with 70 it was 12; the 161 of today make 13.3 (a rule without a target costs its page only).
    # The bound keeps it there and leaves a tenth for other machines.
    report("scan of 1 MB / python -c pass (aim: 8)", ratio(lambda: run(command), lambda: run(PASS), 15), 14.5)


def test_a_repository_of_bicep(tmp_path: Path) -> None:
    write_repository(tmp_path / "repository", roots=15, modules=9, policies=130)
    assert sum(1 for _ in (tmp_path / "repository").rglob("*.bicep")) == 150
    command = mcpguard("scan", str(tmp_path / "repository"), "--format", "sarif")
    # Measured 35; what is above the aim of 40 is for other machines.
    name = "scan of 150 Bicep files and 130 policies / python -c pass (aim: 40)"
    report(name, ratio(lambda: run(command), lambda: run(PASS), 7), 44)


def floor(folder: Path) -> None:
    """Merely decoding the same bytes into Structs, and lxml-parsing the policies with their expressions escaped."""
    decoder, page = msgspec.json.Decoder(list[Envelope]), msgspec.json.Decoder(Page)
    msgspec.json.decode((folder / "service.json").read_bytes(), type=Envelope)
    page.decode((folder / "apis.json").read_bytes())
    decoder.decode((folder / "operations.json").read_bytes())
    policies = decoder.decode((folder / "policies.json").read_bytes())
    for policy in policies:
        etree.fromstring(_ESCAPED[policy.id])


_ESCAPED: dict[str, bytes] = {}


def escaped(text: str) -> bytes:
    out, position = [], 0
    for expression in sorted(read(text).expressions(), key=lambda found: found.start):
        raw = text[expression.start : expression.end]
        out.append(text[position : expression.start])
        out.append(raw.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;"))
        position = expression.end
    return "".join([*out, text[position:]]).encode()


def test_ten_thousand_resources(tmp_path: Path) -> None:
    folder = tmp_path / "estate"
    write(folder, apis=500, operations=18)
    for policy in msgspec.json.decode((folder / "policies.json").read_bytes()):
        _ESCAPED[policy["id"]] = escaped(policy["properties"]["value"])
    read.cache_clear()

    def once() -> float:
        # The command line switches the collector off as its first step; everything is thrown away between the runs.
        read.cache_clear()
        policy_secrets.scan.cache_clear()
        gc.collect()
        gc.disable()
        try:
            return timed(lambda: scan([folder], Settings()))
        finally:
            gc.enable()

    def bare() -> float:
        gc.collect()
        gc.disable()
        try:
            return timed(lambda: floor(folder))
        finally:
            gc.enable()

    # Reading and linking come to 3.2; each rule adds about 0.02, so 55 rules made 4.0 and 70 make 4.6. The aim is 4.
    report("10,000 resources / decoding and parsing them (aim: 4)", ratio(once, bare, 7), 5.0)


def test_a_template() -> None:
    data = write_template(120)
    assert 900_000 < len(data) < 1_300_000

    def evaluate() -> float:
        policy_secrets.scan.cache_clear()
        reading = take_file(Source("main.json", data))
        seconds = timed(lambda: take_templates([reading]))
        assert len(reading.resources) == 1 + 120 * 11
        return seconds

    def bare() -> float:
        return timed(lambda: [msgspec.json.decode(data) for _ in range(10)])

    # Decoding 1 MB takes 4 to 8 ms, so a ratio of 15 is 8 MB/s on a slow machine.
    report("evaluating a template / decoding it ten times", ratio(evaluate, bare, 7), 2.5)


def test_memory_is_linear(tmp_path: Path) -> None:
    sizes = {}
    for apis in (200, 800):
        folder = tmp_path / str(apis)
        size = write(folder, apis=apis, operations=12)
        code = (
            "from pathlib import Path; from mcpguard.cli.pipeline import Settings, scan;"
            f"r = scan([Path({str(folder)!r})], Settings());"
            "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
        )
        peak = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
        sizes[apis] = (size, int(peak) * 1024)
    (small_size, small), (large_size, large) = sizes[200], sizes[800]
    report("memory grown / input grown", (large - small) / (large_size - small_size), 12)
