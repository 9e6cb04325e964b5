"""Journeys: from paths of touches to exact credit for every channel, with intervals.

```python
from models.journeys import attribute, read_paths

result = attribute(read_paths(frame), order="auto")
result.credit()  # channel, rule, conversions, value, p05, p95
```
"""

from models.journeys.credit import DEFAULT_RULES, RULES, Attribution, attribute
from models.journeys.paths import Paths, read_paths

__all__ = ["DEFAULT_RULES", "RULES", "Attribution", "Paths", "attribute", "read_paths"]
