"""Answers to the visible checks of assignment 1."""

from tests.classroom.snippets import visible

RIGHT, WRONG = visible(1)
