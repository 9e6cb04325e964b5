"""After the estimate: what a plan would bring, and what to spend."""
