"""Stages of the pipeline and their command line."""
