"""Secrets of DuckDB as credentials of object stores."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from events import write_events
from object_store import ObjectStore, object_store
from processes import OUTSIDE, PROJECT, run_python

from duckdb_sketch.rollup.sources import secrets
from duckdb_sketch.rollup.sources.objects import is_served
from duckdb_sketch.rollup.sources.secrets import Secret, secret_of, secrets_of

TEXT = (
    "name=mine;type=s3;provider=config;scope=s3://events;endpoint={};key_id=k;region=eu-west-1;secret=s==;url_style={}"
)
JOB = """
import duckdb, duckdb_sketch
from duckdb_sketch.rollup import Rollup, RollupError

statement = "SELECT date_trunc('hour', ts) AS hour, count(*) AS n FROM bids GROUP BY ALL"
for shown in (True, False):
    con = duckdb_sketch.connect(config={{"allow_unredacted_secrets": shown, "allow_unsigned_extensions": "true"}})
    con.execute("LOAD '{extension}'")
    con.execute('''CREATE SECRET (TYPE s3, KEY_ID 'test', SECRET 'test', REGION 'us-east-1', ENDPOINT '{endpoint}',
        URL_STYLE 'path', USE_SSL false, SCOPE 's3://events')''')
    with Rollup.from_sql(statement, sources={{"bids": "s3://events/in/*.parquet"}}, name="h", database=con) as rollup:
        rows = rollup.refresh().rows
        rollup.replay()
        assert rollup.verify().ok
        try:
            rollup.export("s3://events/out")
            with Rollup.from_export("s3://events/out", name="again", database=con) as again:
                written = again.status()[0].rows == rows
        except RollupError as error:
            written = "allow_unredacted_secrets" in str(error) and "not shown"
    print(shown, rows, written)
"""


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "_known", {})


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    with object_store(monkeypatch) as store:
        yield store


def test_what_a_secret_says() -> None:
    credentials = {"access_key_id": "k", "secret_access_key": "s==", "region": "eu-west-1"}
    for endpoint, style, more in (
        ("127.0.0.1:9000", "path;use_ssl=false", {"endpoint": "http://127.0.0.1:9000"}),
        ("store.host", "path;use_ssl=true", {"endpoint": "https://store.host"}),
        ("s3.amazonaws.com", "vhost", {"virtual_hosted_style_request": "true"}),
    ):
        (found,) = secrets_of([("s3", ["s3://events"], TEXT.format(endpoint, style))], shown=True)
        assert found == Secret("s3://events", tuple({**credentials, **more}.items()))
    (hidden,) = secrets_of([("s3", ["s3://"], TEXT.format("", "vhost"))], shown=False)
    assert hidden == Secret("s3://", None)


def test_which_secret_is_for_a_url() -> None:
    for scope, options in (("s3://", None), ("s3://events/in", (("region", "x"),))):
        secrets._known[scope] = Secret(scope, options)
    assert secret_of("s3://events/in/1.parquet") == Secret("s3://events/in", (("region", "x"),))
    assert secret_of("s3://events/1.parquet") == Secret("s3://", None)
    assert secret_of("gs://events/1.parquet") is None
    assert is_served("s3://events/in/1.parquet")
    assert not is_served("s3://events/1.parquet")  # which DuckDB reads by itself


@pytest.mark.slow
def test_secrets_of_httpfs(store: ObjectStore, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyPI has DuckDB's httpfs for some versions only."""
    modules = tmp_path / "modules"
    packages = ["duckdb==1.5.5", "duckdb-extension-httpfs==1.5.5"]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", modules, *packages]
    subprocess.run(pip, env=OUTSIDE, check=True)
    (extension,) = modules.glob("**/httpfs.duckdb_extension")
    store.put("in/1.parquet", write_events(tmp_path / "1.parquet", 0, 40))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name)
    job = JOB.format(extension=extension, endpoint=store.url.removeprefix("http://"))
    printed = run_python(job, path=tmp_path, HOME=str(home), PYTHONPATH=f"{modules}:{PROJECT}")
    assert printed.splitlines() == ["True 40 True", "False 40 not shown"]
