"""docs/reference/http.md: every route of the application, by its own OpenAPI document, with an example."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final, NamedTuple, cast

from starter.web import accounts, clock, operating, original
from starter.web.answers import READS
from starter.web.application import document_of, routes
from starter.web.callers import TELL_NOTHING, TRADERS
from starter.web.problems import MEDIA_TYPE
from tests.documentation.http_examples import EXAMPLES
from tests.documentation.written_part import page_with

PAGE: Final = "docs/reference/http.md"

GROUPS: Final = {router.tags[0]: router for router in (each.router for each in (original, accounts, operating, clock))}
"""The routers, by what the document calls them."""

PROBLEMS: Final[Mapping[HTTPStatus, str]] = {
    HTTPStatus.BAD_REQUEST: "the body is no JSON, or the request is no HTTP",
    HTTPStatus.UNAUTHORIZED: "a token is needed, or nobody has this one",
    HTTPStatus.FORBIDDEN: "a viewer's token where a trader's is needed, or a page of another site asks",
    HTTPStatus.NOT_FOUND: "no such account, strategy, run, schedule or route",
    HTTPStatus.METHOD_NOT_ALLOWED: "the route has other methods; `Allow` names them",
    HTTPStatus.REQUEST_TIMEOUT: "the body did not come in time",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the body is too long",
    HTTPStatus.UNPROCESSABLE_ENTITY: "a parameter or a field of the body is not as it must be",
    HTTPStatus.INTERNAL_SERVER_ERROR: "nobody foresaw this; the log tells more",
    HTTPStatus.SERVICE_UNAVAILABLE: "Temporal or the gateway does not answer, or too many wait: see `Retry-After`",
    HTTPStatus.CONFLICT: "it cannot be done as things stand",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "the body is not sent as JSON",
}
"""When each is answered."""


class Route(NamedTuple):
    """One operation of the OpenAPI document."""

    name: str
    operation: Mapping[str, Any]


def document() -> Mapping[str, Any]:
    """The OpenAPI document, which does not depend on the desk."""
    return document_of(routes(cast("Any", None)))


def routes_of(told: Mapping[str, Any]) -> Iterator[Route]:
    """Every operation by method and path, in the order of the document."""
    for path, operations in told["paths"].items():
        for method, operation in operations.items():
            yield Route(f"{method.upper()} {path}", operation)


def http_page() -> str:
    """The page with every route under its own heading, and all that is asked and answered."""
    told = document()
    schemas: Mapping[str, Any] = told["components"]["schemas"]
    parts = ["## Problems", _problems(schemas["Problem"])]
    for tag, router in GROUPS.items():
        parts += [f"## {tag}"]
        for route in routes_of(told):
            if route.operation["tags"] == router.tags:
                parts += _route(route, schemas)
    parts += ["## What is answered"]
    for name in _answered(told):
        parts += [f"### {name}", _plain(schemas[name]["description"]), _fields(schemas[name])]
    return page_with(PAGE, "\n\n".join(parts))


def _problems(problem: Mapping[str, Any]) -> str:
    rows = [f"| {status.value} {status.phrase} | {PROBLEMS[status]} |" for status in sorted(PROBLEMS)]
    table = "\n".join(["| status | when |", "|---|---|", *rows])
    fields = ", ".join(f"`{name}`" for name in problem["properties"])
    return f"Every problem is `{MEDIA_TYPE}` with {fields}; `detail` says in words what happened.\n\n{table}"


def _route(route: Route, schemas: Mapping[str, Any]) -> Iterator[str]:
    example, operation = EXAMPLES[route.name], route.operation
    yield f"### `{route.name}`"
    command = f" On the command line: `rebalancer {example.command}`." if example.command else ""
    yield f"{_plain(operation['description'])} {_who(route)}{command}"
    rows = [*map(_parameter, operation.get("parameters", ())), *_body(operation, schemas)]
    if rows:
        yield "\n".join(["| parameter | where | what |", "|---|---|---|", *rows])
    yield _answers(operation)
    yield f"{example.needs[:1].upper()}{example.needs[1:]}:" if example.needs else "For instance:"
    yield f"```sh\n{example.shell(route.name)}\n```"


def _who(route: Route) -> str:
    if route.operation["security"] == TRADERS["security"]:
        return "A trader's token."
    if route.name.rpartition(" ")[2] in TELL_NOTHING:
        return "No token on this machine."
    return "A viewer's token, as far as reading needs one."


def _parameter(parameter: Mapping[str, Any]) -> str:
    where = parameter["in"] + ("" if parameter["required"] else ", optional")
    return f"| `{parameter['name']}` | {where} | {_told(parameter['description'], parameter['schema'])} |"


def _body(operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> Iterator[str]:
    if "requestBody" not in operation:
        return
    schema = schemas[_reference(operation["requestBody"]["content"]["application/json"]["schema"])]
    for name, field in schema["properties"].items():
        where = "body" + ("" if name in schema.get("required", ()) else ", optional")
        yield f"| `{name}` | {where} | {_told(field['description'], field)} |"


def _answers(operation: Mapping[str, Any]) -> str:
    good = [f"{status} {_shape(answer)}" for status, answer in operation["responses"].items() if status < "300"]
    usual = {str(status.value) for status in READS}
    more = sorted(status for status in operation["responses"] if status >= "300" and status not in usual)
    shaped = [f"{status} {_shape(answer)}" for status, answer in operation["responses"].items()
              if status in usual and "application/json" in answer["content"]]  # fmt: skip
    problems = f"the usual [problems](#problems){' and ' + ', '.join(more) if more else ''}"
    return f"Answers {', '.join([*good, *shaped])}; {problems}."


def _shape(answer: Mapping[str, Any]) -> str:
    schema = answer["content"]["application/json"]["schema"]
    if name := _reference(schema):
        return f"[{name}](#{name.lower()})"
    return "with a list" if schema["type"] == "array" else "with an object"


def _answered(told: Mapping[str, Any]) -> list[str]:
    """The models of all answers, and those in them, but for problems."""
    schemas = told["components"]["schemas"]
    asked = {
        _reference(route.operation["requestBody"]["content"]["application/json"]["schema"])
        for route in routes_of(told)
        if "requestBody" in route.operation
    }
    return [name for name in sorted(schemas) if name not in asked and name != "Problem"]


def _fields(schema: Mapping[str, Any]) -> str:
    rows = [
        f"| `{name}` | {_kind(field)} | {field.get('description', '')} |"
        for name, field in schema["properties"].items()
    ]
    return "\n".join(["| field | type | what |", "|---|---|---|", *rows])


def _kind(schema: Mapping[str, Any]) -> str:
    """The type of a value, in JSON's words."""
    if "anyOf" in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"])
    if name := _reference(schema):
        return f"[{name}](#{name.lower()})"
    if schema["type"] == "array":
        return f"list of {_kind(schema['items'])}"
    return "time" if schema.get("format") == "date-time" else schema["type"]


def _told(meaning: str, schema: Mapping[str, Any]) -> str:
    default = schema.get("default")
    words = str(default).lower() if isinstance(default, bool) else default
    return _plain(meaning) + (f" Default: `{words}`." if words not in (None, "") else "")


def _reference(schema: Mapping[str, Any]) -> str:
    """The name of the model that a schema stands for, also where nothing may be given in its place; else empty."""
    for each in (schema, *schema.get("anyOf", ())):
        if "$ref" in each:
            return each["$ref"].rpartition("/")[2]
    return ""


def _plain(text: str) -> str:
    return " ".join(text.replace("``", "`").replace("|", "\\|").split())
