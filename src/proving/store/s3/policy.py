"""Bucket policies: statements that allow or deny, read strictly and evaluated as AWS does.

Pure functions of a document and a question. What a statement says and is not understood here makes the whole document
MalformedPolicy: a rule that is kept but not carried out would be worse than none. Source: "Bucket policies" in the S3
user guide and "IAM JSON policy elements" in the IAM user guide.
"""

import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from proving.store.s3.errors import Refused

SIZE_LIMIT_BYTES = 20 * 1024
_ELEMENTS = frozenset(("Sid", "Effect", "Principal", "Action", "Resource", "Condition"))
_VERSIONS = ("2012-10-17", "2008-10-17")
_ARN = "arn:aws:s3:::"
_USER_ARN = re.compile(r"arn:aws:iam::[0-9]*:user/(.+)")
# What a condition may be about.
KEYS = frozenset(
    ("aws:sourceip", "aws:securetransport", "aws:referer", "aws:useragent", "s3:prefix", "s3:delimiter", "s3:max-keys")
)


class Question(NamedTuple):
    """What somebody wants to do.

    Attributes:
        access_key: who asks; None for anybody, unsigned.
        action: such as "s3:GetObject".
        resource: the bucket, or bucket and key with a slash between.
        facts: what conditions may ask for, by the names in `KEYS`; what is not known is left out.
    """

    access_key: str | None
    action: str
    resource: str
    facts: Mapping[str, str]


Matches = Callable[[str], bool]
Test = Callable[[str | None], bool]
"""Whether a fact is as a condition wants it; None stands for one that is not known."""


@dataclass(frozen=True)
class Statement:
    """One statement, ready to be asked.

    Attributes:
        is_allowing: whether it allows; else it denies.
        principals: access keys; None for everybody.
        actions: matches an action in lower case.
        resources: matches a resource.
        conditions: all must hold: the name of a fact, and what it must be like.
    """

    is_allowing: bool
    principals: frozenset[str] | None
    actions: Matches
    resources: Matches
    conditions: tuple[tuple[str, Test], ...]

    def covers(self, question: Question) -> bool:
        """Return whether the statement speaks of what is asked."""
        return (
            (self.principals is None or question.access_key in self.principals)
            and self.actions(question.action.lower())
            and self.resources(question.resource)
            and all(holds(question.facts.get(name)) for name, holds in self.conditions)
        )


@dataclass(frozen=True)
class BucketPolicy:
    """All statements of a bucket."""

    statements: tuple[Statement, ...]

    def decides(self, question: Question) -> bool | None:
        """Return True for allowed, False for denied, which comes first, and None where nothing is said."""
        covering = [statement.is_allowing for statement in self.statements if statement.covers(question)]
        return all(covering) if covering else None

    @property
    def is_public(self) -> bool:
        """Whether anybody may do something, whatever the circumstances."""
        return any(each.is_allowing and each.principals is None and not each.conditions for each in self.statements)


def policy_of(document: bytes, bucket: str) -> BucketPolicy:
    """Return the policy that a document gives for a bucket.

    Raises:
        Refused: MalformedPolicy, and why.
    """
    if len(document) > SIZE_LIMIT_BYTES:
        raise _malformed("Policies must not be larger than 20 KB")
    try:
        table = json.loads(document)
    except (ValueError, RecursionError):
        raise _malformed("This policy contains invalid Json") from None
    if not isinstance(table, dict) or not table.keys() <= {"Version", "Id", "Statement"}:
        raise _malformed("A policy has Version, Id and Statement, and nothing else")
    if table.get("Version", _VERSIONS[1]) not in _VERSIONS:
        raise _malformed("The policy must contain a valid version string")
    statements = table.get("Statement")
    given = [statements] if isinstance(statements, dict) else statements
    if not isinstance(given, list) or not given:
        raise _malformed("Missing required field Statement")
    return BucketPolicy(tuple(_statement(entry, bucket) for entry in given))


