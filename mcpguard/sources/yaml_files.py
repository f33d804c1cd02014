"""YAML files other than the manifest: answers of ``az … -o yaml``, container apps, APIOps configuration, Foundry projects.

A file is parsed only when its text shows one of these; any other YAML is left alone unread.
"""

from __future__ import annotations

from mcpguard.core.patterns import LazyPattern
from mcpguard.evidence import Json
from mcpguard.sources import apiops_configuration, azd, detect, foundry
from mcpguard.sources.reading import Reading
from mcpguard.sources.yaml_text import YamlError, read_yaml

_RESOURCE = LazyPattern(
    rb"""(?mi)^(?:- +| *)(?:id *: *["']?/subscriptions/|type *: *["']?Microsoft\.[a-z]+/|managedEnvironmentId *:)"""
)


def may_be_ours(data: bytes) -> bool:
    """Whether a text is worth parsing."""
    return (
        bool(_RESOURCE.search(data))
        or apiops_configuration.may_be_configuration(data)
        or foundry.may_be_project(data)
        or azd.may_be_project(data)
    )


def _is_telling(data: bytes, path: str) -> bool:
    return bool(_RESOURCE.search(data)) or apiops_configuration.is_named_so(path)


def take_yaml(reading: Reading) -> bool:
    """Take a file whose text looks like ours; False when what it holds is not."""
    text = reading.data.decode("utf-8", "replace")
    try:
        tree = read_yaml(text)
    except YamlError as error:
        # A key that only might be ours, or prose in which one stands, is no reason to call a file broken.
        if not (_is_telling(reading.data, reading.path) and reading.path.lower().endswith((".yaml", ".yml"))):
            return False
        reading.fail(error.message, len(text[: error.offset].encode()))
        return True
    reading.text_format = "yaml"
    if not _take(reading, tree.value):
        return False
    detect.note_repeated_keys(reading, list(tree.repeated))
    return True


def _take(reading: Reading, value: Json) -> bool:
    if not isinstance(value, dict):
        return isinstance(value, list) and detect.take_value(reading, value)
    if apiops_configuration.is_configuration(value, reading.path):
        apiops_configuration.take_configuration(reading, value)
        return True
    has_services = azd.take_services(reading, value)
    return detect.take_value(reading, value) or has_services
