"""The compose file and what it mounts agree with each other and with the configurations."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from deploy.small_yaml import read

from muster_collector.config import load

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "deploy" / "compose"
STACK: dict[str, Any] = read(COMPOSE / "compose.yaml")
SERVICES: dict[str, Any] = STACK["services"]
PINNED = re.compile(r"[a-z/-]+:\d+\.\d+\.\d+")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository's folders that the stack mounts, after `prepare`."""
    root = tmp_path_factory.mktemp("stack")
    for name in ("deploy", "grafana"):
        ignore = shutil.ignore_patterns("private")
        shutil.copytree(ROOT / name, root / name, ignore=ignore)
    subprocess.run(
        [root / "deploy" / "compose" / "prepare", "broker.example", "192.0.2.1"],
        check=True,
        capture_output=True,
    )
    return root / "deploy" / "compose"


def mounts() -> Iterator[tuple[str, str, str]]:
    """Service, source and target of every mount."""
    for name, service in SERVICES.items():
        for mount in service.get("volumes", []):
            source, target = mount.split(":")[:2]
            yield name, source, target


def test_every_mounted_file_exists_and_every_volume_is_declared(prepared: Path) -> None:
    for name, source, _ in mounts():
        if source.startswith("."):
            assert (prepared / source).exists(), f"{name}: {source}"
        else:
            assert source in STACK["volumes"], f"{name}: {source}"
    for secret in STACK["secrets"].values():
        assert len((prepared / secret["file"]).read_text()) == 48


def test_secrets_cannot_be_reached_by_other_users(prepared: Path) -> None:
    assert (prepared / "private").stat().st_mode & 0o077 == 0
    again = subprocess.run([prepared / "prepare", "other"], capture_output=True, check=False)
    assert again.returncode == 1
    assert b"nothing was changed" in again.stderr


def test_secrets_are_declared_and_never_in_the_environment() -> None:
    for service in SERVICES.values():
        assert set(service.get("secrets", [])) <= set(STACK["secrets"])
        for key, value in service.get("environment", {}).items():
            if re.search("PASSWORD|TOKEN|SECRET", key):
                assert key.endswith("_FILE"), key
                assert str(value).startswith("/run/secrets/")


def test_images_are_pinned_and_services_watched() -> None:
    for name, service in SERVICES.items():
        assert PINNED.fullmatch(service["image"]), name
        if service["restart"] != "no":
            assert service["healthcheck"]["test"][0] == "CMD"
        for other, condition in service.get("depends_on", {}).items():
            wanted = condition["condition"]
            assert wanted in {"service_healthy", "service_completed_successfully"}
            assert ("healthcheck" in SERVICES[other]) == (wanted == "service_healthy")
    bases = re.findall(r"^FROM (\S+)", (COMPOSE / "Dockerfile").read_text(), re.MULTILINE)
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:\d+\.\d+\.\d+-[a-z-]+", bases[0])


def test_the_collector_reaches_the_services_by_their_names() -> None:
    config = tomllib.loads((COMPOSE / "collector.toml").read_text())
    assert config["mqtt"]["url"] == "mqtts://mosquitto:8883"
    assert "8883:8883" in SERVICES["mosquitto"]["ports"]
    influx = SERVICES["influxdb"]["environment"]
    assert config["store"]["url"] == SERVICES["grafana"]["environment"]["MUSTER_INFLUX_URL"]
    assert config["store"]["database"] == influx["DOCKER_INFLUXDB_INIT_BUCKET"]
    assert config["store"]["org"] == influx["DOCKER_INFLUXDB_INIT_ORG"]
    targets = {target for name, _, target in mounts() if name == "collector"}
    for key in ("ca_file", "cert_file", "key_file"):
        assert str(Path(config["mqtt"][key]).parent) in targets
    assert config["collector"]["data"] in targets
    assert str(Path(config["store"]["token_file"]).parent) in targets
    assert Path(config["api"]["token_file"]).name in SERVICES["collector"]["secrets"]
    assert (
        f"127.0.0.1:{config['api']['port']}:{config['api']['port']}"
        in (SERVICES["collector"]["ports"])
    )


@pytest.mark.parametrize("file", ["compose/collector.toml", "config/collector.toml"])
def test_the_collector_accepts_its_examples(file: str) -> None:
    config = load(ROOT / "deploy" / file)
    assert config.mqtt.cert_file
    assert config.store.kind == "influxdb"
    assert config.api.token_file


