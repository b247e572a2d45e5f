# What a tick alone is, with all that has a default. `override_during` needs Terraform 1.11; the module does not.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  name            = "site"
  zip_path        = "tests/bundle.txt"
  settings_module = "mysite.settings"
}

run "ticks_alone" {
  command = plan

  assert {
    condition     = keys(aws_lambda_function.this) == ["tick"]
    error_message = "The tick is the only function."
  }

  assert {
    condition     = length(aws_sqs_queue.tasks) + length(aws_sqs_queue.dead) + length(aws_lambda_event_source_mapping.tasks) == 0
    error_message = "There are no queues of tasks."
  }

  assert {
    condition     = length(aws_lambda_function_url.web) + length(aws_cloudformation_stack.web_permission) == 0
    error_message = "There is no URL."
  }

  assert {
    condition     = output.web_url == null
    error_message = "The output for the URL is null."
  }

  assert {
    condition     = aws_scheduler_schedule.tick.schedule_expression == "rate(1 minute)"
    error_message = "A tick comes each minute, in the singular."
  }

  assert {
    condition     = aws_scheduler_schedule.tick.flexible_time_window[0].mode == "OFF"
    error_message = "A tick comes on time."
  }

  assert {
    condition     = aws_scheduler_schedule.tick.target[0].input == "{\"backend\":\"default\",\"time\":\"<aws.scheduler.scheduled-time>\"}"
    error_message = "Scheduler finds its placeholder unescaped, and no queues are named."
  }

  assert {
    condition     = aws_scheduler_schedule.tick.target[0].retry_policy[0].maximum_retry_attempts == 0
    error_message = "Scheduler does not repeat a tick."
  }

  assert {
    condition     = aws_scheduler_schedule.tick.target[0].retry_policy[0].maximum_event_age_in_seconds == 60
    error_message = "Scheduler gives a tick up after 60 seconds, the least that it takes."
  }

  assert {
    condition     = aws_scheduler_schedule.tick.target[0].dead_letter_config[0].arn == aws_sqs_queue.tick_dead.arn
    error_message = "A tick that Scheduler cannot deliver is a dead letter."
  }

  assert {
    condition     = aws_scheduler_schedule.tick.target[0].arn == aws_lambda_alias.live["tick"].arn
    error_message = "Scheduler calls the alias."
  }

  assert {
    condition     = aws_lambda_function_event_invoke_config.tick.maximum_retry_attempts == 0
    error_message = "Lambda does not repeat a failed tick."
  }

  assert {
    condition     = aws_lambda_function_event_invoke_config.tick.maximum_event_age_in_seconds == 60
    error_message = "A tick that found no room is given up when the next one comes."
  }

  assert {
    condition     = aws_lambda_function_event_invoke_config.tick.qualifier == "live"
    error_message = "That holds for calls of the alias."
  }

  assert {
    condition     = aws_lambda_function_event_invoke_config.tick.destination_config[0].on_failure[0].destination == aws_sqs_queue.tick_dead.arn
    error_message = "A failed tick is a dead letter."
  }

  assert {
    condition     = aws_sqs_queue.tick_dead.name == "site-tick-dead" && aws_sqs_queue.tick_dead.message_retention_seconds == 86400
    error_message = "Failed ticks are seen for a day: there is nothing to make up for."
  }

  assert {
    condition     = aws_sqs_queue.tick_dead.sqs_managed_sse_enabled
    error_message = "Failed ticks are encrypted."
  }

  assert {
    condition     = aws_lambda_function.this["tick"].function_name == "site-tick" && aws_lambda_function.this["tick"].handler == "django_tasks_oneshot.handlers.tick.handler"
    error_message = "The tick's handler is that of the package."
  }

  assert {
    condition     = aws_lambda_function.this["tick"].runtime == "python3.13" && aws_lambda_function.this["tick"].architectures == tolist(["arm64"])
    error_message = "Functions run Python 3.13 on arm64, as build_lambda does by default."
  }

  assert {
    condition     = aws_lambda_function.this["tick"].timeout == 60 && aws_lambda_function.this["tick"].memory_size == 512
    error_message = "Functions have 60 seconds and 512 MB."
  }

  assert {
    condition     = aws_lambda_function.this["tick"].reserved_concurrent_executions == -1
    error_message = "No concurrency is reserved."
  }

  assert {
    condition     = aws_lambda_function.this["tick"].tracing_config[0].mode == "PassThrough"
    error_message = "X-Ray is off."
  }

  assert {
    condition     = length(aws_lambda_function.this["tick"].vpc_config) == 0
    error_message = "Functions are in no VPC."
  }

  assert {
    condition     = aws_lambda_function.this["tick"].publish && aws_lambda_alias.live["tick"].function_version == aws_lambda_function.this["tick"].version
    error_message = "A release is a version, and the alias is at the latest."
  }

  assert {
    condition     = aws_lambda_function.this["tick"].source_code_hash == filebase64sha256("tests/bundle.txt")
    error_message = "Another bundle is another release."
  }

  assert {
    condition     = aws_lambda_function.this["tick"].environment[0].variables == tomap({ DJANGO_SETTINGS_MODULE = "mysite.settings" })
    error_message = "Nothing but the settings is in the environment."
  }

  assert {
    condition     = aws_cloudwatch_log_group.function["tick"].name == "/aws/lambda/site-tick" && aws_cloudwatch_log_group.function["tick"].retention_in_days == 30
    error_message = "Logs are where Lambda writes them, and kept for 30 days."
  }

  assert {
    condition     = [for each in jsondecode(aws_iam_role_policy.function["tick"].policy).Statement : each.Sid] == ["Log", "ReportFailedTicks"]
    error_message = "The tick may log and report, and no more."
  }

  assert {
    condition     = length(aws_iam_role_policy_attachment.function) == 0
    error_message = "No other policies are attached."
  }
}

