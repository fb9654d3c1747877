"""What an error says that the server keeps of a step or of a run's code, in clear."""

from typing import Final

from temporalio.api.failure.v1 import Failure
from temporalio.converter import DataConverter
from temporalio.exceptions import FailureError

from contract.encryption import PayloadAltered, PayloadKeyUnknown

UNREAD: Final = "Failed decoding arguments"
"""What the client library says where the error that matters is the cause."""


async def words_of(converter: DataConverter, failure: Failure) -> str:
    """Its message in one line; where it cannot be read for want of a key, that."""
    read = Failure()
    read.CopyFrom(failure)  # what is read of it is put in its place
    try:
        error = await converter.decode_failure(read)
    except (PayloadKeyUnknown, PayloadAltered) as unread:
        return str(unread)
    if str(error) == UNREAD and error.__cause__ is not None:
        error = error.__cause__
    return " ".join((error.message if isinstance(error, FailureError) else str(error)).split())
