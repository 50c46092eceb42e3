from __future__ import annotations

import hashlib
import json

import httpx
import pytest

from ktrdr import Client
from ktrdr.errors import ServiceRefused, ServiceUnreachable
from tests.fakes.client import FakeClient, not_found
from tests.serve.cli import recorded

ID = recorded.OPERATION_ID


def page_of(*items, total=None):
    return {"items": list(items), "total_count": total or len(items), "next_cursor": None}


def test_filters_are_passed_on_and_rows_have_ids_whole(ktrdr):
    running = recorded.operation("running", progress=recorded.epoch_of(5, 100))
    client = FakeClient(operations=page_of(running, total=7))
    ran = ktrdr(
        ["operations", "list", "--status", "running", "--strategy", "sp500_daily", "--active", "--limit", "1"], client
    )
    assert client.fields_of("operations") == {
        "status": "running",
        "strategy": "sp500_daily",
        "active": True,
        "limit": 1,
    }
    assert "58% Training neural network model - Epoch 5/100" in ran.out
    assert "1 of 7" in ran.out
    assert f".venv/bin/ktrdr operations follow {ID}" in ran.out


def test_without_active_nothing_is_filtered(ktrdr):
    client = FakeClient(operations=page_of())
    assert "no such operations" in ktrdr(["operations", "list"], client).out
    assert client.fields_of("operations")["active"] is None


@pytest.mark.parametrize("status", ["pending", "running", "completed", "failed", "cancelled"])
def test_an_operation_is_shown_in_every_status(ktrdr, status):
    operation = recorded.operation(status, queue={"position": 2, "ahead": 1} if status == "pending" else None)
    ran = ktrdr(["operations", "show", ID], FakeClient(operation=operation))
    assert ran.code == 0
    assert ID in ran.out
    assert "Next" in ran.out
    assert ("position 2, 1 ahead" in ran.out) == (status == "pending")
    assert (recorded.VERDICT in ran.out) == (status == "completed")
    assert ("Widen the date range." in ran.err) == (status == "failed")


def test_an_unknown_operation_is_refused_with_what_to_do(ktrdr):
    refused = not_found("Operation", "operation_id", "List them with `ktrdr operations list`.")
    ran = ktrdr(["operations", "show", "train-x"], FakeClient(operation=refused))
    assert (ran.code, ran.out) == (1, "")
    assert "operation_id: Operation not found. List them with `.venv/bin/ktrdr operations list`." in ran.err


@pytest.mark.parametrize(("status", "code"), [("completed", 0), ("failed", 1), ("cancelled", 1)])
def test_following_ends_with_how_the_operation_ended(ktrdr, status, code):
    client = FakeClient(events=recorded.a_training(recorded.operation(status)))
    assert ktrdr(["operations", "follow", ID], client).code == code


def test_ctrl_c_detaches_and_says_how_to_come_back(ktrdr):
    client = FakeClient(events=[*recorded.a_training(recorded.operation("completed"))[:3], KeyboardInterrupt()])
    ran = ktrdr(["operations", "follow", ID], client)
    assert ran.code == 130
    assert [name for name, _ in client.asked] == ["events"]
    assert f"`.venv/bin/ktrdr operations follow {ID}`" in ran.err


def test_a_service_that_goes_away_while_following_is_said(ktrdr):
    client = FakeClient(events=[ServiceUnreachable("http://127.0.0.1:8000")])
    ran = ktrdr(["operations", "follow", ID], client)
    assert ran.code == 1
    assert "the training itself is not touched" in ran.err


def test_following_with_json_prints_the_end_alone(ktrdr):
    end = recorded.operation("failed")
    ran = ktrdr(["operations", "follow", ID, "--json"], FakeClient(events=recorded.a_training(end)))
    assert (ran.code, json.loads(ran.out), ran.err) == (1, end, "")


def test_a_cancel_waits_for_the_end(ktrdr):
    states = [recorded.operation("cancelling"), recorded.operation("cancelling"), recorded.operation("cancelled")]
    client = FakeClient(cancel={}, operation=states)
    ran = ktrdr(["operations", "cancel", ID, "--reason", "wrong dates", "--force"], client)
    assert client.fields_of("cancel") == (ID, "wrong dates", True)
    assert (ran.code, f"{ID} is cancelled." in ran.out) == (0, True)
    assert ".venv/bin/ktrdr models train sp500_daily" in ran.out


def test_a_cancel_gives_up_waiting_after_ten_seconds(ktrdr):
    client = FakeClient(cancel={}, operation=recorded.operation("cancelling"))
    ran = ktrdr(["operations", "cancel", ID], client)
    assert (ran.code, f"{ID} is cancelling." in ran.out) == (0, True)
    assert len(client.asked) < 60


