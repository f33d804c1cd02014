"""What a collection may cost: requests by the arithmetic of docs/collecting.md, client time, speed-up, memory."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = 100
FIXED = 40
"""Requests that do not grow with the estate: scope, the lists of one service, its settings, a few of the tenant."""
RUN = """
import json, sys, time
from mcpguard.cli.main import run
begun, cpu = time.monotonic(), time.process_time()
status = run(sys.argv[1:])
# Of this program alone: what getrusage says includes the process that it was forked from.
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps([status, time.monotonic() - begun, time.process_time() - cpu, peak]), file=sys.stderr)
"""

pytestmark = [
    pytest.mark.skipif(find_spec("azure") is None, reason="COLLECTOR UNMEASURED: the live extra is not installed"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is read from /proc"),
]


@contextmanager
def serving(apis: int, operations: int = 0, latency: float = 0.0) -> "Iterator[Server]":
    command = [sys.executable, "-m", "tests.bench.collect_server", str(apis), str(operations), str(latency)]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield Server(process, process.stdout.readline().strip())
    finally:
        process.kill()
        process.wait()


class Server:
    def __init__(self, process: "subprocess.Popen[str]", url: str) -> None:
        self.process = process
        self.url = url

    def requests(self) -> int:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline().split()[0])

    def collect(self, folder: Path, concurrency: int = 8) -> tuple[float, float, int]:
        """Seconds, CPU seconds, and peak memory in KiB of one collection."""
        cloud = folder.with_suffix(".toml")
        cloud.write_text(f'[endpoints]\narm = "{self.url}/arm"\n[auth]\nmode = "static-token"\ntoken_env = "T"\n')
        arguments = ["collect", "--out", str(folder), "--cloud", str(cloud), "--no-graph", "--quiet"]
        result = subprocess.run(
            [sys.executable, "-c", RUN, *arguments, "--concurrency", str(concurrency)],
            check=False,
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**os.environ, "T": "a-token"},
        )
        status, seconds, cpu, memory = json.loads(result.stderr.splitlines()[-1])
        assert status == 0, result.stderr
        return seconds, cpu, memory


def test_requests_for_2000_apis_keep_to_the_arithmetic(tmp_path: Path) -> None:
    """Two for each API (operations, diagnostics), one for each policy that there is, one for each page of 100."""
    apis = 2000
    with serving(apis) as server:
        seconds, cpu, memory = server.collect(tmp_path / "estate")
        made = server.requests()
    policies = apis // 2
    allowed = 2 * apis + policies + apis // PAGE + policies // PAGE + FIXED
    print(
        f"\n2,000 APIs: {made:,} requests ({allowed:,} allowed), {seconds:.1f} s, {cpu:.1f} s of CPU, {memory / 1024:.0f} MiB"
    )
    assert made <= allowed


def test_client_time_for_a_page_of_100(tmp_path: Path) -> None:
    pages = 200
    with serving(1, 0) as server:
        server.collect(tmp_path / "warm")
        _, base, _ = server.collect(tmp_path / "base")
    with serving(1, pages * PAGE) as server:
        _, cpu, _ = server.collect(tmp_path / "estate")
    each = (cpu - base) / pages * 1000
    print(f"\nclient CPU: {each:.1f} ms for a page of 100 items (15 allowed)")
    assert each <= 15


def test_eight_at_a_time_are_five_times_as_fast_as_one(tmp_path: Path) -> None:
    with serving(100, latency=0.05) as server:
        server.collect(tmp_path / "warm")
        one, _, _ = server.collect(tmp_path / "one", concurrency=1)
        eight, _, _ = server.collect(tmp_path / "eight", concurrency=8)
    print(f"\n50 ms a request: {one:.1f} s one by one, {eight:.1f} s eight at a time ({one / eight:.1f} times; 5 wanted)")
    assert one / eight >= 5


def test_memory_does_not_grow_with_the_estate(tmp_path: Path) -> None:
    small, large = 20_000, 80_000
    peaks = []
    for operations in (small, large):
        with serving(1, operations) as server:
            peaks.append(server.collect(tmp_path / str(operations))[2] / 1024)
    print(f"\npeak memory: {peaks[0]:.0f} MiB for {small:,} operations, {peaks[1]:.0f} MiB for {large:,}")
    assert peaks[1] <= peaks[0] * 1.1
