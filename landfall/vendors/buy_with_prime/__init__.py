"""Speaks to Buy with Prime: report tasks over GraphQL, five of them at once."""

from landfall.vendors.buy_with_prime.account import BuyWithPrimeAccount
from landfall.vendors.buy_with_prime.request import BuyWithPrimeRequest
from landfall.vendors.schemas import VendorSchemas

SCHEMAS = VendorSchemas(request=BuyWithPrimeRequest, account=BuyWithPrimeAccount, starts_repeat=False)
