# What the variables of ticks and queues refuse and accept. Only variables.tf is loaded: no provider starts.

variables {
  name            = "site"
  zip_path        = "tests/bundle.txt"
  settings_module = "mysite.settings"
}

# What a tick asks for

run "an_empty_tick_backend_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    tick_backend = ""
  }

  expect_failures = [var.tick_backend]
}

run "an_empty_name_in_tick_queues_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    tick_queues = ["default", ""]
  }

  expect_failures = [var.tick_queues]
}

run "a_backend_and_queues_of_a_tick_are_accepted" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    tick_backend = "mail"
    tick_queues  = ["default", "mail"]
  }
}

# queues

run "no_queues_are_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    queues = []
  }

  expect_failures = [var.queues]
}

run "a_queue_with_a_name_of_41_letters_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    queues = ["abcdefghijklmnopqrstuvwxyz012345678901234"]
  }

  expect_failures = [var.queues]
}

run "a_fifo_queue_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    queues = ["tasks.fifo"]
  }

  expect_failures = [var.queues]
}

run "a_queue_with_the_name_of_a_dead_letter_queue_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    queues = ["mail", "mail-dead"]
  }

  expect_failures = [var.queues]
}

run "a_queue_with_the_name_of_the_ticks_dead_letter_queue_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    queues = ["tick-dead"]
  }

  expect_failures = [var.queues]
}

run "a_queue_whose_dead_letter_queue_would_be_the_ticks_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    queues = ["tick"]
  }

  expect_failures = [var.queues]
}

run "a_queue_with_a_name_of_40_letters_is_accepted" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    queues = ["abcdefghijklmnopqrstuvwxyz01234567_-ABCD"]
  }
}

run "a_queue_whose_name_ends_in_dead_is_accepted" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    queues = ["tasks", "mail-dead"]
  }
}

# batch_size

run "batch_size_below_1_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    batch_size = 0
  }

  expect_failures = [var.batch_size]
}

run "batch_size_above_10_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    batch_size = 11
  }

  expect_failures = [var.batch_size]
}

run "batch_size_with_a_fraction_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    batch_size = 2.5
  }

  expect_failures = [var.batch_size]
}

run "batch_size_of_1_is_accepted" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    batch_size = 1
  }
}

run "batch_size_of_10_is_accepted" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    batch_size = 10
  }
}

# maximum_concurrency

run "maximum_concurrency_below_2_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    maximum_concurrency = 1
  }

  expect_failures = [var.maximum_concurrency]
}

run "maximum_concurrency_above_1000_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    maximum_concurrency = 1001
  }

  expect_failures = [var.maximum_concurrency]
}

run "maximum_concurrency_with_a_fraction_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    maximum_concurrency = 3.5
  }

  expect_failures = [var.maximum_concurrency]
}

run "maximum_concurrency_of_2_is_accepted" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    maximum_concurrency = 2
  }
}

run "maximum_concurrency_of_1000_is_accepted" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    maximum_concurrency = 1000
  }
}

run "no_maximum_concurrency_is_accepted" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    maximum_concurrency = null
  }

  assert {
    condition     = var.maximum_concurrency == null
    error_message = "null is no limit, and not the default."
  }
}

# tick_takes_messages

run "ticks_that_take_messages_of_no_queues_are_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    tick_takes_messages = true
  }

  expect_failures = [var.tick_takes_messages]
}

run "ticks_that_take_messages_of_queues_are_accepted" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    tick_takes_messages = true
    enable_queue        = true
  }
}

# max_message_size

run "max_message_size_below_1024_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    max_message_size = 1023
  }

  expect_failures = [var.max_message_size]
}

run "max_message_size_above_1_mib_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    max_message_size = 1048577
  }

  expect_failures = [var.max_message_size]
}

run "max_message_size_with_a_fraction_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    max_message_size = 1024.5
  }

  expect_failures = [var.max_message_size]
}

run "max_message_size_of_1_mib_is_accepted" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    max_message_size = 1048576
  }
}
