"""Files of its own for a child: it sees them where everybody else sees the machine's.

Rules: nothing on disk is changed; a mount namespace holds the change and ends with the child. It is
called between fork and exec, so that the child keeps its pid and never knows.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# linux/sched.h, linux/mount.h
_CLONE_NEWNS, _CLONE_NEWUSER = 0x00020000, 0x10000000
_MS_BIND, _MS_REC, _MS_PRIVATE = 4096, 16384, 1 << 18
_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def show(files: Mapping[str, Path]) -> None:
    """Put the files in place of those of the machine, for this process alone. Raises OSError.

    `files` is by the path at which each is to be seen, which must exist. Where this takes a user
    namespace (not root), the user stays the same; the kernel forgets PR_SET_PDEATHSIG then, so it
    has to be set afterwards.
    """
    user, group = os.geteuid(), os.getegid()
    if user == 0:
        _check(_libc.unshare(_CLONE_NEWNS), "unshare")
    else:
        _check(_libc.unshare(_CLONE_NEWNS | _CLONE_NEWUSER), "unshare")
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    _check(_libc.mount(None, b"/", None, _MS_REC | _MS_PRIVATE, None), "mount --make-private")
    for place, file in files.items():
        _check(_libc.mount(bytes(file), place.encode(), None, _MS_BIND, None), f"mount on {place}")


@cache
def refusal() -> str:
    """Return why this machine does not permit it; empty: it does."""
    reader, writer = os.pipe()

    def attempt() -> None:
        try:
            show({"/etc/hosts": Path("/dev/null")})
        except OSError as error:
            os.write(writer, str(error).encode())

    try:
        subprocess.run(["true"], preexec_fn=attempt, check=False)  # noqa: S607
        os.set_blocking(reader, False)
        return os.read(reader, 4096).decode()
    except BlockingIOError:
        return ""
    finally:
        os.close(reader)
        os.close(writer)
