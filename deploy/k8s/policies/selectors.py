"""Label selectors as Kubernetes reads them."""

from collections.abc import Mapping

from deploy.k8s.merging import Object

from bookcore.domain.errors import Invalid


def matches(selector: Object, labels: Mapping[str, str]) -> bool:
    """Whether labels satisfy matchLabels and matchExpressions; an empty selector matches all."""
    wanted = selector.get("matchLabels", {}).items()
    return wanted <= labels.items() and all(
        _matches_expression(each, labels) for each in selector.get("matchExpressions", ())
    )


def _matches_expression(expression: Object, labels: Mapping[str, str]) -> bool:
    value, values = labels.get(expression["key"]), expression.get("values", ())
    if expression["operator"] == "In":
        return value in values
    if expression["operator"] == "Exists":
        return value is not None
    raise Invalid(f"the operator {expression['operator']!r} of a selector is not supported")
