"""A snapshot in one file: a zip, or a tar packed with zstd, of the same names and bytes, in order and without times or owners.

Equal snapshots give equal files, as far as the library that packs them stays the same. Either is written as a stream.
"""

from __future__ import annotations

import os
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from mcpguard.core.zstd import zstd
from mcpguard.evidence.snapshot import CLAIMS, MANIFEST, POLICIES, RESOURCES

ZIP = ".zip"
TAR_ZST = ".tar.zst"
_NO_TIME = (1980, 1, 1, 0, 0, 0)
_MODE = 0o644
_PLAIN_FILE = (0o100000 | _MODE) << 16
_LEVEL = 9
_CHUNK = 1 << 20


def packer_of(target: Path) -> Callable[[Path, Path], None] | None:
    """What packs a folder into a file of that name; None when the name is that of a folder.

    Raises:
        UsageError: the package that it needs is not installed.
    """
    name = target.name.lower()
    if name.endswith(ZIP):
        return _pack_zip
    if name.endswith(TAR_ZST):
        zstd()
        return _pack_tar
    return None


def pack(folder: Path, target: Path) -> None:
    """Write the finished snapshot in ``folder`` to the file ``target``, whole or not at all.

    Raises:
        UsageError: the package that it needs is not installed.
        ValueError: the name says neither ``.zip`` nor ``.tar.zst``.
    """
    packer = packer_of(target)
    if packer is None:
        raise ValueError(f"{target.name} is not the name of a packed snapshot")
    part = target.with_name(target.name + ".part")
    packer(folder, part)
    os.replace(part, target)  # noqa: PTH105 - says that it is one step


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Names and files, the manifest first, so that a reader knows at once what it has."""
    files = [folder / MANIFEST, folder / CLAIMS]
    files += sorted(file for top in (RESOURCES, POLICIES) for file in (folder / top).rglob("*") if file.is_file())
    return ((file.relative_to(folder).as_posix(), file) for file in files)


def _pack_zip(folder: Path, target: Path) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, file in _files(folder):
            member = zipfile.ZipInfo(name, _NO_TIME)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = _PLAIN_FILE
            with file.open("rb") as source, archive.open(member, "w") as packed:
                while data := source.read(_CHUNK):
                    packed.write(data)


def _pack_tar(folder: Path, target: Path) -> None:
    library = zstd()
    options = {library.CompressionParameter.compression_level: _LEVEL, library.CompressionParameter.checksum_flag: 1}
    with (
        library.ZstdFile(target, "w", options=options) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, file in _files(folder):
            member = tarfile.TarInfo(name)  # no time, no owner
            member.size = file.stat().st_size
            member.mode = _MODE
            with file.open("rb") as source:
                archive.addfile(member, source)
