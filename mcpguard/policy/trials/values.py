"""Values of policy expressions as far as they are known, and what their members answer.

The types are those that API Management gives to expressions: strings, numbers, Newtonsoft's JSON, message bodies, and
answers of ``send-request`` (azure-docs, api-management-policy-expressions). What is not modelled here is unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, TypeAlias

import msgspec

from mcpguard.policy.csharp import PREDICATES, TOKEN_PARSERS


class Thrown(Exception):
    """The expression raises when it is evaluated: API Management goes to on-error and forwards nothing."""


class Json(msgspec.Struct, frozen=True):
    """A JToken, as its text."""

    text: str


class Body(msgspec.Struct, frozen=True):
    """A message body, as its text."""

    text: str


class Answer(msgspec.Struct, frozen=True):
    """An answer that ``send-request`` got."""

    status: int
    body: str


class TypeName(msgspec.Struct, frozen=True):
    """A name that is no variable: ``string``, ``JTokenType.Array``."""

    name: str


Data: TypeAlias = "bool | int | str | Json | Body | Answer | TypeName | tuple[Value, ...] | None"


class Value(msgspec.Struct, frozen=True):
    """A value, or what is known of it."""

    is_known: bool
    data: Data = None
    on_trial: bool = False
    """Whether it rests on what is being tried out: a failed exchange, a certain request body. Of an unknown value it says that
    it would be known if the expression were followed; one that merely depends on the caller's rights is not on trial."""
    is_callers: bool = False
    """Whether it holds the caller's token."""


UNKNOWN: Final = Value(False)
NULL: Final = Value(True)

_NUMBERS = frozenset({"int", "long", "bool", "double", "decimal", "float", "short", "DateTime", "Guid"})
_KINDS = {dict: "Object", list: "Array", str: "String", bool: "Boolean", int: "Integer", float: "Float", type(None): "Null"}


def known(data: Data, *parts: Value) -> Value:
    """A known value that comes from others."""
    return Value(True, data, any(part.on_trial for part in parts))


def unknown(*parts: Value) -> Value:
    """A value that comes from others in a way that is not followed."""
    return Value(False, None, any(part.on_trial for part in parts), any(part.is_callers for part in parts))


def of_json(value: object, *parts: Value) -> Value:
    """A JToken."""
    return known(Json(_written(value)), *parts)


def one_of(left: Value, right: Value, *deciding: Value) -> Value:
    """One of two values, it is not known which."""
    if left == right:
        return left
    if any(part.on_trial for part in deciding):
        return Value(False, None, True)
    return unknown(left, right)


@lru_cache(maxsize=256)
def read_json(text: str) -> object:
    """What a JSON text holds.

    Raises:
        Thrown: it is no JSON.
    """
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Thrown from error


def _written(value: object) -> str:
    return msgspec.json.encode(value).decode()


def cast(value: Value, type_name: str) -> Value:
    """``(T)value``.

    Raises:
        Thrown: the value is known not to convert.
    """
    if not value.is_known:
        return value
    data = value.data
    if data is None:
        if type_name in _NUMBERS:
            raise Thrown
        return value
    if isinstance(data, Json):
        return _convert(value, read_json(data.text), type_name)
    if type_name == "string":
        if not isinstance(data, str):
            raise Thrown
        return value
    if type_name in ("int", "bool", "IResponse", "object") or isinstance(data, Body | Answer):
        return value
    return unknown(value)


def _convert(token: Value, value: object, type_name: str) -> Value:
    name = type_name.removesuffix("?")
    if name in ("JToken", "object"):
        return token
    if name in ("JObject", "JArray"):
        if not isinstance(value, dict if name == "JObject" else list):
            raise Thrown
        return token
    if isinstance(value, dict | list):
        if name == "string" or name in _NUMBERS:
            raise Thrown
        return unknown(token)
    if value is None:
        if type_name in _NUMBERS:
            raise Thrown
        return known(None, token)
    if name == "string":
        return known(_text(value), token)
    if (name == "int" and isinstance(value, int)) or (name == "bool" and isinstance(value, bool)):
        return known(value, token)
    return unknown(token)


def is_a(value: Value, type_name: str) -> Value:
    """``value is T``."""
    if not value.is_known:
        return unknown(value)
    data = value.data
    if data is None:
        return known(False, value)
    if isinstance(data, Json):
        kinds = {"JObject": dict, "JArray": list, "JToken": object}
        return known(isinstance(read_json(data.text), kinds[type_name]), value) if type_name in kinds else unknown(value)
    if type_name in ("string", "JObject", "JArray", "JToken"):
        return known(isinstance(data, str) and type_name == "string", value)
    return unknown(value)


