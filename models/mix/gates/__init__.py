"""What must hold before an estimate is used; each gate with its number and what to do."""
