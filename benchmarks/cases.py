"""Names the cases: how many exports, how long their reports take, and what came before."""

from dataclasses import dataclass, replace

SLOTS = 5
SIGMA = 0.5
CSV_BYTES = 200_000


@dataclass(frozen=True, slots=True)
class Case:
    """One amount of work; `mean` is the mean build time in seconds, `earlier` the finished exports of the same kind.

    Each of the vendor's answers takes `answer_seconds` more than it needs.
    """

    accounts: int
    exports: int
    mean: float
    earlier: int = 0
    answer_seconds: float = 0.0

    @property
    def total(self) -> int:
        """The exports of all accounts."""
        return self.accounts * self.exports

    @property
    def poll_floor(self) -> float:
        """The least wait between two polls, in seconds: what a user who knows the order of magnitude would set."""
        return self.mean / 20

    @property
    def patience(self) -> float:
        """Seconds after which a contender is given up: six times the work on five slots an account, and a minute.

        Where answers are slow, also the time that they take one after the other.
        """
        rounds = max(self.exports / SLOTS, 1.0)
        return 60.0 + 6 * rounds * self.mean + self.total * self.answer_seconds


A_COLD = Case(accounts=1, exports=200, mean=0.4)
A_WARM = replace(A_COLD, earlier=40)
# For a contender that looks every five seconds: the same work, enough of it to tell.
A_SHORT = replace(A_COLD, exports=15)
B_COLD = Case(accounts=1, exports=40, mean=5.0)
B_WARM = replace(B_COLD, earlier=40)
C = Case(accounts=200, exports=5, mean=0.4)
# What a step mostly does is wait for the vendor: how many run at once decides, not the cores of this machine.
S = replace(C, answer_seconds=0.3)


def quick(case: Case) -> Case:
    """Make a case small enough for a look; its figures are rough."""
    if case.accounts > 1:
        return replace(case, accounts=20)
    return replace(case, exports=min(case.exports, 40 if case.mean < 1 else 10), earlier=min(case.earlier, 20))
