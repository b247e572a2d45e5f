variable "name" {
  description = "What the names of all resources begin with."
  type        = string
  default     = "newsletter-production"
}

variable "zip_path" {
  description = "What build_lambda has made."
  type        = string
}

variable "settings_module" {
  description = "DJANGO_SETTINGS_MODULE."
  type        = string
}

variable "secrets" {
  description = "Variables, and the ARNs of the parameters or secrets that hold their values: SECRET_KEY, DATABASE_URL."
  type        = map(string)
}

variable "media_bucket_arn" {
  description = "The bucket of S3 for uploads: arn:aws:s3:::BUCKET"
  type        = string
}

variable "alarm_email" {
  description = "Who is told of alarms."
  type        = string
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
}
