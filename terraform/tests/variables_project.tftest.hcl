# What the variables of the project refuse and accept. Only variables.tf is loaded: no provider starts.

variables {
  name            = "site"
  zip_path        = "tests/bundle.txt"
  settings_module = "mysite.settings"
}

run "a_path_as_the_settings_module_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    settings_module = "mysite/settings.py"
  }

  expect_failures = [var.settings_module]
}

run "an_empty_settings_module_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    settings_module = ""
  }

  expect_failures = [var.settings_module]
}

run "no_settings_module_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    settings_module = null
  }

  expect_failures = [var.settings_module]
}

run "a_settings_module_without_a_package_is_accepted" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    settings_module = "_settings"
  }
}

run "a_name_with_a_hyphen_in_environment_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    environment = { DB-HOST = "db" }
  }

  expect_failures = [var.environment]
}

run "a_name_of_one_letter_in_environment_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    environment = { A = "1" }
  }

  expect_failures = [var.environment]
}

run "a_name_that_begins_with_an_underscore_in_environment_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    environment = { _HANDLER = "1" }
  }

  expect_failures = [var.environment]
}

run "a_settings_module_in_environment_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    environment = { DJANGO_SETTINGS_MODULE = "other.settings" }
  }

  expect_failures = [var.environment]
}

run "secrets_in_environment_are_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    environment = { ONESHOT_SECRETS = "{}" }
  }

  expect_failures = [var.environment]
}

run "queue_urls_in_environment_are_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    environment = { ONESHOT_QUEUE_URLS = "{}" }
  }

  expect_failures = [var.environment]
}

run "names_of_letters_digits_and_underscores_in_environment_are_accepted" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    environment = { DB_HOST_2 = "db", ab = "" }
  }
}

run "a_value_in_secrets_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    secrets = { SECRET_KEY = "hunter2" }
  }

  expect_failures = [var.secrets]
}

run "an_arn_of_something_else_in_secrets_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    secrets = { SECRET_KEY = "arn:aws:s3:::bucket/secret-key" }
  }

  expect_failures = [var.secrets]
}

run "a_parameter_without_its_account_in_secrets_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    secrets = { SECRET_KEY = "arn:aws:ssm:eu-west-1::parameter/site/secret-key" }
  }

  expect_failures = [var.secrets]
}

run "a_secret_with_four_parts_after_its_name_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    secrets = { PASSWORD = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:site-AbCdEf:password:::" }
  }

  expect_failures = [var.secrets]
}

run "arns_of_parameters_and_secrets_are_accepted" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    secrets = {
      SECRET_KEY = "arn:aws:ssm:eu-west-1:123456789012:parameter/site/secret-key"
      WHOLE      = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:site-AbCdEf"
      PASSWORD   = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:site-AbCdEf:password::"
      PREVIOUS   = "arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:site-AbCdEf:password:AWSPREVIOUS:"
    }
  }
}

run "a_variable_that_is_in_secrets_and_in_environment_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    secrets     = { DB_HOST = "arn:aws:ssm:eu-west-1:123456789012:parameter/host" }
    environment = { DB_HOST = "db" }
  }

  expect_failures = [var.secrets]
}

run "an_alias_of_a_key_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    secrets_kms_key_arns = ["arn:aws:kms:eu-west-1:123456789012:alias/site"]
  }

  expect_failures = [var.secrets_kms_key_arns]
}

run "a_key_is_accepted" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    secrets_kms_key_arns = ["arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"]
  }
}

run "the_name_of_a_policy_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    policy_arns = { s3 = "AmazonS3ReadOnlyAccess" }
  }

  expect_failures = [var.policy_arns]
}

run "the_arn_of_a_role_as_a_policy_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    policy_arns = { site = "arn:aws:iam::123456789012:role/site" }
  }

  expect_failures = [var.policy_arns]
}

run "policies_of_the_account_and_of_aws_are_accepted" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    policy_arns = { site = "arn:aws:iam::123456789012:policy/team/site", s3 = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess" }
  }
}

run "a_vpc_without_subnets_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    vpc = { subnet_ids = [], security_group_ids = ["sg-1"] }
  }

  expect_failures = [var.vpc]
}

run "a_vpc_without_security_groups_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    vpc = { subnet_ids = ["subnet-1"], security_group_ids = [] }
  }

  expect_failures = [var.vpc]
}

run "a_vpc_with_null_for_subnets_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    vpc = { subnet_ids = null, security_group_ids = ["sg-1"] }
  }

  expect_failures = [var.vpc]
}

run "a_vpc_with_one_of_each_is_accepted" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    vpc = { subnet_ids = ["subnet-1"], security_group_ids = ["sg-1"] }
  }
}

run "a_tag_of_aws_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    tags = { "AWS:site" = "1" }
  }

  expect_failures = [var.tags]
}

run "tags_of_ones_own_are_accepted" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    tags = { team = "web", aws = "yes" }
  }
}

run "the_region_of_lambda_in_the_environment_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    environment = { AWS_REGION = "eu-west-1" }
  }

  expect_failures = [var.environment]
}

run "what_lambda_tells_of_itself_in_the_environment_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    environment = { AWS_LAMBDA_FUNCTION_NAME = "x" }
  }

  expect_failures = [var.environment]
}

run "other_variables_of_aws_in_the_environment_are_accepted" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    environment = { AWS_S3_BUCKET = "media" }
  }
}

run "the_credentials_of_a_role_as_a_secret_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    secrets = { AWS_ACCESS_KEY_ID = "arn:aws:ssm:eu-west-1:123456789012:parameter/x" }
  }

  expect_failures = [var.secrets]
}

run "the_settings_module_as_a_secret_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    secrets = { DJANGO_SETTINGS_MODULE = "arn:aws:ssm:eu-west-1:123456789012:parameter/x" }
  }

  expect_failures = [var.secrets]
}

run "a_variable_of_the_module_as_a_secret_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    secrets = { ONESHOT_QUEUE_URLS = "arn:aws:ssm:eu-west-1:123456789012:parameter/x" }
  }

  expect_failures = [var.secrets]
}

run "a_name_with_a_hyphen_as_a_secret_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    secrets = { SECRET-KEY = "arn:aws:ssm:eu-west-1:123456789012:parameter/x" }
  }

  expect_failures = [var.secrets]
}

run "a_name_of_one_letter_as_a_secret_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    secrets = { A = "arn:aws:ssm:eu-west-1:123456789012:parameter/x" }
  }

  expect_failures = [var.secrets]
}

# permissions_boundary_arn

run "a_permissions_boundary_that_is_no_policy_is_refused" {
  command = plan
  module { source = "./tests/variables" }

  variables {
    permissions_boundary_arn = "arn:aws:iam::123456789012:role/x"
  }

  expect_failures = [var.permissions_boundary_arn]
}
