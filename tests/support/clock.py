# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets the clock of one running engine wrong, which the kernel cannot do: it has one wall clock for all namespaces.

A program of Go reads the clock through the kernel's vDSO, a piece of code that is mapped into each process. In the one
process that is to go wrong, C(clock_gettime) there is replaced by code that asks the kernel and adds some seconds to
the wall clock. The monotonic clock stays right, as on a machine whose clock was set wrong. Only for x86-64.
"""

from __future__ import annotations

import os
import signal
import struct
import time
import typing as t
from pathlib import Path

_SYMBOL = b"__vdso_clock_gettime"
_DYNSYM = 11


def _replacement(seconds: int) -> bytes:
    """Return the code: the system call, and for the wall clock (number 0) an addition to the seconds of the answer."""
    return (
        b"\xb8\xe4\x00\x00\x00"  # mov eax, 228 (clock_gettime)
        b"\x0f\x05"  # syscall
        b"\x85\xff"  # test edi, edi
        b"\x75\x07"  # jne to the end
        b"\x48\x81\x06" + struct.pack("<i", seconds) +  # add qword [rsi], seconds
        b"\xc3"  # ret
    )  # fmt: skip


def shift(pid: int, seconds: int) -> None:
    """Let the wall clock of a running process be wrong by I(seconds), more or less than the machine's.

    :raises RuntimeError: this kernel's vDSO is of another kind.
    """
    begin, end = _mapping(pid)
    with Path(f"/proc/{pid}/mem").open("r+b", buffering=0) as memory:
        memory.seek(begin)
        image = memory.read(end - begin)
        entry = _find(image)
        code = _replacement(seconds)
        room = len(image) - len(code) - 16
        if image[room:].strip(b"\0"):
            raise RuntimeError("the vDSO has no room at its end")
        _freeze_outside(pid, begin, end)
        try:
            memory.seek(begin + room)
            memory.write(code)
            memory.seek(begin + entry)
            memory.write(b"\xe9" + struct.pack("<i", room - (entry + 5)))  # jmp to it
        finally:
            os.kill(pid, signal.SIGCONT)


def _mapping(pid: int) -> tuple[int, int]:
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        if line.endswith("[vdso]"):
            begin, end = line.split(" ", 1)[0].split("-")
            return int(begin, 16), int(end, 16)
    raise RuntimeError(f"process {pid} has no vDSO")


def _find(image: bytes) -> int:
    """Return the offset of the function in the vDSO, which is a small ELF library."""
    (table,) = struct.unpack_from("<Q", image, 40)
    size, count = struct.unpack_from("<HH", image, 58)
    sections = [struct.unpack_from("<IIQQQQIIQQ", image, table + index * size) for index in range(count)]
    for section in sections:
        if section[1] != _DYNSYM:
            continue
        names = sections[section[6]][4]
        for at in range(section[4], section[4] + section[5], 24):
            name, _info, _other, _where, value, _size = struct.unpack_from("<IBBHQQ", image, at)
            text = image[names + name : image.index(b"\0", names + name)]
            if text == _SYMBOL:
                return int(value)
    raise RuntimeError("the vDSO has no clock_gettime")


def _freeze_outside(pid: int, begin: int, end: int) -> None:
    """Stop a process at a moment at which none of its threads is inside the code that is to be replaced."""
    for _attempt in range(50):
        os.kill(pid, signal.SIGSTOP)
        time.sleep(0.02)
        if not any(begin <= counter < end for counter in _counters(pid)):
            return
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.01)
    raise RuntimeError(f"process {pid} is never outside its vDSO")


def _counters(pid: int) -> t.Iterator[int]:
    """Yield where each thread is."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        words = (thread / "syscall").read_text().split()
        if words[-1].startswith("0x"):
            yield int(words[-1], 16)
