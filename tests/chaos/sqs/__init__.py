#: The variable that tells the settings what the OPTIONS of an SQSBackend are.
OPTIONS = "CHAOS_SQS"
