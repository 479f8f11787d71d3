"""Networks, their data, and how each framework trains them and predicts with them.

`problems.py` says what is computed, `job.py` what a trainer is given and has to do, `reference.py` what the losses must
be, and one file per framework how it does it. None imports a framework before its trainer is asked for.
"""
