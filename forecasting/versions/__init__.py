"""Versions of a forecast that finance can lock: states, overrides, bridge, accuracy.

Pure: frames and events in, frames and facts out. What is stored, and where, is the business of
`liftcast.version_store`. Method and rules: docs/reference/versions.md.
"""
