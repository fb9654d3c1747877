"""What is written into Temporal with a key: unreadable without it, unchangeable, and read by every key that is held."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.converter import PayloadCodec
from temporalio.exceptions import ApplicationError

from configuration.environment import Connections
from configuration.key_ring import KeyFileUnusable, KeyRing, KeyUnknown, line_of, new_key
from configuration.payload_keys import PayloadKeys, derived_from, read_payload_keys
from contract.encryption import ENCODING, KEY_ID, NONCE, EncryptingCodec, PayloadAltered, PayloadKeyUnknown
from contract.payloads import DATA_CONVERTER, HIDDEN, data_converter
from rebalancing.errors import GatewayUnavailable

OLD, NEW = new_key("ann-2025"), new_key("ann-2026")
CLEAR = Payload(metadata={"encoding": b"json/plain"}, data=b'{"symbol": "QQQ", "quantity": 4711}')


def keys(*ring: object) -> PayloadKeys:
    """Those for payloads of these keys."""
    return derived_from(KeyRing(tuple(ring), Path("key")))  # pyright: ignore[reportArgumentType]


def codec(*ring: object) -> EncryptingCodec:
    """A codec with these keys; without any, that of a process that has none."""
    return EncryptingCodec(lambda: keys(*ring) if ring else None)


async def once(code: PayloadCodec, payload: Payload = CLEAR) -> Payload:
    """One payload, encrypted."""
    (sealed,) = await code.encode([payload])
    return sealed


async def test_what_is_encrypted_says_which_key_it_needs_and_nothing_else() -> None:
    sealed = await once(codec(NEW))
    assert dict(sealed.metadata) == {"encoding": ENCODING.encode(), KEY_ID: b"ann-2026"}
    assert b"QQQ" not in sealed.SerializeToString()
    assert b"json" not in sealed.SerializeToString()
    assert await codec(NEW).decode([sealed]) == [CLEAR]


@given(st.binary(max_size=5000), st.dictionaries(st.text(max_size=8), st.binary(max_size=8), max_size=3))
async def test_any_payload_comes_back_as_it_was(data: bytes, metadata: dict[str, bytes]) -> None:
    payload = Payload(metadata=metadata, data=data)
    assert await codec(NEW).decode(await codec(NEW).encode([payload])) == [payload]


async def test_no_two_payloads_are_encrypted_with_the_same_nonce() -> None:
    sealed = await codec(NEW).encode([CLEAR] * 1000)
    assert len({each.data[:NONCE] for each in sealed}) == 1000


async def test_after_a_rotation_the_new_key_encrypts_and_the_old_one_still_reads() -> None:
    before = await once(codec(OLD))
    rotated = codec(NEW, OLD)
    assert await rotated.decode([before]) == [CLEAR]
    assert (await once(rotated)).metadata[KEY_ID] == b"ann-2026"


async def test_what_was_written_before_there_was_a_key_is_still_read() -> None:
    assert await codec(NEW).decode([CLEAR]) == [CLEAR]


async def test_without_a_key_everything_is_written_as_before() -> None:
    assert await codec().encode([CLEAR]) == [CLEAR]


@pytest.mark.parametrize("held", [(), (OLD,)], ids=["no key", "another key"])
async def test_a_lost_key_is_named_with_what_to_do(held: tuple[object, ...]) -> None:
    with pytest.raises(PayloadKeyUnknown, match=r"'ann-2026'.*Put its line back") as raised:
        await codec(*held).decode([await once(codec(NEW))])
    assert isinstance(raised.value, KeyUnknown)
    assert raised.value.retryable


async def test_a_key_that_is_put_back_is_found_without_a_restart() -> None:
    held = [keys(OLD)]
    running = EncryptingCodec(lambda: held[-1])
    sealed = await once(codec(NEW))
    with pytest.raises(PayloadKeyUnknown):
        await running.decode([sealed])
    held.append(keys(OLD, NEW))
    assert await running.decode([sealed]) == [CLEAR]


async def test_a_key_file_that_went_away_takes_no_key_from_a_process_that_runs() -> None:
    held: list[PayloadKeys | None] = [keys(OLD)]
    running = EncryptingCodec(lambda: held[-1])
    sealed = await once(running)
    held.append(None)
    with pytest.raises(PayloadKeyUnknown):
        await running.decode([await once(codec(NEW))])
    assert await running.decode([sealed]) == [CLEAR]
    assert (await once(running)).metadata[KEY_ID] == b"ann-2025"


def flipped(payload: Payload) -> Payload:
    """One bit of the content is another."""
    return Payload(metadata=payload.metadata, data=payload.data[:-1] + bytes([payload.data[-1] ^ 1]))


def of_another_key(payload: Payload) -> Payload:
    """It says that another key made it."""
    return Payload(metadata={**payload.metadata, KEY_ID: b"ann-2025"}, data=payload.data)


def shortened(payload: Payload) -> Payload:
    """Hardly anything is left."""
    return Payload(metadata=payload.metadata, data=payload.data[:3])


def emptied(payload: Payload) -> Payload:
    """Nothing is left."""
    return Payload(metadata=payload.metadata)


@pytest.mark.parametrize("altered", [flipped, of_another_key, shortened, emptied])
async def test_what_was_altered_is_refused(altered: Callable[[Payload], Payload]) -> None:
    with pytest.raises(PayloadAltered, match="was altered"):
        await codec(NEW, OLD).decode([altered(await once(codec(NEW)))])


async def test_another_key_of_the_same_id_is_refused_in_words() -> None:
    with pytest.raises(PayloadAltered, match="another key than the 'ann-2026'"):
        await codec(new_key("ann-2026")).decode([await once(codec(NEW))])


async def test_an_id_that_somebody_sent_is_not_repeated_at_length_or_taken_for_text() -> None:
    sealed = Payload(metadata={"encoding": ENCODING.encode(), KEY_ID: b"\xff\n" * 1000}, data=b"x" * 40)
    with pytest.raises(PayloadKeyUnknown) as raised:
        await codec(NEW).decode([sealed])
    assert len(str(raised.value)) < 500
    assert "\n" not in str(raised.value)


# --- errors -----------------------------------------------------------------------------------------------------------


async def written(error: BaseException) -> Failure:
    """An error, as a process with a key writes it."""
    failure = Failure()
    try:
        raise error
    except Exception as raised:
        await data_converter(lambda: keys(NEW)).encode_failure(raised, failure)
    return failure


async def test_errors_are_encrypted_with_their_calls_and_what_caused_them() -> None:
    cause = ValueError("4711 QQQ")
    error = KeyError("DU7654321")
    error.__cause__ = cause
    failure = await written(error)
    assert (failure.message, failure.cause.message, failure.stack_trace) == (HIDDEN, HIDDEN, "")
    for secret in (b"DU7654321", b"4711", b"test_encryption"):
        assert secret not in failure.SerializeToString()
    read = await data_converter(lambda: keys(NEW)).decode_failure(failure)
    assert "DU7654321" in str(read)
    assert "4711" in str(read.__cause__)


async def test_what_an_error_is_called_stays_readable() -> None:
    failure = await written(ApplicationError("no connection", type=GatewayUnavailable.__name__))
    assert failure.application_failure_info.type == "GatewayUnavailable"


async def test_an_error_that_was_read_and_is_raised_again_stays_encrypted_to_its_last_cause() -> None:
    converter = data_converter(lambda: keys(NEW))
    inner = ApplicationError("4711 QQQ")
    inner.__cause__ = ValueError("cause of 4712")
    read = await converter.decode_failure(await written(inner))
    again = await written(read)
    assert b"471" not in again.SerializeToString()
    assert "4711" in str(await converter.decode_failure(again))


async def test_an_error_with_long_calls_fits_in_what_the_server_keeps_of_one() -> None:
    def deep(levels: int) -> None:
        if levels:
            deep(levels - 1)
        raise KeyError("x")

    with pytest.raises(KeyError) as raised:
        deep(200)
    assert (await written(raised.value)).ByteSize() < 4000


async def test_without_a_key_errors_are_written_in_clear() -> None:
    failure = Failure()
    await DATA_CONVERTER.encode_failure(KeyError("x"), failure)
    assert failure.message == "'x'"


# --- where the keys are from ------------------------------------------------------------------------------------------


def connections(**files: Path) -> Connections:
    """An environment that names these files."""
    return Connections(_env_file=None, **files)  # pyright: ignore[reportCallIssue, reportArgumentType]


def file_with(path: Path, text: str) -> Path:
    """A file of keys, its owner's alone."""
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


