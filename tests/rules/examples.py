"""The examples in every rule's page, run as what they say they are: patches over the secure estate.

The format is described in docs/rules.md. An expectation is a file and a line: for a policy inside a JSON string the line
within the policy, otherwise the line of the file after the patch.
"""

import copy
import datetime
import json
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from mcpguard.cli.pipeline import Settings, scan
from mcpguard.core.jsontext import decode
from mcpguard.core.location import Location, Route
from mcpguard.core.positions import SourceText
from mcpguard.engine import registry
from mcpguard.engine.registry import Rule
from mcpguard.engine.triage import Selection
from mcpguard.model.finding import Finding, Outcome
from mcpguard.model.report import Report

SECURE = Path(__file__).parents[2] / "fixtures" / "estates" / "secure"
NOW = datetime.datetime(2026, 11, 22, 12, 0, tzinfo=datetime.UTC)
KINDS = ("fail", "pass", "unknown")

_HEADING = re.compile(r"^### (.*)$", re.MULTILINE)
_TITLE = re.compile(r"(\w+): (.+?)(?: \((--[^)]*)\))?")
_BLOCK = re.compile(r"^(`{3,})(\S+) ([^\n]+)\n(.*?)^\1[ \t]*$", re.MULTILINE | re.DOTALL)
_MARKER = re.compile(r"[ \t]*(?:<!--|//|#) expect: ((?:MG\d{3}[, ]*)+?)[ \t]*(?:-->)?[ \t]*$")


class Block(NamedTuple):
    """One fenced block: what is done, to what, and with which text."""

    verb: str
    path: str
    pointer: str
    text: str


class Example(NamedTuple):
    """One example of one rule."""

    rule: str
    kind: str
    title: str
    options: tuple[str, ...]
    blocks: tuple[Block, ...]

    @property
    def name(self) -> str:
        """What the test is called."""
        return f"{self.rule} {self.kind}: {self.title}"


class Place(NamedTuple):
    """Where a finding is expected, or is."""

    path: str
    line: int
    is_inner: bool = False
    """Whether the line counts within a policy text that stands inside a JSON string."""


class Run(NamedTuple):
    """What came of an example."""

    report: Report
    expected: set[Place]

    def findings(self, outcome: Outcome, rule: str = "") -> list[Finding]:
        """Findings of one outcome, of one rule or of all."""
        return [f for f in self.report.findings if f.outcome is outcome and rule in ("", f.rule)]

    def places(self, rule: str) -> set[Place]:
        """Where the rule's failures stand; several targets may fail for one and the same line."""
        return {place_of(finding, self.report) for finding in self.findings(Outcome.FAIL, rule)}


def place_of(finding: Finding, report: Report) -> Place:
    """File and line of a finding, as an example spells them."""
    resolved = report.resolve(finding.at)
    assert resolved is not None, f"{finding.at.artifact} has no text"
    span = resolved.inner or resolved.span
    return Place(finding.at.artifact, span.line, resolved.inner is not None)


def examples_of(rule: Rule) -> list[Example]:
    """The examples of a page, in order."""
    parts = _HEADING.split(registry.examples_text(rule))
    assert not parts[0].strip(), f"{rule.meta.id}: text before the first example"
    found = []
    for heading, text in zip(parts[1::2], parts[2::2], strict=True):
        title = _TITLE.fullmatch(heading.strip())
        assert title and title[1] in KINDS, f"{rule.meta.id}: {heading!r} does not begin with fail:, pass: or unknown:"
        blocks = tuple(_block(*match.group(3, 4)) for match in _BLOCK.finditer(text))
        assert blocks and "```" not in _BLOCK.sub("", text), f"{rule.meta.id}: {heading!r} has a block that does nothing"
        found.append(Example(rule.meta.id, title[1], title[2], tuple(shlex.split(title[3] or "")), blocks))
    return found


def _block(info: str, text: str) -> Block:
    words = [word.partition("=") for word in shlex.split(info)]
    assert len(words) == 1 and words[0][0] in _VERBS, f"unknown words on a block: {info!r}"
    verb, _, target = words[0]
    path, _, pointer = target.partition("#")
    return Block(verb, path, pointer, text)


