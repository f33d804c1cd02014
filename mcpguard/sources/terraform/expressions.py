"""The configuration in a plan: which expression gives an attribute its value.

The configuration holds references (``azurerm_api_management.main.id``), not the whole expression, so a reference says
where a value comes from but not whether something is put around it.
"""

from __future__ import annotations

from mcpguard.evidence import Json
from mcpguard.sources.door import object_at

AFTER_APPLY = "known after apply"
"""What is said of a value that no expression gives."""
_MAX_TEXT = 160


class Configuration:
    """The blocks of a plan's configuration, by module and name; a state has none."""

    def __init__(self, root: dict[str, Json]) -> None:
        self._modules: dict[tuple[str, ...], dict[str, Json]] = {}
        self._blocks: dict[tuple[tuple[str, ...], bool, str, str], dict[str, Json]] = {}
        todo: list[tuple[tuple[str, ...], dict[str, Json]]] = [((), root)]
        while todo:
            calls, module = todo.pop()
            self._modules[calls] = module
            resources = module.get("resources")
            for block in resources if isinstance(resources, list) else ():
                if isinstance(block, dict) and isinstance(block.get("type"), str) and isinstance(block.get("name"), str):
                    key = calls, block.get("mode") != "data", block["type"], block["name"]
                    self._blocks[key] = object_at(block, "expressions")
            for name in object_at(module, "module_calls"):
                todo.append(((*calls, name), object_at(module, "module_calls", name, "module")))

    def block(self, calls: tuple[str, ...], type: str, name: str, *, managed: bool) -> dict[str, Json]:
        """The expressions of a resource's block; empty when the plan does not hold them."""
        return self._blocks.get((calls, managed, type, name), {})

    def argument(self, calls: tuple[str, ...], variable: str) -> Json:
        """The expression that a module call gives to a variable; None in the root module."""
        if not calls:
            return None
        module = self._modules.get(calls[:-1], {})
        return object_at(module, "module_calls", calls[-1], "expressions").get(variable)

    def output(self, calls: tuple[str, ...], name: str) -> Json:
        """The expression of a module's output."""
        return object_at(self._modules.get(calls, {}), "outputs", name).get("expression")


def step_into(expression: Json, step: str | int) -> Json:
    """The expression of a member; a reference for the whole object or list stands for each of its members."""
    if isinstance(expression, dict):
        if isinstance(step, str) and not _is_leaf(expression):
            return expression.get(step)
        return expression if _is_leaf(expression) else None
    if isinstance(expression, list) and isinstance(step, int) and step < len(expression):
        return expression[step]
    return None


def _is_leaf(expression: dict[str, Json]) -> bool:
    return isinstance(expression.get("references"), list) or "constant_value" in expression


def references_in(expression: Json) -> list[str]:
    """The references of an expression, each once and without those that are the beginning of another."""
    found = expression.get("references") if isinstance(expression, dict) else None
    texts = [text for text in found if isinstance(text, str)] if isinstance(found, list) else []
    return [
        text
        for index, text in enumerate(texts)
        if text not in texts[:index] and not any(other.startswith((f"{text}.", f"{text}[")) for other in texts)
    ]


def text_of(expression: Json) -> str:
    """What is said of a value that is not known yet."""
    found = ", ".join(references_in(expression))
    return found[:_MAX_TEXT] or AFTER_APPLY