def test_a_cancel_that_came_too_late_is_exit_code_1(ktrdr):
    client = FakeClient(cancel={}, operation=recorded.operation("completed"))
    assert json.loads(ktrdr(["operations", "cancel", ID, "--json"], client).out)["status"] == "completed"
    assert ktrdr(["operations", "cancel", ID], client).code == 1


def test_logs_are_lines_or_one_list(ktrdr):
    record = {"time": "2025-11-25T20:00:00.1Z", "level": "info", "event": "Step 1: Loading [market] data", "attempt": 1}
    client = FakeClient(logs=[record])
    assert (
        "2025-11-25T20:00:00 info    Step 1: Loading [market] data attempt=1\n"
        in ktrdr(["operations", "logs", ID], client).out
    )
    assert json.loads(ktrdr(["operations", "logs", ID, "--json"], client).out) == [record]


LINES = [{"time": "2025-11-25T20:00:00Z", "level": "info", "event": f"Step {number}"} for number in (1, 2)]


def test_a_followed_log_is_printed_as_it_comes_until_the_end(ktrdr):
    ran = ktrdr(["operations", "logs", ID, "--follow"], FakeClient(follow_logs=LINES))
    assert ran.code == 0
    assert [line[-6:] for line in ran.out.splitlines()[:2]] == ["Step 1", "Step 2"]
    assert f".venv/bin/ktrdr operations show {ID}" in ran.out
    assert "Nothing was logged." in ktrdr(["operations", "logs", ID, "--follow"], FakeClient(follow_logs=[])).out


def test_a_followed_log_as_json_is_one_record_a_line_and_nothing_else(ktrdr):
    ran = ktrdr(["operations", "logs", ID, "--follow", "--json"], FakeClient(follow_logs=LINES))
    assert (ran.code, [json.loads(line) for line in ran.out.splitlines()]) == (0, LINES)


def test_ctrl_c_stops_following_a_log_and_says_how_to_come_back(ktrdr):
    client = FakeClient(follow_logs=[LINES[0], KeyboardInterrupt()])
    ran = ktrdr(["operations", "logs", ID, "--follow"], client)
    assert (ran.code, "Step 1" in ran.out) == (130, True)
    assert [name for name, _ in client.asked] == ["follow_logs"]
    assert f"`.venv/bin/ktrdr operations logs {ID} --follow`" in ran.err


NEW_ID = "train-01jdj5x0aa7k2m9zzz"
RETRIED = {**recorded.STARTED, "operation_id": NEW_ID}


def test_a_retry_names_the_new_operation_and_how_to_follow_it(ktrdr):
    client = FakeClient(retry=RETRIED)
    ran = ktrdr(["operations", "retry", ID], client)
    assert (ran.code, client.asked) == (0, [("retry", ID)])
    assert f"{NEW_ID} is pending, the retry of {ID}." in ran.out
    assert f".venv/bin/ktrdr operations follow {NEW_ID}" in ran.out
    assert json.loads(ktrdr(["operations", "retry", ID, "--json"], client).out) == RETRIED


@pytest.mark.parametrize(("status", "code"), [("completed", 0), ("failed", 1)])
def test_a_retry_can_be_followed_to_its_end(ktrdr, status, code):
    end = recorded.operation(status, operation_id=NEW_ID, parent_operation_id=ID)
    client = FakeClient(retry=RETRIED, events=recorded.a_training(end))
    ran = ktrdr(["operations", "retry", ID, "--follow"], client)
    assert (ran.code, client.asked) == (code, [("retry", ID), ("events", NEW_ID)])
    ran = ktrdr(["operations", "retry", ID, "--follow", "--json"], client)
    assert (ran.code, json.loads(ran.out)) == (code, end)


def test_what_has_not_ended_is_not_retried(ktrdr):
    refused = ServiceRefused(409, "Transition refused", f"Operation {ID} is running: it cannot be retried.")
    ran = ktrdr(["operations", "retry", ID], FakeClient(retry=refused))
    assert (ran.code, "is running" in ran.err) == (1, True)


def test_a_retry_is_shown_with_what_it_is_the_retry_of(ktrdr):
    child = recorded.operation("running", operation_id=NEW_ID, parent_operation_id=ID)
    assert f"Retry of   {ID}" in ktrdr(["operations", "show", NEW_ID], FakeClient(operation=child)).out
    listed = ktrdr(["operations", "list"], FakeClient(operations=page_of(child, recorded.operation("failed")))).out
    assert "retry of" in listed
    assert listed.count(ID) == 2
    assert (
        "retry of"
        not in ktrdr(["operations", "list"], FakeClient(operations=page_of(recorded.operation("failed")))).out
    )


