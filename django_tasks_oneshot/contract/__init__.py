"""What a task may ask for, in words that hold on any ``django.tasks`` backend.

Knows no database and no queue: it could be moved into Django as it stands.
"""
