"""Completes what is typed in a shell: commands, options, states, accounts and files."""
