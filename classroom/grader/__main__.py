from .cli import main

main(prog_name="python -m classroom.grader")
