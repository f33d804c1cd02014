"""What members and methods do to symbolic values: the part of .NET and of the policy context that expressions live on.

Lists are of methods that policy expressions may call (policy expressions reference, "Allowed .NET framework types").
A method that is not listed gives something unclear of its receiver and arguments, never a clean value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from mcpguard.policy.csharp_syntax import literal, text_of
from mcpguard.policy.symbolic.pieces import asked_for, element, of_some
from mcpguard.policy.symbolic.symbols import (
    HOLE,
    NO_FACTS,
    Alternative,
    Comparison,
    Origin,
    Part,
    Value,
    at_most,
    atom,
    bare,
    boolean,
    branches,
    common_facts,
    concat,
    constant,
    derived,
    equality,
    likeness,
    side,
    union,
    with_facts,
)

if TYPE_CHECKING:
    from tree_sitter import Node

_KEEP = frozenset(
    [
        *("UrlDecode", "UrlEncode", "HtmlEncode", "HtmlDecode", "UnescapeDataString", "EscapeDataString", "EscapeUriString"),
        *("ToString", "Trim", "TrimEnd", "TrimStart"),
        *("FromBase64String", "ToBase64String", "GetBytes", "GetString", "Parse", "DeserializeObject", "SerializeObject"),
        *("First", "FirstOrDefault", "Single", "SingleOrDefault", "Last", "Value", "As", "AbsoluteUri", "OriginalString"),
        *(
            "Body",
            "Result",
            "Cast",
            "OfType",
            "AsEnumerable",
            "Distinct",
            "Reverse",
            "Children",
            "Normalize",
            "FromObject",
            "ToBoolean",
        ),
    ]
)
_CASES = {"ToLower": str.lower, "ToLowerInvariant": str.lower, "ToUpper": str.upper, "ToUpperInvariant": str.upper}
_LISTS = frozenset({"ToList", "ToArray", "ToObject", "Values", "Select", "Where", "SelectMany", "AsQueryable", "ToHashSet"})
_LOSSY = frozenset(
    [
        *("Host", "Authority", "Scheme", "AbsolutePath", "PathAndQuery", "LocalPath", "Port", "GetLeftPart", "Length", "Count"),
        *("GetHashCode", "DnsSafeHost", "Segments", "StatusCode", "Type"),
    ]
)
_EQUAL = frozenset({"Equals", "SequenceEqual", "FixedTimeEquals", "DeepEquals"})
_COMPARE = frozenset({"Compare", "CompareTo", "CompareOrdinal"})
_LIKE = frozenset({"StartsWith", "EndsWith", "IsMatch", "IsWellFormedUriString", "IsBaseOf", "IsLoopback"})
_EMPTY = frozenset({"IsNullOrEmpty", "IsNullOrWhiteSpace"})
_JOINED = frozenset({"Concat", "Join"})
_REQUEST_PARTS = {
    ("Request", "Url", "Query"): Origin("query"),
    ("Request", "OriginalUrl", "Query"): Origin("query"),
    ("Request", "MatchedParameters"): Origin("query"),
    ("Request", "Headers"): Origin("header"),
    ("Request", "Url", "QueryString"): Origin("query", part=Part.UNCLEAR),
    ("Request", "OriginalUrl", "QueryString"): Origin("query", part=Part.UNCLEAR),
    ("Request", "Body"): Origin("form"),
    ("Request", "Method"): Origin("context", "method"),
    ("Response", "Body"): Origin("response"),
    ("Variables",): Origin("variable"),
}
_MAX_PLACEHOLDERS = 8
_TYPED = re.compile(r"\(\s*(?:JArray|List<|IList<|I?Enumerable|string\[\])")
_NAMED_VALUE_IDENTIFIER = re.compile(r"__named_value_(\w+)__")


class TooMuch(Exception):
    """The code is deeper or longer than is followed."""


# -- names -----------------------------------------------------------------------------------------------------------


def named_value_identifier(name: str) -> str:
    """A C# identifier that stands for ``{{name}}`` outside of a literal."""
    return f"__named_value_{re.sub(r'[^A-Za-z0-9]', '_', name)}__"


