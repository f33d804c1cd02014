"""What holds for every rule's page, whoever wrote it."""

import ast
import re

import pytest

from mcpguard.engine import registry
from mcpguard.engine.registry import SECTIONS, Rule, examples_text
from mcpguard.model.finding import RISKS
from tests.rules.examples import examples_of

RULES = registry.load()
FAMILIES = {
    "gateway": ("1",),
    "streaming": ("2",),
    "delegation": ("3",),
    "hosting": ("4",),
    "entra": ("5",),
    "foundry": ("6",),
    "tools": ("7",),
    "evidence": ("8",),
    "internal": ("9",),
}
READS_NO_FACTS = frozenset({"MG901", "MG902", "MG903", "MG906", "MG910"})
"""Rules for which nothing can be unknown."""
TAXONOMIES = re.compile(
    r"CWE-\d+|MCP(0[1-9]|10)|ASI(0[1-9]|10)|API([1-9]|10)|AML\.[TM]\d{4}(\.\d{3})?|[A-Z]{2}-\d+(\(\d+\))?|LLM(0[1-9]|10)"
)
_BANNED = re.compile(r"(?i)^(ensure|disallow|prevent|avoid|require|check|use|do not|don't)\b")


@pytest.fixture(params=RULES.values(), ids=lambda rule: rule.meta.number)
def rule(request: pytest.FixtureRequest) -> Rule:
    found: Rule = request.param
    return found


def test_id_is_well_formed_and_fits_the_family(rule: Rule) -> None:
    assert re.fullmatch(r"MG\d{3}", rule.meta.id)
    assert rule.meta.id[2] in FAMILIES[rule.meta.family]


def test_name_and_title_name_the_bad_pattern(rule: Rule) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", rule.meta.name)
    assert not _BANNED.search(rule.meta.title)
    assert rule.meta.title[0].isupper() and not rule.meta.title.endswith(".")
    assert len(rule.meta.title) <= 90


def test_titles_are_unique() -> None:
    titles = [rule.meta.title.lower() for rule in RULES.values()]
    assert len(set(titles)) == len(titles)


def test_front_matter(rule: Rule) -> None:
    assert rule.meta.risk in RISKS
    assert rule.meta.persona in ("all", "auditor")
    assert rule.meta.status in ("stable", "preview", "deprecated")
    assert re.fullmatch(r"\d+\.\d+\.\d+", rule.meta.since)
    assert rule.meta.targets and not set(rule.meta.targets) & set(rule.meta.reads)
    assert len(set(rule.meta.controls)) == len(rule.meta.controls)
    assert [control for control in rule.meta.controls if not TAXONOMIES.fullmatch(control)] == []
    assert rule.meta.controls or rule.meta.family == "internal"


def test_sections_in_order(rule: Rule) -> None:
    page = (rule.folder / "rule.md").read_text(encoding="utf-8")
    assert tuple(re.findall(r"^## (.+)$", rule.meta.page, re.MULTILINE)) == SECTIONS
    assert "\n## Examples\n" in page
    assert "\r" not in page and page.endswith("\n")
    for heading, text in zip(*[iter(re.split(r"^## (.+)$", rule.meta.page, flags=re.MULTILINE)[1:])] * 2, strict=True):
        assert text.strip(), f"{heading} is empty"


def test_summary_is_short_and_plain(rule: Rule) -> None:
    """It becomes SARIF's short description and a line of a table."""
    assert 40 <= len(rule.meta.summary) <= 300
    assert not re.search(r"[`*\[\]<>|]", rule.meta.summary)
    assert rule.meta.summary.endswith(".")


def test_examples_of_every_kind(rule: Rule) -> None:
    kinds = {example.kind for example in examples_of(rule)}
    assert {"fail", "pass"} <= kinds
    assert "unknown" in kinds or rule.meta.id in READS_NO_FACTS


def test_examples_have_titles_of_their_own(rule: Rule) -> None:
    titles = [(example.kind, example.title) for example in examples_of(rule)]
    assert len(set(titles)) == len(titles)
    assert rule.meta.id in examples_text(rule) or not any(kind == "fail" for kind, _ in titles)


def test_check_is_small(rule: Rule) -> None:
    """A check judges. What takes more than this belongs to the model."""
    code = (rule.folder / "check.py").read_text(encoding="utf-8")
    functions = {node.name: node for node in ast.parse(code).body if isinstance(node, ast.FunctionDef)}
    check = functions["check"]
    assert (check.end_lineno or 0) - check.lineno + 1 <= 40
    assert re.findall(r"^from (mcpguard\S*) import|^import (\S+)", code, re.MULTILINE) == [("mcpguard.sdk", "")]
    assert re.search(r"^def check\(\w+: ", code, re.MULTILINE)
    assert [name for name in functions if not name.startswith("_")] == ["check"], "one public function"


def test_folders_hold_nothing_else(rule: Rule) -> None:
    assert {path.name for path in rule.folder.iterdir()} - {"__pycache__"} == {"rule.md", "check.py"}
