output "web_url" {
  description = "Where the site is."
  value       = module.oneshot.web_url
}

output "queue_urls" {
  description = "For whoever enqueues elsewhere."
  value       = module.oneshot.queue_urls
}

output "functions_security_group_id" {
  description = "What the database's security group has to let in."
  value       = aws_security_group.functions.id
}
