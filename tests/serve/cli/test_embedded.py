from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from ktrdr.wire.service_record import ServiceRecord
from serve.cli.embedded import EmbeddedServiceError, Listening, become_service, down, find, log_path, up
from serve.cli.machine import Machine
from tests.fakes.machine import Became, FakeMachine
from tests.serve.cli.conftest import a_running_service, record_of


def a_machine(settings, **fields):
    """Return a machine on which a started service answers at once."""
    return FakeMachine(on_spawn=lambda child, _: record_of(child.pid, settings.home).write(settings.home), **fields)


def test_where_none_runs_one_is_started_with_its_home_said_outright(settings):
    machine = a_machine(settings)
    started = up(settings, Listening("127.0.0.1", 8123, "none"), machine)
    assert started.is_new
    assert machine.spawned == [
        [sys.executable, "-m", "serve.service", "--host", "127.0.0.1", "--port", "8123", "--environment", "none"]
    ]
    assert machine.variables == {"KTRDR_HOME": str(settings.home)}
    assert find(settings, machine) == started.record


def test_where_one_runs_nothing_is_started(settings):
    machine = a_running_service(settings)
    assert not up(settings, machine=machine).is_new
    assert machine.spawned == []


@pytest.mark.parametrize("process", [{}, {50: "vim serve.service.txt"}])
def test_a_record_of_a_process_that_is_gone_or_another_counts_for_nothing(settings, process):
    a_running_service(settings, pid=50)
    machine = a_machine(settings, processes=dict(process))
    assert find(settings, machine) is None
    assert up(settings, machine=machine).is_new
    assert machine.signals == []


def test_a_start_that_meets_another_waits_for_it_and_finds_its_service(settings):
    others = []

    def meet_another(child, _):
        if not others:
            others.append(pool.submit(up, settings, machine=machine))
            wait(others, timeout=0.3)  # time enough to start a second one, if nothing held it back
        record_of(child.pid, settings.home).write(settings.home)

    machine = FakeMachine(on_spawn=meet_another)
    with ThreadPoolExecutor(1) as pool:
        first, second = up(settings, machine=machine), others[0].result(timeout=20)
    assert len(machine.spawned) == 1
    assert (first.is_new, second.is_new) == (True, False)
    assert first.record == second.record


def test_a_service_that_cannot_start_is_quoted_without_log_lines_and_traceback(settings):
    def die(child, log):
        log.write_text(
            "2025-11-25 20:00:00,123 ktrdr.service starts\n"
            "Traceback (most recent call last):\n"
            '  File "service.py", line 1, in main\n'
            "port: Port 8000 of 127.0.0.1 is not free (Address already in use). Choose another with --port.\n"
        )
        child.exit_status = 1

    with pytest.raises(EmbeddedServiceError) as raised:
        up(settings, machine=FakeMachine(on_spawn=die))
    said = [str(problem) for problem in raised.value.problems]
    assert said[0] == "The service did not start."
    assert said[1].startswith("port: Port 8000 of 127.0.0.1 is not free")
    assert str(log_path(settings.home)) in said[1]
    assert len(said) == 2


def test_a_service_that_never_answers_is_stopped_again(settings):
    machine = FakeMachine()
    with pytest.raises(EmbeddedServiceError, match="within 120 s"):
        up(settings, machine=machine)
    assert machine.signals == [(100, signal.SIGTERM)]
    assert machine.processes == {}


def test_an_interrupted_start_leaves_nothing_running(settings):
    class Interrupted(FakeMachine):
        def answers(self, url):
            raise KeyboardInterrupt

    machine = Interrupted(on_spawn=lambda child, _: record_of(child.pid, settings.home).write(settings.home))
    with pytest.raises(KeyboardInterrupt):
        up(settings, machine=machine)
    assert machine.processes == {}
    assert ServiceRecord.read(settings.home) is None


def test_a_running_service_that_does_not_answer_is_an_error_and_not_started_twice(settings):
    machine = a_running_service(settings)
    machine.deaf = {"http://127.0.0.1:8000"}
    with pytest.raises(EmbeddedServiceError, match="does not answer"):
        up(settings, machine=machine)
    assert machine.spawned == []


