"""Writes the parser's tables for a grammar as a Python module: `compile_tables.py GRAMMAR OUTPUT`.

Working the tables out takes a third of a second, reading them a few milliseconds. The build runs this;
tql/parser.py loads the module where it fits the grammar and the interpreter, and works the tables out itself
where not. They are one bytes literal in Python's own format for constants, which is fast even where Python
may not keep the compiled module.
"""

import marshal
import sys
from pathlib import Path

from lark import Lark
from lark.grammar import Rule
from lark.lexer import TerminalDef

OPTIONS = {"start": ["query", "expression"], "parser": "lalr", "lexer": "contextual"}


def main(grammar_path: str, output_path: str) -> None:
    """Compiles the grammar in one file into the module in the other."""
    grammar = Path(grammar_path).read_text(encoding="utf-8")
    data, memo = Lark(grammar, **OPTIONS).memo_serialize([TerminalDef, Rule])
    tables = marshal.dumps({"data": data, "memo": memo})
    module = f"GRAMMAR = {grammar!r}\nPYTHON = {sys.implementation.cache_tag!r}\nTABLES = {tables!r}\n"
    Path(output_path).write_text(module, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
