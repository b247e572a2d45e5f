locals {
  alarms       = var.enable_alarms ? local.functions : {}
  dead_letters = merge({ tick-dead = aws_sqs_queue.tick_dead.name }, { for name, queue in aws_sqs_queue.dead : "${name}-dead" => queue.name })
}

resource "aws_cloudwatch_metric_alarm" "no_tick" {
  count = var.enable_alarms ? 1 : 0

  alarm_name          = "${var.name}-no-tick"
  alarm_description   = "No tick of ${var.name} has succeeded for ${var.alarm_missed_ticks} intervals: schedules do not fire, and no task is rescued or retried."
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  evaluation_periods  = var.alarm_missed_ticks
  treat_missing_data  = "breaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = var.tags

  metric_query {
    id          = "succeeded"
    label       = "Ticks that succeeded"
    expression  = "FILL(calls, 0) - FILL(errors, 0)"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = { calls = "Invocations", errors = "Errors" }

    content {
      id = metric_query.key

      metric {
        namespace   = "AWS/Lambda"
        metric_name = metric_query.value
        dimensions  = { FunctionName = aws_lambda_function.this["tick"].function_name }
        stat        = "Sum"
        period      = var.tick_rate * 60
      }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  for_each = var.enable_alarms ? local.dead_letters : {}

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "There are dead letters in ${each.value}: what nobody could run."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = each.value }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching" # SQS says nothing of queues that nobody uses
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "oldest_message" {
  for_each = var.enable_alarms ? local.queues : toset([])

  alarm_name          = "${var.name}-${each.key}-age"
  alarm_description   = "A message in ${var.name}-${each.key} has waited for more than ${var.alarm_message_age} seconds."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = aws_sqs_queue.tasks[each.key].name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.alarm_message_age
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "errors" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.key}-errors"
  alarm_description   = "A call of ${var.name}-${each.key} has failed. (A task that fails is no error of its call.)"
  namespace           = "AWS/Lambda"
  metric_name         = "Errors"
  dimensions          = { FunctionName = aws_lambda_function.this[each.key].function_name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "throttles" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.key}-throttles"
  alarm_description   = "Calls of ${var.name}-${each.key} were refused: the account, or the function's reserved concurrency, has no room for them."
  namespace           = "AWS/Lambda"
  metric_name         = "Throttles"
  dimensions          = { FunctionName = aws_lambda_function.this[each.key].function_name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "duration" {
  for_each = local.alarms

  alarm_name        = "${var.name}-${each.key}-duration"
  alarm_description = "A call of ${var.name}-${each.key} took almost all of its ${each.value.timeout} seconds."
  namespace         = "AWS/Lambda"
  metric_name       = "Duration"
  dimensions        = { FunctionName = aws_lambda_function.this[each.key].function_name }
  statistic         = "Maximum"
  period            = 300
  # A run with much to do ends five seconds before its timeout, and that is as it should be.
  threshold           = 1000 * max(each.value.timeout - 3, 0.9 * each.value.timeout)
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = var.tags
}