def _statement(entry: object, bucket: str) -> Statement:
    if not isinstance(entry, dict):
        raise _malformed("A statement must be an object")
    unknown = sorted(entry.keys() - _ELEMENTS)
    if unknown:
        raise _malformed(f"{unknown[0]} is not understood here")
    if entry.get("Effect") not in ("Allow", "Deny"):
        raise _malformed("Invalid effect: it must be Allow or Deny")
    actions = _texts(entry.get("Action"), "Action")
    if any(action != "*" and not action.lower().startswith("s3:") for action in actions):
        raise _malformed("Policy has invalid action")
    resources = [resource.removeprefix(_ARN) for resource in _texts(entry.get("Resource"), "Resource")]
    for resource, told in zip(resources, _texts(entry.get("Resource"), "Resource"), strict=True):
        if not told.startswith(_ARN) or resource.partition("/")[0] != bucket:
            raise _malformed("Policy has invalid resource")
    conditions = entry.get("Condition", {})
    if not isinstance(conditions, dict):
        raise _malformed("A Condition must be an object")
    return Statement(
        entry["Effect"] == "Allow",
        _principals(entry.get("Principal")),
        _any_of([action.lower() for action in actions]),
        _any_of(resources),
        tuple(test for operator, wanted in conditions.items() for test in _tests(operator, wanted)),
    )


def _principals(entry: object) -> frozenset[str] | None:
    """Return access keys; a user's ARN ends in one."""
    if isinstance(entry, dict) and entry.keys() == {"AWS"}:
        entry = entry["AWS"]
    elif entry != "*":
        raise _malformed("Invalid principal in policy")
    names = _texts(entry, "Principal")
    if "*" in names:
        return None
    found = [match[1] if (match := _USER_ARN.fullmatch(name)) else name for name in names]
    if any(set(name) & set("*:/") for name in found):
        raise _malformed("Invalid principal in policy")
    return frozenset(found)


def _tests(operator: object, wanted: object) -> list[tuple[str, Test]]:
    if not isinstance(wanted, dict) or not wanted:
        raise _malformed("A condition names what it is about")
    found: list[tuple[str, Test]] = []
    for name, values in wanted.items():
        if name.lower() not in KEYS:
            raise _malformed(f"Policy has an invalid condition key: {name}")
        given = [str(value).lower() if isinstance(value, bool) else value for value in _listed(values)]
        found.append((name.lower(), _test(str(operator), _texts(given, name))))
    return found


def _test(operator: str, values: list[str]) -> Test:
    """Return what tells whether a fact is as wanted; a negated operator holds for what is not known."""
    match operator:
        case "StringEquals" | "Bool":
            return lambda fact: fact in values
        case "StringNotEquals":
            return lambda fact: fact not in values
        case "StringLike" | "StringNotLike":
            matches = _any_of(values)
            is_wanted = operator == "StringLike"
            return lambda fact: (fact is not None and matches(fact)) is is_wanted
        case "IpAddress" | "NotIpAddress":
            networks = [_network(value) for value in values]
            is_wanted = operator == "IpAddress"
            return lambda fact: _is_inside(fact, networks) is is_wanted
    raise _malformed(f"The condition {operator} is not understood here")


_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _network(text: str) -> _Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        raise _malformed(f"Invalid address: {text}") from None


def _is_inside(fact: str | None, networks: list[_Network]) -> bool:
    try:
        address = ipaddress.ip_address(fact or "")
    except ValueError:
        return False
    return any(address in network for network in networks if network.version == address.version)


def _listed(entry: object) -> list[Any]:
    return entry if isinstance(entry, list) else [entry]


def _texts(entry: object, name: str) -> list[str]:
    """Return one text or several; there must be one."""
    texts = _listed(entry)
    if not texts or not all(isinstance(text, str) and text for text in texts):
        raise _malformed(f"Missing or malformed: {name}")
    return texts


def _any_of(patterns: list[str]) -> Matches:
    """Return what tells whether a text is like any of the patterns, in which * is any text and ? any character."""
    matchers = [_like(pattern) for pattern in patterns]
    return lambda text: any(matches(text) for matches in matchers)


def _like(pattern: str) -> Matches:
    """Return what matches one pattern, in time that no pattern makes long: each part is sought once, from the left."""
    texts = pattern.split("*")
    first, *others = [re.compile(re.escape(text).replace(r"\?", "."), re.DOTALL) for text in texts]
    if not others:
        return lambda text: first.fullmatch(text) is not None
    *middle, last = others
    last_size = len(texts[-1])

    def matches(text: str) -> bool:
        found = first.match(text)
        for part in middle:
            found = part.search(text, found.end()) if found is not None else None
        end = len(text) - last_size
        return found is not None and found.end() <= end and last.match(text, end) is not None

    return matches


def _malformed(message: str) -> Refused:
    return Refused("MalformedPolicy", message)
