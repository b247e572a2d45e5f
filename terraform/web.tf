# The site at a URL of its own.

resource "aws_lambda_function_url" "web" {
  count = var.enable_web ? 1 : 0

  function_name      = aws_lambda_function.this["web"].function_name
  qualifier          = aws_lambda_alias.live["web"].name
  authorization_type = var.web_authorization # with NONE the provider grants lambda:InvokeFunctionUrl to all
}

# Since October 2025 an open URL also needs lambda:InvokeFunction, for calls by URL only. aws_lambda_permission has that
# condition from version 6.29 of the provider on; by CloudFormation it can be said with all of them.
# https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
resource "aws_cloudformation_stack" "web_permission" {
  count = var.enable_web && var.web_authorization == "NONE" ? 1 : 0

  name = "${var.name}-web-permission"
  template_body = jsonencode({
    Description = "Lets everybody call the URL of ${var.name}-web"
    Resources = {
      Permission = {
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

  depends_on = [aws_lambda_function_url.web]
}
