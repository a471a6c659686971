"""Answers to the visible checks of assignment 6."""

from tests.classroom.snippets import visible

RIGHT, WRONG = visible(6)