run "alarms_of_ticks" {
  command = plan

  assert {
    condition     = aws_cloudwatch_metric_alarm.no_tick[0].treat_missing_data == "breaching"
    error_message = "Without figures there are no ticks: that is the alarm."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.no_tick[0].comparison_operator == "LessThanThreshold" && aws_cloudwatch_metric_alarm.no_tick[0].threshold == 1 && aws_cloudwatch_metric_alarm.no_tick[0].evaluation_periods == 4
    error_message = "The alarm is after three intervals without one tick that succeeded, and one for those under way."
  }

  assert {
    condition     = [for each in aws_cloudwatch_metric_alarm.no_tick[0].metric_query : each.expression if each.return_data == true] == ["FILL(calls, 0) - FILL(errors, 0)"]
    error_message = "A tick that failed is none."
  }

  assert {
    condition     = alltrue([for each in aws_cloudwatch_metric_alarm.no_tick[0].metric_query : each.metric[0].period == 60 && each.metric[0].stat == "Sum" if length(each.metric) > 0])
    error_message = "An interval is that of ticks."
  }

  assert {
    condition     = keys(aws_cloudwatch_metric_alarm.too_high) == ["tick-dead", "tick-duration", "tick-errors", "tick-throttles"]
    error_message = "Failed ticks, slow ones and those that were refused are alarms."
  }

  assert {
    condition     = alltrue([for key in ["tick-dead", "tick-errors", "tick-throttles"] : aws_cloudwatch_metric_alarm.too_high[key].threshold == 0])
    error_message = "One dead letter, one failed call, or one that was throttled, is enough."
  }

  assert {
    condition     = { for key, each in aws_cloudwatch_metric_alarm.too_high : key => "${each.namespace}/${each.metric_name}/${each.statistic}" } == { tick-dead = "AWS/SQS/ApproximateNumberOfMessagesVisible/Maximum", tick-duration = "AWS/Lambda/Duration/Maximum", tick-errors = "AWS/Lambda/Errors/Sum", tick-throttles = "AWS/Lambda/Throttles/Sum" }
    error_message = "Each looks at its number."
  }

  assert {
    condition     = alltrue([for each in aws_cloudwatch_metric_alarm.too_high : each.comparison_operator == "GreaterThanThreshold" && each.evaluation_periods == 1])
    error_message = "Once is enough."
  }

  assert {
    condition     = alltrue([for each in aws_cloudwatch_metric_alarm.too_high : each.treat_missing_data == "notBreaching"])
    error_message = "Where nothing happens, nothing is wrong."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.too_high["tick-duration"].threshold == 57000
    error_message = "A run that ends five seconds before its 60 is no alarm, one that ends three before is."
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.no_tick[0].alarm_actions) == 0
    error_message = "Nobody is told."
  }
}

