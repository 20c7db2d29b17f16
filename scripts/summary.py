"""What the demo says at the end: a row for each source, and whether every record is accounted for."""

from dataclasses import dataclass

HEADINGS = ("", "sent", "processed", "failed for good", "failures", "duplicates", "invocations")


@dataclass
class Account:
    """What came of the records of one source, counted from the function's own ledger and where failed records go."""

    name: str
    sent: int
    processed: int
    failed: int
    where: str
    failures: int
    duplicates: int
    invocations: int
    # Whether all good records, and no others, were processed.
    complete: bool
    # Whether each poison record is where it belongs, once and unchanged.
    delivered: bool
    # Whether forebay counts the same. None when it does not answer.
    counts: bool | None
    # Whether the order was kept. None where there is none.
    ordered: bool | None = None

    def row(self):
        where = self.where if self.failed == 1 or not self.where.endswith("record") else f"{self.where}s"
        return (self.name, f"{self.sent:,}", f"{self.processed:,}", f"{self.failed:,} {where}",
                f"{self.failures:,}", f"{self.duplicates:,}", f"{self.invocations:,}")


def summarize(display, accounts, order, took):
    """Shows all accounts. Returns whether they add up; what does not is said for each source."""
    processed, failed = (sum(getattr(account, name) for account in accounts) for name in ("processed", "failed"))
    display.say()
    display.table(HEADINGS, [account.row() for account in accounts])
    display.say()
    checks = [
        ("complete", f"each of the {processed:,} good records was processed, and no other",
         "some good records are missing, or others were processed"),
        ("delivered", f"each of the {failed:,} failed records is where it belongs, once and unchanged",
         "failed records are missing, changed, there twice, or good ones"),
        ("ordered", order, "the order was broken"),
        ("counts", "forebay's own counters agree", "forebay's own counters differ, or `forebay list -o json` does not answer"),
    ]
    adds_up = True
    for name, good, bad in checks:
        wrong = [account.name for account in accounts if getattr(account, name) is False or (name == "counts" and account.counts is None)]
        display.verdict(not wrong, f"{', '.join(wrong)}: {bad}" if wrong else good)
        adds_up = adds_up and not wrong
    display.say(f"   {took:.1f} s from forebay's start until all records were processed")
    return adds_up
