"""From a condition in SQL to the values that a column may have; what is not understood demands nothing.

Comparisons follow DuckDB: text by bytes, NaN above every number, NULL meets no comparison. Bounds are exact for whole
numbers, text, dates and timestamps; for floats they are widened to the neighbouring floats, because DuckDB turns a
decimal constant into a float in its own way.
"""

import datetime
import math
import re
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

import numpy as np
from sqlglot import exp

from proving.tables.files import Kind
from proving.tables.predicates import (
    ANY_VALUE,
    EVERYTHING,
    ONLY_NULL,
    Domain,
    Predicate,
    above,
    below,
    both,
    either,
    intersect,
    none_of,
    one_of,
)

ColumnOf = Callable[[exp.Expr], tuple[str, Kind] | None]

FLIPPED: dict[type, type] = {
    exp.LT: exp.GT,
    exp.LTE: exp.GTE,
    exp.GT: exp.LT,
    exp.GTE: exp.LTE,
    exp.EQ: exp.EQ,
    exp.NEQ: exp.NEQ,
}
NEGATED: dict[type, type] = {
    exp.LT: exp.GTE,
    exp.LTE: exp.GT,
    exp.GT: exp.LTE,
    exp.GTE: exp.LT,
    exp.EQ: exp.NEQ,
    exp.NEQ: exp.EQ,
}
MOMENT = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?)?")
WHOLE = re.compile(r"-?\d{1,18}")
UNITS_PER_S = {
    "timestamp[s]": 1,
    "timestamp[ms]": 10**3,
    "timestamp[us]": 10**6,
    "timestamp[ns]": 10**9,
    "date": Fraction(1, 86400),
}
PLAIN_PARTS = frozenset({"this", "expression", "expressions", "low", "high"})
LARGEST_EXACT = 2**53

Constant = int | Decimal | str | datetime.datetime


def predicate_of(node: exp.Expr, column_of: ColumnOf, *, is_negated: bool = False) -> Predicate:
    """Return what the condition demands of the columns that `column_of` knows, or something wider."""
    if isinstance(node, exp.Paren):
        return predicate_of(node.this, column_of, is_negated=is_negated)
    if isinstance(node, exp.Not):
        return predicate_of(node.this, column_of, is_negated=not is_negated)
    if isinstance(node, exp.And | exp.Or):
        join = both if isinstance(node, exp.And) != is_negated else either
        parts = [predicate_of(part, column_of, is_negated=is_negated) for part in node.flatten()]
        result = parts[0]
        for part in parts[1:]:
            result = join(result, part)
        return result
    found = domain_of(node, column_of, is_negated=is_negated)
    return EVERYTHING if found is None else ({found[0]: found[1]},)


def domain_of(node: exp.Expr, column_of: ColumnOf, *, is_negated: bool = False) -> tuple[str, Domain] | None:
    """Return the column that a single condition is about and its domain, or None where it is not understood."""
    if isinstance(node, exp.Paren):
        return domain_of(node.this, column_of, is_negated=is_negated)
    if isinstance(node, exp.Not):
        return domain_of(node.this, column_of, is_negated=not is_negated)
    # sqlglot says some things by a flag (NOT LIKE, BETWEEN SYMMETRIC): what has a flag is not what it looks like.
    if any(value for name, value in node.args.items() if name not in PLAIN_PARTS):
        return None
    operand = node.this
    if type(node) in FLIPPED:
        return _comparison(node, column_of, is_negated)
    about = column_of(operand) if isinstance(operand, exp.Expr) else None
    if about is None:
        return None
    column, kind = about
    domain: Domain | None = None
    if isinstance(node, exp.Is) and isinstance(node.expression, exp.Null):
        domain = ANY_VALUE if is_negated else ONLY_NULL
    elif isinstance(node, exp.Between):
        domain = _between(node, kind, is_negated)
    elif isinstance(node, exp.In) and node.expressions:
        domain = _membership(node, kind, is_negated)
    elif isinstance(node, exp.Like) and not is_negated and kind == "text":
        domain = _prefix(node.expression)
    return None if domain is None else (column, domain)


def _comparison(node: exp.Expr, column_of: ColumnOf, is_negated: bool) -> tuple[str, Domain] | None:
    left, right, operator = node.this, node.expression, type(node)
    if column_of(left) is None:
        left, right, operator = right, left, FLIPPED[operator]
    about = column_of(left)
    value = _constant(right)
    if about is None or value is None:
        return None
    domain = compared(NEGATED[operator] if is_negated else operator, value, about[1])
    return None if domain is None else (about[0], domain)


def compared(operator: type, value: Constant, kind: Kind) -> Domain | None:
    """Return the values x of a column of this kind with `x operator value`, or None where that is not certain."""
    if kind == "text":
        return _ordered(operator, value) if isinstance(value, str) else None
    if kind in ("float", "float32"):
        return _float_domain(operator, value, kind)
    number = _number(value, kind)
    if number is None:
        return None
    whole = math.floor(number)
    if whole == number:
        return _ordered(operator, whole)
    if operator in (exp.LT, exp.LTE):
        return below(whole, included=True)
    return above(whole, included=False) if operator in (exp.GT, exp.GTE) else None