def as_a(value: Value, type_name: str) -> Value:
    """``value as T``: null when it is none."""
    fits = is_a(value, type_name)
    if fits.is_known and fits.data is False:
        return known(None, value)
    return value if fits.is_known or not value.is_known else unknown(value)


def text_of(value: Value) -> str | None:
    """What the value adds to a string; None when that is not known."""
    data = value.data
    if not value.is_known or isinstance(data, Body | Answer | TypeName | tuple):
        return None
    return _text(read_json(data.text) if isinstance(data, Json) else data)


def _text(value: object) -> str | None:
    """A single value as text; None for objects and arrays, whose layout is Newtonsoft's business."""
    if value is None:
        return ""
    return None if isinstance(value, dict | list) else str(value)


def equal(left: Value, right: Value) -> Value:
    """``left == right``."""
    if not (left.is_known and right.is_known):
        return _undecided(left, right)
    datas = (left.data, right.data)
    if None in datas:
        return known(left.data is right.data, left, right)
    if any(isinstance(data, Json | Body | Answer | tuple) for data in datas):
        return unknown(left, right)  # compared by reference
    return known(type(left.data) is type(right.data) and left.data == right.data, left, right)


def _undecided(*parts: Value) -> Value:
    """A value that nobody knows before the call: what is tried out is known in it, or not part of it."""
    return Value(False, None, any(part.on_trial and not part.is_known for part in parts))


def resting_on(value: Value, decision: Value) -> Value:
    """The value, chosen by a decision."""
    return msgspec.structs.replace(value, on_trial=True) if decision.on_trial else value


def ordered(operator: str, left: Value, right: Value) -> Value:
    """``left < right`` and its kin."""
    if not (isinstance(left.data, int) and isinstance(right.data, int)):
        return Value(False, None, left.on_trial or right.on_trial)
    first, second = left.data, right.data
    return known(
        {"<": first < second, ">": first > second, "<=": first <= second, ">=": first >= second}[operator], left, right
    )


def joined(parts: Sequence[Value]) -> Value:
    """The parts as one string; numbers are not added."""
    texts = [text_of(part) for part in parts]
    if any(text is None for text in texts) or not any(isinstance(part.data, str) for part in parts):
        return unknown(*parts)
    return known("".join(text or "" for text in texts), *parts)


def member(of: Value, name: str, arguments: Sequence[Value] | None, type_name: str = "") -> Value:
    """A property, or with ``arguments`` a call; the name of an index is ``[]``.

    Raises:
        Thrown: it is known to raise, as every member of null does.
    """
    given = tuple(arguments or ())
    if not of.is_known:
        stays = name not in PREDICATES and name not in TOKEN_PARSERS and name != "Claims"
        found = _undecided(of, *given)
        return msgspec.structs.replace(found, is_callers=stays and unknown(of, *given).is_callers)
    data = of.data
    if data is None:
        raise Thrown
    if isinstance(data, str):
        return _of_string(of, data, name, given)
    if isinstance(data, Json):
        return _of_json(of, read_json(data.text), name, given, type_name)
    if isinstance(data, Answer):
        return {"StatusCode": known(data.status, of), "Body": known(Body(data.body), of)}.get(name, unknown(of))
    if isinstance(data, Body):
        return _read_body(of, data, type_name) if name == "As" else unknown(of)
    if isinstance(data, TypeName):
        return _of_type(data.name, name, arguments, given)
    if isinstance(data, tuple):
        return _of_list(of, data, name, given)
    return known(_text(data), of) if name == "ToString" and not given else unknown(of, *given)


def _read_body(of: Value, body: Body, type_name: str) -> Value:
    if type_name == "string":
        return known(body.text, of)
    if type_name in ("JObject", "JArray", "JToken"):  # anything but such a text raises (Newtonsoft, JObject.Load)
        return cast(known(Json(_written(read_json(body.text))), of), type_name)
    return unknown(of)


def _of_string(of: Value, text: str, name: str, given: tuple[Value, ...]) -> Value:
    parts = (of, *given)
    first = given[0].data if given and given[0].is_known else None
    plain = {
        "ToString": text,
        "Trim": text.strip(),
        "ToLower": text.lower(),
        "ToLowerInvariant": text.lower(),
        "ToUpper": text.upper(),
        "ToUpperInvariant": text.upper(),
    }
    if name in plain and not given:
        return known(plain[name], *parts)
    if name == "Length":
        return known(len(text), of)
    if name in ("Equals", "StartsWith", "EndsWith", "Contains") and isinstance(first, str):
        folded = _ignores_case(given[1:])
        if folded is None:
            return unknown(*parts)
        here, there = (text.lower(), first.lower()) if folded else (text, first)
        tests = {
            "Equals": here == there,
            "StartsWith": here.startswith(there),
            "EndsWith": here.endswith(there),
            "Contains": there in here,
        }
        return known(tests[name], *parts)
    if name == "Equals" and given and given[0].is_known:
        return known(False, *parts)
    return unknown(*parts)


