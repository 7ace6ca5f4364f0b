"""Lists the pages."""

from api.pages import (
    accounts,
    batches,
    bulk,
    docs,
    export,
    export_list,
    export_steering,
    keys,
    live,
    login,
    new_export,
    overview,
    statics,
    webhooks,
    workers,
)

PAGES = (
    login.router,
    live.router,
    statics.router,
    docs.router,
    overview.router,
    # Before those of one export: its id may be anything.
    new_export.router,
    bulk.router,
    export_list.router,
    export_steering.router,
    export.router,
    accounts.router,
    batches.router,
    webhooks.router,
    keys.router,
    workers.router,
)
