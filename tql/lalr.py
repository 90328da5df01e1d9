"""Runs the grammar's tables: cuts a text into tokens, shifts and reduces.

lark works the tables out and makes the callbacks; its own loop would do too, but takes twice as long, for it
climbs from a literal to an expression one rule at a time. A text that this loop cannot read to its end is
left to lark's, whose errors know what was expected.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lark import Lark
from lark.grammar import Rule, Terminal
from lark.lexer import TerminalDef

_COMMON = {"__IGNORE_0", "COMMA", "LPAR", "RPAR", "INT", "NAME"}
"""Tried first. No other terminal begins as these do and fits."""


class Token:
    """A piece of the text that the grammar gives a name."""

    __slots__ = ("end_pos", "start_pos", "type", "value")

    def __init__(self, type: str, value: str, start_pos: int, end_pos: int) -> None:
        self.type = type
        self.value = value
        self.start_pos = start_pos
        self.end_pos = end_pos


@dataclass(frozen=True, slots=True)
class _Reduction:
    """So many values become one."""

    size: int
    symbol: str
    callback: Callable[[list[Any]], Any]
    is_unit: bool  # the value stays what it is


class Machine:
    """The parser's loop; without state, so one serves every thread."""

    def __init__(self, lark: Lark) -> None:
        parser: Any = lark.parser.parser
        lexer: Any = lark.parser.lexer.root_lexer
        table, callbacks = parser._parse_table, parser.parser.callbacks
        reductions: dict[int, _Reduction] = {}
        kept: set[str] = set()

        def action(argument: Any) -> int | _Reduction:
            if not isinstance(argument, Rule):
                return int(argument)
            kept.update(s.name for s in argument.expansion if isinstance(s, Terminal) and not s.filter_out)
            if id(argument) not in reductions:
                reductions[id(argument)] = _reduction(argument, callbacks[argument])
            return reductions[id(argument)]

        self._actions = {
            state: {symbol: action(argument) for symbol, (_, argument) in row.items()}
            for state, row in table.states.items()
        }
        self._kept = frozenset(kept)
        self._ignored = lexer.ignore_types
        self._starts, self._ends = table.start_states, table.end_states
        self._jumps: dict[tuple[int, str, str], int] = {}
        contextual = [terminal for terminal in lexer.terminals if terminal.priority > 0]
        plain = [terminal for terminal in lexer.terminals if terminal.priority == 0]
        plain.sort(key=lambda terminal: terminal.name not in _COMMON)
        self._tokens = re.compile("|".join(map(_group, plain)))
        self._contextual = {
            state: re.compile("|".join(map(_group, found)))
            for state, row in self._actions.items()
            if (found := [terminal for terminal in contextual if terminal.name in row])
        }

    def parse(self, text: str, start: str) -> Any:
        """What the callbacks made of the text; None where it cannot be read."""
        actions, jumps, contextual, tokens = self._actions, self._jumps, self._contextual, self._tokens
        ignored, kept, reduce_ = self._ignored, self._kept, self._reduce
        states = [self._starts[start]]
        values: list[Any] = []
        position = 0
        while position < len(text):
            state = states[-1]
            match = contextual[state].match(text, position) if state in contextual else None
            match = match or tokens.match(text, position)
            if match is None:
                return None
            begin, position = match.span()
            kind = match.lastgroup
            assert kind is not None
            if kind in ignored:
                continue
            while True:
                action = actions[states[-1]].get(kind)
                if action is None:
                    return None
                if isinstance(action, int):
                    states.append(action)
                    values.append(Token(kind, match.group(), begin, position) if kind in kept else None)
                    break
                reduce_(action, states, values)
                key = (states[-1], action.symbol, kind)
                states.append(jumps[key] if key in jumps else self._jump(key))
        return self._finish(start, states, values)

    @staticmethod
    def _reduce(reduction: _Reduction, states: list[int], values: list[Any]) -> None:
        size = reduction.size
        if size == 0:
            values.append(reduction.callback([]))
            return
        children = values[-size:]
        del states[-size:], values[-size:]
        values.append(reduction.callback(children))

    def _jump(self, key: tuple[int, str, str]) -> int:
        """The state behind a symbol, and behind all rules that would only pass its value on before `kind`."""
        below, symbol, kind = key
        state = self._actions[below][symbol]
        assert isinstance(state, int)
        following = self._actions[state].get(kind)
        while isinstance(following, _Reduction) and following.is_unit:
            state = self._actions[below][following.symbol]
            assert isinstance(state, int)
            following = self._actions[state].get(kind)
        self._jumps[key] = state
        return state

    def _finish(self, start: str, states: list[int], values: list[Any]) -> Any:
        while states[-1] != self._ends[start]:
            action = self._actions[states[-1]].get("$END")
            if not isinstance(action, _Reduction):
                return None
            self._reduce(action, states, values)
            following = self._actions[states[-1]][action.symbol]
            assert isinstance(following, int)
            states.append(following)
        return values[-1]


def _group(terminal: TerminalDef) -> str:
    return f"(?P<{terminal.name}>{terminal.pattern.to_regexp()})"


def _reduction(rule: Rule, callback: Callable[[list[Any]], Any]) -> _Reduction:
    only = rule.expansion[0] if len(rule.expansion) == 1 else None
    passes_on = only is not None and not only.is_term and not only.name.startswith("_")
    is_unit = bool(passes_on and rule.options.expand1 and rule.alias is None)
    return _Reduction(len(rule.expansion), rule.origin.name, callback, is_unit)
