# A tick each minute, for tasks that are rows of a database.

terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

module "oneshot" {
  source = "../.."

  name            = "newsletter"
  zip_path        = var.zip_path
  settings_module = var.settings_module
  secrets         = var.secrets
}

variable "zip_path" {
  type    = string
  default = "../../../dist/lambda.zip"
}

variable "settings_module" {
  type    = string
  default = "mysite.settings"
}

variable "secrets" {
  type    = map(string)
  default = {}
}
