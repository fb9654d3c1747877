"""The HTTP API reaches no further than somebody says in so many words, and then only guarded."""

from pathlib import Path

import pytest

from configuration.configuration import Configuration, ConfigurationInvalid, parse_configuration

HEAD = "accounts: [{account_id: DU1, strategy_name: a}]\nhttp: "
FOLDER = Path("/etc/rebalancer")


def read(block: str) -> Configuration:
    """The configuration with this ``http`` block."""
    return parse_configuration(HEAD + block, FOLDER / "accounts.yaml")


def test_it_is_on_loopback_and_trusts_nobody_unless_somebody_says_otherwise() -> None:
    http = read("{}").http
    assert (http.host, http.port, http.trust_loopback, http.is_near) == ("127.0.0.1", 8000, False, True)


@pytest.mark.parametrize(
    ("block", "says"),
    [
        (
            "{host: 0.0.0.0}",
            "other machines reach 0.0.0.0: give certificate and certificate_key for TLS, or name the pr",
        ),
        ("{host: '::'}", "other machines reach ::"),
        ("{host: 192.168.1.5, names: [desk.example]}", "other machines reach 192.168.1.5"),
        ("{host: example.com}", "http.host: found 'example.com'; a numeric IP address is allowed"),
        ("{certificate: a.pem}", "certificate and certificate_key are given together"),
        ("{trust_loopback: true, proxy: 127.0.0.1}", "trust_loopback and proxy exclude each other"),
        ("{port: 0}", "http.port: found 0"),
        ("{names: ['a b']}", "http.names[0]: found 'a b'"),
        ("{trust_lopback: true}", "did you mean 'trust_loopback'?"),
    ],
)
def test_what_would_be_open_or_cannot_be_meant_is_refused(block: str, says: str) -> None:
    with pytest.raises(ConfigurationInvalid) as refused:
        read(block)
    assert says in str(refused.value)


def test_another_address_needs_tls_or_the_proxy_that_ends_it() -> None:
    tls = read("{host: 0.0.0.0, certificate: a.pem, certificate_key: /keys/a.key, names: [Desk.Example]}").http
    assert (tls.certificate, tls.certificate_key) == ("/etc/rebalancer/a.pem", "/keys/a.key")
    assert (tls.names, tls.is_near) == (("desk.example",), False)
    assert not read("{host: 0.0.0.0, proxy: 10.0.0.2}").http.is_near
    assert not read("{proxy: 127.0.0.1}").http.is_near


def test_no_rebalance_goes_by_it() -> None:
    """So that who may ask is not in the histories of what was asked for."""
    assert "http" not in read("{trust_loopback: true}").settings.model_dump()
