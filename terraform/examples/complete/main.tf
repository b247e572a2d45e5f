# All of it: ticks, a queue, the site, in a VPC of their own, with alarms by mail.

terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.76, < 7.0"
    }
  }
}

module "oneshot" {
  source = "../.."

  name            = var.name
  zip_path        = var.zip_path
  settings_module = var.settings_module
  environment     = { ALLOWED_HOSTS = ".on.aws" }
  secrets         = var.secrets
  policy_arns     = { site = aws_iam_policy.site.arn }
  memory_size     = 1024
  timeout         = 120
  tags            = var.tags

  vpc = {
    subnet_ids         = aws_subnet.private[*].id
    security_group_ids = [aws_security_group.functions.id]
  }

  enable_queue        = true
  maximum_concurrency = 20 # connections that the database has for them

  enable_web = true

  alarm_actions = [aws_sns_topic.alarms.arn]
}

# What the site itself does: it keeps uploads in S3.
resource "aws_iam_policy" "site" {
  name = "${var.name}-site"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
      Resource = ["${var.media_bucket_arn}/*"]
    }]
  })
  tags = var.tags
}

resource "aws_sns_topic" "alarms" {
  name = "${var.name}-alarms"
  tags = var.tags
}

resource "aws_sns_topic_subscription" "alarms" {
  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = var.alarm_email
}
