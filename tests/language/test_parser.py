"""The parser: lexical rules, precedence, every clause, spans and limits."""

from __future__ import annotations

import marshal
import random
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from language.query_strategies import expressions, statements
from tql import ast
from tql.errors import QuerySyntaxError, QueryValueError, TQLError
from tql.keywords import RESERVED
from tql.parser import MAX_DEPTH, parse, parse_expression
from tql.printer import to_text

small = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def walk(node: ast.Node) -> Iterator[ast.Node]:
    yield node
    for child in ast.children(node):
        yield from walk(child)


def select(text: str) -> ast.Select:
    body = parse(text).body
    assert isinstance(body, ast.Select)
    return body


# --- lexical rules ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("007", 7),
        ("9223372036854775807", 2**63 - 1),
        ("18446744073709551615", 2**64 - 1),
        ("0" * 5000 + "1", 1),
        ("5.", 5.0),
        (".5", 0.5),
        ("2.5E-1", 0.25),
        ("1e3", 1000.0),
        ("1.e+2", 100.0),
        ("TRUE", True),
        ("fAlSe", False),
        ("''", ""),
        ("'it''s'", "it's"),
        ("''''", "'"),
        ("'a\nb -- c # d'", "a\nb -- c # d"),
        (r"'\n'", r"\n"),
    ],
)
def test_literals(text: str, value: object) -> None:
    assert parse_expression(text) == ast.Literal(value)  # type: ignore[arg-type]


def test_the_least_int64_is_a_negated_literal() -> None:
    assert parse_expression("-9223372036854775808") == ast.Unary("-", ast.Literal(2**63))


@pytest.mark.parametrize("text", [str(2**64), "1" * 5000, "1e999"])
def test_numbers_beyond_all_types_are_refused(text: str) -> None:
    with pytest.raises(QueryValueError, match=r"larger than|too large"):
        parse_expression(text)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("labels", "labels"),
        ("Labels", "Labels"),
        ('"labels"', "labels"),
        ('"select"', "select"),
        ('"group/tensor"', "group/tensor"),
        ('"it\'s"', "it's"),
        ("selected", "selected"),
        ("order_1", "order_1"),
        *(
            (word, word)
            for word in ["key", "time", "space", "date", "index", "file", "table", "format", "count"]
        ),
    ],
)
def test_names(text: str, name: str) -> None:
    assert parse_expression(text) == ast.Name(name)


@pytest.mark.parametrize("word", sorted(RESERVED - {"true", "false"}))
def test_reserved_words_are_no_names(word: str) -> None:
    with pytest.raises(TQLError):
        parse_expression(word)
    assert parse_expression(f'"{word}"') == ast.Name(word)


def test_the_reserved_words_are_those_of_the_grammar() -> None:
    grammar = (files("tql") / "grammar" / "tql.lark").read_text()
    listed = grammar.split("(?!(?:")[1].split(")")[0].split("|")
    assert sorted(listed) == sorted(RESERVED)


@pytest.mark.parametrize(
    "text",
    [
        "select*where id>4and b",
        "SELECT\t*\r\nWhErE id > 4 AND b",
        "select * where id > 4 -- it's so\nand b",
        "# first\nselect * where id > 4 and b # last",
        "select * where id > 4 and b ; ;",
        "select *, where id > 4 and b",
    ],
)
def test_layout_case_and_comments_do_not_matter(text: str) -> None:
    if "4and" in text:  # a number ends where a word begins: that is no number
        with pytest.raises(QuerySyntaxError, match="neither a number nor a name"):
            parse(text)
    else:
        assert parse(text) == parse("select * where id > 4 and b")


def test_a_double_minus_is_a_comment() -> None:
    assert parse_expression("a --b\n- c") == parse_expression("a - c")
    assert parse_expression("a - -b") == ast.Binary("-", ast.Name("a"), ast.Unary("-", ast.Name("b")))


