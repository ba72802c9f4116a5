"""What someone does in Superset, through its API: adds a database, asks in SQL Lab, and draws a chart of a table.

Runs in Superset's environment. Reads `uri`, `extra`, `query`, `table` and `metric` as JSON; writes the rows of both.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from superset.app import create_app

client = create_app().test_client()


def call(path: str, body: dict[str, Any], **headers: str) -> Any:
    response = client.post(f"/api/v1/{path}", json=body, headers=headers)
    if response.status_code >= 300:
        sys.exit(f"{path}: {response.status_code}: {response.text}")
    return response.json


asked = json.load(sys.stdin)
token = call("security/login", {"username": "admin", "password": "admin", "provider": "db"})["access_token"]
signed_in = {"Authorization": f"Bearer {token}"}

database = {"database_name": "rollups", "sqlalchemy_uri": asked["uri"], "extra": json.dumps(asked["extra"])}
call("database/test_connection/", database, **signed_in)
number = call("database/", {**database, "expose_in_sqllab": True}, **signed_in)["id"]
in_sql_lab = call("sqllab/execute/", {"database_id": number, "sql": asked["query"], "runAsync": False}, **signed_in)

dataset = call("dataset/", {"database": number, "schema": "main", "table_name": asked["table"]}, **signed_in)["id"]
metric = {"expressionType": "SQL", "sqlExpression": asked["metric"], "label": "users"}
day = {"expressionType": "SQL", "columnType": "BASE_AXIS", "sqlExpression": "hour", "label": "day", "timeGrain": "P1D"}
chart = {
    "datasource": {"id": dataset, "type": "table"},
    "queries": [{"columns": [day], "metrics": [metric], "orderby": [["day", True]], "row_limit": 10}],
}
on_chart = call("chart/data", chart, **signed_in)
json.dump({"in SQL Lab": in_sql_lab["data"], "on a chart": on_chart["result"][0]["data"]}, sys.stdout)
