"""Python estimators of attribution: frames in, frozen results out."""
