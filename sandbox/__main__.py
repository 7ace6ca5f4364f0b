"""Runs the sandbox as ``python -m sandbox``."""

from sandbox.main import main

raise SystemExit(main())
