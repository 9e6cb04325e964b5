"""`python -m liftcast` is the command line."""

from liftcast.cli import main

main()
