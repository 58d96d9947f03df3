"""The collector's configuration file: what is right, what is wrong, and what is said about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from muster_collector.config import Config, load, model_of, read_secret
from muster_collector.config_reference import duration, generate
from muster_collector.durations import parse
from muster_collector.errors import ConfigError


def write(directory: Path, text: str) -> Path:
    file = directory / "collector.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_an_empty_file_is_a_whole_configuration(tmp_path: Path) -> None:
    assert load(write(tmp_path, "")) == Config()


def test_every_shipped_configuration_loads() -> None:
    deploy = Path(__file__).parents[2] / "deploy"
    found = list(deploy.rglob("collector*.toml"))
    assert found
    for file in found:
        load(file)


def test_durations_and_partitions_are_read(tmp_path: Path) -> None:
    text = '[collector]\npartitions = "0-2,63"\n[scoring]\nwindow = "1m30s"\nevery = "5s"\n'
    config = load(write(tmp_path, text))
    assert config.collector.partitions == {0, 1, 2, 63}
    assert (config.scoring.window, config.scoring.every) == (90.0, 5.0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[mqtt]\ncolour = 1", "[mqtt] colour: unknown key, use one of url, root"),
        ("[colour]\n", "[colour]: unknown section, use one of mqtt, collector"),
        ("[mqtt\n", "not TOML: "),
        ('[mqtt]\nurl = "http://x"', '[mqtt] url = "http://x": use mqtt://HOST or mqtts://HOST,'),
        ('[mqtt]\nurl = "mqtt://x:99999"', '"mqtt://x:99999": use mqtt://HOST'),
        ('[mqtt]\nurl = "mqtt://me:secret@x"', ": use mqtt://HOST"),
        ('[mqtt]\nurl = "mqtt://[::1"', ": use mqtt://HOST"),
        ('[store]\nurl = "http://:8086"', '[store] url = "http://:8086": use http://HOST or https'),
        ('[store]\nurl = "http://x:0"', '[store] url = "http://x:0": use http://HOST or https'),
        ('[alerts]\nwebhook_url = "http://x:99999/y"', "[alerts] webhook_url = "),
        (
            '[alerts]\nsmtp_url = "smtp://x:99999"',
            "use smtp://HOST or smtp+starttls://HOST or smtps",
        ),
        (
            '[alerts]\nsmtp_url = "smtp://mail.example"\nsmtp_username = "me"',
            '[alerts] smtp_username = "me": use smtp+starttls:// or smtps:// in smtp_url',
        ),
        ('[mqtt]\nroot = "a/#"', '[mqtt] root = "a/#": '),
        ("[mqtt]\nkeepalive = 10", "[mqtt] keepalive = 10: write a duration such as 10s"),
        ('[mqtt]\nkeepalive = "0s"', '[mqtt] keepalive = "0s": '),
        ('[collector]\npartitions = "0-64"', 'use numbers and ranges of 0 to 63, such as "0-31"'),
        ('[collector]\npartitions = "x"', "use numbers and ranges of 0 to 63"),
        ('[collector]\nroles = ["cook"]', "[collector] roles = "),
        ("[collector]\nroles = []", "use some of"),
        ('[store]\nkind = "oracle"', '[store] kind = "oracle": '),
        ("[api]\nport = 0", "[api] port = 0: "),
        ('[api]\nport = "eighty"', '[api] port = "eighty": '),
        ("mqtt = 3", "[mqtt]: "),
        ('[[source]]\nformat = "influx"', "[source] topic: is needed"),
        ('[[source]]\ntopic = "a/#/b"\nformat = "influx"', '[source] topic = "a/#/b": '),
        ('[[source]]\ntopic = "#"\nformat = "influx"', '[source] topic = "#": '),
        ('[[source]]\ntopic = "t"\nformat = "xml"', '[source] format = "xml": '),
        ('[[source]]\ntopic = "muster/#"\nformat = "json"', "takes in muster/v1, which is Muster"),
        ('[[source]]\ntopic = "muster/+"\nformat = "json"', "takes in muster/v1, which is Muster"),
        ('[[source]]\ntopic = "t"\nformat = "json"\nhost = 1', "[source] host: unknown key, use"),
        (
            '[[source]]\ntopic = "t"\nformat = "json"\nnodes = { A = "x", B = "x" }',
            "two hosts have one node id",
        ),
        (
            '[[source]]\ntopic = "t"\nformat = "json"\nnodes = { A = "X" }',
            "[source] nodes = ",
        ),
    ],
)
def test_what_is_wrong_is_one_line_with_place_and_mend(
    tmp_path: Path, text: str, words: str
) -> None:
    file = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load(file)
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"{file}: ")
    assert words in line


@pytest.mark.parametrize(
    "text",
    [
        '[mqtt]\nurl = "mqtt://[::1]:1883"',
        '[mqtt]\nurl = "mqtts://broker.example/"',
        '[store]\nurl = "http://me:secret@[fd00::1]:8086/db?x=1"',
        '[alerts]\nwebhook_url = ""\nsmtp_url = "smtp://127.0.0.1"\nsmtp_username = "me"',
        '[alerts]\nsmtp_url = "smtps://mail.example:465"\nsmtp_username = "me"',
    ],
)
def test_addresses_of_every_kind_are_taken(tmp_path: Path, text: str) -> None:
    load(write(tmp_path, text))


def test_two_mistakes_are_two_lines(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, "[api]\nport = 0\ncolour = 1\n"))
    assert len(str(caught.value).splitlines()) == 2


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no-such\.toml: cannot be read"):
        load(tmp_path / "no-such.toml")
    (tmp_path / "collector.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "collector.toml")


def test_a_secret_is_one_line(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(" word \n")
    assert read_secret(secret, "[api] token_file") == "word"
    assert read_secret(None, "[api] token_file") is None
    for wrong in ("", "\n", "two\nlines"):
        secret.write_text(wrong)
        with pytest.raises(ConfigError, match=r"\[api\] token_file = .*must hold one line") as bad:
            read_secret(secret, "[api] token_file")
        assert "two" not in str(bad.value)


def test_every_setting_is_explained_in_the_reference() -> None:
    (text,) = generate().values()
    for name in Config.model_fields:
        assert f"[{name}]" in text
        for key, declared in model_of(name).model_fields.items():
            assert declared.description, key
            assert f"| `{key}` |" in text


@pytest.mark.parametrize("text", ["250ms", "1s", "90s", "5m", "1h", "30d"])
def test_durations_are_written_as_they_are_read(text: str) -> None:
    assert parse(duration(parse(text))) == parse(text)
