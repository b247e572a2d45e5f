# What the variables of the web and of alarms, and what null is, refuse and accept. Only variables.tf is loaded: no provider starts.

variables {
  name            = "site"
  zip_path        = "tests/bundle.txt"
  settings_module = "mysite.settings"
}

# web_timeout

run "web_timeout_below_1_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    web_timeout = 0
  }

  expect_failures = [var.web_timeout]
}

run "web_timeout_above_900_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    web_timeout = 901
  }

  expect_failures = [var.web_timeout]
}

run "web_timeout_with_a_fraction_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    web_timeout = 2.5
  }

  expect_failures = [var.web_timeout]
}

run "web_timeout_of_1_is_accepted" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    web_timeout = 1
  }
}

run "web_timeout_of_900_is_accepted" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    web_timeout = 900
  }
}

# web_authorization

run "an_authorization_that_urls_have_not_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    web_authorization = "JWT"
  }

  expect_failures = [var.web_authorization]
}

run "an_authorization_by_iam_is_accepted" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    web_authorization = "AWS_IAM"
  }
}

# Alarms

run "an_alarm_action_that_is_no_arn_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    alarm_actions = ["ops@example.com"]
  }

  expect_failures = [var.alarm_actions]
}

run "an_sns_topic_as_an_alarm_action_is_accepted" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    alarm_actions = ["arn:aws:sns:eu-west-1:123456789012:alarms"]
  }
}

run "alarm_missed_ticks_below_1_are_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    alarm_missed_ticks = 0
  }

  expect_failures = [var.alarm_missed_ticks]
}

run "alarm_missed_ticks_with_a_fraction_are_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    alarm_missed_ticks = 1.5
  }

  expect_failures = [var.alarm_missed_ticks]
}

run "alarm_missed_ticks_of_more_than_a_day_are_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    alarm_missed_ticks = 1440
  }

  expect_failures = [var.alarm_missed_ticks]
}

run "alarm_missed_ticks_of_a_day_are_accepted" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    alarm_missed_ticks = 1439
  }
}

run "the_time_of_a_call_counts_for_the_day" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    alarm_missed_ticks = 1439
    timeout            = 61
  }

  expect_failures = [var.alarm_missed_ticks]
}

run "alarm_missed_ticks_of_more_than_a_week_are_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    alarm_missed_ticks = 168
    tick_rate          = 60
  }

  expect_failures = [var.alarm_missed_ticks]
}

run "alarm_missed_ticks_of_a_week_are_accepted_where_ticks_are_an_hour_apart" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    alarm_missed_ticks = 167
    tick_rate          = 60
  }
}

run "ticks_each_day_are_accepted" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    tick_rate = 1440
  }
}

# alarm_message_age

run "alarm_message_age_below_60_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    alarm_message_age = 59
  }

  expect_failures = [var.alarm_message_age]
}

run "alarm_message_age_with_a_fraction_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    alarm_message_age = 61.5
  }

  expect_failures = [var.alarm_message_age]
}

run "alarm_message_age_of_60_is_accepted" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    alarm_message_age = 60
  }
}

# null

run "null_is_as_good_as_nothing" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    python_version       = null
    architecture         = null
    environment          = null
    secrets              = null
    secrets_kms_key_arns = null
    policy_arns          = null
    max_message_size     = null
    memory_size          = null
    timeout              = null
    reserved_concurrency = null
    log_retention_days   = null
    enable_xray          = null
    tags                 = null
    tick_rate            = null
    tick_backend         = null
    tick_queues          = null
    enable_queue         = null
    queues               = null
    batch_size           = null
    tick_takes_messages  = null
    enable_web           = null
    web_timeout          = null
    web_authorization    = null
    enable_alarms        = null
    alarm_actions        = null
    alarm_missed_ticks   = null
    alarm_message_age    = null
  }

  assert {
    condition     = var.timeout == 60 && var.memory_size == 512
    error_message = "A number is its default."
  }

  assert {
    condition     = var.queues == toset(["tasks"]) && length(var.secrets) == 0
    error_message = "A collection is its default."
  }

  assert {
    condition     = var.enable_alarms && !var.enable_web
    error_message = "A switch is its default."
  }
}
