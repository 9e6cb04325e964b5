"""The compiled likelihood and its sampler: arrays in, draws out.

Nothing here knows what a driver or a territory is called.
"""
