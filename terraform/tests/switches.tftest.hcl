# What switches and the other variables change. `override_during` needs Terraform 1.11; the module does not.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  name            = "site"
  zip_path        = "tests/bundle.txt"
  settings_module = "mysite.settings"
}

run "a_slower_rate" {
  command = plan

  variables {
    tick_rate          = 30
    tick_backend       = "mail"
    tick_queues        = ["news", "<late>"]
    timeout            = 900
    memory_size        = 1769
    log_retention_days = 7
    alarm_missed_ticks = 2
  }

  assert {
    condition     = aws_scheduler_schedule.tick.schedule_expression == "rate(30 minutes)"
    error_message = "The rate is in the plural."
  }

  assert {
    condition     = aws_scheduler_schedule.tick.target[0].input == "{\"backend\":\"mail\",\"queues\":[\"news\",\"<late>\"],\"time\":\"<aws.scheduler.scheduled-time>\"}"
    error_message = "The input names the backend and the queues."
  }

  assert {
    condition     = aws_lambda_function_event_invoke_config.tick.maximum_event_age_in_seconds == 1800
    error_message = "A tick waits for room until the next one comes."
  }

  assert {
    condition     = aws_lambda_function.this["tick"].timeout == 900 && aws_lambda_function.this["tick"].memory_size == 1769
    error_message = "Functions have the timeout and the memory that are asked for."
  }

  assert {
    condition     = aws_cloudwatch_log_group.function["tick"].retention_in_days == 7
    error_message = "Logs are kept for a week."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.no_tick[0].evaluation_periods == 3 && alltrue([for each in aws_cloudwatch_metric_alarm.no_tick[0].metric_query : each.metric[0].period == 1800 if length(each.metric) > 0])
    error_message = "The alarm counts intervals of this rate."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.too_high["tick-duration"].threshold == 897000
    error_message = "Of a long timeout, too, the last three seconds are the alarm."
  }
}

run "the_slowest_rate" {
  command = plan

  variables {
    tick_rate          = 1440
    alarm_missed_ticks = 1
  }

  assert {
    condition     = aws_lambda_function_event_invoke_config.tick.maximum_event_age_in_seconds == 21600
    error_message = "Lambda keeps no event for longer than six hours."
  }
}

run "two_queues" {
  command = plan

  variables {
    enable_queue         = true
    queues               = ["tasks", "mail"]
    timeout              = 120
    batch_size           = 1
    maximum_concurrency  = null
    alarm_message_age    = 60
    reserved_concurrency = { tick = 1 }
  }

  assert {
    condition     = keys(aws_lambda_event_source_mapping.tasks) == ["mail", "tasks"] && keys(aws_sqs_queue.dead) == ["mail", "tasks"]
    error_message = "Each queue has a mapping and dead letters of its own."
  }

  assert {
    condition     = alltrue([for each in aws_sqs_queue.tasks : each.visibility_timeout_seconds == 720])
    error_message = "Their visibility timeout is six times as long as the function's."
  }

  assert {
    condition     = alltrue([for each in aws_lambda_event_source_mapping.tasks : each.batch_size == 1 && length(each.scaling_config) == 0])
    error_message = "A call gets one message, and there is no limit to calls."
  }

  assert {
    condition     = keys(jsondecode(output.environment.ONESHOT_QUEUE_URLS)) == ["mail", "tasks"]
    error_message = "The environment has the URLs of both."
  }

  assert {
    condition     = keys(output.dead_letter_queue_urls) == ["mail", "tasks", "tick"]
    error_message = "So has the output of dead letters."
  }

  assert {
    condition     = alltrue([for key in ["mail-age", "tasks-age"] : aws_cloudwatch_metric_alarm.too_high[key].threshold == 60])
    error_message = "The alarm for age is at what is asked for."
  }

  assert {
    condition     = aws_lambda_function.this["tick"].reserved_concurrent_executions == 1 && aws_lambda_function.this["queue"].reserved_concurrent_executions == -1
    error_message = "Concurrency is reserved for the function that is named."
  }
}