# --- precedence ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("i = 1 or i = 2 and b", "(i = 1) or ((i = 2) and b)"),
        ("not a and b", "(not a) and b"),
        ("not a in (1)", "not (a in (1))"),
        ("not a between 1 and 2 and b", "(not (a between 1 and 2)) and b"),
        ("not a = b", "not (a = b)"),
        ("not not a", "not (not a)"),
        ("i > 0 = b", "(i > 0) = b"),
        ("b = i > 0", "b = (i > 0)"),
        ("a = b in (true)", "(a = b) in (true)"),
        ("a = b not between 0 and 1", "(a = b) not between 0 and 1"),
        ("a like 'x' in (true)", "(a like 'x') in (true)"),
        ("a not like 'x' not in (true)", "(a not like 'x') not in (true)"),
        ("x > 0 is null", "x > (0 is null)"),
        ("a + b is null = c", "((a + b) is null) = c"),
        ("a between b + 1 and c * 2", "a between (b + 1) and (c * 2)"),
        ("a - b - c", "(a - b) - c"),
        ("a / b * c % d", "((a / b) * c) % d"),
        ("a + b * c", "a + (b * c)"),
        ("-a * b", "(-a) * b"),
        ("-v[0]", "-(v[0])"),
        ("v[0][1]", "(v[0])[1]"),
        ("a == b", "a = b"),
        ("a <> b", "a != b"),
        ("x isnull", "x is null"),
    ],
)
def test_precedence(text: str, same: str) -> None:
    assert parse_expression(text) == parse_expression(same)


# --- clauses ------------------------------------------------------------------------------------------------


def test_every_clause_in_one_query() -> None:
    text = (
        "select top 5 distinct t.*, count(*) as n from t as u where a expand by 1 2 overlap false as w "
        "group by b, c having d across space ungroup by split order by e asc, f desc "
        "limit 10 percent offset 1 sample by max_weight(g: 5, true: 1) replace false limit 3"
    )
    a, b, c, d, e, f, g = map(ast.Name, "abcdefg")
    weights = ast.WeightCases(
        "max_weight", (ast.WeightCase(g, ast.Literal(5)), ast.WeightCase(ast.Literal(True), ast.Literal(1)))
    )
    assert parse(text) == ast.Statement(
        ast.Select(
            (ast.Star("t"), ast.SelectItem(ast.CountStar(), "n")),
            ast.TableName("t", "u"),
            a,
            ast.Expand(1, 2, False, "w"),
            ast.GroupBy((b, c), d, "space"),
            ast.Ungroup(None),
            5,
            True,
        ),
        (ast.OrderKey(e), ast.OrderKey(f, True)),
        ast.Limit(ast.Literal(10), True, ast.Literal(1)),
        ast.SampleBy(weights, False, ast.Literal(3)),
    )


@pytest.mark.parametrize(
    ("clause", "kind"),
    [
        ("join", "inner"),
        ("inner join", "inner"),
        ("left join", "left"),
        ("left outer join", "left"),
        ("right outer join", "right"),
        ("full join", "full"),
        ("full outer join", "full"),
        ("outer join", "full"),
    ],
)
def test_joins(clause: str, kind: str) -> None:
    source = select(
        f"select * from a x {clause} (select b) y on x.c = y.c cross join z {clause} w using (d)"
    ).source
    assert isinstance(source, ast.Join) and isinstance(source.left, ast.Join)
    first = source.left.left
    assert isinstance(first, ast.Join) and isinstance(first.right, ast.SubQuery)
    assert (first.kind, source.left.kind, source.kind) == (kind, "cross", kind)
    assert (source.on, source.using) == (None, "d")


def test_set_operations_are_left_associative_and_nest() -> None:
    a, b, c = (ast.Select((ast.SelectItem(ast.Name(name)),)) for name in "abc")
    flat = ast.SetOperation("intersect", ast.SetOperation("union", a, b, True), c)
    assert parse("select a union all select b intersect select c") == ast.Statement(flat)
    assert parse("((select a) union all (select b)) intersect select c") == ast.Statement(flat)
    nested = ast.SetOperation("union", a, ast.SetOperation("except", b, c))
    assert parse("select a union (select b except select c)") == ast.Statement(nested)


