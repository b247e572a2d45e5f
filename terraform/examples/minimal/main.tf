# A tick each minute, for tasks that are rows of a database which can be reached from anywhere.
#
#   python manage.py build_lambda --output dist/lambda.zip
#   terraform init
#   terraform apply -var zip_path=dist/lambda.zip -var settings_module=mysite.settings \
#     -var secret_key=arn:aws:ssm:eu-west-1:123456789012:parameter/newsletter/secret-key \
#     -var database_url=arn:aws:ssm:eu-west-1:123456789012:parameter/newsletter/database-url

terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.76, < 7.0"
    }
  }
}

variable "zip_path" {
  description = "What build_lambda has made."
  type        = string
}

variable "settings_module" {
  description = "DJANGO_SETTINGS_MODULE."
  type        = string
}

variable "secret_key" {
  description = "The ARN of the parameter, or the secret, that becomes the variable SECRET_KEY."
  type        = string
}

variable "database_url" {
  description = "The same, of DATABASE_URL."
  type        = string
}

module "oneshot" {
  source = "../.."

  name            = "newsletter"
  zip_path        = var.zip_path
  settings_module = var.settings_module

  secrets = {
    SECRET_KEY   = var.secret_key
    DATABASE_URL = var.database_url
  }
}

output "function_names" {
  description = "To call a tick by hand: aws lambda invoke --function-name newsletter-tick --qualifier live /dev/stdout"
  value       = module.oneshot.function_names
}
