"""Downloads files from hosts that are not trusted."""

from worker.transfer.course import Sink, Whole
from worker.transfer.fetch import Transfer

__all__ = ["Sink", "Transfer", "Whole"]