async def test_who_holds_only_the_keys_for_payloads_reads_what_who_trades_wrote(tmp_path: Path) -> None:
    trades = file_with(tmp_path / "key", line_of(NEW) + line_of(OLD))
    told = read_payload_keys(connections(rebalancer_key_file=trades))
    assert told is not None
    reads = file_with(tmp_path / "payload-key", told.lines)
    own = read_payload_keys(connections(rebalancer_payload_key_file=reads))
    assert own is not None
    assert (own.keys, own.file) == (told.keys, reads)
    assert NEW.secret not in {key.secret for key in own.keys}
    sealed = await once(EncryptingCodec(lambda: told))
    assert await EncryptingCodec(lambda: own).decode([sealed]) == [CLEAR]


def test_a_file_for_payloads_goes_before_the_keys_of_who_trades(tmp_path: Path) -> None:
    trades, reads = file_with(tmp_path / "key", line_of(OLD)), file_with(tmp_path / "read", keys(NEW).lines)
    found = read_payload_keys(connections(rebalancer_key_file=trades, rebalancer_payload_key_file=reads))
    assert found == PayloadKeys(keys(NEW).keys, reads)


def test_a_file_that_is_named_and_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyFileUnusable, match="There is no file of keys"):
        read_payload_keys(connections(rebalancer_payload_key_file=tmp_path / "nowhere"))


def test_no_file_at_all_means_no_encryption() -> None:
    assert read_payload_keys(connections()) is None


def test_keys_are_not_shown_where_they_are_printed() -> None:
    (key,) = keys(NEW).keys
    assert repr(key) == "PayloadKey('ann-2026')"
    assert str(key.secret) not in str(keys(NEW))
