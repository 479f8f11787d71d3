"""The same work beside every peer that is installed: `python -m benchmarks`.

Every contestant runs in its own process, without the variables that hold OpenBLAS back on some machines, and in turn
with the others. Its result is checked before its time counts.
"""
