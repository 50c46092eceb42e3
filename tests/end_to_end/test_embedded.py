"""The embedded service as a user has it: `ktrdr up`, commands and drivers, kill -9, `down`."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

import ktrdr
from ktrdr.data import BarStore, DataManager
from ktrdr.errors import ServiceRefused
from ktrdr.prediction import Predictor
from ktrdr.storage import ModelStorage
from ktrdr.wire.service_record import ServiceRecord
from serve.cli.machine import Machine
from tests.end_to_end.conftest import all_of, free_port, held, wait_until

KTRDR = Path(sys.executable).with_name("ktrdr")
EXAMPLES = Path(__file__).parents[2] / "examples"


def override(n_epochs: int) -> list[str]:
    """Return the options of a training that goes through all of `n_epochs`."""
    return ["--override", f"training.epochs={n_epochs}", "--override", f"training.early_stopping.patience={n_epochs}"]


LONG = override(100_000)
N_MIDDLING = 200
MIDDLING = all_of(N_MIDDLING)
"""A training of some seconds, for a client."""


@dataclass
class Home:
    """A folder with a service, and the commands typed in it. Ray's variables of this test process do not reach them."""

    folder: Path
    port: int

    @property
    def record(self) -> ServiceRecord | None:
        return ServiceRecord.read(self.folder / ".ktrdr")

    @property
    def variables(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
        return {**kept, "COLUMNS": "160", "RAY_USAGE_STATS_ENABLED": "0"}

    def run(self, *command: str | Path, timeout_s: float = 150, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(part) for part in command],
            cwd=self.folder,
            env={**self.variables, **more},
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def ktrdr(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return self.run(KTRDR, *arguments, **more)

    def client(self) -> ktrdr.Client:
        assert self.record is not None
        return ktrdr.Client(self.record.url)

    def start_long_training(self) -> str:
        ran = self.ktrdr("models", "train", "sp500_daily", "--detach", "--json", *LONG)
        assert ran.returncode == 0, ran.stderr
        operation_id = str(json.loads(ran.stdout)["operation_id"])
        wait_until(lambda: (self.client().operation(operation_id)["progress"] or {}).get("current_step") == 7)
        return operation_id


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    made = Home(tmp_path_factory.mktemp("home"), free_port())
    # no attempt is given up here for its silence: some are held while others begin
    (made.folder / "environments.yaml").write_text("environments: [{name: cpu-docker, mode: local, lease_s: 300}]")
    ran = made.ktrdr("up", "--port", str(made.port))
    assert ran.returncode == 0, ran.stderr + ran.stdout
    assert f"http://127.0.0.1:{made.port}/docs" in ran.stdout
    yield made
    ended = made.ktrdr("down")
    assert ended.returncode == 0, ended.stderr


def test_up_again_finds_the_service_and_starts_nothing(home: Home) -> None:
    assert home.record is not None
    pid = home.record.pid
    ran = home.ktrdr("up", "--port", str(home.port))
    assert ran.returncode == 0
    assert "already" in ran.stdout
    assert home.record is not None
    assert home.record.pid == pid


def test_a_training_prints_lines_metrics_beside_baselines_and_commands_that_can_be_typed(home: Home) -> None:
    ran = home.ktrdr("models", "train", "sp500_daily", *override(60))
    assert ran.returncode == 0, ran.stderr
    for expected in ("majority class", "Accuracy 0.", "models/sp500_daily/SP500_1d_v1"):
        assert expected in ran.stdout
    typed = re.search(r"ktrdr (models show sp500_daily/\S+)", ran.stdout)
    assert typed is not None
    shown = home.ktrdr(*typed.group(1).split())
    assert shown.returncode == 0
    assert (home.folder / "models" / "sp500_daily" / "SP500_1d_latest" / "model.pt").exists()


def test_a_prediction_over_http_is_what_the_stored_model_says_in_this_process(
    home: Home, bundled_bars_dir: Path
) -> None:
    with home.client() as client:
        name = client.models("sp500_daily")["items"][0]["name"]
        answer = client.predict("sp500_daily", name, start_date="2017-01-01")
    model = ModelStorage(home.folder / "models").load("sp500_daily", name)
    predicted = Predictor(model, DataManager(BarStore([bundled_bars_dir]))).predict(start_date="2017-01-01")
    assert predicted.probabilities is not None
    assert len(predicted) > 400
    assert [list(item["probabilities"].values()) for item in answer["items"]] == predicted.probabilities.tolist()
    assert [item["class"] for item in answer["items"]] == [predicted.classes[code] for code in predicted.codes]


def test_a_killed_process_of_predictions_is_replaced(home: Home) -> None:
    os.kill(pid_of(home, "ServeReplica:ktrdr:Prediction"), signal.SIGKILL)
    with home.client() as client:
        name = client.models("sp500_daily")["items"][0]["name"]

        def is_answered() -> bool:
            try:
                return len(client.predict("sp500_daily", name)["items"]) == 1
            except ServiceRefused as refused:
                assert refused.status == 503
                return False

        wait_until(is_answered)


def test_the_exports_reach_the_cluster_with_rays_own_commands(home: Home) -> None:
    operation = json.loads(home.ktrdr("operations", "list", "--json").stdout)["items"][0]
    bin_folder = KTRDR.parent
    list_tasks = f"{bin_folder}/ray list tasks --filter type=NORMAL_TASK --format json"
    listed = home.run("bash", "-c", f'eval "$({KTRDR} status --env)"; {list_tasks}')
    assert operation["operation_id"] in [task["name"] for task in json.loads(listed.stdout)], listed.stderr
    refused = home.run("bash", "-c", f"{bin_folder}/ray list tasks --address {home.record.dashboard_url}")  # type: ignore[union-attr]
    assert refused.returncode != 0  # without the token


@pytest.mark.parametrize("example", ["train_without_http.py", "train_with_client.py"])
def test_a_driver_of_ones_own_trains(home: Home, example: str) -> None:
    ran = home.run(sys.executable, EXAMPLES / example)
    assert ran.returncode == 0, ran.stderr
    assert re.search(r"Model: models/sp500_daily/SP500_1d_v\d+", ran.stdout)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["models", "train", "sp500_dialy"], 1, "Did you mean 'sp500_daily'?"),
        (["models", "train", "sp500_daily", "--symbols", "SP50"], 1, "Did you mean 'SP500'?"),
        (["models", "train", "sp500_daily", "--start-date", "2031-01-01"], 1, "2018-12-31"),
        (["models", "train", "sp500_daily", "--require-gpu"], 1, "cpu-docker (cpu)"),
        (["models", "train", "wrong.yaml"], 1, "line 1, column 1"),
        (["models", "train", "one_class.yaml"], 1, "HOLD"),
        (["models", "train", "absent.yaml"], 1, "absent.yaml"),
        (["models", "train", "sp500_daily", "--sead", "1"], 2, "--seed"),
        (["models", "train"], 2, "STRATEGY"),
        (["models", "show", "sp500_daily/SP500_1d_v999"], 1, "SP500_1d_v1"),
        (["operations", "show", "train-nope"], 1, "Operation not found: train-nope"),
    ],
)
def test_bad_input_is_an_exit_code_and_a_sentence_never_a_traceback(
    home: Home, strategies_dir: Path, arguments: list[str], code: int, says: str
) -> None:
    text = (strategies_dir / "minimal.yaml").read_text()
    (home.folder / "wrong.yaml").write_text("nmae: minimal\n" + text)
    barriers = "{source: triple_barrier, pt_multiplier: 1.0e6, sl_multiplier: 1.0e6, expiry_band: 1.0e6}"
    one_class = re.sub(r"labels:.*", f"labels: {barriers}", text)
    (home.folder / "one_class.yaml").write_text(one_class)
    before = sorted((home.folder / "models").rglob("*"))
    ran = home.ktrdr(*arguments)
    assert ran.returncode == code, ran.stdout + ran.stderr
    assert says in ran.stdout + ran.stderr
    assert "Traceback" not in ran.stdout + ran.stderr
    assert sorted((home.folder / "models").rglob("*")) == before


