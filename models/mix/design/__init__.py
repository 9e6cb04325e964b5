"""From panel and spec to arrays: the linear part, the drivers, and every prior."""
