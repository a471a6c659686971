"""Answers to the visible checks of assignment 4."""

from tests.classroom.snippets import visible

RIGHT, WRONG = visible(4)
