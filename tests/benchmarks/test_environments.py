from __future__ import annotations

import sys

import environments
import pytest
from environments import Environment, EnvironmentMissingError


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Pins and environments in a folder of their own, with this Python."""
    monkeypatch.setattr(environments, "HERE", tmp_path)
    monkeypatch.setattr(environments, "BUILD", tmp_path / "build")
    monkeypatch.setenv("LIFTCAST_PEER_PYTHON", sys.executable)
    (tmp_path / "mix" / "peers").mkdir(parents=True)
    return tmp_path


def pinned(place, text, modules=("json",)):
    (place / "mix" / "peers" / "peer.txt").write_text(text, encoding="utf-8")
    return Environment("peer", modules, (3, 11))


def test_an_environment_is_made_once_and_anew_when_its_pins_change(place, capsys):
    environment = pinned(place, "# nothing\n")
    python = environments.make(environment)
    assert python.exists()
    assert environments.is_ready(environment)
    made = python.lstat().st_ctime_ns
    environments.make(environment)
    assert python.lstat().st_ctime_ns == made
    assert capsys.readouterr().out.count("installing") == 1
    assert not environments.is_ready(pinned(place, "# other\n"))


def test_an_index_that_has_not_got_it_is_a_clear_error_and_leaves_no_mark(place, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    environment = pinned(place, "liftcast-peer-that-is-not-there==1\n")
    with pytest.raises(EnvironmentMissingError, match="package index did not answer"):
        environments.make(environment)
    assert not environments.is_ready(environment)


def test_a_package_that_does_not_import_leaves_no_mark(place):
    environment = pinned(place, "# nothing\n", modules=("no_such_module",))
    with pytest.raises(EnvironmentMissingError, match="no_such_module"):
        environments.make(environment)
    assert not environments.is_ready(environment)


def test_no_fitting_python_names_what_was_found_and_what_to_do():
    wanted = Environment("peer", (), (9, 0))
    with pytest.raises(EnvironmentMissingError, match=r"needs Python 9\.0.*LIFTCAST_PEER_PYTHON"):
        environments.interpreter_for(wanted)


def test_every_peer_pins_its_whole_resolution():
    for environment in environments.ENVIRONMENTS.values():
        lines = environment.pins.read_text(encoding="utf-8").splitlines()
        pins = [line for line in lines if line and not line.startswith("#")]
        assert len(pins) > 10
        assert all(line.count("==") == 1 and "@" not in line for line in pins)
