"""Programs as CUDA C: kernels as text and the calls that run them. Needs no device and no
library; `backends.cupy` runs them.

`lower` finds kernels for the groups of a plan, `elements`, `rows`, `columns`, `product` and `moving` write
them, `kernel` is the text while it is written, `scalar` one instruction of it.
"""
