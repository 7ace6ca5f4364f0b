"""Shows an error to a person: what is wrong, what helps, and where to go on."""

from fastapi import Request, Response

from api.page_before import page_before
from api.pages.rendering import page
from api.problems import ProblemError, request_id_of


def error_page(request: Request, error: ProblemError) -> Response:
    """The page that tells of the problem."""
    back = page_before(request.headers) or "/"
    goes_back = back.partition("?")[0] != request.url.path
    context = {
        "problem": error,
        "request_id": request_id_of(request),
        "back": back if goes_back else "/",
    }
    answer = page(request, "error.html", status=error.status, **context)
    answer.headers.update(error.headers or {})
    return answer