def named_value_of(identifier: str) -> Value | None:
    """The named value that such an identifier stands for."""
    match = _NAMED_VALUE_IDENTIFIER.fullmatch(identifier)
    return atom(Origin("named-value", match[1]), "string") if match else None


def index_of(arguments: Node) -> str | None:
    """The literal in ``["name"]`` or ``[0]``; None when it is computed."""
    values = [child for child in arguments.named_children if child.type == "argument"]
    if len(values) != 1:
        return None
    inner = values[0].named_children[-1]
    return text_of(inner) if inner.type == "integer_literal" else literal(values[0])


def is_list(cast: str) -> bool:
    """Whether a cast is to a list."""
    return bool(_TYPED.match(cast))


def context_source(names: Sequence[str]) -> tuple[Origin | None, int]:
    """The part of the context that a chain of members begins with, and how many members name it."""
    for path, source in _REQUEST_PARTS.items():
        if tuple(names[: len(path)]) == path:
            return source, len(path)
    return None, 0


# -- objects ---------------------------------------------------------------------------------------------------------


def built(members: Iterable[tuple[str, Value]]) -> Value:
    """An object of known members."""
    known = tuple((name, bare(value)) for name, value in members)
    return _as_object(derived(value for _, value in known)[0], known)


def _as_object(found: Alternative, members: tuple[tuple[str, Value], ...]) -> Value:
    return (msgspec.structs.replace(found, template=HOLE, members=members, shape="object"),)


def with_member(owner: Value, name: str, value: Value) -> Value:
    """The object after ``owner[name] = value``."""
    out: list[Alternative] = []
    for found in owner:
        members = (*(each for each in found.members if each[0] != name), (name, bare(value)))
        more = derived((value,))[0].origins
        out.append(msgspec.structs.replace(found, template=HOLE, members=members, origins=found.origins | more, shape="object"))
    return tuple(out)


def created(type_name: str, given: list[Value], members: list[tuple[str, Value]]) -> Value:
    """``new T(given) { members }``."""
    if type_name in ("Uri", "UriBuilder", "String", "JValue"):
        return given[0] if given else constant("")
    if type_name == "JProperty" and len(given) > 1:
        return _as_object(derived(given[1:])[0], ((given[0][0].text or "" if given[0] else "", given[1]),))
    if type_name in ("JObject", "JArray") or members or type_name.startswith("Dictionary"):
        inner = [each for value in given for found in value for each in found.members]
        value = built([*inner, *members])
        return shaped(
            union([value, *given]) if type_name == "JArray" and given else value, "list" if type_name == "JArray" else ""
        )
    if type_name.startswith(("SHA256", "SHA384", "SHA512")):
        return (Alternative(HOLE, shape="sha256"),)
    if type_name.startswith(("Aes", "Rijndael", "TripleDES", "DESCrypto")):
        return (Alternative(HOLE, shape="cipher"),)
    if type_name in ("List<string>", "HashSet<string>", "StringBuilder"):
        return shaped(union(given) or constant(""), "list" if type_name != "StringBuilder" else "string")
    return derived(given)


def shaped(value: Value, shape: str) -> Value:
    """The value, known to be of a shape."""
    return tuple(msgspec.structs.replace(found, shape=shape) for found in value) if shape else value


# -- members and calls -------------------------------------------------------------------------------------------------


def member(value: Value, name: str) -> Value:
    """``value.name``."""
    if name in _LOSSY:
        return derived((value,), Part.LOSSY)
    if name in _LIKE:
        return likeness((value, constant(name)))
    if all(found.shape == "cipher" for found in value) and name == "IV":
        return atom(Origin("random"))
    if name in _KEEP or name in ("Key", "Value", "Headers", "HasValue"):
        return value
    return indexed(value, name, []) if any(found.members for found in value) else derived((value,))


