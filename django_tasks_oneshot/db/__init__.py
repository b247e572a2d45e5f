"""What the models stand on: columns that mean the same on every database, and the database's own clock."""