run "ticks_that_take_messages" {
  command = plan

  variables {
    enable_queue        = true
    tick_takes_messages = true
  }

  assert {
    condition     = [for each in jsondecode(aws_iam_role_policy.function["tick"].policy).Statement : each.Sid] == ["Log", "EnqueueTasks", "ReportFailedTicks", "TakeTasks"]
    error_message = "A tick may receive."
  }

  assert {
    condition     = length(distinct([for role in ["tick", "queue"] : one([for each in jsondecode(aws_iam_role_policy.function[role].policy).Statement : each if each.Sid == "TakeTasks"])])) == 1
    error_message = "It may what the queue function may."
  }
}

run "a_site_for_those_whom_iam_lets_in" {
  command = plan

  variables {
    enable_web        = true
    web_authorization = "AWS_IAM"
    web_timeout       = 10
  }

  assert {
    condition     = aws_lambda_function_url.web[0].authorization_type == "AWS_IAM"
    error_message = "The URL asks IAM."
  }

  assert {
    condition     = length(aws_cloudformation_stack.web_permission) == 0
    error_message = "Nothing is open to all."
  }

  assert {
    condition     = aws_lambda_function.this["web"].timeout == 10 && aws_lambda_function.this["tick"].timeout == 60
    error_message = "Its timeout is its own."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.too_high["web-duration"].threshold == 9000
    error_message = "Of a short timeout the last tenth is the alarm."
  }
}

run "long_calls" {
  command = plan

  variables {
    timeout = 900
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.no_tick[0].evaluation_periods == 18
    error_message = "Calls under way are not taken for missing: a call is counted when it has ended."
  }
}

run "more_environment_than_lambda_takes" {
  command = plan

  variables {
    environment = { LONG = join("", [for each in range(410) : "0123456789"]) }
  }

  expect_failures = [aws_lambda_function.this]
}

run "a_permissions_boundary" {
  command = plan

  variables {
    enable_queue             = true
    enable_web               = true
    permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary"
  }

  assert {
    condition     = alltrue([for each in concat(values(aws_iam_role.function), [aws_iam_role.scheduler]) : each.permissions_boundary == var.permissions_boundary_arn])
    error_message = "It bounds all roles."
  }
}

run "large_messages" {
  command = plan

  variables {
    enable_queue     = true
    max_message_size = 65536
  }

  assert {
    condition     = aws_sqs_queue.tasks["tasks"].max_message_size == 65536 && aws_sqs_queue.dead["tasks"].max_message_size == 65536
    error_message = "What a queue takes, its dead letters may be as well."
  }
}

run "no_alarms" {
  command = plan

  variables {
    enable_alarms = false
    enable_queue  = true
    enable_web    = true
    alarm_actions = ["arn:aws:sns:eu-west-1:123456789012:alarms"]
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.no_tick) + length(aws_cloudwatch_metric_alarm.too_high) == 0
    error_message = "There is no alarm."
  }
}

run "a_vpc_with_xray" {
  command = plan

  variables {
    enable_xray = true
    vpc         = { subnet_ids = ["subnet-1", "subnet-2"], security_group_ids = ["sg-1"] }
  }

  assert {
    condition     = aws_lambda_function.this["tick"].vpc_config[0].subnet_ids == toset(["subnet-1", "subnet-2"]) && aws_lambda_function.this["tick"].vpc_config[0].security_group_ids == toset(["sg-1"])
    error_message = "Functions are in the VPC."
  }

  assert {
    condition     = aws_lambda_function.this["tick"].tracing_config[0].mode == "Active"
    error_message = "Calls are traced."
  }

  assert {
    condition     = [for each in jsondecode(aws_iam_role_policy.function["tick"].policy).Statement : each.Sid] == ["Log", "Trace", "SeeNetwork", "JoinNetwork", "ReportFailedTicks"]
    error_message = "Functions may trace and join the network."
  }
}

