"""Programs: what a traced step becomes.

`ir` the objects, `text` their printed form and its parser, `verify` the grammar, `trace` the backend that
writes programs, `interpret` the definition of what a program means. By its own name, for whoever needs it:
`formula`, another form for reading.
"""

from .interpret import interpret
from .ir import Instruction, Parameter, Program, Value
from .text import format_program, parse_program
from .trace import Symbol, TraceBackend
from .verify import verify

__all__ = [
    "Instruction",
    "Parameter",
    "Program",
    "Symbol",
    "TraceBackend",
    "Value",
    "format_program",
    "interpret",
    "parse_program",
    "verify",
]
