# A tick each so many minutes. One that fails is not tried again: the next one does all that it should have done.

locals {
  # jsonencode() writes < and > as \u003c and \u003e, and Scheduler fills in only what it finds unescaped.
  # https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
  tick_input = replace(replace(jsonencode(merge(
    { backend = var.tick_backend, time = "<aws.scheduler.scheduled-time>" },
    length(var.tick_queues) > 0 ? { queues = var.tick_queues } : {},
  )), "\\u003c", "<"), "\\u003e", ">")
}

resource "aws_scheduler_schedule_group" "this" {
  name = var.name
  tags = var.tags
}

resource "aws_scheduler_schedule" "tick" {
  name                = "tick"
  description         = "Runs what is due of ${var.name}"
  group_name          = aws_scheduler_schedule_group.this.name
  schedule_expression = var.tick_rate == 1 ? "rate(1 minute)" : "rate(${var.tick_rate} minutes)"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_lambda_alias.live["tick"].arn
    role_arn = aws_iam_role.scheduler.arn
    input    = local.tick_input

    retry_policy {
      maximum_event_age_in_seconds = 60
      maximum_retry_attempts       = 0
    }

    dead_letter_config {
      arn = aws_sqs_queue.tick_dead.arn
    }
  }

  depends_on = [aws_iam_role_policy.scheduler]
}

# Scheduler hands a tick to Lambda and is done; by itself, Lambda would run one that fails three times.
resource "aws_lambda_function_event_invoke_config" "tick" {
  function_name                = aws_lambda_function.this["tick"].id
  qualifier                    = aws_lambda_alias.live["tick"].name
  maximum_event_age_in_seconds = min(var.tick_rate * 60, 21600)
  maximum_retry_attempts       = 0

  destination_config {
    on_failure {
      destination = aws_sqs_queue.tick_dead.arn
    }
  }
}

resource "aws_sqs_queue" "tick_dead" {
  name                      = "${var.name}-tick-dead"
  message_retention_seconds = 86400 # they are to be seen, and not to be made up for
  sqs_managed_sse_enabled   = true
  tags                      = var.tags
}