def test_clauses_behind_the_last_operand_belong_to_the_whole() -> None:
    statement = parse("(select a limit 1) union select b order by a limit 2")
    assert isinstance(statement.body, ast.SetOperation)
    assert statement.limit == ast.Limit(ast.Literal(2))
    assert statement.body.left == parse("select a limit 1")
    assert isinstance(statement.body.right, ast.Select)


def test_parameters_are_numbered_in_the_order_of_the_text() -> None:
    text = "select ?, a where b in (?, '?', ?) and c = array[?] limit ? offset ?"
    found = [node for node in walk(parse(text)) if isinstance(node, ast.Parameter)]
    assert sorted(node.index for node in found) == list(range(6))
    assert [node.index for node in sorted(found, key=lambda node: node.span.start)] == list(range(6))


def test_bare_and_quoted_names_are_equal_but_told_apart() -> None:
    bare, quoted = parse_expression("cat"), parse_expression('"cat"')
    assert bare == quoted
    assert isinstance(bare, ast.Name) and isinstance(quoted, ast.Name)
    assert (bare.quoted, quoted.quoted) == (False, True)


@pytest.mark.parametrize(
    "text", ["max_weight(labels == 5: 10, true: 1)", "labels", "1", "sum_weight(a or b: -1.5)"]
)
def test_weight_expressions_stand_alone(text: str) -> None:
    assert parse(f"select * sample by {text}").sample == ast.SampleBy(parse_expression(text))


@pytest.mark.parametrize("text", ["", "a, b", "select a", "a;", "a from t", "a as b"])
def test_only_an_expression_stands_alone(text: str) -> None:
    with pytest.raises(QuerySyntaxError):
        parse_expression(text)


# --- spans --------------------------------------------------------------------------------------------------


def test_spans_cover_exactly_their_pieces() -> None:
    text = (
        "select  a + 1 as b , t.* from  (select * limit 3) as t "
        'where not ( f( -x ) >= "y" [1:, 0 ] )  order by z desc'
    )
    pieces = {text[node.span.start : node.span.end] for node in walk(parse(text))}
    assert pieces == {
        text,
        text[: text.index("  order")],
        "a + 1 as b",
        "a + 1",
        "a",
        "1",
        "t.*",
        "(select * limit 3) as t",
        "select * limit 3",
        "select *",
        "*",
        "limit 3",
        "3",
        'not ( f( -x ) >= "y" [1:, 0 ] )',
        '( f( -x ) >= "y" [1:, 0 ] )',
        "f( -x )",
        "-x",
        "x",
        '"y" [1:, 0 ]',
        '"y"',
        "1:",
        "0",
        "z desc",
        "z",
    }


def test_a_call_knows_where_its_name_stands() -> None:
    call = parse_expression("  Shape ( x )")
    assert isinstance(call, ast.Call)
    assert (call.function, call.name_span.start, call.name_span.end) == ("shape", 2, 7)


@small
@given(expressions())
def test_the_text_of_an_expression_parses_to_it_again(expression: ast.Expr) -> None:
    text = to_text(expression)
    for node in walk(parse_expression(text)):
        piece = text[node.span.start : node.span.end]
        assert piece == piece.strip() != ""
        if isinstance(node, ast.Expr) and not any(isinstance(inner, ast.Parameter) for inner in walk(node)):
            assert parse_expression(piece) == node


@small
@given(statements())
def test_children_lie_within_their_parents(statement: ast.Statement) -> None:
    for node in walk(parse(to_text(statement))):
        inner = [child.span for child in ast.children(node)]
        assert all(node.span.start <= span.start < span.end <= node.span.end for span in inner)


# --- limits -------------------------------------------------------------------------------------------------


