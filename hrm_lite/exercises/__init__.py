"""The exercises of the chapters, checked at once: what is wrong with an answer, and why; never what the answer is.

A chapter's checks stand in a module of its number. ``tests/exercises`` holds each to right and to wrong answers.
"""

from .base import Verdict, check, judge, numbers

__all__ = ["Verdict", "check", "judge", "numbers"]
