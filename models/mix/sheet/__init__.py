"""One plain CSV: which column is what, what is guessed, what is refused."""
