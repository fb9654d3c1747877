"""What an error says that the server keeps of a step or of a run's code, in clear."""

from temporalio.api.failure.v1 import Failure
from temporalio.converter import DataConverter
from temporalio.exceptions import FailureError

from contract.encryption import PayloadAltered, PayloadKeyUnknown


async def words_of(converter: DataConverter, failure: Failure) -> str:
    """Its message in one line; where it cannot be read for want of a key, that."""
    read = Failure()
    read.CopyFrom(failure)  # what is read of it is put in its place
    try:
        error = await converter.decode_failure(read)
    except (PayloadKeyUnknown, PayloadAltered) as unread:
        return str(unread)
    return " ".join((error.message if isinstance(error, FailureError) else str(error)).split())
