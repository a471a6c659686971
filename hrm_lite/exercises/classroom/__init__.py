"""The visible checks of the classroom's assignments, a module for each, and what the project is trained and scored "
"by."""
