"""The rule registry: every folder below ``rules/`` that holds a ``rule.md`` is a rule. There is no list to keep.

Packs run code: only the built-in rules and folders that the user names with ``--rules`` are loaded.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

import msgspec

import mcpguard
from mcpguard.core.errors import RuleError
from mcpguard.model.finding import RISKS, RuleMeta, Severity

Check = Callable[..., Iterator[object]]

SECTIONS = ("What it checks", "Why it matters", "How to fix", "Limits", "References")
"""The fixed sections of a page, in order; *Examples* follows them."""

_EXAMPLES = "\n## Examples"
_HEAD = 6144
"""Characters that hold most pages without their examples."""
_WORD = r"[A-Za-z][A-Za-z0-9_.'\-]*(?:[ ][A-Za-z0-9_.,;'()/\-]+)*|\d+\.\d+\.\d+"
_ITEM = r"[A-Za-z][A-Za-z0-9_.()\-]*"
_NOT_TEXT = frozenset(["true", "false", "yes", "no", "on", "off", "null", "y", "n"])
"""Words that YAML takes for something else."""
_PLAIN = re.compile(rf"(?:[a-z]+: (?:\[(?:{_ITEM}(?:, *{_ITEM})*)?\]|{_WORD})(?:\n|\Z))+")


class FrontMatter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The schema of a page's front matter. Anything else in it is an error."""

    id: str
    name: str
    title: str
    severity: Severity
    risk: str
    targets: tuple[str, ...]
    since: str
    reads: tuple[str, ...] = ()
    persona: str = "all"
    controls: tuple[str, ...] = ()
    status: str = "stable"


class Rule(msgspec.Struct, frozen=True):
    """One loaded rule."""

    meta: RuleMeta
    folder: Path

    def check(self) -> Check:
        """Import the rule's code.

        Raises:
            RuleError: ``check.py`` cannot be imported or has no function ``check``.
        """
        return _import_check(self.folder, f"rules.{self.meta.family}.{self.folder.name}.check", self.meta.id)


@cache
def _import_check(folder: Path, module_name: str, rule: str) -> Check:
    """Import a rule's code, once for the process as with any import."""
    path = folder / "check.py"
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise RuleError(f"{path} cannot be imported", "a rule needs a check.py")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        check: Check = module.check
    except Exception as error:
        raise RuleError(f"rule {rule}: {path.name} cannot be imported: {error}", "see docs/rules.md") from error
    return check


def built_in_folder() -> Path:
    """The folder of the built-in rules: inside the installed package, or beside it in a checkout."""
    package = Path(mcpguard.__file__).parent
    installed = package / "_rules"
    return installed if installed.is_dir() else package.parent / "rules"


def load(extra: Iterable[Path] = ()) -> dict[str, Rule]:
    """All rules by id, built-in ones first.

    Raises:
        RuleError: a page is malformed, or an id or name is used twice.
    """
    rules: dict[str, Rule] = {}
    names: dict[str, str] = {}
    for root in (built_in_folder(), *extra):
        if not root.is_dir():
            raise RuleError(f"no rules at {root}", "--rules takes a folder of <family>/<name>/rule.md")
        for page in sorted(root.glob("*/*/rule.md")):
            rule = read_rule(page)
            if rule.meta.id in rules:
                raise RuleError(f"rule id {rule.meta.id} is used twice: {page}", "give the rule an id of its own")
            if rule.meta.name in names:
                raise RuleError(f"rule name {rule.meta.name} is used twice: {page}", "give the rule a name of its own")
            rules[rule.meta.id] = rule
            names[rule.meta.name] = rule.meta.id
    if not rules:
        raise RuleError("no rules found", "the installation is incomplete; install mcpguard again")
    return dict(sorted(rules.items()))


def read_rule(page: Path) -> Rule:
    """Read one rule's page.

    Raises:
        RuleError: the front matter does not meet its schema, or the folder does not carry the rule's name.
    """
    head, end, body = _without_examples(page).partition("\n---\n")
    if not end or not head.startswith("---\n"):
        raise RuleError(f"{page} does not begin with front matter", "see docs/rules.md")
    front = _front_matter(head[4:], page)
    folder = page.parent
    if folder.name != front.name.replace("-", "_"):
        raise RuleError(f"{page}: folder {folder.name} does not carry the name {front.name}", "rename one of them")
    if front.risk not in RISKS:
        raise RuleError(f"{page}: risk {front.risk!r} is not a row of the register", f"one of: {', '.join(RISKS)}")
    meta = RuleMeta(
        **{field: getattr(front, field) for field in front.__struct_fields__},
        page=body.strip(),
        family=folder.parent.name,
    )
    return Rule(meta, folder)


def _without_examples(page: Path) -> str:
    """A page up to its examples: every run reads every page, and most of a page are examples."""
    with page.open(encoding="utf-8") as file:
        text = file.read(_HEAD)
        while _EXAMPLES not in text and (more := file.read(_HEAD)):
            text += more
    return text.partition(_EXAMPLES)[0]


def examples_text(rule: Rule) -> str:
    """The *Examples* part of a rule's page; empty when it has none."""
    return (rule.folder / "rule.md").read_text(encoding="utf-8").partition(_EXAMPLES)[2]


def _front_matter(text: str, page: Path) -> FrontMatter:
    try:
        return msgspec.convert(_plain(text) or _yaml(text), FrontMatter)
    except (ValueError, msgspec.ValidationError) as error:
        raise RuleError(f"{page}: front matter: {error}", "see docs/rules.md for the fields") from error


def _plain(text: str) -> dict[str, object] | None:
    """Front matter of plain words and flow lists of them, which YAML reads alike; None when there is more to it.

    Every run reads every page, and importing the YAML parser costs more than all of them.
    """
    if _PLAIN.fullmatch(text) is None:
        return None
    out: dict[str, object] = {}
    words: list[str] = []
    lines = text.splitlines()
    for line in lines:
        name, _, value = line.partition(": ")
        if value[0] == "[":
            items = [item.strip() for item in value[1:-1].split(",")] if value != "[]" else []
            words += items
            out[name] = items
        else:
            words.append(value)
            out[name] = value
    return None if len(out) < len(lines) or not _NOT_TEXT.isdisjoint(map(str.lower, words)) else out


def _yaml(text: str) -> object:
    import yaml

    try:
        return yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
