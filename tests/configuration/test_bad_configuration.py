"""A bad configuration is refused whole, saying where, what was found and what is allowed."""

from pathlib import Path

import pytest

from configuration.configuration import ConfigurationInvalid, load_configuration, parse_configuration

HEAD = """accounts:
  - account_id: U1
    strategy_name: blend
"""


def problems(text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigurationInvalid) as refused:
        parse_configuration(text, Path("accounts.yaml"))
    assert not refused.value.retryable
    assert all(problem in str(refused.value) for problem in refused.value.problems)
    return refused.value.problems


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("accounts: [", "accounts.yaml:1:12: no valid YAML"),
        ("", "found nothing; a block of keys is allowed"),
        ("just text", "found 'just text'; a block of keys is allowed"),
        ("a: \x00", "no valid YAML"),
        ("a: " + "[" * 2000, "nested too deeply"),
        ("!!python/object:os.system x", "no valid YAML"),
        (HEAD + "---\n" + HEAD, "no valid YAML"),
        ("accounts: &all [*all]", "contains itself"),
        ("? [a]\n: b", "a key must be plain text"),
        ("accounts: []", "accounts.yaml:1:1: accounts: found an empty list; at least one account is needed"),
        ("[]", "at least one account is needed"),
        ("accounts: 1", "accounts: found 1; a list is allowed"),
        ("- text", "accounts[0]: found 'text'; a block of keys is allowed"),
        (HEAD + "    strategy_name: other\n", "4:5: the key 'strategy_name' is given twice, first in line 3"),
        ("- {strategy_name: blend}", "accounts[0].account_id: is missing"),
        ("- {account_id: U1}", "accounts[0].strategy_name: is missing"),
        ("- {account_id: 12, strategy_name: s}", "accounts[0].account_id: found 12; text is allowed"),
        ("- {account_id: hello, strategy_name: s}", "found 'hello'; an account number is allowed"),
        (HEAD + "    alias: U123456", "accounts[0].alias: U123456 looks like an account number"),
        (HEAD + "    alias: my-u1", "found my-u1, which has an account number in it"),
        (HEAD + "    alias: strategy-a", "strategy-a begins with strategy- or history-, which mean something else"),
        (HEAD + "    alias: a/b", "found 'a/b'; at most 40 letters, digits and . _ - are allowed"),
        (HEAD + "    alias: ..", "found '..'; at most 40 letters"),
        (HEAD + f"    alias: {'a' * 41}", "at most 40 letters"),
        (
            HEAD + "    alias: mine\n  - {account_id: U2, strategy_name: blend, alias: MINE}",
            "accounts.yaml:5:44: accounts[1].alias: found MINE twice; each account needs a name of its own",
        ),
        ("- {account_id: U1, strategy_name: a/b}", "found 'a/b'; a name of letters"),
        ("- {account_id: U1, notification: {channel: a b}}", "accounts[0].notification.channel: found 'a b'"),
        ("- {account_id: U1, notification: {chanel: ab}}", "did you mean 'channel'?"),
        (HEAD + "    notification: {channel: other}", "strategy_name and notification.channel differ"),
        (HEAD + "    type: demo", "accounts[0].type: found 'demo'; input should be 'paper' or 'live'"),
        ("- {account_id: DU1, strategy_name: s, type: live}", "DU1 is a paper account by its number"),
        (HEAD + "    guards: {maximum_order_valu: 5}", "guards.maximum_order_valu: found an unknown key; did you mean"),
        (HEAD + "    guards: {maximum_order_value: 0}", "guards.maximum_order_value: found 0; input should be greater"),
        (HEAD + "    guards: {on_breach: halt}", "found 'halt'; input should be 'stop' or 'ask'"),
        (HEAD + "    guards: {minimum_symbols: 2.5}", "found 2.5; a whole number is allowed"),
        (HEAD + "    approval: alway", "4:5: accounts[0].approval.required: found 'alway'; input should be"),
        (HEAD + "    approval: {expires_after: 0}", "approval.expires_after: found 0; input should be greater than 0"),
        (HEAD + "    approval: {require: always}", "did you mean 'required'?"),
        (HEAD + "    funding: none", "found 'none'; input should be 'auto', 'cash' or 'margin'"),
        (HEAD + "    enabled: perhaps", "found 'perhaps'; true or false is allowed"),
        (HEAD + "    cash_reserve_percent: 100", "accounts.yaml:4:5: accounts[0].cash_reserve_percent: found 100;"),
        (HEAD + "    cash_reserve_percent: -1", "found -1; input should be greater than or equal to 0"),
        (HEAD + "    cash_reserve_percent: .nan", "found NaN; input should be a finite number"),
        (HEAD + "    cash_reserve_percent: .inf", "found Infinity; input should be a finite number"),
        (HEAD + "    cash_reserve_percent: true", "found True; a number is allowed"),
        (HEAD + "    cash_reserve_percent: some", "found 'some'; a number is allowed"),
        (
            HEAD + "    rebalancing: {equity_reserve_percentage: 200}",
            "rebalancing.equity_reserve_percentage: found 200",
        ),
        (
            HEAD + "    cash_reserve_percent: 1\n    rebalancing: {equity_reserve_percentage: 2}",
            "the cash reserve is given twice",
        ),
        (HEAD + "    tolerance_percent: -0.5", "tolerance_percent: found -0.5"),
        (HEAD + "    minimum_order_value: -5", "minimum_order_value: found -5"),
        (HEAD + "    held_out: VTI", "held_out: found 'VTI'; a list is allowed"),
        (HEAD + "    held_out: [TRUE]", "held_out[0]: found True; text is allowed (numbers and words like TRUE"),
        (HEAD + "    replacement_set: ira", "replacement_set: found 'ira'; no replacement_sets are defined"),
        (
            HEAD + "    replacement_set: irra\nreplacement_sets: {ira: [{source: A, target: B}]}",
            "accounts.yaml:4:5: accounts[0].replacement_set: found 'irra'; did you mean 'ira'?",
        ),
        (HEAD + "replacement_sets: {ira: [{source: A}]}", "replacement_sets.ira[0].target: is missing"),
        (HEAD + "replacement_sets: {ira: [{source: A, target: B, scale: 0}]}", "scale: found 0;"),
        (HEAD + "replacement_sets: {ira: [{source: A, target: B, sacle: 2}]}", "did you mean 'scale'?"),
        (
            HEAD + "replacement_sets: {ira: [{source: A, target: B}, {source: A, target: C}]}",
            "replacement_sets.ira[1].source: found A twice",
        ),
        (HEAD + "    allocations: {url: 'ftp://x'}", "allocations.url: found 'ftp://x'; an address beginning with"),
        (HEAD + "    allocations: {url: 'http://x', file: y}", "only one of url, file and a list of weights"),
        (HEAD + "    allocations: {fiel: y}", "did you mean 'file'?"),
        (HEAD + "    allocations: []", "allocations: the list of allocations is empty"),
        (HEAD + "    allocations: [{symbol: A, allocation: 1.4}]", "the weight of A is 1.4, outside 0 to 1"),
        (HEAD + "    allocations: [{symbol: A, allocation: .nan}]", "the weight of A is NaN"),
        (HEAD + "    allocations: [{symbol: A, allocation: 0.4}]", "add up to 0.4 instead of 1"),
        (HEAD + "    replacements: [{source: A, target: B}]", "accounts[0].replacements"),
        (HEAD + "allocations: {base_url: here}", "allocations.base_url: found 'here'"),
        (HEAD + "concurency: {}", "concurency: found an unknown key; did you mean 'concurrency'?"),
        (HEAD + "concurrency: {operation_timout: 3}", "did you mean 'operation_timeout'?"),
        (HEAD + "concurrency: {max_concurrent_requests: 0}", "found 0; input should be greater than or equal to 1"),
        (HEAD + "concurrency: {max_concurrent_requests: 1.5}", "concurrency.max_concurrent_requests: found 1.5;"),
        (HEAD + "concurrency: {request_timeout: .inf}", "concurrency.request_timeout: found Infinity"),
        (HEAD + "retry: {multiplier: 0.5}", "retry.multiplier: found 0.5"),
        (HEAD + "retry: {base_delay: 10, max_delay: 5}", "retry.max_delay: found 5; at least base_delay (10)"),
        (HEAD + "max_wait: soon", "max_wait: found 'soon'; a number is allowed"),
        (HEAD + "fill_timeout: 0", "fill_timeout: found 0; input should be greater than 0"),
        (HEAD + "zzz: 1", "zzz: found an unknown key; Allowed: "),
        (HEAD + "  - {account_id: U1, strategy_name: x}", "accounts[1].account_id: found U1 twice, first in line 2"),
    ],
)
def test_a_bad_file_is_explained(text: str, expected: str) -> None:
    found = problems(text)
    assert any(expected in problem for problem in found), found
    assert len(found) == 1 or "is missing" in " ".join(found), found
    assert all(problem.startswith("accounts.yaml") for problem in found)


