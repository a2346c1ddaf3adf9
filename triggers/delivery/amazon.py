"""Errors of Amazon's API, which Anymail hands on as they are: botocore has no HTTP status where others have one.

Sources: https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html (names of errors) and botocore's
`exceptions.py`, both read 2026-11-23. botocore is not imported: it is only there where the shop sends with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from triggers.delivery.outcome import Cause, Outcome, error_text

TOO_MANY = {"TooManyRequestsException", "LimitExceededException", "Throttling", "ThrottlingException"}
ACCOUNT = {
    "AccountSuspendedException",
    "SendingPausedException",
    "MailFromDomainNotVerifiedException",
    "NotFoundException",
    "AccessDeniedException",
    "UnrecognizedClientException",
    "InvalidSignatureException",
    "ExpiredTokenException",
}
# Names of botocore's own errors that come before a request is out: ours to mend, and others.
NO_ACCOUNT = {"NoCredentialsError", "NoRegionError", "PartialCredentialsError"}
NEVER_ASKED = {"ConnectTimeoutError", "EndpointConnectionError", "ProxyConnectionError"}


def by_amazon(error: Any) -> Outcome | None:
    """The outcome of an error that botocore raised; None for another's, and for one that leaves doubt."""
    cause = error.__cause__
    if type(cause).__name__ in NO_ACCOUNT:
        return Outcome("not_sent", detail=error_text(error), cause=Cause.ACCOUNT)
    if type(cause).__name__ in NEVER_ASKED:
        return Outcome("not_sent", detail=error_text(error), cause=Cause.PROVIDER)
    answer = getattr(cause, "response", None)
    if not isinstance(answer, Mapping):
        return None
    name = answer.get("Error", {}).get("Code", "")
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if name in TOO_MANY or status == 429:
        return Outcome("not_sent", detail=error_text(error), cause=Cause.THROTTLED)
    if name in ACCOUNT or status in (401, 403):
        return Outcome("not_sent", detail=error_text(error), cause=Cause.ACCOUNT)
    if status == 503:
        return Outcome("not_sent", detail=error_text(error), cause=Cause.PROVIDER)
    return Outcome("refused", detail=error_text(error)) if 400 <= status < 500 else None
