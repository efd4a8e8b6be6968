"""What a chaos run is told, and what it found."""

from __future__ import annotations

from dataclasses import dataclass, field

LEAST_BLOWS = {"kill": 20, "stop": 10, "term": 5, "": 0}
# So many charges make sure that one of them is asked about while it is on its way.
ENOUGH = 400
# A person may be needed for one charge in a thousand (of few, for one), and only where three sends came to nothing.
MOST_IN_REVIEW = 0.001
REASONS_OF_REVIEW = (
    "sent three times, and PortOne knows nothing of it",
    "refused when it was sent again: it may be paid",
)
MOST_SENDS = 3


@dataclass(frozen=True)
class Plan:
    """One run.

    `mode` is how PortOne refuses a paid uid: "weak" (on arrival), "strict" (atomically), "none", or "mixed" (weak for
    one half of the uids, strict for the other). `blow` is what happens to a random worker every `every` seconds:
    "kill" is SIGKILL; "stop" is SIGSTOP for longer than a lease; "term" is what a deploy does; "" leaves them alone.
    `workers` are Celery's or the command in a loop. `trouble` is how often, in seconds, the broker loses all it has.
    `hints` is how often each message is sent; with `beats` nobody else sends any. `redelivers` makes the broker deliver
    again what has been worked on for more than two seconds, which a long `task_limit` makes happen. `quiet_period` and
    `task_limit` are the engine's, in seconds.
    """

    due: int
    mode: str = "weak"
    blow: str = "kill"
    every: float = 0.3
    seed: int = 0
    faulty: float = 0.10
    workers: str = "celery"
    trouble: float = 0.0
    hints: int = 1
    beats: int = 0
    redelivers: bool = False
    task_limit: float = 2.0
    quiet_period: float = 3.0
    approval_seconds: float = 0.0
    naive: int = 150
    settle_seconds: float = 60.0


@dataclass
class Result:
    """What one run showed, in counts; `problems` is empty when everything held."""

    plan: Plan
    seconds: float = 0.0
    calm_seconds: float = 0.0
    blows: int = 0
    cut_short: int = 0
    troubles: int = 0
    messages: int = 0
    again: int = 0
    paid: int = 0
    declined: int = 0
    review: int = 0
    why_review: dict[str, int] = field(default_factory=dict)
    double: int = 0
    unknown: int = 0
    stuck: int = 0
    effects: int = 0
    told: int = 0
    naive_doubles: int = 0
    resent: int = 0
    most_sends: int = 0
    sent_while_under_way: int = 0
    sent_though_paid: int = 0
    too_soon: int = 0
    under_way: int = 0
    late: int = 0
    faults: int = 0
    broken: int = 0
    problems: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """The result as it is printed."""
        return [
            f"{self.plan.due:,} due, {self.plan.mode}, {self.blows} × {_BLOWS[self.plan.blow]}, {self.faults} faults, "
            f"{self.seconds:.0f} s and {self.calm_seconds:.0f} s of calm",
            f"{self.paid} paid, {self.declined} declined, {self.review} in review; "
            f"double {self.double}, paid but unknown {self.unknown}, stuck {self.stuck}, "
            f"effects {self.effects} of {self.paid} (told {self.told} times)",
            *[f"  in review: {why}, {count} times" for why, count in self.why_review.items()],
            f"sent again {self.resent} (one uid at most {self.most_sends} times), of those {self.sent_while_under_way} "
            f"while the send before was under way and {self.sent_though_paid} after it landed",
            f"asked within the quiet period and shown nothing {self.too_soon} times, {self.under_way} of them about a "
            f"charge under way ({self.late} landed late); "
            f"the naive engine charged {self.naive_doubles} of {self.plan.naive} twice",
        ]


_BLOWS = {"kill": "SIGKILL", "stop": "SIGSTOP", "term": "SIGTERM", "": "nothing"}
