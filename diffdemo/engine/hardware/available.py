"""How much memory this process may take: of what there is, of what its container gets, and of what its shell allows."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from diffdemo.models.spec import GB

GUESS = 8 * GB
"""Where the system does not say."""


def available_memory(root: Path = Path("/")) -> int:
    """The least of all limits, in bytes.

    Args:
        root: of the file system in which the kernel tells about control groups.
    """
    return min([_of_computer(), *_of_groups(root), *_of_process()])


def _of_computer() -> int:
    """In bytes; a cautious guess where the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return GUESS


def _of_process() -> list[int]:
    """The limit on the address space (`ulimit -v`), if there is one."""
    try:
        import resource
    except ImportError:  # Not on Windows.
        return []
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    return [] if soft == resource.RLIM_INFINITY else [soft]


def _of_groups(root: Path) -> list[int]:
    """The limits of the control groups that this process is in, and of those that these are in.

    Source: the kernel's documentation, cgroup-v2 (`memory.max`) and cgroup-v1/memory (`memory.limit_in_bytes`).
    """
    limits = []
    for folder, name in _group_files(root):
        # A file that is not there, or says "max", sets no limit; nor does one that the kernel cannot have written.
        with contextlib.suppress(OSError, ValueError):
            limits.append(int((folder / name).read_text(encoding="ascii")))
    return [limit for limit in limits if limit > 0]


def _group_files(root: Path) -> Iterator[tuple[Path, str]]:
    """Folder and name of every file that may set a limit."""
    mounted = root / "sys/fs/cgroup"
    # What a container sees is often mounted as if its own group were the root of all, whatever its name outside.
    yield mounted, "memory.max"
    yield mounted / "memory", "memory.limit_in_bytes"
    for controllers, group in _groups(root):
        base, name = (mounted, "memory.max") if not controllers else (mounted / "memory", "memory.limit_in_bytes")
        if not controllers or "memory" in controllers:
            for outer in (group, *group.parents):
                yield base / str(outer).lstrip("/"), name


def _groups(root: Path) -> Iterator[tuple[list[str], PurePosixPath]]:
    """Controllers and path of each group that the process is in; version 2 has one group and names no controllers."""
    try:
        text = (root / "proc/self/cgroup").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    for line in text.splitlines():
        _, _, rest = line.partition(":")
        controllers, separator, path = rest.partition(":")
        group = PurePosixPath(path)
        if separator and ".." not in group.parts:
            yield [name for name in controllers.split(",") if name], group