run "queues" {
  command = plan

  variables {
    enable_queue = true
  }

  assert {
    condition     = keys(aws_lambda_function.this) == ["queue", "tick"] && keys(aws_sqs_queue.tasks) == ["tasks"]
    error_message = "There is one queue, and a function for it."
  }

  assert {
    condition     = aws_sqs_queue.tasks["tasks"].visibility_timeout_seconds == 360
    error_message = "A message is hidden for six times the function's timeout."
  }

  assert {
    condition     = jsondecode(aws_sqs_queue.tasks["tasks"].redrive_policy) == { deadLetterTargetArn = aws_sqs_queue.dead["tasks"].arn, maxReceiveCount = 10 }
    error_message = "What was received ten times in vain is a dead letter."
  }

  assert {
    condition     = aws_sqs_queue.tasks["tasks"].name == "site-tasks" && aws_sqs_queue.dead["tasks"].name == "site-tasks-dead"
    error_message = "A dead-letter queue has the name of its queue."
  }

  assert {
    condition     = alltrue([for each in [aws_sqs_queue.tasks["tasks"], aws_sqs_queue.dead["tasks"]] : each.message_retention_seconds == 1209600 && each.sqs_managed_sse_enabled])
    error_message = "Messages are encrypted, and kept for 14 days."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.tasks["tasks"].function_response_types == toset(["ReportBatchItemFailures"])
    error_message = "One bad message does not bring back the others."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.tasks["tasks"].batch_size == 10 && aws_lambda_event_source_mapping.tasks["tasks"].maximum_batching_window_in_seconds == null
    error_message = "A call gets up to ten messages, and waits for none."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.tasks["tasks"].scaling_config[0].maximum_concurrency == 10
    error_message = "Ten calls at a time are the most."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.tasks["tasks"].function_name == aws_lambda_alias.live["queue"].arn
    error_message = "The mapping calls the alias."
  }

  assert {
    condition     = jsondecode(aws_lambda_function.this["tick"].environment[0].variables.ONESHOT_QUEUE_URLS) == { tasks = aws_sqs_queue.tasks["tasks"].url }
    error_message = "Functions know the URLs of the queues."
  }

  assert {
    condition     = [for each in jsondecode(aws_iam_role_policy.function["tick"].policy).Statement : each.Sid] == ["Log", "EnqueueTasks", "ReportFailedTicks"]
    error_message = "A tick may send messages, and receive none."
  }

  assert {
    condition     = [for each in jsondecode(aws_iam_role_policy.function["queue"].policy).Statement : each.Sid] == ["Log", "EnqueueTasks", "TakeTasks"]
    error_message = "The queue function may send and receive."
  }

  assert {
    condition     = contains(keys(aws_cloudwatch_metric_alarm.too_high), "tasks-dead")
    error_message = "Dead letters of tasks are an alarm, too."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.too_high["tasks-age"].threshold == 1800 && aws_cloudwatch_metric_alarm.too_high["tasks-age"].treat_missing_data == "notBreaching"
    error_message = "A message that waits for half an hour is an alarm."
  }
}

run "web" {
  command = plan

  variables {
    enable_web = true
  }

  assert {
    condition     = keys(aws_lambda_function.this) == ["tick", "web"] && aws_lambda_function.this["web"].timeout == 30
    error_message = "A request may take 30 seconds."
  }

  assert {
    condition     = aws_lambda_function_url.web[0].authorization_type == "NONE" && aws_lambda_function_url.web[0].qualifier == "live"
    error_message = "The URL is that of the alias, and open."
  }

  assert {
    condition = jsondecode(aws_cloudformation_stack.web_permission[0].template_body).Resources.CallUrl.Properties == {
      Action              = "lambda:InvokeFunctionUrl"
      FunctionName        = aws_lambda_alias.live["web"].arn
      FunctionUrlAuthType = "NONE"
      Principal           = "*"
    }
    error_message = "All may call the URL."
  }

  assert {
    condition = jsondecode(aws_cloudformation_stack.web_permission[0].template_body).Resources.CallFunctionByUrl.Properties == {
      Action                = "lambda:InvokeFunction"
      FunctionName          = aws_lambda_alias.live["web"].arn
      InvokedViaFunctionUrl = true
      Principal             = "*"
    }
    error_message = "All may call the function by its URL, and by nothing else."
  }

  assert {
    condition     = output.web_url == "https://mocked.lambda-url.eu-west-1.on.aws/"
    error_message = "The output has the URL."
  }

  assert {
    condition     = [for each in jsondecode(aws_iam_role_policy.function["web"].policy).Statement : each.Sid] == ["Log"]
    error_message = "The site may log, and no more."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.too_high["web-duration"].threshold == 27000
    error_message = "A request of almost 30 seconds is an alarm."
  }
}
