"""The REST API of PortOne V1, one noun a file; importing this registers every address."""

from . import cancels, charges, codes, customers, elsewhere, finding, prepared, records, schedules, users, vbanks

__all__ = [
    "cancels", "charges", "codes", "customers", "elsewhere", "finding", "prepared", "records", "schedules", "users",
    "vbanks",
]  # fmt: skip