def test_ctrl_c_cancels_the_training(home: Home) -> None:
    process = subprocess.Popen(
        [str(KTRDR), "models", "train", "sp500_daily", *LONG],
        cwd=home.folder,
        env=home.variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: home.client().operations(status="running")["total_count"] == 1)
    [running] = home.client().operations(status="running")["items"]
    wait_until(lambda: (home.client().operation(running["operation_id"])["progress"] or {}).get("current_step") == 7)
    assert process.stdout is not None
    shown = []  # of progress the latest wins: of an endless training some epochs are shown
    for line in process.stdout:
        shown.append(line)
        if "Epoch " in line:
            break
    assert re.search(r"Epoch \d+/100,?000: train loss \d", shown[-1])
    assert any("Step 7/12" in line for line in shown)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert home.client().operation(running["operation_id"])["status"] == "cancelled"


DRIVER = """
import ray, actors
operations = actors.connect()
operation_id = ray.get(operations.submit.remote({"strategy_name": "sp500_daily", "overrides": OVERRIDES}))
ray.get(operations.wait.remote(operation_id))
"""


@pytest.mark.parametrize(
    "submitter",
    [
        pytest.param([KTRDR, "models", "train", "sp500_daily", *override(N_MIDDLING)], id="command"),
        pytest.param([sys.executable, "-c", DRIVER.replace("OVERRIDES", repr(MIDDLING))], id="driver"),
    ],
)
def test_whoever_submitted_a_training_is_killed_and_it_completes(home: Home, submitter: list[str | Path]) -> None:
    process = subprocess.Popen(
        [str(part) for part in submitter], cwd=home.folder, env=home.variables, stdout=subprocess.DEVNULL
    )
    with home.client() as client:
        wait_until(lambda: client.operations(status="running")["total_count"] == 1)
        operation_id = client.operations(status="running")["items"][0]["operation_id"]
        wait_until(lambda: client.metrics(operation_id)["epochs"])
        with held(operation_id):
            process.kill()
            process.wait()
            assert client.operation(operation_id)["status"] == "running"
        ended = client.wait(operation_id)
    assert (ended["status"], ended["attempt"]) == ("completed", 1)
    assert len(ended["metrics"]["epochs"]) == N_MIDDLING


