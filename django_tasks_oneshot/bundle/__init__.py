"""A bundle of a project for AWS Lambda. It knows neither tasks nor Django: ``manage.py build_lambda`` does."""
