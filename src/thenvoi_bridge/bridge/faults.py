"""What went wrong, as an error of the protocol: for what is no tool. Nothing but our own words is in it."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import mcp_types as types
from mcp.shared.exceptions import MCPError
from pydantic import ValidationError

from thenvoi_bridge.bridge import advice, wording
from thenvoi_bridge.bridge.keeping import in_words
from thenvoi_bridge.bridge.resources import BadCursor
from thenvoi_bridge.contract.errors import NotFound, RateLimited, ThenvoiError
from thenvoi_bridge.inbox.trouble import found_in

LONGEST_NAME = 40
"""Characters of a name that somebody made up which are shown back."""

logger = logging.getLogger(__name__)


@contextmanager
def told(missing: str, absent: Collection[str] = (), **data: Any) -> Iterator[None]:
    """Raises `MCPError` for whatever goes wrong inside; `data` goes with it.

    `missing` is said of what is not there; nothing said names a tool in `absent`.
    """
    try:
        yield
    except MCPError:
        raise
    except NotFound as exc:
        raise MCPError(types.INVALID_PARAMS, missing, data) from exc
    except ValidationError as exc:
        raise MCPError(types.INVALID_PARAMS, _mistakes(exc), data) from exc
    except BadCursor as exc:
        raise MCPError(types.INVALID_PARAMS, wording.BAD_CURSOR) from exc
    except Exception as exc:  # the SDK would tell an old client its text
        raise _broken(exc, absent, data) from exc


def _mistakes(error: ValidationError) -> str:
    """What is wrong, field by field."""
    found = error.errors(include_input=False, include_url=False, include_context=False)
    return "; ".join(f"{str(each['loc'][0])[:LONGEST_NAME]}: {each['msg']}" for each in found)


def _broken(exc: Exception, absent: Collection[str], data: dict[str, Any]) -> MCPError:
    trouble = found_in(exc)
    problem = in_words(trouble) if trouble else exc
    if not isinstance(problem, ThenvoiError):
        logger.error("something broke", exc_info=exc)
        return MCPError(types.INTERNAL_ERROR, wording.BROKEN, data)
    step = advice.fitting(advice.next_step(problem, ""), absent)
    pause = {"retry_after_s": problem.retry_after} if isinstance(problem, RateLimited) else {}
    return MCPError(
        types.INTERNAL_ERROR, f"{problem.ours.rstrip('.')}. {step}", {**data, "code": problem.code, **pause}
    )
