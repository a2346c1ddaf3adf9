"""Errors in the shape of botocore's, as Anymail's Amazon backend hands them on."""

from __future__ import annotations

import pytest
from anymail import exceptions as anymail

from triggers.delivery.errors import classify
from triggers.delivery.outcome import Cause


class ClientError(Exception):
    """botocore's: carries the parsed answer."""

    def __init__(self, name: str, status: int) -> None:
        self.response = {"Error": {"Code": name}, "ResponseMetadata": {"HTTPStatusCode": status}}
        super().__init__(f"An error occurred ({name}) when calling the SendEmail operation")


class EndpointConnectionError(Exception):
    """botocore's: nobody answered."""


class ReadTimeoutError(Exception):
    """botocore's: the answer did not come."""


@pytest.mark.parametrize(
    ("cause", "status", "says"),
    [
        (ClientError("TooManyRequestsException", 429), "not_sent", Cause.THROTTLED),
        (ClientError("LimitExceededException", 400), "not_sent", Cause.THROTTLED),
        (ClientError("Throttling", 400), "not_sent", Cause.THROTTLED),
        (ClientError("SendingPausedException", 400), "not_sent", Cause.ACCOUNT),
        (ClientError("MailFromDomainNotVerifiedException", 400), "not_sent", Cause.ACCOUNT),
        (ClientError("InvalidClientTokenId", 403), "not_sent", Cause.ACCOUNT),
        (ClientError("ServiceUnavailable", 503), "not_sent", Cause.PROVIDER),
        (ClientError("MessageRejected", 400), "refused", Cause.MESSAGE),
        (ClientError("BadRequestException", 400), "refused", Cause.MESSAGE),
        (ClientError("InternalServiceErrorException", 500), "unknown", Cause.PROVIDER),
        (EndpointConnectionError(), "not_sent", Cause.PROVIDER),
        (ReadTimeoutError(), "unknown", Cause.PROVIDER),
    ],
    ids=repr,
)
def test_what_amazon_says(cause: Exception, status: str, says: Cause) -> None:
    """All of it used to be `unknown`, a limit that was reached as well."""
    error = anymail.AnymailAPIError(str(cause), response=getattr(cause, "response", None))
    error.__cause__ = cause
    outcome = classify(error)
    assert (outcome.status, outcome.cause) == (status, says)


def test_an_answer_that_cannot_be_read_leaves_doubt() -> None:
    error = anymail.AnymailAPIError("'MessageId' parsing Amazon SES send result {}", response={"x": 1})
    assert classify(error).status == "unknown"
