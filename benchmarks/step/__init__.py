"""A training step in every framework that is installed: `python -m benchmarks step`.

`problems.py` says what is computed, `measure.py` when a time counts, one file per framework how it computes it, and
`command.py` and `plot.py` how it is run and shown. A contestant runs as `python -m benchmarks.step NAME ...`.
"""