def test_all_problems_are_listed_in_the_order_of_the_file() -> None:
    found = problems(
        HEAD + "    type: demo\n    enabeld: false\n    cash_reserve_percent: 200\nretry: {multiplier: 0}\n"
    )
    assert [problem.split(":")[1] for problem in found] == ["4", "5", "6", "7"]


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "    allocations: {url: 'ftp://user:hunter2@host/p4th?token=t0ken'}",
        HEAD + "    allocations: {url: 'https://user:hunter2@host:99999/p4th?token=t0ken'}",
        HEAD + "    allocations: {url: 'https://user:hun/ter2@host/p4th?token=t0ken'}",
        HEAD + "    allocations: {url: 'https://user:hunter2 @host/p4th?token=t0ken'}",
        HEAD + "    allocations: {url: 'https://user:hunter2@host/p4th?token=t0ken', file: x}",
        HEAD + "    allocations: {uri: 'https://user:hunter2@host/p4th?token=t0ken'}",
        HEAD + "    allocations: {'https://user:hunter2@host/p4th?token=t0ken': url}",
        HEAD + "    allocations: https://user:hunter2@host/p4th?token=t0ken",
        HEAD + "    allocations: [https://user:hunter2@host/p4th?token=t0ken]",
        HEAD + "    allocations: {{https://user:hunter2@host/p4th?token=t0ken}: url}",
        HEAD + "    allocations: {'https://h:hunter2@h/p4th?t0ken': 1, 'https://h:hunter2@h/p4th?t0ken': 2}",
        HEAD + "    allocations: !<https://user:hunter2@host/p4th?token=t0ken> {}",
        HEAD + "    replacement_set: https://user:hunter2@host/p4th?token=t0ken",
        HEAD + "    held_out: https://user:hunter2@host/p4th?token=t0ken",
        HEAD + "allocations: {base_url: 'htps://user:hunter2@host/p4th?token=t0ken'}",
        HEAD + f"allocations: {{base_url: 'htps://user:hunter2{'x' * 60}@host/p4th?token=t0ken'}}",
        HEAD + "max_wait: https://user:hunter2@host/p4th?token=t0ken",
    ],
)
def test_no_message_shows_more_of_an_address_than_its_host(text: str) -> None:
    told = "".join(problems(text))
    assert [secret for secret in ("hunter2", "hun/ter2", "ter2", "p4th", "t0ken") if secret in told] == []


def test_aliases_cannot_blow_the_file_up() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert "too many values" in problems("\n".join(lines))[0]


def test_a_missing_file_is_explained(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationInvalid, match=r"cannot be read .*accounts\.example\.yaml"):
        load_configuration(tmp_path / "none.yaml")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationInvalid, match="cannot be read"):
        load_configuration(tmp_path)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "accounts.yaml"
    path.write_bytes(b"accounts: \xff")
    with pytest.raises(ConfigurationInvalid, match="no UTF-8 text at byte 11"):
        load_configuration(path)


def test_a_file_that_is_far_too_long_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "accounts.yaml"
    path.write_bytes(b"#" * 1_000_001)
    with pytest.raises(ConfigurationInvalid, match="found more than 1000000 bytes"):
        load_configuration(path)
