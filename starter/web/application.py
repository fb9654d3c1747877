"""The application: all routes behind one door, and the OpenAPI document of all its answers."""

from typing import Any, Final

from fastapi import Depends, FastAPI
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp

from starter.web import accounts, clock, metrics, operating, original
from starter.web.callers import SCHEME, reader
from starter.web.codec import CodecEndpoint
from starter.web.dashboard import pages
from starter.web.dashboard.addresses import is_page
from starter.web.door import Door
from starter.web.open_desk import OpenDesk
from starter.web.problems import Problem, handle_problems

TITLE: Final = "Rebalancer"

DESCRIPTION: Final = """\
Moves Interactive Brokers accounts to published target weights: durably, once, and never twice.

What trades or changes something needs the token of a trader (`rebalancer token`). Reading and dry runs need that of a
viewer from another machine, and on this one where what Temporal keeps is encrypted. At a simulated gateway, and where
`http.trust_loopback` says so, no program of this machine needs any. Errors are problem details
(RFC 9457). Nothing is answered that a web page of another site asks.
"""


def build(desk: OpenDesk) -> ASGIApp:
    """The application for this desk."""
    return CodecEndpoint(Door(routes(desk), lambda: desk.served, is_page), desk)


def routes(desk: OpenDesk) -> FastAPI:
    """The same without its door, which must not be served."""
    # The pages that FastAPI has for the document load their scripts from elsewhere.
    app = FastAPI(
        title=TITLE,
        description=DESCRIPTION,
        version="1",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.desk = desk
    handle_problems(app)
    for each in (original, accounts, operating, clock, metrics):
        app.include_router(each.router, dependencies=[Depends(reader)])
    app.include_router(pages.router)
    document = document_of(app)

    @app.get("/openapi.json", include_in_schema=False, dependencies=[Depends(reader)])
    async def openapi() -> JSONResponse:  # pyright: ignore[reportUnusedFunction]
        return JSONResponse(document)

    return app


def document_of(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document: the framework's, with problems and tokens."""
    document = app.openapi()
    components: dict[str, Any] = document.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = Problem.model_json_schema()
    components["securitySchemes"] = {SCHEME: {"type": "http", "scheme": "bearer"}}
    return document
