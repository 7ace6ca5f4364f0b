"""Speaks to Intelligems: one long POST that builds an experience's export and answers with a signed link."""

from landfall.vendors.intelligems.account import IntelligemsAccount
from landfall.vendors.intelligems.request import IntelligemsRequest
from landfall.vendors.schemas import VendorSchemas

SCHEMAS = VendorSchemas(request=IntelligemsRequest, account=IntelligemsAccount, starts_repeat=True)
