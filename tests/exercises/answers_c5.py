"""Answers to the visible checks of assignment 5."""

from tests.classroom.snippets import visible

RIGHT, WRONG = visible(5)
