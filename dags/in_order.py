"""Run DAGs one after the other in this process, through `dag.test()`; stop at the first red one.

`python dags/in_order.py '[["ingest", {"everything": true}], ["transform", {}]]'` does what
`airflow dags test` does for each, but pays Airflow's start (10 s) once. Told to standard error in
JSON lines; Airflow's own log goes to standard output.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Any

from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.dagbag import BundleDagBag
from airflow.listeners import hookimpl
from airflow.sdk.listener import get_listener_manager


class Teller(logging.Handler):
    """Tells task states and what the stages say of their progress, one JSON line each."""

    dag = ""
    begun = 0.0

    def tell(self, event: str, text: str, error: str = "", seconds: float = 0.0) -> None:
        facts = {"event": event, "dag": self.dag, "text": text, "error": error, "seconds": seconds}
        sys.stderr.write(json.dumps(facts) + "\n")
        sys.stderr.flush()

    def emit(self, record: logging.LogRecord) -> None:
        self.tell("progress", record.getMessage())

    @hookimpl
    def on_task_instance_running(self, previous_state, task_instance):
        self.begun = time.monotonic()

    @hookimpl
    def on_task_instance_success(self, previous_state, task_instance):
        self.ended("success", task_instance)

    @hookimpl
    def on_task_instance_skipped(self, previous_state, task_instance):
        self.ended("skipped", task_instance)

    @hookimpl
    def on_task_instance_failed(self, previous_state, task_instance, error):
        self.ended("failed", task_instance, str(error))

    def ended(self, state: str, task_instance: Any, error: str = "") -> None:
        name = task_instance.task_id
        if task_instance.map_index >= 0:
            name += f" {task_instance.rendered_map_index or task_instance.map_index}"
        self.tell(state, name, error, time.monotonic() - self.begun)


def main(runs: list[tuple[str, dict[str, Any]]]) -> int:
    """Run each; 0 when all ended green, 1 at the first that did not."""
    teller = Teller()
    get_listener_manager().add_listener(teller)
    logging.getLogger("liftcast").addHandler(teller)
    manager = DagBundlesManager()
    manager.sync_bundles_to_db()
    (bundle,) = manager.get_all_dag_bundles()
    bundle.initialize()
    bag = BundleDagBag(bundle.path, bundle_path=bundle.path, bundle_name=bundle.name)
    for teller.dag, conf in runs:
        if bag.dags[teller.dag].test(run_conf=conf).state != "success":
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
