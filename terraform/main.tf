# The functions: the same bundle and the same environment, each with a handler of its own.

locals {
  # Not by image_uri itself: it may be known only after apply, when the image is pushed by the same plan.
  is_image = var.zip_path == null && var.s3_object == null

  functions = merge(
    {
      tick = { timeout = var.timeout, description = "Schedules and due tasks, by EventBridge Scheduler" }
    },
    var.enable_queue ? {
      queue = { timeout = var.timeout, description = "Tasks of SQS messages" }
    } : {},
    var.enable_web ? {
      web = { timeout = var.web_timeout, description = "The site" }
    } : {},
  )

  environment = merge(
    var.environment,
    { DJANGO_SETTINGS_MODULE = var.settings_module },
    length(var.secrets) > 0 ? { ONESHOT_SECRETS = jsonencode(var.secrets) } : {},
    var.enable_queue ? { ONESHOT_QUEUE_URLS = jsonencode({ for name, queue in aws_sqs_queue.tasks : name => queue.url }) } : {},
  )
}

resource "aws_lambda_function" "this" {
  for_each = local.functions

  function_name = "${var.name}-${each.key}"
  description   = each.value.description
  role          = aws_iam_role.function[each.key].arn

  package_type      = local.is_image ? "Image" : "Zip"
  filename          = var.zip_path
  source_code_hash  = var.zip_path == null ? null : filebase64sha256(var.zip_path)
  s3_bucket         = try(var.s3_object.bucket, null)
  s3_key            = try(var.s3_object.key, null)
  s3_object_version = try(var.s3_object.version, null)
  image_uri         = var.image_uri
  runtime           = local.is_image ? null : "python${var.python_version}"
  handler           = local.is_image ? null : "django_tasks_oneshot.handlers.${each.key}.handler"
  architectures     = [var.architecture]
  publish           = true

  memory_size                    = var.memory_size
  timeout                        = each.value.timeout
  reserved_concurrent_executions = lookup(var.reserved_concurrency, each.key, -1)

  dynamic "image_config" {
    for_each = local.is_image ? [1] : []

    content {
      command = ["django_tasks_oneshot.handlers.${each.key}.handler"]
    }
  }

  environment {
    variables = local.environment
  }

  dynamic "vpc_config" {
    for_each = var.vpc == null ? [] : [var.vpc]

    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }

  tracing_config {
    mode = var.enable_xray ? "Active" : "PassThrough"
  }

  tags = var.tags

  lifecycle {
    precondition {
      condition     = sum(concat([0], [for name, value in local.environment : length(name) + length(value)])) <= 4096
      error_message = "Lambda takes 4 KB of environment variables, with secrets and queues: make environment, secrets or queues fewer or shorter."
    }
  }

  # Lambda tries the role when it makes network interfaces, and would make the log group itself, without an end to it.
  depends_on = [aws_iam_role_policy.function, aws_cloudwatch_log_group.function]
}

# What calls a function calls its alias: a release of it is there at once, or not at all. Here and below by its id, and
# not by its name: that stays when a function is made anew, and then all that hangs on it has to be.
resource "aws_lambda_alias" "live" {
  for_each = local.functions

  name             = "live"
  description      = "What is called"
  function_name    = aws_lambda_function.this[each.key].id
  function_version = aws_lambda_function.this[each.key].version
}

resource "aws_cloudwatch_log_group" "function" {
  for_each = local.functions

  name              = "/aws/lambda/${var.name}-${each.key}" # where Lambda logs unless it is told otherwise
  retention_in_days = var.log_retention_days
  tags              = var.tags
}
