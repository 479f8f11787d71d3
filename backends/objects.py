"""Object code that LLVM wrote, in memory and ready to be called, without LLVM.

To read an ELF object and place its sections takes a tenth of a millisecond; to load LLVM's library for the
same takes a tenth of a second. What is not understood here (another format or processor, a relocation that
kernels do not have) is for LLVM to load. Source: the System V ABI, AMD64 supplement, chapter 4.
"""

from __future__ import annotations

import ctypes
import struct
import sys
import weakref
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_RELOCATION = struct.Struct("<QQq")
_MAGIC, _X86_64 = b"\x7fELF\x02\x01\x01", 62
_SYMBOLS, _RELOCATIONS, _ZEROS = 2, 4, 8
"""Types of sections: symbols, relocations with addends, and those that are zeros without content."""
_WRITE, _ALLOCATED = 1, 2
_ABSOLUTE_64, _RELATIVE, _RELATIVE_64, _BY_TABLE = 1, (2, 4), 24, (9, 41, 42)
"""R_X86_64_64, PC32 and PLT32, PC64, and what reads an address from a table: GOTPCREL and its two forms."""
_READ_WRITE, _READ_EXECUTE = 3, 5
_PRIVATE_ANONYMOUS = 0x22
_ALIGNMENT = 64
_JUMP = b"\xff\x25\x02\x00\x00\x00\x90\x90"
"""`jmp *2(%rip)`: to the address 8 bytes behind it."""


class UnknownObjectError(Exception):
    """An object file that is LLVM's to load."""


class Image:
    """Linked code in memory, as long as somebody holds this object.

    Args:
        codes: object files that call nothing of each other.

    Raises:
        UnknownObjectError: they are not what is understood here, or the system gives no memory for code.
    """

    def __init__(self, codes: Sequence[bytes]) -> None:
        if not sys.platform.startswith("linux"):
            raise UnknownObjectError(sys.platform)
        objects = [_Object(code) for code in codes]
        size = 0
        for one in objects:
            size = one.place(size)
        stubs = {
            name: size + 16 * i
            for i, name in enumerate(dict.fromkeys(n for o in objects for n in o.missing()))
        }
        size += 16 * len(stubs)
        memory = bytearray(size)
        base = _mapped(size)
        # not at exit, where a thread may still run in it
        weakref.finalize(self, _library().munmap, base, size).atexit = False
        for name, at in stubs.items():
            memory[at : at + 16] = _JUMP + _address_of(name).to_bytes(8, "little")
        self._addresses: dict[str, int] = {}
        for one in objects:
            one.link(memory, base, stubs)
            self._addresses |= {n: base + at for n, at in one.defined().items()}
        ctypes.memmove(base, bytes(memory), size)
        if _library().mprotect(base, size, _READ_EXECUTE):
            raise UnknownObjectError("no memory that can be run")

    def get_function_address(self, name: str) -> int:
        """Where a function begins."""
        return self._addresses[name]


class _Section(NamedTuple):
    name: int
    type: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    alignment: int
    entry: int


class _Symbol(NamedTuple):
    name: int
    info: int
    other: int
    section: int
    value: int
    size: int


class _Object:
    """One object file: its sections, and where they come to lie."""

    def __init__(self, code: bytes) -> None:
        header = _HEADER.unpack_from(code)
        if not code.startswith(_MAGIC) or header[2] != _X86_64:
            raise UnknownObjectError("another format")
        begin, each, count = header[6], header[11], header[12]
        self.code = code
        self.sections = [_Section(*_SECTION.unpack_from(code, begin + i * each)) for i in range(count)]
        self.symbols: list[_Symbol] = []
        self.names = b""
        for section in self.sections:
            if section.type == _SYMBOLS:
                content = self._content(section)
                self.symbols = [_Symbol(*found) for found in _SYMBOL.iter_unpack(content)]
                self.names = self._content(self.sections[section.link])
        names = self._content(self.sections[header[13]])
        self.places = {
            i: 0
            for i, s in enumerate(self.sections)
            if s.flags & _ALLOCATED and s.size and not names.startswith(b".eh_frame", s.name)
        }
        if any(self.sections[i].flags & _WRITE for i in self.places):
            raise UnknownObjectError("data that is written")

    def _content(self, section: _Section) -> bytes:
        return self.code[section.offset : section.offset + section.size]

    def _name(self, symbol: _Symbol) -> str:
        return self.names[symbol.name : self.names.index(b"\0", symbol.name)].decode()

    def place(self, at: int) -> int:
        """Give every section its place from `at` on; returns where the last one ends."""
        for i in self.places:
            alignment = max(_ALIGNMENT, self.sections[i].alignment)
            self.places[i] = at = -(-at // alignment) * alignment
            at += self.sections[i].size
        return at

    def missing(self) -> list[str]:
        """Functions of the system's libraries."""
        return [self._name(s) for s in self.symbols[1:] if s.section == 0]

    def defined(self) -> dict[str, int]:
        """The places of functions that are visible outside."""
        return {
            self._name(s): self.places[s.section] + s.value
            for s in self.symbols
            if s.info >> 4 and s.section in self.places
        }

    def link(self, memory: bytearray, base: int, stubs: dict[str, int]) -> None:
        """Write the sections to their places in `memory`, which is going to lie at `base`."""
        for i, at in self.places.items():
            section = self.sections[i]
            if section.type != _ZEROS:
                memory[at : at + section.size] = self._content(section)
        for section in self.sections:
            if section.type == _RELOCATIONS and section.info in self.places:
                at = self.places[section.info]
                for offset, info, addend in _RELOCATION.iter_unpack(self._content(section)):
                    self._relocate(memory, base, stubs, at + offset, info, addend)

    def _relocate(
        self, memory: bytearray, base: int, stubs: dict[str, int], at: int, info: int, addend: int
    ) -> None:
        kind, symbol = info & 0xFFFFFFFF, self.symbols[info >> 32]
        if symbol.section == 0:
            target = stubs[self._name(symbol)] + (8 if kind in _BY_TABLE else 0)
        elif symbol.section in self.places and kind not in _BY_TABLE:
            target = self.places[symbol.section] + symbol.value
        else:
            raise UnknownObjectError(f"relocation {kind}")
        if kind == _ABSOLUTE_64:
            memory[at : at + 8] = (base + target + addend).to_bytes(8, "little", signed=True)
        elif kind == _RELATIVE_64:
            memory[at : at + 8] = (target + addend - at).to_bytes(8, "little", signed=True)
        elif kind in _RELATIVE or kind in _BY_TABLE:
            memory[at : at + 4] = (target + addend - at).to_bytes(4, "little", signed=True)
        else:
            raise UnknownObjectError(f"relocation {kind}")


@cache
def _library() -> Any:
    """The C library of this process."""
    library = ctypes.CDLL(None)
    pointer, size, number = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
    library.mmap.argtypes = [pointer, size, number, number, number, ctypes.c_long]
    library.mmap.restype = pointer
    library.munmap.argtypes = [pointer, size]
    library.mprotect.argtypes = [pointer, size, number]
    return library


def _mapped(size: int) -> int:
    found = _library().mmap(None, max(size, 1), _READ_WRITE, _PRIVATE_ANONYMOUS, -1, 0)
    if found in (None, ctypes.c_void_p(-1).value):
        raise UnknownObjectError("no memory")
    return int(found)


def _address_of(name: str) -> int:
    try:
        return int(ctypes.cast(getattr(_library(), name), ctypes.c_void_p).value or 0)
    except AttributeError:
        raise UnknownObjectError(name) from None