def test_the_owners_of_the_tokens_are_the_users_of_the_images() -> None:
    script = (COMPOSE / "tokens.sh").read_text()
    dockerfile = (COMPOSE / "Dockerfile").read_text()
    assert "make influx_collector_token 10001 " in script
    assert "--uid 10001" in dockerfile
    assert "USER 10001" in dockerfile
    assert "--write-bucket" not in script.split("influx_reader_token")[1].split("\n")[0]


def test_tokens_are_made_once(tmp_path: Path) -> None:
    """The script with a made-up `influx`, its folders in a temporary one."""
    calls = tmp_path / "calls"
    (tmp_path / "influx_admin_token").write_text("admin")
    influx = tmp_path / "influx"
    answer = r"{\n  \"id\": \"1\",\n  \"token\": \"secret==\",\n  \"x\": 1\n}\n"
    influx.write_text(
        '#!/bin/sh\n[ "$INFLUX_TOKEN" = admin ] || exit 9\n'
        f'echo "$@" >>{calls}\n'
        r'[ "$1" = auth ] || { printf "0abc\tmuster\t720h\n"; exit 0; }'
        f'\nprintf "{answer}"\n'
    )
    chown = tmp_path / "chown"
    chown.write_text("#!/bin/sh\n")
    for command in (influx, chown):
        command.chmod(0o755)
    tokens = tmp_path / "tokens"
    tokens.mkdir()
    script = (COMPOSE / "tokens.sh").read_text().replace("/run/secrets", str(tmp_path))
    script = script.replace("/tokens/", f"{tokens}/")
    for _ in range(2):
        path = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
        subprocess.run(["/bin/sh", "-c", script], check=True, env=path)
    assert (tokens / "influx_reader_token").read_text() == "secret==\n"
    assert (tokens / "influx_collector_token").stat().st_mode & 0o777 == 0o400
    assert calls.read_text().count("auth create") == 2


@pytest.mark.parametrize("variant", ["datasources-influxdb1", "datasources-influxdb2"])
def test_both_data_sources_have_the_uid_of_the_boards(variant: str) -> None:
    file = ROOT / "grafana" / "provisioning" / variant / "muster.yaml"
    (source,) = read(file)["datasources"]
    assert source["uid"] == "muster-influxdb"
    assert source["type"] == "influxdb"
    assert source["jsonData"]["dbName"] == "$MUSTER_INFLUX_DATABASE"
    assert source["editable"] is False
    secrets = source["secureJsonData"]
    assert all("$__file{/run/muster/" in text for text in secrets.values())
    if variant.endswith("2"):
        assert source["jsonData"]["httpHeaderName1"] == "Authorization"
        assert secrets["httpHeaderValue1"].startswith("Token ")
        assert "user" not in source
    else:
        assert source["user"] == "$MUSTER_INFLUX_USER"


@pytest.mark.parametrize(
    ("variant", "address"),
    [("contacts-mail", "$MUSTER_ALERT_MAIL"), ("contacts-webhook", "$MUSTER_ALERT_WEBHOOK")],
)
def test_both_ways_to_tell_group_by_site(variant: str, address: str) -> None:
    found = read(ROOT / "grafana" / "provisioning" / variant / "muster.yaml")
    (point,), (policy,) = found["contactPoints"], found["policies"]
    (receiver,) = point["receivers"]
    assert address in receiver["settings"].values()
    assert policy["receiver"] == point["name"]
    assert policy["group_by"] == ["site"]
    # A route of its own for some alerts would make a second group, and message, of the same site.
    assert "routes" not in policy


def test_every_board_is_provisioned() -> None:
    providers = read(ROOT / "grafana/provisioning/dashboards/muster.yaml")["providers"]
    target = next(target for _, source, target in mounts() if source == "../../grafana/boards")
    folders = {Path(provider["options"]["path"]).relative_to(target) for provider in providers}
    boards = {
        file.relative_to(ROOT / "grafana" / "boards").parent
        for file in (ROOT / "grafana" / "boards").glob("**/*.json")
    }
    assert folders == boards
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    board = ROOT / "grafana" / "boards" / Path(home).relative_to(target)
    assert json.loads(board.read_text())["uid"] == "muster-fleet"


def test_what_is_not_understood_is_refused(tmp_path: Path) -> None:
    for wrong in ("a: 1\n  b: 2\n", "a: 1\na: 2\n", "a: {b: [1]}\n", "a: &x 1\n", "- 1\nb: 2\n"):
        (tmp_path / "x.yaml").write_text(wrong)
        with pytest.raises(ValueError, match=r"x\.yaml:"):
            read(tmp_path / "x.yaml")
