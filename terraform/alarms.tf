# Ticks are looked at as a whole. What else is an alarm is one number that is too high.

locals {
  alarms = merge(
    {
      for queue in concat([aws_sqs_queue.tick_dead], values(aws_sqs_queue.dead)) : trimprefix(queue.name, "${var.name}-") => {
        description = "There are dead letters in ${queue.name}: what nobody could run.",
        metric      = "AWS/SQS/ApproximateNumberOfMessagesVisible", dimensions = { QueueName = queue.name },
        statistic   = "Maximum", period = 60, threshold = 0,
      }
    },
    {
      for key, queue in aws_sqs_queue.tasks : "${key}-age" => {
        description = "A message in ${queue.name} has waited for more than ${var.alarm_message_age} seconds.",
        metric      = "AWS/SQS/ApproximateAgeOfOldestMessage", dimensions = { QueueName = queue.name },
        statistic   = "Maximum", period = 60, threshold = var.alarm_message_age,
      }
    },
    {
      for key, function in aws_lambda_function.this : "${key}-errors" => {
        description = "A call of ${function.function_name} has failed. (A task that fails is no error of its call.)",
        metric      = "AWS/Lambda/Errors", dimensions = { FunctionName = function.function_name },
        statistic   = "Sum", period = 300, threshold = 0,
      }
    },
    {
      for key, function in aws_lambda_function.this : "${key}-throttles" => {
        description = "Calls of ${function.function_name} were refused: the account, or its reserved concurrency, has no room for them.",
        metric      = "AWS/Lambda/Throttles", dimensions = { FunctionName = function.function_name },
        statistic   = "Sum", period = 300, threshold = 0,
      }
    },
    {
      # A run with much to do ends five seconds before its timeout, and that is as it should be.
      for key, function in aws_lambda_function.this : "${key}-duration" => {
        description = "A call of ${function.function_name} took almost all of its ${function.timeout} seconds.",
        metric      = "AWS/Lambda/Duration", dimensions = { FunctionName = function.function_name },
        statistic   = "Maximum", period = 300, threshold = 1000 * max(function.timeout - 3, 0.9 * function.timeout),
      }
    },
  )
}

resource "aws_cloudwatch_metric_alarm" "too_high" {
  for_each = { for key, alarm in local.alarms : key => alarm if var.enable_alarms }

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = dirname(each.value.metric)
  metric_name         = basename(each.value.metric)
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  period              = each.value.period
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  treat_missing_data  = "notBreaching" # of what nobody uses, CloudWatch hears nothing
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "no_tick" {
  count = var.enable_alarms ? 1 : 0

  alarm_name          = "${var.name}-no-tick"
  alarm_description   = "No tick of ${var.name} has succeeded for ${var.alarm_missed_ticks} intervals: schedules do not fire, and no task is rescued or retried."
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  # A call is counted when it has ended, and as of when it began: those under way are missing in the latest periods.
  evaluation_periods = var.alarm_missed_ticks + ceil(var.timeout / (60 * var.tick_rate))
  treat_missing_data = "breaching"
  alarm_actions      = var.alarm_actions
  ok_actions         = var.alarm_actions
  tags               = var.tags

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
