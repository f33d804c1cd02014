"""The manifest, ``mcp-inventory.yaml``: found by its ``apiVersion`` and ``kind``, checked by :mod:`mcpguard.governance`."""

from __future__ import annotations

import re

from mcpguard.evidence import Gap, GapReason, Json, RawResource
from mcpguard.evidence.kinds import kind_of
from mcpguard.sources.reading import Reading
from mcpguard.sources.yaml_text import YamlError, read_yaml

FORMAT = "manifest"
_TYPE = "file/manifest"
_MARK = re.compile(rb"""(?m)^(?:kind\s*:\s*["']?McpInventory\b|apiVersion\s*:\s*["']?mcpguard/)""")


def is_manifest_text(data: bytes) -> bool:
    """Whether YAML claims to be a manifest, of whatever version."""
    return bool(_MARK.search(data))


def is_manifest(value: dict[str, Json]) -> bool:
    """Whether a JSON object claims to be a manifest."""
    return value.get("kind") == "McpInventory" or str(value.get("apiVersion")).startswith("mcpguard/")


def take_manifest(reading: Reading, value: dict[str, Json]) -> None:
    """Take it as ``file/manifest``; its members are not looked at."""
    reading.add(RawResource(f"file:{reading.path}", _TYPE, value, reading.at(), FORMAT))


def take_yaml(reading: Reading) -> None:
    """Take a YAML manifest; one that cannot be read is given up and leaves a gap."""
    reading.kind = FORMAT
    text = reading.data.decode("utf-8", "replace")
    try:
        tree = read_yaml(text)
    except YamlError as error:
        reading.fail(error.message, len(text[: error.offset].encode()))
    else:
        if isinstance(tree.value, dict):
            reading.text_format = "yaml"
            for route, name in tree.repeated:
                detail = f"key {name[:80]} occurs twice in one mapping; the last one was used"
                reading.miss(detail, reading.at(*route))
            take_manifest(reading, tree.value)
            return
        reading.fail("the document is no mapping", 0)
    kinds = frozenset({kind_of(_TYPE)})
    detail = f"the manifest {reading.path} could not be read"
    remedy = "repair the file; the place is in the list of files"
    at = reading.failed.at if reading.failed else None
    reading.gaps.append(Gap("", kinds, GapReason.UNPARSABLE, detail, remedy, at))