def indexed(value: Value, key: str | None, given: Sequence[Value]) -> Value:
    """``value[key]``; ``key`` is None when it is computed."""
    if key is None:
        return derived((value, *given))
    out: list[Alternative] = []
    for found in value:
        named = next((held for name, held in found.members if name == key), None)
        if named is not None:
            out.extend(with_facts(named, found.facts))
        elif found.members or found.text is not None:
            out.append(Alternative("", facts=found.facts, shape="null"))
        elif key.isdigit():
            part = Part.UNCLEAR if found.shape == "pieces" else Part.WHOLE
            out.extend(with_facts(derived(((found,),), part), found.facts))
        else:
            out.append(_narrowed(found, key))
    return tuple(out)


def _narrowed(found: Alternative, key: str) -> Alternative:
    origins = frozenset(_member_of(origin, key) for origin in found.origins)
    return msgspec.structs.replace(found, template=HOLE, origins=origins, head=origins, shape="")


def _member_of(origin: Origin, key: str) -> Origin:
    if origin.kind == "form" and not origin.name:
        return Origin("form", key)
    if origin.kind in ("stored", "answer", "response", "cookie"):
        return msgspec.structs.replace(origin, path=f"{origin.path}.{key}".lstrip("."))
    return at_most(origin, Part.UNCLEAR)


def called(value: Value, name: str, given: list[Value]) -> Value:
    """``value.name(given)``."""
    if name in ("ComputeHash", "HashData"):
        if all(found.shape == "sha256" for found in value):
            return derived(given, Part.WHOLE, hashed=True)
        return derived((value, *given))
    if name in ("Equals", "SequenceEqual", "FixedTimeEquals", "DeepEquals", "CompareTo") and given:
        return equality(value, given[0]) if name in _EQUAL else _order(value, given[0])
    if name == "Contains" and given:
        if all(found.shape == "list" for found in value):
            return equality(element(value), given[0])
        return likeness((value, given[0])) if any(found.shape == "string" for found in value) else _unclear(value, given)
    if name in _LIKE and given:
        return likeness((value, given[0]))
    if name in ("IndexOf", "LastIndexOf"):
        return derived((value, *given), Part.LOSSY if any(found.shape == "string" for found in value) else Part.UNCLEAR)
    if name == "Any" and not given:
        there = tuple(found for found in value if found.shape != "null")
        return boolean(common_facts(there) | {Comparison("present", side(there))}, NO_FACTS)
    if name == "Split":
        separated = derived((value,))
        return shaped(separated, "list") if _is_fixed(value) else shaped(separated, "pieces")
    if name in ("Insert", "Substring", "Remove", "PadLeft", "Take", "Skip"):
        return shaped(derived((value,)), "string" if value and value[0].shape == "string" else "")
    if name in ("Append", "AppendLine", "AppendFormat"):
        return concat((value, *given))
    if name in ("GetValue", "Get", "GetValueOrDefault", "Value", "SelectToken", "Property") and given and len(given[0]) == 1:
        return indexed(value, given[0][0].text, given)
    if name == "Replace" and len(given) > 1:
        return _replaced(value, given[0], given[1])
    if name in _CASES:
        return tuple(
            found if found.text is None else msgspec.structs.replace(found, template=_CASES[name](found.template))
            for found in value
        )
    if name == "AsFormUrlEncodedContent" or name in _KEEP:
        return value
    if name in _LISTS:
        return shaped(value, "list")
    if name in _LOSSY:
        return derived((value,), Part.LOSSY)
    if name == "Encrypt":
        return derived((value,))
    if name == "Decrypt":
        return atom(Origin("sealed", by=frozenset(origin for found in value for origin in found.origins)))
    return derived((value, *given))


