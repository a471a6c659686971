"""Answers to the visible checks of assignment 3."""

from tests.classroom.snippets import visible

RIGHT, WRONG = visible(3)
