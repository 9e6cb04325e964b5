"""YAML read as text, lists and keyed values, with nothing guessed and nothing run."""

from __future__ import annotations

from typing import Any

import yaml

from ingestion.wording import quoted


class NotPlainError(Exception):
    """The text is not plain YAML; `line` is where, counted from 1, or None."""

    def __init__(self, problem: str, line: int | None) -> None:
        super().__init__(problem)
        self.line = line


class _TextLoader(yaml.BaseLoader):
    """Every scalar as text; no tags are obeyed; a key twice or an alias is an error."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem="aliases are not used here", problem_mark=mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                problem = "a key must be plain text"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key_node.start_mark)
            if key_node.value in seen:
                problem = f"the key {quoted(key_node.value)} stands twice"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key_node.start_mark)
            seen.add(key_node.value)
        return super().construct_mapping(node, deep)


def parse(content: bytes) -> Any:
    """Parse YAML: every scalar is text, so that `NO` is Norway and `null` a word.

    Raises:
        NotPlainError: not YAML, a key twice, or an alias.
    """
    try:
        # BaseLoader, which builds text, lists and dicts only, is safer than SafeLoader.
        return yaml.load(content, Loader=_TextLoader)  # noqa: S506
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "it cannot be parsed"
        raise NotPlainError(problem, mark.line + 1 if mark else None) from error