def _ordered(operator: type, value: int | str) -> Domain:
    if operator in (exp.LT, exp.LTE):
        return below(value, included=operator is exp.LTE)
    if operator in (exp.GT, exp.GTE):
        return above(value, included=operator is exp.GTE)
    return one_of((value,)) if operator is exp.EQ else none_of((value,))


def _float_domain(operator: type, value: Constant, kind: Kind) -> Domain | None:
    if not isinstance(value, int | Decimal) or operator is exp.NEQ:
        return None
    kind_of_float = np.float64 if kind == "float" else np.float32
    with np.errstate(over="ignore"):
        near = kind_of_float(float(value))
        low = float(np.nextafter(near, kind_of_float(-math.inf)))
        high = float(np.nextafter(near, kind_of_float(math.inf)))
    if operator in (exp.LT, exp.LTE):
        return below(high, included=True)
    if operator in (exp.GT, exp.GTE):
        return above(low, included=True)
    return intersect(above(low, included=True), below(high, included=True))


def _between(node: exp.Between, kind: Kind, is_negated: bool) -> Domain | None:
    low, high = _constant(node.args["low"]), _constant(node.args["high"])
    if low is None or high is None or is_negated:
        return None
    start, end = compared(exp.GTE, low, kind), compared(exp.LTE, high, kind)
    return None if start is None or end is None else intersect(start, end)


def _membership(node: exp.In, kind: Kind, is_negated: bool) -> Domain | None:
    values: list[int | str] = []
    for member in node.expressions:
        if isinstance(member, exp.Null):
            continue  # Nothing equals NULL; NOT IN with a NULL holds for no row, so leaving it out is the wide side.
        constant = _constant(member)
        if constant is None:
            return None
        domain = compared(exp.EQ, constant, kind)
        points = None if domain is None else domain.points
        # DuckDB turns the whole list into one type first; a list of several kinds of constants is left alone.
        if not points or isinstance(points[0], float) or type(constant) is not type(_constant(node.expressions[0])):
            return None
        values.append(points[0])
    if not values:
        return None
    return none_of(tuple(values)) if is_negated else one_of(tuple(values))


def _prefix(pattern: exp.Expr) -> Domain | None:
    text = _constant(pattern)
    if not isinstance(text, str) or "\\" in text:
        return None
    prefix = re.split(r"[%_]", text, maxsplit=1)[0]
    if prefix == text:
        return one_of((text,))
    if not prefix:
        return ANY_VALUE
    start = above(prefix, included=True)
    last = ord(prefix[-1])
    # The next code point may be no character (a surrogate, or none at all): then only the start is known.
    if last >= 0xD7FF:
        return start
    return intersect(start, below(prefix[:-1] + chr(last + 1), included=False))


def _constant(node: exp.Expr) -> Constant | None:
    if isinstance(node, exp.Paren):
        return _constant(node.this)
    if isinstance(node, exp.Neg):
        value = _constant(node.this)
        return -value if isinstance(value, int | Decimal) else None
    if isinstance(node, exp.Cast) and not isinstance(node, exp.TryCast):
        return _moment_cast(node)
    if not isinstance(node, exp.Literal):
        return None
    if node.is_string:
        return str(node.this)
    text = str(node.this)
    if "e" in text.lower() and abs(float(text)) > LARGEST_EXACT:
        return None
    number = Decimal(text)
    return int(number) if "." not in text and "e" not in text.lower() else number


def _moment_cast(node: exp.Cast) -> datetime.datetime | None:
    if not isinstance(node.this, exp.Literal) or not node.this.is_string:
        return None
    kind = node.to.this
    moment = _moment(str(node.this.this))
    if moment is None:
        return None
    if kind in (exp.DataType.Type.TIMESTAMP, exp.DataType.Type.TIMESTAMPNTZ):
        return moment
    is_midnight = moment == datetime.datetime(moment.year, moment.month, moment.day)
    return moment if kind == exp.DataType.Type.DATE and is_midnight else None


def _moment(text: str) -> datetime.datetime | None:
    match = MOMENT.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, part = match.groups()
    try:
        return datetime.datetime(
            int(year),
            int(month),
            int(day),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            int((part or "0").ljust(6, "0")),
        )
    except ValueError:
        return None


def _number(value: Constant, kind: Kind) -> Fraction | None:
    """Return the constant in the column's own unit, or None where DuckDB would compare in some other way."""
    if kind == "integer":
        if isinstance(value, str):
            return Fraction(int(value)) if WHOLE.fullmatch(value) else None
        return Fraction(value) if isinstance(value, int | Decimal) else None
    if kind not in UNITS_PER_S:
        return None
    is_text = isinstance(value, str)
    moment = _moment(value) if isinstance(value, str) else value
    if not isinstance(moment, datetime.datetime):
        return None
    since = moment - datetime.datetime(1970, 1, 1)
    microseconds = (since.days * 86400 + since.seconds) * 10**6 + since.microseconds
    number = Fraction(microseconds, 10**6) * UNITS_PER_S[kind]
    # Text becomes the column's type, and what that type cannot say would be rounded.
    return None if is_text and number.denominator != 1 else number
