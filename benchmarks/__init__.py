"""The same work beside every peer that is installed: `python -m benchmarks`.

`contests/` says what is compared, `networks/` holds the networks and how each framework trains them. Outside, `contest.py`
starts every contestant in a process of its own, in turn with the others; inside, `contestant.py` checks and measures.
"""
