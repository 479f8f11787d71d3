"""What targets of whole programs share: the CPU (`backends.native`) and CUDA
devices (`backends.cuda`, `cupy`).

`calls` what runs one after the other, `lowering` from the groups of a program to calls,
`executable` a program that is ready to run, `inspection` looking inside one. A target adds
its kernels, and how they are run.
"""
