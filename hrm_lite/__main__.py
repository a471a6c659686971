"""`python -m hrm_lite`: the command line where its script is not on the PATH."""

from .cli import main

if __name__ == "__main__":
    main(prog_name="hrm-lite")
