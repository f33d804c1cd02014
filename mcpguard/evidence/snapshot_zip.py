"""A snapshot in one file: a zip of the same names and bytes, in order and without times, so that equal ones are equal files."""

import os
import zipfile
from pathlib import Path

from mcpguard.evidence.snapshot import CLAIMS, MANIFEST, POLICIES, RESOURCES

_NO_TIME = (1980, 1, 1, 0, 0, 0)
_PLAIN_FILE = 0o100644 << 16


def pack(folder: Path, target: Path) -> None:
    """Write the finished snapshot in ``folder`` to the file ``target``, whole or not at all."""
    files = [folder / MANIFEST, folder / CLAIMS]
    files += sorted(file for top in (RESOURCES, POLICIES) for file in (folder / top).rglob("*") if file.is_file())
    part = target.with_name(target.name + ".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            member = zipfile.ZipInfo(file.relative_to(folder).as_posix(), _NO_TIME)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = _PLAIN_FILE
            with file.open("rb") as source, archive.open(member, "w") as packed:
                while data := source.read(1 << 20):
                    packed.write(data)
    os.replace(part, target)  # noqa: PTH105 - says that it is one step
