"""Runs the grammar's tables: cuts a text into tokens, shifts and reduces.

lark works the tables out and makes the callbacks; its own loop would do too, but takes twice as long, for it
climbs from a literal to an expression one rule at a time, and forgets where a mistake begins.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from lark import Lark
from lark.grammar import Rule, Terminal
from lark.lexer import TerminalDef

_COMMON = ("NAME", "COMMA", "LPAR", "RPAR", "_WORD", "INT")
"""Tried first. No other terminal begins as these do and fits."""

_WORD = re.compile(r"[a-z]+\\b")


class Token:
    """A piece of the text that the grammar gives a name."""

    __slots__ = ("end_pos", "start_pos", "type", "value")

    def __init__(self, type: str, value: str, start_pos: int, end_pos: int) -> None:
        self.type = type
        self.value = value
        self.start_pos = start_pos
        self.end_pos = end_pos


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Where a text stops making sense: the offset of the first token that cannot stand where it stands (the
    length of the text at the end), and the names of the terminals that could."""

    position: int
    expected: frozenset[str]


@dataclass(frozen=True, slots=True)
class Overlong:
    """A text of more tokens than were asked for: the offset behind the last of these."""

    position: int


@dataclass(frozen=True, slots=True)
class _Reduction:
    """So many values become one."""

    size: int
    symbol: str
    callback: Callable[[list[Any]], Any]
    is_unit: bool  # the value stays what it is


_Step = _Reduction | tuple[str, int, int] | None
"""A reduction; a token that is kept, as its terminal, start and end; or one that is not."""


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
        self._starts, self._ends = table.start_states, table.end_states
        self._jumps: dict[tuple[int, str, str], int] = {}
        self._blank, self._tokens, self._keywords = _lexer(lexer.terminals, lexer.ignore_types)
        contextual = [terminal for terminal in lexer.terminals if terminal.priority > 0]
        self._contextual = {
            state: re.compile(f"{self._blank.pattern}(?:{'|'.join(map(_group, found))})")
            for state, row in self._actions.items()
            if (found := [terminal for terminal in contextual if terminal.name in row])
        }

    def parse(self, text: str, start: str, most_tokens: int) -> Any:
        """What the callbacks made of the text, `Unreadable`, or `Overlong` for more than `most_tokens`.

        They are called once the whole text has been read, so that a mistake costs no tree.
        """
        steps = self._steps(text, start, most_tokens)
        return _built(steps, text) if isinstance(steps, list) else steps

    def _steps(self, text: str, start: str, most_tokens: int) -> list[_Step] | Unreadable | Overlong:
        actions, jumps, contextual, tokens = self._actions, self._jumps, self._contextual, self._tokens
        kept, keywords = self._kept, self._keywords
        states = [self._starts[start]]
        steps: list[_Step] = []
        position = 0
        for _ in range(most_tokens + 1):
            state = states[-1]
            match = contextual[state].match(text, position) if state in contextual else None
            match = match or tokens.match(text, position)
            kind = match.lastgroup if match is not None else None
            if match is None or kind is None:
                break
            begin, position = match.span(kind)
            if kind == "_WORD":
                kind = keywords.get(match[kind].lower(), kind)
            # What reductions take off the stack: the token may be found to be wrong only after some, and what
            # could have stood in its place is a matter of the stack before them.
            taken: list[int] = []
            height = len(states)
            while True:
                action = actions[states[-1]].get(kind)
                if action is None:
                    return Unreadable(begin, self._expected(states[:height] + taken[::-1]))
                if isinstance(action, int):
                    states.append(action)
                    steps.append((kind, begin, position) if kind in kept else None)
                    break
                size = action.size
                if size:
                    if len(states) - size < height:
                        taken += states[height - 1 : -size - 1 : -1]
                        height = len(states) - size
                    del states[-size:]
                steps.append(action)
                key = (states[-1], action.symbol, kind)
                states.append(jumps[key] if key in jumps else self._jump(key))
        else:
            return Overlong(position)
        blank = self._blank.match(text, position)
        position = position if blank is None else blank.end()
        before = states.copy()
        if position < len(text) or not self._finish(states, self._ends[start], steps):
            return Unreadable(position, self._expected(before))
        return steps

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

    def _finish(self, states: list[int], end: int, steps: list[_Step]) -> bool:
        """Reduces to the end; False where the text cannot end here."""
        while states[-1] != end:
            action = self._actions[states[-1]].get("$END")
            if not isinstance(action, _Reduction):
                return False
            self._go_back(action, states)
            steps.append(action)
        return True

    def _expected(self, states: list[int]) -> frozenset[str]:
        """The terminals that the text can go on with, not only those for which it can be reduced."""
        return frozenset(
            kind for kind in self._actions[states[-1]] if kind.isupper() and self._fits(kind, states)
        )

    def _fits(self, kind: str, states: list[int]) -> bool:
        action = self._actions[states[-1]].get(kind)
        if not isinstance(action, _Reduction):
            return action is not None
        states = states.copy()
        while isinstance(action, _Reduction):
            self._go_back(action, states)
            action = self._actions[states[-1]].get(kind)
        return action is not None

    def _go_back(self, reduction: _Reduction, states: list[int]) -> None:
        if reduction.size:
            del states[-reduction.size :]
        state = self._actions[states[-1]][reduction.symbol]
        assert isinstance(state, int)
        states.append(state)


def _lexer(
    terminals: Sequence[TerminalDef], ignored: Collection[str]
) -> tuple[re.Pattern[str], re.Pattern[str], dict[str, str]]:
    """Patterns of white space and of a token behind it, and the terminals of words: those are one token."""
    plain = [terminal for terminal in terminals if terminal.priority == 0]
    skipped = [terminal.pattern.to_regexp() for terminal in plain if terminal.name in ignored]
    words = [terminal for terminal in plain if _WORD.fullmatch(terminal.pattern.value)]
    groups = {t.name: _group(t) for t in plain if t.name not in ignored and t not in words}
    groups["_WORD"] = r"(?P<_WORD>[A-Za-z]+\b)"
    first = [groups.pop(name) for name in _COMMON]
    blank = f"(?:{'|'.join(skipped)})*+"
    token = f"{blank}(?:{'|'.join([*first, *groups.values()])})"
    by_word = {word.pattern.value.removesuffix("\\b"): word.name for word in words}
    return re.compile(blank), re.compile(token), by_word


def _built(steps: list[_Step], text: str) -> Any:
    values: list[Any] = []
    for step in steps:
        if step is None:
            values.append(None)
        elif isinstance(step, tuple):
            kind, begin, end = step
            values.append(Token(kind, text[begin:end], begin, end))
        elif step.size == 0:
            values.append(step.callback([]))
        else:
            children = values[-step.size :]
            del values[-step.size :]
            values.append(step.callback(children))
    return values[-1]


def _group(terminal: TerminalDef) -> str:
    return f"(?P<{terminal.name}>{terminal.pattern.to_regexp()})"


def _reduction(rule: Rule, callback: Callable[[list[Any]], Any]) -> _Reduction:
    only = rule.expansion[0] if len(rule.expansion) == 1 else None
    passes_on = only is not None and not only.is_term and not only.name.startswith("_")
    is_unit = bool(passes_on and rule.options.expand1 and rule.alias is None)
    return _Reduction(len(rule.expansion), rule.origin.name, callback, is_unit)
