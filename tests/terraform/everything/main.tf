# All that the module can create, with values that are not its defaults.

terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

module "oneshot" {
  source = "../../../terraform"

  name            = "site"
  zip_path        = var.zip_path
  settings_module = var.settings_module
  python_version  = var.python_version
  architecture    = var.architecture

  environment          = var.environment
  secrets              = var.secrets
  secrets_kms_key_arns = ["arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"]
  policy_arns          = { site = aws_iam_policy.site.arn }
  vpc                  = var.vpc
  enable_xray          = true

  memory_size          = 1024
  timeout              = 90
  reserved_concurrency = { tick = 1 }
  log_retention_days   = 14
  tags                 = { site = "newsletter" }

  tick_rate   = 5
  tick_queues = ["default"]

  enable_queue        = true
  queues              = ["tasks", "mail"]
  batch_size          = 5
  maximum_concurrency = 20

  enable_web  = true
  web_timeout = 20

  alarm_actions     = [aws_sns_topic.alarms.arn]
  alarm_message_age = 600
}

# Made in the same plan as the module: neither ARN is known to it before.

resource "aws_iam_policy" "site" {
  name = "site"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "s3:GetObject", Resource = "arn:aws:s3:::site-media/*" }]
  })
}

resource "aws_sns_topic" "alarms" {
  name = "alarms"
}
