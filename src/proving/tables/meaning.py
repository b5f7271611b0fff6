"""What a query's text means for each table that it reads: its template, its conditions, what it may be pruned by.

Everything here errs to the wide side: what is not understood demands nothing, so no row is ever pruned wrongly, and a
text that cannot be parsed still runs.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from proving.tables.conditions import ColumnOf, domain_of, predicate_of
from proving.tables.files import Kind
from proving.tables.predicates import EVERYTHING, Domain, Predicate, both
from proving.tables.workload import Conjunct

Columns = Mapping[str, Kind]  # column -> how it is compared

# These give another answer when the same rows lie in another order.
ORDER_DEPENDENT = (
    exp.First,
    exp.Last,
    exp.AnyValue,
    exp.ArrayAgg,
    exp.GroupConcat,
    exp.Rand,
    exp.TableSample,
    exp.Window,
    exp.Limit,
    exp.Offset,
    exp.Fetch,
    exp.Distinct,
)
ORDER_DEPENDENT_NAMES = {
    "first",
    "last",
    "arbitrary",
    "list",
    "string_agg",
    "random",
    "uuid",
    "gen_random_uuid",
    "now",
    "current_timestamp",
    "arg_min",
    "arg_max",
    "min_by",
    "max_by",
    "mode",
    "approx_quantile",
    "reservoir_quantile",
}


@dataclass(frozen=True)
class Meaning:
    """What a text asks.

    Attributes:
        template: Fingerprint of the text without its constants; empty where it cannot be parsed.
        columns: The columns that it names, of the registered tables.
        conjuncts: The conditions at the top of its WHERE clauses.
        needs: By table, what a row has to meet to matter for the answer.
        is_repeatable: The answer does not depend on the order in which rows lie.
    """

    template: str
    columns: tuple[str, ...]
    conjuncts: tuple[Conjunct, ...]
    needs: Mapping[str, Predicate]
    is_repeatable: bool


def meaning_of(sql: str, tables: Mapping[str, Columns]) -> Meaning:
    """Return what `sql` means, given the columns of the tables that it may read (names in lower case)."""
    try:
        tree = sqlglot.parse_one(sql, dialect="duckdb")
    except (SqlglotError, RecursionError):
        return Meaning("", (), (), dict.fromkeys(tables, EVERYTHING), is_repeatable=False)
    shadowed = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    needs: dict[str, Predicate] = {}
    conjuncts: list[Conjunct] = []
    for reference in tree.find_all(exp.Table):
        name = reference.name.lower()
        if name not in tables:
            continue
        predicate = EVERYTHING if name in shadowed else _need(reference, tables, conjuncts)
        needs[name] = _more(needs.get(name, ()), predicate)
    known = {column.lower() for name in needs for column in tables[name]}
    columns = sorted({column.name for column in tree.find_all(exp.Column) if column.name.lower() in known})
    return Meaning(_template(tree), tuple(columns), tuple(conjuncts), needs, _is_repeatable(tree))


def _more(one: Predicate, other: Predicate) -> Predicate:
    return EVERYTHING if {} in one or {} in other else (*one, *other)


def _need(reference: exp.Table, tables: Mapping[str, Columns], conjuncts: list[Conjunct]) -> Predicate:
    """Return what rows of one reference to a table have to meet; adds the conditions that it sees to `conjuncts`."""
    select = reference.find_ancestor(exp.Select)
    if select is None or reference.args.get("sample") or select.args.get("sample"):
        return EVERYTHING
    origin = select.args.get("from_")
    joins: list[exp.Join] = select.args.get("joins") or []
    is_first = origin is not None and origin.this is reference
    if not is_first and not any(join.this is reference for join in joins):
        return EVERYTHING
    if any(not _keeps_rows_apart(join) for join in joins):
        return EVERYTHING
    # Rows on the side that an outer join may leave out must all be there: one row less makes a row of NULLs more.
    if any(join.side for join in joins) and not is_first:
        return EVERYTHING
    conditions = [select.args["where"].this] if select.args.get("where") else []
    conditions += [join.args["on"] for join in joins if join.args.get("on") and not join.side]
    columns = tables[reference.name.lower()]
    lowered = {column.lower(): column for column in columns}
    alias = reference.alias_or_name.lower()

    def column_of(node: exp.Expr) -> tuple[str, Kind] | None:
        if not isinstance(node, exp.Column) or node.args.get("db") or node.table.lower() not in ("", alias):
            return None
        column = lowered.get(node.name.lower())
        return None if column is None else (column, columns[column])

    predicate = EVERYTHING
    for condition in conditions:
        predicate = both(predicate, predicate_of(condition, column_of))
        parts = condition.flatten() if isinstance(condition, exp.And) else [condition]
        conjuncts.extend(_conjunct(part, reference.name.lower(), column_of) for part in parts)
    return predicate


def _keeps_rows_apart(join: exp.Join) -> bool:
    """Whether it is an inner, cross or left join of the plain kind."""
    return not join.method and join.kind in ("", "INNER", "CROSS", "OUTER") and join.side in ("", "LEFT")


def _conjunct(node: exp.Expr, table: str, column_of: ColumnOf) -> Conjunct:
    text = node.sql(dialect="duckdb")
    found = domain_of(node, column_of)
    if found is None:
        return Conjunct("", "", "other", None, None, (), text)
    column, domain = found
    return _described(table, column, domain, text)


def _described(table: str, column: str, domain: Domain, text: str) -> Conjunct:
    points = domain.points
    if points and not domain.has_null:
        return Conjunct(table, column, "set", points[0], points[-1], points, text)
    if len(domain.intervals) == 1 and not domain.has_null:
        [(start, end)] = domain.intervals
        return Conjunct(table, column, "range", start and start[0], end and end[0], (), text)
    return Conjunct(table, column, "other", None, None, (), text)


def _template(tree: exp.Expr) -> str:
    """Return a fingerprint that queries share that differ only in constants, letter case and order of conjuncts."""
    bare = tree.copy()
    for node in list(bare.find_all(exp.In)):
        count = len(node.expressions)
        if count and all(isinstance(member, exp.Literal) for member in node.expressions):
            length = "one" if count == 1 else "few" if count <= 10 else "many"
            node.set("expressions", [exp.Placeholder(this=length)])
    for literal in list(bare.find_all(exp.Literal)):
        literal.replace(exp.Placeholder())
    for negative in list(bare.find_all(exp.Neg)):
        if isinstance(negative.this, exp.Placeholder):
            negative.replace(exp.Placeholder())
    for conjunction in list(bare.find_all(exp.And)):
        if not isinstance(conjunction.parent, exp.And):
            parts = sorted(conjunction.flatten(), key=lambda part: part.sql(dialect="duckdb"))
            conjunction.replace(exp.and_(*(part.copy() for part in parts), copy=False))
    text = bare.sql(dialect="duckdb", normalize=True, comments=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _is_repeatable(tree: exp.Expr) -> bool:
    for node in tree.find_all(*ORDER_DEPENDENT):
        # DISTINCT inside an aggregate, or without ON, is a set: its rows are the same in any order.
        if not isinstance(node, exp.Distinct) or node.args.get("on"):
            return False
    return not any(
        isinstance(node, exp.Func)
        and (node.name if isinstance(node, exp.Anonymous) else node.sql_name()).lower() in ORDER_DEPENDENT_NAMES
        for node in tree.find_all(exp.Func)
    )
