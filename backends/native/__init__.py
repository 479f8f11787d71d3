"""Programs as machine code for the CPU: kernels written as LLVM text, one driver, one block of memory.

From a traced program to its run: `lower` finds kernels for groups, `schedule` orders them and lays
out memory, `loops`, `product` and `special` write them, `build` compiles the module and keeps it on
disk, `executable` runs it. Needs llvmlite (Numba's own compiler) and, for large products,
scipy-openblas32; both are imported late.
"""

from .executable import Executable
from .threads import threads

__all__ = ["Executable", "threads"]