run "secrets" {
  command = plan

  variables {
    environment = { ALLOWED_HOSTS = ".on.aws" }
    secrets = {
      SECRET_KEY = "arn:aws:ssm:eu-west-1:123456789012:parameter/site/secret-key"
      AGAIN      = "arn:aws:ssm:eu-west-1:123456789012:parameter/site/secret-key"
      PASSWORD   = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:site-AbCdEf:password::"
      USER       = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:site-AbCdEf:user::"
    }
    secrets_kms_key_arns = ["arn:aws:kms:eu-west-1:123456789012:key/site"]
  }

  assert {
    condition     = tomap(jsondecode(aws_lambda_function.this["tick"].environment[0].variables.ONESHOT_SECRETS)) == var.secrets
    error_message = "Functions know where their secrets are."
  }

  assert {
    condition     = keys(aws_lambda_function.this["tick"].environment[0].variables) == tolist(["ALLOWED_HOSTS", "DJANGO_SETTINGS_MODULE", "ONESHOT_SECRETS"])
    error_message = "The environment that is asked for is there as well."
  }

  assert {
    condition = [for each in jsondecode(aws_iam_role_policy.function["tick"].policy).Statement : [each.Sid, each.Action, each.Resource] if !contains(["Log", "ReportFailedTicks"], each.Sid)] == [
      ["ReadParameters", ["ssm:GetParameters"], ["arn:aws:ssm:eu-west-1:123456789012:parameter/site/secret-key"]],
      ["ReadSecrets", ["secretsmanager:GetSecretValue"], ["arn:aws:secretsmanager:eu-west-1:123456789012:secret:site-AbCdEf"]],
      ["DecryptSecrets", ["kms:Decrypt"], ["arn:aws:kms:eu-west-1:123456789012:key/site"]],
    ]
    error_message = "They may read these and no others: each once, and a secret without its key."
  }
}

run "policies_of_ones_own" {
  command = plan

  variables {
    enable_web  = true
    policy_arns = { site = "arn:aws:iam::123456789012:policy/site", s3 = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess" }
  }

  assert {
    condition     = { for key, each in aws_iam_role_policy_attachment.function : key => each.policy_arn } == { for key in ["tick-site", "tick-s3", "web-site", "web-s3"] : key => var.policy_arns[split("-", key)[1]] }
    error_message = "Each is attached to the role of each function."
  }
}

run "a_bundle_in_s3" {
  command = plan

  variables {
    zip_path  = null
    s3_object = { bucket = "bundles", key = "site.zip", version = "v7" }
  }

  assert {
    condition     = aws_lambda_function.this["tick"].package_type == "Zip" && aws_lambda_function.this["tick"].filename == null
    error_message = "The bundle is a zip, and not on this machine."
  }

  assert {
    condition     = aws_lambda_function.this["tick"].s3_bucket == "bundles" && aws_lambda_function.this["tick"].s3_key == "site.zip" && aws_lambda_function.this["tick"].s3_object_version == "v7"
    error_message = "It is this version of this object."
  }

  assert {
    condition     = aws_lambda_function.this["tick"].handler == "django_tasks_oneshot.handlers.tick.handler"
    error_message = "Its handler is that of a zip on this machine."
  }
}

run "an_image" {
  command = plan

  variables {
    zip_path   = null
    image_uri  = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/site@sha256:0123"
    enable_web = true
  }

  assert {
    condition     = alltrue([for each in aws_lambda_function.this : each.package_type == "Image" && each.runtime == null && each.handler == null && each.filename == null])
    error_message = "Runtime and handler are the image's."
  }

  assert {
    condition     = { for key, each in aws_lambda_function.this : key => one(each.image_config[0].command) } == { for key in ["tick", "web"] : key => "django_tasks_oneshot.handlers.${key}.handler" }
    error_message = "The image's command is the function's handler."
  }
}

run "another_python" {
  command = plan

  variables {
    python_version = "3.12"
    architecture   = "x86_64"
    tags           = { team = "web" }
    alarm_actions  = ["arn:aws:sns:eu-west-1:123456789012:alarms"]
  }

  assert {
    condition     = aws_lambda_function.this["tick"].runtime == "python3.12" && aws_lambda_function.this["tick"].architectures == tolist(["x86_64"])
    error_message = "Python and architecture are what the bundle was built for."
  }

  assert {
    condition     = alltrue([for each in [aws_lambda_function.this["tick"].tags, aws_iam_role.function["tick"].tags, aws_iam_role.scheduler.tags, aws_cloudwatch_log_group.function["tick"].tags, aws_scheduler_schedule_group.this.tags, aws_sqs_queue.tick_dead.tags, aws_cloudwatch_metric_alarm.no_tick[0].tags] : each == tomap({ team = "web" })])
    error_message = "All that takes tags has them."
  }

  assert {
    condition     = alltrue([for each in concat(aws_cloudwatch_metric_alarm.no_tick, values(aws_cloudwatch_metric_alarm.too_high)) : each.alarm_actions == toset(var.alarm_actions) && each.ok_actions == toset(var.alarm_actions)])
    error_message = "Alarms tell when they go off, and when they are over."
  }
}
