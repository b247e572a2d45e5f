output "function_names" {
  description = "The names of the functions, by `tick`, `queue` and `web`."
  value       = { for key, function in aws_lambda_function.this : key => function.function_name }
}

output "function_arns" {
  description = "The ARNs of the functions' `live` aliases: what is called."
  value       = { for key, alias in aws_lambda_alias.live : key => alias.arn }
}

output "role_names" {
  description = "The roles of the functions, for policies of your own."
  value       = { for key, role in aws_iam_role.function : key => role.name }
}

output "log_group_names" {
  description = "Where the functions log."
  value       = { for key, group in aws_cloudwatch_log_group.function : key => group.name }
}

output "environment" {
  description = "The environment of the functions, for `manage.py` elsewhere. (`ONESHOT_SECRETS` is read by functions only.)"
  value       = local.environment
}

output "queue_urls" {
  description = "The URLs of the queues, by name: for whoever enqueues elsewhere."
  value       = { for name, queue in aws_sqs_queue.tasks : name => queue.url }
}

output "queue_arns" {
  description = "Their ARNs, for the policies of whoever enqueues elsewhere (`sqs:SendMessage`)."
  value       = { for name, queue in aws_sqs_queue.tasks : name => queue.arn }
}

output "dead_letter_queue_urls" {
  description = "The URLs of the dead-letter queues, by the name of the queue; of failed ticks, by `tick`."
  value       = merge({ tick = aws_sqs_queue.tick_dead.url }, { for name, queue in aws_sqs_queue.dead : name => queue.url })
}

output "schedule_arn" {
  description = "The schedule of the ticks."
  value       = aws_scheduler_schedule.tick.arn
}

output "web_url" {
  description = "Where the site is; null without `enable_web`. Its host has to be in `ALLOWED_HOSTS`."
  value       = one(aws_lambda_function_url.web[*].function_url)
}