def test_a_strategy_that_came_as_a_text_is_not_offered_by_a_name_nobody_knows(ktrdr):
    operation = recorded.operation("cancelled", request={"strategy_name": None})
    assert "models train" not in ktrdr(["operations", "show", ID], FakeClient(operation=operation)).out


def test_a_resume_says_that_it_waits_and_how_to_follow_it(ktrdr):
    client = FakeClient(resume=recorded.operation("pending"))
    ran = ktrdr(["operations", "resume", ID], client)
    assert (ran.code, client.asked) == (0, [("resume", ID)])
    assert f"{ID} is pending." in ran.out
    assert f".venv/bin/ktrdr operations follow {ID}" in ran.out
    assert json.loads(ktrdr(["operations", "resume", ID, "--json"], client).out)["status"] == "pending"


@pytest.mark.parametrize("status", ["failed", "cancelled"])
@pytest.mark.parametrize("resumable", [True, False])
@pytest.mark.parametrize("command", ["show", "cancel", "follow"])
def test_what_can_go_on_is_offered_to_be_resumed(ktrdr, status, resumable, command):
    operation = recorded.operation(status, resumable=resumable)
    client = FakeClient(operation=operation, cancel={}, events=recorded.a_training(operation))
    assert (f"operations resume {ID}" in ktrdr(["operations", command, ID], client).out) == resumable


def test_a_model_that_could_not_be_stored_is_shown_with_where_it_waits_and_how_it_is_stored(ktrdr):
    ran = ktrdr(["operations", "show", ID], FakeClient(operation=recorded.untaken()))
    assert f"/srv/.ktrdr/spool/{ID}.artifact on node 5fae8d1c at 10.0.0.7, 21,483 bytes" in " ".join(ran.out.split())
    assert f".venv/bin/ktrdr operations retry-transfer {ID}" in ran.out
    assert f".venv/bin/ktrdr operations retry-transfer {ID}" in ran.err


@pytest.mark.parametrize(("ended", "code"), [(recorded.operation("completed"), 0), (recorded.untaken(), 1)])
def test_a_hand_over_made_again_is_followed_to_its_end(ktrdr, ended, code):
    reopened = recorded.operation("running", status_reason="Its trained model is handed over again.")
    client = FakeClient(retry_transfer=reopened, events=recorded.events_of(end=ended))
    ran = ktrdr(["operations", "retry-transfer", ID], client)
    assert (ran.code, client.asked[0]) == (code, ("retry_transfer", ID))
    assert "Its trained model is handed over again." in ran.out
    assert (recorded.MODEL_ID in ran.out) == (code == 0)
    ran = ktrdr(["operations", "retry-transfer", ID, "--json"], client)
    assert (ran.code, json.loads(ran.out)["status"]) == (code, ended["status"])


def test_what_cannot_be_handed_over_again_says_why(ktrdr):
    refused = ServiceRefused(409, "Transition refused", f"Operation {ID} is completed: it cannot be handed over again.")
    ran = ktrdr(["operations", "retry-transfer", ID], FakeClient(retry_transfer=refused))
    assert (ran.code, ran.out) == (1, "")
    assert "is completed" in ran.err


def test_what_is_kept_is_copied_with_its_checksum(ktrdr, tmp_path):
    client, file = FakeClient(download_artifact=b"packed"), tmp_path / "model.artifact"
    ran = ktrdr(["operations", "artifact", ID, "--output", str(file)], client)
    assert (ran.code, file.read_bytes()) == (0, b"packed")
    sha256 = hashlib.sha256(b"packed").hexdigest()
    assert sha256 in ran.out
    assert f".venv/bin/ktrdr operations retry-transfer {ID}" in ran.out
    document = json.loads(ktrdr(["operations", "artifact", ID, "--output", str(file), "--json"], client).out)
    assert document == {"operation_id": ID, "path": str(file), "sha256": sha256, "size": 6}


@pytest.mark.parametrize("output", ["", ".", "/etc/passwd/x", "x" * 300])
def test_an_output_that_names_no_file_is_a_sentence(ktrdr, output):
    client = Client("http://service", transport=httpx.MockTransport(lambda _: httpx.Response(500)))
    ran = ktrdr(["operations", "artifact", ID, "--output", output], client)
    assert (ran.code, ran.out) == (1, "")
    assert "Name the file to write" in ran.err or "Choose another file" in ran.err
    assert "Traceback" not in ran.err