def static(owner: str, name: str, given: list[Value]) -> Value:
    """``Owner.name(given)``."""
    if name in _EMPTY and given:
        return equality(given[0], constant(""))
    if name in _EQUAL and len(given) > 1:
        return equality(given[0], given[1])
    if name in _COMPARE and len(given) > 1:
        return _order(given[0], given[1])
    if name in _LIKE and given:
        return likeness(given)
    if name == "Format" and given:
        return concat([constant(""), *given[1:]]) if given[0] and given[0][0].text == "{0}" else derived(given)
    if name in _JOINED:
        return concat(given[1:] if name == "Join" else given)
    if owner.startswith(("SHA256", "SHA384", "SHA512")):
        return derived(given, Part.WHOLE, hashed=True) if name == "HashData" else (Alternative(HOLE, shape="sha256"),)
    if owner.startswith(("Aes", "Rijndael", "TripleDES")) and name == "Create":
        return (Alternative(HOLE, shape="cipher"),)
    if name == "NewGuid" or owner in ("RandomNumberGenerator", "Guid", "Random"):
        return atom(Origin("random"))
    if name in ("TryParse", "TryCreate"):
        return boolean(NO_FACTS, NO_FACTS)
    if owner in ("JArray",) and given:
        return shaped(given[0], "list")
    if name in _KEEP and given:
        return given[0]
    return derived(given)


def static_member(names: Sequence[str]) -> Value:
    """``string.Empty``, ``StringComparison.Ordinal``, ``DateTime.UtcNow``."""
    if names[-1] == "Empty":
        return constant("")
    return atom(Origin("context", ".".join(names[-2:])))


def filtered(value: Value, name: str, decided: Value) -> Value:
    """``value.name(x => decided)``."""
    when_true, _ = branches(decided)
    if name in ("All", "TrueForAll"):
        return boolean(when_true, NO_FACTS)
    if name in ("Any", "Exists"):
        return boolean(when_true and of_some(when_true, asked_for(value)), NO_FACTS)
    if name in ("FirstOrDefault", "First", "Single", "SingleOrDefault", "Find", "Where", "LastOrDefault"):
        found = with_facts(element(value), when_true or NO_FACTS)
        return (*found, Alternative("", shape="null")) if name.endswith("OrDefault") or name == "Find" else found
    if name in ("Select", "SelectMany"):
        return shaped(decided, "list")
    asked = (origin for fact in when_true or () for content in (*fact.left, *fact.right) for origin in content)
    return derived([value, *(atom(origin) for origin in asked if origin.kind != "literal")])


def _replaced(value: Value, old: Value, new: Value) -> Value:
    """``value.Replace(old, new)``: a placeholder is filled in; characters that are only rewritten change nothing."""
    if all(found.text is not None for found in new):
        return value
    placeholder = old[0].text if len(old) == 1 else None
    texts = [found.text for found in value]
    if not placeholder or any(text is None or text.count(placeholder) > _MAX_PLACEHOLDERS for text in texts):
        return derived((value, new))
    out: list[Value] = []
    for found, text in zip(value, texts, strict=True):
        parts = [constant(part) for part in (text or "").split(placeholder)]
        filled = [each for part in parts[:-1] for each in (part, new)]
        out.append(with_facts(concat([*filled, parts[-1]]), found.facts))
    return union(out)


def mutated(owner: Value, name: str, given: list[Value]) -> Value | None:
    """What a variable holds after ``owner.name(given)``; None for a method that leaves it as it is."""
    if name in ("Append", "AppendLine", "AppendFormat"):
        return concat((owner, *given))
    if name == "Add" and len(given) > 1 and len(given[0]) == 1:
        return with_member(owner, given[0][0].text or "", given[1])
    if name in ("Add", "AddRange", "Push", "Enqueue") and given:
        return shaped(derived((owner, *given), Part.WHOLE), "list")
    return None


def _order(left: Value, right: Value) -> Value:
    """``Compare(left, right)``: zero where they are equal."""
    facts = common_facts(left) | common_facts(right)
    return (Alternative(HOLE, facts=facts, shape="difference", sides=(side(left), side(right))),)


def _unclear(value: Value, given: list[Value]) -> Value:
    decided = frozenset({Comparison("unclear", side(value) | side(given[0]))})
    return boolean(decided, decided)


def _is_fixed(value: Value) -> bool:
    """Whether a text is the policy's own: its pieces are as good as a list."""
    return all(origin.kind == "named-value" for found in value for origin in found.origins)
