# What the variables of the name and of the bundle refuse and accept. Only variables.tf is loaded: no provider starts.

variables {
  name            = "site"
  zip_path        = "tests/bundle.txt"
  settings_module = "mysite.settings"
}

# name

run "a_name_of_33_letters_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    name = "abcdefghijklmnopqrstuvwxyz0123456"
  }

  expect_failures = [var.name]
}

run "a_name_that_begins_with_a_digit_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    name = "1site"
  }

  expect_failures = [var.name]
}

run "a_name_with_an_underscore_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    name = "my_site"
  }

  expect_failures = [var.name]
}

run "an_empty_name_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    name = ""
  }

  expect_failures = [var.name]
}

run "the_name_of_schedulers_own_group_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    name = "default"
  }

  expect_failures = [var.name]
}

run "no_name_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    name = null
  }

  expect_failures = [var.name]
}

run "a_name_of_32_letters_is_accepted" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    name = "Abcdefghijklmnopqrstuvwxyz-01234"
  }
}

run "a_name_of_one_letter_is_accepted" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    name = "s"
  }
}

# The bundle

run "no_bundle_at_all_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    zip_path = null
  }

  expect_failures = [var.zip_path]
}

run "a_zip_and_an_s3_object_are_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    zip_path  = "tests/bundle.txt"
    s3_object = { bucket = "bundles", key = "site.zip" }
  }

  expect_failures = [var.zip_path]
}

run "a_zip_and_an_image_are_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    zip_path  = "tests/bundle.txt"
    image_uri = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/site:1"
  }

  expect_failures = [var.zip_path]
}

run "a_zip_that_is_not_there_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    zip_path = "tests/missing.zip"
  }

  expect_failures = [var.zip_path]
}

run "a_directory_as_a_zip_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    zip_path = "tests"
  }

  expect_failures = [var.zip_path]
}

run "an_s3_object_without_a_version_is_accepted" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    zip_path  = null
    s3_object = { bucket = "bundles", key = "site.zip" }
  }

  assert {
    condition     = var.s3_object.version == null
    error_message = "Without a version it is the latest."
  }
}

run "an_s3_object_without_a_bucket_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    zip_path  = null
    s3_object = { bucket = "", key = "site.zip" }
  }

  expect_failures = [var.s3_object]
}

run "an_s3_object_without_a_key_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    zip_path  = null
    s3_object = { bucket = "bundles", key = "" }
  }

  expect_failures = [var.s3_object]
}

run "an_s3_object_with_null_for_a_key_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    zip_path  = null
    s3_object = { bucket = "bundles", key = null }
  }

  expect_failures = [var.s3_object]
}

run "an_image_outside_of_ecr_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    image_uri = "docker.io/site:latest"
    zip_path  = null
  }

  expect_failures = [var.image_uri]
}

run "an_image_without_a_tag_or_digest_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    image_uri = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/site"
    zip_path  = null
  }

  expect_failures = [var.image_uri]
}

run "an_image_by_its_digest_is_accepted" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    zip_path  = null
    image_uri = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/site@sha256:0123456789abcdef"
  }
}

run "an_image_in_china_is_accepted" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    zip_path  = null
    image_uri = "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/site:1"
  }
}

run "a_python_that_lambda_has_not_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    python_version = "3.10"
  }

  expect_failures = [var.python_version]
}

run "python_3_11_is_accepted" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    python_version = "3.11"
  }
}

run "python_3_14_is_accepted" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    python_version = "3.14"
  }
}

run "an_architecture_in_another_spelling_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    architecture = "aarch64"
  }

  expect_failures = [var.architecture]
}

run "x86_64_is_accepted" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    architecture = "x86_64"
  }
}
