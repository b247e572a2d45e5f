"""One run: claim due tasks, execute them, record how they ended, exit. Knows no concrete backend."""
