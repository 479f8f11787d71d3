"""Planted faults: what shows that the tests find faults, `python3 run.py planted`. `faults/` holds them as small patches."""
