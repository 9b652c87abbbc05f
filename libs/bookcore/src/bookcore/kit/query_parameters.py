"""Refuses query parameters that a route does not have, and repeated ones that have a single value.

A route without query parameters that is not in the OpenAPI document is a page: browsers and links add
parameters of their own to it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from types import UnionType
from typing import Union, get_args, get_origin

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel, BeforeValidator

from bookcore.domain.errors import Invalid

_LONGEST_NAME = 40
_MOST_NAMED = 5
_BLANK = "give a value, or leave the parameter out"


@dataclass(frozen=True, slots=True)
class QueryParameters:
    """Names of all query parameters of a route, and of those that may be repeated."""

    known: frozenset[str]
    repeatable: frozenset[str]


NO_PARAMETERS = QueryParameters(frozenset(), frozenset())


class QueryCheck:
    """A FastAPI dependency of every route.

    `app.state.query_hints`, if there are any, say by unknown name what to do instead.
    """

    def __init__(self) -> None:
        self._by_route: dict[int, QueryParameters] = {}

    async def __call__(self, request: Request) -> None:
        """Raises: Invalid with every unknown or repeated name."""
        route = request.scope.get("route")
        if not request.scope["query_string"] or not isinstance(route, APIRoute):
            return
        parameters = self._by_route.get(id(route))
        if parameters is None:
            parameters = self._by_route[id(route)] = _list_parameters(route)
        if parameters.known or route.include_in_schema:
            names = [name for name, _ in request.query_params.multi_items()]
            check_names(names, parameters, hints=getattr(request.app.state, "query_hints", {}))


def check_names(
    names: Sequence[str], parameters: QueryParameters, *, hints: Mapping[str, str] | None = None
) -> None:
    """Raises: Invalid with every name that is unknown, or repeated with one value expected."""
    unknown = [name for name in dict.fromkeys(names) if name not in parameters.known]
    reasons = {name: _explain_unknown(name, parameters.known, hints or {}) for name in unknown}
    single = parameters.known - parameters.repeatable
    reasons |= {
        name: "give it once" for name in dict.fromkeys(names) if name in single and names.count(name) > 1
    }
    if reasons:
        first, *others = list(reasons.items())[:_MOST_NAMED]
        text = "; ".join([first[1], *(f"{_shorten(name)}: {reason}" for name, reason in others)])
        raise Invalid(text, field=_shorten(first[0]))


def split_commas(values: object) -> object:
    """The values of a repeatable parameter: `a, b` means `a` and `b`. For values that have no comma.

    Raises: ValueError for a blank value.
    """
    if not isinstance(values, list | tuple):
        return values
    found = [part.strip() for value in values for part in str(value).split(",")]
    if not any(found):
        raise ValueError(_BLANK)
    return [part for part in found if part]


def refuse_blanks(values: object) -> object:
    """Raises: ValueError for a blank value, which would match nothing."""
    if isinstance(values, list | tuple) and not all(str(value).strip() for value in values):
        raise ValueError(_BLANK)
    return values


CommaSeparated = BeforeValidator(split_commas)
"""In the `Annotated` of a repeatable parameter: its values may also be separated by commas."""
CommasInside = BeforeValidator(refuse_blanks)
"""In the `Annotated` of a repeatable parameter whose values may have commas inside."""


def _explain_unknown(name: str, known: Iterable[str], hints: Mapping[str, str]) -> str:
    if name in hints:
        return hints[name]
    names = sorted(known)
    near = get_close_matches(name.lower().replace("-", "_"), names, n=1)
    if near:
        return f"is not a parameter here; did you mean {near[0]}?"
    return f"is not a parameter here; known are {', '.join(names)}" if names else "no parameter is known here"


def _shorten(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…"


def _list_parameters(route: APIRoute) -> QueryParameters:
    fields = list(_iterate_fields(route.dependant))
    lists = [name for name, annotation in fields if _is_list(annotation)]
    return QueryParameters(frozenset(name for name, _ in fields), frozenset(lists))


def _iterate_fields(dependant: Dependant) -> Iterator[tuple[str, object]]:
    """Name and type of each query parameter, those of dependencies and of parameter models included."""
    for field in dependant.query_params:
        annotation = field.field_info.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            for name, inner in annotation.model_fields.items():
                yield inner.alias or name, inner.annotation
        else:
            yield field.alias, annotation
    for dependency in dependant.dependencies:
        yield from _iterate_fields(dependency)


def _is_list(annotation: object) -> bool:
    if get_origin(annotation) in (Union, UnionType):
        return any(_is_list(part) for part in get_args(annotation))
    return get_origin(annotation) in (list, tuple, set, frozenset)
