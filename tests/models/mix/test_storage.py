"""A stored result comes back as it was, and a file that is none is an error."""

import io
import json
import pickle
import zipfile

import numpy as np
import pandas as pd
import pytest

from models.mix import MixModel, MixResult, MixSpec
from models.mix.spec import DriverSpec, Sampling
from models.mix.storage import StoredResultError, load
from tests.models.mix.releases import release, split

SPEC = MixSpec(
    sampling=Sampling(starts=1, chains=2, warmup=40, draws=60, longer=1),
    drivers={"radio": DriverSpec(adstock="weibull", saturation="logistic")},
)
FRAMES = ("contributions", "summary", "curves", "parameters", "gates")


@pytest.fixture(scope="module")
def result():
    return MixModel(SPEC).fit(split(release(dates=90))[0], seed=2)


@pytest.fixture(scope="module")
def stored(result):
    file = io.BytesIO()
    result.save(file)
    return file.getvalue()


def members(raw):
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(parts, method=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return file.getvalue()


def changed(stored, change):
    parts = members(stored)
    document = json.loads(parts["result.json"])
    change(document)
    return zipped({**parts, "result.json": json.dumps(document)})


@pytest.mark.parametrize("name", FRAMES)
def test_frames_of_a_loaded_result_equal_the_saved_ones_byte_for_byte(result, stored, name):
    loaded = MixResult.load(io.BytesIO(stored))
    was, now = getattr(result, name)(), getattr(loaded, name)()
    pd.testing.assert_frame_equal(was, now, check_exact=True)
    assert was.to_csv().encode() == now.to_csv().encode()


def test_diagnostics_settings_and_spec_come_back(result, stored):
    loaded = MixResult.load(io.BytesIO(stored))
    assert json.dumps(dict(loaded.diagnostics()), sort_keys=True, default=str) == json.dumps(
        dict(result.diagnostics()), sort_keys=True, default=str
    )
    assert loaded.settings == result.settings
    assert loaded.estimate.spec == result.estimate.spec


def test_a_loaded_result_predicts_the_same(result, stored):
    future = split(release(dates=90))[1]
    loaded = MixResult.load(io.BytesIO(stored))
    assert np.array_equal(loaded.predict(future).paths, result.predict(future).paths)


def test_the_same_result_gives_the_same_bytes_and_saves_again_alike(result, stored):
    file = io.BytesIO()
    result.save(file)
    assert file.getvalue() == stored
    again = io.BytesIO()
    MixResult.load(io.BytesIO(stored)).save(again)
    assert again.getvalue() == stored


@pytest.mark.parametrize("part", [0.0, 0.001, 0.3, 0.9, 0.9999])
def test_a_file_cut_short_is_an_error(stored, part):
    with pytest.raises(StoredResultError):
        load(io.BytesIO(stored[: int(len(stored) * part)]))


def test_changed_bytes_are_an_error(stored):
    rng = np.random.default_rng(0)
    for at in rng.integers(0, len(stored), 12):
        broken = bytearray(stored)
        broken[at] ^= 0xFF
        try:
            frame = load(io.BytesIO(bytes(broken))).contributions()
        except StoredResultError:
            continue
        # What is not covered by a checksum (a time, an attribute) changes no number.
        pd.testing.assert_frame_equal(frame, load(io.BytesIO(stored)).contributions())


def test_another_version_is_named(stored):
    with pytest.raises(StoredResultError, match="version 99"):
        load(io.BytesIO(changed(stored, lambda d: d.update(version=99))))


def test_another_document_is_an_error(stored):
    for document in ("[]", "{}", '"x"', "nonsense", "[" * 100_000):
        with pytest.raises(StoredResultError):
            load(io.BytesIO(zipped({"result.json": document})))
    with pytest.raises(StoredResultError, match=r"result\.json"):
        load(io.BytesIO(zipped({"other": "1"})))


def test_settings_of_another_version_name_the_setting(stored):
    with pytest.raises(StoredResultError, match="media_share"):
        load(io.BytesIO(changed(stored, lambda d: d["spec"].update(media_share=7))))


def test_a_changed_prior_is_told_from_the_stored_draws(stored):
    with pytest.raises(StoredResultError, match="Fit again"):
        load(io.BytesIO(changed(stored, lambda d: d["spec"].update(media_share=0.6))))


def test_objects_are_never_unpickled(stored, tmp_path):
    class Trap:
        def __reduce__(self):
            return (pickle.loads, (b"not reached",))

    held = io.BytesIO()
    np.save(held, np.array([Trap()], dtype=object), allow_pickle=True)
    with pytest.raises(StoredResultError, match=r"0\.npy"):
        load(io.BytesIO(zipped({**members(stored), "0.npy": held.getvalue()})))


def test_a_header_that_promises_more_than_is_there_fills_no_memory(stored):
    held = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        held, {"descr": "<f8", "fortran_order": False, "shape": (2**40, 2**10)}
    )
    with pytest.raises(StoredResultError, match="cut short or changed"):
        load(io.BytesIO(zipped({**members(stored), "0.npy": held.getvalue()})))


def test_a_compressed_file_is_refused_before_it_unfolds(stored):
    bomb = zipped({"result.json": " " * 50_000_000}, zipfile.ZIP_DEFLATED)
    with pytest.raises(StoredResultError, match="compressed"):
        load(io.BytesIO(bomb))


def test_arrays_of_another_shape_are_an_error(stored):
    parts = members(stored)
    names = [n for n in parts if n.endswith(".npy")]
    for name in names[::4]:
        array = np.load(io.BytesIO(parts[name]))
        held = io.BytesIO()
        np.save(held, np.append(array.ravel(), array.ravel()[:1]))
        with pytest.raises(StoredResultError):
            load(io.BytesIO(zipped({**parts, name: held.getvalue()})))


def test_unknown_things_are_not_built(stored):
    def swap(document):
        document["mode"]["data"] = "Popen"

    with pytest.raises(StoredResultError, match="Popen"):
        load(io.BytesIO(changed(stored, swap)))
