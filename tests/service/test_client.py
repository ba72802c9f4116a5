"""Python's client, which has the methods of a cube, and the ways in which a cube finds a service."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pyarrow
import pytest
from serving import Served

import duckdb_sketch
from duckdb_sketch.cli.query import query as query_command
from duckdb_sketch.cube import Cube, CubeError
from duckdb_sketch.remote import ServiceClient, ServiceError, connect_service

QUERY = "SELECT country, count(*) AS n, count(DISTINCT user_id) AS users FROM bids GROUP BY ALL ORDER BY country"


@pytest.fixture
def client(service: Served) -> ServiceClient:
    return duckdb_sketch.connect_service(service.url)


def test_rows_are_a_relation_with_the_types_of_the_answer(client: ServiceClient) -> None:
    relation = client.sql("SELECT country, sum(price) AS p, min(ts) AS t FROM bids WHERE country = 'de' GROUP BY 1")
    ((country, price, time),) = relation.fetchall()
    assert (country, time) == ("de", datetime(2026, 1, 1))
    assert isinstance(price, Decimal)


def test_sketches_can_be_asked_on(client: ServiceClient) -> None:
    answer = client.sql("SELECT hll_sketch_agg(user_id) AS users FROM bids")
    assert answer.aggregate("hll_sketch_estimate(hll_union_agg(users))").fetchall() == [(97,)]


def test_an_answer_says_what_is_an_estimate(client: ServiceClient) -> None:
    answer = client.answer(QUERY)
    assert answer.explanation.approximate == ("users",)
    assert answer.explanation.tables == ["hourly"]
    assert answer.explanation.routed


def test_several_answers_are_there_at_once(client: ServiceClient) -> None:
    one, other = client.sql("SELECT count(*) FROM bids"), client.sql("SELECT count(*) + 1 FROM bids")
    assert (one.fetchall(), other.fetchall()) == ([(200,)], [(201,)])


def test_parameters_of_python_types(client: ServiceClient) -> None:
    query = "SELECT count(*) FROM bids WHERE ts < $1 AND country = $2 AND price < $3"
    found = client.sql(query, [datetime(2026, 1, 1, 7), "de", Decimal("50.5")]).fetchall()
    assert (
        found
        == client.sql(
            "SELECT count(*) FROM bids WHERE ts < '2026-01-01 07:00' AND country = 'de' AND price < 50.5"
        ).fetchall()
    )
    with pytest.raises(ServiceError, match="a parameter is a object"):
        client.sql("SELECT $1 FROM bids", [object()])


def test_metrics_dimensions_and_explanations_as_of_a_cube(service: Served) -> None:
    with Cube(connect_service(service.url)) as cube:
        assert "count(*)" in [metric.sql for metric in cube.metrics()]
        assert [each.sql for each in cube.dimensions() if each.sql == "country"] == ["country"]
        assert "bids" in cube.words()
        explanation = cube.explain(QUERY)
        assert [part.name for part in explanation.parts] == ["hourly"]
        assert "reads hourly" in str(explanation)
        with pytest.raises(CubeError, match='"nothing" not found'):
            cube.sql("SELECT nothing FROM bids")
        with pytest.raises(CubeError, match="gives no advice"):
            cube.advise([QUERY])


def test_a_cube_finds_the_service_that_has_its_database_open(service: Served) -> None:
    with Cube(service.configuration.database) as cube:
        assert cube.sql("SELECT count(*) FROM bids").fetchall() == [(200,)]
        with pytest.raises(CubeError, match="time zone"):
            Cube(service.configuration.database, time_zone="Europe/Berlin")
        with pytest.raises(CubeError, match="data of this process"):
            Cube(service.configuration.database, {"bids": pyarrow.table({"a": [1]})})


def test_the_command_line_asks_a_service(service: Served, capsys: pytest.CaptureFixture[str]) -> None:
    query_command(None, "SELECT count(*) AS n FROM bids", url=service.url, as_csv=True)
    assert capsys.readouterr().out == "n\n200\n"
    query_command(service.configuration.database, "SELECT count(*) AS n FROM bids", as_csv=True)
    assert capsys.readouterr().out == "n\n200\n"
    with pytest.raises(CubeError, match="choose a database or a service"):
        query_command(None, QUERY)


def test_a_service_that_is_not_there(service: Served) -> None:
    with pytest.raises(ServiceError, match="cannot be reached"):
        connect_service("http://127.0.0.1:9").sql(QUERY)
    for url in ("127.0.0.1:8123", "ftp://a", "http://", "http://a:b"):
        with pytest.raises(ServiceError, match="is not an address"):
            connect_service(url)


def test_a_connection_that_was_closed_meanwhile_is_opened_again(client: ServiceClient) -> None:
    assert client.sql("SELECT count(*) FROM bids").fetchall() == [(200,)]
    client._transport._local.connection.sock.close()
    assert client.sql("SELECT count(*) FROM bids").fetchall() == [(200,)]