def pid_of(home: Home, class_name: str) -> int:
    """Return the process of one actor: Ray names its worker by the class."""
    found = subprocess.run(["pgrep", "-f", f"ray::{class_name}"], capture_output=True, text=True, check=False)
    session = os.getsid(home.record.pid)  # type: ignore[union-attr]
    [pid] = [int(pid) for pid in found.stdout.split() if os.getsid(int(pid)) == session]
    return pid


def sequence_of(client: ktrdr.Client, operation_id: str) -> int:
    """Return the number of the newest progress; 0 while the actor that knows it is away."""
    try:
        progress = client.operation(operation_id)["progress"]
    except ServiceRefused as refused:
        assert refused.status == 503
        return 0
    return int(progress["sequence"]) if progress else 0


@pytest.mark.parametrize("actor", ["HostedOperations", "HostedModelStorage", "HostedBars"])
def test_a_killed_actor_comes_back_and_the_training_goes_on(home: Home, actor: str) -> None:
    operation_id = home.start_long_training()
    with home.client() as client:
        before = client.operation(operation_id)["progress"]["sequence"]
        os.kill(pid_of(home, actor), signal.SIGKILL)
        wait_until(lambda: sequence_of(client, operation_id) > before)
        wait_until(lambda: client.health()["status"] == "ok")
        assert client.operation(operation_id)["attempt"] == 1
        client.cancel(operation_id)
        assert client.wait(operation_id)["status"] == "cancelled"
        again = client.train("sp500_daily", overrides={"training.epochs": 2})
        assert client.wait(again["operation_id"])["status"] == "completed"


def test_a_killed_dispatcher_takes_its_trainings_up_again(home: Home) -> None:
    operation_id = home.start_long_training()
    with home.client() as client:
        found = subprocess.run(["pgrep", "-f", "ray::HostedDispatcher"], capture_output=True, text=True, check=True)
        session = os.getsid(home.record.pid)  # type: ignore[union-attr]
        for pid in map(int, found.stdout.split()):
            if os.getsid(pid) == session:
                os.kill(pid, signal.SIGKILL)
        wait_until(lambda: client.operation(operation_id)["attempt"] == 2)
        wait_until(lambda: client.operation(operation_id)["status"] == "running")
        client.cancel(operation_id)
        assert client.wait(operation_id)["status"] == "cancelled"


