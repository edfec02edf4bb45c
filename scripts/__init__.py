"""One thin module per subcommand of learn.py; the logic is in utils/course."""
