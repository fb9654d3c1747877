"""How values and errors are written into histories. Values: as JSON without what is at its default, for histories are
kept for weeks.

So a default of a model that workflows and activities exchange is a promise: it must not change while histories are
kept in which it was left out. What may change from release to release (settings, an account's rules) is written in full
(``contract.requests.Opening``).
"""

import dataclasses
from collections.abc import Callable
from typing import Any, Final

from pydantic_core import SchemaSerializer
from pydantic_core.core_schema import any_schema
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.contrib.pydantic import PydanticJSONPlainPayloadConverter, pydantic_data_converter
from temporalio.converter import (
    CompositePayloadConverter,
    DataConverter,
    DefaultFailureConverter,
    DefaultPayloadConverter,
    JSONPlainPayloadConverter,
)
from temporalio.converter import PayloadConverter as Converter
from temporalio.exceptions import ApplicationError

from configuration.payload_keys import PayloadKeys
from contract.encryption import EncryptingCodec
from rebalancing.errors import RebalancerError

HIDDEN: Final = "Encoded failure"
"""The message in place of one that is hidden, as Temporal's own converter writes it."""

LONGEST_CALLS: Final = 1500
"""Characters of a hidden stack trace, the last: the server cannot shorten it, and drops what is over 4 KB."""


class _JSONWithoutDefaults(PydanticJSONPlainPayloadConverter):
    """JSON of pydantic models and of everything else that they may be made of."""

    _serializer: Final = SchemaSerializer(any_schema())

    def to_payload(self, value: Any) -> Payload | None:
        """The value as JSON, without defaults."""
        data = self._serializer.to_json(value, exclude_defaults=True)
        return Payload(metadata={"encoding": self.encoding.encode()}, data=data)


class PayloadConverter(CompositePayloadConverter):
    """Temporal's own payload converter, with this JSON."""

    def __init__(self) -> None:
        """Needs no arguments: Temporal makes one in each process, and in the workflow sandbox."""
        converters = DefaultPayloadConverter.default_encoding_payload_converters
        super().__init__(
            *(_JSONWithoutDefaults() if isinstance(each, JSONPlainPayloadConverter) else each for each in converters)
        )


class FailureConverter(DefaultFailureConverter):
    """Temporal's own failure converter, without the stack traces of errors that were foreseen: their message says all.

    The server keeps four kilobytes of an activity's last failure and replaces a longer one by "Failure exceeds size
    limit"; the calls between the wire and a time-out are longer than that.
    """

    def to_failure(self, exception: BaseException, payload_converter: Converter, failure: Failure) -> None:
        """Write an error down, with what caused it."""
        super().to_failure(exception, payload_converter, failure)
        is_told_of_one = isinstance(exception, ApplicationError) and isinstance(exception.__cause__, RebalancerError)
        if isinstance(exception, RebalancerError) or is_told_of_one:
            failure.stack_trace = ""


class HidingFailureConverter(FailureConverter):
    """The same with message and calls of every error where the codec encrypts them.

    What an error is called, and what it was about (an activity, a timer), stays readable.
    """

    def to_failure(self, exception: BaseException, payload_converter: Converter, failure: Failure) -> None:
        """Write an error down, with what caused it."""
        super().to_failure(exception, payload_converter, failure)
        _hide(failure, payload_converter)


def _hide(failure: Failure, payload_converter: Converter) -> None:
    """Put the words of a failure, and of what caused it, where Temporal's own converter looks for hidden ones."""
    if (failure.message, failure.stack_trace) != (HIDDEN, ""):
        words = {"message": failure.message, "stack_trace": failure.stack_trace[-LONGEST_CALLS:]}
        failure.encoded_attributes.CopyFrom(payload_converter.to_payloads([words])[0])
        failure.message, failure.stack_trace = HIDDEN, ""
    if failure.HasField("cause"):
        _hide(failure.cause, payload_converter)


def data_converter(read: Callable[[], PayloadKeys | None] = lambda: None) -> DataConverter:
    """What every client, worker and replayer of ours uses, with the keys that ``read`` finds, if there are any.

    Raises whatever ``read`` raises.
    """
    codec = EncryptingCodec(read)
    return dataclasses.replace(
        pydantic_data_converter,
        payload_converter_class=PayloadConverter,
        failure_converter_class=HidingFailureConverter if codec.encrypts else FailureConverter,
        payload_codec=codec,
    )


def requiring(converter: DataConverter, is_required: Callable[[], bool]) -> DataConverter:
    """The same for workers: what activities are asked and answer must come encrypted where ``is_required`` says so."""
    codec = converter.payload_codec
    assert isinstance(codec, EncryptingCodec)
    return dataclasses.replace(converter, payload_codec=codec.requiring(is_required))


DATA_CONVERTER: Final = data_converter()
"""For histories that were written without a key."""
