"""Programs: what a traced step becomes.

`ir` the objects, `text` their printed form and its parser, `formula` another form for reading, `verify` the grammar,
`trace` the backend that writes programs, `interpret` the definition of what a program means.
"""

from .formula import format_formula
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
    "format_formula",
    "format_program",
    "interpret",
    "parse_program",
    "verify",
]
