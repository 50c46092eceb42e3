from __future__ import annotations

import pytest

from actors import cancellation
from actors.cancellation import follow_cancel
from ktrdr.async_infrastructure import ThreadCancellationToken


class Away(Exception):
    pass


class Polls:
    """Answers polls from a list; an exception is raised."""

    def __init__(self, *answers: tuple[str, str | None] | type[Exception]) -> None:
        self.answers = list(answers)

    def __call__(self, timeout_s: float) -> tuple[str, str | None]:
        answer = self.answers.pop(0)
        if isinstance(answer, type):
            raise answer
        return answer


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cancellation, "RETRY_S", 0.0)


def test_a_cancel_flips_the_token_with_its_reason_however_often_the_actor_was_away() -> None:
    token = ThreadCancellationToken()
    polls = Polls(("run", None), Away, Away, ("run", None), ("cancel", "enough"))
    follow_cancel(polls, token, (Away,)).join(10)
    assert token.is_cancelled()
    assert token.reason == "enough"
    assert polls.answers == []


def test_a_training_whose_attempt_is_over_stops_since_another_may_have_begun() -> None:
    token = ThreadCancellationToken()
    thread = follow_cancel(Polls(("run", None), ("over", None)), token, (Away,))
    thread.join(10)
    assert not thread.is_alive()
    assert token.is_cancelled()
    assert token.reason == "This attempt has ended"


def test_a_suspension_stops_a_training_by_the_same_token() -> None:
    token = ThreadCancellationToken()
    follow_cancel(Polls(("run", None), ("suspend", "the service stops")), token, (Away,)).join(10)
    assert token.is_cancelled()
    assert token.reason == "the service stops"
