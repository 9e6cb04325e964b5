"""`python -m liftcast` is the command line."""

from liftcast.cli import main

if __name__ == "__main__":  # processes of a large forecast import it again
    main()
