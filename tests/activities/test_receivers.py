"""Sending: what a receiver gets, what is told where it does not take it, and that no address is told."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from pydantic import SecretStr

from activities.alerts.receivers import Receivers, ReceiverUnreached, ReceiverUnusable
from activities.alerts.words import Message
from tests.alert_receiver import SECRET, Receiver, listening
from worker.free_ports import free_port

MESSAGE = Message("DU1: <b>done</b> & more", "1 < 2\nDo this: rebalancer show DU1 \\n")


def at(address: str | None) -> Receivers:
    """Receivers that are all at this address."""
    return Receivers(lambda _: SecretStr(address) if address else None)


async def test_a_message_arrives_as_it_is() -> None:
    async with listening(Receiver()) as receiver:
        await at(receiver.url).send("ops", MESSAGE)
    assert (receiver.titles, receiver.texts) == ([MESSAGE.title], [MESSAGE.text])


@asynccontextmanager
async def mail_server() -> AsyncGenerator[tuple[int, list[str]]]:
    """As much of SMTP as one message needs; yields its port and what it was sent."""
    sent: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        while line := (await reader.readline()).decode():
            word = line[:4].upper().strip()
            if word == "DATA":
                writer.write(b"354 go on\r\n")
                sent.append((await reader.readuntil(b"\r\n.\r\n")).decode())
            writer.write(b"221 bye\r\n" if word == "QUIT" else b"250 ok\r\n")
            if word == "QUIT":
                break
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], sent


async def test_a_message_is_mailed() -> None:
    async with mail_server() as (port, sent):
        url = f"mailto://localhost:{port}?from=rebalancer@example.com&to=me@example.com&mode=insecure&format=text"
        await at(url).send("mail", MESSAGE)
    (mail,) = sent
    assert "Subject: DU1: <b>done</b> & more" in mail
    assert "To: me@example.com" in mail
    assert "Do this: rebalancer show DU1" in mail


async def test_what_a_receiver_refuses_is_told_with_its_answer_and_without_its_address(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    async with listening(Receiver(refuses=True)) as receiver:
        with pytest.raises(ReceiverUnreached, match=r"^The receiver ops did not take it: its service answered 500\.$"):
            await at(receiver.url).send("ops", MESSAGE)
    assert SECRET not in caplog.text


async def test_a_receiver_that_is_away_is_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    address = f"json://user:{SECRET}@127.0.0.1:{free_port()}/{SECRET}"
    with pytest.raises(ReceiverUnreached, match="there was no connection"):
        await at(address).send("ops", MESSAGE)
    assert SECRET not in caplog.text


@pytest.mark.parametrize("address", [None, SECRET, f"bogus://{SECRET}", f"slack://{SECRET}", f"http://{SECRET}"])
async def test_an_address_that_cannot_be_used_is_told_by_its_variable_alone(
    address: str | None, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(ReceiverUnusable, match="ALERT_OPS_URL") as refused:
        await at(address).send("ops", MESSAGE)
    told = str(refused.value) + caplog.text + "".join(capfd.readouterr())
    assert SECRET not in told


async def test_a_receiver_that_never_answers_does_not_keep_others_waiting() -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()  # until whoever sends gives up
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    async with server, listening(Receiver()) as receiver:
        addresses = {"dead": f"json://127.0.0.1:{server.sockets[0].getsockname()[1]}", "ops": receiver.url}
        receivers = Receivers(lambda name: SecretStr(addresses[name]))
        dead = asyncio.create_task(receivers.send("dead", MESSAGE))
        await receivers.send("ops", MESSAGE)
        assert not dead.done()
        with pytest.raises(ReceiverUnreached):
            await dead
        server.close()