def test_each_start_has_its_own_log_and_the_one_before_is_kept(settings):
    log_path(settings.home).parent.mkdir(parents=True)
    log_path(settings.home).write_text("before")
    up(settings, machine=a_machine(settings))
    assert log_path(settings.home).with_name("service.previous.log").read_text() == "before"


def test_down_ends_the_service_and_forgets_it(settings):
    machine = a_running_service(settings)
    stopped = down(settings, machine)
    assert stopped is not None
    assert not stopped.was_killed
    assert machine.signals == [(50, signal.SIGTERM)]
    assert ServiceRecord.read(settings.home) is None
    assert down(settings, machine) is None


def test_down_makes_no_home_where_there_is_none(settings):
    assert down(settings, FakeMachine()) is None
    assert not settings.home.exists()


def test_down_kills_what_does_not_end_after_a_minute(settings):
    machine = a_running_service(settings)
    machine.stubborn = {50}
    stopped = down(settings, machine)
    assert stopped is not None
    assert stopped.was_killed
    assert machine.signals[-1] == (50, signal.SIGKILL)
    assert 60 <= machine.time_s < 90


def test_down_kills_processes_of_rays_that_outlive_the_service(settings):
    machine = a_running_service(settings)
    machine.processes[51] = "raylet"
    machine.sessions[50].add(51)
    down(settings, machine)
    assert machine.signals == [(50, signal.SIGTERM), (51, signal.SIGKILL)]


def test_down_ends_what_a_service_that_crashed_left_behind(settings):
    machine = a_running_service(settings)
    machine.processes, machine.sessions = {51: "raylet"}, {50: {51}}
    assert down(settings, machine) is None
    assert machine.signals == [(51, signal.SIGKILL)]


def test_down_touches_no_process_that_is_not_the_service(settings):
    machine = a_running_service(settings)
    machine.processes[50] = "vim"
    assert down(settings, machine) is None
    assert machine.signals == []
    assert ServiceRecord.read(settings.home) is None


def test_in_the_foreground_this_process_becomes_the_service(settings):
    machine = FakeMachine()
    with pytest.raises(Became):
        become_service(settings, Listening(port=8001), machine)
    assert machine.spawned[0][1:5] == ["-m", "serve.service", "--host", "127.0.0.1"]


def test_a_real_process_leads_a_session_of_its_own_and_writes_to_its_log(tmp_path):
    code = "import os, sys; print(os.environ['SAID'], os.getsid(0) == os.getpid(), repr(sys.stdin.read()))"
    child = Machine().spawn([sys.executable, "-c", code], tmp_path / "log", {"SAID": "hello"})
    assert isinstance(child, subprocess.Popen)
    assert child.wait(timeout=20) == 0
    assert (tmp_path / "log").read_text() == "hello True ''\n"


def test_a_real_process_is_seen_by_its_command_and_session(tmp_path):
    machine, ready = Machine(), tmp_path / "ready"
    os.mkfifo(ready)
    code = "import signal, sys; open(sys.argv[1], 'w').close(); signal.pause()"
    child = machine.spawn([sys.executable, "-c", code, str(ready), "serve.service"], tmp_path / "log", {})
    assert isinstance(child, subprocess.Popen)
    try:
        ready.read_text()  # returns once the child has come so far
        assert machine.command_of(child.pid).split()[-1] == "serve.service"
        assert machine.members(child.pid) == [child.pid]
    finally:
        machine.send(child.pid, signal.SIGKILL)
        child.wait(timeout=20)
    assert machine.members(child.pid) == []
    assert machine.command_of(child.pid) == ""


def test_a_taken_port_is_passed_over():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert Machine().free_port("127.0.0.1", port) != port


def test_the_kind_of_node_is_left_to_the_service_where_nothing_is_said(settings):
    machine = a_machine(settings)
    up(settings, Listening("127.0.0.1", 8123), machine)
    assert machine.spawned == [[sys.executable, "-m", "serve.service", "--host", "127.0.0.1", "--port", "8123"]]
