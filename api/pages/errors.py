"""Shows an error to a person: what is wrong, what helps, and where to go on."""

from urllib.parse import urlsplit

from fastapi import Request, Response

from api.pages.rendering import page
from api.problems import ProblemError, request_id_of


def error_page(request: Request, error: ProblemError) -> Response:
    """The page that tells of the problem."""
    back = urlsplit(request.headers.get("referer", ""))
    # Where two slashes begin it, a browser reads a path as another host.
    ours = back.netloc == request.headers.get("host") and not back.path.startswith("//")
    ours = ours and back.path != request.url.path
    context = {
        "problem": error,
        "request_id": request_id_of(request),
        "back": (back.path + (f"?{back.query}" if back.query else "")) if ours else "/",
    }
    answer = page(request, "error.html", status=error.status, **context)
    answer.headers.update(error.headers or {})
    return answer
