# A role for each function, and one for the scheduler, which may do what they do and no more.
#
# As JSON and not as aws_iam_policy_document: that is read anew, and its policy planned anew, with each release.

data "aws_partition" "current" {}
data "aws_caller_identity" "current" {}

locals {
  queue_arns      = [for queue in aws_sqs_queue.tasks : queue.arn]
  receive         = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"]
  parameter_arns  = distinct([for arn in values(var.secrets) : arn if split(":", arn)[2] == "ssm"])
  secret_arns     = distinct([for arn in values(var.secrets) : join(":", slice(split(":", arn), 0, 7)) if split(":", arn)[2] == "secretsmanager"])
  network_objects = "arn:${data.aws_partition.current.partition}:ec2:*:*:*/*" # a subnet may be of another account

  # Without resources a statement is left out.
  all_may = [
    { sid = "EnqueueTasks", actions = ["sqs:SendMessage"], resources = local.queue_arns },
    { sid = "ReadParameters", actions = ["ssm:GetParameters"], resources = local.parameter_arns },
    { sid = "ReadSecrets", actions = ["secretsmanager:GetSecretValue"], resources = local.secret_arns },
    { sid = "DecryptSecrets", actions = ["kms:Decrypt"], resources = var.secrets_kms_key_arns },
    # X-Ray has no resources, and what only describes in EC2 takes none.
    { sid = "Trace", actions = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], resources = var.enable_xray ? ["*"] : [] },
    { sid = "SeeNetwork", actions = ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"], resources = var.vpc == null ? [] : ["*"] },
    {
      sid     = "JoinNetwork"
      actions = ["ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"]
      # https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html: of all, and not of some
      resources = var.vpc == null ? [] : [local.network_objects]
    },
  ]
  one_may = {
    tick = [
      { sid = "ReportFailedTicks", actions = ["sqs:SendMessage"], resources = [aws_sqs_queue.tick_dead.arn] },
      { sid = "TakeTasks", actions = local.receive, resources = var.tick_takes_messages ? local.queue_arns : [] },
    ]
    queue = [
      { sid = "TakeTasks", actions = local.receive, resources = local.queue_arns },
    ]
    web = []
  }
}

resource "aws_iam_role" "function" {
  for_each = local.functions

  name                 = "${var.name}-${each.key}"
  permissions_boundary = var.permissions_boundary_arn
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy" "function" {
  for_each = local.functions

  name = "function"
  role = aws_iam_role.function[each.key].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      for may in concat(
        [{ sid = "Log", actions = ["logs:CreateLogStream", "logs:PutLogEvents"], resources = ["${aws_cloudwatch_log_group.function[each.key].arn}:*"] }],
        local.all_may,
        local.one_may[each.key],
      ) : { Sid = may.sid, Effect = "Allow", Action = may.actions, Resource = may.resources } if length(may.resources) > 0
    ]
  })
}

resource "aws_iam_role_policy_attachment" "function" {
  for_each = { for pair in setproduct(keys(local.functions), keys(var.policy_arns)) : join("-", pair) => pair }

  role       = aws_iam_role.function[each.value[0]].name
  policy_arn = var.policy_arns[each.value[1]]
}

resource "aws_iam_role" "scheduler" {
  name                 = "${var.name}-scheduler"
  permissions_boundary = var.permissions_boundary_arn
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "scheduler.amazonaws.com" }
      # https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
      Condition = {
        StringEquals = {
          "aws:SourceAccount" = data.aws_caller_identity.current.account_id
          "aws:SourceArn"     = aws_scheduler_schedule_group.this.arn
        }
      }
    }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy" "scheduler" {
  name = "scheduler"
  role = aws_iam_role.scheduler.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Sid = "CallTick", Effect = "Allow", Action = ["lambda:InvokeFunction"], Resource = [aws_lambda_alias.live["tick"].arn] },
      { Sid = "ReportTicksNotCalled", Effect = "Allow", Action = ["sqs:SendMessage"], Resource = [aws_sqs_queue.tick_dead.arn] },
    ]
  })
}
