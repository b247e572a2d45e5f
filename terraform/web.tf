# The site at a URL of its own.

resource "aws_lambda_function_url" "web" {
  count = var.enable_web ? 1 : 0

  function_name      = aws_lambda_function.this["web"].id
  qualifier          = aws_lambda_alias.live["web"].name
  authorization_type = var.web_authorization
}

# An open URL takes two permissions, the second of them for calls by URL only. aws_lambda_permission has that condition
# from version 6.29 of the provider on; by CloudFormation it can be said with all of them. (The provider grants the
# first, and later versions both, when it creates a URL, and not when one is opened: so they are not left to it.)
# https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
resource "aws_cloudformation_stack" "web_permission" {
  count = var.enable_web && var.web_authorization == "NONE" ? 1 : 0

  name = "${var.name}-web-permission"
  template_body = jsonencode({
    Description = "Lets everybody call the URL of ${var.name}-web"
    Resources = {
      CallUrl = {
        Type = "AWS::Lambda::Permission"
        Properties = {
          Action              = "lambda:InvokeFunctionUrl"
          FunctionName        = aws_lambda_alias.live["web"].arn
          FunctionUrlAuthType = "NONE"
          Principal           = "*"
        }
      }
      CallFunctionByUrl = {
        Type = "AWS::Lambda::Permission"
        Properties = {
          Action                = "lambda:InvokeFunction"
          FunctionName          = aws_lambda_alias.live["web"].arn
          InvokedViaFunctionUrl = true
          Principal             = "*"
        }
      }
    }
  })
  tags = var.tags

  lifecycle {
    replace_triggered_by = [aws_lambda_alias.live["web"].arn] # permissions go with a function that is made anew
  }

  depends_on = [aws_lambda_function_url.web]
}