def run_example(example: Example, folder: Path) -> Run:
    """Patch a copy of the secure estate, scan it and say where the example expects its findings."""
    estate = folder / "estate"
    shutil.copytree(SECURE, estate)
    (folder / "rules").mkdir()
    expected: set[Place] = set()
    for block in example.blocks:
        expected.update(_VERBS[block.verb](block, estate, example.rule))
    own = (folder / "rules",) if any(block.verb == "rules" for block in example.blocks) else ()
    selection = Selection(persona="auditor" if "auditor" in example.options else "regular")
    settings = Settings(selection=selection, complete="--complete" in example.options, rules=own, as_of=NOW)
    return Run(scan([estate], settings), expected)


# -- what blocks do: each writes, and says where the rule's markers stand ---------------------------------------------


def _delete(block: Block, estate: Path, rule: str) -> list[Place]:
    (estate / block.path).unlink()
    return []


def _write(block: Block, estate: Path, rule: str) -> list[Place]:
    path = estate / block.path
    path.parent.mkdir(parents=True, exist_ok=True)
    text, lines = strip_markers(block.text, rule)
    path.write_text(text, encoding="utf-8")
    return [Place(block.path, line) for line in lines]


def _write_rule(block: Block, estate: Path, rule: str) -> list[Place]:
    _write(block, estate.parent / "rules", rule)
    return []


def _replace_policy(block: Block, estate: Path, rule: str) -> list[Place]:
    if not block.pointer:
        return _write(block, estate, rule)
    path = estate / block.path
    text, lines = strip_markers(block.text, rule)
    document = decode(path.read_bytes()).value
    route = find_route(document, block.pointer)
    _set(document, route, text)
    path.write_text(json.dumps(document, indent=2), encoding="utf-8")
    return [Place(block.path, line, True) for line in lines]


def _merge(block: Block, estate: Path, rule: str) -> list[Place]:
    path = estate / block.path
    text, lines = strip_markers(block.text, rule)
    patch = decode(text.encode()).value
    document = decode(path.read_bytes()).value
    route = find_route(document, block.pointer)
    target = document
    for step in route:
        target = target[step]  # type: ignore[index]
    merged = merge_patch(target, patch)
    if route:
        _set(document, route, merged)
    else:
        document = merged
    path.write_text(json.dumps(document, indent=2), encoding="utf-8")
    source = SourceText(path.read_bytes(), "json")
    marked = [(*route, *route_at(text, patch, line)) for line in lines]
    return [Place(block.path, source.resolve(Location(block.path, route)).span.line) for route in marked]


_VERBS = {"merge": _merge, "policy": _replace_policy, "file": _write, "delete": _delete, "rules": _write_rule}


def strip_markers(text: str, rule: str) -> tuple[str, list[int]]:
    """The text without its markers, and the lines that carried one of the rule."""
    out: list[str] = []
    lines: list[int] = []
    for number, line in enumerate(text.split("\n"), start=1):
        match = _MARKER.search(line)
        if match and rule in match[1]:
            lines.append(number)
        out.append(_MARKER.sub("", line))
    return "\n".join(out), lines


def find_route(document: Any, pointer: str) -> Route:
    """The route of a pointer: keys, and for lists the name, displayName, appId or index of the item."""
    route: list[str | int] = []
    value = document
    for segment in pointer.split("/") if pointer else ():
        step: str | int = segment
        if isinstance(value, list):
            step = next((number for number, item in enumerate(value) if _is_called(item, number, segment)), -1)
            assert step != -1, f"{pointer!r}: no item is called {segment!r}"
        else:
            assert isinstance(value, dict) and segment in value, f"{pointer!r}: there is no {segment!r}"
        value = value[step]
        route.append(step)
    return tuple(route)


def _is_called(item: Any, number: int, wanted: str) -> bool:
    names = {str(number)}
    if isinstance(item, dict):
        names |= {str(item.get(key)).rsplit("/", 1)[-1] for key in ("name", "displayName", "appId") if key in item}
    return wanted in names


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    merged = copy.copy(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def route_at(text: str, patch: Any, line: int) -> Route:
    """The route of the last member that begins on a line of a patch; empty for the line of the outermost bracket."""
    source = SourceText(text.encode(), "json")
    begin = [(source.resolve(Location("", route)).span, route) for route in _routes(patch)]
    on_line = [(span.column, len(route), route) for span, route in begin if span.line == line]
    assert on_line, f"no member begins on line {line} of the patch"
    return max(on_line, key=lambda item: item[:2])[2]


def _routes(value: Any, route: Route = ()) -> Iterator[Route]:
    yield route
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, child in children:
        yield from _routes(child, (*route, step))


def _set(document: Any, route: Route, value: Any) -> None:
    for step in route[:-1]:
        document = document[step]
    document[route[-1]] = value
