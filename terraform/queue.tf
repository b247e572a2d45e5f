# Queues of tasks, and the function that runs them.

locals {
  queues = var.enable_queue ? var.queues : toset([])
}

resource "aws_sqs_queue" "tasks" {
  for_each = local.queues

  name = "${var.name}-${each.key}"
  # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html: six times the function's timeout
  visibility_timeout_seconds = 6 * var.timeout
  message_retention_seconds  = 1209600
  max_message_size           = var.max_message_size
  sqs_managed_sse_enabled    = true

  # A task that was received so often in vain is started no more: it is looked at.
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead[each.key].arn
    maxReceiveCount     = 10
  })

  tags = var.tags
}

resource "aws_sqs_queue" "dead" {
  for_each = local.queues

  name                      = "${var.name}-${each.key}-dead"
  message_retention_seconds = 1209600
  max_message_size          = var.max_message_size
  sqs_managed_sse_enabled   = true
  tags                      = var.tags
}

resource "aws_lambda_event_source_mapping" "tasks" {
  for_each = local.queues

  event_source_arn        = aws_sqs_queue.tasks[each.key].arn
  function_name           = aws_lambda_alias.live["queue"].arn
  batch_size              = var.batch_size
  function_response_types = ["ReportBatchItemFailures"] # without it, one bad message brings back the others

  dynamic "scaling_config" {
    for_each = var.maximum_concurrency == null ? [] : [var.maximum_concurrency]

    content {
      maximum_concurrency = scaling_config.value
    }
  }

  tags = var.tags

  # Lambda asks for its permissions when the mapping is made.
  depends_on = [aws_iam_role_policy.function]
}
