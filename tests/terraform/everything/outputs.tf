output "oneshot" {
  value = module.oneshot
}