def test_a_head_killed_with_all_its_processes_loses_nothing_and_trains_nothing_twice(home: Home) -> None:
    n_slots = os.cpu_count() or 1
    with home.client() as client:
        started = [
            client.train("sp500_daily", checkpoint_every_epochs=5, overrides=MIDDLING) for _ in range(n_slots + 1)
        ]
        ids = [operation["operation_id"] for operation in started]
        with ExitStack() as stack:  # they begin seconds apart: the first is held until the last has come as far

            def all_have_kept_a_state(on_their_way: set[str]) -> bool:
                for one in list(on_their_way):
                    if len(client.metrics(one)["epochs"]) > 6:
                        stack.enter_context(held(one))
                        on_their_way.remove(one)
                return not on_their_way

            to_hold = set(ids[:-1])
            wait_until(lambda: all_have_kept_a_state(to_hold))
            assert [client.operation(one)["status"] for one in ids] == ["running"] * n_slots + ["pending"]
            assert home.record is not None
            machine = Machine()
            for pid in machine.members(home.record.pid):  # the service, Ray's own processes, actors, trainings
                machine.send(pid, signal.SIGKILL)
    ran = home.ktrdr("up", "--port", str(home.port))
    assert ran.returncode == 0, ran.stderr + ran.stdout
    with home.client() as client:
        ended = [client.wait(one) for one in ids]
        lines = [[line["event"] for line in client.logs(one)] for one in ids]
        models = [model["operation_id"] for model in client.models()["items"]]
    assert [(one["status"], one["attempt"]) for one in ended] == [("completed", 2)] * n_slots + [("completed", 1)]
    resumed = [sum(line.startswith("Resumed after epoch") for line in of_one) for of_one in lines]
    assert resumed == [1] * n_slots + [0]
    for one in ended:
        assert models.count(one["operation_id"]) == 1
        assert [epoch["epoch"] for epoch in one["metrics"]["epochs"]] == list(range(1, N_MIDDLING + 1))


def test_down_puts_what_runs_back_into_the_queue_and_up_goes_on(home: Home) -> None:
    operation_id = home.start_long_training()
    wait_until(lambda: len(home.client().metrics(operation_id)["epochs"]) >= 5)
    assert home.record is not None
    session = home.record.pid
    down = home.ktrdr("down")
    assert down.returncode == 0, down.stderr
    assert home.record is None
    left = subprocess.run(["ps", "-s", str(session), "-o", "stat=,args="], capture_output=True, text=True, check=False)
    assert [line for line in left.stdout.splitlines() if not line.startswith("Z")] == []
    assert home.ktrdr("status").returncode == 1
    assert home.ktrdr("up", "--port", str(home.port)).returncode == 0
    with home.client() as client:
        wait_until(lambda: client.operation(operation_id)["status"] == "running")
        operation = client.operation(operation_id)
        assert (operation["attempt"], operation["max_attempts"]) == (2, 4)  # a suspension does not count
        wait_until(lambda: any(line["event"].startswith("Resumed after epoch") for line in client.logs(operation_id)))
        epochs = [epoch["epoch"] for epoch in client.metrics(operation_id)["epochs"]]
        assert epochs == list(range(1, len(epochs) + 1)) and len(epochs) >= 5
        client.cancel(operation_id)
        client.wait(operation_id)


def test_a_taken_port_is_said(home: Home, tmp_path: Path) -> None:
    other = Home(tmp_path, home.port)
    ran = other.ktrdr("up", "--port", str(home.port))
    assert ran.returncode == 1
    assert f"Port {home.port}" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert other.record is None


def test_off_loopback_a_key_is_asked_for(tmp_path: Path) -> None:
    other = Home(tmp_path, free_port())
    ran = other.ktrdr("up", "--host", "0.0.0.0", "--port", str(other.port))
    assert ran.returncode == 1
    assert "KTRDR_API_KEY" in ran.stderr
