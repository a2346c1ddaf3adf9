"""What else a shop could send the same letter with."""
