"""Functions that see what is around them, or leave an argument unevaluated when it fails: files, ``try``, encodings.

Semantics: developer.hashicorp.com/terraform/language/functions. Files are only those of the scan: see
:mod:`mcpguard.sources.hcl.files`.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from mcpguard.evidence import Json, Unresolved
from mcpguard.sources.arm.values import is_settled
from mcpguard.sources.hcl.ast import Call, Source, Template
from mcpguard.sources.hcl.files import Refusal
from mcpguard.sources.hcl.functions_text import known, known_json
from mcpguard.sources.hcl.parsing import template
from mcpguard.sources.hcl.scopes import Frame
from mcpguard.sources.hcl.values import (
    Beyond,
    Encoded,
    Failure,
    Opaque,
    computed,
    plain,
    shorten,
    text_of,
    to_text,
)

if TYPE_CHECKING:
    from mcpguard.sources.hcl.evaluator import Evaluator  # which calls these
    from mcpguard.sources.reading import Reading

AZD = "environment of azd"
"""Stands for what the Azure Developer CLI puts into a file of values."""
UNKNOWABLE = frozenset(
    {
        AZD,
        *("bcrypt", "filebase64", "filebase64sha256", "filebase64sha512", "filemd5", "filesha1", "filesha256", "filesha512"),
        *(
            "pathexpand",
            "plantimestamp",
            "rsadecrypt",
            "timeadd",
            "timecmp",
            "timestamp",
            "formatdate",
            "type",
            "uuid",
            "uuidv5",
        ),
        *(
            "ephemeralasnull",
            "textencodebase64",
            "textdecodebase64",
            "base64gzip",
            "pow",
            "log",
            "signum",
            "csvdecode",
            "issensitive",
        ),
    }
)
"""Functions of Terraform whose results no rule looks at, or that only a run knows."""
_MAX_TEMPLATES = 20
"""Templates that a template loads, one within the other."""


def _evaluated(evaluator: Evaluator, call: Call, frame: Frame, count: int) -> list[Json]:
    values = evaluator.arguments(call, frame)
    if isinstance(values, Unresolved) or len(values) < count:
        raise Failure(f"{call.name} without its arguments")
    return values


def _try(evaluator: Evaluator, call: Call, frame: Frame) -> Json:
    for argument in call.arguments:
        try:
            return evaluator.attempt(argument, frame)
        except Failure:
            continue
    raise Failure("nothing that could be tried")


def _can(evaluator: Evaluator, call: Call, frame: Frame) -> Json:
    try:
        value = evaluator.attempt(call.arguments[0], frame) if call.arguments else None
    except Failure:
        return False
    return computed(call.text, [value]) if isinstance(value, Unresolved) else True


def _sensitive(evaluator: Evaluator, call: Call, frame: Frame) -> Json:
    from mcpguard.sources.terraform.sensitive import hidden

    return hidden(plain(_evaluated(evaluator, call, frame, 1)[0]))


# -- files -----------------------------------------------------------------------------------------------------------


def _opened(evaluator: Evaluator, call: Call, frame: Frame, path: Json) -> Reading:
    """The file that a path leads to.

    Raises:
        Failure: it may not be read, or is not there.
    """
    text = to_text(path)
    if isinstance(text, Unresolved):
        raise Opaque
    found = frame.module.files.open(frame.module.root, text)
    if isinstance(found, Refusal):
        evaluator.troubles.setdefault(found.reason, call)
        raise Beyond(found.reason)
    evaluator.charge(len(found.data) >> 6)
    return found


def _file(evaluator: Evaluator, call: Call, frame: Frame) -> Json:
    values = _evaluated(evaluator, call, frame, 1)
    try:
        reading = _opened(evaluator, call, frame, values[0])
    except Opaque:
        return Unresolved(shorten(call.text), "file", arguments=computed("", values).arguments)
    frame.module.files.note_loaded(reading, call)
    return reading.data.decode("utf-8", "replace")


def load_template(evaluator: Evaluator, call: Call, frame: Frame) -> tuple[Template, Frame]:
    """The template that ``templatefile`` reads, and the variables that it sees.

    Raises:
        Failure: there is none.
        Opaque: its path or its variables are not known.
    """
    values = _evaluated(evaluator, call, frame, 1)
    reading = _opened(evaluator, call, frame, values[0])
    variables = values[1] if len(values) > 1 else {}
    if isinstance(variables, Unresolved):
        raise Opaque
    if not isinstance(variables, dict) or frame.templates >= _MAX_TEMPLATES:
        raise Failure("variables that are no object, or templates nested too deeply")
    frame.module.files.note_loaded(reading, call)
    parsed = frame.module.files.template(reading)
    return parsed, msgspec.structs.replace(frame, names=dict(variables), templates=frame.templates + 1)


def _templatefile(evaluator: Evaluator, call: Call, frame: Frame) -> Json:
    try:
        parsed, inner = load_template(evaluator, call, frame)
    except Opaque:
        return Unresolved(shorten(call.text), "templatefile")
    return _rendered(evaluator, parsed, inner, call)


def _rendered(evaluator: Evaluator, parsed: Template, frame: Frame, call: Call) -> Json:
    return text_of(evaluator.stretches(parsed.parts, frame), call.text)


def _fileexists(evaluator: Evaluator, call: Call, frame: Frame) -> Json:
    text = to_text(_evaluated(evaluator, call, frame, 1)[0])
    if isinstance(text, Unresolved):
        return computed(call.text, [text])
    found = frame.module.files.open(frame.module.root, text)
    if isinstance(found, Refusal) and not found.is_absent:
        raise Beyond(found.reason)
    return not isinstance(found, Refusal)


def _fileset(evaluator: Evaluator, call: Call, frame: Frame) -> Json:
    values = [to_text(value) for value in _evaluated(evaluator, call, frame, 2)]
    folder, pattern = values[0], values[1]
    if isinstance(folder, Unresolved) or isinstance(pattern, Unresolved):
        return computed(call.text, values)
    names = frame.module.files.below(frame.module.root, folder)
    if isinstance(names, Refusal):
        evaluator.troubles.setdefault(names.reason, call)
        raise Beyond(names.reason)
    evaluator.charge(len(names))
    matcher = _glob(pattern)
    return sorted(name for name in names if matcher.fullmatch(name))


def _glob(pattern: str) -> re.Pattern[str]:
    """A pattern of ``fileset``: ``*`` stays within a folder, ``**`` does not, braces hold alternatives."""
    if len(pattern) > 200 or pattern.count("*") > 6:
        raise Beyond("a pattern that long")
    out: list[str] = []
    depth = 0
    for token in re.findall(r"\*\*/|\*\*|\*|\?|[{},]|[^*?{},]+", pattern):
        match token:
            case "**/":
                out.append("(?:.*/)?")
            case "**":
                out.append(".*")
            case "*":
                out.append("[^/]*")
            case "?":
                out.append("[^/]")
            case "{":
                depth += 1
                out.append("(?:")
            case "}" if depth:
                depth -= 1
                out.append(")")
            case "," if depth:
                out.append("|")
            case _:
                out.append(re.escape(token))
    return re.compile("".join(out) + ")" * depth)


def _path(change: Callable[[str], str]) -> Special:
    def run(evaluator: Evaluator, call: Call, frame: Frame) -> Json:
        text = to_text(_evaluated(evaluator, call, frame, 1)[0])
        return computed(call.text, [text]) if isinstance(text, Unresolved) else change(text)

    return run


# -- encodings -------------------------------------------------------------------------------------------------------


def _encode(write: Callable[[Json], str]) -> Special:
    def run(evaluator: Evaluator, call: Call, frame: Frame) -> Json:
        value = _evaluated(evaluator, call, frame, 1)[0]
        value = plain(value)
        if is_settled(value):
            return write(value)
        return Encoded(shorten(call.text), arguments=computed("", [value]).arguments, value=value)

    return run


def _yaml(value: Json) -> str:
    import yaml

    return str(yaml.safe_dump(value, default_flow_style=False, sort_keys=True, allow_unicode=True))


def _templatestring(evaluator: Evaluator, call: Call, frame: Frame) -> Json:
    values = _evaluated(evaluator, call, frame, 2)
    try:
        text = known(values[0])
    except Opaque:
        return computed(call.text, values)
    variables = values[1]
    if isinstance(variables, Unresolved):
        return computed(call.text, values)
    if not isinstance(variables, dict) or frame.templates >= _MAX_TEMPLATES:
        raise Failure("variables that are no object, or templates nested too deeply")
    evaluator.charge(len(text))
    parsed = template(Source(call.source.path, text.encode("utf-8", "replace")))
    inner = msgspec.structs.replace(frame, names=dict(variables), templates=frame.templates + 1)
    return _rendered(evaluator, parsed, inner, call)


Special = Callable[["Evaluator", Call, Frame], Json]
SPECIAL: dict[str, Special] = {
    "abspath": _path(posixpath.normpath),
    "basename": _path(posixpath.basename),
    "can": _can,
    "dirname": _path(lambda text: posixpath.dirname(text) or "."),
    "file": _file,
    "fileexists": _fileexists,
    "fileset": _fileset,
    "jsonencode": _encode(known_json),
    "sensitive": _sensitive,
    "templatefile": _templatefile,
    "templatestring": _templatestring,
    "try": _try,
    "yamlencode": _encode(_yaml),
}
"""By name. Paths stay relative to the folder of the root module."""
