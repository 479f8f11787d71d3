"""Mutation testing of gradient rules: put a fault into a rule, and see whether the checks notice.

A tester is worth what it rejects. `mutants(op, sample)` yields an op's gradient rules with one fault each;
`kill_rate(ops)` puts them before the checks. `python -m mutation`, from the
folder tests, or `python3 run.py mutation` does so for the whole library.
"""

from .campaign import Report, Result, kill_rate
from .changes import KINDS
from .mutant import Mutant, RuleSubject, mutants

__all__ = ["KINDS", "Mutant", "Report", "Result", "RuleSubject", "kill_rate", "mutants"]