def test_parentheses_nest_without_end() -> None:
    assert parse_expression("(" * 5000 + "a" + ")" * 5000) == ast.Name("a")
    assert parse("(" * 5000 + "select a" + ")" * 5000) == parse("select a")


@pytest.mark.parametrize(
    "text",
    [
        "not " * 5000 + "a",
        "- " * 5000 + "a",
        "f(" * 5000 + "a" + ")" * 5000,
        "array[" * 5000 + "1" + "]" * 5000,
        "a" + "[0]" * 5000,
        "a" + " + a" * 5000,
    ],
)
def test_trees_that_are_too_deep_are_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(QuerySyntaxError, match=f"nested too deeply: more than {MAX_DEPTH} levels"):
        parse_expression(text)


@pytest.mark.parametrize("head", ["select * from (" * 5000, "(" * 5000, "select f(" * 3, "not " * 5000])
def test_deep_mistakes_are_still_explained(head: str) -> None:
    with pytest.raises(TQLError):
        parse(head + "from")


def test_the_deepest_tree_can_be_compared_hashed_and_printed() -> None:
    text = "select " + "not " * (MAX_DEPTH - 4) + "a"
    statement = parse(text)
    assert statement == parse(text)
    assert hash(statement) == hash(parse(text))
    assert to_text(statement) == text
    assert "Name" in repr(statement)


@pytest.mark.parametrize("operator", ["and", "or"])
def test_a_long_chain_is_no_deep_tree(operator: str) -> None:
    text = f" {operator} ".join(f"a = {index}" for index in range(10_000))
    expression = parse_expression(text)
    assert to_text(expression) == text


def test_a_long_list_and_a_large_query() -> None:
    expression = parse_expression(f"a in ({', '.join(map(str, range(10_000)))})")
    assert isinstance(expression, ast.InList)
    assert expression.items[-1] == ast.Literal(9999)
    text = f"select * where a = '{'x' * 1_000_000}' or b = ''''"
    assert len(to_text(parse(text))) == len(text)


# --- robustness ---------------------------------------------------------------------------------------------

TOKENS = [
    *sorted(RESERVED),
    "a",
    "max_weight",
    '"b c"',
    "1",
    "2.5",
    "'t'",
    *"?,.:;()[]+-*/%=<>!&|^@{}'\"\\é\0",
    "==",
    "\n",
]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from(TOKENS), max_size=14),
    st.booleans(),
    st.sampled_from(["", "select * ", "select * where "]),
)
def test_any_text_is_parsed_or_explained(tokens: list[str], spaced: bool, head: str) -> None:
    text = head + (" " if spaced else "").join(tokens)
    for function in (parse, parse_expression):
        try:
            node = function(text)
        except TQLError as error:
            assert error.query == text
            assert error.message[0].islower() or error.message[0] in "'\"(,:;)["
            assert not error.message.endswith(".")
            assert not any(name in str(error) for name in ("LPAR", "RSQB", "$END", "Token("))
            if error.span is not None:
                assert 0 <= error.span.start <= error.span.end <= len(text)
        else:
            assert function(to_text(node)) == node


@small
@given(statements(), st.randoms(use_true_random=False))
def test_a_query_with_a_piece_lost_is_parsed_or_explained(
    statement: ast.Statement, randomness: random.Random
) -> None:
    words = to_text(statement).split(" ")
    del words[randomness.randrange(len(words))]
    try:
        parse(" ".join(words))
    except TQLError as error:
        assert str(error)


def test_importing_the_package_does_not_import_the_parser_generator() -> None:
    code = "import sys, tql, tql.ast, tql.printer; print('lark' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"


def test_the_tables_of_the_build_fit_the_grammar() -> None:
    tables = pytest.importorskip("tql._parser_tables", reason="built without lark")
    assert (files("tql") / "grammar" / "tql.lark").read_text(encoding="utf-8") == tables.GRAMMAR, (
        "run make build"
    )
    assert sys.implementation.cache_tag == tables.PYTHON
    assert set(marshal.loads(tables.TABLES)) == {"data", "memo"}
