variable "zip_path" {
  type = string
}

variable "settings_module" {
  type = string
}

variable "python_version" {
  type = string
}

variable "architecture" {
  type = string
}

variable "environment" {
  type = map(string)
}

variable "secrets" {
  type = map(string)
}

variable "vpc" {
  type = object({ subnet_ids = list(string), security_group_ids = list(string) })
}