def _ignores_case(comparison: Sequence[Value]) -> bool | None:
    names = [part.data.name for part in comparison if isinstance(part.data, TypeName)]
    return any("IgnoreCase" in name for name in names) if len(names) == len(comparison) else None


def _of_json(of: Value, value: object, name: str, given: tuple[Value, ...], type_name: str) -> Value:
    parts = (of, *given)
    first = given[0].data if given and given[0].is_known else None
    if name == "ToString" and not given:
        text = _text(value)
        return known(text, *parts) if text is not None else unknown(*parts)
    if name == "Type":
        return known(TypeName(f"JTokenType.{_KINDS[type(value)]}"), of)
    if name == "HasValues":
        return known(isinstance(value, dict | list) and bool(value), of)
    if name == "Value" and not given:
        return cast(of, type_name)
    if name == "SelectToken" and isinstance(first, str) and len(given) == 1:
        return _select(of, value, first)
    if name == "ContainsKey" and isinstance(first, str) and isinstance(value, dict):
        return known(first in value, *parts)
    if name in ("[]", "Value", "GetValue", "Property") and isinstance(first, str):
        if not isinstance(value, dict):
            raise Thrown  # a name is no index of an array, and a single value has no members
        if first not in value:
            return known({"int": 0, "bool": False}.get(type_name) if name == "Value" else None, *parts)
        found = of_json(value[first], *parts)
        return cast(found, type_name) if name == "Value" else found if name != "Property" else unknown(*parts)
    if name == "[]" and isinstance(first, int):
        if not isinstance(value, list) or not 0 <= first < len(value):
            raise Thrown
        return of_json(value[first], *parts)
    return unknown(*parts)


def _select(of: Value, value: object, path: str) -> Value:
    if not path.replace(".", "").replace("_", "").isalnum():
        return unknown(of)
    for name in path.split("."):
        if not isinstance(value, dict) or name not in value:
            return known(None, of)
        value = value[name]
    return of_json(value, of)


def _of_list(of: Value, items: tuple[Value, ...], name: str, given: tuple[Value, ...]) -> Value:
    if name == "Contains" and given:
        folded = _ignores_case(given[1:])
        wanted = given[0].data
        if all(item.is_known for item in (*items, given[0])) and folded is not None:
            folds = folded and isinstance(wanted, str)
            texts = [item.data.lower() if folds and isinstance(item.data, str) else item.data for item in items]
            return known((wanted.lower() if folds and isinstance(wanted, str) else wanted) in texts, *items, *given)
    return unknown(of, *items, *given)


def _of_type(type_name: str, name: str, arguments: Sequence[Value] | None, given: tuple[Value, ...]) -> Value:
    """A static member: ``string.IsNullOrEmpty``, ``JToken.Parse``, ``JTokenType.Array``."""
    lowered = type_name.lower()
    if arguments is None:
        return known("") if (lowered, name) == ("string", "Empty") else Value(True, TypeName(f"{type_name}.{name}"))
    first = given[0] if given else NULL
    if lowered == "string" and name in ("IsNullOrEmpty", "IsNullOrWhiteSpace"):
        if not first.is_known:
            return Value(False, None, first.on_trial)
        if not isinstance(first.data, str | None):
            return unknown(first)
        given_text = first.data or ""
        return known(not (given_text.strip() if name.endswith("Space") else given_text), first)
    if lowered == "string" and name == "Equals" and len(given) > 1:
        if not (first.is_known and given[1].is_known):
            return Value(False, None, unknown(*given).on_trial)
        return equal(first, given[1]) if first.data is None else member(first, "Equals", given[1:])
    if type_name in ("JObject", "JArray", "JToken") and name == "Parse" and len(given) == 1:
        if not first.is_known:
            return unknown(*given)
        if not isinstance(first.data, str):
            raise Thrown
        return cast(known(Json(_written(read_json(first.data))), first), type_name)
    if (type_name, name) == ("Convert", "ToString") and len(given) == 1 and (text := text_of(first)) is not None:
        return known(text, first)
    return unknown(*given)
