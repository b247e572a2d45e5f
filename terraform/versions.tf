terraform {
  required_version = ">= 1.9" # validations that look at more than one variable

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.76, < 7.0" # 5.75 refuses Python 3.13
    }
  }
}
