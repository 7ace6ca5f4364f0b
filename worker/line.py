"""Holds together what a worker needs to serve one account."""

from dataclasses import dataclass

from landfall.exports.policy import Policy
from landfall.vendors.vendor import Vendor
from worker.shelf import Shelf
from worker.transfer.fetch import Transfer


@dataclass(frozen=True, slots=True)
class Line:
    """The vendor to be asked, the way to its files, its patience, and where files go."""

    vendor: Vendor
    transfer: Transfer
    policy: Policy
    shelf: Shelf
