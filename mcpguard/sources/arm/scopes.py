"""What expressions can see: parameters, variables and functions of a template, the loops and lambdas around them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from mcpguard.core.location import Location
from mcpguard.evidence import Json
from mcpguard.sources.arm.places import Place

Copies = Mapping[str, int]
"""Index of each loop around an expression by lower-case name; under the empty name that of the resource's own loop."""
_NO_COPIES: Copies = {}


class Frame(msgspec.Struct, frozen=True):
    """What is around one expression."""

    scope: Scope
    copies: Copies = _NO_COPIES
    locals: Mapping[str, Json] = {}
    """Arguments of the lambdas and user-defined functions around it, by lower-case name."""
    is_function: bool = False
    """Whether it stands in a user-defined function, which sees its own arguments as parameters, and no variables."""


class Binding(msgspec.Struct, frozen=True):
    """A value that is given to a parameter."""

    value: Json
    at: Location
    frame: Frame | None = None
    """Where its expressions are evaluated; None for a value of a parameter file, in which there are none."""
    is_wrapped: bool = False
    """Whether the value is an expression that gives an object with the ``value`` in it."""
    is_filled: bool = False
    """Whether the value is not what stands in the file: variables of an environment were filled in."""


class Scope:
    """The parameters, variables and functions of one template, each evaluated when it is first asked for."""

    def __init__(self, template: Mapping[str, Json], at: Location, place: Place, bindings: Mapping[str, Binding]) -> None:
        """``at`` is the place of the template; ``bindings`` are by lower-case name of the parameter."""
        self.at = at
        self.place = place
        self.bindings = bindings
        self.parameters = _by_lower_name(template.get("parameters"))
        self.variables, self.variable_copies = _variables(template.get("variables"))
        self.functions = _functions(template.get("functions"))
        self.owners: dict[str, Scope] = {}
        """The scopes of functions that come from another file."""
        self.imported: dict[str, tuple[Scope, str]] = {}
        """Variables of other files by the lower-case name that they have here, with their scope and their own name."""
        self.elsewhere: dict[str, Location] = {}
        """Where variables stand that were loaded from other files."""
        self.definitions = template.get("definitions")
        self.values: dict[tuple[str, str], Json] = {}
        """Evaluated parameters and variables."""
        self.pending: set[tuple[str, str]] = set()
        """Those that are being evaluated, to notice when one depends on itself."""
        self.look_up: Callable[[str], Json | None] = lambda name: None
        """The state of a resource of the template that ``reference`` names, when the template itself tells it."""
        self.id_of: Callable[[str], str] = lambda name: name
        """The id of the resource that a symbolic name means; any other text as it is."""
        self.deployment_name: Json = ""
        self.frame = Frame(self)

    def spec(self, name: str) -> dict[str, Json]:
        """The declaration of a parameter with what its type refers to; empty when there is none."""
        _, found = self.parameters.get(name, ("", None))
        spec = found if isinstance(found, dict) else {}
        for _ in range(_MAX_REFERENCES):
            reference = spec.get("$ref")
            name = reference.rpartition("/")[2] if isinstance(reference, str) else ""
            definition = self.definitions.get(name) if isinstance(self.definitions, dict) else None
            if not isinstance(definition, dict):
                break
            spec = {**definition, **{key: value for key, value in spec.items() if key != "$ref"}}
        return spec

    def place_of_variable(self, name: str) -> Location:
        """Where the value of a variable stands; its name is as written."""
        return self.elsewhere.get(name) or self.at.child("variables", name)

    def is_secure(self, name: str) -> bool:
        """Whether a parameter's value is a secret."""
        return str(self.spec(name).get("type")).lower() in ("securestring", "secureobject")


_MAX_REFERENCES = 10


def _by_lower_name(members: Json) -> dict[str, tuple[str, Json]]:
    """Members by lower-case name, with the name as it is written."""
    return {name.lower(): (name, value) for name, value in members.items()} if isinstance(members, dict) else {}


def _variables(members: Json) -> tuple[dict[str, tuple[str, Json]], dict[str, tuple[int, dict[str, Json]]]]:
    """Variables, and those that a top-level ``copy`` makes, with their index in it."""
    plain = _by_lower_name(members)
    _, copies = plain.get("copy", ("", None))
    if not isinstance(copies, list) or not all(isinstance(copy, dict) and "input" in copy for copy in copies):
        return plain, {}
    del plain["copy"]
    return plain, {str(copy.get("name")).lower(): (index, copy) for index, copy in enumerate(copies)}


def _functions(namespaces: Json) -> dict[str, dict[str, Json]]:
    """User-defined functions by lower-case ``namespace.name``."""
    found: dict[str, dict[str, Json]] = {}
    for namespace in namespaces if isinstance(namespaces, list) else []:
        members = namespace.get("members") if isinstance(namespace, dict) else None
        for name, function in members.items() if isinstance(members, dict) else ():
            if isinstance(function, dict):
                found[f"{namespace.get('namespace')}.{name}".lower()] = function
    return found
