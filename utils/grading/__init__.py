"""Judging files that nobody trusts: intake, a sandbox that runs them, a judge outside it, reports."""
