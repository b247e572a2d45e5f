# What the variables of sizes and rates refuse and accept. Only variables.tf is loaded: no provider starts.

variables {
  name            = "site"
  zip_path        = "tests/bundle.txt"
  settings_module = "mysite.settings"
}

# memory_size

run "memory_size_below_128_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    memory_size = 127
  }

  expect_failures = [var.memory_size]
}

run "memory_size_above_10240_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    memory_size = 10241
  }

  expect_failures = [var.memory_size]
}

run "memory_size_with_a_fraction_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    memory_size = 129.5
  }

  expect_failures = [var.memory_size]
}

run "memory_size_of_128_is_accepted" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    memory_size = 128
  }
}

run "memory_size_of_10240_is_accepted" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    memory_size = 10240
  }
}

# timeout

run "timeout_below_10_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    timeout = 9
  }

  expect_failures = [var.timeout]
}

run "timeout_above_900_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    timeout = 901
  }

  expect_failures = [var.timeout]
}

run "timeout_with_a_fraction_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    timeout = 11.5
  }

  expect_failures = [var.timeout]
}

run "timeout_of_10_is_accepted" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    timeout = 10
  }
}

run "timeout_of_900_is_accepted" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    timeout = 900
  }
}

# reserved_concurrency

run "a_reserved_concurrency_of_a_function_that_is_not_there_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    reserved_concurrency = { cron = 1 }
  }

  expect_failures = [var.reserved_concurrency]
}

run "a_reserved_concurrency_of_0_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    reserved_concurrency = { tick = 0 }
  }

  expect_failures = [var.reserved_concurrency]
}

run "a_reserved_concurrency_with_a_fraction_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    reserved_concurrency = { web = 1.5 }
  }

  expect_failures = [var.reserved_concurrency]
}

run "a_reserved_concurrency_that_throttles_a_queue_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    reserved_concurrency = { queue = 9 }
  }

  expect_failures = [var.reserved_concurrency]
}

run "a_reserved_concurrency_that_throttles_one_of_two_queues_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    reserved_concurrency = { queue = 19 }
    queues               = ["tasks", "mail"]
  }

  expect_failures = [var.reserved_concurrency]
}

run "a_reserved_concurrency_for_queues_without_a_maximum_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    reserved_concurrency = { queue = 900 }
    maximum_concurrency  = null
  }

  expect_failures = [var.reserved_concurrency]
}

run "a_reserved_concurrency_for_ticks_alone_needs_no_maximum" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    reserved_concurrency = { tick = 1 }
    maximum_concurrency  = null
  }
}

run "a_reserved_concurrency_that_is_enough_for_all_queues_is_accepted" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    reserved_concurrency = { tick = 1, queue = 20, web = 50 }
    queues               = ["tasks", "mail"]
  }
}

# log_retention_days

run "log_retention_days_that_cloudwatch_has_not_are_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    log_retention_days = 10
  }

  expect_failures = [var.log_retention_days]
}

run "logs_without_an_end_are_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    log_retention_days = 0
  }

  expect_failures = [var.log_retention_days]
}

run "log_retention_days_of_1_are_accepted" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    log_retention_days = 1
  }
}

run "log_retention_days_of_3653_are_accepted" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    log_retention_days = 3653
  }
}

# tick_rate

run "tick_rate_below_1_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    tick_rate = 0
  }

  expect_failures = [var.tick_rate]
}

run "tick_rate_above_1440_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    tick_rate          = 1441
    alarm_missed_ticks = 1
    enable_alarms      = false
  }

  expect_failures = [var.tick_rate]
}

run "tick_rate_with_a_fraction_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    tick_rate = 2.5
  }

  expect_failures = [var.tick_rate]
}

run "tick_rate_of_1_is_accepted" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    tick_rate = 1
  }
}

run "tick_rate_of_1440_is_accepted" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    tick_rate          = 1440
    alarm_missed_ticks = 1
  }
}

run "a_tick_rate_that_alarms_cannot_follow_is_accepted_without_alarms" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    tick_rate     = 1440
    enable_alarms = false
  }
}
