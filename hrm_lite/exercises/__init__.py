"""The exercises of the chapters and the classroom, checked at once: what is wrong, and why; never what the answer is.

A chapter's checks stand in a module of its number, an assignment's in `classroom`. ``tests/exercises`` holds each to
right and to wrong answers.
"""

from .base import Verdict, check, expression, judge, numbers

__all__ = ["Verdict", "check", "expression", "judge", "numbers"]
