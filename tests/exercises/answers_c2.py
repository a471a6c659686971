"""Answers to the visible checks of assignment 2."""

from tests.classroom.snippets import visible

RIGHT, WRONG = visible(2)
